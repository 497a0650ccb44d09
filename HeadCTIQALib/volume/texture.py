"""How coarse the noise of a scan is, and how sharp its edges: what a kernel, smoothing or denoising has left.

Noise is read from windows of soft tissue as in the noise metric (:mod:`.noise_texture`), the edge where air meets skin,
which every head has, whatever its noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.masks import largest_piece

from .kernels import is_sharp
from .noise_power import mean_frequency
from .noise_texture import Window, products, residue, surface
from .scale import step
from .soft_tissue import SoftTissue
from .types import CTVolume

WINDOW_MM = 6.5
MIN_PIXELS = 5  # per side of a window
MIN_WINDOWS = 60
FLAT, QUIET = 0.6, 0.8  # shares of the windows that are kept: with little anatomy, and without what is restless
MIN_EDGE = 200  # pixels
AIR_HU, SKIN_HU = -950, -50
REACH_MM = 3.0  # from the edge to where air and skin are seen whole
EDGE_SHARE = 0.25  # oblique skin is blurred by the thickness of the slices: the sharper quarter is not

#: Frequency at which the noise of soft and standard kernels is strongest: 0.15 to 0.3 (four scans of two vendors: 0.24 to
#: 0.26); of bone and lung kernels 0.5 and above.
SHARP_PEAK_PER_MM, SHARP_SIGMA_HU = 0.42, 6.0


@dataclass(frozen=True, slots=True)
class Texture:
    """Noise and sharpness within the slices.

    Attributes:
        peak_per_mm: frequency at which the noise is strongest; infinite for white noise.
        sigma_hu: its standard deviation.
        mean_per_mm: mean frequency of its power, cycles/mm; None where pixels or places are too few.
        edge_mm: sigma of a Gaussian blur that would make the edge between air and skin as it is; None where none is seen.
    """

    peak_per_mm: float
    sigma_hu: float
    mean_per_mm: float | None
    edge_mm: float | None


def texture(volume: CTVolume) -> Texture | None:
    """None where pixels are too coarse or too little soft tissue is shown."""
    dj, di = volume.pixel_spacing
    window = Window(round(WINDOW_MM / dj), round(WINDOW_MM / di), round(dj, 4), round(di, 4))
    if min(window.rows, window.columns) < MIN_PIXELS:
        return None
    places = volume.soft_tissue
    found = np.concatenate(
        [
            np.empty((0, 2 + len(window.lags))),
            *(_windows(volume.hu[k], mask, window) for k, mask in zip(places.slices, places.masks, strict=True)),
        ]
    )
    if len(found) < MIN_WINDOWS:
        return None
    found = found[found[:, 1] <= np.quantile(found[:, 1], FLAT)]
    found = found[found[:, 0] <= np.quantile(found[:, 0], QUIET)]
    rounding = step(volume.hu)
    variance = max(float(found[:, 0].mean()) - rounding**2 / 12, 1e-3)
    left = residue(found[:, 2:].mean(axis=0) / variance, window)
    few = slice(None, None, 2 if len(places.slices) > 12 else 1)
    mean = mean_frequency([volume.hu[k] for k in places.slices[few]], places.masks[few], (dj, di), rounding)
    return Texture(left.peak_per_mm, float(np.sqrt(variance / left.variance)), mean, _edge_mm(volume, places))


def is_sharp_scan(volume: CTVolume) -> bool | None:
    """:func:`is_sharp` of the kernel's name; where that is absent or unknown, whether the noise is that of a sharp kernel."""
    named = is_sharp(volume.acquisition.kernel)
    if named is not None:
        return named
    seen = volume.texture
    return None if seen is None else seen.peak_per_mm >= SHARP_PEAK_PER_MM and seen.sigma_hu >= SHARP_SIGMA_HU


def sharp_kernel(volume: CTVolume) -> str:
    """The kernel of a sharp scan for a sentence: by its name where that says so, else by what tells it."""
    kernel = volume.acquisition.kernel
    return f"sharp kernel {kernel}" if is_sharp(kernel) else "sharp kernel (told by the texture of the noise)"


def _windows(plane: NDArray[np.int16], mask: NDArray[np.bool_], window: Window) -> NDArray[np.float64]:
    """(n, 2 + lags): variance of the residuals, size of the surface that was taken off, products, of the tiles wholly in ``mask``."""
    nj, ni = window.rows, window.columns
    rows, columns = plane.shape[0] // nj, plane.shape[1] // ni

    def tiles(x: NDArray[np.generic]) -> NDArray[np.generic]:
        return x[: rows * nj, : columns * ni].reshape(rows, nj, columns, ni).swapaxes(1, 2)

    j, i = np.nonzero(tiles(mask).all(axis=(2, 3)))
    values = tiles(plane)[j, i].reshape(len(j), nj * ni).astype(np.float64)
    basis = surface(nj, ni)
    coefficients = values @ basis
    residual = values - coefficients @ basis.T
    uneven = np.sqrt((coefficients[:, 1:] ** 2).mean(axis=1))
    return np.column_stack([(residual**2).mean(axis=1), uneven, products(residual.reshape(-1, nj, ni), window)])


def _edge_mm(volume: CTVolume, places: SoftTissue) -> float | None:
    found = [_edges(volume.hu[k], volume.pixel_spacing) for k in places.slices[::3]]
    edges = np.concatenate([np.empty(0), *found])
    return float(np.quantile(edges, EDGE_SHARE)) if len(edges) >= MIN_EDGE else None


def _edges(plane: NDArray[np.int16], pixel: tuple[float, float]) -> NDArray[np.float32]:
    """(n,) mm: blur of the edge in every pixel at the border of the head that has whole air on one side and skin on the other."""
    hu = np.clip(plane.astype(np.float32), -1000, 100)
    head = largest_piece(hu > -500)
    if not head.any():
        return np.empty(0, np.float32)
    head = ndimage.binary_fill_holes(head)
    size = [2 * int(np.ceil(REACH_MM / p)) + 1 for p in pixel]
    low, high = ndimage.minimum_filter(hu, size), ndimage.maximum_filter(hu, size)
    edge = head & ~ndimage.binary_erosion(head) & (low < AIR_HU) & (high > SKIN_HU)
    slope = ndimage.maximum_filter(np.hypot(*np.gradient(hu, *pixel)), 3)
    return np.asarray((high - low)[edge] / (np.sqrt(2 * np.pi) * np.maximum(slope[edge], 1)), np.float32)
