"""What an ideal anatomy network would see in a simulated scan, so that only the steps after it are tested."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.networks.types import CoarseAnatomy
from HeadCTIQALib.synthesis import Simulated


def coarse_of(s: Simulated, spacing: float = 4.0) -> CoarseAnatomy:
    """The truth on a coarse grid, smoothed like a network's output; foreign objects are not a class of it."""
    v, tissue = s.volume, s.findings.tissue.copy()
    tissue[tissue == Tissue.FOREIGN] = Tissue.OUTSIDE
    i, j, k = tissue.shape[2], tissue.shape[1], tissue.shape[0]
    ends = v.ijk_to_ras(np.array([[0, 0, 0], [i - 1, j - 1, k - 1]], float))
    origin, shape = ends.min(axis=0), (np.ptp(ends, axis=0)[::-1] // spacing).astype(int) + 1
    z, y, x = np.meshgrid(*[spacing * np.arange(n) for n in shape], indexing="ij")
    at = v.ras_to_ijk(origin + np.stack([x, y, z], -1))
    label = ndimage.map_coordinates(tissue, [at[..., 2], at[..., 1], at[..., 0]], order=0, mode="nearest")
    p = np.stack([ndimage.gaussian_filter((label == c).astype(np.float32), 0.5) for c in range(11)])
    return CoarseAnatomy(p, np.zeros((3, *label.shape), np.float32), origin, spacing, {}, np.eye(4))
