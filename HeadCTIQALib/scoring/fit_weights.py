"""The overall score fitted to how readers themselves combine the categories: an intercept, weights, and the limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.hierarchy import CATEGORIES
from HeadCTIQALib.scoring.calibration import MIN_SCANS, CalibrationSet, Coefficient, Floats, folds
from HeadCTIQALib.scoring.fit_category import hardly_vary, shrinkage
from HeadCTIQALib.scoring.linear import non_negative_weights

_BOOTSTRAPS = 400
_FOLDS = 5
_ROUNDS = 5  # of finding out which scans the limit decides


@dataclass(frozen=True)
class Overall:
    """overall = intercept + categories @ weights, at most ``limit`` above the worst category (None: no limit).

    ``shrinkage`` is 0 for the fit alone and 1 for the guideline's weights.
    """

    intercept: float
    weights: Floats
    shrinkage: float
    limit: float | None

    def predict(self, categories: Floats) -> Floats:
        """(...) scores of (..., 6) category scores."""
        return limited(self.intercept + categories @ self.weights, categories, self.limit)


def limited(linear: Floats, categories: Floats, limit: float | None) -> Floats:
    """``linear`` within 0..100 and at most ``limit`` above the worst of (..., 6) ``categories``."""
    within = np.clip(linear, 0, 100)
    return within if limit is None else np.minimum(within, categories.min(axis=-1) + limit)


def guideline_overall(data: CalibrationSet, limit: float | None) -> Overall:
    """The guideline's weights, those of the profile."""
    return Overall(0.0, np.array(list(data.profile.weights.values())), 1.0, limit)


def solve_overall(data: CalibrationSet, rows: NDArray[np.bool_], limit: float | None) -> Overall:
    """The fit to the readers' own scores of ``rows``, shrunk towards the guideline; the guideline's where they say nothing."""
    guideline = guideline_overall(data, limit)
    x, y = _complete(data, rows)
    if len(y) < MIN_SCANS or hardly_vary(y):
        return guideline
    left_out = np.empty(len(y))
    fold = folds(y, _FOLDS, 0)
    for f in range(_FOLDS):
        intercept, weights = _fit(x[fold != f], y[fold != f], limit)
        left_out[fold == f] = intercept + x[fold == f] @ weights
    free = _free(left_out, x, limit)
    kept = x @ guideline.weights
    shift = float((y - kept)[free].mean()) if free.any() else 0.0
    intercept, weights = _fit(x, y, limit)
    if not weights.any() or not free.any():
        return guideline
    s = shrinkage(y[free], left_out[free], kept[free] + shift)
    return Overall((1 - s) * intercept + s * shift, (1 - s) * weights + s * guideline.weights, s, limit)


def effective_weights(
    data: CalibrationSet, overall: Overall, seed: int, confidence: float = 0.95
) -> tuple[Coefficient, ...]:
    """Intercept and weights of ``overall`` with percentile bootstrap intervals over scans (Efron 1979); none where there was no fit.

    What shrinkage takes from the guideline stands still in every drawn sample.
    """
    x, y = _complete(data, np.ones(len(data.scans), bool))
    if len(y) < MIN_SCANS or overall.shrinkage == 1:
        return ()
    rng = np.random.default_rng(seed)
    whole = np.r_[_fit(x, y, overall.limit)]
    drawn = np.array([np.r_[_fit(x[i], y[i], overall.limit)] for i in rng.integers(0, len(y), (_BOOTSTRAPS, len(y)))])
    used = np.r_[overall.intercept, overall.weights]
    low, high = used + (1 - overall.shrinkage) * (
        np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0) - whole
    )
    low, high = np.minimum(low, used), np.maximum(high, used)
    terms = (("intercept", ""), *((c.id, "score") for c in CATEGORIES))
    return tuple(
        Coefficient(t, f, float(v), float(a), float(b)) for (t, f), v, a, b in zip(terms, used, low, high, strict=True)
    )


def _fit(x: Floats, y: Floats, limit: float | None) -> tuple[float, Floats]:
    """Intercept and weights by the scans that the limit does not decide."""
    intercept, weights = non_negative_weights(x, y)
    for _ in range(_ROUNDS if limit is not None else 0):
        free = _free(intercept + x @ weights, x, limit)
        if free.sum() < MIN_SCANS:
            break
        intercept, weights = non_negative_weights(x[free], y[free])
    return intercept, weights


def _free(linear: Floats, x: Floats, limit: float | None) -> NDArray[np.bool_]:
    """Scans of which the limit takes nothing."""
    return np.ones(len(x), bool) if limit is None else linear <= x.min(axis=1) + limit


def _complete(data: CalibrationSet, rows: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Category scores (n, 6) and overall scores (n,) of the scans that readers judged throughout."""
    scores = data.scores[rows & np.isfinite(data.scores).all(axis=1)]
    return scores[:, :-1], scores[:, -1]
