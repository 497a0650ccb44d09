"""Scores of 0-100 from measurements, by linear models whose every point is explained.

``score(measurements, guideline_model())`` is the default; models fitted to readers are values of the same type.
"""

from .features import feature
from .guideline import guideline_model
from .scoring import points_by_iqm, score
from .storage import load_model, save_model
from .types import FEATURES, CategoryModel, Contribution, Score, Scores, ScoringModel, Term

__all__ = [
    "FEATURES", "CategoryModel", "Contribution", "Score", "Scores", "ScoringModel", "Term", "feature", "guideline_model",
    "load_model", "points_by_iqm", "save_model", "score",
]  # fmt: skip
