"""Is there a difference, and is it small enough not to matter: paired t-test and equivalence test."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike
from scipy import special

from .cases import MIN_CASES, TOO_FEW, Floats, constant, pairs
from .types import Equivalence, Estimate, PairedTest, without_value


def paired_t(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> PairedTest:
    """Paired t-test of x - y: t = mean / (sd / sqrt n), n - 1 degrees of freedom, two-sided p, t interval (Student 1908).

    A large p is no evidence of agreement; see :func:`equivalence`.

    Raises:
        InputError: missing values or unequal lengths.
    """
    a, b = pairs(x, y)
    d = a - b
    difference, error = mean_difference(d, confidence)
    if error is None or difference.value is None:
        return PairedTest(difference, None, None, None)
    t, df = difference.value / error, len(d) - 1
    return PairedTest(difference, t, df, 2 * float(special.stdtr(df, -abs(t))))


def equivalence(x: ArrayLike, y: ArrayLike, margin: float, alpha: float = 0.05) -> Equivalence:
    """Two one-sided paired t-tests (Schuirmann 1987): is the mean of x - y within +- ``margin``?

    Args:
        margin: largest difference that does not matter, > 0, in the unit of the values; chosen before looking.

    Raises:
        InputError: missing values or unequal lengths.
        ValueError: a margin that is not positive.
    """
    if not margin > 0:
        raise ValueError(f"the margin {margin} is not positive")
    a, b = pairs(x, y)
    difference, error = mean_difference(a - b, 1 - 2 * alpha)
    if error is None or difference.value is None:
        return Equivalence(difference, margin, None, None, alpha)
    df = len(a) - 1
    below = float(special.stdtr(df, -(difference.value + margin) / error))
    above = float(special.stdtr(df, (difference.value - margin) / error))
    p = max(below, above)
    return Equivalence(difference, margin, p, p < alpha, alpha)


def mean_difference(d: Floats, confidence: float) -> tuple[Estimate, float | None]:
    """Mean of the (n,) differences with its t interval, and its standard error; None where there is no test."""
    name, n = "Mean difference", len(d)
    if n < MIN_CASES:
        return without_value(name, n, confidence, TOO_FEW), None
    mean = float(d.mean())
    if constant(d):
        return Estimate(
            name,
            mean,
            None,
            None,
            n,
            confidence,
            "All differences are the same, so there is no spread to test against.",
        ), None
    error = float(d.std(ddof=1)) / math.sqrt(n)
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * error
    return Estimate(name, mean, mean - half, mean + half, n, confidence), error
