"""The fluid network at work: which voxels inside the skull are mostly fluid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bundles import FLUID
from .slices import boxes_of, padded, probabilities, with_neighbours
from .types import Infer, Vector


def look_for_fluid(
    infer: Infer,
    hu: NDArray[np.int16],
    prior: NDArray[np.uint8],
    positions: Vector,
    levels: Vector,
    wanted: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """(K, J, I) uint8 probability of fluid, in 1/255.

    Args:
        infer: runs a network by the name of its bundle.
        hu: (K, J, I) HU of slices of about 1 mm pixels; prior: (K, J, I) probability of fluid by the anatomy network, in 1/255.
        positions: (K,) of the slices along their normal in mm, increasing.
        levels: mean HU of fluid and of brain, SD of the noise.
        wanted: (K, J, I) where answers are wanted; elsewhere they may be 0.

    Raises:
        ModelError: the network cannot run.
    """

    def look(slices: NDArray[np.intp], box: tuple[slice, slice], gaps: NDArray[np.float32]) -> NDArray[np.uint8]:
        shown, expected = padded(hu[slices][:, *box]), padded(prior[slices[1:-1]][:, *box])
        (seen,) = infer(FLUID, with_neighbours(shown), expected, gaps, np.asarray(levels, np.float32))
        return np.asarray(seen[:, : box[0].stop - box[0].start, : box[1].stop - box[1].start])

    return probabilities(
        look, (hu.shape[0], hu.shape[1], hu.shape[2]), positions, None if wanted is None else boxes_of(wanted)
    )
