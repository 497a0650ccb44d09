"""Parallel-beam projection and filtered back-projection of one slice, quick enough for whole scans on one core.

All views of half a turn come from the first eighth: the pixel grid is its own image under four reflections and
rotations, which bring a view at theta to 90 - theta, 90 + theta and 180 - theta degrees.  One sparse matrix of linear
weights therefore serves projection and (transposed) back-projection; filters, detector cells and sub-pixel shifts are
products in the Fourier domain of a view.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse

Image = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
_FINE = 4  # bins per pixel between which weights are linear


def project(image: Image, views: int) -> Image:
    """Line integrals of a square image.

    Args:
        image: (N, N), N even, zero outside the inscribed circle (whatever lies there is cut off).
        views: number of angles over 180 degrees, a multiple of 4; theta_v = pi * v / views.

    Returns:
        (views, N) sums along rays in units of image value times pixel; ray s of view theta is the line
        column * cos(theta) + row * sin(theta) = s, both counted from the image centre, s from -(N-1)/2.

    Raises:
        ValueError: the image is not square and even, or ``views`` is not a multiple of 4.
    """
    n = _check(image.shape, views)
    bins = _bins(n)
    one = views // 4 + 1
    seen = np.stack([image, image.T, image.T[::-1], image[:, ::-1]], axis=-1).reshape(n * n, 4)
    inside = _circle(n).ravel()
    gathered = _matrix(n, views).T @ np.ascontiguousarray(seen * inside[:, None], np.float32)  # (one * bins, 4)
    spectrum = fft.rfft(gathered.reshape(one, bins, 4), axis=1) * _shadow(n, views)[:, :, None]
    rays = fft.irfft(spectrum, bins, axis=1)[:, bins // 2 - 2 * (n - 1) :: _FINE][:, :n] * _FINE
    out = np.empty((views, n), np.float32)
    for c, (order, keep) in enumerate(_orders(views)):
        out[order] = rays[keep, :, c]
    return out


def back_project(sinogram: Image) -> Image:
    """Filtered back-projection of (V, N) views over 180 degrees, theta_v = pi * v / V, to (N, N).

    Hann-windowed band-limited ramp (Kak and Slaney 1988, eq. 61); the corners of the image see the filtered views' tails.
    """
    return back_project_spectrum(view_spectrum(sinogram), sinogram.shape[1])


def back_project_turn(sinogram: Image) -> Image:
    """Filtered back-projection of (V, N) views over a full turn of 360 degrees."""
    half = len(sinogram) // 2
    return back_project(np.asarray(0.5 * (sinogram[:half] + sinogram[half:, ::-1]), np.float32))


def full_turn(half: Image) -> Image:
    """(2 V, N) views over 360 degrees from (V, N) over 180: the opposite view is the mirrored one."""
    return np.concatenate([half, half[:, ::-1]])


def view_spectrum(sinogram: Image) -> Spectrum:
    """(V, F) Fourier transform of every view about the middle of the detector, padded against wrap-around.

    Multiplying by exp(-2 pi i f d), f from :func:`view_frequencies`, moves a view by d pixels; its complex conjugate is
    the view from the opposite side.
    """
    n = sinogram.shape[1]
    centred = np.exp(2j * np.pi * view_frequencies(n) * (n - 1) / 2)
    return np.asarray(fft.rfft(np.asarray(sinogram, np.float32), _padded(n), axis=1) * centred, np.complex64)


def view_frequencies(n: int) -> NDArray[np.float64]:
    """(F,) cycles per pixel of :func:`view_spectrum`."""
    return np.asarray(np.fft.rfftfreq(_padded(n)), np.float64)


def back_project_spectrum(spectrum: Spectrum, n: int) -> Image:
    """(N, N) filtered back-projection of (V, F) view spectra over 180 degrees; see :func:`back_project`."""
    views = len(spectrum)
    _check((n, n), views)
    size, bins, one = _padded(n), _bins(n), views // 4 + 1
    # shift the middle of the detector to the middle of the fine bins, then take four samples per pixel
    response = _ramp(n) * np.exp(-2j * np.pi * view_frequencies(n) * (bins // 2 / _FINE))
    fine = fft.irfft(spectrum * response.astype(np.complex64), size * _FINE, axis=1)[:, :bins] * np.float32(_FINE)
    packed = np.zeros((one, bins, 4), np.float32)
    for c, (order, keep) in enumerate(_orders(views)):
        packed[keep, :, c] = fine[order]
    seen = (_matrix(n, views) @ packed.reshape(one * bins, 4)).reshape(n, n, 4)
    total = seen[..., 0] + seen[..., 1].T + seen[::-1, :, 2].T + seen[:, ::-1, 3]
    return np.asarray(total * np.float32(np.pi / views), np.float32)


def _check(shape: tuple[int, ...], views: int) -> int:
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] % 2:
        raise ValueError(f"the image must be square with an even side, not {shape}")
    if views < 4 or views % 4:
        raise ValueError(f"the number of views over 180 degrees must be a multiple of 4, not {views}")
    return shape[0]


def _bins(n: int) -> int:
    return _FINE * (3 * n // 2)  # 1.5 times the side: the image's diagonal fits


def _padded(n: int) -> int:
    return 1 << int(np.ceil(np.log2(2 * n)))


@lru_cache(maxsize=4)
def _circle(n: int) -> NDArray[np.bool_]:
    axis = np.arange(n) - (n - 1) / 2
    return np.asarray(np.hypot(axis[:, None], axis[None, :]) <= n / 2)


def _orders(views: int) -> tuple[tuple[NDArray[np.intp], slice], ...]:
    """For each of the four images: which views it makes of the first eighth's, and which of those are not doubles."""
    v, quarter, half = np.arange(views // 4 + 1), views // 4, views // 2
    return (
        (v, slice(None)),
        ((half - v)[:quarter], slice(0, quarter)),
        ((half + v)[1:], slice(1, None)),
        ((views - v)[1:quarter], slice(1, quarter)),
    )


@lru_cache(maxsize=2)
def _matrix(n: int, views: int) -> sparse.csr_array:
    """(N * N, eighth * bins) linear weights of the bins on either side of every pixel's centre."""
    bins = _bins(n)
    theta = np.pi * np.arange(views // 4 + 1) / views
    axis = (np.arange(n) - (n - 1) / 2) * _FINE
    columns = np.empty((n, n, len(theta), 2), np.int32)
    weights = np.empty(columns.shape, np.float32)
    for v, t in enumerate(theta):
        at = axis[:, None] * np.sin(t) + axis[None, :] * np.cos(t) + bins / 2
        low = at.astype(np.int32)
        columns[:, :, v, 0] = low + v * bins
        weights[:, :, v, 1] = at - low
    columns[..., 1] = columns[..., 0] + 1
    weights[..., 0] = 1 - weights[..., 1]
    starts = np.arange(n * n + 1, dtype=np.int32) * (2 * len(theta))
    return sparse.csr_array((weights.ravel(), columns.ravel(), starts), shape=(n * n, len(theta) * bins))


@lru_cache(maxsize=4)
def _shadow(n: int, views: int) -> NDArray[np.float32]:
    """(eighth, F) what every pixel casts: a square's shadow, caught by a cell one pixel wide, over the linear weights."""
    f = np.fft.rfftfreq(_bins(n), 1 / _FINE)
    t = np.pi * np.arange(views // 4 + 1)[:, None] / views
    cast = np.sinc(f * np.cos(t)) * np.sinc(f * np.sin(t)) * np.sinc(f)
    return np.asarray(cast / np.sinc(f / _FINE) ** 2, np.float32)


@lru_cache(maxsize=4)
def _ramp(n: int) -> NDArray[np.float64]:
    size = _padded(n)
    kernel = np.zeros(size)
    odd = np.arange(1, size // 2, 2)
    kernel[0] = 0.25
    kernel[odd] = kernel[size - odd] = -1.0 / (np.pi * odd) ** 2
    frequency = np.fft.rfftfreq(size)
    return np.asarray(np.fft.rfft(kernel).real * (0.5 + 0.5 * np.cos(2 * np.pi * frequency)))
