"""The guideline model: the default before any reader data, built from the hierarchy alone."""

from __future__ import annotations

from HeadCTIQALib.hierarchy import CATEGORIES
from HeadCTIQALib.scoring.features import WORST
from HeadCTIQALib.scoring.profile import DEFAULT, Profile
from HeadCTIQALib.scoring.types import CategoryModel, ScoringModel, Term

GUIDELINE_ID = "guideline-2"


def worst_item(category: str) -> CategoryModel:
    """A category that is its worst item."""
    return CategoryModel(0.0, (Term(category, WORST, 1.0),))


def guideline_model(profile: Profile = DEFAULT) -> ScoringModel:
    """Category = its worst item; overall = weighted mean of the categories, at most 20 points above the worst of them."""
    return ScoringModel(
        id=GUIDELINE_ID,
        name="Guideline model (not fitted to readers)",
        kind="guideline",
        categories={c.id: worst_item(c.id) for c in CATEGORIES},
        weights=dict(profile.weights),
        profile=profile,
        provenance={
            "origin": "Built from the curves of the quality hierarchy; no reader scores were used.",
            "curves": "A reconstruction from published criteria and inference; every curve names its source.",
        },
    )
