"""What was put outside the field of view instead of air: 0 HU, mostly, by resampling or after rescaling."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .padding import PADDING_HU

if TYPE_CHECKING:
    from .geometry import Stack

_NOT_AIR_HU = -850
_LEAST = 0.005  # of a slice; noise makes no such area of one value
_AIR = (-1150, -850)
_LEAST_AIR = 0.01  # of the voxels show that air is air where it was imaged


def without_fill(stack: Stack) -> tuple[Stack, list[str]]:
    """`stack` with areas of one value that no air has, which reach the corners of the image, taken as padding.

    Only where the scan shows air as air elsewhere: otherwise its values are not HU, which is for others to say.
    """
    suspects = [k for k, plane in enumerate(stack.voxels) if any(_repeated(plane, v) for v in _corners(plane))]
    if not suspects:
        return stack, []
    from scipy import ndimage

    sample = stack.voxels[:, ::4, ::4]
    if float(((sample > _AIR[0]) & (sample < _AIR[1])).mean()) < _LEAST_AIR:
        return stack, []
    fill = np.zeros(stack.voxels.shape, bool)
    values: set[int] = set()
    for k in suspects:
        plane = stack.voxels[k]
        for value in _corners(plane):
            labels, _ = ndimage.label(plane == value)
            at = {int(n) for n in (labels[0, 0], labels[0, -1], labels[-1, 0], labels[-1, -1])} - {0}
            area = np.isin(labels, list(at))
            if _LEAST * plane.size <= np.count_nonzero(area) < plane.size:
                fill[k] |= area
                values.add(value)
    if not values:
        return stack, []
    voxels = stack.voxels.copy()
    voxels[fill] = PADDING_HU
    padding = fill if stack.padding is None else stack.padding | fill
    told = " and ".join(str(v) for v in sorted(values)[:2])
    note = f"Outside the field of view the scan holds {told} instead of the -1000 of air ({100 * fill.mean():.0f} % of the voxels): taken as padding."
    return replace(stack, voxels=voxels, padding=padding), [note]


def _corners(plane: NDArray[np.int16]) -> set[int]:
    return {int(v) for v in (plane[0, 0], plane[0, -1], plane[-1, 0], plane[-1, -1]) if v > _NOT_AIR_HU}


def _repeated(plane: NDArray[np.int16], value: int) -> bool:
    return bool((plane[::4, ::4] == value).mean() >= _LEAST)
