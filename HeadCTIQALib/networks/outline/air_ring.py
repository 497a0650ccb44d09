"""Unrest of the air around the head, into which motion throws bands: an index beside the motion grades that needs no network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import HEAD, Tissue
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.resample import block_mean

from .headmask import box_filter_max

RING_MM = (4.0, 20.0)
MIN_RING_MM2 = 1500.0
SMOOTH_MM = 1.4
SECTORS, MIN_SECTORS, SECTOR_PERCENTILE = 24, 8, 75.0
MIN_SECTOR_MM2 = 50.0
CLIPPED_SHARE = 0.4  # with more of the ring at the lowest value, its unrest has been cut away


def ring_index(volume: CTVolume, tissue: NDArray[np.uint8], slices: Sequence[int] | None = None) -> NDArray[np.float64]:
    """(K,) ring index in HU, NaN where it cannot be read.

    The index is the SD of the smoothed HU in the air 4-20 mm outside the scalp, from the half darker than the scan's clear
    air.  In-plane motion throws bright and dark bands into that air; hair, cloth and cushions only brighten it.

    ``slices`` limits the search to some; the others are NaN.
    """
    dj, di = volume.pixel_spacing
    f = max(1, round(0.9 / max(dj, di)))
    k, jj, ii = volume.shape
    rows, columns = jj // f, ii // f
    head_lut, thing_lut = np.zeros(256, bool), np.zeros(256, bool)
    head_lut[list(HEAD)] = True
    thing_lut[[Tissue.HOLDER, Tissue.FOREIGN]] = True
    y, x = np.mgrid[:rows, :columns]
    circle = np.hypot((y - (rows - 1) / 2) * dj * f, (x - (columns - 1) / 2) * di * f) < 0.48 * min(jj * dj, ii * di)
    radius = [max(1, round(mm / (0.5 * (dj + di) * f))) for mm in RING_MM]
    readings: dict[int, list[NDArray[np.float32]]] = {}
    for s in range(k) if slices is None else slices:
        small = tissue[s, f // 2 : rows * f : f, f // 2 : columns * f : f]
        head = head_lut[small]
        if not head.any():
            continue
        distance = _chamfer(head, radius[1])
        ring = circle & (distance > radius[0]) & (distance <= radius[1])
        ring &= ~box_filter_max(thing_lut[small][None], (0, 5, 5))[0]
        hu = block_mean(volume.hu[s], f, f)
        if volume.padding is not None:
            ring &= ~volume.padding[s, f // 2 : rows * f : f, f // 2 : columns * f : f]
        ring &= ~box_filter_max((hu > -880)[None], (0, 3, 3))[0]
        sectors = _sectors(hu, ring, head, (dj * f, di * f))
        if len(sectors) >= MIN_SECTORS:
            readings[s] = sectors
    index = np.full(k, np.nan)
    if readings:
        # clear air is the darker directions of a slice: hair and cloth fill the others
        air = float(np.median([np.percentile([np.median(v) for v in r], 25) for r in readings.values()]))
        for s, r in readings.items():
            # a whole direction that is a little darker is scatter, not motion
            deviation = [
                np.sqrt(2.0 * np.mean(np.minimum(v - min(air, float(np.median(v))), 0.0) ** 2, dtype=float)) for v in r
            ]
            index[s] = np.percentile(deviation, SECTOR_PERCENTILE)
    return index


def _chamfer(head: NDArray[np.bool_], reach: int) -> NDArray[np.float32]:
    """Pixels to the head, computed only in its surroundings."""
    rows, columns = np.flatnonzero(head.any(axis=1)), np.flatnonzero(head.any(axis=0))
    box = (
        slice(max(0, rows[0] - reach - 1), rows[-1] + reach + 2),
        slice(max(0, columns[0] - reach - 1), columns[-1] + reach + 2),
    )
    out = np.full(head.shape, np.inf, np.float32)
    out[box] = ndimage.distance_transform_edt(~head[box])
    return out


def _sectors(
    hu: NDArray[np.float32], ring: NDArray[np.bool_], head: NDArray[np.bool_], pixel: tuple[float, float]
) -> list[NDArray[np.float32]]:
    """Smoothed HU of the ring by direction; empty when too little air is there or its values were cut away."""
    area = pixel[0] * pixel[1]
    if ring.sum() * area < MIN_RING_MM2 or (hu[ring] <= -1023).mean() > CLIPPED_SHARE:
        return []
    rows, columns = np.flatnonzero(ring.any(axis=1)), np.flatnonzero(ring.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    hu, ring = hu[box], ring[box]
    sigma = (SMOOTH_MM / pixel[0], SMOOTH_MM / pixel[1])
    weight = ndimage.gaussian_filter(ring.astype(np.float32), sigma, truncate=2.5)
    smooth = ndimage.gaussian_filter(np.where(ring, hu, 0).astype(np.float32), sigma, truncate=2.5) / np.maximum(
        weight, 1e-3
    )
    y, x = np.nonzero(ring)
    centre = [float(c.mean()) for c in np.nonzero(head)]
    angle = np.arctan2(y + rows[0] - centre[0], x + columns[0] - centre[1])
    sector = ((angle / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
    full = np.flatnonzero(np.bincount(sector, minlength=SECTORS) * area > MIN_SECTOR_MM2)
    values = smooth[y, x]
    return [values[sector == n] for n in full]
