"""Where the scanner wrote padding instead of data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .headers import Slice

PADDING_HU = -1024
_IMPOSSIBLE_HU = -2000  # no object is this dark: GE's -3024 and -2000, -2048, -32768
_PLAUSIBLE_AIR_HU = -1100


def padding_in(values: NDArray[np.integer], hu: NDArray[np.int16], image: Slice) -> NDArray[np.bool_]:
    """(J, I) mask of padding.

    Args:
        values: stored values, hu: the same in HU, image: carries the padding tag.

    A padding value that is also a value of air (stored 0 = -1024 HU, where noise is clipped) counts only outside the
    circle inscribed in the image; inside it is real air.
    """
    mask = hu <= _IMPOSSIBLE_HU
    if image.padding is None:
        return mask
    low, high = image.padding
    tagged = (values >= low) & (values <= high)
    if tagged.any() and hu[tagged].max() >= _PLAUSIBLE_AIR_HU:
        if hu[tagged].max() > -900:  # a tag that names tissue is wrong
            return mask
        tagged &= outside_circle(hu.shape[0], hu.shape[1])
    return mask | tagged


def outside_circle(rows: int, columns: int) -> NDArray[np.bool_]:
    """(J, I) mask of the corners beyond the circle inscribed in the image."""
    j, i = np.ogrid[:rows, :columns]
    distance = np.hypot((j - (rows - 1) / 2) / rows, (i - (columns - 1) / 2) / columns)
    return np.asarray(distance > 0.5)
