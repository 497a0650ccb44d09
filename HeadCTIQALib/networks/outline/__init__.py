"""Analytic steps from the coarse anatomy to findings at native resolution; numpy and scipy only."""

from .air_ring import ring_index
from .foreign import proposed_objects
from .midline import turned_to_midline
from .steps import slice_steps
from .streaks import dark_bands, streak
from .symmetry import SymmetryDetails, midsagittal_plane
from .tissue import outlined, tissue_map
from .vertex import vertex

__all__ = [
    "SymmetryDetails",
    "dark_bands",
    "midsagittal_plane",
    "outlined",
    "proposed_objects",
    "ring_index",
    "slice_steps",
    "streak",
    "tissue_map",
    "turned_to_midline",
    "vertex",
]
