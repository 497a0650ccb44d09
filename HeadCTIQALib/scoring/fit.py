"""Scoring models fitted to readers: linear by category, shrunk towards the guideline, judged by cross-validation.

"paper": ordinary least squares on the folded IQMs.  "robust": non-negative least squares on the item scores, in which
no defect ever raises a score.  Either is blended with the guideline model moved to the readers' mean, (1 - s) fit +
s (guideline + shift), by the s that minimises the error on left-out scans (stacking; Wolpert 1992, Breiman 1996).  A category whose cross-validated error is
no smaller than the guideline's keeps the guideline, and so does one whose readers do not vary.  The overall score has an
intercept and weights that are not negative; it stays at most 20 points above the worst category, unless the readers' own
overall scores of left-out scans are predicted clearly better without that limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import CATEGORIES, CATEGORY_BY_ID, LIMIT_POINTS
from HeadCTIQALib.scoring.calibration import (
    MIN_SCANS,
    SCORES,
    CalibrationSet,
    CategoryFit,
    CrossValidation,
    Fit,
    Floats,
    LimitTrial,
    Mode,
    folds,
)
from HeadCTIQALib.scoring.fit_category import Problem, category_problem, fit_category, predict, solve
from HeadCTIQALib.scoring.fit_weights import Overall, effective_weights, guideline_overall, limited, solve_overall
from HeadCTIQALib.scoring.reach import out_of_reach
from HeadCTIQALib.scoring.types import OVERALL, ScoringModel

_LIMITS = (LIMIT_POINTS, None)
_WORTH = 0.05  # of the error: what the limit says of a ruined scan is not given up for less
_A_TENTH = 0.05  # points: errors that are printed alike are alike


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
    if max(int(p.usable.sum()) for p in problems.values()) < MIN_SCANS:
        raise InputError(_too_few(problems))
    left_out = _cross_validate(data, problems, seed, repeats, fold_count)
    errors = {
        c: _error(left_out.categories[c], p.y, np.clip(p.guideline, 0, 100), fold_count) for c, p in problems.items()
    }
    fitted = {c: fit_category(p, data, errors[c]) for c, p in problems.items()}
    inside, free = _overall(data, problems, left_out, errors, fold_count)
    used, why = _choice(inside, free, data.scores[:, SCORES.index("overall")])
    model = ScoringModel(
        id=id,
        name=name,
        kind="reader_least_squares" if mode == "paper" else "reader_non_negative",
        categories={c: model for c, (_, model) in fitted.items()},
        weights=dict(data.profile.weights),
        profile=data.profile,
        provenance={**(provenance or {}), "limit": why},
    )
    sds = {c: e.used for c, e in errors.items() if e is not None}
    with_limit, without = (LimitTrial(t.overall.limit, _with(model, t, sds), t.errors) for t in (inside, free))
    chosen = with_limit if used is inside else without
    categories = {c: fit for c, (fit, _) in fitted.items()}
    return Fit(
        model=chosen.model,
        mode=mode,
        scans=data.scans,
        categories=categories,
        weights=effective_weights(data, used.overall, seed),
        weight_shrinkage=used.overall.shrinkage,
        overall=used.errors,
        limits=(with_limit, without),
        reasons_not_to_use=(
            *_reasons(categories, used.errors, used.overall.shrinkage, data),
            *out_of_reach(chosen.model),
        ),
        seed=seed,
    )


def _too_few(problems: Mapping[str, Problem]) -> str:
    """Why nothing can be fitted, by the category that comes nearest to it."""
    p = max(problems.values(), key=lambda p: int(p.usable.sum()))
    scored, usable = int(np.isfinite(p.y).sum()), int(p.usable.sum())
    return (
        f"A fit needs {MIN_SCANS} scans or more in which a category was measured and scored by readers; {CATEGORY_BY_ID[p.category].title} comes nearest: readers scored it "
        f"in {scored} of {len(p.y)} scans, and in {scored - usable} of these a measurement of it is missing. Add scans."
    )


@dataclass(frozen=True)
class _LeftOut:
    """Predictions of scans that took no part: by category (repeats, n), and by limit the fits of every repeat with their test scans."""

    categories: dict[str, Floats]
    overall: dict[float | None, list[list[tuple[NDArray[np.bool_], Overall]]]]


def _cross_validate(
    data: CalibrationSet, problems: Mapping[str, Problem], seed: int, repeats: int, fold_count: int
) -> _LeftOut:
    n = len(data.scans)
    result = _LeftOut(
        {c: np.full((repeats, n), np.nan) for c in problems}, {limit: [[] for _ in range(repeats)] for limit in _LIMITS}
    )
    for r in range(repeats):
        fold = folds(data.scores[:, -1], fold_count, seed + r)
        for f in range(fold_count):
            test = fold == f
            for c, problem in problems.items():
                result.categories[c][r, test] = predict(problem, solve(problem, ~test))[test]
            for limit in _LIMITS:
                result.overall[limit][r].append((test, solve_overall(data, ~test, limit)))
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


@dataclass(frozen=True)
class _Trial:
    """The better of fitted and guideline weights with one limit: the model, predictions of left-out scans (repeats, n), their errors."""

    overall: Overall
    predicted: Floats
    errors: CrossValidation | None


def _overall(
    data: CalibrationSet,
    problems: Mapping[str, Problem],
    left_out: _LeftOut,
    errors: Mapping[str, CrossValidation | None],
    fold_count: int,
) -> tuple[_Trial, _Trial]:
    """The overall score's model with the limit and without; the guideline's weights where fitted ones predict no better."""
    guidelines = {c: np.clip(p.guideline, 0, 100) for c, p in problems.items()}
    parts = []
    for c, predicted in left_out.categories.items():
        error = errors[c]
        parts.append(
            predicted if error is not None and error.better else np.broadcast_to(guidelines[c], predicted.shape)
        )
    stack, columns = np.stack(parts, axis=-1), np.stack(list(guidelines.values()), axis=-1)  # (repeats, n, 6), (n, 6)
    y, kept = data.scores[:, SCORES.index("overall")], guideline_overall(data, LIMIT_POINTS)
    guideline = kept.predict(columns)

    def trial(limit: float | None) -> _Trial:
        fitted = np.full(stack.shape[:2], np.nan)
        for r, fits in enumerate(left_out.overall[limit]):
            for test, one in fits:
                fitted[r, test] = one.predict(stack[r, test])
        plain = limited(stack @ kept.weights, stack, limit)
        own, other = _error(fitted, y, guideline, fold_count), _error(plain, y, guideline, fold_count)
        if own is None or other is None or other.rmse <= own.rmse:
            return _Trial(guideline_overall(data, limit), plain, other)
        return _Trial(solve_overall(data, np.ones(len(y), bool), limit), fitted, own)

    return trial(LIMIT_POINTS), trial(None)


def _choice(inside: _Trial, free: _Trial, y: Floats) -> tuple[_Trial, str]:
    """Whether the limit stays, by the readers' overall scores (n,), and a sentence about it."""
    kept = f"The overall score is at most {LIMIT_POINTS:g} points above the worst category"
    if inside.errors is None or free.errors is None:
        return inside, f"{kept}: too few overall scores of readers to judge that limit."
    errors = f"typical error on left-out scans {inside.errors.rmse:.1f} points with the limit, {free.errors.rmse:.1f} without"
    if free.errors.rmse <= (1 - _WORTH) * inside.errors.rmse and _clearly_better(free.predicted, inside.predicted, y):
        return (
            free,
            f"There is no limit above the worst category, as these readers are predicted clearly better without it ({errors}).",
        )
    better = (
        " as these readers are predicted no better without it"
        if free.errors.rmse > inside.errors.rmse - _A_TENTH
        else " as the gain without it is small or within its standard error"
    )
    return inside, f"{kept},{better} ({errors})."


def _with(model: ScoringModel, trial: _Trial, sds: Mapping[str, float]) -> ScoringModel:
    overall, known = trial.overall, {} if trial.errors is None else {OVERALL: trial.errors.rmse}
    weights = dict(zip(CATEGORY_BY_ID, map(float, overall.weights), strict=True))
    return replace(
        model, weights=weights, intercept=overall.intercept, limit=overall.limit, prediction_sd={**sds, **known}
    )


def _clearly_better(a: Floats, b: Floats, y: Floats) -> bool:
    """Whether (repeats, n) ``a`` predict ``y`` better than ``b`` by more than the standard error of the difference over scans."""
    gain = ((b - y) ** 2 - (a - y) ** 2).mean(axis=0)
    gain = gain[np.isfinite(gain)]
    return len(gain) > 1 and bool(gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)))


def _reasons(
    categories: Mapping[str, CategoryFit], overall: CrossValidation | None, shrunk: float, data: CalibrationSet
) -> Iterator[str]:
    """What speaks against the fitted model, in plain words."""
    n = len(data.scans)
    if all(f.keeps_guideline for f in categories.values()):
        yield "Use the guideline model instead: in no category does the fit predict left-out scans better."
    if overall is None:
        given = int(np.isfinite(data.scores[:, SCORES.index("overall")]).sum())
        why = (
            f"only {given} of {n} scans have one, and not all of these were measured throughout"
            if given
            else "the readers gave none"
        )
        yield f"There are too few overall scores of readers to judge the overall score ({why}); its weights are the guideline's."
    elif not overall.better:
        yield (
            f"For the overall score this model is no better than the guideline model: its typical error on left-out scans is {overall.rmse:.1f} "
            f"points, the guideline's {overall.guideline_rmse:.1f}."
        )
    if overall is not None and shrunk == 1:
        complete = int(np.isfinite(data.scores).all(axis=1).sum())
        why = (
            f"only {complete} scans have scores of all categories and overall"
            if complete < MIN_SCANS
            else "on these category scores, weights fitted to readers predict left-out scans no better"
        )
        yield f"The weights of the overall score are the guideline's: {why}."
    if n < 50:
        yield f"It rests on {n} scans; with fewer than about 50, another sample from the same site could give quite another model."
    for fit in categories.values():
        yield from fit.notes
        pulled = [i for i in fit.influential if "pulls" in i]
        if pulled:
            yield f"{CATEGORY_BY_ID[fit.category].title} depends on single scans: {'; '.join(pulled[:3])}."
