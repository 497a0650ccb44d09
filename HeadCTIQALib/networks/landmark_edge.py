"""Landmarks at the ends of a scan: a bone that is cut there looks like one that ends there.

The network was taught that a landmark beyond the scan is not there, so that it reads one that lies just beyond as if at the end.
What it reads near an end is therefore taken to lie further out, and a landmark that it does not see to lie beyond.
"""

from __future__ import annotations

import math

from HeadCTIQALib.volume import CTVolume

from .landmark_shape import Estimate
from .types import Vector

#: Up to this far inside an end of the scan, or beyond it, a reading is drawn towards the end; a voxel and a half of a patch.
EDGE_MM = 3.0
#: SD of each coordinate of such a reading, put right: 1.4 mm in 15 planning CTs cut at seven heights.
READ_MM = 1.5
#: A landmark beyond the end by less than this is mostly seen still.
UNSEEN_MM = 2.0
#: An estimate further inside the scan than so many SD was not seen for another reason.
WITHIN_SD = 2.0


def depth(volume: CTVolume, point: Vector) -> tuple[float, Vector]:
    """How far inside the nearer end of the scan a point lies along k (negative: beyond it), and the unit vector outwards there."""
    below, above = (
        float(point @ volume.k - volume.slice_positions[0]),
        float(volume.slice_positions[-1] - point @ volume.k),
    )
    return (below, -volume.k) if below <= above else (above, volume.k)


def put_right(read: Vector, inside_mm: float, outwards: Vector) -> Vector:
    """Where a landmark lies that is read within :data:`EDGE_MM` of an end: the further out, the more it was drawn in."""
    return read + outwards * (EDGE_MM - inside_mm) ** 2 / (4 * EDGE_MM)


def combined(read: Vector, guess: Estimate) -> Estimate:
    """A reading at an end and the estimate from other landmarks, each by its precision."""
    weight = guess.sd_mm**2 / (guess.sd_mm**2 + READ_MM**2)
    return Estimate(weight * read + (1 - weight) * guess.position, math.sqrt(weight) * READ_MM)


def beyond(volume: CTVolume, guess: Estimate) -> Estimate:
    """The estimate of a landmark that was looked for and not seen: the mean of what of its distribution lies beyond the end."""
    inside, outwards = depth(volume, guess.position)
    z = (inside + UNSEEN_MM) / guess.sd_mm
    if z > WITHIN_SD:
        return guess
    tail = 0.5 * math.erfc(z / math.sqrt(2))
    moved = guess.sd_mm * math.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) / tail
    return Estimate(guess.position + outwards * moved, guess.sd_mm)
