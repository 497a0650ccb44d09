"""What HU propose as removable objects on or outside the body surface, within its outline: clips, earrings, electrodes, sensors.

The proposals are liberal, since the object network decides about them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import INTRACRANIAL, Tissue
from HeadCTIQALib.networks.types import CoarseAnatomy
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.kernels import is_sharp

from .headmask import box_filter_max, box_filter_min, in_slice
from .parenchyma import noise_sd
from .workgrid import Field, WorkGrid, head_probability, soft_signed_distance, work_grid

DENSE_HU, METAL_HU = 120, 1500
SKIN_MM = 4.0  # metal this close to the surface is worn in or on the skin (earrings, staples)
BARE_MM = 1.5  # what lies on the skin has no skin over it; a calcified cyst has
MAX_WORN_ML = 5.0
MAX_EXTENT_MM = 90.0  # holders and couches are longer than this, removable objects shorter
MAX_VOLUME_ML = 40.0
MIN_VOLUME_ML = 0.01
MIN_DENSE_SHARE = 0.15  # a nose or an ear that the head mask missed is mostly soft
MIN_AIR_SHARE = 0.25  # around an object; a cheek bone under thin skin has less
CORE_SHARE = 0.4  # not one half: what is thinner than the slice never shows its full HU
THICK_MM = 5.0
AIR_HU, SOFT_HU = -1000, 30
LOUD_HU = 9.0
NEAR_MM = 45.0  # objects further from the head belong to the couch


def proposed_objects(volume: CTVolume, tissue: NDArray[np.uint8], coarse: CoarseAnatomy) -> NDArray[np.bool_]:
    """(K, J, I) bool: what may be removable objects outside the body surface or on it, inside the field of view.

    Three kinds are looked for: things with dense parts (> 120 HU) that lie free outside the head and are smaller than
    a holder; dense things that lie bare on the skin (fiducials, buttons, electrodes); and metal (> 1500 HU) within
    4 mm of the surface that is not connected to bone (earrings, pins).  Calcified cysts under the skin, fillings,
    implants and surgical clips inside the head, holder, couch and blankets are not counted.
    """
    grid = work_grid(volume, coarse, margin_mm=NEAR_MM)
    hu = grid.reduce_hu()
    labels = grid.reduce_mask(tissue)
    if is_sharp(volume.acquisition.kernel) or noise_sd(hu, np.isin(labels, INTRACRANIAL)) > LOUD_HU:
        # noise and the overshoot of a sharp kernel at the skin would pass for dense things
        hu = np.asarray(ndimage.uniform_filter(hu, (1, 3, 3)), np.int16)
    head = (labels != Tissue.OUTSIDE) & (labels != Tissue.HOLDER) & (labels != Tissue.FOREIGN)
    depth = grid.sample(soft_signed_distance(head_probability(coarse), coarse.spacing), coarse, outside=-1e3)
    free = _free(grid, hu, head, depth)
    found = _core(grid, hu, free, AIR_HU)
    found |= _core(grid, hu, _worn(grid, hu, head, labels == Tissue.HOLDER), SOFT_HU)
    out = np.zeros(volume.shape, bool)
    grid.expand(found, out)
    return out


def _free(grid: WorkGrid, hu: NDArray[np.int16], head: NDArray[np.bool_], depth: Field) -> NDArray[np.bool_]:
    """Dense objects beside the head.  Components are formed at -200 HU, so that a holder's parts hang together."""
    thing = (hu > -200) & ~head
    labels, n = ndimage.label(thing & ~box_filter_max(head, (0, 1, 1)), np.ones((3, 3, 3)))
    keep = np.zeros(n + 1, bool)
    for c, box in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[box] == c
        dense = part & (hu[box] > DENSE_HU)
        if not dense.any() or _ml(grid, dense, box) < MIN_VOLUME_ML or _ml(grid, part, box) > MAX_VOLUME_ML:
            continue
        at_border = box[1].start == 0 or box[2].start == 0 or box[1].stop == hu.shape[1] or box[2].stop == hu.shape[2]
        nearest = float(depth[box][part].max())
        if at_border or nearest < -NEAR_MM:
            continue
        extent = _extent(grid, box)
        # a flat, long thing under the head is a piece of the holder seen through a gap
        metal = bool((hu[box][part] > METAL_HU).any()) and max(extent) < MAX_EXTENT_MM
        small = dense.sum() > MIN_DENSE_SHARE * part.sum() and max(extent) < 40.0 and nearest > -12.0
        # spectacles reach round the front of the head, but neither high nor thick
        frame = nearest > -8.0 and extent[0] < 50.0 and 60.0 < max(extent) < 200.0 and _ml(grid, part, box) < 10.0
        if metal:
            # an ear that hangs on its ring is no part of it
            labels[box][part & ~box_filter_max(dense, in_slice(2.0, grid.pixel))] = 0
        keep[c] = metal or ((frame or small) and _in_air(grid, hu, part, box) > MIN_AIR_SHARE)
    found = keep[labels]
    return found | (box_filter_max(found, (0, 1, 1)) & thing)


def _in_air(grid: WorkGrid, hu: NDArray[np.int16], part: NDArray[np.bool_], box: tuple[slice, ...]) -> float:
    """Share of air 2-3 mm around an object; a nose or an ear that the head mask missed has soft tissue there."""
    r = [max(2, round(2.5 / p)) for p in grid.pixel]
    wide = (box[0], *(slice(max(0, b.start - m), b.stop + m) for b, m in zip(box[1:], r, strict=True)))
    padded = np.zeros(hu[wide].shape, bool)
    padded[
        tuple(slice(b.start - w.start, b.start - w.start + b.stop - b.start) for b, w in zip(box, wide, strict=True))
    ] = part
    shell = box_filter_max(padded, (0, r[0], r[1])) & ~box_filter_max(padded, (0, 1, 1))
    return float((hu[wide][shell] < -500).mean()) if shell.any() else 0.0


def _worn(
    grid: WorkGrid, hu: NDArray[np.int16], head: NDArray[np.bool_], holder: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Dense things on the skin that the head mask took in, and metal just under it, not connected to bone or teeth."""
    dense = hu > DENSE_HU

    def near(mask: NDArray[np.bool_], mm: float) -> NDArray[np.bool_]:
        return box_filter_max(mask, in_slice(mm, grid.pixel))

    dense &= near(head, 2.0)
    labels, n = ndimage.label(dense, np.ones((3, 3, 3)))
    if n == 0:
        return dense

    def count(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(labels[mask], minlength=n + 1)

    size, pixel = count(dense), grid.pixel[0] * grid.pixel[1]
    outside = ~head  # enclosed air is part of ``head``, so that this is the outer surface only
    bare = count(dense & near(outside, BARE_MM)) > 0.3 * size
    shallow = count(dense & near(outside, SKIN_MM)) > 0.6 * size
    metal = count(dense & (hu > METAL_HU)) * pixel > 1.5
    keep = (bare & (size * pixel > 6.0)) | (shallow & metal)
    keep[0] = False
    if keep.any():
        keep &= count(dense & near(_holder(grid, holder), 1.5)) <= 0.15 * size
    boxes = ndimage.find_objects(labels)
    for c in np.flatnonzero(keep):
        box = boxes[c - 1]
        part = labels[box] == c
        small = _ml(grid, part, box) >= MIN_VOLUME_ML and max(_extent(grid, box)) < MAX_EXTENT_MM
        airy = metal[c] or _in_air(grid, hu, part, box) > MIN_AIR_SHARE
        keep[c] = small and _ml(grid, part, box) < MAX_WORN_ML and airy
    return keep[labels]


def _holder(grid: WorkGrid, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The large parts of what was labelled holder: the rims of small objects carry that label too."""
    labels, n = ndimage.label(mask, np.ones((3, 3, 3)))
    keep = np.zeros(n + 1, bool)
    for c, box in enumerate(ndimage.find_objects(labels), start=1):
        keep[c] = max(_extent(grid, box)) > MAX_EXTENT_MM
    return keep[labels]


def _core(grid: WorkGrid, hu: NDArray[np.int16], found: NDArray[np.bool_], around: int) -> NDArray[np.bool_]:
    """The objects within their true boundary: a share of the way from the HU ``around`` them to their own.

    A thick object shows its own HU inside: half of that is its boundary, whatever battery or screw is in it.  A thin one
    shows them at best where it is brightest.
    """
    if not found.any():
        return found
    inner = box_filter_min(found, in_slice(0.4 * THICK_MM, grid.pixel))
    labels, _ = ndimage.label(found, np.ones((3, 3, 3)))
    out = np.zeros_like(found)
    for c, box in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[box] == c
        level = around + CORE_SHARE * (float(hu[box][part].max()) - around)
        if (inside := part & inner[box]).any():
            level = min(level, 0.5 * (around + float(np.median(hu[box][inside]))))
        out[box] |= part & (hu[box] > level)
    return out


def _ml(grid: WorkGrid, part: NDArray[np.bool_], box: tuple[slice, ...]) -> float:
    widths = grid.volume.slice_widths[box[0]]
    return float(part.sum(axis=(1, 2)) @ widths) * grid.pixel[0] * grid.pixel[1] / 1000.0


def _extent(grid: WorkGrid, box: tuple[slice, ...]) -> tuple[float, float, float]:
    """mm along k, rows, columns."""
    return (
        float(grid.volume.slice_widths[box[0]].sum()),
        (box[1].stop - box[1].start) * grid.pixel[0],
        (box[2].stop - box[2].start) * grid.pixel[1],
    )
