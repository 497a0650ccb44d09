"""Flat pictures of a CT volume, cut through its true slice geometry.

A :class:`View` is a plane of square pixels in RAS mm: the native pixels of a slice, or as fine where it lies across
slices.  The three standard views lie in the slice frame (r, a, k), so that native slices are horizontal in the
reformats even when the gantry was tilted; radiological convention: the patient's right on the left, anterior up
(axial) or left (sagittal), the vertex up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.volume.types import CTVolume, Vector

from .boxes import Box

WIDTH = 440  # units of drawing, the most that a picture is wide
HEIGHT = 500  # units of drawing, the most that it is high
MOST_PX = 2048  # along an edge: beyond any matrix of a head scan, so only this costs resolution


@dataclass(frozen=True)
class View:
    """A plane of square pixels, no coarser than the scan's, and the units in which is drawn over it.

    Attributes:
        origin: RAS mm of the centre of the upper left pixel.
        right, down: (3,) RAS unit vectors, orthogonal.
        mm: edge of a pixel.
        shape: (height, width) in pixels.
        scale: units of drawing per pixel, so that words and marks are as large on every picture whatever its matrix.
    """

    origin: Vector
    right: Vector
    down: Vector
    mm: float
    shape: tuple[int, int]
    scale: float = 1.0

    @property
    def size(self) -> tuple[float, float]:
        """(height, width) in units of drawing."""
        return self.shape[0] * self.scale, self.shape[1] * self.scale

    @property
    def unit_mm(self) -> float:
        """Millimetres of a unit of drawing."""
        return self.mm / self.scale

    @property
    def normal(self) -> Vector:
        """Unit normal of the plane, away from the reader."""
        return np.asarray(np.cross(self.right, self.down), float)

    def project(self, ras: NDArray[np.floating] | tuple[float, float, float]) -> tuple[float, float]:
        """RAS mm to units of drawing (x, y) from the upper left corner of the picture."""
        offset = (np.asarray(ras, float) - self.origin) / self.mm
        return float(offset @ self.right + 0.5) * self.scale, float(offset @ self.down + 0.5) * self.scale

    def depth(self, ras: NDArray[np.floating] | tuple[float, float, float]) -> float:
        """Signed mm of a RAS point behind the plane."""
        return float((np.asarray(ras, float) - self.origin) @ self.normal)

    def letters(self) -> tuple[str, str, str, str]:
        """Patient directions at the left, right, upper and lower edge of the picture."""
        return _letter(-self.right), _letter(self.right), _letter(-self.down), _letter(self.down)


@dataclass(frozen=True)
class Cut:
    """One :class:`View` of one volume, with where its pixels lie in the native grid.

    A picture is made of lines that lie in native slices: every row of an axial picture, or one line a slice in an
    upright one, whose rows between two slices mix the lines below and above straight along the slice normal.  So
    tilted and uneven stacks show neither shear nor stairs of their own, and only the voxels needed are touched.

    Attributes:
        view: the plane.
        lines: (3, n, w) (k, j, i) indices of the pixels of every line; k is whole.
        below, above: (h,) the lines that a picture row lies between.
        weight: (h, 1) share of the line above, 0..1.
        inside: (h, w) bool, True where the pixel lies within the imaged range and field of view.
    """

    view: View
    lines: NDArray[np.float64]
    below: NDArray[np.intp]
    above: NDArray[np.intp]
    weight: NDArray[np.float64]
    inside: NDArray[np.bool_]

    def hu(self, volume: CTVolume) -> NDArray[np.float32]:
        """(h, w) HU, linear between voxels; NaN outside the scan."""
        return self.mixed(_sample(volume.hu, self.lines, 1))

    def mixed(self, lines: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w) picture of (n, w) values on the lines, linear between them; NaN outside the scan."""
        values = (
            (1 - self.weight) * lines[self.below] + self.weight * lines[self.above]
            if self.weight.any()
            else lines[self.below]
        )
        return np.where(self.inside, values, np.nan).astype(np.float32)

    def labels(self, array: NDArray[np.uint8] | NDArray[np.bool_]) -> NDArray[np.uint8]:
        """(h, w) nearest values of a (K, J, I) label map or mask; 0 outside the scan."""
        whole = array.view(np.uint8) if array.dtype == bool else array
        lines = _sample(whole, self.lines, 0)
        nearest = np.where(self.weight[:, 0] > 0.5, self.above, self.below)
        return np.where(self.inside, lines[nearest], 0).astype(np.uint8)


def _sample(array: NDArray, kji: NDArray[np.float64], order: int) -> NDArray[np.float32]:
    if kji[0].min() == kji[0].max():  # one slice: stay in its plane
        plane = array[int(kji[0, 0, 0])]
        native = _native(plane, kji[1:])
        if native is not None:
            return native
        return ndimage.map_coordinates(plane, kji[1:], output=np.float32, order=order, mode="nearest")
    return ndimage.map_coordinates(array, kji, output=np.float32, order=order, mode="nearest")


def _native(plane: NDArray, ji: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """The pixels of a slice themselves at (2, n, w) indices, where these are whole and follow its rows and columns; else None."""
    (j_down, i_down), (j_along, i_along) = np.abs(ji[:, -1, 0] - ji[:, 0, 0]), np.abs(ji[:, 0, -1] - ji[:, 0, 0])
    if max(j_along, i_down) < 1e-6:
        j, i, turned = ji[0, :, 0], ji[1, 0], False
    elif max(j_down, i_along) < 1e-6:
        j, i, turned = ji[0, 0], ji[1, :, 0], True
    else:
        return None
    if max(float(np.abs(at - np.rint(at)).max()) for at in (j, i)) > 1e-6:
        return None
    found = plane[
        np.ix_(
            *(np.clip(np.rint(at).astype(np.intp), 0, size - 1) for at, size in zip((j, i), plane.shape, strict=True))
        )
    ]
    return np.asarray(found.T if turned else found, np.float32)


def cut(volume: CTVolume, view: View) -> Cut:
    """Locate every pixel of ``view`` in the native grid; half a voxel beyond the outermost centres is inside.

    Raises:
        ValueError: the view is neither a slice nor upright on the slices.
    """
    h, w = view.shape
    slices, rows, columns = volume.shape
    if abs(float(view.right @ volume.k)) > 1e-9 or 1e-9 < abs(float(view.down @ volume.k)) < 1 - 1e-9:
        raise ValueError("a view must lie in the slices or stand upright on them")
    starts = view.origin + np.arange(h)[:, None] * view.mm * view.down
    height = volume.ras_to_ijk(starts)[:, 2]  # k index of every row, through the uneven slice positions
    height = np.where(np.abs(height - np.round(height)) < 1e-6, np.round(height), height)
    if abs(float(view.down @ volume.k)) < 0.5:
        index = np.full(h, np.clip(round(float(height[0])), 0, slices - 1))
        below = above = np.arange(h)
        weight = np.zeros((h, 1))
    else:
        index, starts = np.arange(slices), np.broadcast_to(view.origin, (slices, 3))
        below = np.clip(np.floor(height), 0, slices - 1).astype(np.intp)
        above = np.minimum(below + 1, slices - 1)
        weight = np.where(above > below, np.clip(height - below, 0, 1), 0.0)[:, None]
    lines = _lines(volume, view, starts, index)
    within = np.ones((len(index), w), bool)
    for at, size in ((lines[1], rows), (lines[2], columns)):
        within &= (at >= -0.5 - 1e-6) & (at <= size - 0.5 + 1e-6)
    inside = within[np.where(weight[:, 0] > 0.5, above, below)] & ((height >= -0.5) & (height <= slices - 0.5))[:, None]
    return Cut(view, lines, below, above, weight, inside)


def _lines(volume: CTVolume, view: View, starts: Vector, index: NDArray[np.int_]) -> NDArray[np.float64]:
    """(3, n, w) (k, j, i) along ``view.right`` from the points ``starts`` (n, 3), moved along the normal into slices ``index`` (n,)."""
    offset = starts - volume.origins[index]
    across = np.arange(view.shape[1]) * view.mm
    kji = np.empty((3, len(index), len(across)))
    kji[0] = index[:, None]
    for axis, step in ((1, volume.col_step), (2, volume.row_step)):
        kji[axis] = ((offset @ step)[:, None] + across * float(view.right @ step)) / float(step @ step)
    return kji


def from_frame(volume: CTVolume, r: float, a: float, k: float) -> Vector:
    """(3,) RAS mm of a point given along the slice frame."""
    return r * volume.r + a * volume.a + k * volume.k


def axial(volume: CTVolume, index: int, box: Box) -> View:
    """Native slice ``index``, cropped to ``box``, on its own pixels; right of the patient on the left, anterior up."""
    corner = from_frame(volume, box.r[1], box.a[1], float(volume.slice_positions[index]))
    mm = min(volume.pixel_spacing)
    i, j, _ = volume.ras_to_ijk(corner - 0.5 * mm * (volume.r + volume.a))
    first = volume.origins[index] + round(float(i)) * volume.row_step + round(float(j)) * volume.col_step
    return _fit(
        first + 0.5 * mm * (volume.r + volume.a), -volume.r, -volume.a, box.r[1] - box.r[0], box.a[1] - box.a[0], mm
    )


def sagittal(volume: CTVolume, at_r: float, box: Box) -> View:
    """Plane across r at ``at_r`` mm; anterior on the left, the vertex up, native slices horizontal."""
    return _upright(
        volume, from_frame(volume, at_r, box.a[1], box.k[1]), -volume.a, box.a[1] - box.a[0], box.k[1] - box.k[0]
    )


def coronal(volume: CTVolume, at_a: float, box: Box) -> View:
    """Plane across a at ``at_a`` mm; right of the patient on the left, the vertex up, native slices horizontal."""
    return _upright(
        volume, from_frame(volume, box.r[1], at_a, box.k[1]), -volume.r, box.r[1] - box.r[0], box.k[1] - box.k[0]
    )


def upright_along(volume: CTVolume, start: Vector, end: Vector, box: Box) -> View:
    """Upright plane that holds the line ``start`` to ``end`` (pointing forwards) and k: angles to the slices are true in it."""
    forward = (end - start) - ((end - start) @ volume.k) * volume.k
    length = float(np.linalg.norm(forward))
    forward = forward / length if length > 1e-6 else volume.a
    across = np.cross(forward, volume.k)
    low, high = (box.a[0] - float(start @ volume.a), box.a[1] - float(start @ volume.a))
    corner = start - (start @ volume.k) * volume.k + high * forward + box.k[1] * volume.k
    view = _upright(volume, corner, -forward, high - low, box.k[1] - box.k[0])
    assert abs(across @ view.right) < 1e-9
    return view


def _upright(volume: CTVolume, corner: Vector, right: Vector, width: float, height: float) -> View:
    """An upright view as fine as the scan: along ``right`` on its own pixels where it follows them, between its slices interpolated."""
    gaps = np.diff(volume.slice_positions)
    mm = min(*volume.pixel_spacing, float(np.median(gaps)) if len(gaps) else np.inf)
    off = float((corner - volume.origins[0]) @ right) / mm - 0.5
    return _fit(corner + (round(off) - off) * mm * right, right, -volume.k, width, height, mm)


def _fit(corner: Vector, right: Vector, down: Vector, width: float, height: float, mm: float) -> View:
    """The view of a rectangle in mm whose outer upper left corner is ``corner``, in pixels of ``mm``."""
    mm = max(mm, width / MOST_PX, height / MOST_PX)
    shape = max(1, round(height / mm)), max(1, round(width / mm))
    return View(corner + 0.5 * mm * (right + down), right, down, mm, shape, min(WIDTH / shape[1], HEIGHT / shape[0]))


def _letter(direction: Vector) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return "LPI"[axis] if direction[axis] < 0 else "RAS"[axis]


def lateral_projection(volume: CTVolume, place: Cut) -> NDArray[np.float32]:
    """(h, w) mean HU along r on a sagittal cut, like the scanner's own scout; NaN outside the scan."""
    rows = abs(volume.row_step @ volume.r) > abs(volume.col_step @ volume.r)  # is r the row axis?
    part = volume.hu[..., ::4] if rows else volume.hu[:, ::4, :]
    flat = np.clip(part, -1000, 2000).mean(axis=2 if rows else 1, dtype=np.float32)  # (K, n)
    along = place.lines[[0, 1 if rows else 2]]
    return place.mixed(ndimage.map_coordinates(flat, along, order=1, mode="nearest"))
