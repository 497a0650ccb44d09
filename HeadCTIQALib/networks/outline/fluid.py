"""Fluid in the head, voxel by voxel: narrow sulci as well as ventricles.

Sulci are as narrow as a voxel, so smoothing would fill them with brain.  Every voxel's own HU speaks instead, as loudly
as the noise allows, together with its neighbours in the slice: mean-field iterations of a two-class Markov field.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .bone import LAYERS
from .headmask import box_filter_max
from .workgrid import Field, grown_box

SPREAD_HU = 5.0  # of fluid and of brain themselves, beside the noise
SHARPEN, LIFT_HU = (
    0.25,
    2.0,
)  # some of what blur took from a sulcus is given back, the noise with it; it never shows fluid's full darkness
RIM_EVIDENCE = 2.0  # beside bone HU say nothing, but fluid and dura lie between the inner table and the brain
RIM_HU = -12.0  # from the brain; darker ones speak for themselves
PRIOR_WEIGHT = 0.3  # a coarse network sees no sulci
ITERATIONS = 3


def fluid_mask(
    hu: NDArray[np.int16],
    inside: NDArray[np.bool_],
    dense: NDArray[np.bool_],
    skull: NDArray[np.bool_],
    prior: Field,
    fluid_hu: float,
    brain_hu: float,
    noise: float,
) -> NDArray[np.bool_]:
    """(N,) bool at the voxels of ``inside``: mostly fluid.

    Args:
        hu: (K, J', I') block-averaged HU.
        inside: (K, J', I') the intracranial space.
        dense: (K, J', I') everything of bone's density; skull: the bone around ``inside``.
        prior: (N,) probability of fluid by the network.
        fluid_hu, brain_hu: mean HU of the two.
        noise: SD of the voxels.
    """
    box = grown_box(inside, (0, 1, 1))
    here = inside[box]
    evidence = np.zeros(here.shape, np.float32)
    middle = 0.5 * (fluid_hu + brain_hu) + LIFT_HU
    # bone must not shine into its neighbours, so it counts as brain here
    values = np.where(here, np.clip(hu[box], -30, 80), np.float32(brain_hu)).astype(np.float32)
    values += SHARPEN * (values - _neighbours(values))
    spread = ((1 + 0.85 * SHARPEN) * noise) ** 2 + SPREAD_HU**2
    own = np.float32((brain_hu - fluid_hu) / spread) * (np.float32(middle) - values[here])
    rim = _rim(hu[box], dense[box], skull[box], brain_hu + RIM_HU)[here]
    own[rim] = np.maximum(own[rim], RIM_EVIDENCE)
    evidence[here] = own + PRIOR_WEIGHT * np.log((prior + 0.1) / (1.1 - prior))
    pull = np.float32(0.65 + noise / 1.15)  # the noisier, the more a voxel follows its neighbours
    weight = here.astype(np.float32)
    share = _neighbours(weight)
    np.maximum(share, 1e-3, out=share)
    q = weight * _sigmoid(evidence)
    for _ in range(ITERATIONS):
        q = weight * _sigmoid(evidence + pull * (2 * _neighbours(q) / share - 1))
    return np.asarray(q[here] > 0.5)


def _rim(hu: NDArray[np.int16], dense: NDArray[np.bool_], skull: NDArray[np.bool_], above: float) -> NDArray[np.bool_]:
    """What the skull's blur reaches: dense voxels near it and their neighbours, unless dark all the same."""
    reached = skull | (dense & box_filter_max(skull, (0, LAYERS, LAYERS)))
    return box_filter_max(reached, (0, 1, 1)) & (hu > above)


def _neighbours(x: Field) -> Field:
    """Mean over 3 x 3 pixels of every slice."""
    return np.asarray(ndimage.uniform_filter(x, (1, 3, 3), mode="constant"))


def _sigmoid(x: Field) -> Field:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)
