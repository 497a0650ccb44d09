"""What the anatomy network hands to the analytic steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import Landmark

Vector = NDArray[np.float64]

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
