"""How sharp edges are within the slices: the frequency at which the modulation transfer falls to one half (f50).

Air meets skin with a step of 1000 HU along the whole outline of every head.  The outline is cut into pieces of about a
centimetre; through each piece goes a smooth curve, and the distance of every pixel from that curve gives an edge spread
function that is sampled far more finely than the pixels (slanted edge, as in ISO 12233).  Its derivative is the line
spread function, whose Fourier transform is the modulation transfer function.  Of the line spread only the side of the air
is used, mirrored: behind the skin lie fat and bone, before it lies nothing.

An outline that leans is blurred by the thickness of the slice.  How much it leans is seen in the neighbouring slices;
pieces that lean too much are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .types import CTVolume

MAX_PIXEL_MM = 1.0
MAX_SLICES = 7
MIN_PIECES = 12
EDGE_HU, AIR_HU, SKIN_HU = -500, -950, -150
PIECE_MM, REACH_MM, BIN_MM = 12.0, 5.0, 0.1
THICK_MM = 6.0  # the head goes on behind its edge; head rests and clothes are thinner
CLEAR_MM = 2.0  # from the edge to where air is whole
FLAT_MM = 2.5  # the line spread is taken whole up to here, and fades until REACH_MM
ROUGH_MM = 0.15  # of the outline against a smooth curve: hair, folds, the ear
LEAN_MM = 0.8  # movement of the edge within the thickness: takes 15 % of the modulation at 4 lp/cm, which is put back
FREQUENCIES = np.arange(0.02, 1.51, 0.01)  # per mm

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sharpness:
    """f50 in cycles/mm: median over the pieces of the outline and their quartiles; ``reason`` when there is none."""

    f50_per_mm: float | None
    low_per_mm: float = 0.0
    high_per_mm: float = 0.0
    pieces: int = 0
    reason: str = ""


def sharpness(volume: CTVolume) -> Sharpness:
    """f50 of the edges between air and skin, within the slices."""
    coarsest = max(volume.pixel_spacing)
    if coarsest > MAX_PIXEL_MM:
        return Sharpness(None, reason=f"Pixels of {coarsest:.1f} mm are too coarse to measure the sharpness of edges.")
    found = np.array([f for s in _slices(volume) for side in range(4) for f in _side(volume, s, side)])
    if len(found) < MIN_PIECES:
        return Sharpness(
            None,
            reason=f"Only {len(found)} clean pieces of edge between air and skin were found; {MIN_PIECES} are needed.",
        )
    low, middle, high = (float(q) for q in np.quantile(found, (0.25, 0.5, 0.75)))
    return Sharpness(middle, low, high, len(found))


def _slices(volume: CTVolume) -> list[int]:
    """Slices around the widest one, where the outline leans least."""
    coarse = volume.hu[:, ::8, ::8] > EDGE_HU
    width = np.array([np.count_nonzero(c) for c in coarse], float)
    wide = np.flatnonzero(width > 0.6 * width.max())
    return [
        int(s) for s in np.unique(wide[np.linspace(0, len(wide) - 1, min(MAX_SLICES, len(wide))).round().astype(int)])
    ]


def _view(volume: CTVolume, s: int, side: int) -> tuple[NDArray[np.int16], float, float]:
    """Slice ``s`` turned so that the outline on ``side`` is met from the left along the rows; (along, across) mm per pixel."""
    plane, (dj, di) = volume.hu[s], volume.pixel_spacing
    if side >= 2:
        plane, dj, di = plane.T, di, dj
    return (plane[:, ::-1] if side % 2 else plane), di, dj


def _crossings(plane: NDArray[np.int16], along: float) -> Floats:
    """(rows,) where the head begins, pixels from the left; NaN in rows without."""
    thick = round(THICK_MM / along)
    plane = plane[:, : plane.shape[1] // 2]  # the other half is another side's
    over = np.cumsum(plane > EDGE_HU, axis=1, dtype=np.int16)
    whole = over[:, thick:] - over[:, :-thick] == thick  # the pixels after this one, `thick` of them
    first = whole.argmax(axis=1)
    rows = np.flatnonzero(whole.any(axis=1) & (first > round(REACH_MM / along)))
    out = np.full(len(plane), np.nan)
    before, after = plane[rows, first[rows]].astype(float), plane[rows, first[rows] + 1].astype(float)
    crosses = before <= EDGE_HU
    rows, before, after = rows[crosses], before[crosses], after[crosses]
    out[rows] = first[rows] + (EDGE_HU - before) / (after - before)
    return out


def _side(volume: CTVolume, s: int, side: int) -> list[float]:
    """f50 of every clean piece of the outline of slice ``s`` on one of its four sides."""
    plane, along, across = _view(volume, s, side)
    edge = _crossings(plane, along)
    lean = _lean(volume, s, side, edge, along)
    rows = round(PIECE_MM / across)
    found = []
    for start in range(0, len(edge) - rows + 1, rows):
        part = slice(start, start + rows)
        if (
            np.isfinite(edge[part]).all()
            and np.isfinite(lean[part]).sum() * 2 > rows
            and (leans := float(np.nanmedian(lean[part]))) < LEAN_MM
        ):
            f50 = _piece(plane[part], edge[part], along, across, leans)
            if f50 is not None:
                found.append(f50)
    return found


def _lean(volume: CTVolume, s: int, side: int, edge: Floats, along: float) -> Floats:
    """(rows,) mm by which the edge moves within the thickness of slice ``s``, from the neighbouring slices."""
    axis = (volume.row_step if side < 2 else volume.col_step) / along * (-1 if side % 2 else 1)
    thickness = volume.acquisition.slice_thickness_mm
    moved = []
    for other in (s - 1, s + 1):
        if 0 <= other < len(volume.hu):
            shift = (
                volume.origins[other] - volume.origins[s]
            ) @ axis  # slices of a tilted gantry are offset against each other
            gap = abs(volume.slice_positions[other] - volume.slice_positions[s])
            moved.append(
                np.abs((_crossings(_view(volume, other, side)[0], along) - edge) * along + shift)
                / gap
                * (thickness or gap)
            )
    if not moved:
        return np.zeros(len(edge))  # a single slice: nothing tells
    return 0.5 * (moved[0] + moved[-1])


def _piece(plane: NDArray[np.int16], edge: Floats, along: float, across: float, lean: float) -> float | None:
    """f50 of one piece, (rows, columns) pixels that the outline crosses at ``edge``; None where it is not clean."""
    y = np.linspace(-1, 1, len(edge))
    curve = np.polynomial.polynomial.polyfit(y, edge * along, 2)
    fitted = np.polynomial.polynomial.polyval(y, curve)
    slope = (curve[1] + 2 * curve[2] * y) / (0.5 * (len(edge) - 1) * across)
    if float(np.std(edge * along - fitted)) > ROUGH_MM or np.abs(slope).max() > 1:
        return None
    reach = 1.5 * REACH_MM
    columns = slice(max(0, int((fitted.min() - reach) / along)), int((fitted.max() + reach) / along) + 2)
    x = np.arange(plane.shape[1])[columns] * along
    distance = (x - fitted[:, None]) / np.sqrt(1 + slope[:, None] ** 2)
    near = np.abs(distance) < REACH_MM
    distance, hu = distance[near], plane[:, columns][near].astype(float)
    air = hu[distance < -CLEAR_MM]
    skin = hu[(distance > 0) & (distance < CLEAR_MM)]
    if len(air) == 0 or air.mean() > AIR_HU or np.quantile(skin, 0.75) < SKIN_HU:
        return None
    return _f50(distance, hu, lean)


def _f50(distance: Floats, hu: Floats, lean: float) -> float | None:
    """cycles/mm at which the transfer falls to one half, of pixels at these distances (mm, positive within the head) from the edge."""
    count = round(2 * REACH_MM / BIN_MM)
    at = np.clip(((distance + REACH_MM) / BIN_MM).astype(int), 0, count - 1)
    n = np.bincount(at, minlength=count)
    filled = np.flatnonzero(n)
    centres = (np.arange(count) + 0.5) * BIN_MM - REACH_MM
    spread = np.interp(
        centres, np.bincount(at, distance, count)[filled] / n[filled], np.bincount(at, hu, count)[filled] / n[filled]
    )
    line = np.convolve(np.diff(spread), np.full(3, 1 / 3), "same")  # its own transfer is divided out below
    x = centres[:-1] + 0.5 * BIN_MM
    top = int(np.argmax(np.where(np.abs(x) < 1.5, line, 0)))
    if line[top] <= 0 or not 0 < top < len(line) - 1:
        return None
    a, b, c = line[top - 1 : top + 2]
    peak = x[top] + (0.5 * BIN_MM * (a - c) / (a - 2 * b + c) if a - 2 * b + c < 0 else 0.0)
    outside = np.arange(0, REACH_MM - 1, BIN_MM)  # from the peak towards the air
    half = (
        np.interp(peak - outside, x, line)
        * np.cos(0.5 * np.pi * np.clip((outside - FLAT_MM) / (outside[-1] - FLAT_MM), 0, 1)) ** 2
    )
    half[0] *= 0.5
    transfer = np.cos(2 * np.pi * FREQUENCIES[:, None] * outside) @ half / half.sum()
    transfer /= (
        np.sinc(FREQUENCIES * BIN_MM) ** 2 * np.sinc(3 * FREQUENCIES * BIN_MM) * np.sinc(FREQUENCIES * lean)
    )  # bins, differences, smoothing, lean
    below = np.flatnonzero(transfer < 0.5)
    if len(below) == 0 or below[0] == 0:
        return None
    n0 = below[0]
    return float(np.interp(0.5, transfer[[n0, n0 - 1]], FREQUENCIES[[n0, n0 - 1]]))
