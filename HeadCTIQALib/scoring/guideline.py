"""The guideline model: the default before any reader data, built from the hierarchy alone."""

from __future__ import annotations

from functools import cache

from HeadCTIQALib.hierarchy import CATEGORIES, iqms_of
from HeadCTIQALib.scoring.types import CategoryModel, ScoringModel, Term

LOSS = 60.0  # points that a category loses when all of its items are poor: poor ends below the 60 of "acceptable"


@cache
def guideline_model() -> ScoringModel:
    """Category = 100 - 60 * mean hinge of its IQMs; overall = the hierarchy's weights; so scores lie in 40..100."""
    categories = {}
    for category in CATEGORIES:
        iqms = iqms_of(category.id)
        categories[category.id] = CategoryModel(100.0, tuple(Term(m.id, "hinge", -LOSS / len(iqms)) for m in iqms))
    return ScoringModel(
        id="guideline-1",
        name="Guideline model (not fitted to readers)",
        kind="guideline",
        categories=categories,
        weights={c.id: c.weight for c in CATEGORIES},
        provenance={
            "origin": "Built from the ranges of the quality hierarchy; no reader scores were used.",
            "ranges": "A reconstruction from published criteria and inference; every range names its source.",
        },
    )
