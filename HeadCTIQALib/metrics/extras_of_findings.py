"""Report-only numbers that are read in the masks and points of the findings, so that a correction changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import CONFIDENT, INTRACRANIAL, PARENCHYMA, Findings, Tissue
from HeadCTIQALib.masks import eroded
from HeadCTIQALib.metrics.common import BoolArray, bounding_box, mask_of, slice_counts
from HeadCTIQALib.metrics.extra import GEOMETRY, Extra, missing
from HeadCTIQALib.metrics.field_of_view import cut_by_field
from HeadCTIQALib.metrics.uniformity import cupping, rings
from HeadCTIQALib.volume.types import CTVolume, Vector

CUPPED_HU = 14.0


def _interpetrous(volume: CTVolume, findings: Findings) -> Extra:
    """How much darker the darkest tenth of the brainstem between the petrous bones is than the brain above.

    Brainstem: parenchyma 0-20 mm above (k), 5-35 mm behind (a) and within 15 mm beside the midpoint of the ear canals,
    smoothed over 3 mm; reference: parenchyma 40-60 mm above it.
    """
    id_, title, source = (
        "interpetrous_index",
        "Darkening between the petrous bones",
        "inference, after Rozeik et al. 1991",
    )
    ears = [findings.landmarks.get(n) for n in ("EAM_R", "EAM_L")]
    if any(e is None or e.confidence < CONFIDENT for e in ears):
        return missing(id_, title, "HU", "The ear canals were not found.", source)
    middle = np.mean([e.position for e in ears if e is not None], axis=0)
    height = volume.slice_positions - middle @ volume.k
    stem: list[np.ndarray] = []
    above: list[np.ndarray] = []
    for s in np.flatnonzero(((height >= 0) & (height <= 20)) | ((height >= 40) & (height <= 60))):
        brain = mask_of(findings.tissue[s], PARENCHYMA)
        if not brain.any():
            continue
        if height[s] > 20:
            above.append(volume.hu[s][brain][::5])
            continue
        stem.append(_stem(volume, int(s), brain, middle))
    if sum(map(len, stem)) < 200 or sum(map(len, above)) < 200:
        return missing(id_, title, "HU", "The brainstem or the brain above it is not sufficiently covered.", source)
    value = float(np.median(np.concatenate(above))) - float(np.percentile(np.concatenate(stem), 10))
    return Extra(id_, title, value, "HU", "", source)


def _stem(volume: CTVolume, s: int, brain: BoolArray, middle: Vector) -> NDArray[np.float32]:
    """(n,) smoothed HU of the brainstem in native slice ``s``; ``middle`` between the ear canals, RAS mm."""
    corners = np.array([middle + x * volume.r + y * volume.a for x in (-15, 15) for y in (-35, -5)]) - volume.origins[s]
    rows, columns = (
        _range(corners @ step / (step @ step), n)
        for step, n in zip((volume.col_step, volume.row_step), brain.shape, strict=True)
    )
    j, i = np.nonzero(brain[rows, columns])
    j, i = j + rows.start, i + columns.start
    offset = volume.origins[s] + i[:, None] * volume.row_step + j[:, None] * volume.col_step - middle
    right, forward = offset @ volume.r, offset @ volume.a
    near = (np.abs(right) <= 15) & (forward <= -5) & (forward >= -35)
    j, i = j[near], i[near]
    if not len(j):
        return np.empty(0, np.float32)
    size = [max(1, round(3.0 / step)) for step in volume.pixel_spacing]
    rows, columns = (slice(max(0, int(x.min()) - n), int(x.max()) + n + 1) for x, n in zip((j, i), size, strict=True))
    smooth = ndimage.uniform_filter(volume.hu[s, rows, columns].astype(np.float32), size)
    return np.asarray(smooth[j - rows.start, i - columns.start])


def _range(at: Vector, count: int) -> slice:
    """The indices below ``count`` that lie between the positions ``at``, with one to spare."""
    return slice(min(count, max(0, int(at.min()) - 1)), min(count, max(0, int(at.max()) + 3)))


def _air(volume: CTVolume, findings: Findings) -> Extra:
    """Mean HU of room air, at least 5 pixels from anything labelled and from padding, in up to nine slices."""
    id_, title, source = "air_hu", "Room air (expected -1000 HU)", "definition of the HU scale"
    values = []
    for s in np.unique(np.linspace(0, volume.shape[0] - 1, 9).round().astype(int)):
        free = findings.tissue[s] == Tissue.OUTSIDE
        if volume.padding is not None:
            free &= ~volume.padding[s]
        free &= volume.hu[s] < -900
        free = ndimage.minimum_filter(free.view(np.uint8), 11, mode="nearest").view(bool)
        values.append(volume.hu[s][free])
    air = np.concatenate(values)
    if len(air) < 1000:
        return missing(id_, title, "HU", "Too little free air lies in the field of view.", source)
    clipped = float(np.mean(air <= -1024))
    note = (
        f"{100 * clipped:.0f} % of the air is clipped at -1024 HU, so the mean is too high." if clipped > 0.05 else ""
    )
    return Extra(id_, title, float(air.mean()), "HU", note, source)


def _csf(volume: CTVolume, findings: Findings) -> Extra:
    """Median HU of CSF, eroded by 2 mm in-plane so that only ventricles and cisterns count."""
    id_, title, source = "csf_hu", "Cerebrospinal fluid (expected 0 to 15 HU)", "inference"
    mask = findings.tissue == Tissue.CSF
    box = bounding_box(mask)
    if box is not None:
        margins = [max(1, round(2.0 / step)) for step in volume.pixel_spacing]
        core = np.stack([eroded(m, *margins) for m in mask[box]])
        ml = float(np.array([np.count_nonzero(c) for c in core]) @ volume.voxel_volumes_ml[box[0]])
        if ml >= 0.5:
            return Extra(id_, title, float(np.median(volume.hu[box][core])), "HU", "", source)
    return missing(id_, title, "HU", "Too little fluid lies away from the brain surface.", source)


def _rings(volume: CTVolume, findings: Findings) -> Extra:
    """Departure of the strongest ring about the middle of the image; 0 where none stands out."""
    id_, title, source = "ring_artefact", "Strongest ring in the brain", "inference, after Barrett and Keat 2004"
    found = rings(volume, findings)
    if found is None:
        return missing(
            id_, title, "HU", "Pixels are too coarse, or too little of the brain is in the scan, to see rings.", source
        )
    if not found.certain:
        return Extra(id_, title, 0.0, "HU", "", source)
    where = f"radius {found.radius_mm:.0f} mm about the middle of the image, strongest in slice {found.slice_index + 1}"
    return Extra(id_, title, abs(found.hu), "HU", f"Rings ({where}): have the detector calibrated.", source)


def _cupping(volume: CTVolume, findings: Findings) -> Extra:
    """How much brighter the outer parenchyma is than the deep one."""
    id_, title, source = (
        "cupping",
        "Rim of the brain brighter than its middle",
        "inference: 0 to 10 HU in well corrected scans",
    )
    value = cupping(volume, findings)
    if value is None:
        return missing(id_, title, "HU", "Too little of the brain is in the scan.", source)
    note = "Much: cupping by beam hardening, or contrast medium." if value > CUPPED_HU else ""
    return Extra(id_, title, value, "HU", note, source)


def _truncation(volume: CTVolume, findings: Findings) -> Extra:
    """Share of the slices with intracranial tissue in which the head is cut by the field of view."""
    id_, title = "fov_truncation", "Slices cut by the field of view"
    slices = np.flatnonzero(slice_counts(findings.tissue, INTRACRANIAL))
    if not len(slices):
        return missing(id_, title, "%", "No intracranial tissue was found in the scan.", GEOMETRY)
    cut = np.count_nonzero(cut_by_field(volume, findings, slices).head_mm)
    return Extra(id_, title, 100.0 * cut / len(slices), "%", "", GEOMETRY)


def _eyes(volume: CTVolume, findings: Findings) -> Extra:
    """Number of globes whose centre lies between the first and the last image plane (dose to the lens)."""
    id_, title, source = "eyes_in_range", "Eyes in the scan range", "EUR 16262: tilt to spare the lenses"
    eyes = [findings.landmarks.get(n) for n in ("GLOBE_R", "GLOBE_L")]
    known = [e for e in eyes if e is not None and e.confidence >= CONFIDENT]
    if len(known) < 2:
        return missing(id_, title, "1", "The eyes were not both found.", source)
    heights = [float(np.asarray(e.position, float) @ volume.k) for e in known]
    first, last = volume.slice_positions[0], volume.slice_positions[-1]
    return Extra(id_, title, float(sum(first <= h <= last for h in heights)), "1", "", source)


#: id to the function of every number here, and the parts of the findings (:attr:`.metric.Metric.reads`) that it looks at.
OF_FINDINGS: Mapping[str, tuple[Callable[[CTVolume, Findings], Extra], frozenset[str]]] = {
    "interpetrous_index": (_interpetrous, frozenset({"EAM_R", "EAM_L", "parenchyma"})),
    "csf_hu": (_csf, frozenset({"csf"})),
    "air_hu": (_air, frozenset({"outside"})),
    "fov_truncation": (_truncation, frozenset({"head", "intracranial"})),
    "eyes_in_range": (_eyes, frozenset({"GLOBE_R", "GLOBE_L"})),
    "ring_artefact": (_rings, frozenset({"parenchyma", "intracranial"})),
    "cupping": (_cupping, frozenset({"parenchyma", "intracranial"})),
}
