"""Stored values whose sign or spare bits were written wrongly: repaired where their surroundings allow one reading only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.int32]

_AIR_HU = -700  # what lies around pixels that only seem bright, for their negative values lost the sign
_METAL_HU = 2000  # around metal of 2**15, for no image is sharp enough for less
_BONE_HU = 500  # around the densest bone
_BEYOND_HU = 20000  # beyond this, on either side, there is metal at most
_DARK_HU = -1100  # darker than air in any noise that bone has around it
_BELOW_12_BIT = 300  # air noise below the darkest value of 12 bits
_SINGLE = 4  # pixels in a slice; noise of air makes many


def significant(values: NDArray[np.integer], stored: int, high: int) -> Plane:
    """(J, I) values of `values` (the words in the file) without what does not belong to them.

    Args:
        stored, high: BitsStored and HighBit.

    Bits beyond `stored` are overlays, or the sign, and are cut off as the standard says, unless the pixels beside
    are dense: then they belong to metal beyond the range that the header gives.
    """
    wide = values.astype(np.int32)
    allocated, signed = 8 * values.dtype.itemsize, values.dtype.kind == "i"
    if not 0 < stored < allocated:
        return wide
    shift = high - stored + 1
    if 0 < shift <= allocated - stored and not (wide & ((1 << shift) - 1)).any():
        wide = wide >> shift  # left-aligned
    cut = wide & ((1 << stored) - 1)
    if signed:
        cut = (cut ^ (1 << (stored - 1))) - (1 << (stored - 1))
    differing = cut != wide
    if not differing.any():
        return wide
    _, beside = _borders(differing)
    dense = 1 << (stored - 2 if signed else stored - 1)
    return wide if len(beside) and np.median(wide.ravel()[beside]) > dense else cut


def unwrapped(values: Plane, hu: Plane, resampled: bool = False) -> tuple[Plane, int]:
    """Values that lost their sign, or were given one, put right by what lies around them, and how many pixels that were.

    Args:
        values: (J, I) stored values; hu: the same in HU.
        resampled: the pixels may not be the scanner's, but so large that metal of one pixel lies in air: single ones stay.

    Values from 2**15 (63536 for a padding of -2000), and values just below 2**12 (4091 for air noise of -5), are negative
    ones where they lie in the midst of air: no metal has so sharp an edge.  What would be beyond all metal (64512 for the
    -1024 of air) is so wherever no metal lies around it.  The other way about, values far below air in the midst of bone
    or metal are larger than the sign left room for.
    """
    fixed, count = _raised(values, hu)
    more, lowered = _lowered(fixed, hu, _SINGLE if resampled else 0)
    return more, count + lowered


def _lowered(values: Plane, hu: Plane, single: int) -> tuple[Plane, int]:
    brightest = int(values.max())
    period, lowest = (1 << 12, (1 << 12) - _BELOW_12_BIT) if brightest < 1 << 12 else (1 << 16, 1 << 15)
    if brightest < lowest:
        return values, 0
    bright = values >= lowest
    wrapped = bright & (_around(bright, hu) < np.where(hu > _BEYOND_HU, _METAL_HU, _AIR_HU))
    count = int(wrapped.sum())
    if period == 1 << 12 and count <= single:
        return values, 0
    return np.where(wrapped, values - period, values), count


def _raised(values: Plane, hu: Plane) -> tuple[Plane, int]:
    period, darkest, dense = (
        (1 << 12, _DARK_HU, _BONE_HU) if int(values.max()) < 1 << 11 else (1 << 16, -_BEYOND_HU, _METAL_HU)
    )
    if int(hu.min()) >= darkest:
        return values, 0
    dark = hu < darkest
    wrapped = dark & (_around(dark, hu) > dense)
    return np.where(wrapped, values + period, values), int(wrapped.sum())


def _around(mask: NDArray[np.bool_], hu: Plane) -> NDArray[np.float64]:
    """(J, I) mean HU around the connected part of the mask that a pixel belongs to."""
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    inner, beside = _borders(mask)
    of = labels.ravel()[inner]
    mean = np.bincount(of, hu.ravel()[beside], count + 1) / np.maximum(1, np.bincount(of, minlength=count + 1))
    return np.asarray(mean[labels])


def sign_note(pixels: Sequence[int]) -> list[str]:
    """A sentence about what :func:`unwrapped` put right, by the pixels in every slice."""
    slices = sum(n > 0 for n in pixels)
    where = "1 slice" if slices == 1 else f"{slices} slices"
    return [f"In {where} values had lost their sign ({sum(pixels)} pixels): they were put right."] if slices else []


def _borders(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Flat indices of pixels in the mask and of the neighbour outside it, for every pair of such neighbours."""
    index = np.arange(mask.size).reshape(mask.shape)
    inner, beside = [], []
    for a, b in (
        (np.s_[1:], np.s_[:-1]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        edge = mask[a] & ~mask[b]
        inner.append(index[a][edge])
        beside.append(index[b][edge])
    return np.concatenate(inner), np.concatenate(beside)
