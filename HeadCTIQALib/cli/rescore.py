"""``headctiqa rescore``."""

from __future__ import annotations

import sys
from pathlib import Path

from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.text import printable

from .terminal import show

_INPUT = 3


def rescore(assessments: Path, scoring: Path | None) -> int:
    """Score the assessments by the model in ``scoring``; returns 0, or 3 when a folder failed.

    Raises:
        HeadCTIQAError: there are no assessments, or the model cannot be used.
    """
    from HeadCTIQALib.cohort.rescore import rescore as run
    from HeadCTIQALib.scoring import guideline_model, load_model

    model = guideline_model() if scoring is None else load_model(scoring)
    progress = TextProgress()
    try:
        result = run(assessments, model, progress)
    finally:
        progress.clear()
    show(f"{model.name}: {len(result.changed)} assessments scored, {len(result.unchanged)} were scored by it already.\n")
    for sentence in result.failed:
        show(f"headctiqa: error: {printable(sentence)}\n", sys.stderr)
    return _INPUT if result.failed else 0
