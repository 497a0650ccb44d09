"""An empty table for readers: one row a scan, in an order that tells nothing, and no score of ours."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.hierarchy import CATEGORIES
from HeadCTIQALib.text import cell
from HeadCTIQALib.writing import write_text

from .reader_entry import list_scans, scan_key
from .scans import find_folders

HEAD = ("scan", "reader", "overall", *(c.id for c in CATEGORIES))


def write_template(cohorts: Sequence[Path], output: Path, seed: int = 0) -> tuple[str, ...]:
    """Write the table for all scans of ``cohorts``; returns their names in the order of the rows.

    Args:
        cohorts: folders of assessments, or of scans that nobody has assessed yet.
        seed: of the order.

    Raises:
        InputError: a folder without scans, or two scans of one name.
        OutputError: ``output`` exists, whatever it is, or cannot be written.
    """
    check_new(output)
    names = sorted(name for cohort in cohorts for name in _names(cohort))
    twice = next((a for a, b in pairwise(names) if a == b), None)
    if twice is not None:
        raise InputError(f"Two scans are called {twice}; rename one of them, as reader tables go by their names.")
    order = tuple(names[k] for k in np.random.default_rng(seed).permutation(len(names)))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows((cell(name), *[""] * (len(HEAD) - 1)) for name in order)
    check_new(output)
    write_text(output, text.getvalue(), "The table for readers")
    return order


def check_new(path: Path) -> None:
    """Refuse a path at which anything lies: scores that a reader entered cannot be made again.

    Raises:
        OutputError: see above.
    """
    if os.path.lexists(path):
        raise OutputError(f"{path} exists and may hold readers' scores, so it is not replaced; choose another file.")


def _names(cohort: Path) -> list[str]:
    if not cohort.is_dir():
        raise InputError(f"The folder {cohort} does not exist; give a folder of assessments or of scans.")
    try:
        return [folder.resolve().name for folder in find_folders(cohort)]
    except InputError:  # nothing assessed in it
        return sorted({scan_key(path, None) for path in list_scans(cohort)})
