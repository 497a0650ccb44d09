"""``headctiqa group``."""

from __future__ import annotations

import sys
from pathlib import Path

from HeadCTIQALib.department.group import write_group
from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.text import printable

from .terminal import show


def group(cohort: Path, output: Path) -> int:
    """Write the report of a cohort; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.department.group.write_group`.
    """
    progress = TextProgress()
    try:
        path, count, left_out = write_group(cohort, output, progress)
    finally:
        progress.clear()
    show(f"Report of {count} scans: {path}\n")
    for sentence in left_out:
        show(f"headctiqa: left out: {printable(sentence)}\n", sys.stderr)
    return 0
