"""Landmarks that a scan does not show because it was painted over: faces blanked out, balls of one value over eyes and ears.

Every detector gives noise: an area of exactly one value was not measured.  Where all air has one value (clipped or masked),
air tells nothing by itself; there a face is gone when even the centre of a globe would lie in air.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import LANDMARK_TITLES, Landmark
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.scale import is_coarse

from .bundles import ANATOMY, open_bundle
from .types import CoarseAnatomy, Vector

NEAR_MM = 6.0  # from a landmark to paint that hides it
PAINTED = 0.12  # of the voxels so near, in areas of one value: paint that ends 3 mm beside it covers less
ALWAYS = 0.8  # of the slices have areas of this value: padding, or air that was clipped or masked
MOST = 0.5  # of the air; a face that was blanked out makes less
AIR_HU, TOP_HU = -850, 3000  # metal is clipped at the top
FAR_MM, LEAST_MM2 = 12.0, 100.0  # around an object; dark streaks of true metal that are clipped are thin
EVERYWHERE, IN_PLANE = np.ones((3, 3, 3), bool), np.array([[[0] * 3] * 3, [[1] * 3] * 3, [[0] * 3] * 3], bool)
GONE_MM = 8.0  # around the centre of a globe, which lies deeper
FACE = ("CANTHUS", "GLOBE", "NASION")  # goes with the globes


def masked(volume: CTVolume, landmarks: Mapping[str, Landmark], coarse: CoarseAnatomy) -> tuple[str, ...]:
    """Names of the ``landmarks`` in the scan that are painted over."""
    seen = {n: np.asarray(m.position, float) for n, m in landmarks.items() if m.in_scan and m.source == "network"}
    if not seen or is_coarse(volume.hu):  # few values make areas of one value by themselves
        return ()
    usual = _usual(volume)
    found = {n for n, p in seen.items() if _painted(volume, p, usual) > PAINTED}
    template = open_bundle(ANATOMY).metadata["template_landmarks"]
    for side in "RL":
        globe = coarse.pose @ np.array([*template[f"GLOBE_{side}"], 1.0])
        parts = [(x < AIR_HU).ravel() for x in _around(volume, globe[:3], GONE_MM)]
        if parts and np.concatenate(parts).mean() > 1 - PAINTED:
            found |= {n for n in seen if n.split("_")[0] in FACE and n[-2:] != f"_{'RL'.replace(side, '')}"}
    return tuple(n for n in landmarks if n in found)


def unsure(landmarks: Mapping[str, Landmark], names: tuple[str, ...]) -> dict[str, Landmark]:
    """``landmarks``, in those of ``names`` without confidence."""
    return {n: replace(m, confidence=0.0) if n in names else m for n, m in landmarks.items()}


def without_paint(volume: CTVolume, objects: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``objects``, a (K, J, I) mask, but for those made of paint or bared by it: balls, and bone at the edge of what was blanked out."""
    if not objects.any() or is_coarse(volume.hu):
        return objects
    usual = _usual(volume)
    labels, n = ndimage.label(objects, EVERYWHERE)
    keep = np.ones(n + 1, bool)
    rj, ri = (max(1, round(FAR_MM / p)) for p in volume.pixel_spacing)
    least = LEAST_MM2 / float(np.prod(volume.pixel_spacing))
    for c, (k, j, i) in enumerate(ndimage.find_objects(labels), start=1):
        around = (k, slice(max(0, j.start - rj), j.stop + rj), slice(max(0, i.start - ri), i.stop + ri))
        areas, _ = ndimage.label(np.stack([_odd(plane, usual) for plane in volume.hu[around]]), IN_PLANE)
        paint = (np.bincount(areas.ravel()) >= least)[areas] & (areas > 0)
        edge = [
            (0, 0),
            *((int(a.start == 0), int(a.stop >= n)) for a, n in zip(around[1:], volume.shape[1:], strict=True)),
        ]
        paint = np.pad(paint, edge, constant_values=True)  # beyond the image nothing was measured, either
        piece = np.pad(labels[around] == c, edge)
        rim = ndimage.binary_dilation(piece, IN_PLANE) & ~piece
        keep[c] = (paint & rim).sum() < PAINTED * rim.sum() and (paint & piece).sum() < 0.5 * piece.sum()
    return np.asarray(objects & keep[labels])


def sentences(names: tuple[str, ...]) -> tuple[str, ...]:
    """A note on what is masked."""
    if not names:
        return ()
    titles = [LANDMARK_TITLES[n] for n in names]
    return (f"The images were painted over (defaced): masked are {', '.join(titles)}.",)


def reasons(names: tuple[str, ...]) -> dict[str, str]:
    """IQM id to why it is not assessable."""
    lost = [LANDMARK_TITLES[n] for n in names if n.startswith(("CANTHUS", "EAM"))]
    return {"baseline_angle": f"Masked (defaced) in the images: {', '.join(lost)}."} if lost else {}


def _usual(volume: CTVolume) -> set[int]:
    """The value that most of the air has, apart from padding, which is the same in all slices: it was clipped or masked."""
    few = (slice(None), slice(None, None, 2), slice(None, None, 2))
    air = volume.hu[few] < AIR_HU
    flat = np.stack([_flat(plane)[few[1:]] for plane in volume.hu]) & air
    beside = air & ~(flat.mean(axis=0) > ALWAYS)
    values, counts = np.unique(volume.hu[few][flat & beside], return_counts=True)
    return {int(v) for v, n in zip(values, counts, strict=True) if n > MOST * np.count_nonzero(beside)}


def _flat(plane: NDArray[np.int16]) -> NDArray[np.bool_]:
    """(J, I) pixels in squares of four that have one value."""
    corner = plane[:-1, :-1]
    square = (corner == plane[1:, :-1]) & (corner == plane[:-1, 1:]) & (corner == plane[1:, 1:])
    out = np.zeros(plane.shape, bool)
    for j, i in ((0, 0), (0, 1), (1, 0), (1, 1)):
        out[j : j + square.shape[0], i : i + square.shape[1]] |= square
    return out


def _odd(plane: NDArray[np.int16], usual: set[int]) -> NDArray[np.bool_]:
    """(J, I) pixels in areas of one value that is neither ``usual`` nor metal."""
    return _flat(plane) & ~np.isin(plane, list(usual)) & (plane < TOP_HU)


def _painted(volume: CTVolume, at: Vector, usual: set[int]) -> float:
    """Share of the voxels near a point in areas of one value that is neither ``usual`` nor metal."""
    flat = total = 0
    for plane in _around(volume, at, NEAR_MM):
        flat += int(np.count_nonzero(_odd(plane, usual)))
        total += plane.size
    return flat / total if total else 0.0


def _around(volume: CTVolume, at: Vector, mm: float) -> list[NDArray[np.int16]]:
    """The square of every slice that lies in a cube of 2 ``mm``, at least of the nearest one; none outside the image."""
    i, j, _ = volume.ras_to_ijk(at)
    off = np.abs(volume.slice_positions - at @ volume.k)
    rj, ri = (max(1, round(mm / p)) for p in volume.pixel_spacing)
    j, i = round(float(j)), round(float(i))
    rows, columns = slice(max(0, j - rj), max(0, j + rj + 1)), slice(max(0, i - ri), max(0, i + ri + 1))
    slices = np.flatnonzero((off <= mm) | (off == off.min()))
    return [p for s in slices if (p := volume.hu[s, rows, columns]).size]
