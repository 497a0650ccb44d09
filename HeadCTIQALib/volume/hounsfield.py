"""Stored values to HU where the header cannot be right: what air, tissue and the neighbouring slices say is believed instead.

A value is read in another way only where exactly one other way makes sense, and that is always told.  Nothing here touches a
slice that fits: strong kernels, metal to 30,000 HU and any padding stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .scale import fits

Tags = tuple[float, float]  # RescaleSlope and RescaleIntercept

_AIR = (-1150, -850)
_TISSUE = (-100, 150)
_STEP = 6  # slices are compared on every sixth pixel of every sixth row
_OFF_HU = 15  # neighbouring slices differ by less in air
_FITS_HU = 12
_NONSENSE_HU = 150  # air cannot differ by this between neighbours
_SAME_AIR_HU = 40  # slices of a scan have air of the same HU, within what streaks and scatter do
_LEAST = 0.01  # of a slice is air, and of one through the head tissue
_BONE_HU = 500  # where the neighbour has tissue
_NO_TISSUE = 0.001  # of a slice
_PIXELS = 20  # compared in air or tissue at least
_AMBIGUOUS = 0.02  # of the pixels differ between two readings that are not the same


@dataclass(frozen=True)
class Reading:
    """A way to read stored values.

    Attributes:
        words: what it repairs, for the sentence "2 slices were read ...".
        slope, intercept: of the rescale.
        expected: only the rescale tags differ, and those are the ones of most slices.
        values: from the stored values to those that were meant.
    """

    words: str
    slope: float
    intercept: float
    expected: bool = False
    values: Callable[[NDArray[np.int32]], NDArray[np.int32]] = lambda v: v

    def __call__(self, stored: NDArray[np.integer]) -> NDArray[np.int32]:
        """(J, I) HU, not clipped."""
        wide = self.values(stored.astype(np.int32)) * np.float64(self.slope) + self.intercept
        return np.rint(np.clip(wide, -(2**30), 2**30)).astype(np.int32)


def _twelve_signed(v: NDArray[np.int32]) -> NDArray[np.int32]:
    return ((v & 0xFFF) ^ 0x800) - 0x800


def _sixteen_signed(v: NDArray[np.int32]) -> NDArray[np.int32]:
    return ((v & 0xFFFF) ^ 0x8000) - 0x8000


class Format(NamedTuple):
    """A way to read words: what it repairs, as in :class:`Reading`, and from the stored values to those that were meant."""

    words: str
    values: Callable[[NDArray[np.int32]], NDArray[np.int32]]

    @property
    def note(self) -> str:
        """For the reader of the scan."""
        return f"All slices were read {self.words}: as their header describes them they show no air or no tissue."


def _exchanged(v: NDArray[np.int32]) -> NDArray[np.int32]:
    return _sixteen_signed((v & 0xFF) << 8 | v >> 8 & 0xFF)


_FORMATS = (
    Format("", lambda v: v),
    Format("as signed 16-bit values", _sixteen_signed),
    Format("as unsigned 16-bit values", lambda v: v & 0xFFFF),
    Format("as signed 12-bit values", _twelve_signed),
    Format("as unsigned 12-bit values", lambda v: v & 0xFFF),
    Format("as left-aligned 12-bit values", lambda v: v >> 4),
    Format("with the two bytes of every value exchanged", _exchanged),
)


def readings(tags: Tags, usual: Tags) -> list[Reading]:
    """Other ways to read a slice with `tags`, where most slices have those of `usual`."""
    found = []
    for words, values in _FORMATS:
        for own in dict.fromkeys((usual, tags)):
            borrowed = "with the rescale tags of the other slices" if own != tags else ""
            if words or borrowed:
                told = " and ".join(w for w in (words, borrowed) if w)
                found.append(Reading(told, *own, expected=not words, values=values))
    return [
        *found,
        *(Reading(f"with {offset:+d} HU", usual[0], usual[1] + offset) for offset in (-1024, 1024, -1000, 1000)),
    ]


def whole_format(stored: Sequence[tuple[NDArray[np.integer], Tags]]) -> Format | None:
    """The one other format in which all slices of a scan are HU, with their own rescale tags; None where none or several are.

    Args:
        stored: values of some slices, and their tags.
    """
    fitting: list[tuple[Format, NDArray[np.float64]]] = []
    for words, values in _FORMATS if stored else ():
        hu = np.concatenate(
            [(values(v.astype(np.int32)) * np.float64(slope) + intercept).ravel() for v, (slope, intercept) in stored]
        )
        if fits(hu):
            fitting.append((Format(words, values), hu))
    if not fitting or any((fitting[0][1] != hu).mean() > _AMBIGUOUS for _, hu in fitting[1:]):
        return None
    return fitting[0][0] if fitting[0][0].words else None


def air_level(plane: NDArray[np.int16]) -> float | None:
    """Median HU of air in a slice; None where it shows no air near -1000, or little of it and nothing near the HU of tissue."""
    sample = plane[::_STEP, ::_STEP]
    air = sample[(sample > _AIR[0]) & (sample < _AIR[1])]
    tissue = float(((sample > _TISSUE[0]) & (sample < _TISSUE[1])).mean())
    share = air.size / sample.size
    return float(np.median(air)) if share >= _LEAST and (tissue >= _LEAST or share > 0.9) else None


class Neighbours:
    """Compares a slice with those beside it.

    Args:
        hu: (K, J, I) in order of position, padding: the same shape or None.
        tags: of every slice; skip: slices that hold nothing.

    Attributes:
        usual: tags of most slices that can be right, None where there are none.
    """

    def __init__(
        self, hu: NDArray[np.int16], padding: NDArray[np.bool_] | None, tags: Sequence[Tags], skip: Collection[int] = ()
    ) -> None:
        self._planes = hu[:, ::_STEP, ::_STEP]
        self._padding = None if padding is None else padding[:, ::_STEP, ::_STEP]
        self._tags = tags
        levels = {k: level for k in range(len(hu)) if k not in skip and (level := air_level(hu[k])) is not None}
        middle = float(np.median(list(levels.values()))) if levels else 0.0
        self.sound = [k for k, level in levels.items() if abs(level - middle) <= _SAME_AIR_HU]
        common = Counter(tags[k] for k in self.sound).most_common(1)
        self.usual = common[0][0] if common else None
        if common and common[0][1] > max(3, len(self.sound) // 2):
            self.sound = [k for k in self.sound if tags[k] == self.usual]

    def difference(self, k: int, plane: NDArray[np.integer]) -> tuple[float, float]:
        """HU in air and in tissue (medians, without sign) by which `plane` as slice `k` differs from the neighbour it fits better."""
        return self._difference(k, plane[::_STEP, ::_STEP])

    def _difference(self, k: int, sample: NDArray[np.integer]) -> tuple[float, float]:
        beside = [n for n in self.sound if n < k][-1:] + [n for n in self.sound if n > k][:1]
        return min((self._pair(n, sample.astype(np.int32)) for n in beside), key=max, default=(0.0, 0.0))

    def is_nonsense(self, k: int) -> bool:
        """Whether slice `k` differs from its neighbours by more than anatomy can: air is air in any slice, and no slice is bone without tissue."""
        air, tissue = self._difference(k, self._planes[k])
        soft = (self._planes[k] > _TISSUE[0]) & (self._planes[k] < _TISSUE[1])
        return air > _NONSENSE_HU or (
            tissue > _BONE_HU and bool((self._planes[k] > _BONE_HU).mean() > _LEAST) and bool(soft.mean() < _NO_TISSUE)
        )

    def _pair(self, n: int, a: NDArray[np.int32]) -> tuple[float, float]:
        b = self._planes[n]
        found = []
        for low, high in (_AIR, _TISSUE):
            where = (b > low) & (b < high)
            if self._padding is not None:
                where &= ~self._padding[n]
            found.append(abs(float(np.median(a[where] - b[where]))) if np.count_nonzero(where) >= _PIXELS else 0.0)
        return found[0], found[1]

    def misfits(self) -> list[int]:
        """Slices that cannot be what the header says, going by air and by the slices beside them.

        Nothing where most slices are odd: what is wrong with a whole scan is no matter of neighbours.
        """
        if len(self.sound) < max(3, len(self._planes) // 4):
            return []
        found, sound = [], set(self.sound)
        for k, plane in enumerate(self._planes):
            air, tissue = self._difference(k, plane)
            if (
                air > _OFF_HU
                or (self._tags[k] != self.usual and tissue > _OFF_HU)
                or (k not in sound and max(air, tissue) > _NONSENSE_HU)
            ):
                found.append(k)
        # a misfit is no neighbour to judge by, unless all are
        rest = [k for k in self.sound if k not in set(found)]
        if len(rest) >= 3:
            self.sound = rest
        return found

    def repaired(self, k: int, stored: NDArray[np.integer]) -> Reading | None:
        """The other reading of slice `k` that fits its neighbours much better, or None."""
        if self.usual is None:
            return None
        air_before, tissue_before = self._difference(k, self._planes[k])
        fits = []
        for n, reading in enumerate(readings(self._tags[k], self.usual)):
            air, tissue = self.difference(k, reading(stored))
            if reading.expected:  # needs no proof by tissue, which changes from slice to slice at the ends of a head
                better = air_before > _OFF_HU or 2 * tissue < tissue_before
            else:
                better = tissue <= _FITS_HU and 2 * max(air, tissue) < max(air_before, tissue_before)
            if air <= _FITS_HU and better:
                fits.append((not reading.expected, max(air, tissue), n, reading))
        return min(fits, key=lambda f: f[:3])[3] if fits else None
