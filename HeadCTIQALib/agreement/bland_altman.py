"""Bland-Altman limits of agreement, their intervals both ways, and the slope of the differences."""

from __future__ import annotations

import math
from dataclasses import replace

from numpy.typing import ArrayLike
from scipy import special, stats

from .cases import pairs
from .paired import mean_difference
from .regression import slope
from .types import BlandAltman, Estimate, without_value

Z = 1.96  # as published; limits at d +- 1.96 s


def bland_altman(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> BlandAltman:
    """Bias and limits of agreement of x - y, and the slope of the differences on the means.

    Limits d +- 1.96 s.  Approximate interval of a limit: +- t s sqrt(1/n + 1.96^2 / (2 (n - 1))) (Bland & Altman, Stat
    Methods Med Res 1999;8:135-160).  Exact: d + t'(p) s / sqrt n with t' the noncentral t of n - 1 degrees of freedom and
    noncentrality +-1.96 sqrt n (Carkeet, Optom Vis Sci 2015;92:e71-80).  Slope: least squares of x - y on (x + y)/2.
    It has the sign of var(x) - var(y), so for x fitted to y by least squares it is negative whenever R2 < 1; alone it is no
    proportional bias: see :func:`.regression.calibration_slope`.

    Raises:
        InputError: missing values or unequal lengths.
    """
    a, b = pairs(x, y)
    d, n = a - b, len(a)
    bias, error = mean_difference(d, confidence)
    bias = replace(bias, name="Bias")
    trend, trend_p = slope((a + b) / 2, d, "Slope", "The means never vary, so there is no slope.", confidence)
    names = ("Lower limit", "Upper limit")
    if error is None or bias.value is None:
        lower, upper = (
            without_value(x, n, confidence, bias.reason) if bias.value is None else replace(bias, name=x) for x in names
        )
        return BlandAltman(bias, None if bias.value is None else 0.0, lower, upper, lower, upper, trend, trend_p)
    sd = error * math.sqrt(n)
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * sd * math.sqrt(1 / n + Z**2 / (2 * (n - 1)))
    low, high = bias.value - Z * sd, bias.value + Z * sd
    # The lower limit's quantiles mirror the upper limit's.
    near, far = (_noncentral_t(p, n) for p in (0.5 - confidence / 2, 0.5 + confidence / 2))
    return BlandAltman(
        bias,
        sd,
        Estimate(names[0], low, low - half, low + half, n, confidence),
        Estimate(names[1], high, high - half, high + half, n, confidence),
        Estimate(names[0], low, bias.value - far * error, bias.value - near * error, n, confidence),
        Estimate(names[1], high, bias.value + near * error, bias.value + far * error, n, confidence),
        trend,
        trend_p,
    )


def _noncentral_t(probability: float, n: int) -> float:
    return float(stats.nct.ppf(probability, n - 1, Z * math.sqrt(n)))
