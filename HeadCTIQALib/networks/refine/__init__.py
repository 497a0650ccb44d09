"""Analytic steps from the coarse anatomy to findings at native resolution; numpy and scipy only."""

from .compose import METHODS, look_beforehand, refine
from .foreign import proposed_objects
from .motion_grades import motion, ring_index
from .steps import slice_steps
from .streaks import dark_bands, streak
from .symmetry import SymmetryDetails, midsagittal_plane
from .tissue import tissue_map
from .tops import vertex

__all__ = [
    "METHODS",
    "SymmetryDetails",
    "dark_bands",
    "look_beforehand",
    "midsagittal_plane",
    "motion",
    "proposed_objects",
    "refine",
    "ring_index",
    "slice_steps",
    "streak",
    "tissue_map",
    "vertex",
]
