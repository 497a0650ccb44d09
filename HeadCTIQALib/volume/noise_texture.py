"""What CT noise of a given texture leaves in a small window once a smooth surface has been taken off.

The power of CT noise rises with frequency as the reconstruction's ramp does and falls with its kernel:
W(f) = f exp(-f^2 / (2 p^2)), largest at f = p (0.1 cycles/mm for very smooth kernels, above 0.5 for sharp ones).  The
one parameter p follows from the correlation of pixels 0.5 to 1.5 mm apart, which hardly sees anatomy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

PEAKS_PER_MM = (0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.23, 0.26, 0.3, 0.35, 0.4, 0.5, 0.65, 0.8)
FLOOR_PER_MM = 0.003  # reconstructions keep a little power at frequency zero
LAGS_MM = (0.5, 1.0, 1.5)
BETWEEN = 12  # textures interpolated between two peaks
FIELD = 128  # pixels a side of the periodic field from which the covariance is taken: far wider than a window


@dataclass(frozen=True, slots=True)
class Residue:
    """Noise of variance 1 after the surface: its variance, and the independent samples that a window is worth.

    ``peak_per_mm`` is the frequency at which the noise is strongest, infinite for white noise.
    """

    variance: float
    samples: float
    peak_per_mm: float


@dataclass(frozen=True, slots=True)
class Window:
    """A window of ``rows`` x ``columns`` pixels of these sizes."""

    rows: int
    columns: int
    row_mm: float
    column_mm: float

    @property
    def lags(self) -> tuple[tuple[int, int], ...]:
        """Distances (down, right) in pixels at which the correlation is read, all different and inside the window."""
        pairs = [(max(1, round(mm / self.row_mm)), max(1, round(mm / self.column_mm))) for mm in LAGS_MM]
        return tuple(dict.fromkeys((min(a, self.rows - 1), min(b, self.columns - 1)) for a, b in pairs))


@lru_cache(maxsize=16)
def surface(rows: int, columns: int) -> Matrix:
    """(rows * columns, 6) orthonormal basis of the quadratic surfaces over a window; the first is the constant."""
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1).reshape(-1, 6)
    return np.asarray(np.linalg.qr(terms)[0])


def products(residual: NDArray[np.float64], window: Window) -> Matrix:
    """(n, lags) mean product of pixels of (n, rows, columns) residuals at the window's lags, down and right averaged."""
    out = [
        0.5
        * (
            (residual[:, a:] * residual[:, :-a]).mean(axis=(1, 2))
            + (residual[:, :, b:] * residual[:, :, :-b]).mean(axis=(1, 2))
        )
        for a, b in window.lags
    ]
    return np.stack(out, axis=-1)


def residue(correlation: NDArray[np.float64], window: Window) -> Residue:
    """The residue of the noise whose residuals have this correlation, (lags,), at the window's lags."""
    known, variance, samples = _table(window)
    best = int(np.argmin(((known - correlation) ** 2).sum(axis=1)))
    peak = (
        float("inf")
        if best == len(known) - 1
        else float(np.interp(best / BETWEEN, range(len(PEAKS_PER_MM)), PEAKS_PER_MM))
    )
    return Residue(float(variance[best]), float(samples[best]), peak)


@lru_cache(maxsize=8)
def _table(window: Window) -> tuple[Matrix, Matrix, Matrix]:
    """(T, lags) correlation, (T,) variance and (T,) independent samples of the residuals, for T textures; white last."""
    rows = [_entry(window, p) for p in PEAKS_PER_MM]
    nodes = np.arange(len(rows))
    fine = np.linspace(0, len(rows) - 1, BETWEEN * (len(rows) - 1) + 1)
    columns = [np.interp(fine, nodes, column) for column in np.array(rows).T]
    everything = np.vstack([np.array(columns).T, _entry(window, None)])
    return everything[:, :-2], everything[:, -2], everything[:, -1]


def _entry(window: Window, peak: float | None) -> list[float]:
    """Correlation at every lag, variance and independent samples of one texture; ``peak`` None is white noise."""
    n = window.rows * window.columns
    basis = surface(window.rows, window.columns)
    c = _covariance(window, peak)
    c = c - basis @ (basis.T @ c)
    c = c - (c @ basis) @ basis.T
    variance = float(np.trace(c)) / n
    r = c.reshape(window.rows, window.columns, window.rows, window.columns)
    j, i = np.indices((window.rows, window.columns))
    out = []
    for a, b in window.lags:
        down = r[j[:-a], i[:-a], j[a:], i[a:]].mean()
        right = r[j[:, :-b], i[:, :-b], j[:, b:], i[:, b:]].mean()
        out.append(0.5 * float(down + right) / variance)
    return [*out, variance, (variance * n) ** 2 / float((c**2).sum())]


def _covariance(window: Window, peak: float | None) -> Matrix:
    """(N, N) correlation matrix of the pixels of a window."""
    if peak is None:
        return np.eye(window.rows * window.columns)
    f = np.hypot(np.fft.fftfreq(FIELD, window.row_mm)[:, None], np.fft.fftfreq(FIELD, window.column_mm)[None, :])
    field = np.fft.ifft2((f + FLOOR_PER_MM) * np.exp(-(f**2) / (2 * peak**2))).real
    field /= field[0, 0]
    j, i = np.divmod(np.arange(window.rows * window.columns), window.columns)
    return np.asarray(field[np.abs(j[:, None] - j[None, :]), np.abs(i[:, None] - i[None, :])])
