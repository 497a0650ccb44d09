"""``headctiqa table``."""

from __future__ import annotations

import sys
from pathlib import Path

from HeadCTIQALib.department.table import DICTIONARY, Format, write_table
from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.text import printable

from .terminal import show


def table(cohort: Path, form: Format) -> int:
    """Write the table of a cohort and its data dictionary; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.department.table.write_table`.
    """
    progress = TextProgress()
    try:
        path, count, left_out = write_table(cohort, form, progress)
    finally:
        progress.clear()
    show(f"Table: {path} ({count} scans); columns explained in {DICTIONARY} beside it.\n")
    for sentence in left_out:
        show(f"headctiqa: left out: {printable(sentence)}\n", sys.stderr)
    return 0
