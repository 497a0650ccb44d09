"""One category's score fitted to readers: the regression, its blend with the guideline, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.hierarchy import CATEGORY_BY_ID, IQM_BY_ID, IQMS
from HeadCTIQALib.scoring.calibration import (
    MIN_SCANS,
    SCORES,
    CalibrationSet,
    CategoryFit,
    Coefficient,
    CrossValidation,
    Floats,
    Mode,
)
from HeadCTIQALib.scoring.features import FOLDED, ITEM, OF_SCORES, WORST
from HeadCTIQALib.scoring.guideline import worst_item
from HeadCTIQALib.scoring.linear import Regression, identifiable, least_squares, non_negative
from HeadCTIQALib.scoring.types import CategoryModel, Term

_WORTH = 0.01  # a blend that lowers the squared error by less is not worth its second set of terms
_INFLUENTIAL = 0.5  # Cook's distance that the literature calls worth a look (Cook & Weisberg 1982)
_COLLINEAR = 5.0  # variance inflation factor
_VARIES = 2.0  # points, SD: scores that vary less are one score and the readers' rounding
_COLUMN = {m.id: n for n, m in enumerate(IQMS)}


@dataclass(frozen=True)
class Problem:
    """One category of n scans as numbers.

    Attributes:
        kind: feature that is fitted, "folded" or "item".
        iqms, x: the IQMs that vary and (n, p) their folded values, or what their items lack to 100; NaN where not assessable.
        constant, fixed: the IQMs that never vary, and what their items lack to 100 (n,), negative: it is taken off in full.
        guideline: (n,) prediction of the guideline model, the worst item.
        y: (n,) mean reader score.
        usable: (n,) scans with every value and a score.
        varied: whether the readers' scores vary, so that there is something to fit to.
    """

    category: str
    mode: Mode
    kind: str
    iqms: tuple[str, ...]
    constant: tuple[str, ...]
    x: Floats
    fixed: Floats
    guideline: Floats
    y: Floats
    usable: NDArray[np.bool_]
    varied: bool


@dataclass(frozen=True)
class Solution:
    """A regression and how far it is shrunk towards the guideline (0 not at all, 1 altogether).

    ``shift`` brings the guideline's mean to the readers', so that shrinking brings no bias of its own.
    """

    regression: Regression
    shrinkage: float
    shift: float


def category_problem(category: str, data: CalibrationSet, mode: Mode) -> Problem:
    """The numbers of one category."""
    ids = list(data.profile.scored(category))
    columns = [_COLUMN[i] for i in ids]
    kind = FOLDED if mode == "paper" else ITEM
    values, items = data.iqms[:, columns], data.item_scores[:, columns]
    y = data.scores[:, SCORES.index(category)]
    usable = np.isfinite(values).all(axis=1) & np.isfinite(y)
    x = _folded(ids, values, data) if kind == FOLDED else 100.0 - items
    varies = np.array([usable.any() and np.ptp(column[usable]) > 1e-9 for column in x.T], bool)
    return Problem(
        category=category,
        mode=mode,
        kind=kind,
        iqms=tuple(i for i, v in zip(ids, varies, strict=True) if v),
        constant=tuple(i for i, v in zip(ids, varies, strict=True) if not v),
        x=x[:, varies],
        fixed=(items[:, ~varies] - 100.0).sum(axis=1),
        guideline=items.min(axis=1) if ids else np.full(len(y), np.nan),
        y=y,
        usable=usable,
        varied=not hardly_vary(y[usable]),
    )


def hardly_vary(y: Floats) -> bool:
    """Whether scores are as good as one and the same."""
    return bool(len(y) == 0 or y.std() < _VARIES)


def _folded(ids: list[str], values: Floats, data: CalibrationSet) -> Floats:
    """(n, p) folded values, NaN where there is no value."""
    rows = [
        [IQM_BY_ID[i].folded(v, data.profile.knots[i]) if np.isfinite(v) else np.nan for i, v in zip(ids, row, strict=True)]
        for row in values.tolist()
    ]  # fmt: skip
    return np.array(rows, float).reshape(values.shape)


def solve(problem: Problem, rows: NDArray[np.bool_]) -> Solution | None:
    """The fit to ``rows`` that are usable; None where they do not determine it."""
    rows = rows & problem.usable
    if rows.sum() < MIN_SCANS or not problem.iqms or not problem.varied or not identifiable(problem.x[rows]):
        return None
    fixed, y = problem.fixed[rows], problem.y[rows]
    regression = (least_squares if problem.mode == "paper" else non_negative)(problem.x[rows], y - fixed)
    guideline = problem.guideline[rows]
    off = y - guideline
    shifted = guideline + (off.sum() - off) / (len(off) - 1)  # each scan without its own part in the mean
    return Solution(regression, shrinkage(y, regression.left_out + fixed, shifted), float(off.mean()))


def shrinkage(y: Floats, fitted: Floats, guideline: Floats) -> float:
    """The s in 0..1 that brings (1 - s) fitted + s guideline nearest to ``y``; all (n,), predictions of left-out cases.

    0 as soon as the fit alone comes within one per cent of that optimum and of the guideline, so that a model is a plain
    regression where it can be.
    """
    d = guideline - fitted
    s = float(np.clip((d @ (y - fitted)) / max(float(d @ d), 1e-12), 0, 1))
    alone, blended = float(((y - fitted) ** 2).sum()), float(((y - fitted - s * d) ** 2).sum())
    return 0.0 if s < _WORTH or alone <= (1 + _WORTH) * blended else s


def predict(problem: Problem, solution: Solution | None) -> Floats:
    """(n,) predicted scores, limited to 0..100 as scores are; the guideline's without a solution."""
    if solution is None:
        return np.clip(problem.guideline, 0, 100)
    own = solution.regression.intercept + problem.x @ solution.regression.coefficients + problem.fixed
    return np.clip((1 - solution.shrinkage) * own + solution.shrinkage * (problem.guideline + solution.shift), 0, 100)


def fit_category(
    problem: Problem, data: CalibrationSet, cv: CrossValidation | None
) -> tuple[CategoryFit, CategoryModel]:
    """The final fit to all usable scans and its linear model; the guideline's where the fit predicts no better."""
    category, n = problem.category, int(problem.usable.sum())
    title = CATEGORY_BY_ID[category].title
    guideline = worst_item(category)
    solution = solve(problem, problem.usable)
    if solution is None or cv is None:
        why = (
            f"only {n} scans have all of its measurements and a reader score" if n < MIN_SCANS
            else "the readers' scores of it are the same, or nearly so, in all scans" if not problem.varied
            else "its metrics are the same in all scans" if not problem.iqms
            else "its metrics rise and fall together, so their shares cannot be told apart"
        )  # fmt: skip
        return CategoryFit(category, n, notes=(f"{title} keeps the guideline: {why}.",)), guideline
    notes = list(_notes(problem, solution.regression, n))
    if not cv.better:
        solution = Solution(solution.regression, 1.0, 0.0)
        notes.insert(
            0,
            f"{title} keeps the guideline: the fit predicts left-out scans no better (typical error {cv.rmse:.1f} against {cv.guideline_rmse:.1f} points).",
        )
    r = solution.regression
    result = CategoryFit(
        category=category,
        n=n,
        coefficients=tuple(_effective(problem, solution)),
        shrinkage=solution.shrinkage,
        vif=dict(zip(problem.iqms, map(float, r.vif), strict=True)),
        influential=tuple(_influential(problem, r, data)),
        cross_validation=cv,
        r_squared=r.r_squared,
        residual_sd=r.residual_sd,
        notes=tuple(notes),
    )
    return result, guideline if solution.shrinkage == 1 and solution.shift == 0 else _model(result.coefficients)


def _effective(problem: Problem, solution: Solution) -> Iterator[Coefficient]:
    """(1 - s) fit + s (guideline + shift) as the numbers of one linear model; a feature that both use is one term."""
    s, r = solution.shrinkage, solution.regression
    base = s * (100.0 + solution.shift)
    yield Coefficient("intercept", "", *((1 - s) * float(v) + base for v in (r.intercept, r.low[0], r.high[0])))
    for i, b, low, high in zip(problem.iqms, r.coefficients, r.low[1:], r.high[1:], strict=True) if s < 1 else ():
        numbers = [(1 - s) * float(v) for v in (b, low, high)]
        if problem.kind == ITEM:  # fitted to what the item lacks, used on its score
            numbers = [-numbers[0], -numbers[2], -numbers[1]]
        yield Coefficient(i, problem.kind, *(v + 0.0 for v in numbers))
    for i in problem.constant if s < 1 else ():
        yield Coefficient(i, ITEM, 1 - s, 1 - s, 1 - s)
    if s > 0:
        yield Coefficient(problem.category, WORST, s, s, s)


def _model(coefficients: tuple[Coefficient, ...]) -> CategoryModel:
    """The linear model of these numbers, in which an ideal scan scores the intercept."""
    intercept, *rest = coefficients
    ideal = sum(100.0 * c.value for c in rest if c.feature in OF_SCORES)
    ordered = sorted(rest, key=lambda c: (_COLUMN.get(c.term, len(_COLUMN)), c.feature))
    return CategoryModel(intercept.value - ideal, tuple(Term(c.term, c.feature, c.value) for c in ordered))


def _notes(problem: Problem, r: Regression, n: int) -> Iterator[str]:
    title = CATEGORY_BY_ID[problem.category].title
    for i in problem.constant:
        yield f"{IQM_BY_ID[i].title} is the same in all scans, so nothing can be learnt about it; what its item lacks to 100 is taken off in full."
    for i, b, v in zip(problem.iqms, r.coefficients, r.vif, strict=True):
        m = IQM_BY_ID[i]
        expected = 1 if problem.kind == FOLDED and m.direction == "high" else -1
        if b * expected < 0:
            yield f"{m.title}: in this fit a worse value raises the score of {title}, which no reader would mean."
        if v > _COLLINEAR:
            yield f"{m.title} rises and falls with the other metrics of {title} (variance inflation {v:.1f}); their shares are uncertain."
    if n < 10 * (len(problem.iqms) + 1):
        yield f"{title} rests on {n} scans, fewer than ten for each of its {len(problem.iqms) + 1} numbers."


def _influential(problem: Problem, r: Regression, data: CalibrationSet) -> Iterator[str]:
    scans = np.array(data.scans, object)[problem.usable]
    limit = 3 * (len(problem.iqms) + 1) / len(scans)
    for k in np.argsort(-r.cook, kind="stable"):
        if r.cook[k] > _INFLUENTIAL:
            yield f"{scans[k]} pulls the fit (Cook's distance {'over 100' if r.cook[k] > 100 else f'{r.cook[k]:.2f}'}, leverage {r.leverage[k]:.2f})"
        elif r.cook[k] > 4 / len(scans) and r.leverage[k] > limit:
            yield f"{scans[k]} stands far out (leverage {r.leverage[k]:.2f}, Cook's distance {r.cook[k]:.2f})"
