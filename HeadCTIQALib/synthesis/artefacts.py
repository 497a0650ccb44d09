"""What degrades a simulated slice: noise with CT texture, metal, beam hardening; for motion see :mod:`.movement`.

Artefacts are computed as *differences* of filtered back-projections on a 256 x 256 grid and added to the native slice,
so that the undisturbed anatomy keeps its full resolution and its noise.  The truth follows from the difference alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.synthesis.tomography import back_project, project

Image = NDArray[np.float32]
GRID, VIEWS = 256, 240
MU_WATER = 0.0195  # per mm at about 70 keV
MOTION_THRESHOLDS_HU = (2.0, 5.0, 12.0)
RIM_MM = 3.0
STREAK_SIGMAS = 3.0
FLOOR_HU = 0.1  # of the smoothed noise, where a scan has none
# Two energies of the beam: share of the signal, attenuation of water, of bone and of metal relative to the effective one.
SPECTRUM = ((0.6, 1.10, 1.22, 1.35), (0.4, 0.85, 0.67, 0.45))
BONE_HU = 300


def correlated_noise(
    rng: np.random.Generator, shape: tuple[int, int], pixel_mm: float, cutoff_per_mm: float = 0.55
) -> Image:
    """Unit-variance noise with the power spectrum of filtered back-projection: a ramp cut off by the kernel."""
    spectrum = np.fft.rfft2(rng.standard_normal(shape).astype(np.float32))
    f = np.hypot(np.fft.fftfreq(shape[0], pixel_mm)[:, None], np.fft.rfftfreq(shape[1], pixel_mm)[None, :])
    transfer = np.sqrt(f + 0.004) * np.exp(-((f / cutoff_per_mm) ** 2))
    noise = np.fft.irfft2(spectrum * transfer, shape)
    return np.asarray(noise / noise.std(), np.float32)


def smooth3(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over 3 x 3 pixels: the smoothing in the definitions of motion grade and streak mask."""
    return np.asarray(ndimage.uniform_filter(np.asarray(image, float), 3, mode="nearest"))


def metal_difference(hu: Image, metal: Image, pixel_mm: float, rng: np.random.Generator, photons: float = 4e4) -> Image:
    """HU change of a slice through beam hardening and photon starvation behind metal.

    Args:
        hu: (J, I) of the slice with the metal in it.
        metal: (J, I) HU in excess of tissue that the metal adds (0 elsewhere).
        pixel_mm: size of a pixel.
        rng: for the starvation noise.
        photons: detected without a patient; smaller makes more streaks, infinity only hardens the beam.
    """
    small, mm_per_pixel = to_grid(hu, pixel_mm)
    excess = to_grid(metal - 1000, pixel_mm)[0]
    scale = MU_WATER * mm_per_pixel
    through_metal = project(excess, VIEWS) * scale
    total = project(small, VIEWS) * scale
    error = metal_error(through_metal, total, rng, photons)
    return from_grid(back_project(error) / scale * 1000, hu.shape)


def metal_error(through_metal: Image, total: Image, rng: np.random.Generator, photons: float) -> Image:
    """(VIEWS, GRID) error of the measured attenuation, from that of the metal and of everything, at the effective energy."""
    # The measured path grows ever more slowly than the true one: the harder part of the beam sees less of the metal.
    hardened = -np.log(sum(share * np.exp(-metal * through_metal) for share, _, _, metal in SPECTRUM))
    error = hardened / sum(share * metal for share, _, _, metal in SPECTRUM) - through_metal
    if np.isfinite(photons):
        counts = np.maximum(photons * np.exp(-np.minimum(total + error, 14.0)), 2.0)
        shadow = np.clip(through_metal / 0.3, 0, 1)
        error += shadow * rng.standard_normal(total.shape) * np.minimum(1 / np.sqrt(counts), 0.5)
    return np.asarray(error, np.float32)


def hardening_difference(hu: Image, pixel_mm: float, strength: float = 1.0) -> Image:
    """HU change of a slice through the beam hardening of bone that a correction for water leaves behind.

    Dark bands between dense parts (the petrous bones, the occiput) and cupping below the vault, in a two-energy beam.

    Args:
        hu: (J, I).
        pixel_mm: size of a pixel.
        strength: 0 a perfect correction for bone, 1 none; scanners' brain modes leave about 0.1 to 0.4.
    """
    small, mm_per_pixel = to_grid(hu, pixel_mm)
    scale = MU_WATER * mm_per_pixel
    dense = project(bone_part(small), VIEWS) * scale
    error = hardening_error(project(small, VIEWS) * scale - dense, dense) * np.float32(strength)
    return from_grid(back_project(error) / scale * 1000, hu.shape)


def bone_part(small: Image) -> Image:
    """What bone adds to water, of attenuation relative to water."""
    return np.where(small > 1 + BONE_HU / 1000, small - 1, 0).astype(np.float32)


def hardening_error(water: Image, dense: Image) -> Image:
    """(VIEWS, GRID) error of the attenuation after a correction for water, from that of soft parts and of bone."""
    measured = -np.log(sum(share * np.exp(-w * np.maximum(water, 0) - b * dense) for share, w, b, _ in SPECTRUM))
    # the correction: what path of water alone would have measured this
    table = np.linspace(0, 25, 501)
    corrected = np.interp(measured, -np.log(sum(share * np.exp(-w * table) for share, w, _, _ in SPECTRUM)), table)
    # bone itself is calibrated to its HU: only what is not proportional to its path remains
    seen = dense > 0.05
    slope = float((corrected - water)[seen].sum() / dense[seen].sum()) if seen.any() else 1.0
    return np.asarray(corrected - np.maximum(water, 0) - slope * dense, np.float32)


def motion_grade(difference: NDArray[np.floating], mask: NDArray[np.bool_], pixel_mm: float = 1.0) -> tuple[int, float]:
    """(grade 0..3, RMS in HU) of a difference image inside the intracranial mask; grade 0 for an empty mask.

    Inside is more than :data:`RIM_MM` from its edge: there, the partial volume of a skull that moved by a fraction of a
    pixel would outweigh everything that a reader sees in the brain.
    """
    where = inner_part(mask, pixel_mm)
    if not where.any():
        return 0, 0.0
    rms = float(np.sqrt(np.mean(smooth3(difference)[where] ** 2)))
    return int(np.searchsorted(MOTION_THRESHOLDS_HU, rms, side="right")), rms


def undisplaced(change: Image, hu: Image, where: NDArray[np.bool_]) -> Image:
    """What motion changes in a slice (J, I) beyond showing it elsewhere.

    The head shown in a slightly other pose is no artefact.  To first order that is a combination of the slice's derivatives
    along columns and rows and about the middle of ``where``; the one that is nearest to ``change`` there, after the
    3-pixel mean of the definitions, is taken off.
    """
    y, x = np.nonzero(where)
    if not len(y):
        return change
    dy, dx = np.gradient(hu.astype(np.float32))
    j, i = np.ogrid[: hu.shape[0], : hu.shape[1]]
    parts = [dx, dy, dx * (j - y.mean()).astype(np.float32) - dy * (i - x.mean()).astype(np.float32)]
    seen = np.stack([smooth3(p)[where] for p in parts], axis=1)
    weights, *_ = np.linalg.lstsq(seen, smooth3(change)[where], rcond=None)
    return np.asarray(change - sum(float(w) * p for w, p in zip(weights, parts, strict=True)), np.float32)


def inner_part(mask: NDArray[np.bool_], pixel_mm: float) -> NDArray[np.bool_]:
    """The mask without its rim of :data:`RIM_MM`; all of it where less than 1 cm^2 would be left."""
    inner = ndimage.binary_erosion(mask, iterations=max(1, round(RIM_MM / pixel_mm)))
    return inner if inner.sum() * pixel_mm**2 >= 100.0 else mask


def streak_mask(
    difference: NDArray[np.floating], noise: NDArray[np.floating], within: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(J, I) bool: where metal or beam hardening changes the smoothed slice by more than 3 sigma of its smoothed noise.

    Args:
        difference: HU with minus without metal; noise: HU of the noise alone; within: where sigma is measured and
            streaks can be.
    """
    sigma = float(np.std(smooth3(noise)[within])) if within.any() else 0.0
    return (np.abs(smooth3(difference)) > STREAK_SIGMAS * max(sigma, FLOOR_HU)) & within


def to_grid(hu: Image, pixel_mm: float) -> tuple[Image, float]:
    """Attenuation relative to water on the working grid, zero outside the inscribed circle, and its pixel size in mm."""
    factor = GRID / hu.shape[0]
    mu = 1 + np.maximum(hu, -1000) / np.float32(1000)
    small = mu
    if factor != 1:
        smoothed = ndimage.gaussian_filter(mu, max(0.0, 0.4 * (1 / factor - 1)), truncate=3)
        at = (np.arange(GRID) + 0.5) / factor - 0.5
        small = ndimage.map_coordinates(smoothed, np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest")
    axis = np.arange(GRID) - (GRID - 1) / 2
    return np.asarray(
        np.where(np.hypot(axis[:, None], axis[None, :]) > GRID / 2 - 1, 0, small), np.float32
    ), pixel_mm / factor


def from_grid(image: Image, shape: tuple[int, ...]) -> Image:
    """An image of the working grid on a square native grid of the same extent."""
    if shape == image.shape:
        return image
    factor = GRID / shape[0]
    at = (np.arange(shape[0]) + 0.5) * factor - 0.5
    return np.asarray(
        ndimage.map_coordinates(image, np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest"), np.float32
    )
