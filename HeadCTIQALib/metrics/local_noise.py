"""Global noise of a head CT: the mode of local SDs in small windows of brain parenchyma.

After Christianson et al. 2015 (global noise as the mode of the histogram of local SDs), for heads: windows of 6-7 mm
lie wholly in parenchyma at least 5 mm from bone, with CSF, bleeds, calcium and streaks masked.  Anatomy must not count
as noise, and noise must not be lost with it:

* A quadratic surface is taken off every window: it holds most of what grey-white borders and partial volume leave.
  What it takes of the noise depends on the noise's texture, which the correlation of neighbouring pixels tells; the
  loss is computed for that texture (:mod:`HeadCTIQALib.volume.noise_texture`) and undone.
* Windows are preferred where that surface is flat and where the *neighbouring* slices are homogeneous.  Neither says
  anything about the noise that is left in the window, so windows that happen to be quiet are not favoured.
* The mode of the SD of n independent samples lies below sigma by sqrt((n-1)/n).  n is the effective number of
  samples that are left for that texture (CT noise is correlated).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import INTRACRANIAL, PARENCHYMA, Findings
from HeadCTIQALib.masks import eroded
from HeadCTIQALib.metrics.common import BoolArray, Unassessable, bounding_box, mask_of
from HeadCTIQALib.volume.geometry import independence, nearness
from HeadCTIQALib.volume.noise_texture import Window, products, residue, surface
from HeadCTIQALib.volume.types import CTVolume

WINDOW_MM = 6.5
BONE_MARGIN_MM = 5.0
SMOOTH_MM = 3.0
BELOW_HU, ABOVE_HU = 11.0, 14.0  # parenchyma around its median HU: CSF and old infarcts below, bleeds and calcium above
NO_NOISE_HU = 0.05  # HU are whole numbers: less cannot come out of a reconstruction
MIN_PIXELS = 5  # per window side; coarser pixels give too few samples
MIN_WINDOWS = 60
NEIGHBOUR_MM = 6.0
MAX_SLICES = 32
HOMOGENEOUS_SHARE = 0.35  # of the windows, those whose neighbouring slices vary least

# columns of the table of windows, after slice, centre row and centre column: SD and mean products of the residuals,
# structure in the neighbouring slices, size of the surface that was taken off
RESIDUAL_SD, NEIGHBOURS, SURFACE, PRODUCTS = 3, 4, 5, 6

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NoiseResult:
    """Global noise and how it came about; ``typical_window`` is (slice, row, column) of a window at the mode."""

    sigma_hu: float
    mode_hu: float
    effective_samples: float
    windows: int
    window_mm: float
    slices: tuple[int, ...]
    typical_window: tuple[int, float, float]
    method: str


def global_noise(volume: CTVolume, findings: Findings) -> NoiseResult:
    """Noise of the parenchyma in HU; see the module's docstring.

    Raises:
        Unassessable: pixels too coarse, or too little clean parenchyma.
    """
    dj, di = volume.pixel_spacing
    nj, ni = round(WINDOW_MM / dj), round(WINDOW_MM / di)
    if min(nj, ni) < MIN_PIXELS:
        raise Unassessable(f"Pixels of {max(dj, di):.1f} mm are too coarse to measure noise in {WINDOW_MM} mm windows.")
    inside = mask_of(findings.tissue, INTRACRANIAL)
    box = bounding_box(inside)
    if box is None:
        raise Unassessable("No intracranial tissue was found in the scan.")
    window = Window(nj, ni, round(dj, 4), round(di, 4))
    found = _collect(volume, findings, inside[:, box[1], box[2]], box, window)
    if len(found) < MIN_WINDOWS:
        raise Unassessable(
            f"Only {len(found)} windows of clean parenchyma were found to measure noise; {MIN_WINDOWS} are needed."
        )
    keep = max(MIN_WINDOWS, int(HOMOGENEOUS_SHARE * len(found)))
    found = found[np.argsort(_unevenness(found), kind="stable")[:keep]]
    left = residue(_correlation(found), window)
    sd = found[:, RESIDUAL_SD] / np.sqrt(left.variance)
    mode = mode_of(sd)
    if mode < NO_NOISE_HU:
        raise Unassessable("The brain carries no noise at all, so this is not an original CT.")
    samples = left.samples
    typical = found[np.argmin(np.abs(sd - mode))]
    window_mm = float(np.sqrt(nj * dj * ni * di))
    return NoiseResult(
        sigma_hu=mode * float(np.sqrt(samples / (samples - 1))),
        mode_hu=mode,
        effective_samples=samples,
        windows=len(found),
        window_mm=window_mm,
        slices=tuple(int(s) for s in np.unique(found[:, 0])),
        typical_window=(int(typical[0]), float(typical[1]), float(typical[2])),
        method=f"mode of local SD, {window_mm:.1f} mm in-plane windows in homogeneous parenchyma",
    )


def _unevenness(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) how much anatomy a window probably holds: by its neighbouring slices and by its own surface, in equal parts."""
    parts = found[:, [NEIGHBOURS, SURFACE]] ** 2
    return np.asarray((parts / np.maximum(np.median(parts, axis=0), 1e-6)).sum(axis=1))


def _correlation(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """(lags,) correlation of the residuals, over all but the restless fifth of the windows."""
    quiet = found[found[:, RESIDUAL_SD] <= np.quantile(found[:, RESIDUAL_SD], 0.8)]
    total = float((quiet[:, RESIDUAL_SD] ** 2).sum())
    return np.asarray(quiet[:, PRODUCTS:].sum(axis=0) / max(total, 1e-12))


def mode_of(values: NDArray[np.floating]) -> float:
    """Mode of a sample: maximum of a Gaussian kernel density, deterministic.

    The bandwidth is that for a mode, 1.2 SD n^(-1/7): wider than for a density, so that the mode is steady; the SDs of
    a window are skewed so little that it stays in place.
    """
    v = np.sort(np.asarray(values, float))
    q1, q3 = np.percentile(v, [25, 75])
    spread = min(float(v.std()), (q3 - q1) / 1.349) or float(v.std())
    if spread == 0:
        return float(v[0])
    width = 1.2 * spread * len(v) ** (-1 / 7)
    step = width / 8
    # a few wild values (a window across a vessel) must not stretch the grid
    low, high = v[0] - 4 * width, min(v[-1], q3 + 10 * spread) + 4 * width
    counts, edges = np.histogram(v, bins=np.arange(low, high + step, step))
    density = ndimage.gaussian_filter1d(counts.astype(float), 8.0, mode="constant")
    top = int(np.argmax(density))
    centre = 0.5 * (edges[top] + edges[top + 1])
    if 0 < top < len(density) - 1:  # the vertex of a parabola through the three highest bins
        a, b, c = density[top - 1 : top + 2]
        if a - 2 * b + c < 0:
            centre += 0.5 * step * (a - c) / (a - 2 * b + c)
    return float(centre)


def _collect(
    volume: CTVolume, findings: Findings, inside: BoolArray, box: tuple[slice, slice, slice], window: Window
) -> NDArray[np.float64]:
    """(n, columns) of every clean window of ``inside``, cut to ``box``; columns as named at the head of this file."""
    _, rows, columns = box
    chosen = _choose_slices(volume, inside)
    hu = volume.hu[:, rows, columns]
    interiors = {s: _interior(volume, findings, inside, s, rows, columns) for s in chosen}
    values = [hu[s][m][::7] for s, m in interiors.items()]
    sample = np.concatenate(values) if values else np.empty(0, np.int16)
    sample = sample[(sample > -60) & (sample < 140)]
    if len(sample) == 0:
        return np.empty((0, PRODUCTS + len(window.lags)))
    middle = float(np.median(sample))
    size = _odd(SMOOTH_MM, volume)
    phases = ((0, 0), (window.rows // 2, window.columns // 2))
    out = []
    for s, interior in interiors.items():
        part = _around(interior, size)
        smooth = ndimage.uniform_filter(hu[s][part].astype(np.float32), size)
        clean, guide = np.zeros(interior.shape, bool), np.zeros(interior.shape, np.float32)
        clean[part] = interior[part] & (smooth > middle - BELOW_HU) & (smooth < middle + ABOVE_HU)
        guide[part] = ndimage.uniform_filter(_neighbour_mean(volume, hu[:, *part], s), size)
        out += [_windows(s, hu[s], clean, guide, window, *phase) for phase in phases]
    found = np.concatenate(out)
    found[:, 1] += rows.start
    found[:, 2] += columns.start
    return found


def _choose_slices(volume: CTVolume, inside: BoolArray) -> list[int]:
    """At most MAX_SLICES native slices with at least 15 cm^2 of intracranial area, evenly spread."""
    dj, di = volume.pixel_spacing
    good = np.flatnonzero([np.count_nonzero(m) * dj * di > 1500.0 for m in inside])
    if len(good) > MAX_SLICES:
        good = good[np.linspace(0, len(good) - 1, MAX_SLICES).round().astype(int)]
    return [int(s) for s in good]


def _interior(
    volume: CTVolume, findings: Findings, inside: BoolArray, s: int, rows: slice, columns: slice
) -> BoolArray:
    """Parenchyma of slice s, outside streaks, at least 5 mm from the edge of the intracranial space in all directions."""
    near = np.flatnonzero(np.abs(volume.slice_positions - volume.slice_positions[s]) <= BONE_MARGIN_MM)
    deep = np.logical_and.reduce(inside[near[0] : near[-1] + 1])
    interior = eroded(deep, *(int(np.ceil(BONE_MARGIN_MM / step)) for step in volume.pixel_spacing)) & mask_of(
        findings.tissue[s, rows, columns], PARENCHYMA
    )
    if findings.streak is not None:
        interior &= ~findings.streak[s, rows, columns]
    return interior


def _around(interior: BoolArray, size: tuple[int, int]) -> tuple[slice, slice]:
    """The part of a slice that smoothing over ``size`` pixels needs; ``interior`` keeps away from the edges by more than that."""
    rows, columns = np.flatnonzero(interior.any(axis=1)), np.flatnonzero(interior.any(axis=0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    j, i = (slice(max(0, int(x[0]) - n), int(x[-1]) + n + 1) for x, n in zip((rows, columns), size, strict=True))
    return j, i


def _neighbour_mean(volume: CTVolume, hu: NDArray[np.int16], s: int) -> FloatArray:
    """(J, I) weighted mean of the nearest slices whose noise is independent of slice s (a slice thickness away), up to 6 mm off."""
    distance = np.abs(volume.slice_positions - volume.slice_positions[s])
    weight = independence(distance, volume.acquisition.slice_thickness_mm or 0.0) * nearness(distance, NEIGHBOUR_MM)
    weight[distance == 0] = 0
    near = np.flatnonzero(weight)
    if len(near) == 0:
        near = np.flatnonzero(distance > 0)
        if len(near) == 0:
            return np.zeros(hu.shape[1:], np.float32)  # a single slice: no guide, every window is as good as another
        near = near[np.argsort(distance[near], kind="stable")[:2]]
        weight[near] = 1
    near = near[np.argsort(distance[near], kind="stable")[:6]]
    total = np.zeros(hu.shape[1:], np.float32)
    for n in near:
        total += np.float32(weight[n]) * hu[n]
    return np.asarray(total / np.float32(weight[near].sum()))


def _windows(
    s: int, hu: NDArray[np.int16], clean: BoolArray, guide: FloatArray, window: Window, j0: int, i0: int
) -> NDArray[np.float64]:
    """(n, columns) of the tiles of one slice, starting at (j0, i0), that lie wholly in ``clean``."""
    nj, ni = window.rows, window.columns
    rows, columns, n = (clean.shape[0] - j0) // nj, (clean.shape[1] - i0) // ni, nj * ni
    if rows < 1 or columns < 1:
        return np.empty((0, PRODUCTS + len(window.lags)))

    def tiles(x: np.ndarray) -> np.ndarray:
        return x[j0 : j0 + rows * nj, i0 : i0 + columns * ni].reshape(rows, nj, columns, ni).swapaxes(1, 2)

    row, column = np.nonzero(tiles(clean).all(axis=(2, 3)))
    v = tiles(hu)[row, column].reshape(len(row), n).astype(np.float64)
    basis = surface(nj, ni)
    coefficients = v @ basis
    residual = v - coefficients @ basis.T
    uneven = np.sqrt((coefficients[:, 1:] ** 2).sum(axis=1) / n)
    structure = tiles(guide)[row, column].reshape(len(row), n).std(axis=1)
    centre_j, centre_i = j0 + (row + 0.5) * nj - 0.5, i0 + (column + 0.5) * ni - 0.5
    sd = np.sqrt((residual**2).mean(axis=1))
    related = products(residual.reshape(-1, nj, ni), window)
    return np.column_stack([np.full(len(row), s), centre_j, centre_i, sd, structure, uneven, related])


def _odd(mm: float, volume: CTVolume) -> tuple[int, int]:
    """Odd filter sizes (rows, columns) nearest to ``mm``."""
    sj, si = (2 * int(mm / step / 2) + 1 for step in volume.pixel_spacing)
    return sj, si
