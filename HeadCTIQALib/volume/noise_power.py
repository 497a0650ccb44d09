"""The power spectrum of the noise in soft tissue, and the mean frequency of it: how fine the grain of an image is.

As AAPM Report 233 does in a phantom, here in a head: in square windows of 13 mm a quadratic surface is taken off, and the
periodograms are averaged.  Anatomy is coarser than noise, so windows with little of it are preferred: those that are
flattest after smoothing, which hardly sees the noise that decides the mean frequency.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise_texture import surface

WINDOW_MM = 13.0
MIN_PIXELS, MIN_WINDOWS = 13, 40  # per side of a window; of all
INSIDE = 0.97  # share of a window that is soft tissue
LIKE_HU = 10.0  # of the mean of a window from that of the others: fluid, blood, muscle
SMOOTH_MM = 2.0
FLAT = 0.4  # share of the windows that is kept
BAND_PER_MM = (0.06, 0.9)  # below lies what the surface has taken off, above no power of a soft kernel


def mean_frequency(
    planes: Sequence[NDArray[np.int16]], masks: Sequence[NDArray[np.bool_]], pixel: tuple[float, float], step_hu: float
) -> float | None:
    """Mean frequency of the noise power, cycles/mm; None with too few windows or pixels too coarse.

    Args:
        planes, masks: (J, I) HU and where each shows soft tissue.
        pixel: (row, column) mm.
        step_hu: in which HU come: rounding adds fine noise, which is taken off.
    """
    rows, columns = (round(WINDOW_MM / p) for p in pixel)
    if min(rows, columns) < MIN_PIXELS:
        return None
    shift = ((0, 0), (rows // 2, columns // 2))
    found = np.concatenate(
        [
            np.empty((0, rows, columns)),
            *(_tiles(p, m, rows, columns, *at) for p, m in zip(planes, masks, strict=True) for at in shift),
        ]
    )
    level = found.mean(axis=(1, 2))
    found = found[np.abs(level - np.median(level)) < LIKE_HU] if len(found) else found
    if len(found) < MIN_WINDOWS:
        return None
    flat = found.reshape(len(found), -1)
    basis = surface(rows, columns)
    coefficients = flat @ basis
    residual = (flat - coefficients @ basis.T).reshape(found.shape)
    coarse = ndimage.gaussian_filter(residual, (0, *(SMOOTH_MM / p for p in pixel))).var(axis=(1, 2))
    uneven = (coefficients[:, 1:] ** 2).sum(axis=1)
    anatomy = coarse / np.median(coarse) + uneven / np.median(uneven)
    residual = residual[np.argsort(anatomy, kind="stable")[: int(FLAT * len(found))]]
    taper = np.outer(np.hanning(rows), np.hanning(columns))
    power = (np.abs(np.fft.fft2(residual * taper)) ** 2).mean(axis=0) / (taper**2).sum() - step_hu**2 / 12
    frequency = np.hypot(np.fft.fftfreq(rows, pixel[0])[:, None], np.fft.fftfreq(columns, pixel[1]))
    low, high = _band(pixel)
    band = (frequency > low) & (frequency < high)
    power = np.maximum(power, 0)
    total = float(power[band].sum())
    return float((frequency * power)[band].sum()) / total if total > 0 else None


def expected_mean(f50_per_mm: float, pixel: tuple[float, float]) -> float:
    """Mean frequency, cycles/mm, of ramp-filtered noise whose transfer is a Gaussian with this f50, within what the pixels show."""
    f = np.linspace(*_band(pixel), 200)
    power = f * f * np.exp(-2 * np.log(2) * (f / f50_per_mm) ** 2)  # on rings: one f is the ramp's, one the ring's
    return float((f * power).sum() / power.sum())


def _band(pixel: tuple[float, float]) -> tuple[float, float]:
    return BAND_PER_MM[0], min(BAND_PER_MM[1], 0.5 / max(pixel))


def _tiles(
    plane: NDArray[np.int16], mask: NDArray[np.bool_], nj: int, ni: int, j0: int, i0: int
) -> NDArray[np.float64]:
    """(n, nj, ni) HU of the tiles, starting at (j0, i0), that lie in ``mask``."""
    rows, columns = (plane.shape[0] - j0) // nj, (plane.shape[1] - i0) // ni

    def tiles(x: NDArray[np.generic]) -> NDArray[np.generic]:
        return x[j0 : j0 + rows * nj, i0 : i0 + columns * ni].reshape(rows, nj, columns, ni).swapaxes(1, 2)

    return np.asarray(tiles(plane)[tiles(mask).mean(axis=(2, 3)) > INSIDE], np.float64)
