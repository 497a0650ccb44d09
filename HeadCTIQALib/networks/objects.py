"""The object network at work: native slices to a mask of removable foreign objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.volume import CTVolume

from .artefact import MIN_GAP_MM, chosen_slices, coarse_points
from .artefact_grid import artefact_grid, expand, sample_slice
from .refine.workgrid import head_probability
from .types import CoarseAnatomy, Infer

OBJECTS = "objects"
LIKELY = 127  # of 255
SPECK_ML = 0.01  # smaller ones are noise


def look_for_objects(volume: CTVolume, coarse: CoarseAnatomy, infer: Infer) -> NDArray[np.bool_]:
    """(K, J, I) bool: removable objects outside the body surface or on it, inside the field of view, where the head is.

    Slices thinner than the network knows share the answer of the nearest one looked at.

    Raises:
        ModelError: the network cannot run.
    """
    out = np.zeros(volume.shape, bool)
    head = coarse_points(coarse, head_probability(coarse))
    slices = chosen_slices(volume.slice_positions, head @ volume.k)
    if not len(slices):
        return out
    grid = artefact_grid(volume, head)
    hu = np.stack([sample_slice(volume, grid, int(k)) for k in slices])
    positions = volume.slice_positions
    (seen,) = infer(OBJECTS, np.rint(hu).astype(np.int16), positions[slices])
    nearest = np.abs(positions[:, None] - positions[slices][None, :]).argmin(axis=1)
    found = (seen > LIKELY)[nearest]
    far = np.abs(positions - positions[slices][nearest]) > MIN_GAP_MM
    found[far] = False
    for k in np.flatnonzero(found.any(axis=(1, 2))):
        out[k] = expand(grid, found[k], out.shape[1:])
    return _without_specks(volume, out)


def _without_specks(volume: CTVolume, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, n = ndimage.label(mask, np.ones((3, 3, 3)))
    if not n:
        return mask
    millilitres = np.zeros(n + 1)
    for k, ml in enumerate(volume.voxel_volumes_ml):
        millilitres += ml * np.bincount(labels[k].ravel(), minlength=n + 1)
    millilitres[0] = 0
    return np.asarray((millilitres >= SPECK_ML)[labels])
