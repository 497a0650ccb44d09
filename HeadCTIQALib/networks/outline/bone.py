"""The border of bone at half its height: where a scanner's blur leaves it, whatever the density of the bone.

What shows of that height where a slice cuts bone obliquely is diluted: the peak is looked for in the neighbouring
slices, too, and the true height lies somewhere between it and that of the scan's other bone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .headmask import box_filter_max, in_slice
from .workgrid import grown_box

SOFT_HU = 100.0
PEAK_MM = 4.0  # the bone that a border belongs to is this near
PEAK_HU = 1400  # denser still are enamel and metal, whose half height says nothing of bone
DILUTED = 0.5  # weight of the scan's own height of bone beside the local peak,
POROUS = 0.6  # unless the peak is less than this share of it: marrow and air cells, not dilution
LAYERS = 4  # work pixels that partial volume can spread over, most where the vault is cut obliquely


def half_maximum_bone(
    hu: NDArray[np.int16], dense: NDArray[np.bool_], pixel_mm: tuple[float, float]
) -> NDArray[np.bool_]:
    """(K, J', I') bool: ``dense`` without its rim below half the height of the bone it belongs to.

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
    values, here = np.minimum(hu[box], np.int16(PEAK_HU)), dense[box]
    peak = box_filter_max(values, (1, *in_slice(PEAK_MM, pixel_mm)[1:]))
    usual = int(np.median(peak[here]))
    height = np.where(peak < POROUS * usual, peak, np.float32(1 - DILUTED) * peak + np.float32(DILUTED * usual))
    low = here & (2 * values < height + SOFT_HU)
    out = np.zeros_like(dense)
    out[box] = ~spread(~here, low, LAYERS)
    return out


def spread(mask: NDArray[np.bool_], into: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """``mask`` and what of ``into`` hangs together with it in the slice, up to ``steps`` pixels (or corners) away."""
    for _ in range(steps):
        mask = mask | (box_filter_max(mask, (0, 1, 1)) & into)
    return mask
