"""Slopes of least-squares lines with their intervals: calibration of a model, and differences on means."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .cases import MIN_CASES, TOO_FEW, Floats, constant, pairs
from .types import Estimate, without_value


def calibration_slope(predicted: ArrayLike, observed: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Slope of ``observed`` on ``predicted`` by least squares, with its t interval; 1 is ideal.

    Below 1 predictions are spread further than what they predict (a model that was fitted too closely), above 1 less far.
    A model fitted by least squares has 1 on its own cases, whatever its R2 (Cox, Biometrika 1958;45:562-565; Steyerberg,
    Clinical Prediction Models, 2019, ch. 15).

    Raises:
        InputError: missing values or unequal lengths.
    """
    name = "Calibration slope"
    x, y = pairs(predicted, observed)
    if len(x) >= MIN_CASES and constant(y) and not constant(x):
        return without_value(name, len(x), confidence, "The readers never vary, so there is nothing to predict.")
    return slope(x, y, name, "The predictions never vary, so there is no slope.", confidence)[0]


def slope(x: Floats, y: Floats, name: str, level: str, confidence: float) -> tuple[Estimate, float | None]:
    """Least-squares slope of (n,) y on x, and the p of its t-test against 0, None without residual spread.

    Args:
        level: the reason why there is none where x never varies.
    """
    n = len(x)
    if n < MIN_CASES:
        return without_value(name, n, confidence, TOO_FEW), None
    if constant(x):
        return without_value(name, n, confidence, level), None
    x, y = x - x.mean(), y - y.mean()
    found = float(x @ y / (x @ x))
    error = math.sqrt(float(np.sum((y - found * x) ** 2)) / (n - 2) / float(x @ x))
    half = float(special.stdtrit(n - 2, 0.5 + confidence / 2)) * error
    p = 2 * float(special.stdtr(n - 2, -abs(found / error))) if error > 0 else None
    return Estimate(name, found, found - half, found + half, n, confidence), p
