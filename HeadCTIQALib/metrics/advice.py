"""What the technologist can do about an item, and which value would reach the next band: from the measurement itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD, Knots
from HeadCTIQALib.curve import at as score_at
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.metric import METRICS
from HeadCTIQALib.metrics.types import Measurement


@dataclass(frozen=True, slots=True)
class Advice:
    """``instruction`` for the technologist, "" where the item is good; ``counterfactual``: what would reach the next band, "" if none."""

    instruction: str = ""
    counterfactual: str = ""


def advice(measurement: Measurement, knots: Knots, judged: float | None = None, target_deg: float = 0.0) -> Advice:
    """What to do about the item of ``measurement``.

    Args:
        knots: the item's quality curve.
        judged: the value that the curve is read at; None for the measurement's own.
        target_deg: wanted angle of the orbitomeatal line to the slices.
    """
    m = measurement
    if m.value is None:
        return Advice()
    at = judged if judged is not None else m.value if m.judged is None else m.judged
    if min(score_at(knots, at), m.ceiling) >= BAND_GOOD:
        return Advice()
    return Advice(METRICS[m.iqm].instruct(m, target_deg), _counterfactual(m, knots, at))


def next_value(knots: Knots, value: float) -> tuple[float, float] | None:
    """The nearest value whose score reaches the next band, and the limit of that band; None where the score is good already."""
    score = score_at(knots, value)
    limit = BAND_ACCEPTABLE if score < BAND_ACCEPTABLE else BAND_GOOD
    if score >= BAND_GOOD:
        return None
    reaching = [x for x, y in knots if y >= limit]
    for (x0, y0), (x1, y1) in pairwise(knots):
        if (y0 - limit) * (y1 - limit) < 0:
            reaching.append(x0 + (x1 - x0) * (limit - y0) / (y1 - y0))
    return (min(reaching, key=lambda x: abs(x - value)), limit) if reaching else None


def _counterfactual(m: Measurement, knots: Knots, at: float) -> str:
    found = next_value(knots, at)
    if found is None:
        return ""
    value, limit = found
    iqm, metric = IQM_BY_ID[m.iqm], METRICS[m.iqm]
    if m.ceiling < limit:
        return f"With the whole head in the field of view it could be better than {m.ceiling:.0f} of 100."
    unit = "" if iqm.unit == "1" else f" {iqm.unit}"
    word = "good" if limit == BAND_GOOD else "acceptable"
    if metric.aimed:
        return f"{_plain(value)} deg from the wanted angle would be {word}."
    cost = ""
    if metric.of_noise and min(value, at) > 0:
        dose = ((at / value) if iqm.direction == "low" else (value / at)) ** 2
        thicker = (
            ", or thicker slices" if at == m.value else ""
        )  # what is judged in slices of 5 mm does not change with theirs
        cost = f": about {dose:.1f} times the dose{thicker}" if dose < 10 else ""
    return f"{iqm.title} {_plain(value)}{unit}{' in a slice of 5 mm' if cost and at != m.value else ''} would be {word}{cost}."


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"
