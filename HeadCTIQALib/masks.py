"""What is done to masks everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part of a mask of any dimension (faces touch), the first of several; all False if there is none."""
    from scipy import ndimage  # volume/ reads scans without it

    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def eroded(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """(J, I) mask eroded by a box of 2 ``rows`` + 1 by 2 ``columns`` + 1 pixels; beyond the image nothing is True.

    Whole rows are ANDed with shifted copies of themselves, which is many times quicker than a minimum filter.
    """
    out = np.zeros(mask.shape, bool)
    if mask.shape[0] > 2 * rows and mask.shape[1] > 2 * columns:
        inner = _all_along(_all_along(mask, 2 * rows + 1).T, 2 * columns + 1).T
        out[rows : rows + inner.shape[0], columns : columns + inner.shape[1]] = inner
    return out


def _all_along(mask: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Whether ``length`` consecutive rows are True, for every first row; doubles the rows covered with every step."""
    covered = 1
    while covered < length:
        step = min(covered, length - covered)
        mask = mask[:-step] & mask[step:]
        covered += step
    return mask
