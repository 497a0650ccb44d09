"""How far scores can be from those of the true values: measurement errors carried through curves and model by drawing them.

Every IQM is drawn from the distribution of its true value (:attr:`HeadCTIQALib.metrics.Measurement.quantiles`), independently
of the others, :data:`DRAWS` times; every draw is scored like a measurement.  The draws are stratified and the same in every
process, so that a scan has one interval.  A bound, or an IQM that is not assessable, can in every draw be all that it may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.metrics.types import LEVELS, Measurement

Floats = NDArray[np.float64]
Interval = tuple[float, float]

DRAWS = 1020  # 2.5 % of them end in the middle of one draw, so that the ends of the 95 % interval are draws themselves
_FIRST, _LAST = 25, 994  # the draws of the levels 2.5 % and 97.5 %
_LARGEST = 1e12  # stands for what is infinite: no sum or product makes NaN of it


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """(DRAWS,) lowest and highest number that something can be in every draw; the same one where it is known."""

    low: Floats
    high: Floats

    @classmethod
    def known(cls, values: Floats) -> Draws:
        """Of ``values`` (DRAWS,) that are known."""
        return cls(values, values)

    @classmethod
    def between(cls, low: float, high: float) -> Draws:
        """In every draw anything from ``low`` to ``high``, which may be infinite."""
        return cls(np.full(DRAWS, max(low, -_LARGEST)), np.full(DRAWS, min(high, _LARGEST)))

    def interval(self, holds: float | None = None) -> Interval:
        """95 % of the draws lie between; widened to hold ``holds``."""
        low, high = float(np.partition(self.low, _FIRST)[_FIRST]), float(np.partition(self.high, _LAST)[_LAST])
        return (low, high) if holds is None else (min(low, holds), max(high, holds))


@cache
def _levels() -> Floats:
    """(10, DRAWS) levels of the distributions of true values: one in each of DRAWS equal parts of 0..1, for every IQM in an order of its own."""
    rng = np.random.default_rng(0)
    grid = (np.arange(DRAWS) + 0.5) / DRAWS
    return np.array([rng.permutation(grid) for _ in IQMS])


def drawn_values(measurement: Measurement, judged: float, target_deg: float = 0.0) -> Floats:
    """(DRAWS,) what the curve would be read at for what the true value can be; ``judged`` where its error is not known.

    Args:
        judged: what the curve is read at for the measured value.  Errors go with its ratio to the value: noise and contrast of
            a thicker slice.
        target_deg: the wanted angle of the baseline, from which the distance is judged.
    """
    iqm, value = IQM_BY_ID[measurement.iqm], measurement.value
    if measurement.quantiles is None or value is None:
        return np.full(DRAWS, judged)
    true = np.interp(_levels()[IQMS.index(iqm)], LEVELS, measurement.quantiles)
    if judged == measurement.judged and value != 0:
        return np.asarray(true * (judged / value))
    theta = measurement.details.get("orbitomeatal_angle_deg")
    if METRICS[iqm.id].aimed and theta is not None:
        return np.asarray(np.abs(np.copysign(1.0, theta) * true - target_deg))
    moved = judged + true - value
    low, high = 0.0 if iqm.direction == "low" else -np.inf, 100.0 if iqm.unit == "%" else np.inf
    return np.asarray(np.clip(moved, low, high))


@cache
def _deviates() -> Floats:
    """(7, DRAWS) standard normal deviates, one in each of DRAWS equal parts of the distribution, for every score in an order of its own."""
    rng = np.random.default_rng(1)
    grid = special.ndtri((np.arange(DRAWS) + 0.5) / DRAWS)
    return np.array([rng.permutation(grid) for _ in range(len(CATEGORIES) + 1)])


def blurred(one: Draws, sd: float, score: int) -> Draws:
    """The scores of readers about ``one``, whose model predicts them to ``sd``; ``score`` counts the categories, then the overall score."""
    if sd == 0:
        return one
    away = sd * _deviates()[score]
    return Draws(np.clip(one.low + away, 0.0, 100.0), np.clip(one.high + away, 0.0, 100.0))


def weighted(parts: Iterable[tuple[float, Draws]], intercept: float) -> Draws:
    """``intercept`` plus the sum of coefficient times part, kept within 0 to 100."""
    low = np.full(DRAWS, float(intercept))
    high = low
    for coefficient, part in parts:
        if coefficient != 0:
            ends = coefficient * part.low, coefficient * part.high
            low, high = low + np.minimum(*ends), high + np.maximum(*ends)
    return Draws(np.clip(low, 0.0, 100.0), np.clip(high, 0.0, 100.0))


def worst(parts: Sequence[Draws]) -> Draws:
    """The lowest of several scores in every draw."""
    return Draws(np.min([p.low for p in parts], axis=0), np.min([p.high for p in parts], axis=0))


def limited(one: Draws, other: Draws, points: float) -> Draws:
    """``one``, in no draw more than ``points`` above ``other``."""
    return Draws(np.minimum(one.low, other.low + points), np.minimum(one.high, other.high + points))
