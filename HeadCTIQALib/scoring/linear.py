"""Small linear regressions with what is needed to distrust them: intervals, leverage, influence, collinearity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Regression:
    """y = intercept + x @ coefficients, fitted to n cases and p features.

    Attributes:
        intercept, coefficients: the estimate, coefficients (p,).
        low, high: (p + 1,) limits of the intervals, the intercept's first.
        fitted, leverage, cook, left_out: (n,) fitted values, diagonal of the hat matrix, Cook's distances (1977), and
            predictions of every case by the fit to all others.
        vif: (p,) variance inflation factors; 1 where there is one feature.
        residual_sd: standard deviation of the residuals, on n - p - 1 degrees of freedom.
        r_squared: share of the variance of y that is explained.
    """

    intercept: float
    coefficients: Floats
    low: Floats
    high: Floats
    fitted: Floats
    leverage: Floats
    cook: Floats
    left_out: Floats
    vif: Floats
    residual_sd: float
    r_squared: float


def identifiable(x: Floats) -> bool:
    """Whether (n, p) features allow n >= p + 3 cases to determine every coefficient and the intercept."""
    n, p = x.shape
    if n < p + 3:
        return False
    spread = x.std(axis=0)
    return (
        bool((spread > 0).all()) and np.linalg.matrix_rank((x - x.mean(axis=0)) / spread, tol=1e-6 * math.sqrt(n)) == p
    )


def coefficient_intervals(x: Floats, y: Floats, confidence: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Ordinary least squares of every column of ``y`` on the same features, with exact t intervals.

    Args:
        x: (n, p) features, identifiable.
        y: (n, m) responses.

    Returns:
        Estimates, lower and upper limits, each (p + 1, m), the intercept first.  Exact where errors are independent,
        normal and of one size.
    """
    n, p = x.shape
    design = np.column_stack([np.ones(n), x])
    inverse = np.linalg.inv(design.T @ design)
    b = inverse @ (design.T @ y)
    sd = np.sqrt(((y - design @ b) ** 2).sum(axis=0) / (n - p - 1))
    half = special.stdtrit(n - p - 1, 0.5 + confidence / 2) * np.sqrt(np.diag(inverse))[:, None] * sd
    return b, b - half, b + half


def least_squares(x: Floats, y: Floats, confidence: float = 0.95) -> Regression:
    """Ordinary least squares of (n,) ``y`` on (n, p) ``x``; intervals as :func:`coefficient_intervals`."""
    b, low, high = (a[:, 0] for a in coefficient_intervals(x, y[:, None], confidence))
    return _diagnosed(x, y, b, low, high, np.ones(x.shape[1], bool))


def non_negative(x: Floats, y: Floats, confidence: float = 0.95) -> Regression:
    """Least squares in which no feature raises y: y = intercept - x @ b with b >= 0 (Lawson & Hanson 1974).

    Intervals are those of ordinary least squares cut to what the constraint allows, widened to hold the estimate: as the
    true coefficient meets the constraint too, they cover it at least as often.  Leverage, Cook's distance and left-out
    predictions take the set of features that stay above zero as given.
    """
    mean = x.mean(axis=0)
    b, _ = optimize.nnls(mean - x, y - y.mean())
    estimate = np.r_[y.mean() + mean @ b, -b]
    _, low, high = (a[:, 0] for a in coefficient_intervals(x, y[:, None], confidence))
    ceiling = np.r_[math.inf, np.zeros(len(b))]
    low, high = np.minimum(low, ceiling), np.minimum(high, ceiling)
    return _diagnosed(x, y, estimate, np.minimum(low, estimate), np.maximum(high, estimate), b > 0)


def non_negative_weights(x: Floats, y: Floats) -> tuple[float, Floats]:
    """Intercept and (p,) weights >= 0 that bring intercept + x @ weights nearest to ``y`` in least squares (Lawson & Hanson 1974)."""
    mean = x.mean(axis=0)
    weights, _ = optimize.nnls(x - mean, y - y.mean())
    return float(y.mean() - mean @ weights), weights


def _diagnosed(x: Floats, y: Floats, b: Floats, low: Floats, high: Floats, used: NDArray[np.bool_]) -> Regression:
    n, p = x.shape
    design = np.column_stack([np.ones(n), x[:, used]])
    leverage = np.minimum(((design @ np.linalg.inv(design.T @ design)) * design).sum(axis=1), 1 - 1e-9)
    fitted = b[0] + x @ b[1:]
    residual = y - fitted
    variance = float((residual**2).sum()) / (n - p - 1)
    cook = residual**2 * leverage / (design.shape[1] * variance * (1 - leverage) ** 2) if variance > 0 else np.zeros(n)
    total = float(((y - y.mean()) ** 2).sum())
    return Regression(
        intercept=float(b[0]),
        coefficients=b[1:],
        low=low,
        high=high,
        fitted=fitted,
        leverage=leverage,
        cook=cook,
        left_out=y - residual / (1 - leverage),
        vif=np.diag(np.linalg.inv(np.corrcoef(x, rowvar=False))) if p > 1 else np.ones(p),
        residual_sd=math.sqrt(variance),
        r_squared=1 - float((residual**2).sum()) / total if total > 0 else 0.0,
    )
