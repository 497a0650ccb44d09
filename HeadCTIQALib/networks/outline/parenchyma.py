"""CSF, grey and white matter: a noise-aware mixture fit of smoothed HU with the network as spatial prior.

Deep grey and white matter are the two tissues whose HU are measured, so they are chosen the way an expert places
regions of interest: where they are certain; doubtful parenchyma stays unclassified.  A voxel chosen by its own HU would
be chosen for its noise (grey where the noise is positive), and a brain without any contrast would show some.  So the
choice is made from the *neighbouring* slices, whose noise is independent: :func:`guide`, :func:`measured_tissue`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.volume.geometry import independence, nearness

from .workgrid import Field, grown_box

TARGET_SD = 1.8  # HU that noise may leave after smoothing; grey and white differ by about 7
CSF_HU = (-2.0, 11.0)  # narrow spaces are mostly partial volume and would pull the mean into oedema's range
TRUNCATE = 2.5  # sigmas at which a Gaussian is cut off
PRIOR_FLOOR = 0.06  # a class the network excludes keeps this much, so that HU can overrule it
GUIDE_MM = 1.8  # in-plane sigma of the guide: leaves about 1 HU of noise and keeps the internal capsule apart
GUIDE_REACH_MM = 6.0
SOLID_SHARE = 0.7  # of the guiding slices must be parenchyma too
CEREBRUM = 0.65  # probability of white and deep grey matter together that keeps out cortex
ZONE = 0.5  # probability of deep grey matter from which a voxel may be deep grey, and below which it may be white
ZONE_PERCENTILES = (25.0, 85.0)  # of the guide: white and grey matter in the zone; fluid's partial volume lies below
VISIBLE_HU = 2.0  # a smaller difference between them is no more than noise and uneven HU make
DOUBT = 0.5  # share of the way from the middle to grey matter that is left unclassified; to white matter all of it is,
BLUR_HU = 4.0  # but no more than what noise and mixed voxels move the guide
RING_MM = (
    2.5,
    5.0,
)  # half the sides of the square ring: beyond the erosion of the measurement and the reach of the noise's correlation
MIN_RING = 8  # voxels
RING_DARK = (
    0.5  # share of the way from the middle to white matter that the ring around measured white matter must have gone
)
TAIL_HU = 3.0  # beyond grey and white lie the partial volume of fluid, calcium, bleeds


@dataclass(frozen=True, slots=True)
class Mixture:
    """Mean and SD (HU) of CSF, grey and white matter, and the SD of the noise before smoothing."""

    csf: float
    grey: float
    white: float
    sd: float
    noise: float


def noise_sd(hu: NDArray[np.int16], mask: NDArray[np.bool_]) -> float:
    """Robust SD (HU) of the block-averaged pixels, from second differences along the rows inside ``mask``."""
    core = mask[:, :, :-2] & mask[:, :, 1:-1] & mask[:, :, 2:]
    if np.count_nonzero(core) < 500:
        return 5.0
    second = hu[:, :, :-2][core].astype(np.int32) - 2 * hu[:, :, 1:-1][core].astype(np.int32) + hu[:, :, 2:][core]
    return float(1.4826 * np.median(np.abs(second - np.median(second))) / np.sqrt(6.0))


def masked_smooth(
    hu: NDArray[np.int16], mask: NDArray[np.bool_], sigma_mm: float, voxel_mm: tuple[float, float, float]
) -> Field:
    """Gaussian mean over the voxels of ``mask`` only, so that bone does not bleed in; 0 outside the mask."""
    out = np.zeros(hu.shape, np.float32)
    if not mask.any():
        return out
    sigma = [sigma_mm / v if sigma_mm / v > 0.35 else 0.0 for v in voxel_mm]
    reach = [int(TRUNCATE * s + 0.5) for s in sigma]
    box = grown_box(mask, (reach[0], reach[1], reach[2]))  # nothing further away is seen from inside the mask
    inside = mask[box]
    value = np.where(inside, np.clip(hu[box], -50, 130), 0).astype(np.float32)
    weight = inside.astype(np.float32)
    for axis, s in enumerate(sigma):
        if s > 0:
            value = ndimage.gaussian_filter1d(value, s, axis=axis, truncate=TRUNCATE)
            weight = ndimage.gaussian_filter1d(weight, s, axis=axis, truncate=TRUNCATE)
    np.divide(value, np.maximum(weight, 1e-3), out=out[box], where=inside)
    return out


def smoothing_mm(noise: float) -> float:
    """Gaussian sigma, mm, that brings ``noise`` to about :data:`TARGET_SD` (0.8 to 2.0 mm)."""
    return float(np.clip(0.55 * noise / TARGET_SD, 0.8, 2.0))


def fit_mixture(values: Field, priors: NDArray[np.float32], noise: float, iterations: int = 25) -> Mixture:
    """EM for CSF, grey and white with a common SD.

    Args:
        values: (N,) smoothed HU in the cerebrum, without bleeds and calcium.
        priors: (3, N) network probabilities of CSF, grey (cortical and deep), white.

    The means are kept in a plausible order (CSF below white below grey); a fit is never refused, since without
    contrast between grey and white the split is simply the network's.
    """
    keep = (values > -15) & (values < 70)
    v, p = values[keep].astype(np.float64), priors[:, keep].astype(np.float64) + PRIOR_FLOOR
    if len(v) < 200:
        return Mixture(8.0, 36.0, 28.0, 4.0, noise)
    p /= p.sum(axis=0)
    parenchyma = float(np.median(v[p[0] < 0.3])) if (p[0] < 0.3).any() else 32.0
    mean, sd = np.array([8.0, parenchyma + 3.0, parenchyma - 4.0]), 5.0
    for _ in range(iterations):
        before = np.array([*mean, sd])
        square = ((v - mean[:, None]) / sd) ** 2  # (3, N)
        q = p * np.exp(-0.5 * np.minimum(square, 50.0))
        q /= np.maximum(q.sum(axis=0), 1e-12)
        q[square > 3.5**2] = 0  # lesions must not pull the means
        mass = np.maximum(q.sum(axis=1), 1.0)
        mean = q @ v / mass
        mean[0] = np.clip(mean[0], *CSF_HU)
        middle = 0.5 * (mean[1] + mean[2])
        half = np.clip(0.5 * (mean[1] - mean[2]), 1.5, 6.5)
        mean[1], mean[2] = middle + half, middle - half
        # CSF spaces are narrow and mostly partial volume: their spread would swallow the parenchyma's
        square = (v - mean[1:, None]) ** 2
        sd = float(np.clip(np.sqrt(np.vdot(q[1:], square) / mass[1:].sum()), 1.5, 6.0))
        if np.abs(np.array([*mean, sd]) - before).max() < 1e-5:
            break
    return Mixture(float(mean[0]), float(mean[1]), float(mean[2]), sd, noise)


def classify(values: Field, csf: Field, grey: Field, white: Field, mix: Mixture) -> NDArray[np.uint8]:
    """(N,) 0 CSF, 1 grey, 2 white, 3 none of them (bleed, calcium, oedema, infarct), of smoothed HU: narrow sulci are missed."""
    boundary = 0.5 * (mix.csf + mix.white)
    score_grey = np.log(grey + PRIOR_FLOOR) - 0.5 * ((values - mix.grey) / mix.sd) ** 2
    score_white = np.log(white + PRIOR_FLOOR) - 0.5 * ((values - mix.white) / mix.sd) ** 2
    out = np.where(score_grey >= score_white, 1, 2).astype(np.uint8)
    # where the network expects CSF the boundary lies nearer to the parenchyma, and the reverse
    out[values < boundary + 3.0 * (2.0 * csf - 1.0)] = 0
    low, high = mix.white - 3.0 * mix.sd, mix.grey + max(3.5 * mix.sd, 12.0)
    out[(values > high) | ((out != 0) & (values < low))] = 3
    return out


def guide(
    hu: NDArray[np.int16],
    mask: NDArray[np.bool_],
    positions: NDArray[np.float64],
    thickness: float,
    pixel: tuple[float, float],
) -> tuple[Field, Field]:
    """Mean smoothed HU in the slices below and in those above, each (N,) at the voxels of ``mask``; NaN outside ``mask`` there.

    Slices count as far as they share no data with the slice itself (``thickness`` mm away) and lie within
    :data:`GUIDE_REACH_MM`; where none does, the nearest independent slice on that side is taken.
    """
    plane = masked_smooth(hu, mask, GUIDE_MM, (1e6, *pixel))
    sides: tuple[list[Field], list[Field]] = ([], [])
    for s, z in enumerate(positions):
        for side, distance in zip(sides, (z - positions, positions - z), strict=True):
            own = np.where(distance > 0, independence(distance, thickness), 0)
            weight = own * nearness(distance, GUIDE_REACH_MM)
            if not weight.any() and own.any():
                weight[np.where(own > 0, distance, np.inf).argmin()] = 1
            here = mask[s]
            total, count = np.zeros(np.count_nonzero(here), np.float32), np.zeros(np.count_nonzero(here), np.float32)
            for n in np.flatnonzero(weight):
                total += np.float32(weight[n]) * plane[n][here]
                count += np.float32(weight[n]) * mask[n][here]
            enough = (count > 0) & (count >= SOLID_SHARE * weight.sum())
            side.append(np.where(enough, total / np.where(enough, count, 1), np.nan).astype(np.float32))
    return np.concatenate(sides[0]), np.concatenate(sides[1])


def surroundings(hu: NDArray[np.int16], mask: NDArray[np.bool_], pixel: tuple[float, float]) -> Field:
    """(K, J, I) mean HU of the voxels of ``mask`` in a square ring around every voxel, in its slice; NaN where there are next to none."""
    out = np.full(hu.shape, np.nan, np.float32)
    if not mask.any():
        return out
    box = grown_box(mask, (0, 0, 0))  # the ring counts only what is in the mask, and is wanted only there
    inside = mask[box]
    value, weight = np.where(inside, np.clip(hu[box], -50, 130), 0).astype(np.float32), inside.astype(np.float32)
    total, count = np.zeros_like(value), np.zeros_like(value)
    for mm, sign in zip(RING_MM, (-1, 1), strict=True):
        size = tuple(2 * round(mm / p) + 1 for p in pixel)
        area = np.float32(sign * size[0] * size[1])
        total += area * ndimage.uniform_filter(value, (1, *size), mode="constant")
        count += area * ndimage.uniform_filter(weight, (1, *size), mode="constant")
    np.divide(total, count, out=out[box], where=count > MIN_RING)
    return out


def solid(kind: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(K, J, I) bool: grey or white matter by :func:`classify`, not next to anything else in the slice.

    Fluid and lesions lie so far from either tissue that noise does not decide who is kept out.
    """
    out: NDArray[np.uint8] = np.zeros(inside.shape, np.uint8)
    out[inside] = (kind == 1) | (kind == 2)
    for axis in (1, 2):
        out = ndimage.minimum_filter1d(out, 3, axis=axis, mode="nearest")
    return out.view(bool)


def measured_tissue(
    below: Field, above: Field, around: Field, deep: Field, white: Field
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Deep grey and white matter fit to be measured, each (N,) bool: bright below and above, or dark below, above and around.

    Where the guide shows no contrast in and around the nuclei, the network's location decides alone.

    Args:
        below, above: from :func:`guide`; around: from :func:`surroundings`.
        deep, white: probabilities of deep grey and of white matter.
    """
    darkest, brightest = np.minimum(below, above), np.maximum(below, above)  # NaN where there is only one
    mean = 0.5 * (darkest + brightest)
    zone = (deep > ZONE) & np.isfinite(mean)
    field = (white + deep > CEREBRUM) & (deep < ZONE) & np.isfinite(mean)
    if min(np.count_nonzero(zone), np.count_nonzero(field)) < 200:
        nothing = np.zeros(len(deep), bool)
        return nothing, nothing
    # a coarse network's deep grey matter holds the capsules too: about half of it is white; a fine one's does not
    low, high = (float(v) for v in np.percentile(mean[zone], ZONE_PERCENTILES))
    low = min(low, float(np.median(mean[field])))
    if high - low < VISIBLE_HU:
        near = np.abs(mean - 0.5 * (low + high)) < TAIL_HU
        return zone & near, field & near
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    grey = zone & (darkest > middle) & (mean > middle + min(DOUBT * half, BLUR_HU)) & (mean < high + half + TAIL_HU)
    dark = field & (brightest < middle) & (mean < middle - min(half, BLUR_HU)) & (mean > low - TAIL_HU)
    dark &= around < middle - RING_DARK * half
    return grey, dark
