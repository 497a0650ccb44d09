"""Intraclass correlation from the analysis of variance (McGraw & Wong, Psychol Methods 1996;1:30-46).

With MSR, MSC, MSE and MSW for the mean squares of rows, columns, error and within rows, and Shrout & Fleiss' names (1979):
ICC(1) is their ICC(1,1), ICC(1,k) theirs too, ICC(A,1) their ICC(2,1) and ICC(C,1) their ICC(3,1).
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import special

from .cases import MIN_CASES, TOO_FEW, Floats, constant, table
from .types import Estimate, without_value

_AGAINST = "The ratings agree too little, or are too few, to say how well their mean agrees."
_SAME_MEANS = "The cases have the same mean rating, so an interval cannot be given."


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Analysis of variance without replication: n rows (cases), k columns (raters); ``within`` rows is the one-way error."""

    n: int
    k: int
    rows: float
    columns: float
    error: float
    within: float


def mean_squares(ratings: ArrayLike) -> MeanSquares:
    """Mean squares of an (n, k) table: rows (n - 1 df), columns (k - 1 df), error ((n - 1)(k - 1) df), within (n (k - 1) df).

    Raises:
        InputError: missing values, or no table of at least two raters.
    """
    a = table(ratings)
    n, k = a.shape
    rows, columns, mean = a.mean(axis=1), a.mean(axis=0), a.mean()
    residual = a - rows[:, None] - columns[None] + mean
    return MeanSquares(
        n=n,
        k=k,
        rows=float(k * ((rows - mean) ** 2).sum() / (n - 1)),
        columns=float(n * ((columns - mean) ** 2).sum() / (k - 1)),
        error=float((residual**2).sum() / ((n - 1) * (k - 1))),
        within=float(((a - rows[:, None]) ** 2).sum() / (n * (k - 1))),
    )


def icc_one_way(ratings: ArrayLike, confidence: float = 0.95) -> Estimate:
    """ICC(1): one-way random effects, a single rating; for raters who differ from case to case.

    (MSR - MSW) / (MSR + (k - 1) MSW), interval from F = MSR/MSW on n - 1 and n (k - 1) df (McGraw & Wong 1996).

    Raises:
        InputError: missing values, or no table of at least two raters.
    """
    return _of_f(ratings, confidence, "ICC(1)", one_way=True, mean=False)


def icc_one_way_mean(ratings: ArrayLike, confidence: float = 0.95) -> Estimate:
    """ICC(1,k): as :func:`icc_one_way`, for the mean of the k ratings: (MSR - MSW) / MSR."""
    return _of_f(ratings, confidence, "ICC(1,{k})", one_way=True, mean=True)


def icc_agreement(ratings: ArrayLike, confidence: float = 0.95) -> Estimate:
    """ICC(A,1): two-way random effects, absolute agreement, a single rater.

    (MSR - MSE) / (MSR + (k - 1) MSE + k/n (MSC - MSE)); interval of McGraw & Wong 1996, table 7, by Satterthwaite's
    degrees of freedom.

    Args:
        ratings: (n, k), one row a case, one column a rater; for two methods ``numpy.column_stack([x, y])``.

    Raises:
        InputError: missing values, or no table of at least two raters.
    """
    return _agreement(ratings, confidence, mean=False)


def icc_agreement_mean(ratings: ArrayLike, confidence: float = 0.95) -> Estimate:
    """ICC(A,k): as :func:`icc_agreement`, for the mean of the k raters.

    (MSR - MSE) / (MSR + (MSC - MSE)/n); its limits are those of ICC(A,1) stepped up by Spearman-Brown, which is what
    table 7 of McGraw & Wong 1996 amounts to.
    """
    return _agreement(ratings, confidence, mean=True)


def icc_consistency(ratings: ArrayLike, confidence: float = 0.95) -> Estimate:
    """ICC(C,1): consistency of a single rater; offsets between raters do not count.

    (MSR - MSE) / (MSR + (k - 1) MSE), interval from F = MSR/MSE on n - 1 and (n - 1)(k - 1) df (McGraw & Wong 1996).
    Far above ICC(A,1) it shows that raters differ by an offset.
    """
    return _of_f(ratings, confidence, "ICC(C,1)", one_way=False, mean=False)


def icc_consistency_mean(ratings: ArrayLike, confidence: float = 0.95) -> Estimate:
    """ICC(C,k): as :func:`icc_consistency`, for the mean of the k raters: (MSR - MSE) / MSR, which is Cronbach's alpha."""
    return _of_f(ratings, confidence, "ICC(C,{k})", one_way=False, mean=True)


def _of_f(ratings: ArrayLike, confidence: float, name: str, one_way: bool, mean: bool) -> Estimate:
    """The four coefficients that depend on one F alone: (F - 1) / (F + k - 1), or (F - 1) / F for the mean of k."""
    a = table(ratings)
    n, k = a.shape
    name = name.format(k=k)
    reason = _no_icc(a)
    if reason:
        return without_value(name, n, confidence, reason)
    m = mean_squares(a)
    error, df = (m.within, n * (k - 1)) if one_way else (m.error, (n - 1) * (k - 1))
    if error <= 1e-24 * m.rows:
        return Estimate(name, 1.0, 1.0, 1.0, n, confidence)
    f, tail = m.rows / error, 0.5 + confidence / 2
    below = 0 if mean else k - 1
    if f <= 1e-12:  # F and its limits are 0: an interval without width would look like certainty
        if mean:
            return without_value(name, n, confidence, _SAME_MEANS)
        return Estimate(name, -1 / below, None, None, n, confidence, _SAME_MEANS)
    value, low, high = ((x - 1) / (x + below) for x in (f, f / _f(tail, n - 1, df), f * _f(tail, df, n - 1)))
    return Estimate(name, value, low, high, n, confidence)


def _agreement(ratings: ArrayLike, confidence: float, mean: bool) -> Estimate:
    a = table(ratings)
    name = f"ICC(A,{a.shape[1]})" if mean else "ICC(A,1)"
    reason = _no_icc(a)
    if reason:
        return without_value(name, len(a), confidence, reason)
    m = mean_squares(a)
    value = _of_ratio(m, m.rows)
    low: float | None
    high: float | None
    if m.error <= 1e-24 * m.rows and m.columns <= 1e-24 * m.rows:
        low, high = 1.0, 1.0  # perfect agreement: nothing is left that could vary
    elif m.rows <= 1e-12 * (m.error + m.columns):
        low = high = None
    else:
        v = _satterthwaite(m, value)
        tail = 0.5 + confidence / 2
        low, high = _of_ratio(m, m.rows / _f(tail, m.n - 1, v)), _of_ratio(m, m.rows * _f(tail, v, m.n - 1))
    if low is None or high is None:
        return (
            without_value(name, m.n, confidence, _SAME_MEANS)
            if mean
            else Estimate(name, value, None, None, m.n, confidence, _SAME_MEANS)
        )
    if not mean:
        return Estimate(name, value, max(-1.0, low), high, m.n, confidence)
    least = -1 / (m.k - 1)  # at which the step up has its pole: no mean of raters can be told below
    if value <= least:
        return without_value(name, m.n, confidence, _AGAINST)
    value, high = (m.k * r / (1 + (m.k - 1) * r) for r in (value, high))
    if low <= least:
        return Estimate(name, value, None, None, m.n, confidence, _AGAINST)
    return Estimate(name, value, m.k * low / (1 + (m.k - 1) * low), high, m.n, confidence)


def _of_ratio(m: MeanSquares, rows: float) -> float:
    """ICC(A,1) for a row mean square; both limits of the interval are this with MSR divided by, or multiplied with, F."""
    return (rows - m.error) / (rows + (m.k - 1) * m.error + m.k / m.n * (m.columns - m.error))


def _satterthwaite(m: MeanSquares, icc: float) -> float:
    """Degrees of freedom of a MSC + b MSE, with a and b of table 7 both multiplied by n (1 - icc)."""
    a = m.k * icc * m.columns
    b = (m.n * (1 - icc) + m.k * icc * (m.n - 1)) * m.error
    below = a**2 / (m.k - 1) + b**2 / ((m.n - 1) * (m.k - 1))
    return max(1.0, (a + b) ** 2 / below) if below > 0 else 1.0


def _f(probability: float, df1: float, df2: float) -> float:
    return float(special.fdtri(df1, df2, probability))


def _no_icc(a: Floats) -> str:
    if len(a) < MIN_CASES:
        return TOO_FEW
    if constant(a):
        return "All ratings are the same, so nothing can be told apart."
    if constant(a.mean(axis=1)) and constant(a - a.mean(axis=0)):
        return "No rater tells the cases apart."
    return ""
