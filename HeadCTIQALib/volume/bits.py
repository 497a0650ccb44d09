"""Stored values whose sign or spare bits were written wrongly: repaired where their surroundings allow one reading only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.int32]

_AIR_HU = -700  # what lies around pixels that only seem bright, for their negative values lost the sign
_BELOW_12_BIT = 300  # air noise below the darkest value of 12 bits


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


def unwrapped(values: Plane, hu: Plane, unsigned: bool) -> tuple[Plane, int]:
    """Values whose sign was lost, made negative again, and how many pixels that were.

    Args:
        values: (J, I) stored values; hu: the same in HU.
        unsigned: as the header says.

    Values from 2**15 (63536 for a padding of -2000), and values just below 2**12 (4091 for air noise of -5), are negative
    ones where they lie in the midst of air: no metal has so sharp an edge.
    """
    if not unsigned:
        return values, 0
    brightest = int(values.max())
    period, lowest = (1 << 12, (1 << 12) - _BELOW_12_BIT) if brightest < 1 << 12 else (1 << 16, 1 << 15)
    if brightest < lowest:
        return values, 0
    bright = values >= lowest
    from scipy import ndimage

    labels, count = ndimage.label(bright)
    inner, beside = _borders(bright)
    of = labels.ravel()[inner]
    around = np.bincount(of, hu.ravel()[beside], count + 1) / np.maximum(1, np.bincount(of, minlength=count + 1))
    wrapped = (around < _AIR_HU)[labels] & bright
    return np.where(wrapped, values - period, values), int(wrapped.sum())


def _borders(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Flat indices of pixels in the mask and of the neighbour outside it, for every pair of such neighbours."""
    index = np.arange(mask.size).reshape(mask.shape)
    inner, beside = [], []
    for a, b in ((np.s_[1:], np.s_[:-1]), (np.s_[:-1], np.s_[1:]), (np.s_[:, 1:], np.s_[:, :-1]), (np.s_[:, :-1], np.s_[:, 1:])):
        edge = mask[a] & ~mask[b]
        inner.append(index[a][edge])
        beside.append(index[b][edge])
    return np.concatenate(inner), np.concatenate(beside)
