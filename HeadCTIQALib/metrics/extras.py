"""Report-only numbers beside the ten IQMs: context and warnings, never part of a score.

Each is a plain number with its unit and source, or None with the reason why it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.metrics.centering import centering_offset
from HeadCTIQALib.metrics.common import check_grid
from HeadCTIQALib.metrics.extra import GEOMETRY, Extra, missing
from HeadCTIQALib.metrics.extras_of_findings import OF_FINDINGS
from HeadCTIQALib.metrics.positioning import baseline_angle, symmetry_angle
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.volume.types import CTVolume

REFERENCE_CTDI_MGY = 60.0
ADULT_YEARS = 18.0

_TAGS = "DICOM tags"


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
    wanted = [id_ for id_ in OF_FINDINGS if id_ not in (known or {})]
    with ThreadPoolExecutor(2, "extras") as threads:  # NumPy and SciPy let go of the interpreter's lock
        made = threads.map(lambda id_: OF_FINDINGS[id_][0](volume, findings), wanted)
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


def _detail(measurements: Mapping[str, Measurement], iqm: str, key: str, id_: str, title: str, unit: str) -> Extra:
    m = measurements.get(iqm)
    if m is None or m.value is None:
        return missing(id_, title, unit, m.reason if m else "It was not measured.", GEOMETRY)
    if key not in m.details:
        reason = (
            "The isocentre is not known for this scan."
            if id_ == "isocentre_offset"
            else "The value was typed in without it."
        )
        return missing(id_, title, unit, reason, GEOMETRY)
    return Extra(id_, title, float(m.details[key]), unit, "", GEOMETRY)


def _sharpness(volume: CTVolume) -> Extra:
    """Frequency at which the transfer of edges between air and skin falls to one half, in-plane."""
    id_, title, source = (
        "edge_f50",
        "Sharpness of edges (f50)",
        "slanted edge as in ISO 12233, on the outline of the head",
    )
    seen = volume.sharpness
    if seen.f50_per_mm is None:
        return missing(id_, title, "lp/cm", seen.reason, source)
    spread = f"Half of {seen.pieces} pieces of edge lie between {10 * seen.low_per_mm:.1f} and {10 * seen.high_per_mm:.1f} lp/cm."
    return Extra(id_, title, 10 * seen.f50_per_mm, "lp/cm", spread, source)


def _noise_texture(volume: CTVolume) -> Extra:
    """Mean frequency of the noise power in soft tissue, in-plane."""
    id_, title, source = "noise_frequency", "Texture of the noise (mean frequency)", "AAPM Report 233"
    seen = volume.texture
    if seen is None or seen.mean_per_mm is None:
        return missing(
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
        return missing(id_, title, "HU", "No motion index exists for this scan.", source)
    return Extra(id_, title, float(np.percentile(index[np.isfinite(index)], 90)), "HU", "", source)


def _slice_spacing(volume: CTVolume) -> tuple[Extra, Extra]:
    """The largest gap between slices, and the spread of the gaps (0 when evenly spaced)."""
    largest, uneven = (
        ("slice_gap_max", "Largest distance between slices"),
        ("slice_spacing_range", "Unevenness of the slice distances"),
    )
    if volume.shape[0] < 2:
        reason = "The scan has a single slice."
        return missing(*largest, "mm", reason, GEOMETRY), missing(*uneven, "mm", reason, GEOMETRY)
    gaps = np.diff(volume.slice_positions)
    note = ""
    lacking = int(np.sum(np.maximum(np.round(gaps / np.median(gaps)) - 1, 0)))
    if lacking:
        note = f"About {lacking} slice{'s are' if lacking > 1 else ' is'} missing, if the spacing was meant to be {np.median(gaps):.2f} mm."
    return (
        Extra(*largest, float(gaps.max()), "mm", note, GEOMETRY),
        Extra(*uneven, float(gaps.max() - gaps.min()), "mm", "", GEOMETRY),
    )


def _ctdi(volume: CTVolume) -> Extra:
    id_, title = "ctdi_vol_percent_of_reference", f"CTDIvol against the reference level of {REFERENCE_CTDI_MGY:g} mGy"
    source = "EUR 16262: 60 mGy for the routine adult head; local levels may differ"
    ctdi, age = volume.acquisition.ctdi_vol_mgy, volume.acquisition.patient_age_years
    if ctdi is None or ctdi <= 0:
        return missing(id_, title, "%", "CTDIvol is not among the tags.", _TAGS)
    if age is not None and age < ADULT_YEARS:
        return missing(id_, title, "%", "The reference level is for adults.", source)
    return Extra(id_, title, 100.0 * ctdi / REFERENCE_CTDI_MGY, "%", f"CTDIvol {ctdi:g} mGy.", source)
