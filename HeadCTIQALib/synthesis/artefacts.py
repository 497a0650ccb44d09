"""What degrades a simulated slice: noise with CT texture, in-plane motion during the rotation, metal streaks.

Motion and streaks are computed as *differences* of filtered back-projections on a 256 x 256 grid and added to the
native slice, so that the undisturbed anatomy keeps its full resolution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.synthesis.tomography import back_project, back_project_turn, full_turn, project

Image = NDArray[np.float32]
GRID, VIEWS = 256, 180
MU_WATER = 0.0195  # per mm at about 70 keV
MOTION_THRESHOLDS_HU = (2.0, 5.0, 12.0)


def correlated_noise(rng: np.random.Generator, shape: tuple[int, int], pixel_mm: float, cutoff_per_mm: float = 0.55) -> Image:
    """Unit-variance noise with the power spectrum of filtered back-projection: a ramp cut off by the kernel."""
    spectrum = np.fft.rfft2(rng.standard_normal(shape).astype(np.float32))
    f = np.hypot(np.fft.fftfreq(shape[0], pixel_mm)[:, None], np.fft.rfftfreq(shape[1], pixel_mm)[None, :])
    transfer = np.sqrt(f + 0.004) * np.exp(-((f / cutoff_per_mm) ** 2))
    noise = np.fft.irfft2(spectrum * transfer, shape)
    return np.asarray(noise / noise.std(), np.float32)


def smooth3(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over 3 x 3 pixels: the smoothing in the definitions of motion grade and streak mask."""
    return np.asarray(ndimage.uniform_filter(np.asarray(image, float), 3, mode="nearest"))


def motion_difference(hu: Image, pixel_mm: float, rng: np.random.Generator, degrees: float, mm: float) -> Image:
    """HU change of a slice (J, I) when the head turns by up to ``degrees`` and slides by up to ``mm`` during the turn.

    In-plane rigid motion is a resampling of the sinogram: p'(theta, s) = p(theta - phi(t), s - tx cos theta -
    ty sin theta), with theta the gantry angle at time t.  The path is a smooth jerk followed by a drift.  Its mean over
    the turn is zero: the still slice to compare with shows the head where it was on average, so that the difference
    is artefact (double contours, blur, streaks) and not merely the same picture at another place.
    """
    small, mm_per_pixel = _to_grid(hu, pixel_mm)
    sinogram = full_turn(project(small, VIEWS))
    t = np.linspace(0, 1, 2 * VIEWS, endpoint=False)
    centre, width = rng.uniform(0.3, 0.7), rng.uniform(0.03, 0.08)
    jerk = 1 / (1 + np.exp(-np.clip((t - centre) / width, -40, 40)))
    path = jerk - 0.35 * np.clip(t - centre, 0, None) + 0.1 * np.sin(2 * np.pi * (2 * t + rng.random()))
    path -= path.mean()
    direction = rng.uniform(0, 2 * np.pi)
    sign = rng.choice([-1.0, 1.0])
    phi = np.deg2rad(degrees) * sign * path
    theta = 2 * np.pi * t
    shift = mm / mm_per_pixel * path * np.cos(theta - direction)
    view = np.mod((theta - phi) * VIEWS / np.pi, 2 * VIEWS)
    ray = np.arange(GRID)[None, :] - shift[:, None]
    margin = 8  # views beyond both ends, for the spline; cubic, since linear interpolation would blur without motion
    padded = np.concatenate([sinogram[-margin:], sinogram, sinogram[:margin]])
    at = [np.broadcast_to(view[:, None] + margin, ray.shape), ray]
    moved = ndimage.map_coordinates(padded, at, order=3, mode="nearest")
    return _from_grid(back_project_turn(np.asarray(moved - sinogram, np.float32)) * 1000, hu.shape)


def metal_difference(hu: Image, metal: Image, pixel_mm: float, rng: np.random.Generator, photons: float = 4e4) -> Image:
    """HU change of a slice through beam hardening and photon starvation behind metal.

    Args:
        hu: (J, I) of the slice with the metal in it.
        metal: (J, I) HU in excess of tissue that the metal adds (0 elsewhere).
        pixel_mm: size of a pixel.
        rng: for the starvation noise.
        photons: detected without a patient; smaller makes more streaks.
    """
    small, mm_per_pixel = _to_grid(hu, pixel_mm)
    excess = _to_grid(metal - 1000, pixel_mm)[0]
    scale = MU_WATER * mm_per_pixel
    through_metal = project(excess, VIEWS) * scale
    total = project(small, VIEWS) * scale
    # Two energies: the second, harder one sees less of the metal; the measured path grows ever more slowly.
    hardened = -np.log(0.6 * np.exp(-1.35 * through_metal) + 0.4 * np.exp(-0.45 * through_metal))
    error = hardened / (0.6 * 1.35 + 0.4 * 0.45) - through_metal
    counts = np.maximum(photons * np.exp(-np.minimum(total - through_metal + hardened, 14.0)), 2.0)
    shadow = np.clip(through_metal / 0.3, 0, 1)
    error += shadow * rng.standard_normal(total.shape) * np.minimum(1 / np.sqrt(counts), 0.5)
    return _from_grid(back_project(np.asarray(error, np.float32)) / scale * 1000, hu.shape)


def motion_grade(difference: NDArray[np.floating], mask: NDArray[np.bool_]) -> tuple[int, float]:
    """(grade 0..3, RMS in HU) of a difference image within the intracranial mask; grade 0 for an empty mask."""
    if not mask.any():
        return 0, 0.0
    rms = float(np.sqrt(np.mean(smooth3(difference)[mask] ** 2)))
    return int(np.searchsorted(MOTION_THRESHOLDS_HU, rms, side="right")), rms


def _to_grid(hu: Image, pixel_mm: float) -> tuple[Image, float]:
    """Attenuation relative to water on the working grid, zero outside the inscribed circle, and its pixel size in mm."""
    factor = GRID / hu.shape[0]
    mu = 1 + np.maximum(hu, -1000) / np.float32(1000)
    smoothed = ndimage.gaussian_filter(mu, max(0.0, 0.4 * (1 / factor - 1)), truncate=3)
    at = (np.arange(GRID) + 0.5) / factor - 0.5
    small = ndimage.map_coordinates(smoothed, np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest")
    axis = np.arange(GRID) - (GRID - 1) / 2
    small[np.hypot(axis[:, None], axis[None, :]) > GRID / 2 - 1] = 0
    return np.asarray(small, np.float32), pixel_mm / factor


def _from_grid(image: Image, shape: tuple[int, ...]) -> Image:
    factor = GRID / shape[0]
    at = (np.arange(shape[0]) + 0.5) * factor - 0.5
    return np.asarray(ndimage.map_coordinates(image, np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest"), np.float32)
