"""Vectors and points as every room writes them; patient coordinates are RAS mm unless a name says LPS."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Point = tuple[float, float, float]
#: Times a position or direction in LPS, as DICOM and ITK have it, gives RAS, and the other way round.
LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


def point(v: Vector | Sequence[float]) -> Point:
    """A vector as three plain numbers."""
    x, y, z = (float(c) for c in v)
    return x, y, z
