"""``headctiqa readers-template``."""

from __future__ import annotations

from pathlib import Path

from HeadCTIQALib.writing import check_writable

from .terminal import show


def readers_template(cohorts: list[Path], output: Path, seed: int) -> int:
    """Write an empty table for readers; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.cohort.template.write_template`.
    """
    from HeadCTIQALib.cohort.template import check_new, write_template

    check_new(output)
    check_writable(output)
    order = write_template(cohorts, output, seed)
    show(
        f"{len(order)} scans in random order (seed {seed}), without scores of HeadCTIQA.\n"
        "Give every reader a copy: enter a name under reader, scores of 0-100 (higher is better) or of another scale, and nothing where a scan cannot be judged.\n\n"
        f"Table: {output}\n"
    )
    return 0
