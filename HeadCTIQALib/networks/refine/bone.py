"""The border of bone at half its height: where a scanner's blur leaves it, whatever the density of the bone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .headmask import box_filter_max
from .workgrid import grown_box

SOFT_HU = 100.0
PEAK_MM = 4.0  # the bone that a border belongs to is this near
PEAK_HU = 1400  # denser still are enamel and metal, whose half height says nothing of bone
LAYERS = 4  # work pixels that partial volume can spread over, most where the vault is cut obliquely


def half_maximum_bone(hu: NDArray[np.int16], dense: NDArray[np.bool_], pixel_mm: tuple[float, float]) -> NDArray[np.bool_]:
    """(K, J', I') bool: ``dense`` without its rim below half the height of the bone beside it.

    Only what hangs together with the outside through such voxels is taken off, so that marrow between two dense
    tables stays.

    Args:
        hu: block-averaged HU.
        dense: everything above the threshold of bone.
        pixel_mm: mm per row and column.
    """
    if not dense.any():
        return dense
    box = grown_box(dense, (0, LAYERS, LAYERS))
    values, here = np.minimum(hu[box], PEAK_HU), dense[box]
    size = (1, *(2 * max(1, round(PEAK_MM / p)) + 1 for p in pixel_mm))
    peak = ndimage.maximum_filter(values, size, mode="nearest")
    low = here & (2 * (values - SOFT_HU) < peak - SOFT_HU)
    outside = ~here
    for _ in range(LAYERS):
        outside |= box_filter_max(outside, (0, 1, 1)) & low
    out = np.zeros_like(dense)
    out[box] = ~outside
    return out
