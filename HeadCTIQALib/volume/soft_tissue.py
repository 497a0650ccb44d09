"""Soft tissue deep in the head, found without knowing what lies where: the place to look at an image's noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.masks import eroded

from .types import CTVolume

SOFT_HU = (0, 70)  # after smoothing over 3 mm, so that no noise decides
SMOOTH_MM, DEPTH_MM = 3.0, 4.0
MIN_AREA_MM2 = 1500.0
MAX_SLICES = 24
COARSE_MM = 2.0

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SoftTissue:
    """Neighbouring slices of a scan: their indices, upwards, and (J, I) where each shows soft tissue far from bone, fat and air."""

    slices: tuple[int, ...]
    masks: tuple[BoolArray, ...]


def soft_tissue(volume: CTVolume) -> SoftTissue:
    """The (at most 24) neighbouring slices with most soft tissue; of those, the ones that show at least 15 cm^2."""
    steps = [max(1, round(COARSE_MM / p)) for p in volume.pixel_spacing]
    coarse = volume.hu[:, :: steps[0], :: steps[1]]
    pixel = [p * n for p, n in zip(volume.pixel_spacing, steps, strict=True)]
    area = np.cumsum([0, *(np.count_nonzero(_deep(plane, pixel)) for plane in coarse)])
    count = min(MAX_SLICES, len(volume.hu))
    first = int(np.argmax(area[count:] - area[:-count]))
    found = {k: _deep(volume.hu[k], volume.pixel_spacing) for k in range(first, first + count)}
    dj, di = volume.pixel_spacing
    kept = {k: mask for k, mask in found.items() if np.count_nonzero(mask) * dj * di >= MIN_AREA_MM2}
    return SoftTissue(tuple(kept), tuple(kept.values()))


def _deep(plane: NDArray[np.int16], pixel: list[float] | tuple[float, float]) -> BoolArray:
    size = [2 * _reach(SMOOTH_MM / 2, p) + 1 for p in pixel]
    smooth = ndimage.uniform_filter(plane.astype(np.float32), size)
    soft = (smooth > SOFT_HU[0]) & (smooth < SOFT_HU[1])
    return eroded(soft, *(_reach(DEPTH_MM, p) for p in pixel))


def _reach(mm: float, pixel_mm: float) -> int:
    """Pixels to either side of a filter that reaches so far."""
    return int(np.ceil(mm / pixel_mm))
