"""Which verdicts a scoring model can give at all."""

from __future__ import annotations

from collections.abc import Iterator

from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD, score_text
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.scoring.scoring import score
from HeadCTIQALib.scoring.types import ScoringModel


def out_of_reach(model: ScoringModel) -> Iterator[str]:
    """Sentences about bands that ``model`` hardly gives: good where a scan without a defect has it not, poor where one with all defects has it not.

    Without any and with every defect means the best and the worst end of every quality curve of its profile.
    """
    best, worst = (
        score(
            {m.id: Measurement(m.id, end(model.profile.knots[m.id], key=_score)[0]) for m in IQMS}, model
        ).overall.score
        for end in (max, min)
    )
    if best is not None and best < BAND_GOOD:
        yield f"Even a scan without any defect has {score_text(best)} points by this model, so that it calls hardly any scan good (from {BAND_GOOD:g})."
    if worst is not None and worst >= BAND_ACCEPTABLE:
        yield f"Even a scan with every defect in full has {score_text(worst)} points by this model, so that it calls hardly any scan poor (below {BAND_ACCEPTABLE:g})."


def _score(knot: tuple[float, float]) -> float:
    return knot[1]
