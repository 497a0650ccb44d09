"""The intracranial space on the work grid: the coarse region, carried to the inner table by the native HU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .bone import LAYERS, spread
from .headmask import box_filter_max, box_filter_min, in_slice
from .workgrid import Field, grown_box

RIM_MM = 2.0  # partial volume of the inner table
GROW_MM = 4.0  # the coarse boundary may be this far inside the inner table
DEEP_MM = 5.0  # bone density this deep inside is calcification, not skull
SOFT_LOW, SOFT_HIGH = -25.0, 115.0  # HU of what can fill the space next to the inner table


def intracranial_mask(
    hu: NDArray[np.int16], smooth: Field, bone: NDArray[np.bool_], depth: Field, pixel_mm: tuple[float, float]
) -> NDArray[np.bool_]:
    """(K, J', I') bool.

    Args:
        hu, smooth: block-averaged HU and the same smoothed in-plane by about 1 mm.
        bone: native bone.
        depth: mm inside the coarse intracranial surface, negative outside.
        pixel_mm: mm per row and column.
    """
    r = in_slice(GROW_MM, pixel_mm)
    near = depth > -GROW_MM
    if not near.any():
        return near
    # beyond these margins nothing has a part in the closing and opening below
    box = grown_box(near, (0, 2 * r[1] + 2, 2 * r[2] + 2))
    out = np.zeros(hu.shape, bool)
    out[box] = _in_box(hu[box], smooth[box], bone[box], depth[box], r)
    return out


def _in_box(
    hu: NDArray[np.int16], smooth: Field, bone: NDArray[np.bool_], depth: Field, r: tuple[int, int, int]
) -> NDArray[np.bool_]:
    deep = depth > DEEP_MM
    fill = (smooth > SOFT_LOW) & (smooth < SOFT_HIGH) & ~bone
    core = (deep & (hu > -400)) | ((depth > 0) & fill)
    # closing core and bone together fills the gap between them along the vault, but does not push the region out
    # through foramina, where no bone stands opposite
    closed = box_filter_min(box_filter_max(core | bone, r), r)
    region = core | (closed & fill & (depth > -GROW_MM))
    region = box_filter_max(box_filter_min(region, (0, 1, 1)), (0, 1, 1)) | (region & deep)
    labels, n = ndimage.label(region)
    if n > 1:
        counts = np.bincount(labels[core].ravel(), minlength=n + 1)
        counts[0] = 0
        region = counts[labels] > 0.05 * counts.max()
    return region


def up_to_the_bone(
    inside: NDArray[np.bool_],
    bone: NDArray[np.bool_],
    blurred: NDArray[np.bool_],
    head: NDArray[np.bool_],
    pixel_mm: tuple[float, float],
) -> NDArray[np.bool_]:
    """``inside`` grown to the inner table where that is near: what lies between is fluid and dura, blurred with the bone.

    Only voxels between the region and bone are taken, a closing of the two: none in foramina.  Where slices cut the
    vault obliquely the blur is wider than that; it shows as ``blurred``, what is dense and yet not bone.
    """
    if not inside.any():
        return inside
    r = in_slice(RIM_MM, pixel_mm)
    box = grown_box(inside, (0, 2 * r[1] + LAYERS, 2 * r[2] + LAYERS))
    out = inside.copy()  # with the calcifications deep in it
    within = inside[box]
    closed = box_filter_min(box_filter_max(within | bone[box], r), r)
    grown = closed & box_filter_max(within, r) & ~bone[box] & head[box]
    out[box] = spread(within | grown, blurred[box], LAYERS)
    return out
