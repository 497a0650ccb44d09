"""Resampling of a CTVolume onto an isotropic grid along the RAS axes, through the true slice geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.masks import largest_piece

from .types import CTVolume, Vector

AIR_HU = -1024.0


@dataclass(frozen=True)
class Grid:
    """An isotropic grid whose axes are RAS: index (z, y, x), x to the right, y forwards, z up.

    ``origin`` is the RAS mm of voxel (0, 0, 0); ``spacing`` in mm; ``shape`` is (Z, Y, X).
    """

    origin: Vector
    spacing: float
    shape: tuple[int, int, int]

    def ras(self) -> Vector:
        """(Z, Y, X, 3) RAS mm of every voxel."""
        axes = [self.origin[c] + self.spacing * np.arange(self.shape[2 - c]) for c in range(3)]
        z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
        return np.stack([x, y, z], axis=-1)

    def index(self, ras: NDArray[np.floating]) -> Vector:
        """(..., 3) RAS mm to continuous (z, y, x) indices."""
        return ((np.asarray(ras, float) - self.origin) / self.spacing)[..., ::-1]

    def point(self, index: NDArray[np.floating]) -> Vector:
        """(..., 3) continuous (z, y, x) indices to RAS mm."""
        return self.origin + self.spacing * np.asarray(index, float)[..., ::-1]


def block_mean(plane: NDArray[np.int16], rows: int, columns: int) -> NDArray[np.float32]:
    """(J // rows, I // columns) float32 means of blocks of pixels; a remainder at the far edges is cut off."""
    j, i = plane.shape[0] // rows, plane.shape[1] // columns
    total = np.zeros((j, i * columns), np.int32)  # whole rows first: contiguous, hence fast
    for n in range(rows):
        total += plane[n : j * rows : rows, : i * columns]
    out = np.zeros((j, i), np.int32)
    for n in range(columns):
        out += total[:, n::columns]
    return np.divide(out, rows * columns, dtype=np.float32)


def to_grid(volume: CTVolume, grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """HU on ``grid`` (Z, Y, X) float32, and where the grid lies inside the imaged volume.

    In-plane pixels are averaged in blocks up to the grid spacing (against aliasing) and thin slices are smoothed
    along k likewise; the values are then interpolated linearly between the true slice positions.  Outside the
    imaged volume the value is air.
    """
    ps_row, ps_col = volume.pixel_spacing
    f = max(1, round(0.8 * grid.spacing / max(ps_row, ps_col)))
    kk, jj, ii = volume.shape
    j2, i2 = jj // f, ii // f
    reduced = np.empty((kk, j2, i2), np.float32)
    for s in range(kk):  # slice by slice keeps the temporary small
        reduced[s] = block_mean(volume.hu[s], f, f)
    gap = float(np.median(np.diff(volume.slice_positions))) if kk > 1 else grid.spacing
    if gap < 0.8 * grid.spacing:
        reduced = ndimage.gaussian_filter1d(reduced, 0.4 * grid.spacing / gap, axis=0, mode="nearest")
    ijk = volume.ras_to_ijk(grid.ras())
    coordinates = [ijk[..., 2], (ijk[..., 1] - (f - 1) / 2) / f, (ijk[..., 0] - (f - 1) / 2) / f]
    inside = np.ones(grid.shape, bool)
    for c, n in zip(coordinates, reduced.shape, strict=True):
        inside &= (c > -0.5) & (c < n - 0.5)
        np.clip(c, 0, n - 1, out=c)
    out = np.full(grid.shape, AIR_HU, np.float32)
    out[inside] = ndimage.map_coordinates(reduced, [c[inside] for c in coordinates], order=1)
    return out, inside


def head_grid(volume: CTVolume, spacing: float = 5.0, shape: tuple[int, int, int] = (40, 48, 40)) -> Grid:
    """A box of (Z, Y, X) = ``shape`` voxels around the top of the body: where the networks look for the head.

    Tissue is what exceeds -300 HU, on a coarse sampling.  The box ends 24 mm above the highest large cross-section
    (or above the last slice) and is centred in-plane on the tissue of the uppermost 160 mm.
    """
    step_k = max(1, volume.shape[0] // 120)
    step = max(1, round(4.0 / max(volume.pixel_spacing)))
    tissue = volume.hu[::step_k, ::step, ::step] > -300
    area = tissue.sum(axis=(1, 2)) * (step * volume.pixel_spacing[0]) * (step * volume.pixel_spacing[1])
    large = np.flatnonzero(area > 1500.0)  # mm^2; smaller is hair, straps, the holder's end
    top = int(large[-1]) if len(large) else tissue.shape[0] - 1
    depth = volume.slice_positions[::step_k]
    near = np.flatnonzero((depth <= depth[top]) & (depth >= depth[top] - 160.0))
    k, j, i = np.nonzero(largest_piece(tissue[near]))
    if len(k):
        centre = volume.ijk_to_ras(np.array([i.mean() * step, j.mean() * step, (near[0] + k.mean()) * step_k]))
        top_point = volume.ijk_to_ras(np.array([i.mean() * step, j.mean() * step, float(top * step_k)]))
    else:
        centre = volume.image_centres[volume.shape[0] // 2]
        top_point = volume.image_centres[-1]
    extent = spacing * (np.array(shape, float)[::-1] - 1)  # (x, y, z)
    origin = np.array([centre[0] - extent[0] / 2, centre[1] - extent[1] / 2, top_point[2] + 24.0 - extent[2]])
    return Grid(np.round(origin, 3), spacing, shape)
