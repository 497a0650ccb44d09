"""How the networks of slices, fluid and objects, are shown a scan: a few slices at a time with their neighbours, and only what matters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

BATCH = 8
AROUND = 12  # pixels around what matters that are looked at as well
MULTIPLE = 32  # pixels: both networks halve the slices no more than five times


def probabilities(
    look: Callable[[NDArray[np.intp], tuple[slice, slice], NDArray[np.float32]], NDArray[np.uint8]],
    shape: tuple[int, int, int],
    positions: NDArray[np.floating],
    boxes: NDArray[np.intp] | None = None,
) -> NDArray[np.uint8]:
    """(K, H, W) uint8 probabilities in 1/255.

    Args:
        look: the answer (B, J, I) of a network, given the slices (B + 2,), of which the first and the last only stand beside the
            others, the rows and columns to look at, and the gaps (B,) in mm between the slices.
        shape: (K, H, W); positions: (K,) of the slices along their normal in mm, increasing.
        boxes: (K, 4) from :func:`boxes_of`; all the rest is left 0.
    """
    out = np.zeros(shape, np.uint8)
    for n in range(0, shape[0], BATCH):
        rows = np.clip(np.arange(n - 1, min(n + BATCH, shape[0]) + 1), 0, shape[0] - 1)
        box = (slice(0, shape[1]), slice(0, shape[2])) if boxes is None else hull(boxes[n : n + BATCH])
        if box[0].stop > box[0].start and box[1].stop > box[1].start:
            out[n : n + BATCH, box[0], box[1]] = look(rows, box, gaps(positions[rows])[1:-1])
    return out


def with_neighbours(stack: NDArray) -> NDArray:
    """(B, 3, H, W): the slices below, here and above, of (B + 2, H, W)."""
    return np.stack([stack[:-2], stack[1:-1], stack[2:]], axis=1)


def padded(a: NDArray) -> NDArray:
    """(..., H, W) continued beyond the last row and column to multiples of :data:`MULTIPLE`."""
    return np.pad(a, [(0, 0)] * (a.ndim - 2) + [(0, -n % MULTIPLE) for n in a.shape[-2:]], mode="edge")


def gaps(positions: NDArray[np.floating]) -> NDArray[np.float32]:
    """(K,) mean distance in mm to the neighbouring slices at ``positions`` (K,); 5 for a single slice, repeated or not."""
    p = positions.astype(np.float32)
    lower, upper = np.diff(p, prepend=p[:1]), np.diff(p, append=p[-1:])
    sides = (lower > 0).astype(np.float32) + (upper > 0)
    return np.where(sides > 0, (lower + upper) / np.maximum(sides, 1), np.float32(5)).astype(np.float32)


def boxes_of(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(K, 4) first and end row, first and end column of what is True in every slice of (K, H, W) with :data:`AROUND` pixels around it; zeros where nothing is."""
    out = []
    for axis in (2, 1):
        present = np.asarray(mask.any(axis))
        size = mask.shape[3 - axis]
        first, last = present.argmax(1), size - 1 - present[:, ::-1].argmax(1)
        out += [np.maximum(first - AROUND, 0), np.minimum(last + 1 + AROUND, size)]
    return np.stack(out, 1) * np.asarray(mask.any((1, 2)))[:, None]


def hull(boxes: NDArray[np.intp]) -> tuple[slice, slice]:
    """Rows and columns of the box around ``boxes`` (B, 4), see :func:`boxes_of`."""
    some = boxes[boxes[:, 1] > 0]
    if not len(some):
        return slice(0, 0), slice(0, 0)
    low, high = some.min(0), some.max(0)
    return slice(int(low[0]), int(high[1])), slice(int(low[2]), int(high[3]))
