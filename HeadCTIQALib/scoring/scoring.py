"""Measurements to scores: items on their curves, categories by a linear model, the overall score with its limit, each a sum."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

from HeadCTIQALib.curve import score_band
from HeadCTIQALib.hierarchy import CATEGORIES, CATEGORY_BY_ID, IQM_BY_ID
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.scoring.costs import costs, decisive, items_of
from HeadCTIQALib.scoring.features import ITEM, OF_SCORES, WORST, feature, feature_drawn
from HeadCTIQALib.scoring.items import Item, items
from HeadCTIQALib.scoring.spread import blurred, limited, weighted, worst
from HeadCTIQALib.scoring.types import CLIP, LIMIT, Contribution, Score, Scores, ScoringModel
from HeadCTIQALib.scoring.verdict import verdict

SCORE = "score"
#: How the explanation calls what a score lacks to 100.
BELOW_100 = {WORST: "worst item below 100", ITEM: "item below 100", SCORE: "score below 100"}


def score(measurements: Mapping[str, Measurement], model: ScoringModel) -> Scores:
    """Score one scan.

    An IQM that is not assessable (or missing from ``measurements``) withholds the scores of its category and overall,
    with the reason; nothing is imputed.  What can be said whatever it is stands in the verdict.

    Args:
        measurements: IQM id to Measurement, from :func:`HeadCTIQALib.metrics.measure` or corrected.
        model: e.g. :func:`HeadCTIQALib.scoring.guideline_model`; it holds the profile.
    """
    found = items(measurements, model.profile)
    categories = {c.id: _category(c.id, found, measurements, model) for c in CATEGORIES}
    overall = _overall(categories, found, model)
    categories = {
        c: _with_interval(s, n, found, model.profile.scored(c), model) for n, (c, s) in enumerate(categories.items())
    }
    overall = _with_interval(
        overall, len(CATEGORIES), found, [i for c in CATEGORIES for i in model.profile.scored(c.id)], model
    )
    taken = None if model.kind == "guideline" else costs(found, categories, model)
    return Scores(
        found, categories, overall, verdict(overall, found, measurements, model.profile, taken), model.id, model.name
    )


def _category(
    category: str, found: Mapping[str, Item], measurements: Mapping[str, Measurement], model: ScoringModel
) -> Score:
    scored = model.profile.scored(category)
    if not scored:
        return Score(category, None, None, withheld_reason=f'The profile "{model.profile.name}" leaves out all of it.')
    linear = model.categories[category]
    least = most = linear.intercept
    parts, drawn = [], []
    for term in linear.terms:
        of = items_of(term, scored, found)
        drawn.append((term.coefficient, feature_drawn(term.feature, of, model.profile.knots[of[0].iqm])))
        x, low, high = feature(term.feature, of, model.profile.knots[of[0].iqm])
        ends = (_times(term.coefficient, low), _times(term.coefficient, high))
        least, most = least + min(ends), most + max(ends)
        source = min(of, key=lambda i: math.inf if i.score is None else i.score).iqm
        if term.feature in OF_SCORES:
            parts.append(_below(source, term.coefficient, x, term.feature))
        else:
            parts.append(Contribution(source, term.coefficient * x, term.coefficient, term.feature, x))
    reasons = [_why(IQM_BY_ID[i].title, measurements.get(i)) for i in scored if found[i].score is None]
    if reasons:
        return Score(
            category,
            None,
            None,
            withheld_reason=" ".join(reasons),
            at_least=_within(least),
            at_most=_within(most),
            drawn=weighted(drawn, linear.intercept),
        )
    return replace(
        _limited(category, linear.ideal, tuple(parts), _within(least), _within(most)),
        drawn=weighted(drawn, linear.intercept),
    )


def _with_interval(
    scored: Score, n: int, found: Mapping[str, Item], iqms: Collection[str], model: ScoringModel
) -> Score:
    """``scored``, the ``n``-th score, with its interval, where the error of any of ``iqms`` is known, or the model's own."""
    sd = model.prediction_sd.get(scored.id, 0.0)
    if not iqms or (sd == 0 and all(found[i].interval is None for i in iqms)):
        return scored
    return replace(scored, interval=blurred(scored.drawn, sd, n).interval(scored.score))


def _below(source: str, coefficient: float, value: float, name: str) -> Contribution:
    """What a score of ``value`` takes, as it is no ideal one."""
    return Contribution(source, coefficient * (value - 100.0), coefficient, BELOW_100[name], value - 100.0)


def _times(coefficient: float, value: float) -> float:
    return 0.0 if coefficient == 0 else coefficient * value


def _within(value: float) -> float:
    return min(100.0, max(0.0, value))


def _why(title: str, measurement: Measurement | None) -> str:
    return f"{title} was not measured." if measurement is None else f"{title} is not assessable: {measurement.reason}"


def _limited(id_: str, base: float, parts: tuple[Contribution, ...], least: float, most: float) -> Score:
    """The score of ``parts``; where it leaves 0..100 a further contribution brings it back, so that the sum stays true."""
    total = base + sum(p.points for p in parts)
    limited = _within(total)
    if abs(limited - total) > 1e-9:  # rounding alone is no contribution
        parts = (*parts, Contribution(id_, limited - total, 1.0, CLIP, limited - total))
    return Score(id_, limited, score_band(limited), parts, base, at_least=least, at_most=most)


def _overall(categories: Mapping[str, Score], found: Mapping[str, Item], model: ScoringModel) -> Score:
    scored = {c: s for c, s in categories.items() if model.profile.scored(c)}
    least = _bound({c: s.at_least for c, s in scored.items()}, model)
    most = _bound({c: s.at_most for c, s in scored.items()}, model)
    drawn = weighted(((model.weights[c], s.drawn) for c, s in scored.items()), model.intercept)
    if model.limit is not None:
        drawn = limited(drawn, worst([s.drawn for s in scored.values()]), model.limit)
    withheld = [CATEGORY_BY_ID[c].title for c, s in scored.items() if s.score is None]
    if withheld:
        reason = f"No score for {_listed(withheld)}: " + " ".join(
            s.withheld_reason for s in scored.values() if s.score is None
        )
        return Score("overall", None, None, withheld_reason=reason, at_least=least, at_most=most, drawn=drawn)
    known = {c: s.score for c, s in scored.items() if s.score is not None}
    base = model.intercept + 100.0 * sum(model.weights[c] for c in known)
    overall = _limited(
        "overall", base, tuple(_below(c, model.weights[c], s, SCORE) for c, s in known.items()), least, most
    )
    by_iqm = [
        replace(p, points=model.weights[c] * p.points, coefficient=model.weights[c] * p.coefficient)
        for c, s in scored.items() for p in s.contributions
    ]  # fmt: skip
    by_iqm += [p for p in overall.contributions if p.feature == CLIP]
    base_by_iqm = model.intercept + sum(model.weights[c] * s.base for c, s in scored.items())
    return _limit(
        replace(overall, contributions_by_iqm=tuple(by_iqm), base_by_iqm=base_by_iqm, drawn=drawn), known, found, model
    )


def _limit(overall: Score, known: Mapping[str, float], found: Mapping[str, Item], model: ScoringModel) -> Score:
    """``overall`` at most ``model.limit`` above the worst category; what that takes is a contribution that names the item that makes it so."""
    worst = min(known, key=lambda c: known[c])
    assert overall.score is not None
    excess = 0.0 if model.limit is None else overall.score - (known[worst] + model.limit)
    if excess <= 1e-9:
        return overall
    row = Contribution(decisive(worst, found, model), -excess, -1.0, LIMIT, excess)
    limited = overall.score - excess
    parts, by_iqm = (*overall.contributions, row), (*overall.contributions_by_iqm, row)
    return replace(overall, score=limited, band=score_band(limited), contributions=parts, contributions_by_iqm=by_iqm)


def _bound(categories: Mapping[str, float], model: ScoringModel) -> float:
    """The overall score of category scores, without its explanation."""
    total = _within(model.intercept + sum(model.weights[c] * s for c, s in categories.items()))
    return total if model.limit is None else min(total, min(categories.values()) + model.limit)


def _listed(titles: list[str]) -> str:
    return titles[0] if len(titles) == 1 else ", ".join(titles[:-1]) + " and " + titles[-1]


def points_by_iqm(scores: Scores) -> dict[str, float]:
    """Points of the overall score by IQM id, several features of one IQM added up, without the limit; empty when withheld."""
    points: dict[str, float] = {}
    for c in scores.overall_by_iqm:
        if c.source_id in IQM_BY_ID and c.feature != LIMIT:
            points[c.source_id] = points.get(c.source_id, 0.0) + c.points
    return points
