"""From what a person placed or painted to a finding, with the refusals: everything here checks before anything changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from HeadCTIQALib.findings.types import LANDMARK_TITLES, Landmark, Plane, Tissue
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.metrics.common import point
from HeadCTIQALib.metrics.types import Point
from HeadCTIQALib.volume.types import CTVolume

from .correction import CorrectionError

#: Landmarks that an IQM reads.
CORRECTABLE_LANDMARKS: tuple[str, ...] = tuple(
    id_ for id_ in LANDMARK_TITLES if any(id_ in m.reads for m in METRICS.values())
)


def check_plane(volume: CTVolume, origin: Point, normal: Point) -> Plane:
    """The plane as a person placed it, its normal turned to the patient's right.

    Raises:
        CorrectionError: no finite position or direction, or nearly parallel to the slices.
    """
    n = np.asarray(normal, float)
    length = float(np.linalg.norm(n))
    if not np.isfinite([*origin, length]).all() or length < 1e-6:
        raise CorrectionError("The mid-sagittal plane has no direction; place it again.")
    n = n / length
    if abs(float(n @ volume.r)) < 0.5:
        raise CorrectionError(
            "The mid-sagittal plane is turned by more than 60° from the middle of the head; turn it back."
        )
    return Plane(point(origin), point(n if n @ volume.r > 0 else -n), 1.0, "reader")


def check_landmark(volume: CTVolume, id_: str, position: Point | None) -> Landmark | None:
    """The landmark as a person placed it; ``in_scan`` follows from the geometry of the scan.

    Raises:
        CorrectionError: an unknown point, or one without a finite position.
    """
    if id_ not in LANDMARK_TITLES:
        raise CorrectionError(f'There is no landmark "{id_}"; choose one of {", ".join(CORRECTABLE_LANDMARKS)}.')
    if position is None:
        return None
    if not all(map(math.isfinite, position)):
        raise CorrectionError(f"The {LANDMARK_TITLES[id_]} has no position; place it again.")
    i, j, _ = volume.ras_to_ijk(np.asarray(position, float))
    height = float(np.asarray(position, float) @ volume.k)
    _, rows, columns = volume.shape
    inside = -0.5 <= i <= columns - 0.5 and -0.5 <= j <= rows - 0.5
    inside = inside and bool(volume.slice_positions[0] <= height <= volume.slice_positions[-1])
    return Landmark(point(position), 1.0, bool(inside), "reader")


def check_ranges(volume: CTVolume, ranges: Any) -> tuple[tuple[int, int, int], ...]:
    """Slice ranges with grades as a person entered them.

    Raises:
        CorrectionError: none at all, outside the scan, ends reversed, or a grade that is not -1..3.
    """
    count = volume.shape[0]
    result = []
    for first, last, grade in ranges:
        if not (isinstance(first, int) and isinstance(last, int)) or not 0 <= first <= last < count:
            raise CorrectionError(
                f"The slices {_slice(first)} to {_slice(last)} do not lie in this scan, which has slices 1 to {count}, in ascending order."
            )
        if grade not in (-1, 0, 1, 2, 3):
            raise CorrectionError(
                f"The motion grade {grade} does not exist; use 0 (none) to 3 (severe), or -1 where a slice cannot be graded."
            )
        result.append((first, last, int(grade)))
    if not result:
        raise CorrectionError("No slice range was entered; add a row with first slice, last slice and grade.")
    return tuple(result)


def _slice(index: object) -> str:
    """A slice as people count it, from 1 at the bottom."""
    return str(index + 1) if isinstance(index, int) else str(index)


def check_tissue(volume: CTVolume, tissue: Any) -> None:
    """Refuse a label map that cannot be one of this scan.

    Raises:
        CorrectionError: another shape or type, or values that are no tissue.
    """
    if tissue.shape != volume.shape or tissue.dtype != np.uint8:
        raise CorrectionError(
            f"The edited masks have the shape {tissue.shape}, the scan {volume.shape}; edit the masks of this scan."
        )
    if int(tissue.max()) > max(Tissue):
        raise CorrectionError(
            f"The edited masks hold the label {tissue.max()}, which is no tissue; edit the segments of HeadCTIQA only."
        )
