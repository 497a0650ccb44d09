"""The exact metrics of a simulated scan, straight from the definitions of the hierarchy.

Deliberately written without the measuring code of the project, so that one can test the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, Findings, Tissue
from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.synthesis.acquisition import Geometry
from HeadCTIQALib.volume.types import CTVolume

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


@dataclass(frozen=True)
class Drawn:
    """A simulated scan as it was drawn.

    Attributes:
        volume, findings: the scan and its exact findings; geometry: where the patient lies.
        clean: (K, J, I) noise-free HU; profile: (K, J, I) local standard deviation of the noise; sigma: that of the brain.
    """

    volume: CTVolume
    findings: Findings
    geometry: Geometry
    clean: NDArray[np.float32]
    profile: NDArray[np.float32]
    sigma: float

    def millilitres(self, mask: NDArray[np.bool_]) -> float:
        """Volume of a (K, J, I) mask."""
        return float(np.count_nonzero(mask, axis=(1, 2)) @ self.volume.voxel_volumes_ml)


def exact_metrics(drawn: Drawn) -> dict[str, float]:
    """IQM id to exact value; an IQM that the scan does not define (next to no deep grey, no brain) is absent.

    Beside the IQMs: ``yaw_deg``, ``roll_deg``, ``orbitomeatal_angle``, ``gray_white_contrast_hu``.
    """
    contrast = _contrast(drawn)
    truth = {**_angles(drawn.geometry), **({} if contrast is None else {"gray_white_contrast_hu": contrast})}
    for iqm in IQMS:
        exact = TRUTHS.get(iqm.id) or METRICS[iqm.id].truth
        if exact is not None and (value := exact(drawn)) is not None:
            truth[iqm.id] = value
    return truth


def _angles(g: Geometry) -> dict[str, float]:
    n = g.pose[:, 0]
    right, forward, up = float(n @ g.r), float(n @ g.a), float(n @ g.k)
    p = g.landmarks
    line = (p["CANTHUS_R"] + p["CANTHUS_L"] - p["EAM_R"] - p["EAM_L"]) / 2
    theta = float(np.rad2deg(np.arcsin(line @ g.k / np.linalg.norm(line))))
    return {
        "yaw_deg": float(np.rad2deg(np.arctan2(forward, right))),
        "roll_deg": float(np.rad2deg(np.arctan2(up, np.hypot(right, forward)))),
        "orbitomeatal_angle": theta,
    }


def _symmetry(d: Drawn) -> float:
    return float(np.rad2deg(np.arccos(np.clip(d.geometry.pose[:, 0] @ d.geometry.r, -1, 1))))


def _foramen_height(g: Geometry) -> float:
    return float((g.landmarks["BASION"] + g.landmarks["OPISTHION"]) @ g.k / 2)


def _contrast(d: Drawn) -> float | None:
    deep, white = d.findings.mask(Tissue.DEEP_GREY), d.findings.mask(Tissue.WHITE)
    if min(d.millilitres(deep), d.millilitres(white)) < LEAST_TISSUE_ML:
        return None
    return float(np.median(d.clean[deep]) - np.median(d.clean[white]))


def _cnr(d: Drawn) -> float | None:
    contrast = _contrast(d)
    if contrast is None or d.sigma <= 0:
        return None
    deep, white = (d.profile[d.findings.mask(t)] for t in (Tissue.DEEP_GREY, Tissue.WHITE))
    return contrast / float(np.sqrt((np.mean(deep**2, dtype=float) + np.mean(white**2, dtype=float)) / 2))


def _motion(d: Drawn) -> float | None:
    area = d.findings.mask(*INTRACRANIAL).sum(axis=(1, 2)).astype(float)
    if not area.any() or d.findings.motion_grades is None:
        return None
    return 100 * float(d.findings.motion_grades @ area) / (3 * float(area.sum()))


def _streak(d: Drawn) -> float | None:
    inside = d.findings.mask(*INTRACRANIAL)
    if not inside.any() or d.findings.streak is None:
        return None
    return 100 * d.millilitres(d.findings.streak & inside) / d.millilitres(inside)


def _centering(d: Drawn) -> float | None:
    """Slices from the foramen magnum upwards, by their widths."""
    volume, g, head = d.volume, d.geometry, d.findings.mask(*HEAD)
    rows, columns = volume.pixel_spacing
    axis = np.arange(g.matrix) - (g.matrix - 1) / 2
    used = np.flatnonzero(
        (g.positions >= _foramen_height(g)) & (head.sum(axis=(1, 2)) * rows * columns >= LEAST_HEAD_MM2)
    )
    widths = volume.slice_widths[used]
    if widths.sum() < LEAST_RANGE_MM:
        return None
    centroids = []
    for n in used:
        count = head[n].sum()
        centroids.append((head[n].sum(axis=0) @ axis * columns / count, head[n].sum(axis=1) @ axis * rows / count))
    return float(np.hypot(*np.average(centroids, axis=0, weights=widths)))


TRUTHS: Mapping[str, Callable[[Drawn], float | None]] = {
    "symmetry_angle": _symmetry,
    "baseline_angle": lambda d: abs(_angles(d.geometry)["orbitomeatal_angle"]),
    "centering_offset": _centering,
    "vertex_margin": lambda d: float(d.geometry.positions[-1] - d.geometry.landmarks["VERTEX"] @ d.geometry.k),
    "foramen_magnum_margin": lambda d: _foramen_height(d.geometry) - float(d.geometry.positions[0]),
    "noise": lambda d: d.sigma,
    "gray_white_cnr": _cnr,
    "motion_extent": _motion,
    "foreign_object_volume": lambda d: d.millilitres(d.findings.mask(Tissue.FOREIGN)),
    "streak_extent": _streak,
}
