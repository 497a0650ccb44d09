"""Weighted kappa: agreement on scales of few steps."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .cases import MIN_CASES, TOO_FEW, Floats, constant, table
from .types import Estimate, without_value


def weighted_kappa(ratings: ArrayLike, disagreement: ArrayLike | None = None, confidence: float = 0.95) -> Estimate:
    """Cohen's weighted kappa of two raters; of more, the mean over all pairs (Light, Psychol Bull 1971;76:365-377).

    1 - D_o / D_e with the mean disagreement D_o that is observed and D_e expected by chance (Cohen, Psychol Bull
    1968;70:213-220).  Disagreement is the square of the difference of the steps unless it is given; kappa then is an intraclass
    correlation but for terms in 1/n (Fleiss & Cohen, Educ Psychol Meas 1973;33:613-619).  Interval: kappa +- z times the large-sample
    standard error, for two raters that of Fleiss, Cohen & Everitt (Psychol Bull 1969;72:323-327), by the same expansion for the mean of
    pairs, whose cases are shared; at most 1.

    Args:
        ratings: (n, k) numbers of steps, whole numbers from 0, one row a case, one column a rater.
        disagreement: (steps, steps) weights, 0 where both say the same.

    Raises:
        InputError: missing values, or no table of at least two raters.
        ValueError: steps that are no whole numbers from 0.
    """
    name, a = "Weighted kappa", table(ratings)
    n = len(a)
    steps = a.astype(int)
    if n and ((a != steps).any() or a.min() < 0):
        raise ValueError("ratings must be whole numbers of steps from 0")
    if n < MIN_CASES:
        return without_value(name, n, confidence, TOO_FEW)
    size = int(steps.max()) + 1
    number = np.arange(size, dtype=float)
    weights: Floats = (number[:, None] - number) ** 2 if disagreement is None else np.asarray(disagreement, float)
    pairs = list(combinations(range(a.shape[1]), 2))
    if any(constant(a[:, i]) and constant(a[:, j]) and a[0, i] == a[0, j] for i, j in pairs):
        return without_value(
            name, n, confidence, "Two readers gave the same step to every case, so chance agreement is complete."
        )
    each = [_pair(steps[:, i], steps[:, j], weights) for i, j in pairs]
    value = float(np.mean([k for k, _ in each]))
    error = math.sqrt(float((np.mean([influence for _, influence in each], axis=0) ** 2).mean()) / n)
    half = float(special.ndtri(0.5 + confidence / 2)) * error
    return Estimate(name, value, value - half, min(1.0, value + half), n, confidence)


def _pair(x: NDArray[np.int64], y: NDArray[np.int64], weights: Floats) -> tuple[float, Floats]:
    """Kappa of two raters, and the influence of every case on it (n,): its mean is 0, its variance over n that of kappa."""
    size = len(weights)
    p, q = np.bincount(x, minlength=size) / len(x), np.bincount(y, minlength=size) / len(y)
    seen = weights[x, y]
    observed, expected = float(seen.mean()), float(p @ weights @ q)
    by_chance = (weights @ q)[x] + (p @ weights)[y]  # of each rater's step against the other's distribution
    influence = -(seen - observed) / expected + observed / expected**2 * (by_chance - 2 * expected)
    return 1 - observed / expected, influence
