"""DICOM tags to :class:`Acquisition`: how the scan was made, without who was scanned."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from HeadCTIQALib.geometry import LPS_TO_RAS

from . import vocabulary
from .contrast import has_contrast
from .kernels import known_kernel
from .processing import lossy_compression, lossy_ratio, reformatted
from .tags import number, text, vector
from .types import Acquisition, Vector

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_LONGEST_ROTATION_S = 3.0
_YEARS_PER = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def acquisition(ds: Dataset, origins: Vector) -> Acquisition:
    """Acquisition of the scan.

    Args:
        ds: header of the middle slice (for multi-frame CT: flattened).
        origins: (K, 3) RAS mm of the slices, for the isocentre's height.
    """
    return Acquisition(
        manufacturer=vocabulary.manufacturer(text(ds, "Manufacturer")),
        model=vocabulary.model(text(ds, "ManufacturerModelName")),
        kernel=known_kernel(text(ds, "ConvolutionKernel")),
        slice_thickness_mm=_positive(number(ds, "SliceThickness")),
        kvp=_positive(number(ds, "KVP")),
        tube_current_ma=_first(_positive(number(ds, "XRayTubeCurrent")), _positive(number(ds, "XRayTubeCurrentInmA"))),
        exposure_mas=exposure_mas(ds),
        ctdi_vol_mgy=_positive(number(ds, "CTDIvol")),
        dlp_mgy_cm=None,  # stands in the dose report, not in the images
        reconstruction_diameter_mm=_positive(number(ds, "ReconstructionDiameter")),
        gantry_tilt_deg=number(ds, "GantryDetectorTilt"),
        contrast_agent=has_contrast(ds),
        patient_age_years=_age(ds),
        body_part=vocabulary.body_part(text(ds, "BodyPartExamined")),
        study_date=_date(text(ds, "StudyDate")),
        series_description=vocabulary.words(text(ds, "SeriesDescription")) or None,
        isocentre_ras=_isocentre(ds, origins),
        lossy_compression=lossy_compression(ds),
        lossy_ratio=lossy_ratio(ds),
        reformatted=reformatted(ds),
        acquired=_acquired(ds),
        protocol=vocabulary.words(text(ds, "ProtocolName")) or None,
        pitch=_positive(number(ds, "SpiralPitchFactor")),
        scanner_id=_hash(ds, "DeviceSerialNumber", "Manufacturer", "ManufacturerModelName"),
        station_id=_hash(ds, "StationName"),
        software_id=_hash(ds, "SoftwareVersions"),
    )


def _acquired(ds: Dataset) -> str | None:
    """The study's date with the time of the scan to the second, or of its series or study; no other date is looked at."""
    day = _date(text(ds, "StudyDate"))
    for keyword in ("AcquisitionTime", "SeriesTime", "StudyTime"):
        time = re.match(r"([01]\d|2[0-3])[0-5]\d([0-5]\d)?", (text(ds, keyword) or "").replace(":", ""))
        if day and time:
            return f"{day}T{time[0].ljust(6, '0')}"
    return None


def _hash(ds: Dataset, keyword: str, *more: str) -> str | None:
    """What tells one scanner, station or version from another, and names none; None where the first tag is absent."""
    if not text(ds, keyword):
        return None
    words = "\n".join((text(ds, k) or "").strip().upper() for k in (*more, keyword))
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def age_years(value: str | None) -> float | None:
    """DICOM age string (``045Y``, ``006M``, ``003W``, ``010D``) in years; None for anything else."""
    match = re.fullmatch(r"\s*(\d{1,3})([YMWD])\s*", value or "")
    return int(match[1]) * _YEARS_PER[match[2]] if match else None


def _age(ds: Dataset) -> float | None:
    """PatientAge, or where that is absent or invalid the time from birth to study; the birth date itself goes nowhere."""
    stated = age_years(text(ds, "PatientAge"))
    if stated is not None:
        return stated
    born, scanned = (_date(text(ds, keyword)) for keyword in ("PatientBirthDate", "StudyDate"))
    scanned = scanned or _date(text(ds, "AcquisitionDate")) or _date(text(ds, "SeriesDate"))
    if born is None or scanned is None:
        return None
    days = (date.fromisoformat(scanned) - date.fromisoformat(born)).days
    return round(days / 365.25, 2) if 0 <= days < 120 * 366 else None


def exposure_mas(ds: Dataset) -> float | None:
    """mAs of a rotation.

    Some scanners write an Exposure that is not their current times time (GE: 12 mAs at 102 mA and 2 s).  Where the tags
    contradict each other, the rotation time (with the pitch, for vendors that write effective mAs) says which is right;
    without it the product is, when its time can be that of one rotation.
    """
    current = _first(*(_positive(number(ds, keyword)) for keyword in ("XRayTubeCurrent", "XRayTubeCurrentInmA")))
    seconds = _first(*(_seconds(ds, keyword) for keyword in ("ExposureTime", "ExposureTimeInms")))
    micro = _positive(number(ds, "ExposureInuAs"))
    stated = _first(
        _positive(number(ds, "ExposureInmAs")), _positive(number(ds, "Exposure")), micro / 1000 if micro else None
    )
    product = current * seconds if current and seconds else None
    if stated is None or product is None or _close(stated, product):
        return _first(stated, product)
    if micro and _close(micro / 1000, product):
        return micro / 1000
    rotation, pitch = _positive(number(ds, "RevolutionTime")), _positive(number(ds, "SpiralPitchFactor")) or 1.0
    if current and rotation:
        expected = (current * rotation, current * rotation / pitch)
        return next((value for value in (product, stated) if any(_close(value, e) for e in expected)), None)
    return product if seconds is not None and seconds <= _LONGEST_ROTATION_S else None


def _seconds(ds: Dataset, keyword: str) -> float | None:
    value = _positive(number(ds, keyword))
    return None if value is None else value / 1000


def _close(a: float, b: float) -> bool:
    """Within what rounding and tube current modulation along the scan make of it."""
    return 1 / 1.5 <= a / b <= 1.5


def _date(value: str | None) -> str | None:
    digits = (value or "").replace(".", "").replace("-", "")
    try:
        return date.fromisoformat(digits).strftime("%Y%m%d") if len(digits) == 8 else None
    except ValueError:
        return None


def _isocentre(ds: Dataset, origins: Vector) -> tuple[float, float, float] | None:
    """The gantry's centre at the middle of the scan, RAS mm.

    From DataCollectionCenterPatient where the scanner writes it; GE's patient coordinates have x = y = 0 on the gantry
    axis (vendor convention, head first supine), so that the axis itself is the answer there.
    """
    centre = vector(ds, "DataCollectionCenterPatient", 3)
    if centre is not None:
        x, y, z = np.array(centre) * LPS_TO_RAS
        return float(x), float(y), float(z)
    original = (text(ds, "ImageType") or "").upper().startswith("ORIGINAL")
    if (text(ds, "Manufacturer") or "").upper().startswith("GE ") and original and text(ds, "PatientPosition") == "HFS":
        return 0.0, 0.0, float(origins[len(origins) // 2, 2])
    return None


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _first(*values: float | None) -> float | None:
    return next((v for v in values if v is not None), None)
