"""Intraclass correlation from the two-way analysis of variance (McGraw & Wong, Psychol Methods 1996;1:30-46)."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import special

from .cases import MIN_CASES, TOO_FEW, Floats, constant, table
from .types import Estimate, without_value


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Two-way analysis of variance without replication: n rows (cases), k columns (raters)."""

    n: int
    k: int
    rows: float
    columns: float
    error: float


def mean_squares(ratings: ArrayLike) -> MeanSquares:
    """Mean squares of an (n, k) table: rows (n - 1 df), columns (k - 1 df), error ((n - 1)(k - 1) df).

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
    )


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

    (MSR - MSE) / (MSR + (k - 1) MSE), interval from F = MSR/MSE (McGraw & Wong 1996).  Far above ICC(A,1) it shows that
    raters differ by an offset.
    """
    name = "ICC(C,1)"
    a = table(ratings)
    reason = _no_icc(a)
    if reason:
        return without_value(name, len(a), confidence, reason)
    m = mean_squares(a)
    if m.error <= 1e-24 * m.rows:
        return Estimate(name, 1.0, 1.0, 1.0, m.n, confidence)
    df, tail = (m.n - 1) * (m.k - 1), 0.5 + confidence / 2
    f = m.rows / m.error
    low, high = f / _f(tail, m.n - 1, df), f * _f(tail, df, m.n - 1)
    value, low, high = ((x - 1) / (x + m.k - 1) for x in (f, low, high))
    return Estimate(name, value, low, high, m.n, confidence)


def _agreement(ratings: ArrayLike, confidence: float, mean: bool) -> Estimate:
    a = table(ratings)
    name = f"ICC(A,{a.shape[1]})" if mean else "ICC(A,1)"
    reason = _no_icc(a)
    if reason:
        return without_value(name, len(a), confidence, reason)
    m = mean_squares(a)
    value = _of_ratio(m, m.rows)
    if m.error <= 1e-24 * m.rows and m.columns <= 1e-24 * m.rows:
        low, high = 1.0, 1.0  # perfect agreement: nothing is left that could vary
    else:
        v = _satterthwaite(m, value)
        tail = 0.5 + confidence / 2
        low, high = _of_ratio(m, m.rows / _f(tail, m.n - 1, v)), _of_ratio(m, m.rows * _f(tail, v, m.n - 1))
    if mean:
        value, low, high = (m.k * r / (1 + (m.k - 1) * r) for r in (value, low, high))
    return Estimate(name, value, low, high, m.n, confidence)


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
