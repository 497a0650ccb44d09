"""Measurements to scores by a linear model, every score explained as a sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from HeadCTIQALib.hierarchy import CATEGORIES, CATEGORY_BY_ID, IQM_BY_ID, iqms_of, score_band
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.scoring.features import feature
from HeadCTIQALib.scoring.types import CLIP, Contribution, Score, Scores, ScoringModel


def score(measurements: Mapping[str, Measurement], model: ScoringModel) -> Scores:
    """Score one scan.

    An IQM that is not assessable (or missing from ``measurements``) withholds its category and the overall score,
    with the reason; nothing is imputed.

    Args:
        measurements: IQM id to Measurement, from :func:`HeadCTIQALib.metrics.measure` or corrected.
        model: e.g. :func:`HeadCTIQALib.scoring.guideline_model`.
    """
    categories = {c.id: _category(c.id, measurements, model) for c in CATEGORIES}
    return Scores(categories, _overall(categories, model), model.id, model.name)


def _category(category: str, measurements: Mapping[str, Measurement], model: ScoringModel) -> Score:
    reasons = []
    for iqm in iqms_of(category):
        m = measurements.get(iqm.id)
        if m is None:
            reasons.append(f"{iqm.title} was not measured.")
        elif m.value is None:
            reasons.append(f"{iqm.title} is not assessable: {m.reason}")
    if reasons:
        return Score(category, None, None, withheld_reason=" ".join(reasons))
    linear = model.categories[category]
    parts = []
    for term in linear.terms:
        value = measurements[term.iqm].value
        assert value is not None  # withheld above
        x = feature(term.iqm, term.feature, value)
        parts.append(Contribution(term.iqm, term.coefficient * x, term.coefficient, term.feature, x))
    return _limited(category, linear.intercept, tuple(parts))


def _limited(id_: str, base: float, parts: tuple[Contribution, ...]) -> Score:
    """The score of ``parts``; where it leaves 0..100 a further contribution brings it back, so that the sum stays true."""
    total = base + sum(p.points for p in parts)
    limited = min(100.0, max(0.0, total))
    if abs(limited - total) > 1e-9:  # rounding alone is no contribution
        parts = (*parts, Contribution(id_, limited - total, 1.0, CLIP, limited - total))
    return Score(id_, limited, score_band(limited), parts, base)


def _overall(categories: Mapping[str, Score], model: ScoringModel) -> Score:
    withheld = [CATEGORY_BY_ID[c].title for c, s in categories.items() if s.score is None]
    if withheld:
        reason = f"No score for {_listed(withheld)}: " + " ".join(s.withheld_reason for s in categories.values() if s.score is None)
        return Score("overall", None, None, withheld_reason=reason)
    parts: list[Contribution] = []
    by_iqm: list[Contribution] = []
    base_by_iqm = 0.0
    for c, s in categories.items():
        weight = model.weights[c]
        assert s.score is not None
        parts.append(Contribution(c, weight * s.score, weight, "score", s.score))
        base_by_iqm += weight * s.base
        by_iqm += [replace(p, points=weight * p.points, coefficient=weight * p.coefficient) for p in s.contributions]
    overall = _limited("overall", 0.0, tuple(parts))
    by_iqm += [p for p in overall.contributions if p.feature == CLIP]
    return replace(overall, contributions_by_iqm=tuple(by_iqm), base_by_iqm=base_by_iqm)


def _listed(titles: list[str]) -> str:
    return titles[0] if len(titles) == 1 else ", ".join(titles[:-1]) + " and " + titles[-1]


def points_by_iqm(scores: Scores) -> dict[str, float]:
    """Points of the overall score by IQM id, several features of one IQM added up; empty when withheld."""
    points: dict[str, float] = {}
    for c in scores.overall_by_iqm:
        if c.source_id in IQM_BY_ID:
            points[c.source_id] = points.get(c.source_id, 0.0) + c.points
    return points
