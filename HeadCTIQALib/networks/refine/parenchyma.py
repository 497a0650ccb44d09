"""CSF, grey and white matter: a noise-aware mixture fit of smoothed HU with the network as spatial prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .workgrid import Field

TARGET_SD = 1.8  # HU that noise may leave after smoothing; grey and white differ by about 7
CSF_HU = (-2.0, 11.0)  # narrow spaces are mostly partial volume and would pull the mean into oedema's range
PRIOR_FLOOR = 0.06  # a class the network excludes keeps this much, so that HU can overrule it


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
    if core.sum() < 500:
        return 5.0
    second = (hu[:, :, :-2].astype(np.int32) - 2 * hu[:, :, 1:-1] + hu[:, :, 2:])[core]
    return float(1.4826 * np.median(np.abs(second - np.median(second))) / np.sqrt(6.0))


def masked_smooth(hu: NDArray[np.int16], mask: NDArray[np.bool_], sigma_mm: float, voxel_mm: tuple[float, float, float]) -> Field:
    """Gaussian mean over the voxels of ``mask`` only, so that bone does not bleed in; 0 outside the mask."""
    sigma = [sigma_mm / v if sigma_mm / v > 0.35 else 0.0 for v in voxel_mm]
    value = np.where(mask, np.clip(hu, -50, 130), 0).astype(np.float32)
    weight = mask.astype(np.float32)
    for axis, s in enumerate(sigma):
        if s > 0:
            value = ndimage.gaussian_filter1d(value, s, axis=axis, truncate=2.5)
            weight = ndimage.gaussian_filter1d(weight, s, axis=axis, truncate=2.5)
    np.maximum(weight, 1e-3, out=weight)
    value /= weight
    value[~mask] = 0
    return value


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
    v, p = values[keep][:, None].astype(np.float64), priors[:, keep].T.astype(np.float64) + PRIOR_FLOOR
    if len(v) < 200:
        return Mixture(8.0, 36.0, 28.0, 4.0, noise)
    p /= p.sum(axis=1, keepdims=True)
    parenchyma = float(np.median(v[p[:, 0] < 0.3])) if (p[:, 0] < 0.3).any() else 32.0
    mean, sd = np.array([8.0, parenchyma + 3.0, parenchyma - 4.0]), 5.0
    for _ in range(iterations):
        likelihood = p * np.exp(-0.5 * np.minimum(((v - mean) / sd) ** 2, 50.0))
        total = likelihood.sum(axis=1, keepdims=True)
        q = likelihood / np.maximum(total, 1e-12)
        q[np.abs(v - mean) > 3.5 * sd] = 0  # lesions must not pull the means
        mass = np.maximum(q.sum(axis=0), 1.0)
        mean = (q * v).sum(axis=0) / mass
        mean[0] = np.clip(mean[0], *CSF_HU)
        middle = 0.5 * (mean[1] + mean[2])
        half = np.clip(0.5 * (mean[1] - mean[2]), 1.5, 6.5)
        mean[1], mean[2] = middle + half, middle - half
        # CSF spaces are narrow and mostly partial volume: their spread would swallow the parenchyma's
        sd = float(np.clip(np.sqrt((q[:, 1:] * (v - mean[1:]) ** 2).sum() / mass[1:].sum()), 1.5, 6.0))
    return Mixture(float(mean[0]), float(mean[1]), float(mean[2]), sd, noise)


def classify(values: Field, csf: Field, grey: Field, white: Field, mix: Mixture) -> NDArray[np.uint8]:
    """(N,) 0 CSF, 1 grey, 2 white, 3 none of them (bleed, calcium, oedema, infarct)."""
    boundary = 0.5 * (mix.csf + mix.white)
    score_grey = np.log(grey + PRIOR_FLOOR) - 0.5 * ((values - mix.grey) / mix.sd) ** 2
    score_white = np.log(white + PRIOR_FLOOR) - 0.5 * ((values - mix.white) / mix.sd) ** 2
    out = np.where(score_grey >= score_white, 1, 2).astype(np.uint8)
    # where the network expects CSF the boundary lies nearer to the parenchyma, and the reverse
    out[values < boundary + 3.0 * (2.0 * csf - 1.0)] = 0
    low, high = mix.white - 3.0 * mix.sd, mix.grey + max(3.5 * mix.sd, 12.0)
    out[(values > high) | ((out != 0) & (values < low))] = 3
    return out
