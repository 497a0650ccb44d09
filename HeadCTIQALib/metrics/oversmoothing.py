"""Images whose low noise is no merit: smoothed or denoised until their grain is coarser than a CT reconstruction leaves it.

Linear reconstruction gives noise and edges the same transfer function, so the sharpness of the edges tells the mean frequency
that the noise should have; it is 0.85 to 1.1 times that in real scans.  Iterative and learned
methods, and filters that keep edges, take away fine noise first, so the noise becomes coarse while edges stay sharp.  A
kernel may be smooth, but noise and edges that are both blunter than those of any head kernel come from smoothing.
"""

from __future__ import annotations

from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.volume.noise_power import expected_mean
from HeadCTIQALib.volume.types import CTVolume

LOW_HU = (
    4.0  # of a slice of 5 mm: what 60 mGy and filtered back-projection leave (Nakamura et al. 2019, Ahmad et al. 2021)
)
OF_EXPECTED = 0.8
SMOOTHEST_PER_MM = 0.26  # mean frequency of the noise of the smoothest head kernels
#: Where no edge can be measured: radiologists call slices with this mean and low noise over-smoothed (Docs/sharpness.md).
COARSE_PER_MM = 0.32


def oversmoothed(volume: CTVolume, noise: Measurement) -> tuple[str, ...]:
    """A flag for the noise of ``volume`` where it is low and its texture unnaturally coarse; none otherwise."""
    low = noise.judged if noise.judged is not None else noise.value
    if low is None or low >= LOW_HU or volume.texture is None or volume.texture.mean_per_mm is None:
        return ()
    grain, edge = volume.texture.mean_per_mm, volume.sharpness.f50_per_mm
    if edge is not None and grain < OF_EXPECTED * expected_mean(edge, volume.pixel_spacing):
        against = f"edges of {10 * edge:.1f} lp/cm go with"
    elif grain < (COARSE_PER_MM if edge is None else SMOOTHEST_PER_MM):
        against = "CT reconstructions leave"
    else:
        return ()
    return (
        f"The image is over-smoothed: noise is low, but its grain ({10 * grain:.1f} lp/cm) is coarser than {against}; fine detail may be lost.",
    )
