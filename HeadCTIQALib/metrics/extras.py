"""Report-only numbers beside the ten IQMs: context and warnings, never part of a score.

Each is a plain number with its unit and source, or None with the reason why it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import CONFIDENT, INTRACRANIAL, PARENCHYMA, Findings, Tissue
from HeadCTIQALib.metrics.centering import centering_offset
from HeadCTIQALib.metrics.common import BoolArray, bounding_box, check_grid, eroded, mask_of, slice_counts
from HeadCTIQALib.metrics.field_of_view import cut_by_field
from HeadCTIQALib.metrics.positioning import baseline_angle, symmetry_angle
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.metrics.uniformity import cupping, rings
from HeadCTIQALib.volume.types import CTVolume, Vector

REFERENCE_CTDI_MGY = 60.0
ADULT_YEARS = 18.0
CUPPED_HU = 14.0

_GEOMETRY = "geometry"
_TAGS = "DICOM tags"


@dataclass(frozen=True, slots=True)
class Extra:
    """One report-only number.  ``value`` is None exactly when it is missing, and ``reason`` then says why."""

    id: str
    title: str
    value: float | None
    unit: str
    reason: str
    source: str

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise ValueError(f"{self.id}: a missing value needs a reason")
        if self.value is not None and not np.isfinite(self.value):
            raise ValueError(f"{self.id}: {self.value} is not a finite number")


def extras(
    volume: CTVolume,
    findings: Findings,
    measurements: Mapping[str, Measurement] | None = None,
    known: Mapping[str, Extra] | None = None,
) -> tuple[Extra, ...]:
    """All report-only numbers of a scan, in a fixed order.

    Args:
        volume, findings: on the same grid.
        measurements: from :func:`HeadCTIQALib.metrics.measure`; angles and offsets are read from their details.
            None measures what is needed.
        known: id to numbers of the findings themselves that need not be computed again (after a correction elsewhere).
    """
    check_grid(volume, findings)
    if measurements is None:
        found = (symmetry_angle(volume, findings), baseline_angle(volume, findings), centering_offset(volume, findings))
        measurements = {m.iqm: m for m in found}
    slow = {
        "interpetrous_index": _interpetrous,
        "csf_hu": _csf,
        "air_hu": _air,
        "fov_truncation": _truncation,
        "eyes_in_range": _eyes,
        "ring_artefact": _rings,
        "cupping": _cupping,
    }
    wanted = [id_ for id_ in slow if id_ not in (known or {})]
    with ThreadPoolExecutor(2, "extras") as threads:  # NumPy and SciPy let go of the interpreter's lock
        made = threads.map(lambda id_: slow[id_](volume, findings), wanted)
        known = {**(known or {}), **dict(zip(wanted, made, strict=True))}
    return (
        _detail(measurements, "symmetry_angle", "yaw_deg", "yaw", "Yaw (+ nose to the patient's left)", "deg"),
        _detail(measurements, "symmetry_angle", "roll_deg", "roll", "Roll (+ towards the left shoulder)", "deg"),
        _detail(
            measurements,
            "baseline_angle",
            "orbitomeatal_angle_deg",
            "pitch",
            "Pitch (+ canthi above the ear canals)",
            "deg",
        ),
        _detail(
            measurements, "centering_offset", "isocentre_offset_mm", "isocentre_offset", "Head off the isocentre", "mm"
        ),
        _sharpness(volume),
        _noise_texture(volume),
        _motion_air_ring(findings),
        known["interpetrous_index"],
        known["air_hu"],
        known["csf_hu"],
        known["ring_artefact"],
        known["cupping"],
        *_slice_spacing(volume),
        known["fov_truncation"],
        known["eyes_in_range"],
        _ctdi(volume),
    )


def _missing(id_: str, title: str, unit: str, reason: str, source: str) -> Extra:
    return Extra(id_, title, None, unit, reason, source)


def _detail(measurements: Mapping[str, Measurement], iqm: str, key: str, id_: str, title: str, unit: str) -> Extra:
    m = measurements.get(iqm)
    if m is None or m.value is None:
        return _missing(id_, title, unit, m.reason if m else "It was not measured.", _GEOMETRY)
    if key not in m.details:
        reason = (
            "The isocentre is not known for this scan."
            if id_ == "isocentre_offset"
            else "The value was typed in without it."
        )
        return _missing(id_, title, unit, reason, _GEOMETRY)
    return Extra(id_, title, float(m.details[key]), unit, "", _GEOMETRY)


def _sharpness(volume: CTVolume) -> Extra:
    """Frequency at which the transfer of edges between air and skin falls to one half, in-plane."""
    id_, title, source = (
        "edge_f50",
        "Sharpness of edges (f50)",
        "slanted edge as in ISO 12233, on the outline of the head",
    )
    seen = volume.sharpness
    if seen.f50_per_mm is None:
        return _missing(id_, title, "lp/cm", seen.reason, source)
    spread = f"Half of {seen.pieces} pieces of edge lie between {10 * seen.low_per_mm:.1f} and {10 * seen.high_per_mm:.1f} lp/cm."
    return Extra(id_, title, 10 * seen.f50_per_mm, "lp/cm", spread, source)


def _noise_texture(volume: CTVolume) -> Extra:
    """Mean frequency of the noise power in soft tissue, in-plane."""
    id_, title, source = "noise_frequency", "Texture of the noise (mean frequency)", "AAPM Report 233"
    seen = volume.texture
    if seen is None or seen.mean_per_mm is None:
        return _missing(
            id_,
            title,
            "lp/cm",
            "Pixels are too coarse, or too little even soft tissue is in the scan, to see the texture of the noise.",
            source,
        )
    return Extra(id_, title, 10 * seen.mean_per_mm, "lp/cm", "", source)


def _motion_air_ring(findings: Findings) -> Extra:
    """90th percentile over the slices of the SD of smoothed HU in the air ring outside the scalp."""
    id_, title, source = (
        "motion_air_ring_index",
        "Motion index in the air ring (90th percentile of slices)",
        "inference",
    )
    index = findings.motion_index
    if index is None or not np.isfinite(index).any():
        return _missing(id_, title, "HU", "No motion index exists for this scan.", source)
    return Extra(id_, title, float(np.percentile(index[np.isfinite(index)], 90)), "HU", "", source)


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
        return _missing(id_, title, "HU", "The ear canals were not found.", source)
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
        return _missing(id_, title, "HU", "The brainstem or the brain above it is not sufficiently covered.", source)
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
        return _missing(id_, title, "HU", "Too little free air lies in the field of view.", source)
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
    return _missing(id_, title, "HU", "Too little fluid lies away from the brain surface.", source)


def _rings(volume: CTVolume, findings: Findings) -> Extra:
    """Departure of the strongest ring about the middle of the image; 0 where none stands out."""
    id_, title, source = "ring_artefact", "Strongest ring in the brain", "inference, after Barrett and Keat 2004"
    found = rings(volume, findings)
    if found is None:
        return _missing(
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
        return _missing(id_, title, "HU", "Too little of the brain is in the scan.", source)
    note = "Much: cupping by beam hardening, or contrast medium." if value > CUPPED_HU else ""
    return Extra(id_, title, value, "HU", note, source)


def _slice_spacing(volume: CTVolume) -> tuple[Extra, Extra]:
    """The largest gap between slices, and the spread of the gaps (0 when evenly spaced)."""
    largest, uneven = (
        ("slice_gap_max", "Largest distance between slices"),
        ("slice_spacing_range", "Unevenness of the slice distances"),
    )
    if volume.shape[0] < 2:
        reason = "The scan has a single slice."
        return _missing(*largest, "mm", reason, _GEOMETRY), _missing(*uneven, "mm", reason, _GEOMETRY)
    gaps = np.diff(volume.slice_positions)
    note = ""
    missing = int(np.sum(np.maximum(np.round(gaps / np.median(gaps)) - 1, 0)))
    if missing:
        note = f"About {missing} slice{'s are' if missing > 1 else ' is'} missing, if the spacing was meant to be {np.median(gaps):.2f} mm."
    return (
        Extra(*largest, float(gaps.max()), "mm", note, _GEOMETRY),
        Extra(*uneven, float(gaps.max() - gaps.min()), "mm", "", _GEOMETRY),
    )


def _truncation(volume: CTVolume, findings: Findings) -> Extra:
    """Share of the slices with intracranial tissue in which the head is cut by the field of view."""
    id_, title = "fov_truncation", "Slices cut by the field of view"
    slices = np.flatnonzero(slice_counts(findings.tissue, INTRACRANIAL))
    if not len(slices):
        return _missing(id_, title, "%", "No intracranial tissue was found in the scan.", _GEOMETRY)
    cut = np.count_nonzero(cut_by_field(volume, findings, slices).head_mm)
    return Extra(id_, title, 100.0 * cut / len(slices), "%", "", _GEOMETRY)


def _eyes(volume: CTVolume, findings: Findings) -> Extra:
    """Number of globes whose centre lies between the first and the last image plane (dose to the lens)."""
    id_, title, source = "eyes_in_range", "Eyes in the scan range", "EUR 16262: tilt to spare the lenses"
    eyes = [findings.landmarks.get(n) for n in ("GLOBE_R", "GLOBE_L")]
    known = [e for e in eyes if e is not None and e.confidence >= CONFIDENT]
    if len(known) < 2:
        return _missing(id_, title, "1", "The eyes were not both found.", source)
    heights = [float(np.asarray(e.position, float) @ volume.k) for e in known]
    first, last = volume.slice_positions[0], volume.slice_positions[-1]
    return Extra(id_, title, float(sum(first <= h <= last for h in heights)), "1", "", source)


def _ctdi(volume: CTVolume) -> Extra:
    id_, title = "ctdi_vol_percent_of_reference", f"CTDIvol against the reference level of {REFERENCE_CTDI_MGY:g} mGy"
    source = "EUR 16262: 60 mGy for the routine adult head; local levels may differ"
    ctdi, age = volume.acquisition.ctdi_vol_mgy, volume.acquisition.patient_age_years
    if ctdi is None or ctdi <= 0:
        return _missing(id_, title, "%", "CTDIvol is not among the tags.", _TAGS)
    if age is not None and age < ADULT_YEARS:
        return _missing(id_, title, "%", "The reference level is for adults.", source)
    return Extra(id_, title, 100.0 * ctdi / REFERENCE_CTDI_MGY, "%", f"CTDIvol {ctdi:g} mGy.", source)
