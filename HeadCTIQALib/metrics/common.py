"""Small helpers that several metrics share: fast masks, areas, landmarks with reasons, wording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import CONFIDENT, LANDMARK_TITLES, Findings, Landmark, Tissue
from HeadCTIQALib.geometry import point
from HeadCTIQALib.metrics.types import Point
from HeadCTIQALib.volume.types import CTVolume, Vector

BoolArray = NDArray[np.bool_]
MAX_SPREAD_MM = 5.0  # an ear canal or canthus known worse than this turns the 75 mm line by more than about 3 deg


class Unassessable(Exception):  # noqa: N818 - an answer ("I don't know, because ..."), not an error
    """Raised inside this package with the reason (one sentence) why an IQM cannot be assessed."""


def mask_of(tissue: NDArray[np.uint8], tissues: Sequence[Tissue]) -> BoolArray:
    """Bool array, True where ``tissue`` is one of ``tissues``; contiguous label values take a fast path."""
    low, high = min(tissues), max(tissues)
    if high - low + 1 == len(set(tissues)):
        # unsigned wrap-around turns the two comparisons into one pass over the volume
        return (tissue - np.uint8(low)) <= np.uint8(high - low)
    lut = np.zeros(256, bool)
    lut[list(tissues)] = True
    return lut[tissue]


def slice_counts(tissue: NDArray[np.uint8], tissues: Sequence[Tissue]) -> Vector:
    """(K,) pixels of (K, J, I) ``tissue`` that are one of ``tissues``; a slice at a time, which stays in the processor's cache."""
    return np.array([np.count_nonzero(mask_of(t, tissues)) for t in tissue], float)


def slice_areas(volume: CTVolume, tissue: NDArray[np.uint8], tissues: Sequence[Tissue]) -> Vector:
    """(K,) mm^2 of ``tissues`` in every native slice of (K, J, I) ``tissue``."""
    dj, di = volume.pixel_spacing
    return slice_counts(tissue, tissues) * dj * di


def bounding_box(mask: BoolArray) -> tuple[slice, slice, slice] | None:
    """Smallest box around the True voxels of a 3-D mask, or None when it is empty."""
    if not mask.any():
        return None
    in_plane = np.any(mask, axis=0)
    box = []
    for present in (np.any(mask, axis=(1, 2)), np.any(in_plane, axis=1), np.any(in_plane, axis=0)):
        where = np.flatnonzero(present)
        box.append(slice(int(where[0]), int(where[-1]) + 1))
    return box[0], box[1], box[2]


def check_grid(volume: CTVolume, findings: Findings) -> None:
    """Refuse findings that were made on another grid; mixing them up is a programming error."""
    if findings.tissue.shape != volume.shape:
        raise ValueError(f"findings of shape {findings.tissue.shape} do not fit a volume of shape {volume.shape}")


def known_well(landmark: Landmark) -> bool:
    """Whether a landmark may be measured from: it is confident or, of one beyond the scan, known to :data:`MAX_SPREAD_MM`.

    The interval of the metric allows for how little is known of what lies beyond.
    """
    beyond = not landmark.in_scan and landmark.spread_mm is not None and landmark.spread_mm <= MAX_SPREAD_MM
    return beyond or landmark.confidence >= CONFIDENT


def require_landmark(findings: Findings, name: str) -> Landmark:
    """The landmark, or :class:`Unassessable` when it is absent or not known well enough."""
    landmark = findings.landmarks.get(name)
    if landmark is None:
        raise Unassessable(f"The {LANDMARK_TITLES[name]} was not found.")
    if not known_well(landmark):
        if not landmark.in_scan:
            known = f" and is only known to about {landmark.spread_mm:.0f} mm" if landmark.spread_mm else ""
            raise Unassessable(f"The {LANDMARK_TITLES[name]} lies outside the scan{known}.")
        raise Unassessable(f"The {LANDMARK_TITLES[name]} was found with low confidence ({landmark.confidence:.2f}).")
    return landmark


def nearest_slice(volume: CTVolume, ras: Vector | Point) -> int:
    """Index of the native slice nearest to a RAS point along k (the end slices for points beyond the scan)."""
    return int(np.argmin(np.abs(volume.slice_positions - np.asarray(ras, float) @ volume.k)))


def voxel_ras(volume: CTVolume, k: int, j: float, i: float) -> Point:
    """RAS mm of (column i, row j) in native slice k."""
    return point(volume.origins[k] + i * volume.row_step + j * volume.col_step)
