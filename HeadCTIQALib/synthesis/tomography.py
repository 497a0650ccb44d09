"""Parallel-beam projection and filtered back-projection of one slice, small enough for a few slices on one core."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]


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
    out = np.empty((views, n), np.float32)
    for v in range(views):
        theta = np.pi * v / views
        cos, sin = np.cos(theta), np.sin(theta)
        matrix = np.array([[cos, sin], [-sin, cos]])  # (t, s) -> (row, column)
        turned = ndimage.affine_transform(image, matrix, offset=c - matrix @ [c, c], order=1, prefilter=False)
        out[v] = turned.sum(axis=0)
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
    axis = np.arange(n) - c
    column, row = axis[None, :], axis[:, None]
    out = np.zeros((n, n))
    for v in range(views):
        theta = span * v / views
        out += np.interp(column * np.cos(theta) + row * np.sin(theta), axis, filtered[v], left=0.0, right=0.0)
    return np.asarray(out * np.pi / views, np.float32)


def full_turn(half: Image) -> Image:
    """(2 V, N) views over 360 degrees from (V, N) over 180: the opposite view is the mirrored one."""
    return np.concatenate([half, half[:, ::-1]])
