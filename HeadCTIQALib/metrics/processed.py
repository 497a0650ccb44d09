"""Images that somebody processed after the scanner had reconstructed them, told from the images where no tag does.

Smoothing takes away noise and edges alike and leaves noise that is coarse; denoising leaves less noise than any dose of
radiation; interpolation and block-wise compression leave a grid.  Each limit lies well outside what kernels, iterative
reconstruction and thick or overlapping slices make: a processed scan may go unnoticed, an original one must not be blamed.
"""

from __future__ import annotations

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.volume.types import CTVolume

#: Together: smooth kernels have a peak of about 0.2/mm and an edge of 0.7 mm (up to 0.95 mm with pixels of 1 mm); iterative
#: reconstruction can lower the peak to 0.1/mm, but keeps the edge (inference).  A Gaussian of 1 mm leaves 0.09 to 0.12/mm and 1.0 to 1.5 mm.
COARSE_PEAK_PER_MM, BLUNT_EDGE_MM = 0.13, 0.95
#: 60 mGy leave 3 to 4 HU in slices of 5 mm with filtered back-projection, and half of that with iterative reconstruction
#: (inference); the quietest of 99 clinical head CTs had 2.9 HU (Ahmad et al. 2021).
QUIET_HU, QUIET_THICKNESS_MM = 1.0, 5.0

SMOOTHED = "Noise and edges are much coarser than those of a CT reconstruction: the images seem to have been smoothed or enlarged"
DENOISED = "There is less noise than any dose leaves: the images seem to have been denoised or computed"
TRACES = {
    "blocks": "The noise changes in blocks of 8 pixels: the images seem to have been compressed with loss",
    "pixels": "The noise repeats with the pixels of another matrix: the images seem to have been enlarged or resampled",
    "slices": "Some slices hold only the noise of their neighbours: slices seem to have been interpolated",
}


def causes(volume: CTVolume) -> tuple[str, ...]:
    """What was done to the images, one clause each; none where a tag tells of it already."""
    a = volume.acquisition
    if a.lossy_compression or a.reformatted or a.processed:
        return ()
    found = [TRACES[trace] for trace in volume.traces]
    seen = volume.texture
    if seen is not None:
        if seen.peak_per_mm < COARSE_PEAK_PER_MM and (seen.edge_mm or 0) > BLUNT_EDGE_MM:
            found.append(SMOOTHED)
        elif seen.sigma_hu < quiet_hu(volume):
            found.append(DENOISED)
    return tuple(found)


def quiet_hu(volume: CTVolume) -> float:
    """HU of noise that no scanner reaches; thicker slices than usual may have less."""
    return (
        QUIET_HU * min(1.0, QUIET_THICKNESS_MM / (volume.acquisition.slice_thickness_mm or QUIET_THICKNESS_MM)) ** 0.5
    )


def remarks(volume: CTVolume, findings: Findings) -> tuple[str, ...]:
    """The causes as sentences about the scan."""
    return tuple(f"{cause}; noise and contrast are not those of the scanner." for cause in causes(volume))
