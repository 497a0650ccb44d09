"""What the networks are shown of a scan with a sharp kernel: a copy as smooth as a soft-tissue reconstruction.

The networks know soft kernels.  Noise and overshoot of a bone kernel pass for motion, and for dense objects at the skin.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.texture import is_sharp_scan

SOFT_PEAK_PER_MM = 0.25  # frequency at which the noise of standard kernels is strongest (four scans: 0.247 to 0.25)
#: Of the Gaussian that turns the power of a ramp without cut-off, f, into f exp(-f^2 / (2 p^2)), which is strongest at p.
SIGMA_MM = 1 / (2 * np.sqrt(2) * np.pi * SOFT_PEAK_PER_MM)


def soft_copy(volume: CTVolume) -> CTVolume:
    """The scan itself, or with a sharp kernel a copy smoothed in-plane, on the same grid."""
    if not is_sharp_scan(volume):
        return volume
    sigma = [SIGMA_MM / mm for mm in volume.pixel_spacing]
    hu = np.empty_like(volume.hu)
    for smooth, plane in zip(hu, volume.hu, strict=True):
        smooth[...] = np.rint(ndimage.gaussian_filter(plane.astype(np.float32), sigma))
    return replace(volume, hu=hu, acquisition=replace(volume.acquisition, kernel=None))
