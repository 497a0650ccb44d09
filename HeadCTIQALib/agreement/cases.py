"""The cases of a comparison: checked when used, incomplete ones left out only when asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from HeadCTIQALib.errors import InputError

Floats = NDArray[np.float64]

MIN_CASES = 3
TOO_FEW = "At least three cases are needed."


def pairs(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Two (n,) float arrays.

    Raises:
        InputError: they differ in length, are not one-dimensional, or hold missing or infinite values.
    """
    a, b = np.asarray(x, float), np.asarray(y, float)
    if a.ndim != 1 or a.shape != b.shape:
        raise InputError(
            f"Paired values must be two lists of equal length, not {a.shape} and {b.shape}; give one pair a case."
        )
    _finite(np.column_stack([a, b]) if len(a) else a)
    return a, b


def table(ratings: ArrayLike) -> Floats:
    """(n, k) float ratings of n cases (rows) by k raters.

    Raises:
        InputError: not such a table, fewer than two raters, or missing or infinite values.
    """
    a = np.asarray(ratings, float)
    if a.ndim != 2 or a.shape[1] < 2:
        raise InputError(
            f"Ratings must be a table of cases by at least two raters, not of shape {a.shape}; give one column a rater."
        )
    _finite(a)
    return a


def _finite(a: Floats) -> None:
    bad = int((~np.isfinite(a)).sum())
    if bad:
        raise InputError(f"{bad} of {a.size} values are missing or not finite; leave these cases out first.")


def complete_pairs(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats, int]:
    """The pairs in which both values are there (None and NaN are missing), and how many pairs were left out."""
    a, b = np.asarray(x, float), np.asarray(y, float)
    keep = np.isfinite(a) & np.isfinite(b)
    return a[keep], b[keep], int((~keep).sum())


def complete_rows(ratings: ArrayLike) -> tuple[Floats, int]:
    """The rows of an (n, k) table without missing values, and how many rows were left out."""
    a = np.asarray(ratings, float)
    keep = np.isfinite(a).all(axis=1)
    return a[keep], int((~keep).sum())


def constant(values: Floats) -> bool:
    """Whether values never vary (to rounding)."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))
