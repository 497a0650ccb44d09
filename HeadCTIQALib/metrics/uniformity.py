"""Rings and cupping: known sources of wrong HU in CT that no IQM of the hierarchy measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import INTRACRANIAL, PARENCHYMA, Findings
from HeadCTIQALib.metrics.common import bounding_box, mask_of, slice_counts
from HeadCTIQALib.volume.types import CTVolume

SLICES = 24  # that are looked at, of those with the most brain
EDGE_MM = 5.0  # partial volume of bone and the outermost cortex stay out of it
SURROUNDINGS_MM = 5.0
BIN_MM = 0.6
WIDE_MM = 4.2  # rings are narrower
LEAST_RADIUS_MM = 4.0
LEAST_ARC = 0.25  # of a full turn that must be seen of a ring
DEEP_MM, RIM_MM = 25.0, (6.0, 12.0)
LARGEST_PIXEL_MM = 1.5  # rings are finer
# In four fine real scans of four scanners without rings: up to 7.5 sigmas and 1.6 HU; with rings of 12 HU at least 15 and 7.
RING_SIGMAS, RING_HU = 8.0, 3.0


@dataclass(frozen=True, slots=True)
class Rings:
    """The strongest ring about the centre of rotation.

    Attributes:
        hu: its mean departure from its surroundings, signed, in the slice where it stands out most.
        sigmas: that departure over what noise and anatomy do at such radii in this scan.
        slice_index, radius_mm: where.
    """

    hu: float
    sigmas: float
    slice_index: int
    radius_mm: float

    @property
    def certain(self) -> bool:
        """Whether it is a ring and not chance."""
        return self.sigmas > RING_SIGMAS and abs(self.hu) > RING_HU


def rings(volume: CTVolume, findings: Findings, centre: tuple[float, float] | None = None) -> Rings | None:
    """Look for rings in the parenchyma: HU minus their surroundings, averaged over arcs about the centre of rotation.

    A ring from a detector cell goes round in every slice of the same detector row, whatever lies there; sulci and vessels do not.

    Args:
        volume: the scan; findings: its tissue.
        centre: (row, column) of the centre of rotation in native pixels; None: the middle of the image.

    Returns:
        None where pixels are coarse or too little of the brain is seen.
    """
    if max(volume.pixel_spacing) > LARGEST_PIXEL_MM:
        return None
    best: Rings | None = None
    profiles: list[tuple[int, NDArray[np.float64]]] = []
    for s in _chosen(findings):
        profile = _profile(volume, findings, s, centre)
        if profile is not None:
            profiles.append((s, profile))
    if not profiles:
        return None
    spread = 1.4826 * float(np.nanmedian(np.abs(np.concatenate([p for _, p in profiles]))))
    for s, profile in profiles:
        n = int(np.nanargmax(np.abs(profile)))
        sigmas = abs(float(profile[n])) / max(spread, 1e-6)
        if best is None or sigmas > best.sigmas:
            best = Rings(float(profile[n]), sigmas, s, (n + 0.5) * BIN_MM)
    return best


def _profile(
    volume: CTVolume, findings: Findings, s: int, centre: tuple[float, float] | None
) -> NDArray[np.float64] | None:
    """Departure in HU by radius, in steps of :data:`BIN_MM`, weighed by the root of its arc; NaN where too little of the ring is brain."""
    brain = mask_of(findings.tissue[s], PARENCHYMA)
    whole = bounding_box(brain[None])
    if whole is None:
        return None
    box = whole[1:]
    dj, di = volume.pixel_spacing
    core = (
        ndimage.distance_transform_edt(np.pad(mask_of(findings.tissue[s], INTRACRANIAL)[box], 1), (dj, di))[1:-1, 1:-1]
        > EDGE_MM
    )
    core &= brain[box]
    if core.sum() * dj * di < 2000:
        return None
    hu = volume.hu[s][box].astype(np.float32)
    sigma = (SURROUNDINGS_MM / dj, SURROUNDINGS_MM / di)
    weight = ndimage.gaussian_filter(core.astype(np.float32), sigma)
    around = ndimage.gaussian_filter(np.where(core, hu, 0), sigma) / np.maximum(weight, 1e-3)
    departure = np.clip(hu - around, -40, 40)[core]
    middle = centre or ((volume.shape[1] - 1) / 2, (volume.shape[2] - 1) / 2)
    j, i = np.nonzero(core)
    y, x = (j + box[0].start - middle[0]) * dj, (i + box[1].start - middle[1]) * di
    radius = np.hypot(y, x)
    at = (radius / BIN_MM).astype(int)
    count = np.bincount(at)
    mean = np.bincount(at, departure) / np.maximum(count, 1)
    radii = (np.arange(len(count)) + 0.5) * BIN_MM
    arc = count * dj * di / (2 * np.pi * radii * BIN_MM)
    seen = (arc > LEAST_ARC) & (radii > LEAST_RADIUS_MM)
    if seen.sum() < 10:
        return None
    wide = max(3, round(WIDE_MM / BIN_MM) | 1)
    filled = np.where(seen, mean, 0.0)
    share = ndimage.uniform_filter1d(seen.astype(float), wide)
    fine = mean - ndimage.uniform_filter1d(filled, wide) / np.maximum(share, 1e-3)
    # long arcs are averaged over more pixels: all radii on one scale, that of a full turn at 50 mm
    return np.where(seen, fine * np.sqrt(arc * radii / 50.0), np.nan)


def cupping(volume: CTVolume, findings: Findings) -> float | None:
    """HU by which parenchyma 6-12 mm inside the skull is brighter than that deeper than 25 mm; median of the slices, None where too little is seen.

    Cortex is brighter than white matter, so that still, well corrected scans have some.
    """
    out = []
    dj, di = volume.pixel_spacing
    for s in _chosen(findings):
        inside = mask_of(findings.tissue[s], INTRACRANIAL)
        whole = bounding_box(inside[None])
        if whole is None:
            continue
        box = whole[1:]
        depth = ndimage.distance_transform_edt(np.pad(inside[box], 1), (dj, di))[1:-1, 1:-1]
        brain = mask_of(findings.tissue[s], PARENCHYMA)[box]
        rim, deep = brain & (depth > RIM_MM[0]) & (depth < RIM_MM[1]), brain & (depth > DEEP_MM)
        if min(rim.sum(), deep.sum()) * dj * di > 1000:
            hu = volume.hu[s][box]
            out.append(float(np.median(hu[rim])) - float(np.median(hu[deep])))
    return float(np.median(out)) if len(out) >= 3 else None


def _chosen(findings: Findings) -> list[int]:
    """The slices with the most brain, evenly spread if there are many."""
    area = slice_counts(findings.tissue, PARENCHYMA)
    large = np.flatnonzero(area > 0.5 * area.max()) if area.max() else np.empty(0, int)
    return (
        [int(s) for s in large[np.unique(np.linspace(0, len(large) - 1, min(SLICES, len(large))).round().astype(int))]]
        if len(large)
        else []
    )
