"""Mean absolute differences and errors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .cases import MIN_CASES, TOO_FEW, Floats, pairs
from .types import Estimate, without_value


def mean_absolute_difference(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> Estimate:
    """MAD = mean |x - y|, in the unit of the values; t interval of that mean, not below 0.

    The distribution of |x - y| is skewed, so with few cases the interval is approximate.

    Raises:
        InputError: missing values or unequal lengths.
    """
    a, b = pairs(x, y)
    return _mean("MAD", np.abs(a - b), confidence)


def mean_absolute_error(predicted: ArrayLike, reference: ArrayLike, confidence: float = 0.95) -> Estimate:
    """MAE = mean |predicted - reference|; as :func:`mean_absolute_difference`, where one of the two is the reference."""
    a, b = pairs(predicted, reference)
    return _mean("MAE", np.abs(a - b), confidence)


def mean_absolute_percentage_error(predicted: ArrayLike, reference: ArrayLike, confidence: float = 0.95) -> Estimate:
    """MAPE = 100 mean |predicted - reference| / |reference|, in percent; t interval of that mean, not below 0.

    It weighs errors on low references most, and does not exist when a reference is 0.
    """
    a, b = pairs(predicted, reference)
    if (b == 0).any():
        return without_value("MAPE", len(a), confidence, f"{int((b == 0).sum())} of {len(b)} reference values are 0.")
    return _mean("MAPE", 100 * np.abs((a - b) / b), confidence)


def _mean(name: str, values: Floats, confidence: float) -> Estimate:
    n = len(values)
    if n < MIN_CASES:
        return without_value(name, n, confidence, TOO_FEW)
    mean = float(values.mean())
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * float(values.std(ddof=1)) / math.sqrt(n)
    return Estimate(name, mean, max(0.0, mean - half), mean + half, n, confidence)
