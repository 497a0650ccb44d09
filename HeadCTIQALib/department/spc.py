"""Statistical process control: control charts as the textbooks have them, pure functions of numbers in their order.

Sources: Montgomery, Introduction to Statistical Quality Control, chapters 6 and 9; NIST/SEMATECH e-Handbook, 6.3.2;
Nelson, J Qual Technol 1984;16:237 (rules).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

D2, D4 = 1.128, 3.267  # of ranges of two: their mean in standard deviations, and three standard deviations above it
_CLIP = 3.0  # robust standard deviations beyond which a scan is no part of a baseline
_KEPT_SD = 0.985  # SD of a normal distribution that is cut off there
_TO_SD = 1.4826  # median absolute deviation to SD


@dataclass(frozen=True)
class Baseline:
    """Centre and SD of a process in control, and how many values they come from."""

    centre: float
    sigma: float
    count: int


@dataclass(frozen=True)
class Xmr:
    """Chart of individuals and moving ranges: centre, limits of the values, mean moving range, and its upper limit."""

    centre: float
    low: float
    high: float
    range_mean: float
    range_high: float


def robust_baseline(values: Sequence[float]) -> Baseline | None:
    """Mean and SD without values beyond three robust SDs; None where more than half are equal, so that there is no spread."""
    x = np.asarray(values, float)
    median = float(np.median(x))
    spread = _TO_SD * float(np.median(np.abs(x - median)))
    if not spread > 0:
        return None
    kept = x[np.abs(x - median) <= _CLIP * spread]
    return Baseline(float(kept.mean()), float(kept.std(ddof=1)) / _KEPT_SD, len(kept))


def xmr(values: Sequence[float]) -> Xmr:
    """The XmR chart of ``values`` (at least two): limits at three SDs, the SD from the mean moving range."""
    x = np.asarray(values, float)
    centre, span = float(x.mean()), float(np.abs(np.diff(x)).mean())
    return Xmr(centre, centre - 3 * span / D2, centre + 3 * span / D2, span, D4 * span)


def ewma(values: Sequence[float], centre: float, weight: float) -> Values:
    """The exponentially weighted moving average after every value, which starts at the centre."""
    out, z = np.empty(len(values)), centre
    for n, value in enumerate(values):
        z = weight * value + (1 - weight) * z
        out[n] = z
    return out


def ewma_sigma(sigma: float, weight: float, n: int, baseline: int | None = None) -> float:
    """SD of the EWMA after ``n`` values; with ``baseline`` values behind the centre its own error is added."""
    own = weight / (2 - weight) * (1 - (1 - weight) ** (2 * n))
    of_centre = 0.0 if baseline is None else (1 - (1 - weight) ** n) ** 2 / baseline
    return sigma * float(np.sqrt(own + of_centre))


def cusum(values: Sequence[float], centre: float, slack: float) -> tuple[Values, Values]:
    """Upper and lower tabular CUSUM after every value; ``slack`` (k) in the unit of the values."""
    high, low = np.empty(len(values)), np.empty(len(values))
    up = down = 0.0
    for n, value in enumerate(values):
        up, down = max(0.0, up + value - centre - slack), max(0.0, down + centre - slack - value)
        high[n], low[n] = up, down
    return high, low


def nelson(values: Sequence[float], centre: float, sigma: float) -> Iterator[tuple[int, int]]:
    """(index, rule) wherever a rule is first met: 1 beyond three SDs; 2 nine on one side; 3 six rising or falling; 4 fourteen alternating."""
    z = (np.asarray(values, float) - centre) / sigma
    step = np.sign(np.diff(z))
    turns = step[1:] * step[:-1]
    side = one_way = alternating = 0
    for n in range(len(z)):
        if abs(z[n]) > 3:
            yield n, 1
        side = side + 1 if n and z[n] * z[n - 1] > 0 else 1
        one_way = 1 if n < 1 or not step[n - 1] else one_way + 1 if n > 1 and turns[n - 2] > 0 else 2
        alternating = 1 if n < 1 or not step[n - 1] else alternating + 1 if n > 1 and turns[n - 2] < 0 else 2
        for rule, run, needed in ((2, side, 9), (3, one_way, 6), (4, alternating, 14)):
            if run == needed:
                yield n, rule
