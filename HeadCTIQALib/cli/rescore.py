"""``headctiqa rescore``."""

from __future__ import annotations

import sys
from pathlib import Path

from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.text import printable

from .terminal import show

_INPUT, _OUTPUT = 3, 4


def rescore(assessments: Path, scoring: Path | None, profile: str | None = None) -> int:
    """Score the assessments by the model in ``scoring`` and a profile; returns 0, 3 when one was refused, or 4 when one could not be written.

    Raises:
        HeadCTIQAError: there are no assessments, or model or profile cannot be used.
    """
    from HeadCTIQALib.cohort.rescore import rescore as run
    from HeadCTIQALib.scoring.choice import chosen_model

    model = chosen_model(scoring, profile)
    with TextProgress() as progress:
        result = run(assessments, model, progress)
    left_out = f", left out: {len(result.failed)}" if result.failed else ""
    show(
        f"Assessments scored: {len(result.changed)}, unchanged: {len(result.unchanged)}{left_out}. "
        f"Scoring model: {model.name}; profile: {model.profile.name}.\n"
    )
    for error in result.failed:
        show(f"headctiqa: error: {printable(str(error))}\n", sys.stderr)
    return 0 if not result.failed else _OUTPUT if any(isinstance(e, OutputError) for e in result.failed) else _INPUT
