"""The artefact network's grid: native slices at about 1 mm in-plane, 256 x 256 pixels around the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.resample import block_mean

SIDE = 256
PIXEL_MM = (0.80, 1.12)  # block means of native pixels in this range are used as they are
AIR_HU = -1000.0


@dataclass(frozen=True)
class ArtefactGrid:
    """Square pixels of ``pixel_mm``; pixel (0, 0) has its centre at native row ``row`` and column ``column``.

    ``step`` native pixels are averaged; ``scale`` (rows, columns) is the native pixels to one pixel of the grid, equal
    to ``step`` unless native pixels of an unusual size have to be interpolated.
    """

    row: float
    column: float
    step: int
    scale: tuple[float, float]
    pixel_mm: float

    @property
    def whole(self) -> bool:
        """True when every pixel is the mean of step x step native ones."""
        return self.scale == (self.step, self.step)


def artefact_grid(volume: CTVolume, head_ras: NDArray[np.floating]) -> ArtefactGrid:
    """The grid centred on the box of the points ``head_ras`` (N, 3) in RAS mm, and the same for every slice."""
    ijk = volume.ras_to_ijk(head_ras)
    between = (ijk[:, 2] > -1) & (ijk[:, 2] < volume.shape[0])
    if between.any():
        ijk = ijk[between]
    middle = 0.5 * (np.percentile(ijk[:, :2], 1, axis=0) + np.percentile(ijk[:, :2], 99, axis=0))  # column, row
    rows_mm, columns_mm = volume.pixel_spacing
    step = max(1, round(0.95 / max(rows_mm, columns_mm)))
    scale: tuple[float, float] = (step, step)
    pixel = step * rows_mm
    if abs(rows_mm - columns_mm) > 1e-3 * rows_mm or not PIXEL_MM[0] <= pixel <= PIXEL_MM[1]:
        pixel = 0.95
        scale = (pixel / rows_mm, pixel / columns_mm)
    first = [m - s * (SIDE - 1) / 2 for m, s in zip(middle[::-1], scale, strict=True)]
    if scale == (step, step):  # blocks begin at a whole pixel
        if volume.shape[1] == volume.shape[2] == SIDE * step:
            first = [0.0, 0.0]  # nothing to choose: the whole image is the grid
        else:
            first = [float(round(f - (step - 1) / 2)) for f in first]
        first = [f + (step - 1) / 2 for f in first]
    return ArtefactGrid(first[0], first[1], step, scale, pixel)


def sample_slice(volume: CTVolume, grid: ArtefactGrid, k: int) -> NDArray[np.float32]:
    """(SIDE, SIDE) HU of slice ``k``; air beyond the image and where the scanner wrote padding."""
    plane = volume.hu[k]
    if volume.padding is not None and volume.padding[k].any():
        plane = np.where(volume.padding[k], np.int16(AIR_HU), plane)
    out = np.full((SIDE, SIDE), AIR_HU, np.float32)
    if grid.whole:
        f = grid.step
        (j0, a0, a1), (i0, b0, b1) = (
            _overlap(round(first - (f - 1) / 2), n, f)
            for first, n in zip((grid.row, grid.column), plane.shape, strict=True)
        )
        if a1 > a0 and b1 > b0:
            out[a0:a1, b0:b1] = block_mean(plane[j0 : j0 + (a1 - a0) * f, i0 : i0 + (b1 - b0) * f], f, f)
        return out
    f = grid.step
    small = block_mean(plane, f, f) if f > 1 else plane.astype(np.float32)
    row = (grid.row + grid.scale[0] * np.arange(SIDE) - (f - 1) / 2) / f
    column = (grid.column + grid.scale[1] * np.arange(SIDE) - (f - 1) / 2) / f
    values = _hat(row, small.shape[0]) @ small @ _hat(column, small.shape[1]).T
    r = (row >= -0.5) & (row <= small.shape[0] - 0.5)
    c = (column >= -0.5) & (column <= small.shape[1] - 0.5)
    return np.asarray(np.where(r[:, None] & c[None, :], values, AIR_HU), np.float32)


def sample_mask(grid: ArtefactGrid, plane: NDArray) -> NDArray:
    """(SIDE, SIDE) nearest native values of a (J, I) mask or label plane, 0 beyond it."""
    return _taken(plane, *_nearest(grid))


def expand(grid: ArtefactGrid, values: NDArray, shape: tuple[int, int]) -> NDArray:
    """(J, I) native values of (SIDE, SIDE) ones: every native pixel takes that of the grid pixel it lies in, 0 beyond."""
    row = np.floor((np.arange(shape[0]) - grid.row) / grid.scale[0] + 0.5).astype(int)
    column = np.floor((np.arange(shape[1]) - grid.column) / grid.scale[1] + 0.5).astype(int)
    return _taken(values, row, column)


def _taken(plane: NDArray, row: NDArray[np.intp], column: NDArray[np.intp]) -> NDArray:
    """(len(row), len(column)) pixels of ``plane`` at rows and columns that do not decrease, 0 beyond it."""
    (j0, j1), (i0, i1) = (
        np.searchsorted(index, (0, size)) for index, size in zip((row, column), plane.shape, strict=True)
    )
    out = np.zeros((len(row), len(column)), plane.dtype)
    out[j0:j1, i0:i1] = plane.take(row[j0:j1], axis=0).take(column[i0:i1], axis=1)
    return out


def _nearest(grid: ArtefactGrid) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    n = np.arange(SIDE)
    return (
        np.floor(grid.row + grid.scale[0] * n + 0.5).astype(np.intp),
        np.floor(grid.column + grid.scale[1] * n + 0.5).astype(np.intp),
    )


def _overlap(start: int, size: int, step: int) -> tuple[int, int, int]:
    """(first native pixel, first and last + 1 grid pixel) of the blocks that lie wholly in 0..size."""
    first = max(0, -(start // step)) if start < 0 else 0
    last = min(SIDE, (size - start) // step)
    return start + first * step, first, max(first, last)


def _hat(x: NDArray[np.floating], n: int) -> NDArray[np.float32]:
    x = np.clip(x, 0, n - 1)
    low = np.minimum(x.astype(int), max(0, n - 2))
    out = np.zeros((len(x), n), np.float32)
    out[np.arange(len(x)), low] = 1 - (x - low)
    if n > 1:
        out[np.arange(len(x)), low + 1] = x - low
    return out
