"""Views of a slice and back, by way of its Fourier transform on a polar grid.

The Fourier transform of a view is a line through that of the image.  Its samples are taken from, and given back to, a
Cartesian transform of twice the size through a Kaiser-Bessel window (Beatty, IEEE TMI 2005;24:799), so that no image is
ever interpolated.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse

Image = NDArray[np.float32]
N = 384  # pixels a side of the working grid
VIEWS = 480  # over half a turn
CELLS = 576  # detector cells, one grid pixel each; cell CELLS / 2 looks at the image centre
_CARTESIAN = 2 * N
_WIDTH = 5
_BETA = np.pi * np.sqrt((_WIDTH / 2 * 1.5) ** 2 - 0.8)


def project(images: NDArray[np.floating]) -> Image:
    """(n, VIEWS, CELLS) line integrals, in pixels, of (n, N, N) images that are 0 beyond the inscribed circle.

    Cell c of view v sees the line column * cos + row * sin = c - CELLS / 2, at pi v / VIEWS, both from the image centre.
    """
    cartesian = np.zeros((len(images), _CARTESIAN, _CARTESIAN), np.float32)
    at = _wrapped()
    cartesian[:, at[:, None], at[None, :]] = np.asarray(images, np.float32) / _window()
    spectrum = fft.fft2(cartesian).reshape(len(images), -1)
    parts = np.concatenate([spectrum.real, spectrum.imag])
    seen = (_samples() @ np.ascontiguousarray(parts.T)).T.reshape(2, len(images), VIEWS, -1)
    views = (seen[0] + 1j * seen[1]) * _phase()
    return np.asarray(fft.irfft(views, CELLS, axis=-1), np.float32)


def reconstruct(views: NDArray[np.floating]) -> Image:
    """(N, N) image whose line integrals are the (VIEWS, CELLS) views; the ramp is weighted as by Shepp and Logan (1974)."""
    m = np.arange(CELLS // 2 + 1)
    ramp = 2.0 * np.pi * m / CELLS**2 / VIEWS * np.sinc(m / CELLS)
    ramp[0] = np.pi / (6 * CELLS**2 * VIEWS)  # what the sum of a ramp from 0 lacks, by Euler and Maclaurin
    spectrum = fft.rfft(np.asarray(views, np.float32), axis=1) * (ramp * np.conj(_phase())).astype(np.complex64)
    parts = np.stack([spectrum.real.ravel(), spectrum.imag.ravel()], axis=1)
    gridded = (_samples().T @ parts).astype(np.float32)
    image = fft.ifft2((gridded[:, 0] + 1j * gridded[:, 1]).reshape(_CARTESIAN, _CARTESIAN)).real * _CARTESIAN**2
    at = _wrapped()
    return np.asarray(image[at[:, None], at[None, :]] / _window(), np.float32)


def full_turn(half: Image) -> Image:
    """(2 VIEWS, CELLS): the view from the opposite side is the mirrored one."""
    return np.concatenate([half, np.roll(half[:, ::-1], 1, axis=1)])


def folded(turn: NDArray[np.floating]) -> NDArray[np.floating]:
    """(VIEWS, CELLS) sum of the rays of a full turn and of those that run the other way; the transpose of :func:`full_turn`."""
    return np.asarray(turn[:VIEWS] + np.roll(turn[VIEWS:], -1, axis=1)[:, ::-1])


def in_circle() -> NDArray[np.bool_]:
    """(N, N): the inscribed circle."""
    axis = np.arange(N) - (N - 1) / 2
    return np.asarray(np.hypot(axis[:, None], axis[None, :]) < N / 2 - 1)


def _wrapped() -> NDArray[np.intp]:
    """Where the image's rows and columns lie in the Cartesian array, whose first sample is the middle."""
    return np.asarray((np.arange(N) - N // 2) % _CARTESIAN, np.intp)


@lru_cache(maxsize=1)
def _window() -> Image:
    """What the Kaiser-Bessel window does to the image."""
    x = (np.arange(N) - N // 2) / _CARTESIAN
    root = np.sqrt(_BETA**2 - (np.pi * _WIDTH * x) ** 2)
    one = np.sinh(root) / root
    return np.asarray(np.outer(one, one), np.float32)


@lru_cache(maxsize=1)
def _phase() -> NDArray[np.complex64]:
    """(VIEWS, CELLS / 2 + 1): half a pixel from the array's middle to the image's, and from the first cell to the middle one."""
    theta, m = np.pi * np.arange(VIEWS)[:, None] / VIEWS, np.arange(CELLS // 2 + 1)
    half = (np.cos(theta) + np.sin(theta)) * m / CELLS / 2
    return np.asarray(np.exp(-2j * np.pi * half) * (-1.0) ** m, np.complex64)


@lru_cache(maxsize=1)
def _samples() -> sparse.csr_array:
    """(VIEWS * (CELLS / 2 + 1), _CARTESIAN^2) weights of the Cartesian samples around every polar one."""
    theta, m = np.pi * np.arange(VIEWS)[:, None] / VIEWS, np.arange(CELLS // 2 + 1)
    rho = _CARTESIAN * m / CELLS
    near, weights = [], []
    for at in ((rho * np.sin(theta)).ravel(), (rho * np.cos(theta)).ravel()):
        index = np.ceil(at - _WIDTH / 2).astype(np.int64)[:, None] + np.arange(_WIDTH)
        apart = np.clip(1 - (2 * (at[:, None] - index) / _WIDTH) ** 2, 0, None)
        near.append(index % _CARTESIAN)
        weights.append(np.i0(_BETA * np.sqrt(apart)) / _WIDTH)
    columns = (near[0][:, :, None] * _CARTESIAN + near[1][:, None, :]).astype(np.int32)
    values = (weights[0][:, :, None] * weights[1][:, None, :]).astype(np.float32)
    rows = len(columns)
    starts = np.arange(rows + 1, dtype=np.int32) * _WIDTH**2
    return sparse.csr_array((values.ravel(), columns.ravel(), starts), shape=(rows, _CARTESIAN**2))
