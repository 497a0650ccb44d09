"""A fitted scoring model in words and rows: what the section "Calibration" shows of it."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from HeadCTIQALib.hierarchy import CATEGORY_BY_ID, IQM_BY_ID


def account(result: Any) -> list[str]:
    """What speaks for and against a fit, in sentences: the errors of left-out scans first."""
    fit = result.fit
    lines = [
        fit.model.name,
        _("{n} scans fitted, {m} kept for testing.").format(n=len(result.calibration), m=len(result.test)),
    ]
    if fit.overall is not None:
        lines.append(_("Overall score: {words}").format(words=_errors(fit.overall)))
    for id_, category in fit.categories.items():
        cv = category.cross_validation
        words = (
            _("not fitted, keeps the guideline")
            if cv is None
            else _errors(cv) + (_("; keeps the guideline") if category.keeps_guideline else "")
        )
        lines.append(f"{CATEGORY_BY_ID[id_].title}: {words}")
    lines.append(fit.model.provenance["limit"])
    if fit.reasons_not_to_use:
        lines.append(_("Why not to use this model:"))
        lines += [f"- {reason}" for reason in fit.reasons_not_to_use]
    return [*lines, *result.notes]


def _errors(cv: Any) -> str:
    words = _("cross-validated error {rmse:.1f} points, guideline {guideline:.1f} (n = {n})")
    return str(words.format(rmse=cv.rmse, guideline=cv.guideline_rmse, n=cv.n))


def coefficient_rows(fit: Any) -> list[tuple[str, str, str, str]]:
    """Every number of the guideline beside that of the fitted model, as used, with its interval; then the overall score's."""
    from HeadCTIQALib.scoring import guideline_model

    guideline, rows = guideline_model(fit.model.profile), []
    for id_, category in fit.categories.items():
        old, new = (_numbers(model.categories[id_]) for model in (guideline, fit.model))
        intervals = {(c.term, c.feature): f"{c.low:.2f} .. {c.high:.2f}" for c in category.coefficients}
        for term, feature in dict.fromkeys((*new, *old)):
            title = (
                f"{IQM_BY_ID[term].title} ({feature})"
                if term in IQM_BY_ID
                else _("worst item")
                if term == id_
                else _("ideal scan")
            )
            key = (term, feature)
            rows.append(
                (
                    f"{CATEGORY_BY_ID[id_].title}: {title}",
                    _number(old.get(key)),
                    _number(new.get(key)),
                    intervals.get(key, "-"),
                )
            )
    weights = {w.term: f"{w.low:.2f} .. {w.high:.2f}" for w in fit.weights}
    rows.append(
        (
            _("Overall: intercept"),
            _number(guideline.intercept),
            _number(fit.model.intercept),
            weights.get("intercept", "-"),
        )
    )
    rows.append((_("Overall: limit above the worst category"), _number(guideline.limit), _number(fit.model.limit), "-"))
    for id_, weight in fit.model.weights.items():
        rows.append(
            (
                _("Weight: {title}").format(title=CATEGORY_BY_ID[id_].title),
                _number(guideline.weights[id_]),
                _number(weight),
                weights.get(id_, "-"),
            )
        )
    return rows


def _numbers(model: Any) -> dict[tuple[str, str], float]:
    """Score of an ideal scan and coefficients of a category by term and feature."""
    return {("intercept", ""): model.ideal} | {(t.iqm, t.feature): t.coefficient for t in model.terms}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def before_and_after(result: Any) -> tuple[Any, Any]:
    """Guideline and fitted model against the readers, on the scans kept for testing where there are enough, else on all."""
    from HeadCTIQALib.cohort.agreement_of_model import model_against_readers
    from HeadCTIQALib.scoring import guideline_model

    scans = result.test if len(result.test) >= 10 else (*result.calibration, *result.test)
    return tuple(
        model_against_readers(scans, result.readers, model)
        for model in (guideline_model(result.fit.model.profile), result.fit.model)
    )  # type: ignore[return-value]
