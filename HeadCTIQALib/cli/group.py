"""``headctiqa group``."""

from __future__ import annotations

from pathlib import Path

from HeadCTIQALib.department.group import write_group
from HeadCTIQALib.progress import TextProgress

from .terminal import show, show_left_out


def group(cohort: Path, output: Path) -> int:
    """Write the report of a cohort; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.department.group.write_group`.
    """
    with TextProgress() as progress:
        path, count, left_out = write_group(cohort, output, progress)
    show(f"Report of {count} scans: {path}\n")
    show_left_out(left_out)
    return 0
