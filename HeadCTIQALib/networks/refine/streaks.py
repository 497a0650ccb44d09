"""Streaks and dark bands in the intracranial space, from what the HU of tissue can and cannot be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import INTRACRANIAL, PARENCHYMA, Tissue
from HeadCTIQALib.volume import CTVolume

from .headmask import box_filter_max
from .parenchyma import masked_smooth, noise_sd

DARK_HU = -8.0  # nothing inside the skull but fat and air is darker than this
EDGE_MM = 2.5  # partial volume of bone and air reaches this far
METAL_HU = 2500
METAL_REACH_MM = 6.0  # slices this close to metal may carry its streaks
SMOOTH_MM, LOCAL_MM = 1.3, 9.0
SIGMAS = 3.0
MIN_AREA_MM2 = 25.0
ELONGATION = 2.0


def streak(volume: CTVolume, tissue: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(K, J, I) bool: streak and dark-band artefact inside the intracranial space.

    - Dark bands anywhere: smoothed HU below -8 and 3 sigma of the smoothed noise below CSF, away from the partial
      volume of bone and air, in elongated patches; fat and gas are darker and rounder.
    - In slices within 6 mm of metal (> 2500 HU): parenchyma that departs by more than 3 sigma from its
      surroundings (9 mm), bright or dark, in elongated patches.

    Bleeds, calcium and infarcts are compact or keep to tissue and never darker than water; in slices without metal
    nothing bright is ever marked.
    """
    dj, di = volume.pixel_spacing
    f = max(1, round(0.95 / max(dj, di)))
    rows, columns = volume.shape[1] // f, volume.shape[2] // f
    pixel = (dj * f, di * f)
    out = np.zeros(volume.shape, bool)
    inner, parenchyma = np.zeros(256, bool), np.zeros(256, bool)
    inner[list(INTRACRANIAL)] = True
    parenchyma[list(PARENCHYMA)] = True
    metal = metal_slices(volume, tissue)
    for s in range(volume.shape[0]):
        labels = tissue[s, f // 2 : rows * f : f, f // 2 : columns * f : f]
        inside = inner[labels]
        if inside.sum() * pixel[0] * pixel[1] < 400.0:
            continue
        block = volume.hu[s, : rows * f, : columns * f].reshape(rows, f, columns, f).mean(axis=(1, 3), dtype=np.float32)
        hu = np.round(block).astype(np.int16)
        found = _slice(hu, labels, inside, parenchyma[labels], bool(metal[s]), pixel)
        if found.any():
            out[s, : rows * f, : columns * f] = np.repeat(np.repeat(found, f, axis=0), f, axis=1)
    return out


def metal_slices(volume: CTVolume, tissue: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(K,) bool: metal in the head within :data:`METAL_REACH_MM` of the slice."""
    has = np.zeros(volume.shape[0], bool)
    for s in range(volume.shape[0]):
        where = volume.hu[s] > METAL_HU
        if where.sum() > 4:
            has[s] = bool((where & (tissue[s] != Tissue.HOLDER) & (tissue[s] != Tissue.OUTSIDE)).sum() > 4)
    h = volume.slice_positions
    return np.array([bool((np.abs(h[has] - z) <= METAL_REACH_MM).any()) for z in h])


def _slice(
    hu: NDArray[np.int16],
    labels: NDArray[np.uint8],
    inside: NDArray[np.bool_],
    brain: NDArray[np.bool_],
    metal: bool,
    pixel: tuple[float, float],
) -> NDArray[np.bool_]:
    noise = noise_sd(hu[None], inside[None])
    voxel = (1.0, *pixel)
    smooth = masked_smooth(hu[None], inside[None], SMOOTH_MM, voxel)[0]
    sigma_px = SMOOTH_MM / float(np.sqrt(pixel[0] * pixel[1]))
    # CT noise is correlated: averaging gains only about half of what white noise would
    smooth_noise = noise * min(1.0, 2.0 / (2.0 * np.sqrt(np.pi) * max(sigma_px, 0.3)))
    r = (0, max(1, round(EDGE_MM / pixel[0])), max(1, round(EDGE_MM / pixel[1])))
    edge = box_filter_max((hu < -150)[None], r)[0]
    dark = inside & ~edge & (smooth < min(DARK_HU, 2.0 - SIGMAS * smooth_noise))
    found = _elongated(dark, pixel, 1.6)
    if metal:
        local = masked_smooth(hu[None], brain[None], LOCAL_MM, voxel)[0]
        bone = box_filter_max((labels == Tissue.BONE)[None], r)[0]
        departs = brain & ~edge & ~bone & (np.abs(smooth - local) > max(SIGMAS * smooth_noise, 8.0))
        found |= _elongated(departs, pixel, ELONGATION)
    return found


def _elongated(mask: NDArray[np.bool_], pixel: tuple[float, float], ratio: float) -> NDArray[np.bool_]:
    """Patches of at least 25 mm^2 whose principal axes differ by ``ratio``; very large ones whatever their shape."""
    labels, n = ndimage.label(mask, np.ones((3, 3)))
    keep = np.zeros(n + 1, bool)
    for c, box in enumerate(ndimage.find_objects(labels), start=1):
        y, x = np.nonzero(labels[box] == c)
        area = len(y) * pixel[0] * pixel[1]
        if area < MIN_AREA_MM2:
            continue
        spread = np.linalg.eigvalsh(np.cov(np.stack([y * pixel[0], x * pixel[1]])))
        keep[c] = area > 600.0 or bool(np.sqrt(spread[1] / max(spread[0], 1e-6)) >= ratio)
    return keep[labels]
