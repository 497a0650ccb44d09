"""How unlike each other the slices of a stack are, in cells of about 4 mm."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .types import Vector

if TYPE_CHECKING:
    from .geometry import Stack

Plane = NDArray[np.float32]

SOFT_HU = (-100, 150)
_CELL_MM = 4.0
_LEAST_PIXEL_MM = 0.05  # no CT has smaller ones; what is said of them is refused later
_CEILING_HU = 300  # bone and metal count no more than this, or they alone would decide
_BODY_HU = -300
_LEAST_PIXELS = 40
_EDGE_HU = 60  # differences beyond are edges, not noise


def cell(stack: Stack) -> tuple[int, float]:
    """Pixels to the side of a cell of about 4 mm, and its width in mm."""
    pixel = max(_LEAST_PIXEL_MM, float(np.sqrt(np.linalg.norm(stack.row_step) * np.linalg.norm(stack.col_step))))
    step = max(1, round(_CELL_MM / pixel))
    return step, pixel * step


class Slices:
    """The slices of a stack in cells.

    Args:
        stack: axial, in order.
        shown: the slices to look at; all others are as if they were not there.
        positions: (K,) mm along the slice normal, of all slices.

    Attributes:
        z: (N,) mm.
        cells: (N, J', I') HU, the means of some pixels of every cell.
        cell_mm: width of a cell.
    """

    def __init__(self, stack: Stack, shown: Sequence[int], positions: Vector) -> None:
        index = list(shown)
        self.z = positions[index]
        step, self.cell_mm = cell(stack)
        half = step // 2
        _, rows, columns = stack.voxels.shape
        rows, columns = max(step, rows // step * step), max(step, columns // step * step)
        corners = (
            [(0, 0), (0, 1), (1, 0), (1, 1), (half, half), (half, half + 1), (half + 1, half), (half + 1, half + 1)]
            if step > 3
            else [(0, 0), (0, 1), (1, 0), (1, 1)][: step * step]
        )
        samples = [stack.voxels[:, j:rows:step, i:columns:step][index] for j, i in corners]
        self.cells: NDArray[np.float32] = samples[0].astype(np.float32)
        for sample in samples[1:]:
            self.cells += sample
        self.cells /= np.float32(len(samples))
        self._pairs = (samples[0], samples[1]) if step > 1 else (samples[0][:, ::2, 1:], samples[0][:, ::2, :-1])
        self._known: dict[tuple[int, int], float] = {}

    def __len__(self) -> int:
        return len(self.z)

    def chosen(self, numbers: Sequence[int]) -> Slices:
        """Some of the slices."""
        if len(numbers) == len(self):
            return self
        index, some = list(numbers), object.__new__(Slices)
        some.z, some.cell_mm, some.cells = self.z[index], self.cell_mm, self.cells[index]
        some._pairs, some._known = (self._pairs[0][index], self._pairs[1][index]), {}
        return some

    @cached_property
    def capped(self) -> NDArray[np.float32]:
        """The cells within -1000 and 300 HU."""
        return np.clip(self.cells, -1000, _CEILING_HU)

    @cached_property
    def body_cm2(self) -> Vector:
        """(N,) cm2 of what is denser than fat or air."""
        return (self.cells > _BODY_HU).sum(axis=(1, 2)) * self.cell_mm**2 / 100

    @cached_property
    def noise(self) -> Vector:
        """(N,) HU, mean difference of pixels side by side in soft tissue; NaN where there is little of it."""
        found = np.full(len(self), np.nan)
        for n, (a, b) in enumerate(zip(*self._pairs, strict=True)):
            soft = (a > SOFT_HU[0]) & (a < SOFT_HU[1])
            differences = np.abs(a[soft].astype(np.int32) - b[soft])
            differences = differences[differences < _EDGE_HU]
            if differences.size >= _LEAST_PIXELS:
                found[n] = differences.mean()
        return found

    def unlike(self, a: int, b: int) -> float:
        """Mean absolute difference of two slices in HU."""
        key = (a, b) if a < b else (b, a)
        if key not in self._known:
            self._known[key] = difference(self.capped[a], self.capped[b])
        return self._known[key]


def difference(a: Plane, b: Plane) -> float:
    """Mean absolute difference of two slices in HU."""
    return float(np.abs(a - b).mean())
