"""Pearson's correlation with Fisher's interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .cases import MIN_CASES, TOO_FEW, constant, pairs
from .types import Estimate, without_value


def pearson(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Pearson's r; interval tanh(atanh r +- z / sqrt(n - 3)) (Fisher 1921).

    Args:
        x, y: (n,) values of the same cases.

    Raises:
        InputError: missing values or unequal lengths.
    """
    name = "Pearson r"
    a, b = pairs(x, y)
    n = len(a)
    if n < MIN_CASES:
        return without_value(name, n, confidence, TOO_FEW)
    if constant(a) or constant(b):
        return without_value(name, n, confidence, "One of the two never varies, so there is no correlation.")
    a, b = a - a.mean(), b - b.mean()
    r = float(np.clip(a @ b / math.sqrt((a @ a) * (b @ b)), -1, 1))
    if n == 3:
        return Estimate(name, r, None, None, n, confidence, "An interval needs at least four cases.")
    if abs(r) > 1 - 1e-15:
        return Estimate(name, r, r, r, n, confidence)
    z, half = math.atanh(r), float(special.ndtri(0.5 + confidence / 2)) / math.sqrt(n - 3)
    return Estimate(name, r, math.tanh(z - half), math.tanh(z + half), n, confidence)
