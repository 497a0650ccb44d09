"""``headctiqa study``."""

from __future__ import annotations

from pathlib import Path

from HeadCTIQALib.progress import TextProgress

from .tree import show


def study(output: Path, preset: str, processes: int | None, document: Path | None = None) -> int:
    """Run or continue a study; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.study.run_study`.
    """
    from HeadCTIQALib.study import PRESETS, run_study

    progress = TextProgress()
    try:
        report = run_study(output, PRESETS[preset], processes, progress, document=document)
    finally:
        progress.clear()
    show(f"Study of simulated scans and readers: {report}\n" + (f"Page for the documentation: {document}\n" if document else ""))
    return 0
