"""Whether the probabilities of motion are what they say: of the slices with p near .7, do about 70 in 100 move?

A slice counts as moved from the first grade on (2 HU RMS by its definition); the mix of moved and still slices is that of the
cases evaluated, which is richer in motion than a hospital's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .accuracy import Figure
from .heldout.cases import CLEAN, MOTIONS
from .scanner_figures import GRADE1_HU, Row, Rows, figure

#: Bins of the probability.
EDGES = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)


def reliability_figures(rows: Sequence[Row], title: str) -> list[Figure]:
    """Brier score, expected calibration error, and the share that moved in every bin of the probability."""
    rows = [r for r in rows if "slices" in r and r["family"] in (CLEAN, *MOTIONS)]
    out = [
        figure(title, "motion probability", "Brier score", rows, outcomes, brier, None, "<=", "slices"),
        figure(title, "motion probability", "expected calibration error", rows, outcomes, calibration_error, None, "<=", "slices"),
    ]  # fmt: skip
    for low, high in pairwise(EDGES):

        def within(row: Row, a: float = low, b: float = high) -> Rows:
            x = outcomes(row)
            return x[in_bin(x[:, 1], a, b)]

        pooled = np.concatenate([within(r) for r in rows]) if rows else np.zeros((0, 2))
        if len(pooled):
            said = f"p {low:g} to {high:g}, mean {pooled[:, 1].mean():.2f}"
            out.append(figure(title, said, "share that moved", rows, within, _moved, None, ">=", "slices"))
    return [f for f in out if f.n]


def outcomes(row: Row) -> Rows:
    """(n, 2): whether each graded slice moved, and the probability that it was given."""
    s = row["slices"]
    return np.array(
        [(float(r >= GRADE1_HU), p) for r, p in zip(s["rms"], s["p"], strict=True) if p is not None], float
    ).reshape(-1, 2)


def in_bin(p: Rows, low: float, high: float) -> NDArray[np.bool_]:
    """Which probabilities lie in a bin; 1 in the last."""
    return (p >= low) & ((p < high) | (high == EDGES[-1]))


def brier(x: Rows) -> float:
    """Mean squared difference of the probability and what happened (Brier, Mon Weather Rev 1950;78:1)."""
    return float(((x[:, 1] - x[:, 0]) ** 2).mean())


def calibration_error(x: Rows) -> float:
    """Mean size of the difference between mean probability and share that moved, over the bins, weighted by their slices."""
    total = 0.0
    for low, high in pairwise(EDGES):
        b = x[in_bin(x[:, 1], low, high)]
        total += abs(float(b[:, 1].sum() - b[:, 0].sum())) if len(b) else 0.0
    return total / len(x)


def _moved(x: Rows) -> float:
    return float(x[:, 0].mean())
