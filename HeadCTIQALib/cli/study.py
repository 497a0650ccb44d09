"""``headctiqa study``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.writing import check_writable

from .research import need_research
from .terminal import show


def study(
    output: Path, preset: str, processes: int | None, document: Path | None = None, matrix: int | None = None
) -> int:
    """Run or continue a study; returns 0.

    Raises:
        HeadCTIQAError: research is not installed; or see :func:`HeadCTIQALib.research.study.run_study`.
    """
    need_research("study")
    from HeadCTIQALib.research.study import PRESETS, run_study

    for path in (output / "study.json", *((document, document.with_suffix("") / "figure.svg") if document else ())):
        check_writable(path)
    design = PRESETS[preset] if matrix is None else replace(PRESETS[preset], matrix=matrix)
    with TextProgress() as progress:
        report = run_study(output, design, processes, progress, document=document)
    show(
        f"Study of simulated scans and readers: {report}\n"
        + (f"Page for the documentation: {document}\n" if document else "")
    )
    return 0
