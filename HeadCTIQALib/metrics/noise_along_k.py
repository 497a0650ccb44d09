"""How far noise reaches along k: what the noise of a scan would be in slices of another thickness.

Noise falls with the square root of the thickness as long as slices share no data; overlapping reconstructions and kernels that
smooth along k share it.  So not the tag but the noise itself says how thick a slice is for it: its correlation with the noise of
the next slices, summed over their distance, is the length over which a slice averages,

    L = d (1 + 2 sum rho_l),

d the distance of the slices and rho_l the correlation with the l-th neighbour.  The mean over 5 mm has sigma sqrt(L / 5 mm).
Between slices with gaps nothing is measured: there L is the thickness that the tags say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import INTRACRANIAL, PARENCHYMA, Findings
from HeadCTIQALib.masks import eroded
from HeadCTIQALib.metrics.common import BoolArray, bounding_box, mask_of
from HeadCTIQALib.volume.noise_texture import surface
from HeadCTIQALib.volume.types import CTVolume

STANDARD_MM = 5.0  # thickness of the slices that noise and contrast to noise are judged in
REACH_MM = 7.5  # no reconstruction shares data over more
WINDOW_MM = 6.5
MARGIN_MM = 5.0
MIN_AREA_MM2 = 1500.0
MIN_PIXELS = 5  # a side of a window
SLICES = 10
LEAST = 0.08  # less correlation than this is chance, or what is left of anatomy
QUIET = 0.5  # of the windows, those whose surface is flattest: they hold least beside noise
MIN_WINDOWS = 40
GAP = 1.3  # slices further apart than this many thicknesses have gaps


@dataclass(frozen=True, slots=True)
class Reach:
    """``length_mm`` is L; ``correlation`` that of neighbouring slices, None where it could not be measured; ``how`` in words."""

    length_mm: float
    correlation: float | None
    how: str

    @property
    def factor(self) -> float:
        """Noise in a slice of 5 mm / noise as it is."""
        return float(np.sqrt(self.length_mm / STANDARD_MM))


def noise_reach(volume: CTVolume, findings: Findings) -> Reach:
    """L of a scan, from windows of quiet parenchyma in up to ten slices and those above them."""
    tag = volume.acquisition.slice_thickness_mm
    if volume.shape[0] < 2:
        thickness = tag or STANDARD_MM
        return Reach(thickness, None, f"a single slice of {thickness:.3g} mm")
    found, distance = _correlations(volume, findings)
    thickness = tag or distance
    if distance > GAP * thickness:
        return Reach(thickness, None, f"slices of {thickness:.3g} mm with gaps")
    if not found:
        return Reach(thickness, None, f"slices of {thickness:.3g} mm")
    shared = 0.0
    for value in found:
        if value < LEAST:
            break
        shared += value
    return Reach(
        distance * (1 + 2 * shared),
        found[0],
        f"noise correlated {found[0]:.2f} with the next slice, {distance:.3g} mm away",
    )


def _correlations(volume: CTVolume, findings: Findings) -> tuple[list[float], float]:
    """Correlation of the noise with that of the 1st, 2nd, ... neighbour within reach, and the mean distance of neighbours, mm.

    Without clean parenchyma in enough windows the list is empty and the distance that of the whole scan.
    """
    inside = mask_of(findings.tissue, INTRACRANIAL)
    box = bounding_box(inside)
    usual = float(np.median(volume.slice_widths[slice(None) if box is None else box[0]]))
    nj, ni = (round(WINDOW_MM / step) for step in volume.pixel_spacing)
    if box is None or min(nj, ni) < MIN_PIXELS:
        return [], usual
    inside = inside[:, box[1], box[2]]
    lags = range(1, max(1, int(REACH_MM / usual)) + 1)
    basis = surface(nj, ni).astype(np.float32)
    parts: list[list[NDArray[np.float32]]] = [[] for _ in (0, *lags)]
    uneven: list[NDArray[np.float32]] = []
    widths = []
    for s in _choose(volume, inside):
        clean = _clean(volume, findings, inside, s, box)
        own, of_surface = _residuals(volume, s, clean, box, nj, ni, basis)
        parts[0].append(own)
        uneven.append(of_surface)
        widths += [volume.slice_widths[s]] * len(own)
        for lag in lags:
            near = (
                s + lag < volume.shape[0]
                and volume.slice_positions[s + lag] - volume.slice_positions[s] < 1.5 * lag * usual
            )
            parts[lag].append(
                _residuals(volume, s + lag, clean, box, nj, ni, basis)[0] if near else np.full_like(own, np.nan)
            )
    if len(widths) < MIN_WINDOWS:
        return [], usual
    mine, *others = (np.concatenate(part) for part in parts)
    # the size of the surface says nothing about the noise beside it, so that the choice does not change the correlation
    quiet = np.concatenate(uneven) <= np.quantile(np.concatenate(uneven), QUIET)
    found = []
    for theirs in others:
        known = quiet & np.isfinite(theirs).all(axis=1)
        if np.count_nonzero(known) < QUIET * MIN_WINDOWS:
            break
        a, b = mine[known], theirs[known]
        found.append(float((a * b).sum() / max(1e-6, np.sqrt((a * a).sum() * (b * b).sum()))))
    return found, float(np.mean(widths))


def _choose(volume: CTVolume, inside: BoolArray) -> list[int]:
    """Up to ``SLICES`` slices with much brain that have one above them, evenly spread."""
    dj, di = volume.pixel_spacing
    good = np.flatnonzero([np.count_nonzero(m) * dj * di > MIN_AREA_MM2 for m in inside[:-1]])
    if len(good) > SLICES:
        good = good[np.linspace(0, len(good) - 1, SLICES).round().astype(int)]
    return [int(s) for s in good]


def _clean(
    volume: CTVolume, findings: Findings, inside: BoolArray, s: int, box: tuple[slice, slice, slice]
) -> BoolArray:
    """Parenchyma of slice ``s`` in the box, away from bone in all directions, outside streaks."""
    near = np.abs(volume.slice_positions - volume.slice_positions[s]) <= REACH_MM
    margins = (int(np.ceil(MARGIN_MM / step)) for step in volume.pixel_spacing)
    clean = eroded(np.logical_and.reduce(inside[near]), *margins) & mask_of(
        findings.tissue[s, box[1], box[2]], PARENCHYMA
    )
    if findings.streak is not None:
        clean &= ~findings.streak[s, box[1], box[2]]
    return clean


def _residuals(
    volume: CTVolume,
    s: int,
    clean: BoolArray,
    box: tuple[slice, slice, slice],
    nj: int,
    ni: int,
    basis: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n, pixels) HU of slice ``s`` less a quadratic surface, in the tiles that lie wholly in ``clean``; and (n,) the surface's size."""
    rows, columns = clean.shape[0] // nj, clean.shape[1] // ni

    def tiles(x: np.ndarray) -> np.ndarray:
        return x[: rows * nj, : columns * ni].reshape(rows, nj, columns, ni).swapaxes(1, 2)

    keep = tiles(clean).all(axis=(2, 3))
    hu = tiles(volume.hu[s, box[1], box[2]])[keep].reshape(-1, nj * ni).astype(np.float32)
    coefficients = hu @ basis
    return np.asarray(hu - coefficients @ basis.T), np.asarray((coefficients[:, 1:] ** 2).sum(axis=1))


def conversion(reach: Reach) -> str:
    """How noise was brought to slices of 5 mm, for a measurement's method."""
    return f"judged in a slice of {STANDARD_MM:g} mm: noise x sqrt({reach.length_mm:.3g} mm / {STANDARD_MM:g} mm), from {reach.how}"


def details(reach: Reach) -> dict[str, float]:
    """What noise was brought to slices of 5 mm with, for a measurement's details."""
    measured = {} if reach.correlation is None else {"noise_correlation_next_slice": reach.correlation}
    return {"noise_length_mm": reach.length_mm, **measured}
