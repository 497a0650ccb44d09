"""Features: the numbers that stand for an IQM, or for a whole category, in a linear scoring model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from HeadCTIQALib.curve import Knots, good_range
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.scoring.items import Item
from HeadCTIQALib.scoring.spread import Draws, Floats, worst

FOLDED, ITEM, WORST = "folded", "item", "worst"
FEATURES: tuple[str, ...] = (FOLDED, ITEM, WORST)
#: Features that are scores themselves, 100 for an ideal scan; the others are 0 or a number in a unit.
OF_SCORES = (ITEM, WORST)


def feature(name: str, found: Sequence[Item], knots: Knots) -> tuple[float, float, float]:
    """Feature ``name`` of the items it is of, and the least and the most that it can be where a value is not known.

    * "folded": the judged value on the scale of a regression (:meth:`HeadCTIQALib.hierarchy.IQM.folded`); one item.
    * "item": the item's score; one item.
    * "worst": the score of the worst of the items of a category.

    The first number is NaN where a value is not known.

    Raises:
        ValueError: unknown feature.
    """
    if name == FOLDED:
        one = found[0]
        m = IQM_BY_ID[one.iqm]
        best = (x for x in good_range(knots) if one.span[0] < x < one.span[1])
        at = [m.folded(x, knots) for x in (*one.span, *best)]
        return math.nan if one.judged is None else m.folded(one.judged, knots), min(at), max(at)
    if name in OF_SCORES:
        scores = [math.nan if i.score is None else i.score for i in found]
        known = math.nan if any(map(math.isnan, scores)) else min(scores)
        return known, min(i.at_least for i in found), min(i.at_most for i in found)
    raise ValueError(f"unknown feature {name!r}")


def feature_drawn(name: str, found: Sequence[Item], knots: Knots) -> Draws:
    """As :func:`feature`, for what the true values can be."""
    if name == FOLDED:
        one = found[0]
        if one.span[0] != one.span[1]:
            return Draws.between(*feature(name, found, knots)[1:])
        return Draws.known(_folded(one.iqm, one.values_drawn.low, knots))
    return worst([i.scores_drawn for i in found])


def _folded(iqm: str, values: Floats, knots: Knots) -> Floats:
    """:meth:`HeadCTIQALib.hierarchy.IQM.folded` of many values."""
    if IQM_BY_ID[iqm].direction == "margin":
        low, high = good_range(knots)
        return np.maximum(np.maximum(low - values, values - high), 0.0)
    return np.array([IQM_BY_ID[iqm].feature(float(v)) for v in values])
