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
