"""How an image file says that it lies in the patient: what is impossible is refused, what is not said is told."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .geometry import Stack
from .types import Vector

ORIENTATION_UNSTATED = (
    "The file does not say how the image lies in the patient: orientation assumed, left and right may be exchanged."
)
POSITION_UNSTATED = "The file does not say where the image lies in the scanner: its position was assumed."
_PLACEHOLDER = (
    "The file gives voxels of exactly 1 mm at the position 0, as files do that lost their geometry: sizes in mm and orientation "
    "may be wrong, left and right may be exchanged."
)
_FLAT = 0.2  # volume spanned by the three axes, as a share of the box of their lengths; a tilt of 60 degrees leaves .5
_SQUARE = 0.002  # cosine between rows and columns: 0.5 mm at the edge of a head
_MAX_MM = 1e5  # from the origin of the scanner
_WIDE = 400  # voxels of a matrix that has finer pixels than 1 mm
_SHORT = 100  # slices of 1 mm that do not hold a head
_UNITS_MM = {
    "mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "millimetre": 1.0, "millimetres": 1.0, "": 1.0,
    "cm": 10.0, "m": 1000.0, "meter": 1000.0, "metre": 1000.0,
    "um": 0.001, "µm": 0.001, "micron": 0.001, "microns": 0.001, "micrometer": 0.001, "micrometre": 0.001,
}  # fmt: skip


def unit_mm(unit: str, name: str) -> float:
    """Millimetres in a unit of length.

    Raises:
        InputError: a unit that this does not know.
    """
    factor = _UNITS_MM.get(unit.strip().strip('"').lower())
    if factor is None:
        raise InputError(f"{name} gives its lengths in a unit that is not known; export it in millimetres.")
    return factor


def refuse_impossible(name: str, steps: Vector, origin: Vector) -> None:
    """Raise InputError for voxels without a size, axes that span no volume, or places where no scanner is.

    Args:
        steps: (3, 3) RAS mm per i, j, k in its columns.
        origin: (3,) RAS mm.
    """
    lengths = np.linalg.norm(steps, axis=0)
    if not (np.isfinite(steps).all() and (lengths > 1e-6).all() and (lengths < _MAX_MM).all()):
        size = " x ".join(f"{n:g}" for n in lengths)
        raise InputError(
            f"{name} says that its voxels are {size} mm large, which no image has; export it again with its voxel sizes."
        )
    if abs(np.linalg.det(steps / lengths)) < _FLAT:
        raise InputError(f"{name} has axes that do not span a volume (its orientation is damaged); export it again.")
    if not np.isfinite(origin).all() or np.abs(origin).max() > _MAX_MM:
        raise InputError(f"{name} lies at a place where no scanner is; check the origin in its header.")


def lost_geometry(name: str, sizes: tuple[int, int, int], steps: Vector, origin: Vector) -> list[str]:
    """A sentence where the header holds what programs write that know no geometry: 1 mm along all axes, position 0.

    Raises:
        InputError: and the matrix is that of a scanner, whose pixels are finer.
    """
    if not np.array_equal(np.abs(steps), np.eye(3)):
        return []
    nowhere = not origin.any()
    if max(sizes) >= _WIDE and (nowhere or min(sizes) < _SHORT):
        shown = " x ".join(map(str, sizes))
        raise InputError(
            f"{name} says that all of its {shown} voxels are exactly 1 mm large: their true size was lost; export it again with its geometry."
        )
    return [_PLACEHOLDER] if nowhere else []


def refuse_skewed(name: str, stack: Stack) -> None:
    """Raise InputError for rows and columns that are not at right angles; slices may be shifted, as by a gantry tilt."""
    row, column = (v / np.linalg.norm(v) for v in (stack.row_step, stack.col_step))
    if abs(float(row @ column)) > _SQUARE:
        raise InputError(
            f"{name} has rows and columns that are not at right angles (it was sheared); give the scan as it was before."
        )
