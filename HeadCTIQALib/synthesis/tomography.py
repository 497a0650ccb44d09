"""Parallel-beam projection and filtered back-projection of one slice, small enough for a few slices on one core."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
_FINE = 4  # bins per pixel while a view is gathered


def project(image: Image, views: int) -> Image:
    """Line integrals of a square image.

    Args:
        image: (N, N), zero outside the inscribed circle (whatever lies there is cut off).
        views: number of angles over 180 degrees, theta_v = pi * v / views.

    Returns:
        (views, N) sums along rays in units of image value times pixel; ray s of view theta is the line
        column * cos(theta) + row * sin(theta) = s, both counted from the image centre, s from -(N-1)/2.
    """
    n = image.shape[0]
    c = (n - 1) / 2
    row, column = np.nonzero(image)
    mass = image[row, column].astype(float)
    x, y = ((v - c) * _FINE for v in (column, row))
    bins = 2 * n * _FINE  # twice the detector, so that corners fall beside it and the convolution does not wrap
    frequency = np.fft.rfftfreq(bins, 1 / _FINE)
    out = np.empty((views, n), np.float32)
    for v in range(views):
        cos, sin = np.cos(np.pi * v / views), np.sin(np.pi * v / views)
        at = x * cos + y * sin + bins / 2
        low = at.astype(np.intp)
        share = (at - low) * mass
        points = np.bincount(low, mass - share, bins) + np.roll(np.bincount(low, share, bins), 1)
        # Every pixel casts the shadow of a square and is caught by a detector cell one pixel wide.
        shadow = np.sinc(frequency * cos) * np.sinc(frequency * sin) * np.sinc(frequency)
        rays = np.fft.irfft(np.fft.rfft(points) * shadow, bins) * _FINE
        out[v] = rays[bins // 2 - round(c * _FINE) :: _FINE][:n]
    return out


def back_project(sinogram: Image) -> Image:
    """Filtered back-projection of (V, N) views over 180 degrees, theta_v = pi * v / V."""
    return _back_project(sinogram, np.pi)


def back_project_turn(sinogram: Image) -> Image:
    """Filtered back-projection of (V, N) views over a full turn of 360 degrees."""
    return _back_project(sinogram, 2 * np.pi)


def _back_project(sinogram: Image, span: float) -> Image:
    views, n = sinogram.shape
    size = 1 << int(np.ceil(np.log2(2 * n)))
    kernel = np.zeros(size)  # band-limited ramp (Kak and Slaney 1988, eq. 61), exact at zero frequency
    odd = np.arange(1, size // 2, 2)
    kernel[0] = 0.25
    kernel[odd] = kernel[size - odd] = -1.0 / (np.pi * odd) ** 2
    frequency = np.fft.rfftfreq(size)
    response = np.fft.rfft(kernel).real * (0.5 + 0.5 * np.cos(2 * np.pi * frequency))  # Hann
    filtered = np.fft.irfft(np.fft.rfft(sinogram, size, axis=1) * response, size, axis=1)[:, :n]
    c = (n - 1) / 2
    axis = (np.arange(n) - c).astype(np.float32)
    margin = n // 4 + 2  # the corners of the image look past the detector: zeros
    padded = np.pad(filtered.astype(np.float32), ((0, 0), (margin, margin)))
    slope = np.diff(padded, axis=1, append=0)
    out = np.zeros((n, n), np.float32)
    for v in range(views):
        theta = span * v / views
        at = (axis * np.float32(np.cos(theta)))[None, :] + (axis * np.float32(np.sin(theta)) + np.float32(c + margin))[:, None]
        low = at.astype(np.intp)
        at -= low
        out += padded[v][low] + at * slope[v][low]
    return np.asarray(out * np.float32(np.pi / views), np.float32)


def full_turn(half: Image) -> Image:
    """(2 V, N) views over 360 degrees from (V, N) over 180: the opposite view is the mirrored one."""
    return np.concatenate([half, half[:, ::-1]])
