"""Noise of a fan of views: correlated by the kernel, stronger and directed where the rays are attenuated most.

The variance that filtered back-projection leaves in a pixel is the mean over all views of the variance of the ray
through it, which grows with exp(attenuation); the noise that a view contributes varies only across its rays.  So the
views are gathered into four sectors; each has a variance map (on a coarse grid) and its wedge of the noise spectrum.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse

Image = NDArray[np.float32]
GRID, VIEWS, SECTORS = 64, 32, 4
MU_WATER = 0.0195  # per mm at about 70 keV
BOWTIE_RADIUS_MM, BOWTIE_SHARE = 90.0, 0.65  # the filter evens out this share of a head-sized disc of water
MODULATION = 0.5  # share of the slice-to-slice differences that tube current modulation takes away


def noise_field(clean: Image, pixel_mm: float, kernel_mm: float, rng: np.random.Generator) -> tuple[Image, Image]:
    """Noise of arbitrary overall strength and its local standard deviation.

    Args:
        clean: (K, N, N) HU of what attenuates.
        pixel_mm: size of a pixel.
        kernel_mm: sigma of the reconstruction kernel's in-plane blur, which cuts off the noise spectrum.
        rng: of the noise.

    Returns:
        noise and its local standard deviation, both (K, N, N).
    """
    maps = sector_deviation(clean, pixel_mm)
    shape = clean.shape[1:]
    wedges, shares = _spectrum(shape[0], pixel_mm, kernel_mm)
    up = _upsampling(shape[0])
    noise, profile = np.empty(clean.shape, np.float32), np.empty(clean.shape, np.float32)
    for n in range(len(clean)):
        white = fft.rfft2(rng.standard_normal(shape, np.float32))
        fine = up @ maps[n] @ up.T
        noise[n] = np.einsum("mij,mij->ij", fft.irfft2(white * wedges, shape), fine)
        profile[n] = np.sqrt(np.einsum("mij,nij,mn->ij", fine, fine, shares, optimize=True))
    return noise, profile


def sector_deviation(clean: Image, pixel_mm: float) -> Image:
    """(K, SECTORS, GRID, GRID) relative standard deviation of the noise from each sector of views."""
    count, n = clean.shape[:2]
    size = n * pixel_mm / GRID
    down = _downsampling(n)
    mu = (down @ np.maximum(1 + clean * np.float32(0.001), 0) @ down.T).reshape(count, -1) * np.float32(MU_WATER * size)
    rays = _rays()
    path = np.minimum((rays @ mu.T).reshape(VIEWS, -1, count), 12.0)
    s = (np.arange(path.shape[1]) - (path.shape[1] - 1) / 2) * size
    chord = 2 * np.sqrt(np.maximum(BOWTIE_RADIUS_MM**2 - s**2, 0)) * MU_WATER * BOWTIE_SHARE
    variance = np.exp(path - chord[None, :, None]).reshape(SECTORS, -1, count)
    back = np.stack([r.T @ v for r, v in zip(_sectors(), variance, strict=True)])  # (SECTORS, pixels, K)
    level = back.mean(axis=(0, 1))
    back *= (level.mean() / level) ** MODULATION
    return np.asarray(np.sqrt(back).transpose(2, 0, 1).reshape(count, SECTORS, GRID, GRID), np.float32)


@lru_cache(maxsize=1)
def _rays() -> sparse.csr_array:
    """(VIEWS * bins, pixels): which pixels of the coarse grid lie on which ray; views in the order of the sectors."""
    axis = np.arange(GRID) - (GRID - 1) / 2
    bins = int(np.ceil(GRID * np.sqrt(2))) + 3
    row, column, value = [], [], []
    pixels = np.arange(GRID * GRID)
    for v in range(VIEWS):
        # Sector m holds the views around m * 180 / SECTORS degrees.
        theta = np.pi * (v + 0.5 - VIEWS / SECTORS / 2) / VIEWS
        at = (axis[None, :] * np.cos(theta) + axis[:, None] * np.sin(theta)).ravel() + (bins - 1) / 2
        low = at.astype(int)
        row += [v * bins + low, v * bins + low + 1]
        column += [pixels, pixels]
        value += [1 - (at - low), at - low]
    where = (np.concatenate(row), np.concatenate(column))
    return sparse.csr_array((np.concatenate(value).astype(np.float32), where), shape=(VIEWS * bins, GRID * GRID))


@lru_cache(maxsize=1)
def _sectors() -> tuple[sparse.csr_array, ...]:
    rays = _rays()
    return tuple(
        rays[first : first + rays.shape[0] // SECTORS] for first in range(0, rays.shape[0], rays.shape[0] // SECTORS)
    )


@lru_cache(maxsize=8)
def _spectrum(n: int, pixel_mm: float, kernel_mm: float) -> tuple[Image, NDArray[np.float64]]:
    """(SECTORS, n, n // 2 + 1) wedges of the noise spectrum that add up to it, and (SECTORS, SECTORS) shared power."""
    fy, fx = np.fft.fftfreq(n, pixel_mm)[:, None], np.fft.rfftfreq(n, pixel_mm)[None, :]
    f = np.hypot(fy, fx)
    # Ramp times the transfer of the kernel; the focal spot and the detector, which blur the object only, leave a little more.
    transfer = np.sqrt(f + 0.004) * np.exp(-((f * kernel_mm / 0.25) ** 2))
    angle = np.arctan2(fy, fx)
    wedge = np.stack(
        [
            np.where(
                np.abs(_fold(angle - m * np.pi / SECTORS)) < np.pi / SECTORS,
                np.cos(SECTORS / 2 * _fold(angle - m * np.pi / SECTORS)) ** 2,
                0,
            )
            for m in range(SECTORS)
        ]
    )
    wedge *= transfer
    double = np.where((np.arange(fx.shape[1]) == 0) | ((np.arange(fx.shape[1]) == n // 2) & (n % 2 == 0)), 1.0, 2.0)
    power = np.einsum("mij,nij,j->mn", wedge, wedge, double)
    return (wedge / np.sqrt(power.sum() / n**2)).astype(np.float32), power / power.sum()


def _fold(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """An angle modulo pi in -pi/2..pi/2."""
    return (angle + np.pi / 2) % np.pi - np.pi / 2


@lru_cache(maxsize=8)
def _downsampling(n: int) -> Image:
    """(GRID, n): means over the fine pixels of each coarse one."""
    edges = np.arange(GRID + 1) * n / GRID
    fine = np.arange(n)
    overlap = np.clip(np.minimum(edges[1:, None], fine + 1) - np.maximum(edges[:-1, None], fine), 0, 1)
    return np.asarray(overlap / overlap.sum(axis=1, keepdims=True), np.float32)


@lru_cache(maxsize=8)
def _upsampling(n: int) -> Image:
    """(n, GRID): linear interpolation."""
    at = np.clip((np.arange(n) + 0.5) * GRID / n - 0.5, 0, GRID - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(at[:, None] - np.arange(GRID))), np.float32)
