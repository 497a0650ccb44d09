"""The vertex of the scalp, of the skull and of the brain along k, at native resolution or beyond the last slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import HEAD, INTRACRANIAL, Landmark, Tissue
from HeadCTIQALib.networks.types import CoarseAnatomy
from HeadCTIQALib.volume import CTVolume

from .workgrid import Vector

SMALL_MM2 = 25.0  # a cross-section smaller than this is noise or hair
FIT_MM = 22.0  # length of the vault below the top that the area law is fitted to
HALF_AXIS_MM = (55.0, 120.0)  # plausible vertical half-axis of the ellipsoid that a vault resembles
TRUST_MM = 20.0  # missing length up to which the area law is as good as anything
BELOW_SCALP_MM = {"VERTEX": 0.0, "SKULL_TOP": 6.5, "BRAIN_TOP": 15.0}  # typical depth below the scalp's vertex (adults)


def vertex(volume: CTVolume, tissue: NDArray[np.uint8], coarse: CoarseAnatomy) -> dict[str, Landmark]:
    """VERTEX, SKULL_TOP and BRAIN_TOP, RAS mm: the highest points along k of scalp, skull and brain.

    The top of a vault is nearly a paraboloid, whose cross-section grows linearly with the depth below its top.  The
    straight line (with the curvature of an ellipsoid) through the areas of the uppermost slices gives the top with
    sub-slice precision; when the last slice still cuts the structure the same law is carried beyond the scan, the
    landmark is marked ``in_scan=False`` and its spread grows with the missing length.

    Returns only what was found; an empty mask yields no landmark.
    """
    masks = {
        "VERTEX": _lut(*HEAD),
        "SKULL_TOP": _lut(Tissue.BONE, *INTRACRANIAL),
        "BRAIN_TOP": _lut(*INTRACRANIAL),
    }
    found = {}
    for name, lut in masks.items():
        mark = _top(volume, tissue, lut, coarse.landmarks.get(name))
        if mark is not None:
            found[name] = mark
    return _ordered(volume, found)


def _lut(*tissues: Tissue) -> NDArray[np.bool_]:
    lut = np.zeros(256, bool)
    lut[list(tissues)] = True
    return lut


def _top(
    volume: CTVolume, tissue: NDArray[np.uint8], lut: NDArray[np.bool_], prior: Landmark | None
) -> Landmark | None:
    h = volume.slice_positions
    upper = np.flatnonzero(h >= h[-1] - 110.0)
    dj, di = volume.pixel_spacing
    step = max(1, round(0.8 / max(dj, di)))
    area, centre = np.zeros(len(upper)), np.zeros((len(upper), 2))
    for n, s in enumerate(upper):
        rows, columns = np.nonzero(lut[tissue[s, ::step, ::step]])
        area[n] = len(rows) * dj * di * step * step
        if len(rows):
            centre[n] = columns.mean() * step, rows.mean() * step
    present = np.flatnonzero(area > SMALL_MM2)
    if not len(present):
        return None
    last = int(present[-1])
    hs = h[upper]
    window = np.flatnonzero((hs <= hs[last]) & (hs >= hs[last] - FIT_MM) & (area > SMALL_MM2))
    if len(window) < 3:
        window = np.arange(max(0, last - 3), last + 1)
    gap = float(hs[last] - hs[last - 1]) if last > 0 else 1.0
    above, spread = _missing(hs[window] - hs[last], area[window], float(area.max()))
    cut = last == len(hs) - 1
    if not cut:
        # the next slice no longer shows it, so the top lies between the two
        above = float(np.clip(above, 0.0, hs[last + 1] - hs[last]))
        spread = 0.5 * gap
    elif prior is not None and above > TRUST_MM:
        # so far from the top the law is less certain than the network's pose: weigh in the latter
        expected = max(0.0, float(np.array(prior.position) @ volume.k - hs[last]))
        above += float(np.clip((above - TRUST_MM) / TRUST_MM, 0.0, 0.7)) * (expected - above)
    in_scan = not cut or above <= 0.5 * gap
    height = float(hs[last] + above)
    i, j = _apex(hs[window], centre[window], height)
    position = volume.ijk_to_ras(np.array([i, j, _index_of(volume, height)]))
    # slices may be shifted against each other (tilt): put the point exactly at the height found
    position = position + (height - position @ volume.k) * volume.k
    confidence = 0.95 if in_scan else float(np.clip(0.9 - 0.01 * above, 0.5, 0.9))
    if not in_scan and above > 60.0:
        confidence = 0.3  # so much is missing that its length is a guess
    return Landmark(
        (float(position[0]), float(position[1]), float(position[2])),
        confidence=confidence,
        in_scan=bool(in_scan),
        source="analytic",
        spread_mm=round(float(max(spread, 0.3)), 2),
    )


def _missing(depth: Vector, area: Vector, largest: float) -> tuple[float, float]:
    """(mm from the last slice to the top, expected error) by the area law A = 2 pi R d - b d^2.

    Args:
        depth: heights relative to the last slice (<= 0), mm.
        area: cross-sections there, mm^2.
        largest: the largest cross-section of the upper head, mm^2; an ellipsoid reaches it at its equator.

    For an ellipsoid with semi-axes giving equatorial area M and vertical half-axis c, A = M (1 - (1 - d/c)^2), so
    1 - sqrt(1 - A/M) is linear in d: the fit is a straight line whatever the size of the head.
    """
    ratio = np.clip(area / max(largest * 1.06, 1.0), 0.0, 0.97)
    y = 1.0 - np.sqrt(1.0 - ratio)
    slope, level = np.polyfit(depth, y, 1) if len(depth) > 1 else (-1.0 / 75.0, float(y[-1]))
    half_axis = -1.0 / slope if slope < -1e-4 else 120.0
    half_axis = float(np.clip(half_axis, *HALF_AXIS_MM))
    above = float(y[-1] if len(y) else level) * half_axis
    return above, 0.5 + 0.08 * above + 0.2 * max(0.0, above - TRUST_MM)


def _apex(heights: Vector, centres: Vector, height: float) -> tuple[float, float]:
    """(i, j) of the top: the drift of the sections' centres carried on, by at most 10 mm beyond the last one."""
    if len(heights) < 3:
        return float(centres[-1, 0]), float(centres[-1, 1])
    at = min(height, float(heights[-1]) + 10.0)
    fit = [float(np.polyval(np.polyfit(heights, centres[:, c], 1), at)) for c in (0, 1)]
    return fit[0], fit[1]


def _index_of(volume: CTVolume, height: float) -> float:
    h = volume.slice_positions
    if len(h) == 1:
        return float(height - h[0])
    if height > h[-1]:
        return len(h) - 1 + float((height - h[-1]) / (h[-1] - h[-2]))
    return float(np.interp(height, h, np.arange(len(h))))


def _ordered(volume: CTVolume, found: dict[str, Landmark]) -> dict[str, Landmark]:
    """Scalp above skull above brain: an extrapolated top that breaks the order is moved to its typical depth."""
    scalp = found.get("VERTEX")
    if scalp is None:
        return found
    top = float(np.array(scalp.position) @ volume.k)
    for name in ("SKULL_TOP", "BRAIN_TOP"):
        mark = found.get(name)
        if mark is None or mark.in_scan:
            continue
        height = float(np.array(mark.position) @ volume.k)
        limit = top - 0.4 * BELOW_SCALP_MM[name]
        if height > limit:
            moved = np.array(mark.position) + (limit - height) * volume.k
            found[name] = Landmark(
                (float(moved[0]), float(moved[1]), float(moved[2])),
                mark.confidence,
                mark.in_scan,
                mark.source,
                mark.spread_mm,
            )
    return found
