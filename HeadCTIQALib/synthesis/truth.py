"""The exact metrics of a simulated scan, straight from the definitions of the hierarchy.

Deliberately written without the measuring code of the project, so that one can test the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, Findings, Tissue
from HeadCTIQALib.synthesis.acquisition import Geometry
from HeadCTIQALib.volume.types import CTVolume

Vector = NDArray[np.float64]
LEAST_TISSUE_ML = (
    3.0  # a tenth of the usual deep grey matter; what oedema or a cut leaves of less is no place to measure contrast
)
LEAST_HEAD_MM2, LEAST_RANGE_MM = 500.0, 30.0  # a smaller piece of the head says nothing about centring


def in_scan(g: Geometry, point: Vector) -> bool:
    """Whether a world point lies between the first and last slice (half a slice beyond) and within the image."""
    height = float(point @ g.k)
    low, high = g.positions[0] - g.thickness_mm / 2, g.positions[-1] + g.thickness_mm / 2
    on_plane = point - np.array([0.0, 0.0, height / g.k[2]])
    half = g.matrix * g.pixel_mm / 2
    across, forward = abs(float(on_plane @ g.r)), abs(float(on_plane @ g.a))
    in_image = float(np.hypot(across, forward)) <= half if g.circle else max(across, forward) <= half
    return bool(low <= height <= high) and in_image


def exact_metrics(
    volume: CTVolume,
    findings: Findings,
    g: Geometry,
    clean: NDArray[np.float32],
    profile: NDArray[np.float32],
    sigma: float,
) -> dict[str, float]:
    """IQM id to exact value; an IQM that the scan does not define (next to no deep grey, no brain) is absent.

    ``centering_offset`` averages the slices from the foramen magnum upwards, by their widths.  ``clean`` (K, J, I) is
    the noise-free HU and ``profile`` the local standard deviation of the noise.
    """
    truth = {**_angles(g), **_margins(g), "noise": sigma}
    centre = _centering(volume, findings, g)
    if centre is not None:
        truth["centering_offset"] = centre
    deep, white = findings.mask(Tissue.DEEP_GREY), findings.mask(Tissue.WHITE)
    millilitres = volume.voxel_volumes_ml
    if min(float(np.count_nonzero(m, axis=(1, 2)) @ millilitres) for m in (deep, white)) >= LEAST_TISSUE_ML:
        contrast = float(np.median(clean[deep]) - np.median(clean[white]))
        truth["gray_white_contrast_hu"] = contrast
        if sigma > 0:
            spread = np.sqrt((np.mean(profile[deep] ** 2, dtype=float) + np.mean(profile[white] ** 2, dtype=float)) / 2)
            truth["gray_white_cnr"] = contrast / float(spread)
    truth["foreign_object_volume"] = float(findings.mask(Tissue.FOREIGN).sum(axis=(1, 2)) @ millilitres)
    intracranial = findings.mask(*INTRACRANIAL)
    area = intracranial.sum(axis=(1, 2)).astype(float)
    if area.any() and findings.motion_grades is not None and findings.streak is not None:
        truth["motion_extent"] = 100 * float(findings.motion_grades @ area) / (3 * float(area.sum()))
        inside = (findings.streak & intracranial).sum(axis=(1, 2))
        truth["streak_extent"] = 100 * float(inside @ millilitres) / float(area @ millilitres)
    return truth


def _angles(g: Geometry) -> dict[str, float]:
    n = g.pose[:, 0]
    right, forward, up = float(n @ g.r), float(n @ g.a), float(n @ g.k)
    p = g.landmarks
    line = (p["CANTHUS_R"] + p["CANTHUS_L"] - p["EAM_R"] - p["EAM_L"]) / 2
    theta = float(np.rad2deg(np.arcsin(line @ g.k / np.linalg.norm(line))))
    return {
        "symmetry_angle": float(np.rad2deg(np.arccos(np.clip(right, -1, 1)))),
        "yaw_deg": float(np.rad2deg(np.arctan2(forward, right))),
        "roll_deg": float(np.rad2deg(np.arctan2(up, np.hypot(right, forward)))),
        "orbitomeatal_angle": theta,
        "baseline_angle": abs(theta),
    }


def _margins(g: Geometry) -> dict[str, float]:
    foramen = (g.landmarks["BASION"] + g.landmarks["OPISTHION"]) @ g.k / 2
    return {
        "vertex_margin": float(g.positions[-1] - g.landmarks["VERTEX"] @ g.k),
        "foramen_magnum_margin": float(foramen - g.positions[0]),
    }


def _centering(volume: CTVolume, findings: Findings, g: Geometry) -> float | None:
    head = findings.mask(*HEAD)
    foramen = (g.landmarks["BASION"] + g.landmarks["OPISTHION"]) @ g.k / 2
    rows, columns = volume.pixel_spacing
    axis = np.arange(g.matrix) - (g.matrix - 1) / 2
    used = np.flatnonzero((g.positions >= foramen) & (head.sum(axis=(1, 2)) * rows * columns >= LEAST_HEAD_MM2))
    widths = volume.slice_widths[used]
    if widths.sum() < LEAST_RANGE_MM:
        return None
    centroids = []
    for n in used:
        count = head[n].sum()
        centroids.append((head[n].sum(axis=0) @ axis * columns / count, head[n].sum(axis=1) @ axis * rows / count))
    return float(np.hypot(*np.average(centroids, axis=0, weights=widths)))
