"""Weights of the categories in the overall score, fitted to how readers themselves combine them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.hierarchy import CATEGORIES
from HeadCTIQALib.scoring.calibration import MIN_SCANS, CalibrationSet, Coefficient, Floats, folds
from HeadCTIQALib.scoring.fit_category import shrinkage
from HeadCTIQALib.scoring.linear import simplex_weights

GUIDELINE = np.array([c.weight for c in CATEGORIES])
_BOOTSTRAPS = 400
_FOLDS = 5


def solve_weights(data: CalibrationSet, rows: NDArray[np.bool_]) -> tuple[Floats, float]:
    """(6,) weights >= 0 with sum 1 from the readers' own scores of ``rows``, and their shrinkage (1: the guideline's)."""
    x, y = _complete(data, rows)
    if len(y) < MIN_SCANS:
        return GUIDELINE, 1.0
    left_out = np.empty(len(y))
    fold = folds(y, _FOLDS, 0)
    for f in range(_FOLDS):
        left_out[fold == f] = x[fold == f] @ simplex_weights(x[fold != f], y[fold != f])
    s = shrinkage(y, left_out, x @ GUIDELINE)
    return (1 - s) * simplex_weights(x, y) + s * GUIDELINE, s


def fitted_weights(data: CalibrationSet, seed: int, confidence: float = 0.95) -> tuple[Coefficient, ...]:
    """The weights before shrinkage with percentile bootstrap intervals over scans (Efron 1979); none where there was no fit."""
    x, y = _complete(data, np.ones(len(data.scans), bool))
    if len(y) < MIN_SCANS:
        return ()
    rng = np.random.default_rng(seed)
    drawn = np.array([simplex_weights(x[i], y[i]) for i in rng.integers(0, len(y), (_BOOTSTRAPS, len(y)))])
    low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
    return tuple(Coefficient(c.id, "score", float(w), float(a), float(b)) for c, w, a, b in zip(CATEGORIES, simplex_weights(x, y), low, high, strict=True))


def _complete(data: CalibrationSet, rows: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Category scores (n, 6) and overall scores (n,) of the scans that readers judged throughout."""
    scores = data.scores[rows & np.isfinite(data.scores).all(axis=1)]
    return scores[:, :-1], scores[:, -1]
