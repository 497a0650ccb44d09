"""What was done to the images since the scanner reconstructed them: compression with loss, reformatting, other processing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from .tags import number, numbers, text, values_of, vector

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PROCESSING_TAGS = [
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
    "DerivationDescription",
]
_PROCESSED = {
    "MIP",
    "MNIP",
    "MINIP",
    "PROJECTION IMAGE",
    "VRT",
    "SSD",
    "PERFUSION",
    "CBF",
    "CBV",
    "MTT",
    "TMAX",
    "TTP",
    "VNC",
    "IODINE",
    "RHO",
    "ZEFF",
}
_REFORMATTED = {
    "REFORMATTED",
    "REFORMAT",
    "AVERAGE",
    "AVERAGED",
    "RESAMPLED",
    "MEAN",
    "CURVED",
    "CPR",
    "OBLIQUE",
    "CSAPARALLEL",
}
PROJECTED, REFORMATTED, DENOISED, KEV = "projections or maps", "reformatted", "denoised", "virtual monoenergetic"
#: Words of a description, and what they say of the images.
_SAID = {
    PROJECTED: r"\b(?:MIPS?|MINIPS?|MNIPS?|VRT|SSD|VNC|CBF|CBV|MTT|TMAX|IODINE MAP|PROJECTIONS?)\b",
    KEV: r"\bMONO(?: ?E| ?PLUS| ?\+|\b)|\bMONO ?ENERG|\bVMI\b|\b\d{2,3} ?KEV\b",
    REFORMATTED: r"\bM ?PRS?\b|\bREFORMAT(?:S|TED|TING)?\b|\bRESAMPLED\b|\bRESLICED?\b",
    DENOISED: r"\bDE ?NOIS|\bNOISE ?REDUC|\bSMOOTHED\b",
}

_SYNTAX = "1.2.840.10008.1.2.4."
_ALWAYS_LOSSY = {
    f"{_SYNTAX}{n}" for n in (50, 51, 52, 53, 54, 55, 56, 59, 60, 61, 62, 63, 64, *range(100, 109))
}  # JPEG, MPEG, HEVC
#: JPEG-LS near-lossless, JPEG 2000, its multi-component form, high-throughput JPEG 2000 and JPEG XL: with or without loss.
_MAYBE_LOSSY = {f"{_SYNTAX}{n}" for n in (81, 91, 93, 203, 112)}
_ALIGNED = 0.01  # by how much the direction of rows may be off the patient's axes: headers jitter by less
_TILT_DEG = 1.0


def kind_of(image_type: tuple[str, ...]) -> str:
    """By ImageType: ``localizer``, ``processed`` (no HU of tissue), ``reformatted``, ``derived`` or ``original``."""
    values = set(image_type)
    if {"LOCALIZER", "SCOUT"} & values:
        return "localizer"
    if _PROCESSED & values:
        return "processed"
    if _REFORMATTED & values or any("MPR" in v.split() for v in values):
        return "reformatted"
    return "original" if not image_type or image_type[0] == "ORIGINAL" else "derived"


def processed(ds: Dataset) -> str:
    """What descriptions and ImageType say was made of the images, in words of ours; empty where they say nothing.

    >>> from pydicom.dataset import Dataset
    >>> ds = Dataset()
    >>> ds.SeriesDescription = "Head_MonoE_40keV"
    >>> processed(ds)
    'virtual monoenergetic, 40 keV'
    """
    tags = ("SeriesDescription", "DerivationDescription", "ImageComments", "ImageType", "FrameType")
    said = re.sub(r"[\s_,;.()\\/-]+", " ", " | ".join(text(ds, keyword) or "" for keyword in tags).upper())
    found = next((name for name, words in _SAID.items() if re.search(words, said)), "")
    energy = re.search(r"\b(\d{2,3}) ?KEV\b", said)
    return f"{found}, {energy[1]} keV" if found == KEV and energy else found


def lossy_compression(ds: Dataset) -> bool | None:
    """Whether the images were ever compressed with loss: by LossyImageCompression (0028,2110), its method or ratio, or the transfer syntax."""
    syntax = text(getattr(ds, "file_meta", None) or {}, "TransferSyntaxUID")  # type: ignore[arg-type]
    said = (text(ds, "LossyImageCompression") or "").strip().upper()
    if said in ("01", "1", "YES", "Y", "TRUE") or syntax in _ALWAYS_LOSSY or lossy_ratio(ds) is not None:
        return True
    if said in ("00", "0", "NO", "N", "FALSE"):
        return False
    return True if text(ds, "LossyImageCompressionMethod") or syntax in _MAYBE_LOSSY else None


def lossy_ratio(ds: Dataset) -> float | None:
    """The strongest of the compressions with loss, or None when no ratio above 1 is given."""
    ratios = [r for r in numbers(ds, "LossyImageCompressionRatio") if r > 1]
    return max(ratios, default=None)


def reformatted(ds: Dataset) -> bool | None:
    """Whether the images were made from other slices: by ImageType, or by planes that no gantry can scan; None when nothing tells.

    A gantry tilts about the patient's left-right axis only, and by an angle that stands in the header.
    """
    image_type = values_of(ds, "ImageType") or values_of(ds, "FrameType")
    if image_type and kind_of(image_type) in ("reformatted", "processed"):
        return True
    orientation = vector(ds, "ImageOrientationPatient", 6)
    if orientation is not None:
        normal = np.cross(orientation[:3], orientation[3:])
        if np.sort(np.abs(orientation[:3]))[1] > _ALIGNED or abs(normal[0]) > _ALIGNED or abs(normal[2]) < 0.6:
            return True
        tilt, stated = float(np.degrees(np.arcsin(np.clip(abs(normal[1]), 0, 1)))), number(ds, "GantryDetectorTilt")
        if image_type[:1] == ("DERIVED",) and stated is not None and abs(tilt - abs(stated)) > _TILT_DEG:
            return True
    return False if image_type else None
