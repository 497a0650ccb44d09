"""Scores of 0-100 from measurements: items on quality curves, linear categories, a limited sum, every point explained.

``score(measurements, guideline_model())`` is the default; models fitted to readers are values of the same type.
"""

from .features import FEATURES, feature
from .guideline import guideline_model
from .items import Item, item, items
from .profile import DEFAULT, Profile
from .scoring import points_by_iqm, score
from .storage import load_model, save_model
from .types import CategoryModel, Contribution, Score, Scores, ScoringModel, Term, Verdict

__all__ = [
    "DEFAULT", "FEATURES", "CategoryModel", "Contribution", "Item", "Profile", "Score", "Scores", "ScoringModel", "Term", "Verdict", "feature",
    "guideline_model", "item", "items", "load_model", "points_by_iqm", "save_model", "score",
]  # fmt: skip
