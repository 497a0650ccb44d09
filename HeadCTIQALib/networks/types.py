"""What the networks hand to the analytic steps, and how they are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import Landmark
from HeadCTIQALib.geometry import Vector

#: ``infer(bundle, *arrays)`` runs the network of a bundle on its inputs and returns its outputs; see networks.nets.
Infer = Callable[..., tuple[NDArray[Any], ...]]
#: Has the fluid network look at slices, with the arrays of :func:`.fluid.look_for_fluid`; the future is of its answer.
FluidSearch = Callable[
    [NDArray[np.int16], NDArray[np.uint8], Vector, Vector, NDArray[np.bool_]], Future[NDArray[np.uint8]]
]

COARSE_CLASSES = 11  # the first eleven values of Tissue: OUTSIDE .. HOLDER


@dataclass(frozen=True)
class CoarseAnatomy:
    """Network output on an isotropic grid along the RAS axes.

    Attributes:
        probabilities: (11, Z, Y, X) float32, channels in the order of Tissue OUTSIDE .. HOLDER.
            BRAIN is brainstem and cerebellum; GREY and WHITE are the cerebrum.
        template: (3, Z, Y, X) float32, canonical coordinate (template RAS, mm) of every voxel; meaningful in the head.
        origin: (3,) RAS mm of voxel (0, 0, 0).
        spacing: mm.
        landmarks: from heatmaps or, outside the scan, from the fitted pose.
        pose: (4, 4) affine, template RAS mm to scan RAS mm.
        pose_residual_mm: RMS of the template coordinates about the fitted pose, inside the head.
    """

    probabilities: NDArray[np.float32]
    template: NDArray[np.float32]
    origin: Vector
    spacing: float
    landmarks: Mapping[str, Landmark]
    pose: Vector
    pose_residual_mm: float = 0.0


@dataclass(frozen=True)
class Beforehand:
    """What HU tell of artefacts before the networks have answered, in a tissue map without fluid and foreign objects.

    Attributes:
        steps: (K - 1,) mm of sudden in-plane shift between slices, see :func:`HeadCTIQALib.networks.outline.slice_steps`.
        dark: slice index to dark bands, see :func:`HeadCTIQALib.networks.outline.dark_bands`.
    """

    steps: Vector
    dark: Mapping[int, NDArray[np.bool_]]


@dataclass(frozen=True)
class Artefacts:
    """Motion and streaks of one scan with K slices of J x I pixels.

    Attributes:
        motion_grades: (K,) int8, 0..3; -1 where a slice could not be graded.
        motion_index, motion_probability: (K,) float64, what :class:`HeadCTIQALib.findings.Findings` calls so.
        streak: (K, J, I) bool.
        methods: what made "motion" and "streak", for the record.
    """

    motion_grades: NDArray[np.int8]
    motion_index: NDArray[np.float64]
    motion_probability: NDArray[np.float64]
    streak: NDArray[np.bool_]
    methods: Mapping[str, str]
