"""The head on the work grid: native HU decide the surface, the network decides what belongs to the head."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .workgrid import Field

Kind = TypeVar("Kind", np.bool_, np.int16)
AIR_HU, SURFACE_HU = -1000, -450  # the second: half way from air to skin and fat
TOLERANCE_MM = 7.0  # how far the native surface may lie outside the coarse one (ears, nose, hair excluded by HU)
HOLDER_MARGIN = -0.25  # outside the coarse surface the holder wins even when the head is a little more probable
FILL_MM = 2.0  # air this deep inside the coarse head is enclosed air, unless it opens widely to the room
NARROW = 2  # work pixels; openings up to twice as wide (nostrils, ear canals) do not join a cavity to the room
ROOM_MM = 12.0  # so deep inside the coarse head no air is the room's
GAP_HU = -300  # between fat and what blur leaves of a gap of a millimetre
GAP_MM = 9.0  # so deep in the coarse head may lie a gap behind which the network takes a headrest for scalp
CELL_MM = 25.0  # of arc; narrower ones are air cells of the mastoid, or gas
RAYS = 720  # to the full circle: less than a pixel apart at the back of the head
BEYOND_MM = 1e3  # where a ray meets no gap


def head_mask(
    hu: NDArray[np.int16], depth: Field, holder: Field, behind: NDArray[np.bool_], pixel: tuple[float, float]
) -> NDArray[np.bool_]:
    """(K, J', I') bool: the head with its air cavities, without holder, couch and blankets.

    Args:
        hu: (K, J', I') block-averaged HU.
        depth: mm inside the coarse head surface, negative outside.
        holder: probability of HOLDER minus probability of the head, from the network.
        behind: (K, J', I') bool, so far behind the ears that the head ends at the first gap.
        pixel: mm per row and per column.
    """
    hu = np.where(_beyond_a_gap(hu, depth, behind, pixel), np.int16(AIR_HU), hu)
    body = (hu > SURFACE_HU) & (depth > -TOLERANCE_MM) & ~((holder > HOLDER_MARGIN) & (depth < 0))
    # one opening cuts straps and foam skins loose that touch the scalp along a line; it must not eat thin scalp, so
    # it acts outside the coarse head only
    loose = body & (depth < -1.5)
    opened = box_filter_max(box_filter_min(body, (0, 1, 1)), (0, 1, 1))
    body &= ~loose | opened
    labels, n = ndimage.label(body)
    if n == 0:
        return body
    seeds = np.bincount(labels[(depth > 4.0) & body].ravel(), minlength=n + 1)
    seeds[0] = 0
    sizes = np.bincount(labels.ravel())
    keep = (seeds >= 0.5 * sizes) & (
        seeds > 0
    )  # parts that lie mostly within the coarse head: teeth, ears stay attached
    keep[int(seeds.argmax())] = True
    head = keep[labels] | ((depth > FILL_MM) & ~(_room(hu) & (depth < ROOM_MM)))
    # air shut in between ear or scalp and the holder is not the head's
    return _without_islands(head | (fill_holes(head) & (depth > -FILL_MM)))


def _without_islands(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``mask`` without parts smaller than a fiftieth of the largest: pieces of a strap or holder above the vertex."""
    labels, n = ndimage.label(mask)
    if n < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= 0.02 * sizes.max())[labels])


def _beyond_a_gap(
    hu: NDArray[np.int16], depth: Field, behind: NDArray[np.bool_], pixel: tuple[float, float]
) -> NDArray[np.bool_]:
    """What lies behind the first air that rays from the middle of the head meet: a headrest, however thin the gap.

    The network, which sees voxels of 5 mm, cannot tell a headrest from scalp across a gap of a few millimetres.
    """
    out = np.zeros(hu.shape, bool)
    per_ray = 2 * np.pi / RAYS
    for s in np.flatnonzero(((depth > GAP_MM) & behind).any(axis=(1, 2))):
        middle = np.argwhere(depth[s] > GAP_MM).mean(axis=0)
        at = np.argwhere(behind[s])
        y, x = ((at - middle) * pixel).T
        radius = np.hypot(y, x)
        ray = np.floor(np.arctan2(y, x) / per_ray).astype(int) % RAYS
        seen = np.unique(ray)
        steps = np.arange(0.0, radius.max(), 0.5 * min(pixel))
        j, i = (
            np.clip(np.rint(m + way((seen + 0.5) * per_ray)[:, None] * (steps / mm)), 0, n - 1).astype(int)
            for m, way, mm, n in zip(middle, (np.sin, np.cos), pixel, hu.shape[1:], strict=True)
        )
        gap = behind[s, j, i] & (hu[s, j, i] < GAP_HU) & (depth[s, j, i] < GAP_MM)
        first = np.full(RAYS, BEYOND_MM)
        first[seen] = np.where(gap.any(axis=1), steps[gap.argmax(axis=1)], BEYOND_MM)
        arc = CELL_MM / (per_ray * float(np.median(first[seen])))
        first = ndimage.grey_closing(first, size=2 * int(arc / 2) + 1, mode="wrap")
        beyond = at[radius > first[ray] + 0.5 * max(pixel)]
        out[s][tuple(beyond.T)] = True
    return out


def _room(hu: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Air that reaches the border of its slice through openings that are not narrow."""
    air = hu < SURFACE_HU
    r = (0, NARROW, NARROW)
    wide = box_filter_min(air, r)
    reached = wide & ~fill_holes(~wide)
    return box_filter_max(reached, r) & air


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``mask`` with the holes of every slice filled (background that does not reach the slice's border)."""
    structure = np.zeros((3, 3, 3), bool)
    structure[1] = ndimage.generate_binary_structure(2, 1)
    labels, n = ndimage.label(~mask, structure)
    open_ = np.zeros(n + 1, bool)
    for border in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        open_[border.ravel()] = True
    open_[0] = False
    return ~open_[labels]


def in_slice(mm: float, pixel: tuple[float, float]) -> tuple[int, int, int]:
    """The radius of a box that reaches ``mm`` to every side in a slice, and at least one pixel; see :func:`box_filter_max`."""
    return 0, max(1, round(mm / pixel[0])), max(1, round(mm / pixel[1]))


def box_filter_max(array: NDArray[Kind], radius: tuple[int, int, int]) -> NDArray[Kind]:
    """Maximum over a box of (2r + 1) voxels along each axis (of a mask, its dilation); nothing lies beyond the array.

    Axis by axis, the width of the run that is combined doubles from step to step: cheap for large radii, too.
    """

    def part(array: NDArray[Kind], axis: int, start: int, length: int) -> NDArray[Kind]:
        return array[(slice(None),) * axis + (slice(start, start + length),)]

    out = array.copy()
    nothing = False if out.dtype == bool else np.iinfo(np.int16).min
    for axis, r in enumerate(radius):
        if r <= 0:
            continue
        length, width, full = out.shape[axis], 1, 2 * r + 1
        run = np.pad(out, [(r, r) if a == axis else (0, 0) for a in range(out.ndim)], constant_values=nothing)
        while 2 * width <= full:  # run[n] is the maximum of ``width`` voxels from n on
            rest = run.shape[axis] - width
            run = np.maximum(part(run, axis, 0, rest), part(run, axis, width, rest))
            width *= 2
        out = np.maximum(part(run, axis, 0, length), part(run, axis, full - width, length))
    return out


def box_filter_min(mask: NDArray[np.bool_], radius: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Erosion by a box of (2r + 1) voxels along each axis; the array's border counts as inside."""
    return ~box_filter_max(~mask, radius)
