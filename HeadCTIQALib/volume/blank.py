"""What holds no patient is no image: blank slices and margins are taken away before anything is measured.

Resampling, tilt correction, registration and archives add slices and margins of one value, and copying that was
interrupted leaves slices without content.  Left in, they would count as coverage, and would move the centre of the image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .belonging import COPY, SEVERAL, misplaced
from .constant import partly_blank
from .likeness import Slices
from .margins import AIR_HU, MOSTLY, RANGE_HU, share, without_margins
from .types import Lost, Vector

if TYPE_CHECKING:
    from .geometry import Stack

_STEP = 4  # slices are judged on every fourth pixel of every fourth row, and doubts settled on all of them
_STRAY = 0.002  # fraction of a blank slice that may hold something else: a burned-in letter
_BODY_HU = -300
_SAME_AIR = 0.9  # of the air beside the head has the value of a blank slice where air was set to one value
_SELDOM = 0.3  # fraction of fill in the middle of a resampled volume
_FLATTEST_MM = 100.0  # radius of curvature of the flattest top of a head
_LEAST_CM2 = 5.0
_REST = 0.15  # of the head's section may go on beyond the plane it ends in: the holder
_EMPTY_CM2, _BESIDE_CM2 = 5.0, 60.0  # of patient in a slice between others that show so much of the head


@dataclass(frozen=True)
class Trimmed:
    """A stack without its blank parts.

    Attributes:
        notes: sentences about what was taken away.
        lost: slices without content between those of the patient.
    """

    stack: Stack
    notes: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()


def trimmed(stack: Stack) -> Trimmed:
    """`stack` (axial, in order) without slices and margins that hold no patient.

    Blank is a slice of one value, whichever it is, or with hardly more than that.  Blank slices at either end are dropped,
    unless they have exactly the value that air has beside the head (air was set to one value) and the head ends before
    them as heads do: then they may be air that was imaged.  Where the head ends in a plane, large in one slice and gone
    in the next, whatever lies beyond is no image, noise or not.  Slices at an end that are mostly fill are the corner of a
    resampled volume, and dropped too.  Blank slices between others, and slices that are not what a scanner makes of this
    head at their place, are lost.
    """
    fills = [_fill(plane, None if stack.padding is None else stack.padding[k]) for k, plane in enumerate(stack.voxels)]
    shown = [k for k, f in enumerate(fills) if not f.blank]
    if not shown:
        return Trimmed(stack)
    pixel_cm2 = float(np.linalg.norm(np.cross(stack.row_step, stack.col_step))) / 100
    positions = stack.origins @ _normal(stack)
    sections = _Sections(stack, pixel_cm2)
    notes: list[str] = []
    first, last = 0, len(fills) - 1
    ends = {}
    for end, towards in (("below", 1), ("above", -1)):
        start = first if towards == 1 else last
        inner = shown[0] if towards == 1 else shown[-1]
        outer = range(start, inner, towards)
        plane = sections.flat_end(inner, towards, positions)
        if outer and (plane is not None or not _is_air(fills[start].value, stack, shown)):
            notes.append(_blank_note(len(outer), end, {fills[k].value for k in outer}))
            start = inner
        if plane is not None and plane != inner:
            count = abs(plane - start)
            slices = "1 slice" if count == 1 else f"{count} slices"
            notes.append(
                f"Left out: {slices} {end} a plane in which the head ends: nothing of the patient was imaged there."
            )
            start = plane
        ends[end] = start
    first, last = ends["below"], ends["above"]
    low, high = _corners(fills, first, last)
    if (low, high) != (first, last):
        count = low - first + last - high
        notes.append(
            f"Left out: {count} outer slice{'s' if count > 1 else ''} that {'are' if count > 1 else 'is'} mostly blank (the edge of a resampled scan)."
        )
        first, last = low, high
    inside = range(first, last + 1)
    blank = [k for k in inside if (fills[k].blank and shown[0] < k < shown[-1]) or sections.is_gap(k, first, last)]
    odd = {"blank": blank, **_odd(stack, [k for k in inside if k not in set(blank)], positions, sections)}
    gone = {k for slices in odd.values() for k in slices}
    keep = [k for k in inside if k not in gone]
    lost = [x for what, slices in odd.items() for x in runs(positions, keep, slices, what, SEVERAL.get(what, ""))]
    if len(keep) < len(fills):
        stack = chosen(stack, keep)
    stack, margin = without_margins(stack)
    return Trimmed(stack, (*notes, *margin), tuple(lost))


def chosen(stack: Stack, keep: list[int]) -> Stack:
    """The slices `keep` of a stack."""
    padding = None if stack.padding is None else stack.padding[keep]
    if padding is not None and not padding.any():
        padding = None
    return replace(stack, voxels=stack.voxels[keep], origins=stack.origins[keep], padding=padding)


def runs(positions: Vector, kept: Iterable[int], gone: Iterable[int], what: str, whats: str = "") -> list[Lost]:
    """One :class:`Lost` for every run of slices in `gone` that no slice in `kept` interrupts.

    Args:
        positions: (K,) mm along k of all slices, increasing.
        what: for the sentence "1 slice is <what>"; whats: for several, where that differs.
    """
    kept, found = sorted(kept), dict[tuple[int, int], int]()
    for k in sorted(gone):
        place = int(np.searchsorted(kept, k))
        below, above = (kept[place - 1] if place else -1), (kept[place] if place < len(kept) else -1)
        found[below, above] = found.get((below, above), 0) + 1
    return [
        Lost(
            f"{n} slices are {whats or what}" if n > 1 else f"1 slice is {what}",
            None if below < 0 else float(positions[below]),
            None if above < 0 else float(positions[above]),
            n,
        )
        for (below, above), n in found.items()
    ]


@dataclass(frozen=True)
class _Fill:
    """The most frequent value of a slice; `share` of the pixels like it (of those that are air, where it is air) have it."""

    value: int
    area: float
    share: float
    blank: bool


def _fill(plane: NDArray[np.int16], padding: NDArray[np.bool_] | None) -> _Fill:
    sample = plane[::_STEP, ::_STEP]
    offset = int(sample.min())
    value = offset + int(np.bincount(sample.ravel().astype(np.int32) - offset).argmax())
    same = sample == value
    if padding is not None:
        same = same | padding[::_STEP, ::_STEP]
    like = same | (sample < AIR_HU) if value < AIR_HU else np.ones(sample.shape, bool)
    blank = _is_blank(sample, value, padding if padding is None else padding[::_STEP, ::_STEP]) and _is_blank(
        plane, value, padding
    )
    return _Fill(value, float(same.mean()), float(same.sum() / like.sum()), blank)


def _is_blank(plane: NDArray[np.int16], value: int, padding: NDArray[np.bool_] | None) -> bool:
    other = np.abs(plane.astype(np.int32) - value) > RANGE_HU // 2
    if padding is not None:
        other &= ~padding
    return bool(other.mean() <= _STRAY)


def _is_air(value: int, stack: Stack, shown: list[int]) -> bool:
    """Whether air was set to `value` in the middle of what is shown, so that a slice of that value may be air."""
    middle = [shown[len(shown) * q // 4] for q in (1, 2, 3)]
    return float(np.median([share(stack.voxels[k, ::_STEP, ::_STEP], value) for k in middle])) >= _SAME_AIR


def _blank_note(count: int, end: str, values: set[int]) -> str:
    value = f" (every pixel is {values.pop()})" if len(values) == 1 else ""
    return f"Left out: {count} blank slice{'s' if count > 1 else ''} {end} the imaged range{value}."


class _Sections:
    """Area of the largest piece of patient in a slice, measured when first asked for."""

    def __init__(self, stack: Stack, pixel_cm2: float) -> None:
        self._stack, self._pixel_cm2 = stack, pixel_cm2
        self._known: dict[int, float] = {}

    def area_cm2(self, k: int) -> float:
        if k not in self._known:
            from scipy import ndimage

            body = self._stack.voxels[k, ::_STEP, ::_STEP] > _BODY_HU
            if self._stack.padding is not None:
                body &= ~self._stack.padding[k, ::_STEP, ::_STEP]
            sizes = np.bincount(ndimage.label(body)[0].ravel())[1:]
            self._known[k] = float(sizes.max(initial=0)) * self._pixel_cm2 * _STEP * _STEP
        return self._known[k]

    def is_gap(self, k: int, first: int, last: int) -> bool:
        """Whether slice `k` shows no patient although the head goes on below and above: noise or a value of its own is no image of it."""
        if not first < k < last or self.area_cm2(k) >= _EMPTY_CM2:
            return False
        beside = [
            next((m for m in steps if self.area_cm2(m) >= _EMPTY_CM2), None)
            for steps in (range(k - 1, first - 1, -1), range(k + 1, last + 1))
        ]
        return all(m is not None and self.area_cm2(m) >= _BESIDE_CM2 for m in beside)

    def flat_end(self, inner: int, towards: int, positions: Vector) -> int | None:
        """The outermost slice of a head that ends in a plane with slices beyond it; None when it ends as heads do, or not at all.

        Args:
            inner: the outermost slice that is not blank.
            towards: +1 or -1, from that end into the scan.
        """
        count = len(positions)
        k, beyond = inner, 0.0  # cm2 of the holder, or of noise, outside of slice k
        while 0 <= k < count and positions[max(k, inner)] - positions[min(k, inner)] <= 150:
            area, outside = self.area_cm2(k), k - towards
            if area >= _LEAST_CM2 and 0 <= outside < count:
                gap = abs(positions[k] - positions[outside])
                before = self.area_cm2(outside) if (outside - inner) * towards >= 0 else 0.0
                largest = 2 * np.pi * _FLATTEST_MM * (1.5 * gap + 4.0) / 100  # of a section one gap below the top
                if area - before >= largest and max(before, beyond) <= _REST * area:
                    return k
            beyond = max(beyond, area)
            k += towards
        return None


def _corners(fills: list[_Fill], first: int, last: int) -> tuple[int, int]:
    """First and last slice without those at either end of which little but fill is left, where fill is rare in the middle."""
    quarter = (last - first + 1) // 4
    middle = fills[first + quarter : last + 1 - quarter]
    if not middle or float(np.median([f.share for f in middle])) > _SELDOM:
        return first, last

    def corner(f: _Fill) -> bool:
        return f.area >= MOSTLY and f.share >= MOSTLY and not f.blank

    low, high = first, last
    while low < high and corner(fills[low]):
        low += 1
    while high > low and corner(fills[high]):
        high -= 1
    return low, high


def _odd(stack: Stack, shown: list[int], positions: Vector, sections: _Sections) -> dict[str, list[int]]:
    """Slices that are not what a scanner made of this head at their place, by what they are."""
    odd = {"blank in part": partly_blank(stack, shown)}
    rest = [k for k in shown if k not in odd["blank in part"]]
    odd[COPY] = _copied(stack.voxels, [k for k in rest if sections.area_cm2(k) >= _LEAST_CM2])
    rest = [k for k in rest if k not in odd[COPY]]
    for what, numbers in misplaced(Slices(stack, rest, positions)).items():
        odd.setdefault(what, []).extend(rest[n] for n in numbers)
    return odd


def _copied(voxels: NDArray[np.int16], slices: list[int]) -> list[int]:
    """Slices with exactly the values of the one before: nobody is the same, noise included, at two places."""
    return [
        k
        for before, k in pairwise(slices)
        if np.array_equal(voxels[before, ::_STEP, ::_STEP], voxels[k, ::_STEP, ::_STEP])
        and np.array_equal(voxels[before], voxels[k])
    ]


def _normal(stack: Stack) -> Vector:
    from .geometry import normal

    return normal(stack.row_step, stack.col_step)
