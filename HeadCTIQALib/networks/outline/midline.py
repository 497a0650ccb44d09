"""The mid-sagittal plane as landmarks and the pose tell it, without looking at the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from HeadCTIQALib.findings import Landmark, Plane
from HeadCTIQALib.findings.types import CONFIDENT
from HeadCTIQALib.geometry import point
from HeadCTIQALib.networks.types import CoarseAnatomy

from .workgrid import Vector

DISAGREE_DEG = 3.0
LEAST_LINE, LEAST_MARKS = 3, 5  # landmarks that make a line, and a plane: one that is wrong shows
#: Standard errors on real heads: yaw of the mirror plane against two readers (n = 3), and midline landmarks across the midline.
MIRROR_DEG, LANDMARK_MM = 0.8, 1.0
PAIRS = ("EAM", "GLOBE", "CANTHUS")
MIDLINE = ("NASION", "BASION", "OPISTHION", "SELLA", "CRISTA", "IOP")  # bone: the brain's own midline may be shifted


def plane_of_pose(pose: Vector) -> tuple[Vector, Vector]:
    """(normal, point) of the template's x = 0 plane carried by an affine pose (template to RAS)."""
    normal = np.linalg.inv(pose[:3, :3])[0]
    normal = normal / np.linalg.norm(normal)
    return (normal if normal[0] > 0 else -normal), np.asarray(pose[:3, 3], float)


def plane_of_landmarks(coarse: CoarseAnatomy) -> tuple[Vector, Vector] | None:
    """(normal, point) of the least-squares plane through midline landmarks and midpoints of left-right pairs.

    None when fewer than five landmarks in the scan are confident enough.  The directions of the pairs take no part:
    ears and orbits are often at different heights in a straight head.
    """
    points = _midline_points(coarse.landmarks)
    if len(points) < LEAST_MARKS:
        return None
    centre = points.mean(axis=0)
    normal = np.linalg.svd(points - centre)[2][2]
    return (normal if normal[0] > 0 else -normal), centre


def turned_to_midline(plane: Plane, landmarks: Mapping[str, Landmark]) -> Plane:
    """The mirror plane turned towards the line along which midline landmarks spread, as far as the errors of both tell.

    That line runs mostly from front to back, so that it tells yaw: the better, the more landmarks there are and the further
    they lie apart (inverse-variance weights of :data:`MIRROR_DEG` and :data:`LANDMARK_MM`).  Of roll, landmarks tell too little.
    Fewer than three, and a line that disagrees with the mirror plane by more than :data:`DISAGREE_DEG`, change nothing.
    """
    points = _midline_points(landmarks)
    if len(points) < LEAST_LINE:
        return plane
    _, spread, along = np.linalg.svd(points - points.mean(axis=0))
    mirror, line = np.radians(MIRROR_DEG) ** 2, LANDMARK_MM**2 / max(spread[0] ** 2, 1e-6)
    normal = np.array(plane.normal)
    if abs(normal @ along[0]) > np.sin(np.radians(DISAGREE_DEG)):
        return plane
    normal = normal - mirror / (mirror + line) * (normal @ along[0]) * along[0]
    return replace(plane, normal=point(normal / np.linalg.norm(normal)))


def midline(landmarks: Mapping[str, Landmark]) -> tuple[Vector, Vector] | None:
    """(direction, point) of the line along which midline landmarks spread; None with fewer than three."""
    points = _midline_points(landmarks)
    if len(points) < LEAST_LINE:
        return None
    centre = points.mean(axis=0)
    return np.linalg.svd(points - centre)[2][0], centre


def _midline_points(landmarks: Mapping[str, Landmark]) -> Vector:
    """(N, 3) RAS mm of confident midline landmarks and midpoints of pairs in the scan."""
    marks = {name: np.array(m.position) for name, m in landmarks.items() if m.in_scan and m.confidence >= CONFIDENT}
    points = [marks[n] for n in MIDLINE if n in marks]
    points += [0.5 * (marks[n + "_R"] + marks[n + "_L"]) for n in PAIRS if n + "_R" in marks and n + "_L" in marks]
    return np.array(points).reshape(-1, 3)
