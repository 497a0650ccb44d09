"""The grid on which the analytic steps work: the native slices, in-plane averaged to about 1 mm, around the head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.networks.types import CoarseAnatomy
from HeadCTIQALib.volume import CTVolume

Field = NDArray[np.float32]

TARGET_MM = 0.95  # in-plane pixels are averaged up to about this size


@dataclass(frozen=True)
class WorkGrid:
    """All K native slices; rows j0 + step*[0, J') and columns i0 + step*[0, I') in blocks of step x step pixels."""

    volume: CTVolume
    j0: int
    i0: int
    rows: int
    columns: int
    step: int

    @classmethod
    def whole(cls, volume: CTVolume) -> WorkGrid:
        """Of the whole image, wherever the head is."""
        step = max(1, round(TARGET_MM / max(volume.pixel_spacing)))
        return cls(volume, 0, 0, volume.shape[1] // step, volume.shape[2] // step, step)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(K, J', I')."""
        return self.volume.shape[0], self.rows, self.columns

    @property
    def pixel(self) -> tuple[float, float]:
        """mm per work row and per work column."""
        dj, di = self.volume.pixel_spacing
        return dj * self.step, di * self.step

    def window(self, rows: slice, columns: slice) -> WorkGrid:
        """The part of the grid in work rows and columns of these ranges."""
        return WorkGrid(
            self.volume,
            self.j0 + rows.start * self.step,
            self.i0 + columns.start * self.step,
            rows.stop - rows.start,
            columns.stop - columns.start,
            self.step,
        )

    def reduce_hu(self) -> NDArray[np.int16]:
        """(K, J', I') int16 block-averaged HU."""
        out = np.empty(self.shape, np.int16)
        for s in range(self.shape[0]):  # slice by slice keeps the temporary small
            out[s] = self.slice_hu(s)
        return out

    def slice_hu(self, s: int) -> NDArray[np.int16]:
        """(J', I') int16 block-averaged HU of a slice."""
        f = self.step
        block = self.volume.hu[s, self.j0 : self.j0 + self.rows * f, self.i0 : self.i0 + self.columns * f]
        total = np.zeros(self.shape[1:], np.int32)
        for n in range(f * f):
            total += block[n // f :: f, n % f :: f]
        return (np.round(np.multiply(total, 1.0 / (f * f), dtype=np.float32)) if f > 1 else total).astype(np.int16)

    def reduce_mask(self, mask: NDArray[np.bool_] | NDArray[np.uint8]) -> NDArray:
        """(K, J', I') nearest-pixel sample of a native array."""
        half, f = self.step // 2, self.step
        return np.ascontiguousarray(
            mask[:, self.j0 + half : self.j0 + self.rows * f : f, self.i0 + half : self.i0 + self.columns * f : f]
        )

    def expand(self, labels: NDArray, out: NDArray) -> None:
        """Write (K, J', I') labels into the native (K, J, I) array ``out`` inside the box, and beside it where the image ends within a block."""
        f = self.step
        js, is_ = slice(self.j0, self.j0 + self.rows * f), slice(self.i0, self.i0 + self.columns * f)
        for s in range(self.shape[0]):
            box, wide = out[s, js, is_], np.repeat(labels[s], f, axis=1)
            for a in range(f):
                box[a::f] = wide
            if 0 < out.shape[2] - is_.stop < f:
                out[s, js, is_.stop :] = out[s, js, is_.stop - 1 : is_.stop]
            if 0 < out.shape[1] - js.stop < f:
                out[s, js.stop :, is_.start :] = out[s, js.stop - 1, is_.start :]

    def _line(self, s: int) -> tuple[Vector, Vector, Vector]:
        half = 0.5 * (self.step - 1)
        v = self.volume
        start = v.origins[s] + (self.i0 + half) * v.row_step + (self.j0 + half) * v.col_step
        return start, v.row_step * self.step, v.col_step * self.step

    def forwards(self, coarse: CoarseAnatomy) -> Field:
        """(K, J', I') template mm in front of the ear canals, by the pose."""
        y = np.linalg.pinv(coarse.pose)[1]
        out = np.empty(self.shape, np.float32)
        for s in range(self.shape[0]):
            start, column, row = self._line(s)
            along_rows, along_columns = (
                np.arange(n) * (y[:3] @ step) for n, step in ((self.rows, row), (self.columns, column))
            )
            out[s] = y[:3] @ start + y[3] + np.add.outer(along_rows, along_columns)
        return out

    def sample(self, field: NDArray, coarse: CoarseAnatomy, outside: float = 0.0, slices: slice = slice(None)) -> Field:
        """(K, J', I') trilinear values of a coarse (Z, Y, X) field at the work pixels; of some ``slices`` only those."""
        field = np.asarray(field, np.float32)
        wanted = range(self.shape[0])[slices]
        out = np.empty((len(wanted), *self.shape[1:]), np.float32)
        for n, s in enumerate(wanted):
            out[n] = self._sample_slice(field, coarse, s, (0, self.rows), (0, self.columns), outside)
        return out

    def sample_at(self, field: NDArray, coarse: CoarseAnatomy, mask: NDArray[np.bool_], outside: float = 0.0) -> Field:
        """(..., N) values of :meth:`sample` at the True work pixels of ``mask``, without computing the others.

        ``field`` is (..., Z, Y, X): several fields at once cost less than one by one.
        """
        field = np.asarray(field, np.float32)
        parts = [np.empty((*field.shape[:-3], 0), np.float32)]
        for s in range(self.shape[0]):
            rows, columns = np.flatnonzero(mask[s].any(axis=1)), np.flatnonzero(mask[s].any(axis=0))
            if len(rows):
                js, is_ = (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)
                values = self._sample_slice(field, coarse, s, js, is_, outside)
                parts.append(values[..., mask[s, js[0] : js[1], is_[0] : is_[1]]])
        return np.concatenate(parts, axis=-1)

    def _sample_slice(
        self, field: Field, coarse: CoarseAnatomy, s: int, js: tuple[int, int], is_: tuple[int, int], outside: float
    ) -> Field:
        """(..., rows, columns) values in work rows js[0] .. js[1] and columns is_[0] .. is_[1] of slice s.

        Rows that run along the coarse x axis (every scan that was not resampled obliquely, gantry tilt included) are
        separable: bilinear in (z, y) per row, then one matrix product along x.
        """
        first, along_i, along_j = self._line(s)
        start, di, dj = (first - coarse.origin) / coarse.spacing, along_i / coarse.spacing, along_j / coarse.spacing
        n_j, n_i = np.arange(*js), np.arange(*is_)
        if np.hypot(di[1], di[2]) * self.columns < 0.25 and abs(dj[0]) * self.rows < 0.25:
            x, y, z = start[0] + di[0] * n_i, start[1] + dj[1] * n_j, start[2] + dj[2] * n_j
            if np.ptp(z) < 1e-6:  # not tilted: one plane of the field serves all rows
                lines = _weights(float(y[0]), float(dj[1]), len(y), field.shape[-2]) @ _plane(
                    field, float(z[0]), outside
                )
                lines[..., (y < -0.5) | (y > field.shape[-2] - 0.5), :] = outside
            else:
                lines = _bilinear(field, z, y, outside)
            out = np.asarray(lines @ _weights(float(x[0]), float(di[0]), len(x), field.shape[-1]).T, np.float32)
            out[..., (x < -0.5) | (x > field.shape[-1] - 0.5)] = outside
            return out
        p = start + n_j[:, None, None] * dj + n_i[None, :, None] * di
        at = [p[..., 2], p[..., 1], p[..., 0]]
        each = [ndimage.map_coordinates(f, at, order=1, cval=outside) for f in field.reshape(-1, *field.shape[-3:])]
        return np.asarray(each, np.float32).reshape(*field.shape[:-3], *p.shape[:2])


@lru_cache(maxsize=8)
def _weights(start: float, step: float, count: int, n: int) -> Field:
    """(count, n) linear interpolation matrix at start, start + step, ..., clamped at the ends; the same for most slices."""
    x = np.clip(start + step * np.arange(count), 0, n - 1)
    low = np.minimum(x.astype(int), n - 2)
    w = np.zeros((count, n), np.float32)
    rows = np.arange(count)
    w[rows, low] = 1 - (x - low)
    w[rows, low + 1] = x - low
    w.flags.writeable = False
    return w


def _plane(field: Field, z: float, outside: float) -> Field:
    """(..., Y, X) values of field[..., z, :, :], clamped within half a voxel and ``outside`` beyond."""
    n = field.shape[-3]
    if z < -0.5 or z > n - 0.5:
        return np.full((*field.shape[:-3], *field.shape[-2:]), outside, np.float32)
    z = min(max(z, 0.0), n - 1.0)
    low = min(int(z), n - 2)
    return np.asarray(field[..., low, :, :] * (1 - (z - low)) + field[..., low + 1, :, :] * (z - low), np.float32)


def _bilinear(field: Field, z: Vector, y: Vector, outside: float) -> Field:
    """(..., len(z), X) values of field[..., z, y, :], clamped within half a voxel and ``outside`` beyond."""
    n_z, n_y = field.shape[-3:-1]
    beyond = (z < -0.5) | (z > n_z - 0.5) | (y < -0.5) | (y > n_y - 0.5)
    z, y = np.clip(z, 0, n_z - 1), np.clip(y, 0, n_y - 1)
    z0, y0 = np.minimum(z.astype(int), n_z - 2), np.minimum(y.astype(int), n_y - 2)
    fz, fy = (z - z0).astype(np.float32)[:, None], (y - y0).astype(np.float32)[:, None]
    lower = field[..., z0, y0, :] * (1 - fy) + field[..., z0, y0 + 1, :] * fy
    upper = field[..., z0 + 1, y0, :] * (1 - fy) + field[..., z0 + 1, y0 + 1, :] * fy
    out = lower * (1 - fz) + upper * fz
    out[..., beyond, :] = outside
    return out


def work_grid(volume: CTVolume, coarse: CoarseAnatomy, margin_mm: float = 25.0) -> WorkGrid:
    """The box of native pixels around the coarse head (plus ``margin_mm``), at about 1 mm in-plane.

    Raises:
        InputError: the network saw no head at all.
    """
    head = head_probability(coarse) > 0.5
    if not head.any():
        raise InputError(f"No head was found in the scan {volume.source.called!r}; give a head CT.")
    index = np.argwhere(head)
    ras = coarse.origin + coarse.spacing * index[:, ::-1]
    position = ras @ volume.k
    inside = (position > volume.slice_positions[0] - 10) & (position < volume.slice_positions[-1] + 10)
    ijk = volume.ras_to_ijk(ras[inside] if inside.any() else ras)
    dj, di = volume.pixel_spacing
    step = WorkGrid.whole(volume).step
    low = np.floor(ijk.min(axis=0) - margin_mm / np.array([di, dj, 1.0])).astype(int)
    high = np.ceil(ijk.max(axis=0) + margin_mm / np.array([di, dj, 1.0])).astype(int)
    _, jj, ii = volume.shape
    i0, j0 = int(np.clip(low[0], 0, ii - 2 * step)), int(np.clip(low[1], 0, jj - 2 * step))
    columns, rows = (int(min(high[0], ii)) - i0) // step, (int(min(high[1], jj)) - j0) // step
    return WorkGrid(volume, j0, i0, max(2, rows), max(2, columns), step)


def grown_box(mask: NDArray[np.bool_], margin: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    """The box of a (K, J', I') mask that is not empty, grown by ``margin`` voxels within the array."""
    plane: NDArray[np.bool_] = np.any(mask, axis=0)
    present = (mask.any(axis=(1, 2)), plane.any(axis=1), plane.any(axis=0))
    k, j, i = (
        slice(max(0, int(w[0]) - m), min(n, int(w[-1]) + 1 + m))
        for w, m, n in zip(map(np.flatnonzero, present), margin, mask.shape, strict=True)
    )
    return k, j, i


def head_probability(coarse: CoarseAnatomy) -> Field:
    """(Z, Y, X) probability of anything that is neither outside nor holder."""
    return 1.0 - coarse.probabilities[0] - coarse.probabilities[10]


def signed_distance(mask: NDArray[np.bool_], spacing: float) -> Field:
    """mm to the surface of a coarse mask, positive inside; the surface lies between voxels."""
    if not mask.any():
        return np.full(mask.shape, -1e3, np.float32)
    inside = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask)
    return ((np.maximum(inside - 0.5, 0) - np.maximum(outside - 0.5, 0)) * spacing).astype(np.float32)


def soft_signed_distance(probability: NDArray[np.float32], spacing: float) -> Field:
    """Signed distance of the 0.5 surface, sub-voxel near the surface from the probability's own slope."""
    sdf = signed_distance(probability > 0.5, spacing)
    near = np.abs(sdf) < spacing
    # a boundary voxel's probability tells where in the voxel the surface passes
    sdf[near] = 0.5 * sdf[near] + 0.5 * spacing * 2.0 * (probability[near] - 0.5)
    return sdf
