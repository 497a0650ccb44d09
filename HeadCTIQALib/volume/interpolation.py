"""Pixels and slices that were computed from others: the trace that interpolation and block-wise compression leave in the noise.

A value between two measured ones is their weighted mean, so its noise is less, by an amount that repeats with the grid
of the measured ones (Gallagher 2005).  Reconstruction from projections has no such grid.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .scale import step
from .soft_tissue import SoftTissue
from .types import CTVolume

FloatArray = NDArray[np.float64]
BLOCK = 8  # pixels of JPEG and most codecs
TREND = 15  # pixels over which the noise may change by itself
LOWEST = 0.11  # cycles per pixel
AROUND, FREQUENCIES = 201, 2048  # in the spectrum: a line is narrow, anatomy is not
WAVE, LINE = 0.02, 150.0  # share of the noise that repeats, and its power over that around it
SLACK = 0.04  # by which an eighth of a cycle may be off

HIGH_PASS_MM = 0.7
EVEN = 1.1  # ratio of two distances that are equal but for rounding
MIN_TRIPLES = 8
FINE = 8  # fine detail of slices over that of rounding, below which nothing can be told
#: Steps of the logarithm from slice to slice, their median and their upper fifth: 0.02 to 0.12 and 0.04 to 0.28 in
#: untouched scans, overlapping ones too, and 0.1 and 0.76 in one whose origin is not known.
JUMPS, LEAPS = 0.3, 1.0
LEAST = 0.005  # of the noise of a slice, below which its departure is rounding
PREDICTED = 0.03  # of the noise of a slice is not in the mean of its neighbours
OVERLAP = 0.5  # least distance of slices, in thicknesses, at which their own noise cannot be predicted so well

Trace = Literal["blocks", "pixels", "slices"]


def traces(volume: CTVolume) -> tuple[Trace, ...]:
    """What the noise shows: ``blocks`` of compression, interpolated ``pixels``, interpolated ``slices``."""
    places = volume.soft_tissue
    if not places.slices:
        return ()
    lines = np.concatenate([_lines(volume, places, axis, order) for axis in (0, 1) for order in (1, 2)])
    found: list[Trace] = []
    if len(lines):
        eighths = lines * BLOCK  # odd ones are no overtones of a grid of 2 or 4 pixels
        odd = np.rint(eighths) % 2 == 1
        found.append("blocks" if (np.abs(eighths - np.rint(eighths))[odd] < SLACK).any() else "pixels")
    if "blocks" not in found and _slices(volume, places):
        found.append("slices")
    return tuple(found)


def _lines(volume: CTVolume, places: SoftTissue, axis: int, order: int) -> FloatArray:
    """(n,) cycles per pixel with which mean absolute differences of ``order`` repeat along image ``axis``."""
    length = volume.shape[1 + axis]
    total, count = np.zeros(length - order), np.zeros(length - order)
    for k, mask in zip(places.slices, places.masks, strict=True):
        hu, where = np.moveaxis(volume.hu[k], axis, -1).astype(np.float32), np.moveaxis(mask, axis, -1)
        inside = where[:, order:] & where[:, : length - order]
        rows = np.flatnonzero(inside.any(axis=1))
        difference = np.abs(np.diff(hu[rows], order, axis=-1))
        inside = inside[rows]
        difference = np.minimum(difference, np.quantile(difference[inside], 0.95))  # anatomy
        total += np.where(inside, difference, 0).sum(axis=0)
        count += inside.sum(axis=0)
    places_along = np.flatnonzero(count > count.max() / 4)
    if len(places_along) < 4 * TREND:
        return np.empty(0)
    part = slice(places_along[0], places_along[-1] + 1)
    course = total[part] / np.maximum(count[part], 1)
    trend = ndimage.uniform_filter1d(course, TREND, mode="nearest")
    if trend.min() <= 0:
        return np.empty(0)
    taper = np.hanning(len(course))
    power = np.abs(np.fft.rfft((course / trend - 1) * taper, FREQUENCIES)) ** 2 / (taper**2).sum()
    frequency = np.fft.rfftfreq(FREQUENCIES)
    amplitude = np.sqrt(2 * power / len(course))
    strong = (frequency > LOWEST) & (amplitude > WAVE) & (power > LINE * ndimage.median_filter(power, AROUND))
    top = power == ndimage.maximum_filter1d(power, AROUND // 10)
    return frequency[strong & top]


def _slices(volume: CTVolume, places: SoftTissue) -> bool:
    """Whether some slices hold the noise of their neighbours: their own departure from the neighbours' mean jumps, or vanishes."""
    gaps = np.diff(volume.slice_positions)
    masks = dict(zip(places.slices, places.masks, strict=True))
    lag = max(1, round(HIGH_PASS_MM / volume.pixel_spacing[1]))
    rounding = 1.5 * step(volume.hu) ** 2 / 12
    own, departure = [], []
    for k in places.slices:
        if k - 1 not in masks or k + 1 not in masks or max(gaps[k - 1 : k + 1]) > EVEN * min(gaps[k - 1 : k + 1]):
            continue
        where = masks[k - 1] & masks[k] & masks[k + 1]
        if not where.any():
            continue
        beside = 0.5 * (volume.hu[k - 1].astype(np.float32) + volume.hu[k + 1])
        noise = _power(volume.hu[k].astype(np.float32), where, lag)
        if noise > FINE * rounding:
            own.append(noise - rounding)
            departure.append(_power(volume.hu[k] - beside, where, lag) - 1.5 * rounding)
    if len(own) < MIN_TRIPLES:
        return False
    share = np.array(departure) / own
    thickness = volume.acquisition.slice_thickness_mm
    apart = thickness is not None and float(np.median(gaps)) >= OVERLAP * thickness
    steps = np.abs(np.diff(np.log(np.maximum(share, LEAST))))
    return bool(np.median(steps) > JUMPS or np.quantile(steps, 0.8) > LEAPS or (apart and np.median(share) < PREDICTED))


def _power(hu: NDArray[np.float32], where: NDArray[np.bool_], lag: int) -> float:
    """HU^2 of fine detail along the rows, without its largest twentieth (anatomy)."""
    fine = np.zeros_like(hu)
    fine[:, lag:-lag] = hu[:, lag:-lag] - 0.5 * (hu[:, 2 * lag :] + hu[:, : -2 * lag])
    size = np.abs(fine[where])
    return float((np.minimum(size, np.quantile(size, 0.95)) ** 2).mean())
