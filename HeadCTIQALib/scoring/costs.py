"""What every item takes from the overall score by a model that was fitted to readers: what its verdict names.

Such a model need not follow the quality curves: an item that is good by its curve can take the most points.
"""

from __future__ import annotations

from collections.abc import Mapping

from HeadCTIQALib.scoring.features import OF_SCORES, WORST, feature
from HeadCTIQALib.scoring.items import Item
from HeadCTIQALib.scoring.types import Score, ScoringModel, Term

_ROUNDING = 1e-9


def items_of(term: Term, scored: tuple[str, ...], found: Mapping[str, Item]) -> list[Item]:
    """The items that a term of a category is of."""
    return [found[i] for i in scored] if term.feature == WORST else [found[term.iqm]]


def costs(found: Mapping[str, Item], categories: Mapping[str, Score], model: ScoringModel) -> dict[str, float]:
    """Points that each item takes from the overall score, the most first; items that could not be measured are not in it.

    The limit above the worst category counts for the item that is decisive in it, whatever is unknown in other categories.
    """
    scored = {c: s for c, s in categories.items() if model.profile.scored(c)}
    taken: dict[str, float] = {}
    for c in scored:
        for iqm, points in _in_category(c, found, model).items():
            taken[iqm] = taken.get(iqm, 0.0) + model.weights[c] * points
    most = min(100.0, model.intercept + sum(model.weights[c] * s.at_most for c, s in scored.items()))
    worst = min(scored, key=lambda c: scored[c].at_most)
    excess = 0.0 if model.limit is None else most - scored[worst].at_most - model.limit
    if excess > _ROUNDING and (iqm := decisive(worst, found, model)):
        taken[iqm] = taken.get(iqm, 0.0) + excess
    return dict(sorted(taken.items(), key=lambda pair: -pair[1]))


def decisive(category: str, found: Mapping[str, Item], model: ScoringModel) -> str:
    """The IQM whose item takes the most from a category, the worst of them where several take as much; empty where none was measured."""
    taken = _in_category(category, found, model)
    known = [i for i in model.profile.scored(category) if found[i].score is not None]
    return min(known, key=lambda i: (-round(taken.get(i, 0.0), 9), found[i].score), default="")


def _in_category(category: str, found: Mapping[str, Item], model: ScoringModel) -> dict[str, float]:
    """Points that each item takes from its category's score; of the worst item, of those that are known."""
    taken: dict[str, float] = {}
    for term in model.categories[category].terms:
        known = [i for i in items_of(term, model.profile.scored(category), found) if i.score is not None]
        if not known:
            continue
        value = feature(term.feature, known, model.profile.knots[known[0].iqm])[0]
        source = min(known, key=lambda i: i.score or 0.0).iqm
        taken[source] = taken.get(source, 0.0) - term.coefficient * (
            value - 100.0 if term.feature in OF_SCORES else value
        )
    return taken
