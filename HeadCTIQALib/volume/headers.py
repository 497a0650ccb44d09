"""First pass over DICOM files: a few tags of every file, no pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..text import printable

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")  # and legacy converted
DICOM_DIRECTORY = "1.2.840.10008.1.3.10"
PRIVATE_TAGS = ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber")
_MAX_TEXT = 256

_TAGS = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "ImageType", "SeriesDescription", "SeriesNumber",
    "InstanceNumber", "AcquisitionNumber", "ConvolutionKernel", "SliceThickness", "BodyPartExamined", "ProtocolName",
    "ContrastBolusAgent", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PixelRepresentation", "BitsAllocated",
    "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept",
    "PixelPaddingValue", "PixelPaddingRangeLimit", *PRIVATE_TAGS,
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slice:
    """One image plane, still on disk.  Positions and directions are DICOM's LPS; None where the tag is absent."""

    path: Path
    frame: int | None  # index in a multi-frame file
    instance_uid: str
    order: tuple[int, int]  # acquisition and instance number: the scanner's order
    rows: int
    columns: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    slope: float | None
    intercept: float | None
    padding: tuple[int, int] | None  # inclusive range of stored values
    image_type: tuple[str, ...]
    kernel: str | None
    thickness: float | None


@dataclass(slots=True)
class Series:
    """The slices that share a SeriesInstanceUID, and what the choice between series needs to know."""

    uid: str
    modality: str
    sop_class: str
    description: str
    number: int
    body_part: str
    contrast: bool
    grey: bool  # one sample per pixel
    slices: list[Slice] = field(default_factory=list)


@dataclass(slots=True)
class Scan:
    """What a first pass found."""

    series: dict[str, Series] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)  # names of files that are DICOM but cannot be parsed
    other: int = 0  # files that are not DICOM


def looks_like_dicom(head: bytes) -> bool:
    """True for a DICOM file by its first 132 bytes: the prefix, or a bare data set (old archives) that starts in group 8."""
    return head[128:132] == b"DICM" or (head[:2] == b"\x08\x00" and head[3:4] == b"\x00" and len(head) > 16)


def scan_files(paths: Iterable[Path], progress: Callable[[float], None] | None = None) -> Scan:
    """Read the headers of `paths` and group them by series.  Files that are not DICOM are counted, not read."""
    paths, scan = list(paths), Scan()
    for index, path in enumerate(paths):
        _scan_file(path, scan)
        if progress and index % 32 == 0:
            progress(index / len(paths))
    return scan


def _scan_file(path: Path, scan: Scan) -> None:
    try:
        with path.open("rb") as stream:
            head = stream.read(134)
    except OSError:
        scan.damaged.append(path.name)
        return
    if not looks_like_dicom(head):
        scan.other += 1
        return
    if head[128:134] == b"DICM\0\0":  # zeros instead of group 2: pydicom would read them element by element, for minutes
        scan.damaged.append(path.name)
        return
    ds = read_dataset(path, stop_before_pixels=True, specific_tags=_TAGS)
    if ds is None:
        scan.damaged.append(path.name)
        return
    sop_class = text(ds, "SOPClassUID") or ""
    if sop_class == DICOM_DIRECTORY or text(ds.file_meta, "MediaStorageSOPClassUID") == DICOM_DIRECTORY:
        scan.other += 1
        return
    modality, uid = text(ds, "Modality"), text(ds, "SeriesInstanceUID")
    if not sop_class or not modality or not uid:
        scan.damaged.append(path.name)
        return
    if uid not in scan.series:
        scan.series[uid] = Series(
            uid=uid,
            modality=modality,
            sop_class=sop_class,
            description=scrubbed(text(ds, "SeriesDescription") or text(ds, "ProtocolName") or "", ds),
            number=integer(ds, "SeriesNumber") or 0,
            body_part=(text(ds, "BodyPartExamined") or "").upper(),
            contrast=has_contrast(ds),
            grey=(integer(ds, "SamplesPerPixel") or 1) == 1,
        )
    if sop_class in ENHANCED_CT:
        from .enhanced import frames

        scan.series[uid].slices += frames(path, ds)
    elif modality == "CT" and not integer(ds, "Rows"):
        scan.damaged.append(path.name)
    else:
        scan.series[uid].slices.append(_slice(path, ds))


def read_dataset(path: Path, **options: Any) -> Dataset | None:
    """pydicom's dcmread, or None when the file cannot be parsed."""
    import pydicom
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        ds = pydicom.dcmread(path, force=True, **options)
        ds.get("Rows")  # the elements are parsed when first asked for
    except (InvalidDicomError, BytesLengthException, OSError, EOFError, ValueError, KeyError, AttributeError, NotImplementedError):
        return None
    return ds


def _slice(path: Path, ds: Dataset) -> Slice:
    return Slice(
        path=path,
        frame=None,
        instance_uid=text(ds, "SOPInstanceUID") or path.name,
        order=(integer(ds, "AcquisitionNumber") or 0, integer(ds, "InstanceNumber") or 0),
        rows=integer(ds, "Rows") or 0,
        columns=integer(ds, "Columns") or 0,
        position=vector(ds, "ImagePositionPatient", 3),
        orientation=vector(ds, "ImageOrientationPatient", 6),
        spacing=vector(ds, "PixelSpacing", 2),
        slope=number(ds, "RescaleSlope"),
        intercept=number(ds, "RescaleIntercept"),
        padding=padding_range(ds),
        image_type=image_type(ds, "ImageType"),
        kernel=text(ds, "ConvolutionKernel"),
        thickness=number(ds, "SliceThickness"),
    )


# ---- tags as plain values: an absent, empty or invalid tag is None, never an exception --------------------------------


def raw(ds: Dataset, keyword: str) -> Any:
    """The value of a tag, or None when it is absent, empty or cannot be parsed."""
    from pydicom.errors import BytesLengthException

    try:
        value = ds.get(keyword)
    except (ValueError, TypeError, KeyError, OverflowError, NotImplementedError, AttributeError, BytesLengthException):
        return None  # an element whose bytes do not fit its type
    return None if value is None or value == "" else value


def text(ds: Dataset, keyword: str) -> str | None:
    """The tag as one printable line of at most 256 characters; several values are joined by a backslash as in DICOM."""
    value = raw(ds, keyword)
    if value is None:
        return None
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        value = "\\".join(str(v) for v in value)
    return printable(str(value).rstrip("\0")).strip()[:_MAX_TEXT] or None  # no standard attribute read here is longer


def vector(ds: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """The tag as exactly `count` finite numbers."""
    value = raw(ds, keyword)
    try:
        values = tuple(float(v) for v in value)
    except (TypeError, ValueError):
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def number(ds: Dataset, keyword: str) -> float | None:
    """The tag as one finite number; the first of several."""
    value = raw(ds, keyword)
    if type(value).__name__ == "MultiValue":
        value = value[0]
    try:
        result = float(value)
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


def integer(ds: Dataset, keyword: str) -> int | None:
    """The tag as a whole number."""
    value = number(ds, keyword)
    return None if value is None else int(value)


def image_type(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of ImageType (or FrameType) in capitals."""
    return tuple(part.strip().upper() for part in (text(ds, keyword) or "").split("\\") if part.strip())


def has_contrast(ds: Dataset) -> bool:
    """True when ContrastBolusAgent names an agent; NONE and NO are no agents."""
    agent = (text(ds, "ContrastBolusAgent") or "").upper()
    return agent not in {"", "NONE", "NO", "N", "WITHOUT", "OHNE", "0"}


def padding_range(ds: Dataset) -> tuple[int, int] | None:
    """Range of stored values that are padding; the tag's sign is repaired to fit PixelRepresentation."""
    values = [integer(ds, tag) for tag in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if values[0] is None:
        return None
    bits = integer(ds, "BitsAllocated") or 16
    signed = integer(ds, "PixelRepresentation") == 1
    fixed = []
    for value in (values[0], values[0] if values[1] is None else values[1]):
        value &= (1 << bits) - 1
        fixed.append(value - (1 << bits) if signed and value >> (bits - 1) else value)
    return min(fixed), max(fixed)


def scrubbed(description: str, ds: Dataset) -> str:
    """`description` without words that equal the patient's name, ID, birth date or the accession number."""
    private: set[str] = set()
    for keyword in PRIVATE_TAGS:
        value = (text(ds, keyword) or "").upper()
        private |= {value, *re.split(r"[\s^=,;_]+", value)}
    private = {p for p in private if len(p) > 1}
    for phrase in sorted(private, key=len, reverse=True):
        description = re.sub(rf"(?<![^\W_]){re.escape(phrase)}(?![^\W_])", "", description, flags=re.IGNORECASE)
    return " ".join(description.split())
