"""Steps of the head between neighbouring slices, which leave no trace within either: told by how the outlines go on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import HEAD, INTRACRANIAL
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.resample import block_mean

from .headmask import box_filter_max

STEP_LIMITS = (0.2, 1.5, 3.5)  # mm of a sudden in-plane shift: grades 1, 2, 3
MIN_HEAD_MM2 = 15000.0  # near the vertex the outline changes too fast
FLOW_MAX_GAP_MM = 3.3  # not a spacing that scanners have, so that rounding does not decide; anatomy changes too much between slices further apart
FLOW_RESTLESS = 1.5
# The middle of the intracranial space goes on smoothly at any spacing, from a little below where it is widest.  Of 1494 gaps of 2.5
# to 7 mm in 40 still real scans, 5 pass 1.8 mm; steps of 5 mm put into any of them are found in 98 %.
COURSE_RESTLESS, COURSE_MARGIN_MM = 1.0, 2.0
MIN_COURSE_MM2, COURSE_SHARE = 5000.0, 0.8
FLOW_SIDE, COURSE_SIDE = 4, 2  # gaps on either side that tell how the outlines go on


def slice_steps(volume: CTVolume, tissue: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(K - 1,) mm of the in-plane shift between slices s and s + 1 beyond the trend of the surrounding gaps and their restlessness.

    In thin slices the shift is the least-squares optical flow of the clipped HU at scalp and outer table; in slices further apart it is
    that of the middle of the intracranial space, which shows steps of some millimetres only.  0 where neither can be read.

    Args:
        volume: the scan; tissue: (K, J, I) its tissue map.
    """
    gaps = np.diff(volume.slice_positions)
    if len(gaps) < 5:
        return np.zeros(len(gaps))
    if np.median(gaps) <= FLOW_MAX_GAP_MM:
        return _beyond_trend(_flows(volume, tissue), gaps, FLOW_SIDE, FLOW_RESTLESS, 0.0)
    return _beyond_trend(np.diff(_course(volume, tissue), axis=0), gaps, COURSE_SIDE, COURSE_RESTLESS, COURSE_MARGIN_MM)


def _beyond_trend(
    shifts: NDArray[np.float64], gaps: NDArray[np.float64], side: int, restless: float, margin: float
) -> NDArray[np.float64]:
    """(K - 1,) mm by which the in-plane ``shifts`` (K - 1, 2) depart from those around them; NaN where unknown."""
    rate = shifts / gaps[:, None]  # a seam between two rotations is a longer gap, not a step
    out = np.zeros(len(gaps))
    for s in range(len(gaps)):
        sides = [rate[max(0, s - side) : s], rate[s + 1 : s + 1 + side]]
        sides = [rates[np.isfinite(rates).all(axis=1)] for rates in sides]
        if not np.isfinite(rate[s]).all() or min(len(rates) for rates in sides) < 2:
            continue
        trend = np.mean([np.median(rates, axis=0) for rates in sides], axis=0)
        # where the anatomy itself changes fast, a step must stand out from that restlessness
        unrest = np.max([np.abs(rates - np.median(rates, axis=0)).max(axis=0) for rates in sides], axis=0)
        beyond = float(np.hypot(*(rate[s] - trend))) - restless * float(np.hypot(*unrest))
        out[s] = max(0.0, float(gaps[s]) * beyond - margin)
    return out


def _course(volume: CTVolume, tissue: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(K, 2) mm along rows and columns of the middle of the intracranial space; NaN near the vertex and well below its widest slice."""
    inner = np.zeros(256, bool)
    inner[list(INTRACRANIAL)] = True
    inside = inner[tissue]
    pixels = np.count_nonzero(inside, axis=(1, 2))
    dj, di = volume.pixel_spacing
    area = pixels * dj * di
    middle = np.full((len(tissue), 2), np.nan)
    for s in np.flatnonzero(area > MIN_COURSE_MM2):
        rows, columns = np.count_nonzero(inside[s], axis=1), np.count_nonzero(inside[s], axis=0)
        ji = [float(n @ np.arange(len(n))) / pixels[s] for n in (rows, columns)]
        # by their origins, slices offset against each other by a gantry tilt go on smoothly, too
        point = volume.origins[s] + ji[0] * volume.col_step + ji[1] * volume.row_step
        middle[s] = point @ volume.col_step / dj, point @ volume.row_step / di
    small = np.flatnonzero(area[: int(area.argmax())] < COURSE_SHARE * area.max())
    middle[: small[-1] + 1 if len(small) else 0] = np.nan
    return middle


def _flows(volume: CTVolume, tissue: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(K - 1, 2) mm along columns and rows by which scalp and outer table shift from slice to slice; NaN where the head is small."""
    k, jj, ii = volume.shape
    dj, di = volume.pixel_spacing
    f = max(1, round(0.9 / max(dj, di)))
    rows, columns = jj // f, ii // f
    head_lut = np.zeros(256, bool)
    head_lut[list(HEAD)] = True
    flow, area = np.full((k - 1, 2), np.nan), np.zeros(k)
    previous = None
    for s in range(k):
        image = ndimage.gaussian_filter(np.clip(block_mean(volume.hu[s], f, f), -300, 900), 0.7)
        mask = head_lut[tissue[s, f // 2 : rows * f : f, f // 2 : columns * f : f]]
        area[s] = mask.sum() * dj * di * f * f
        # scalp and outer table: the surface that changes most smoothly from slice to slice
        mask = box_filter_max(mask[None], (0, 3, 3))[0] & box_filter_max(~mask[None], (0, 3, 3))[0]
        if previous is not None:
            use = mask | previous[1]
            # slices offset against each other by a gantry tilt carry that offset in their origins
            known = (volume.origins[s] - volume.origins[s - 1]) @ np.stack(
                [volume.col_step / dj, volume.row_step / di], axis=1
            )
            if area[s] > MIN_HEAD_MM2:
                flow[s - 1] = _flow(previous[0], image, use) * f * np.array([dj, di]) + known
        previous = (image, mask)
    return flow


def _flow(a: NDArray[np.float32], b: NDArray[np.float32], use: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(rows, columns) by which ``b`` is shifted against ``a``, pixels; robust least squares."""
    mean = 0.5 * (a + b)
    g = np.stack([np.gradient(mean, axis=0)[use], np.gradient(mean, axis=1)[use]], axis=1).astype(np.float64)
    d = (a - b)[use].astype(np.float64)
    weight = np.ones(len(d))
    shift: NDArray = np.zeros(2)
    for _ in range(3):
        gw = g * weight[:, None]
        shift = np.asarray(np.linalg.solve(gw.T @ g + 1e-3 * np.eye(2), gw.T @ d), np.float64)
        residual = np.abs(d - g @ shift)
        weight = 1.0 / (1.0 + (residual / max(1.0, 2.0 * float(np.median(residual)))) ** 2)
    return shift
