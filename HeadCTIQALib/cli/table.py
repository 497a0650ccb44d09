"""``headctiqa table``."""

from __future__ import annotations

from pathlib import Path

from HeadCTIQALib.department.table import DICTIONARY, Format, write_table
from HeadCTIQALib.progress import TextProgress

from .terminal import show, show_left_out


def table(cohort: Path, form: Format) -> int:
    """Write the table of a cohort and its data dictionary; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.department.table.write_table`.
    """
    with TextProgress() as progress:
        path, count, left_out = write_table(cohort, form, progress)
    show(f"Table: {path} ({count} scans); columns explained in {DICTIONARY} beside it.\n")
    show_left_out(left_out)
    return 0
