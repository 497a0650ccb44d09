"""The working grid around a head, and a scan's voxels on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import HEAD, Tissue
from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.volume.types import CTVolume

from . import projector

Plane = NDArray[np.float32]
ROOM = 1.2  # side of the grid to the largest extent of the head
AIR_HU = -1000.0
SKIN_MM = 2.0  # around the labelled head, where its partial volume is


class HeadGrid:
    """N x N pixels around the head, the same for every slice, and what of the scan moves with the head.

    Attributes:
        pixel_mm: of the grid; ex, ey: RAS unit vectors along its columns and rows, which are the scan's.
        from_axis_mm: (x, y) of its middle from the middle of the image, where the gantry's axis is taken to be.
    """

    def __init__(self, volume: CTVolume, tissue: NDArray[np.uint8]) -> None:
        self.volume, self.tissue = volume, tissue
        self.head = np.isin(tissue, [int(t) for t in (*HEAD, Tissue.FOREIGN)])
        self.ex, self.ey = (
            volume.row_step / np.linalg.norm(volume.row_step),
            volume.col_step / np.linalg.norm(volume.col_step),
        )
        self._spacing = volume.pixel_spacing[::-1]  # x, y
        j, i = (np.flatnonzero(self.head.any(axis=axes)) for axes in ((0, 2), (0, 1)))
        self._middle = (i[0] + i[-1]) / 2, (j[0] + j[-1]) / 2
        extent = max((i[-1] - i[0] + 1) * self._spacing[0], (j[-1] - j[0] + 1) * self._spacing[1])
        self.pixel_mm = float(ROOM * extent / projector.N)
        _, rows, columns = volume.shape
        self.from_axis_mm = (
            (self._middle[0] - (columns - 1) / 2) * self._spacing[0],
            (self._middle[1] - (rows - 1) / 2) * self._spacing[1],
        )
        self._smooth: dict[int, Plane] = {}

    def centre(self, s: int) -> Vector:
        """(3,) RAS mm of the middle of the grid in slice ``s``."""
        v = self.volume
        return np.asarray(v.origins[s] + self._middle[0] * v.row_step + self._middle[1] * v.col_step)

    def points(self, s: int) -> Vector:
        """(N, N, 3) RAS mm of the grid in slice ``s``."""
        axis = (np.arange(projector.N) - (projector.N - 1) / 2) * self.pixel_mm
        return np.asarray(self.centre(s) + axis[:, None, None] * self.ey + axis[None, :, None] * self.ex)

    def native_points(self, s: int) -> Vector:
        """(J, I, 3) RAS mm of the pixels of slice ``s``."""
        v = self.volume
        j, i = np.arange(v.shape[1])[:, None, None], np.arange(v.shape[2])[None, :, None]
        return np.asarray(v.origins[s] + j * v.col_step + i * v.row_step)

    def lifted(self, s: int, lift_mm: Vector) -> Plane:
        """(N, N) attenuation relative to water, of the head alone, in slice ``s`` when every point of it is lifted by so much."""
        hu = self.between(s, self.points(s), lift_mm)
        return np.asarray(np.where(projector.in_circle(), np.clip(1 + hu / 1000, 0, None), 0), np.float32)

    def between(self, s: int, points: Vector, lift_mm: Vector) -> Plane:
        """HU of the head without its noise at the ``points`` (..., 3) of slice ``s`` when lifted, linear between slices."""
        v = self.volume
        z = v.slice_positions
        level = np.interp(z[s] - lift_mm, z, np.arange(len(z)))
        out = np.zeros(points.shape[:-1], np.float32)
        for n in range(int(np.floor(level.min())), int(np.ceil(level.max())) + 1):
            share = np.clip(1 - np.abs(level - n), 0, None)
            if (share > 0).any():
                out += share.astype(np.float32) * self.sampled(self.smooth(n), n, points)
        return out

    def sampled(self, plane: NDArray, n: int, points: Vector, order: int = 3, beyond: float = AIR_HU) -> Plane:
        """Values of a plane of slice ``n`` where ``points`` (..., 3) fall on it along the slices' normal."""
        v = self.volume
        offset = points - v.origins[n]
        at = [offset @ self.ey / self._spacing[1], offset @ self.ex / self._spacing[0]]
        return np.asarray(ndimage.map_coordinates(plane, at, order=order, cval=beyond), np.float32)

    def smooth(self, n: int) -> Plane:
        """(J, I) HU of the head in slice ``n``, air elsewhere, without its noise: that stays where it is when the head moves."""
        if n not in self._smooth:
            hu = self.volume.hu[n].astype(np.float32)
            detail = hu - ndimage.gaussian_filter(hu, 1.2)
            limit = 4.5 * float(np.median(np.abs(detail[self.head[n]]))) if self.head[n].any() else 0.0  # 3 SD
            self._smooth[n] = np.where(self.moving(n), hu - np.clip(detail, -limit, limit), np.float32(AIR_HU))
        return self._smooth[n]

    def moving(self, n: int) -> NDArray[np.bool_]:
        """(J, I): the head in slice ``n`` with the partial volume of its skin, and no holder."""
        return self._with_skin(self.head[n]) & (self.tissue[n] != Tissue.HOLDER)

    def _with_skin(self, head: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray(ndimage.distance_transform_edt(~head, self._spacing[::-1]) <= SKIN_MM)

    def to_native(self, change: NDArray[np.floating], s: int) -> Plane:
        """(J, I) of the native slice from an (N, N) change, 0 beyond the grid."""
        offset = self.native_points(s) - self.centre(s)
        at = [offset @ axis / self.pixel_mm + (projector.N - 1) / 2 for axis in (self.ey, self.ex)]
        return np.asarray(ndimage.map_coordinates(change, at, order=3, cval=0.0), np.float32)

    def posed(self, s: int, rotation: Vector, shift: Vector, pivot: Vector) -> tuple[Plane, NDArray[np.uint8]]:
        """(J, I) HU and labels of slice ``s`` when the head rests in another pose (rad, mm, RAS); with its native noise.

        Through-plane motion adds the smooth change between slices.
        """
        v = self.volume
        here = self.native_points(s)
        flat = rotation @ v.k
        tilt = rotation - flat * v.k
        across = np.cross(tilt, ((v.origins[s] - pivot) @ v.k) * v.k) + shift
        back = here - pivot - (across - (across @ v.k) * v.k)
        source = (
            pivot
            + np.cos(flat) * back
            - np.sin(flat) * np.cross(v.k, back)
            + (1 - np.cos(flat)) * (back @ v.k)[..., None] * v.k
        )
        lift = np.cross(rotation, source - pivot) @ v.k + shift @ v.k
        labels_at = np.rint(np.interp(v.slice_positions[s] - lift, v.slice_positions, np.arange(len(v.hu)))).astype(int)
        labels = np.zeros(v.shape[1:], np.uint8)
        for n in np.unique(labels_at):
            labels = np.where(
                labels_at == n,
                self.sampled(np.where(self.tissue[n] == Tissue.HOLDER, 0, self.tissue[n]), int(n), source, 0, 0),
                labels,
            )
        labels = labels.astype(np.uint8)
        alone = np.where(self.moving(s), v.hu[s], AIR_HU).astype(np.float32)
        hu = self.sampled(alone, s, source)
        if np.abs(lift).max() > 0.02:
            hu += self.between(s, source, lift) - self.sampled(self.smooth(s), s, source)
        covered = self._with_skin(labels > 0)
        left = np.where(self.moving(s), np.float32(AIR_HU), v.hu[s])
        holder = (self.tissue[s] == Tissue.HOLDER) & (labels == 0)
        return np.where(covered, np.maximum(hu, left), left), np.where(holder, np.uint8(Tissue.HOLDER), labels)
