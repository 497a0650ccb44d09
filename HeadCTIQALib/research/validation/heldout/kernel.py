"""Scans as other kernels and worn detectors would show them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.volume.types import CTVolume

from . import projector

HU_RANGE = (-1024, 3071)
SOFT_MM = 0.50  # blur of a standard kernel, where the scan does not tell its own
BONE_MM = 0.16  # blur that a bone kernel leaves, of focus and detector
CUTOFF_PER_MM = 1.25  # where a bone kernel ends
LARGEST_GAIN = 10.0
OVERSHOOT, OVERSHOOT_PER_MM = 0.25, 0.55  # edge enhancement of bone kernels and where it peaks
CUPPING_MM = 190.0


def sharpened(volume: CTVolume, rng: np.random.Generator, *, name: str | None = "BONE") -> CTVolume:
    """The scan reconstructed anew with a bone kernel: its frequencies raised as a ramp that goes on would leave them.

    Where the soft kernel left something of the signal, that and its noise are raised; where too little is left, noise of the
    same power as a ramp would give takes its place.  The noise grows about fourfold.

    Args:
        name: of the kernel, for the acquisition; None leaves the reader without a name.
    """
    seen = volume.texture
    soft_mm = seen.edge_mm if seen is not None and seen.edge_mm else SOFT_MM
    sigma = seen.sigma_hu if seen is not None else 4.0
    rows_mm, columns_mm = volume.pixel_spacing
    f = np.hypot(
        np.fft.fftfreq(volume.shape[1], rows_mm)[:, None], np.fft.rfftfreq(volume.shape[2], columns_mm)[None, :]
    )
    nyquist = 0.5 / max(rows_mm, columns_mm)
    end = min(CUTOFF_PER_MM, nyquist)
    taper = 0.5 * (1 + np.cos(np.pi * np.clip((f - 0.8 * end) / (0.2 * end), 0, 1)))
    bone = (
        np.exp(-2 * (np.pi * BONE_MM * f) ** 2)
        * (1 + OVERSHOOT * np.sin(np.pi / 2 * np.clip(f / OVERSHOOT_PER_MM, 0, 2)) ** 2)
        * taper
    )
    soft = np.exp(-2 * (np.pi * soft_mm * f) ** 2)
    gain = np.minimum(bone / np.maximum(soft, 1e-6), LARGEST_GAIN)
    # the ramp's power f per unit of its level, of which the soft kernel passed sigma^2
    weight = np.where((np.arange(f.shape[1]) == 0)[None, :], 1.0, 2.0)
    passed = float((weight * f * soft**2).sum()) / (volume.shape[1] * volume.shape[2])
    missing = np.sqrt(f * np.clip(bone**2 - (gain * soft) ** 2, 0, None) * sigma**2 / passed)
    hu = np.empty_like(volume.hu)
    for s, plane in enumerate(volume.hu):
        noise = np.fft.rfft2(rng.standard_normal(plane.shape))
        sharp = np.fft.irfft2(np.fft.rfft2(plane.astype(float)) * gain + noise * missing, plane.shape)
        sharp = np.clip(np.rint(sharp), *HU_RANGE)
        hu[s] = sharp if volume.padding is None else np.where(volume.padding[s], plane, sharp)
    return replace(volume, hu=hu, acquisition=replace(volume.acquisition, kernel=name))


def ringed(volume: CTVolume, rng: np.random.Generator, hu: float = 12.0, rings: int = 4) -> CTVolume:
    """Rings about the axis from detector cells with a wrong gain, of about ``hu`` in every slice."""
    profile = np.zeros(projector.CELLS)
    pixel = max(volume.shape[1] * volume.pixel_spacing[0], volume.shape[2] * volume.pixel_spacing[1]) / projector.N
    for radius in rng.uniform(8, 70, rings):
        profile[round(projector.CELLS / 2 + rng.choice([-1, 1]) * radius / pixel)] += rng.choice([-1.0, 1.0])
    profile = (
        profile + np.roll(profile[::-1], 1)
    ) / 2  # half a turn later the cell looks along the other side of the axis
    change = projector.reconstruct(np.tile(profile, (projector.VIEWS, 1)))
    change *= hu / np.percentile(np.abs(change[projector.in_circle()]), 99)
    return _added(volume, _native(volume, change))


def cupped(volume: CTVolume, hu: float = 12.0) -> CTVolume:
    """Cupping: the middle of the head darker by ``hu`` than its rim, as without a correction for beam hardening."""
    rows_mm, columns_mm = volume.pixel_spacing
    head = volume.hu > -500
    out = np.empty(volume.shape, np.float32)
    for s, plane in enumerate(head):
        depth = ndimage.distance_transform_edt(ndimage.binary_fill_holes(plane), (rows_mm, columns_mm))
        out[s] = -hu * (1 - (1 - np.clip(depth / (CUPPING_MM / 2), 0, 1)) ** 2)
    return _added(volume, ndimage.gaussian_filter(out, (0, 4 / rows_mm, 4 / columns_mm)))


def _native(volume: CTVolume, change: NDArray[np.floating]) -> NDArray[np.floating]:
    """(J, I) of an (N, N) image that spans the whole field of view."""
    spacing, counts = volume.pixel_spacing, volume.shape[1:]
    pixel = max(n * mm for n, mm in zip(counts, spacing, strict=True)) / projector.N
    at = [
        (np.arange(n) - (n - 1) / 2) * mm / pixel + (projector.N - 1) / 2 for n, mm in zip(counts, spacing, strict=True)
    ]
    return np.asarray(ndimage.map_coordinates(change, np.meshgrid(*at, indexing="ij"), order=3, mode="nearest"))


def _added(volume: CTVolume, change: NDArray[np.floating]) -> CTVolume:
    hu = np.clip(np.rint(volume.hu + change), *HU_RANGE).astype(np.int16)
    return replace(volume, hu=hu if volume.padding is None else np.where(volume.padding, volume.hu, hu))
