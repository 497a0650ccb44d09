"""Scoring models fitted to readers: linear by category, shrunk towards the guideline, judged by cross-validation.

"paper": ordinary least squares on the folded IQMs.  "robust": non-negative least squares on the hinge features, in which
no defect ever raises a score.  Either is blended with the guideline model moved to the readers' mean, (1 - s) fit +
s (guideline + shift), by the s that minimises the error on left-out scans (stacking; Wolpert 1992, Breiman 1996).  A category whose cross-validated error is
no smaller than the guideline's keeps the guideline.  The overall score's weights are not negative and sum to one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import CATEGORIES, CATEGORY_BY_ID
from HeadCTIQALib.scoring.calibration import (
    MIN_SCANS,
    SCORES,
    CalibrationSet,
    CategoryFit,
    CrossValidation,
    Fit,
    Floats,
    Mode,
    folds,
)
from HeadCTIQALib.scoring.fit_category import Problem, category_problem, fit_category, predict, solve
from HeadCTIQALib.scoring.fit_weights import GUIDELINE, fitted_weights, solve_weights
from HeadCTIQALib.scoring.types import ScoringModel


def fit_model(
    data: CalibrationSet, mode: Mode = "paper", *, id: str, name: str, provenance: Mapping[str, str] | None = None,
    seed: int = 0, repeats: int = 10, fold_count: int = 5,
) -> Fit:  # fmt: skip
    """Fit a scoring model to ``data``.

    Args:
        id, name, provenance: of the model.
        seed, repeats, fold_count: of the repeated cross-validation and the bootstrap.

    Raises:
        InputError: no category has eight scans with all of its measurements and a reader score.
    """
    problems = {c.id: category_problem(c.id, data, mode) for c in CATEGORIES}
    most = max(int(p.usable.sum()) for p in problems.values())
    if most < MIN_SCANS:
        raise InputError(f"At most {most} scans have the measurements and a reader score of one category; a fit needs {MIN_SCANS} or more.")
    left_out = _cross_validate(data, problems, seed, repeats, fold_count)
    errors = {c: _error(left_out.categories[c], p.y, np.clip(p.guideline, 0, 100), fold_count) for c, p in problems.items()}
    fitted = {c: fit_category(p, data, errors[c]) for c, p in problems.items()}
    weights, shrunk, overall = _overall(data, problems, left_out, errors, fold_count)
    model = ScoringModel(
        id=id,
        name=name,
        kind="reader_least_squares" if mode == "paper" else "reader_non_negative",
        categories={c: model for c, (_, model) in fitted.items()},
        weights=dict(zip(CATEGORY_BY_ID, map(float, weights), strict=True)),
        provenance=provenance or {},
    )
    categories = {c: fit for c, (fit, _) in fitted.items()}
    return Fit(
        model=model,
        mode=mode,
        scans=data.scans,
        categories=categories,
        weights=fitted_weights(data, seed),
        weight_shrinkage=shrunk,
        overall=overall,
        reasons_not_to_use=tuple(_reasons(categories, overall, shrunk, len(data.scans))),
        seed=seed,
    )


@dataclass(frozen=True)
class _LeftOut:
    """Predictions of scans that took no part: by category (repeats, n), and the weights of their fold (repeats, n, 6)."""

    categories: dict[str, Floats]
    weights: Floats


def _cross_validate(data: CalibrationSet, problems: Mapping[str, Problem], seed: int, repeats: int, fold_count: int) -> _LeftOut:
    n = len(data.scans)
    result = _LeftOut({c: np.full((repeats, n), np.nan) for c in problems}, np.empty((repeats, n, len(problems))))
    for r in range(repeats):
        fold = folds(data.scores[:, -1], fold_count, seed + r)
        for f in range(fold_count):
            test = fold == f
            for c, problem in problems.items():
                result.categories[c][r, test] = predict(problem, solve(problem, ~test))[test]
            result.weights[r, test], _ = solve_weights(data, ~test)
    return result


def _error(predicted: Floats, y: Floats, guideline: Floats, fold_count: int) -> CrossValidation | None:
    """Errors of (repeats, n) predictions against the guideline's; None with too few scans."""
    keep: NDArray[np.bool_] = np.isfinite(y) & np.isfinite(guideline) & np.isfinite(predicted).all(axis=0)
    if keep.sum() < MIN_SCANS:
        return None
    own, other = predicted[:, keep] - y[keep], guideline[keep] - y[keep]
    return CrossValidation(
        n=int(keep.sum()),
        rmse=float(np.sqrt((own**2).mean())),
        mae=float(np.abs(own).mean()),
        guideline_rmse=float(np.sqrt((other**2).mean())),
        guideline_mae=float(np.abs(other).mean()),
        folds=fold_count,
        repeats=len(predicted),
    )


def _overall(
    data: CalibrationSet, problems: Mapping[str, Problem], left_out: _LeftOut, errors: Mapping[str, CrossValidation | None], fold_count: int
) -> tuple[Floats, float, CrossValidation | None]:
    """Weights, their shrinkage and the overall score's errors; the guideline's weights where fitted ones predict no better."""
    guidelines = {c: np.clip(p.guideline, 0, 100) for c, p in problems.items()}
    parts = []
    for c, predicted in left_out.categories.items():
        error = errors[c]
        parts.append(predicted if error is not None and error.better else np.broadcast_to(guidelines[c], predicted.shape))
    stack = np.stack(parts, axis=-1)  # (repeats, n, 6)
    y, guideline = data.scores[:, SCORES.index("overall")], np.stack(list(guidelines.values()), axis=-1) @ GUIDELINE
    fitted = _error((stack * left_out.weights).sum(axis=-1), y, guideline, fold_count)
    plain = _error(stack @ GUIDELINE, y, guideline, fold_count)
    if fitted is None or plain is None or plain.rmse <= fitted.rmse:
        return GUIDELINE, 1.0, plain
    return *solve_weights(data, np.ones(len(y), bool)), fitted


def _reasons(categories: Mapping[str, CategoryFit], overall: CrossValidation | None, shrunk: float, n: int) -> Iterator[str]:
    """What speaks against the fitted model, in plain words."""
    if all(f.keeps_guideline for f in categories.values()):
        yield "Use the guideline model instead: in no category does the fit predict left-out scans better."
    if overall is None:
        yield "There are too few overall scores of readers to judge the overall score; its weights are the guideline's."
    elif not overall.better:
        yield (
            f"For the overall score this model is no better than the guideline model: its typical error on left-out scans is {overall.rmse:.1f} "
            f"points, the guideline's {overall.guideline_rmse:.1f}."
        )
    if overall is not None and shrunk == 1:
        yield "The weights of the overall score are the guideline's: weights fitted to readers predict left-out scans no better."
    if n < 50:
        yield f"It rests on {n} scans; with fewer than about 50, another sample from the same site could give quite another model."
    for fit in categories.values():
        yield from fit.notes
        pulled = [i for i in fit.influential if "pulls" in i]
        if pulled:
            yield f"{CATEGORY_BY_ID[fit.category].title} depends on single scans: {'; '.join(pulled[:3])}."
