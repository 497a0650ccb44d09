"""Canvas: sample points of one slab of a scan, painted solid by solid with partial volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.synthesis.shapes import Array, Point, chain


@dataclass(frozen=True)
class Canvas:
    """Points with the HU and the tissue painted so far; a window shares its memory.

    Attributes:
        x, y, z: (...) float32 canonical mm.
        hu: (...) float32, painted in place.
        label: (...) uint8, painted in place.
        blur_mm: width of the partial volume ramp (the distance between sample points).
        lattice: maps canonical points to indices of the slab, or None for loose points.
    """

    x: Array
    y: Array
    z: Array
    hu: Array
    label: NDArray[np.uint8]
    blur_mm: float
    lattice: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    offset: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def blank(cls, x: Array, y: Array, z: Array, blur_mm: float, lattice: tuple[Any, Any] | None = None) -> Canvas:
        """Room air everywhere."""
        return cls(x, y, z, np.full(x.shape, -1000, np.float32), np.zeros(x.shape, np.uint8), blur_mm, lattice)

    def window(self, low: tuple[float, float, float], high: tuple[float, float, float], side: int = 1) -> Canvas | None:
        """The part that may lie in the box low..high (canonical mm, of the right side; ``side`` -1 mirrors x).

        In a window of side -1 the x axis runs to the left, so that one description paints both sides.
        Returns None when no sample lies in the box.
        """
        if self.lattice is None or self.x.ndim != 3:
            return self if side == 1 else self._sliced((Ellipsis,), side)
        ends = np.array([low, high], float) + np.array([[-1.0], [1.0]]) * (3.0 + self.blur_mm)
        if side < 0:
            ends[:, 0] = -ends[::-1, 0]
        corners = np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1).reshape(-1, 3)
        matrix, shift = self.lattice
        index = corners @ matrix.T + shift - np.array(self.offset)
        first = np.maximum(np.floor(index.min(axis=0)).astype(int), 0)
        last = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, self.x.shape)
        if (last <= first).any():
            return None
        part = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        return self._sliced(part, side, tuple(int(o + a) for o, a in zip(self.offset, first, strict=True)))

    def _sliced(self, part: tuple[Any, ...], side: int, offset: tuple[int, ...] = (0, 0, 0)) -> Canvas:
        x = self.x[part] if side > 0 else -self.x[part]
        o = (offset[0], offset[1], offset[2])
        return Canvas(
            x,
            self.y[part],
            self.z[part],
            self.hu[part],
            self.label[part],
            self.blur_mm,
            self.lattice if side > 0 else None,
            o,
        )

    def rods(
        self,
        points: tuple[Point, ...],
        radii: tuple[float, ...],
        tissue: Tissue | None,
        hu: float,
        *,
        side: int = 1,
        over: tuple[Tissue, ...] = (Tissue.SOFT,),
        core: tuple[float, float] | None = None,
    ) -> None:
        """Paint a chain of rods over the tissues ``over``; ``core`` is (depth mm, HU) of a different inside."""
        ends, r = np.array(points), max(radii)
        low, high = ends.min(axis=0) - r, ends.max(axis=0) + r
        w = self.window((low[0], low[1], low[2]), (high[0], high[1], high[2]), side)
        if w is None:
            return
        keep = w.other_than(*over)
        d = chain(w.x, w.y, w.z, points, radii)
        w.paint(d, tissue, hu, keep)
        if core is not None:
            w.paint(d + np.float32(core[0]), None, core[1], keep)

    def other_than(self, *tissues: Tissue) -> NDArray[np.bool_]:
        """Samples whose label is none of ``tissues``, for ``keep``."""
        keep = self.label != int(tissues[0])
        for t in tissues[1:]:
            keep &= self.label != int(t)
        return keep

    def points(self, where: NDArray[np.bool_]) -> Canvas:
        """Loose copies of the points in ``where``; give them back with :meth:`put`."""
        return Canvas(self.x[where], self.y[where], self.z[where], self.hu[where], self.label[where], self.blur_mm)

    def put(self, where: NDArray[np.bool_], painted: Canvas) -> None:
        """Write the points taken by :meth:`points` back."""
        self.hu[where] = painted.hu
        self.label[where] = painted.label

    def coverage(self, d: Array) -> Array:
        """Fraction of the sample's neighbourhood inside the solid with signed distance d."""
        return np.asarray(np.minimum(np.maximum(np.float32(0.5) - d * np.float32(1 / self.blur_mm), 0), 1), np.float32)

    def paint(self, d: Array, tissue: Tissue | None, hu: float | Array, keep: NDArray[np.bool_] | None = None) -> None:
        """Fill the solid d < 0; ``keep`` protects samples, ``tissue`` None leaves the labels."""
        self._blend(self.coverage(d), tissue, hu, keep, 0.5)

    def sheet(
        self,
        d: Array,
        half_mm: float | Array,
        tissue: Tissue | None,
        hu: float | Array,
        keep: NDArray[np.bool_] | None = None,
    ) -> None:
        """Fill the thin wall abs(d) < half_mm, however thin: a wall below the sampling only raises the HU in proportion."""
        half = np.float32(self.blur_mm / 2)
        alpha = np.clip(
            (half_mm + half - np.abs(d)) / (2 * half), 0, np.minimum(1, np.asarray(half_mm, np.float32) / half)
        )
        self._blend(np.asarray(alpha, np.float32), tissue, hu, keep, 0.5)

    def _blend(
        self, alpha: Array, tissue: Tissue | None, hu: float | Array, keep: NDArray[np.bool_] | None, level: float
    ) -> None:
        if keep is not None:
            alpha = np.where(keep, np.float32(0), alpha)
        np.add(self.hu, alpha * (np.asarray(hu, np.float32) - self.hu), out=self.hu)
        if tissue is not None:
            self.label[alpha >= level] = int(tissue)
