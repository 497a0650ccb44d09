"""First pass over DICOM files: a few tags of every file, no pixels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .archive import Location, Member, opened
from .contrast import CONTRAST_TAGS, has_contrast
from .limits import refuse_oversized
from .parsing import looks_like_dicom, read_header
from .processing import PROCESSING_TAGS, lossy_compression, lossy_ratio, processed
from .slice_problems import geometry_problems, pixel_problems, pixel_spacing
from .tags import integer, items, number, numbers, padding_range, present, raw, text, values_of, vector

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")  # and legacy converted
DICOM_DIRECTORY = "1.2.840.10008.1.3.10"
_CT_ONLY = (
    "KVP",
    "ConvolutionKernel",
    "RescaleIntercept",
    "GantryDetectorTilt",
    "XRayTubeCurrent",
)  # tags that mark a CT image

_SCANNER = ("Manufacturer", "ManufacturerModelName", "StationName", "DeviceSerialNumber")

_TAGS = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "Modality", "ImageType",
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge", "PatientPosition", "Manufacturer", "ManufacturerModelName",
    "StationName", "DeviceSerialNumber", "StudyDate", "SeriesDate", "AcquisitionDate", "AcquisitionTime", "SeriesNumber",
    "InstanceNumber", "AcquisitionNumber", "TemporalPositionIdentifier", "NominalPercentageOfCardiacPhase", "ConvolutionKernel",
    "SliceThickness", "BodyPartExamined", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PixelRepresentation", "BitsAllocated",
    "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceLocationVector", "SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept",
    "ModalityLUTSequence", "PixelPaddingValue", "PixelPaddingRangeLimit", "KVP", "XRayTubeCurrent", "GantryDetectorTilt",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", *CONTRAST_TAGS, *PROCESSING_TAGS,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Context:
    """What a file says about where it belongs.  Texts are as in the header and never shown; empty where absent.

    Attributes:
        patient: PatientID, birth date, name and sex (M or F), the name without regard to case, order and punctuation.
        age: in whole years.
        study: StudyInstanceUID and date (YYYYMMDD).
        acquired: date of acquisition (YYYYMMDD).
        scanner: vendor, model, station and serial number, without regard to case and punctuation.
        lying: PatientPosition.
        contrast: whether the tags say that contrast medium was given; None when they do not tell.
        lossy, lossy_ratio, processed: what was done to the image, see :mod:`.processing`.
        grey: one sample per pixel.
    """

    patient: tuple[str, str, str, str]
    age: str
    study: tuple[str, str]
    acquired: str
    scanner: tuple[str, ...]
    lying: str
    series_uid: str
    number: int | None
    frame_of_reference: str
    modality: str
    sop_class: str
    description: str
    body_part: str
    contrast: bool | None
    lossy: bool
    lossy_ratio: float | None
    processed: str
    grey: bool


@dataclass(frozen=True, slots=True, eq=False)
class ModalityLut:
    """HU by stored value (Modality LUT Sequence); values beyond its ends take those of the ends."""

    first: int
    hu: NDArray[np.int32]

    def __call__(self, stored: NDArray[np.integer]) -> NDArray[np.int16]:
        index = np.clip(stored.astype(np.int64) - self.first, 0, len(self.hu) - 1)
        return np.clip(self.hu[index], -32768, 32767).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Slice:
    """One image plane, still on disk or in its archive.  Positions and directions are DICOM's LPS; None where not known."""

    path: Location
    frame: int | None  # index in a multi-frame file
    context: Context
    instance_uid: str
    order: tuple[int, int]  # acquisition and instance number: the scanner's order
    time: str  # AcquisitionTime, for the order of acquisitions
    rows: int
    columns: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    slope: float | None
    intercept: float | None
    padding: tuple[int, int] | None  # inclusive range of stored values
    image_type: tuple[str, ...]
    kernel: str | None  # as in the header: shown only as `kernels.known_kernel`
    thickness: float | None
    kvp: float | None = None
    phase: str = ""  # of a dynamic or gated scan
    lut: ModalityLut | None = None  # instead of slope and intercept
    remark: str = ""  # a sentence for the reader of the scan, of how it was placed
    problems: tuple[str, ...] = ()  # why it cannot be placed or decoded, one phrase for each tag


@dataclass(slots=True)
class Scan:
    """What a first pass found.

    Attributes:
        images: every image plane, of whatever modality.
        damaged: files that are DICOM but cannot be parsed, with what was wrong.
        headers: what is known of those of them whose header is whole.
        not_dicom: files of other kinds; those that lie among the slices and look like them were slices once.
    """

    images: list[Slice] = field(default_factory=list)
    damaged: dict[Location, InputError] = field(default_factory=dict)
    headers: dict[Location, Slice] = field(default_factory=dict)
    not_dicom: list[Location] = field(default_factory=list)
    directories: int = 0  # DICOMDIR files


def scan_files(paths: Iterable[Location], progress: Callable[[float], None] | None = None) -> Scan:
    """Read the headers of `paths`.  Files that are not DICOM are listed, not read; one bad file never stops the others."""
    paths, scan = list(paths), Scan()
    contexts: dict[Context, Context] = {}
    for index, path in enumerate(paths):
        try:
            head = head_of(path, 132)
            if looks_like_dicom(head):
                _scan_file(path, scan, contexts)
            else:
                scan.not_dicom.append(path)
        except InputError as error:
            scan.damaged[path] = error
        if progress and index % 32 == 0:
            progress(index / len(paths))
    return scan


def head_of(path: Location, count: int) -> bytes:
    """The first bytes of a file.

    Raises:
        InputError: it cannot be opened.
    """
    if isinstance(path, Member):
        return path.head(count)
    with opened(path, path.name) as stream:
        return stream.read(count)


def _scan_file(path: Location, scan: Scan, contexts: dict[Context, Context]) -> None:
    ds, has_pixels = read_header(path, _TAGS)
    sop_class = text(ds, "SOPClassUID") or text(ds.file_meta, "MediaStorageSOPClassUID") or ""
    if DICOM_DIRECTORY in (sop_class, text(ds.file_meta, "MediaStorageSOPClassUID")):
        scan.directories += 1
        return
    if not sop_class and not present(ds, "Modality") and not present(ds, "Rows") and not present(ds, "PatientID"):
        raise InputError(f"{path.name} is damaged or truncated; copy the scan again.")
    context = _context(ds, sop_class)
    if context.modality == "CT" and context.sop_class in (CT_IMAGE, *ENHANCED_CT) and not has_pixels:
        scan.headers[path] = slice_of(path, ds, context)
        raise InputError(f"{path.name} has no pixel data (PixelData is missing) or is truncated; copy the scan again.")
    context = contexts.setdefault(context, context)
    count = integer(ds, "NumberOfFrames") or 1
    if count != 1:
        refuse_oversized(path.name, count, max(1, integer(ds, "Rows") or 1), max(1, integer(ds, "Columns") or 1))
    if context.sop_class in ENHANCED_CT or count > 1:
        from .enhanced import frames

        found = frames(path, ds, context)
        if not found:
            raise InputError(f"{path.name} is a multi-frame image that describes no frames; export it again.")
        scan.images += found
    else:
        scan.images.append(slice_of(path, ds, context))


def _context(ds: Dataset, sop_class: str) -> Context:
    modality = (text(ds, "Modality") or "").upper()
    looks_like_ct = any(present(ds, keyword) for keyword in _CT_ONLY)
    if not sop_class and modality in ("", "CT") and (modality or looks_like_ct):
        sop_class = (
            ENHANCED_CT[0] if items(ds, "PerFrameFunctionalGroupsSequence") else CT_IMAGE
        )  # removed by an anonymiser
    if not modality and (sop_class in (CT_IMAGE, *ENHANCED_CT)):
        modality = "CT"
    born, *dates = (
        re.sub(r"\D", "", text(ds, keyword) or "")
        for keyword in ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate")
    )
    sex, age = (text(ds, "PatientSex") or "").upper()[:1], re.fullmatch(r"(\d+)Y", text(ds, "PatientAge") or "")
    return Context(
        patient=(text(ds, "PatientID") or "", born, _name(text(ds, "PatientName")), sex if sex in ("M", "F") else ""),
        age=str(int(age[1])) if age else "",
        study=(text(ds, "StudyInstanceUID") or "", next(filter(None, dates), "")),
        acquired=dates[2],
        scanner=tuple(re.sub(r"[\W_]+", "", (text(ds, keyword) or "").upper()) for keyword in _SCANNER),
        lying=(text(ds, "PatientPosition") or "").upper(),
        series_uid=text(ds, "SeriesInstanceUID") or "",
        number=integer(ds, "SeriesNumber"),
        frame_of_reference=text(ds, "FrameOfReferenceUID") or "",
        modality=modality,
        sop_class=sop_class,
        description=text(ds, "SeriesDescription") or text(ds, "ProtocolName") or "",
        body_part=(text(ds, "BodyPartExamined") or "").upper(),
        contrast=has_contrast(ds),
        lossy=lossy_compression(ds) is True,
        lossy_ratio=lossy_ratio(ds),
        processed=processed(ds),
        grey=(integer(ds, "SamplesPerPixel") or 1) == 1,
    )


def _name(name: str | None) -> str:
    return " ".join(sorted(part for part in re.split(r"[\W_]+", (name or "").upper()) if part))


def slice_of(path: Location, ds: Dataset, context: Context) -> Slice:
    """The one image plane of a single-frame file."""
    rows, columns, lut = integer(ds, "Rows") or 0, integer(ds, "Columns") or 0, modality_lut(ds)
    position, orientation, spacing = (
        vector(ds, "ImagePositionPatient", 3),
        vector(ds, "ImageOrientationPatient", 6),
        pixel_spacing(ds),
    )
    return Slice(
        path=path,
        frame=None,
        context=context,
        instance_uid=text(ds, "SOPInstanceUID") or "",
        order=(integer(ds, "AcquisitionNumber") or 0, integer(ds, "InstanceNumber") or 0),
        time=text(ds, "AcquisitionTime") or "",
        rows=rows,
        columns=columns,
        position=position,
        orientation=orientation,
        spacing=spacing,
        slope=number(ds, "RescaleSlope"),
        intercept=number(ds, "RescaleIntercept"),
        padding=padding_range(ds),
        image_type=values_of(ds, "ImageType"),
        kernel=text(ds, "ConvolutionKernel"),
        thickness=number(ds, "SliceThickness"),
        kvp=number(ds, "KVP"),
        phase="\\".join(
            text(ds, k) or "" for k in ("TemporalPositionIdentifier", "NominalPercentageOfCardiacPhase")
        ).strip("\\"),
        lut=lut,
        problems=(*pixel_problems(ds), *geometry_problems(ds, position, orientation, spacing)),
    )


def modality_lut(ds: Dataset) -> ModalityLut | None:
    """The table from stored values to HU, where the file has one instead of slope and intercept."""
    for item in items(ds, "ModalityLUTSequence")[:1]:
        descriptor, stored = numbers(item, "LUTDescriptor"), raw(item, "LUTData")
        data = (
            np.frombuffer(stored[: len(stored) // 2 * 2], "<u2")
            if isinstance(stored, bytes)
            else numbers(item, "LUTData")
        )
        if len(descriptor) == 3 and len(data) > 1:
            first = int(descriptor[1])
            signed = integer(ds, "PixelRepresentation") == 1 and first >= 32768
            table = np.array(data, np.int64)
            # HU below zero are written as 16 bits of two's complement.
            return ModalityLut(
                first - 65536 if signed else first, np.where(table >= 32768, table - 65536, table).astype(np.int32)
            )
    return None
