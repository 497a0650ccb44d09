"""DICOM tags to :class:`Acquisition`: how the scan was made, without who was scanned."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from .geometry import LPS_TO_RAS
from .headers import has_contrast, number, scrubbed, text, vector
from .types import Acquisition, Vector

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_YEARS_PER = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def acquisition(ds: Dataset, origins: Vector) -> Acquisition:
    """Acquisition of the scan.

    Args:
        ds: header of the middle slice (for multi-frame CT: flattened).
        origins: (K, 3) RAS mm of the slices, for the isocentre's height.
    """
    description = text(ds, "SeriesDescription")
    exposure = number(ds, "Exposure")
    if exposure is None:  # some scanners write the microampere-second or the factors only
        current, time_ms = number(ds, "XRayTubeCurrent"), number(ds, "ExposureTime")
        exposure = current * time_ms / 1000 if current is not None and time_ms is not None else None
    return Acquisition(
        manufacturer=text(ds, "Manufacturer"),
        model=text(ds, "ManufacturerModelName"),
        kernel=text(ds, "ConvolutionKernel"),
        slice_thickness_mm=_positive(number(ds, "SliceThickness")),
        kvp=_positive(number(ds, "KVP")),
        tube_current_ma=_first(_positive(number(ds, "XRayTubeCurrent")), _positive(number(ds, "XRayTubeCurrentInmA"))),
        exposure_mas=_first(_positive(exposure), _positive(number(ds, "ExposureInmAs"))),
        ctdi_vol_mgy=_positive(number(ds, "CTDIvol")),
        dlp_mgy_cm=None,  # stands in the dose report, not in the images
        reconstruction_diameter_mm=_positive(number(ds, "ReconstructionDiameter")),
        gantry_tilt_deg=number(ds, "GantryDetectorTilt"),
        contrast_agent=has_contrast(ds) if "ContrastBolusAgent" in ds else None,
        patient_age_years=age_years(text(ds, "PatientAge")),
        body_part=text(ds, "BodyPartExamined"),
        study_date=_date(text(ds, "StudyDate")),
        series_description=(scrubbed(description, ds) or None) if description else None,
        isocentre_ras=_isocentre(ds, origins),
    )


def age_years(value: str | None) -> float | None:
    """DICOM age string (``045Y``, ``006M``, ``003W``, ``010D``) in years; None for anything else."""
    match = re.fullmatch(r"\s*(\d{1,3})([YMWD])\s*", value or "")
    return int(match[1]) * _YEARS_PER[match[2]] if match else None


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
