"""Analytic steps from the coarse anatomy to findings at native resolution; numpy and scipy only."""

from .foreign import proposed_objects
from .midline import turned_to_midline
from .motion_grades import motion, ring_index
from .steps import slice_steps
from .streaks import dark_bands, streak
from .symmetry import SymmetryDetails, midsagittal_plane
from .tissue import outlined, tissue_map
from .vertex import vertex

__all__ = [
    "SymmetryDetails",
    "dark_bands",
    "midsagittal_plane",
    "motion",
    "outlined",
    "proposed_objects",
    "ring_index",
    "slice_steps",
    "streak",
    "tissue_map",
    "turned_to_midline",
    "vertex",
]
