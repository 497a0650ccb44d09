"""Item scores: every IQM's value on its quality curve, and what the score can be where the value is not known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from HeadCTIQALib.curve import Band, Knots, extremes, score_band
from HeadCTIQALib.curve import at as score_at
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.scoring.profile import Profile
from HeadCTIQALib.scoring.spread import Draws, Floats, Interval, drawn_values


@dataclass(frozen=True, slots=True)
class Item:
    """One item of one scan.

    Attributes:
        iqm: id of its IQM.
        score: 0-100, at most the measurement's ceiling; read at the bound where the measurement is one.  None: not assessable.
        band: of the score.
        judged: the value that the curve was read at.
        span: smallest and largest value that it can truly have; one value where it is known.
        at_least, at_most: what the score can be for those values.
        left_out: the profile shows it without scoring it.
        interval: of the score, 95 %; None where the error of the measurement is not known.
        values_drawn, scores_drawn: :mod:`.spread` of the value and of the score.
    """

    iqm: str
    score: float | None
    band: Band | None
    judged: float | None
    span: tuple[float, float]
    at_least: float
    at_most: float
    left_out: bool = False
    interval: Interval | None = None
    values_drawn: Draws = field(default_factory=lambda: Draws.between(-math.inf, math.inf), compare=False, repr=False)
    scores_drawn: Draws = field(default_factory=lambda: Draws.between(0.0, 100.0), compare=False, repr=False)


def item(iqm: str, measurement: Measurement | None, profile: Profile) -> Item:
    """The item of ``measurement`` (None: it was not measured)."""
    knots, left_out = profile.knots[iqm], iqm in profile.left_out
    ceiling = 100.0 if measurement is None else measurement.ceiling
    judged = None if measurement is None else profile.judged(measurement)
    low, high = (0.0, math.inf) if IQM_BY_ID[iqm].direction == "low" else (-math.inf, math.inf)
    if measurement is not None and judged is not None:
        low = low if measurement.bound == "at_most" else judged
        high = high if measurement.bound == "at_least" else judged
    least, most = (min(ceiling, s) for s in extremes(knots, min(low, high), high))
    score = None if judged is None else min(ceiling, score_at(knots, judged))
    band = None if score is None else score_band(score)
    values, scores = Draws.between(low, high), Draws.between(least, most)
    interval = None
    if measurement is not None and judged is not None and low == high:
        drawn = drawn_values(measurement, judged, profile.baseline_target_deg)
        values, scores = Draws.known(drawn), Draws.known(_scores(drawn, knots, ceiling))
        interval = None if measurement.quantiles is None else scores.interval(score)
    return Item(iqm, score, band, judged, (low, high), least, most, left_out, interval, values, scores)


def _scores(values: Floats, knots: Knots, ceiling: float) -> Floats:
    x, y = np.array(knots).T
    return np.minimum(np.interp(values, x, y), ceiling)


def items(measurements: Mapping[str, Measurement], profile: Profile) -> dict[str, Item]:
    """All ten items in the order of the hierarchy."""
    return {iqm: item(iqm, measurements.get(iqm), profile) for iqm in IQM_BY_ID}
