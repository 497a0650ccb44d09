"""Values that no detector gave: areas of one value where the slices beside show the patient, written in part or painted over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .likeness import cell

if TYPE_CHECKING:
    from .geometry import Stack

_BODY_HU = -300
_LEAST_CM2 = 4.0  # of one value, and of patient in its place
_AIR_HU = -850
_FREQUENT = 0.02  # of the air of most slices, or of other slices: what was masked or cut off, whose outline is the patient's own
_MASKED = 0.7  # of the air in the middle of the scan has one value
_ALWAYS = 0.5  # of the slices have one value in a cell: outside the field of view
_FIELD = 0.15  # of the last slice, which may be the corner of a resampled volume
_GROWTH = 0.5  # of the first area of a corner that grows from slice to slice is added by the next
_METAL_CM2 = 20.0
_WIDE_MM = 20.0  # a strip that is taken away; the outline itself moves by less from slice to slice
_FLATTEST_MM = 100.0  # radius of curvature of the flattest outline of a head


def partly_blank(stack: Stack, slices: list[int]) -> list[int]:
    """Those of ``slices`` in which an area of one value takes the place of the patient.

    Noise gives no area of one value.  Where air was masked, or cut off at the lowest value, areas of that value are what is
    beside the patient; only a straight edge tells that something was taken away.
    """
    if len(slices) < 3 or min(stack.voxels.shape[1:]) < 2:
        return []
    if (
        int(stack.voxels[slices[len(slices) // 2]].min()) > _BODY_HU
    ):  # without air: cut off at a window, which is refused as such
        return []
    cells = _Cells(stack, slices)
    excess = [cells.excess(n) for n in range(len(slices))]
    areas = np.array([cells.cm2(x) for x in excess])
    centre = min(
        range(len(slices) // 3, len(slices) - len(slices) // 3), key=lambda n: (areas[n], abs(n - len(slices) // 2))
    )
    found: set[int] = set()
    for outward in (range(centre, len(slices)), range(centre, -1, -1)):
        good = centre
        for n in outward:
            if n != centre and (cells.replaced(excess[n], n, good) or cells.cut(n, good)):
                if not is_corner(
                    areas[list(outward)],
                    abs(n - centre),
                    cells.at_border(excess[n]),
                    cells.cm2(np.ones_like(excess[n])),
                ):
                    found.add(n)
            else:
                good = n
    return [slices[n] for n in sorted(found)]


class _Cells:
    """What a stack holds at the corner of every cell of about 4 mm, and where four pixels there have one value."""

    def __init__(self, stack: Stack, slices: list[int]) -> None:
        from scipy import ndimage

        self._ndimage = ndimage
        self._stack, self._slices = stack, slices
        step, self.mm = cell(stack)
        self._wide = max(2, round(_WIDE_MM / self.mm))
        _, rows, columns = stack.voxels.shape
        value, *others = (
            stack.voxels[:, j : rows - 1 + j : step, i : columns - 1 + i : step][slices]
            for j, i in ((0, 0), (0, 1), (1, 0), (1, 1))
        )
        flat = value == others[0]
        for other in others[1:]:
            flat &= value == other
        self.value, self.flat = value, flat
        self.masks: list[int] = []
        structural = flat.mean(axis=0) >= _ALWAYS
        inner = flat & ~structural
        numbers, counts = np.unique(value[inner], return_counts=True)
        candidates = numbers[counts > _FREQUENT * value[0].size]
        air, quarter = value < _AIR_HU, len(slices) // 4
        middle = slice(quarter, len(slices) - quarter)
        for v in (int(v) for v in candidates):
            same = flat & (value == v)
            of = air & ~structural if v < _AIR_HU else np.ones_like(air)
            frequent = np.median((same & ~structural).sum(axis=(1, 2)) / np.maximum(1, of.sum(axis=(1, 2)))) > _FREQUENT
            everywhere = (
                v < _AIR_HU
                and np.median(same[middle].sum(axis=(1, 2)) / np.maximum(1, air[middle].sum(axis=(1, 2)))) > _MASKED
            )
            if frequent or everywhere:
                self.masks.append(v)
        self._inner = inner & ~np.isin(value, self.masks)
        self._top = int(value.max())

    def cm2(self, mask: NDArray[np.bool_]) -> float:
        return float(np.count_nonzero(mask)) * self.mm**2 / 100

    def excess(self, n: int) -> NDArray[np.bool_]:
        """Cells of slice ``n`` in areas of one value that is not what the scan has beside the patient."""
        return self._areas(self._inner[n], n)

    def _areas(self, mask: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
        if self.cm2(mask) < _LEAST_CM2:
            return np.zeros_like(mask)
        opened = self._ndimage.binary_opening(mask, np.ones((2, 2)))
        labels, _ = self._ndimage.label(opened)
        sizes = np.bincount(labels.ravel()) * self.mm**2 / 100
        sizes[0] = 0
        metal = self._ndimage.maximum(self.value[n], labels, np.arange(len(sizes))) == self._top
        return np.asarray(np.isin(labels, np.flatnonzero((sizes >= _LEAST_CM2) & ~(metal & (sizes < _METAL_CM2)))))

    def body(self, n: int) -> NDArray[np.bool_]:
        return np.asarray(self.value[n] > _BODY_HU) & ~self.flat[n]

    def replaced(self, area: NDArray[np.bool_], n: int, good: int) -> bool:
        """Whether ``area`` of slice ``n`` lies where slice ``good`` shows the patient; air as far as a head that moves leaves it behind does not count."""
        if not area.any():
            return False
        gone = area & self.body(good)
        air = gone & (self.value[n] < _AIR_HU)
        wide = self._ndimage.binary_opening(air, np.ones((self._wide, self._wide)))
        return self.cm2((gone & ~air) | wide) >= _LEAST_CM2

    def cut(self, n: int, good: int) -> bool:
        """Whether masked air takes the place of the patient with a straight edge."""
        if not self.masks:
            return False
        air = self.flat[n] & np.isin(self.value[n], self.masks)
        gone = air & self.body(good)
        if self.cm2(gone) < 2 * _LEAST_CM2:
            return False
        gone = self._ndimage.binary_opening(gone, np.ones((self._wide, self._wide)))
        return self._straight(gone, self.value[n] > _BODY_HU)

    def _straight(self, gone: NDArray[np.bool_], body: NDArray[np.bool_]) -> bool:
        longest = max(60.0, 2.5 * float(np.sqrt(2 * _FLATTEST_MM * self.mm)))
        for a, b in ((gone, body), (gone.T, body.T)):
            for border in (a[1:] & b[:-1], a[:-1] & b[1:]):
                if border.sum(axis=1).max(initial=0) * self.mm >= longest:
                    return True
        return False

    def at_border(self, area: NDArray[np.bool_]) -> bool:
        return bool(area[0].any() or area[-1].any() or area[:, 0].any() or area[:, -1].any())


def is_corner(areas: NDArray[np.float64], at: int, at_border: bool, field: float) -> bool:
    """Whether an area of one value in the last slices grows from slice to slice, as what lies outside a resampled scan does.

    Args:
        areas: cm2 in every slice from the middle of the scan to its end; at: the slice in question.
        at_border: whether its area reaches the border of the image; field: cm2 of the whole image.
    """
    zeros = np.flatnonzero(areas == 0)
    first = int(zeros[zeros < at][-1]) + 1 if (zeros < at).any() else at
    if not at_border or (zeros > at).any() or areas[at] == 0:
        return False
    if first == len(areas) - 1:
        return bool(areas[at] <= _FIELD * field)
    return bool(areas[first + 1] - areas[first] >= _GROWTH * areas[first])
