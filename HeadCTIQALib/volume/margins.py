"""Margins of one value around an image, which would move its centre."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .geometry import Stack

RANGE_HU = 8  # noise of room air spreads over more than this, even where it was smoothed
AIR_HU = -500
MOSTLY = 0.6  # fraction of the pixels of a kind that have one value where that value fills an image
_CENTRE_MM = 8.0  # a margin that moves the centre of the image by less may be what the scanner left dark, and stays


def without_margins(stack: Stack) -> tuple[Stack, list[str]]:
    """Without rows and columns of one value at the edges of all slices, where these would move the centre of the image.

    Where air was set to that value within them as well, the edge of the image cannot be seen, and stays where it is.
    """
    top, left = (_margin(stack.voxels, axis) for axis in (1, 2))
    bottom, right = (_margin(stack.voxels[:, ::-1, ::-1], axis) for axis in (1, 2))
    shift = (
        np.array([bottom - top, right - left]) / 2 * [np.linalg.norm(stack.col_step), np.linalg.norm(stack.row_step)]
    )
    if np.abs(shift).max() <= _CENTRE_MM:
        return stack, []
    _, rows, columns = stack.voxels.shape
    box = (slice(None), slice(top, rows - bottom), slice(left, columns - right))
    value = int(stack.voxels[0, 0, 0] if top or left else stack.voxels[0, -1, -1])
    inside = stack.voxels[len(stack.voxels) // 2][box[1:]]
    if not inside.size or share(inside, value) > MOSTLY:
        return stack, []
    origins = stack.origins + top * stack.col_step + left * stack.row_step
    padding = None if stack.padding is None else stack.padding[box]
    if padding is not None and not padding.any():
        padding = None
    note = f"Left out: blank margins of the image ({top + bottom} rows and {left + right} columns), which moved its centre by {np.hypot(*shift):.0f} mm."
    return replace(stack, voxels=stack.voxels[box], origins=origins, padding=padding), [note]


def _margin(voxels: NDArray[np.int16], axis: int) -> int:
    """How many of the first rows (axis 1) or columns (axis 2) have one value in all slices."""
    value, width = voxels[0, 0, 0], voxels.shape[axis]
    for plane in voxels:
        lines = plane[:width] if axis == 1 else plane[:, :width].T
        if not width:
            break
        other = (lines != value).any(axis=1)
        width = int(other.argmax()) if other.any() else width
    return width if width < voxels.shape[axis] else 0


def share(plane: NDArray[np.int16], value: int) -> float:
    """Fraction of the pixels like `value` (of air where it is air) that have it."""
    like = plane < AIR_HU if value < AIR_HU else np.ones(plane.shape, bool)
    near = np.abs(plane.astype(np.int32) - value) <= RANGE_HU // 2
    return float((near & like).sum() / max(1, like.sum()))
