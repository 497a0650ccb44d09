"""Writes a :class:`CTVolume` as a DICOM CT series of a patient who does not exist.

The series is what a scanner would send: one file per slice with its true position and orientation, so tilted and
unevenly spaced volumes survive the round trip.  Names, UIDs and dates depend on the arguments only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from HeadCTIQALib.geometry import LPS_TO_RAS

from ..errors import OutputError
from ..volume.types import CTVolume

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

PADDING_VALUE = -3024  # what GE writes outside the reconstruction circle, in HU
DEFAULT_DATE = "20200101"


def write_series(
    volume: CTVolume,
    folder: Path,
    *,
    seed: int = 0,
    burned_patient: str = "NOBODY",
    transfer_syntax: str | None = None,
    padding_value: int = PADDING_VALUE,
) -> None:
    """Write `volume` as one DICOM CT Image file per slice into `folder` (made when absent).

    Args:
        volume: HU are stored unchanged (slope 1, intercept 0).
        folder: existing files of the same name (``CT0001.dcm`` ...) are replaced.
        seed: different seeds give different UIDs; the same seed gives the same bytes.
        burned_patient: the name and ID in the header.
        transfer_syntax: UID of a lossless syntax (RLE, JPEG-LS, JPEG lossless, JPEG 2000) to re-encode to with GDCM;
            None leaves the files uncompressed (explicit VR little endian).
        padding_value: what padding becomes, in HU, with the padding tag.

    Raises:
        OutputError: the folder cannot be written, or GDCM cannot encode to `transfer_syntax`.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(volume.shape[0]):
            path = folder / f"CT{index + 1:04d}.dcm"
            _slice_dataset(volume, index, seed, burned_patient, padding_value).save_as(path, enforce_file_format=True)
            if transfer_syntax is not None:
                _recompress(path, transfer_syntax)
    except OSError as error:
        raise OutputError(f"{folder.name}: the DICOM series cannot be written ({error.strerror}).") from error


def _slice_dataset(volume: CTVolume, index: int, seed: int, patient: str, padding_value: int) -> FileDataset:
    """One slice as a CT Image Storage dataset."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

    def uid(*parts: object) -> UID:
        return generate_uid(entropy_srcs=["HeadCTIQA", str(seed), *map(str, parts)])

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid("instance", index)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid("implementation")
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid("study"), uid("series")
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = uid("frame"), ""
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = patient, patient, "", ""
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = volume.acquisition.study_date or DEFAULT_DATE
    ds.StudyTime, ds.AccessionNumber, ds.ReferringPhysicianName, ds.StudyID = "120000", "", "", "1"
    ds.Modality, ds.ImageType, ds.PatientPosition = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "HFS"
    ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = 1, 1, index + 1
    _add_acquisition(ds, volume)
    _add_geometry(ds, volume, index)
    _add_pixels(ds, volume, index, padding_value)
    return ds


def _add_acquisition(ds: FileDataset, volume: CTVolume) -> None:
    """The acquisition tags that are known; the others stay absent, as on a real scanner."""
    a = volume.acquisition
    tags: dict[str, Any] = {
        "Manufacturer": a.manufacturer,
        "ManufacturerModelName": a.model,
        "ConvolutionKernel": a.kernel,
        "KVP": _ds(a.kvp),
        "XRayTubeCurrent": None if a.tube_current_ma is None else round(a.tube_current_ma),
        "Exposure": None if a.exposure_mas is None else round(a.exposure_mas),
        "CTDIvol": a.ctdi_vol_mgy,
        "ReconstructionDiameter": _ds(a.reconstruction_diameter_mm),
        "GantryDetectorTilt": _ds(a.gantry_tilt_deg),
        "BodyPartExamined": a.body_part,
        "SeriesDescription": a.series_description,
        "ContrastBolusAgent": "SIMULATED AGENT" if a.contrast_agent else None,
        "PatientAge": None if a.patient_age_years is None else f"{int(a.patient_age_years):03d}Y",
        "DataCollectionCenterPatient": None
        if a.isocentre_ras is None
        else [float(v) for v in np.array(a.isocentre_ras) * LPS_TO_RAS],
    }
    for name, value in tags.items():
        if value is not None:
            setattr(ds, name, value)


def _add_geometry(ds: FileDataset, volume: CTVolume, index: int) -> None:
    row, col = volume.row_step / volume.pixel_spacing[1], volume.col_step / volume.pixel_spacing[0]
    ds.ImagePositionPatient = [_ds(v) for v in volume.origins[index] * LPS_TO_RAS]
    ds.ImageOrientationPatient = [_ds(v) for v in (*(row * LPS_TO_RAS), *(col * LPS_TO_RAS))]
    ds.PixelSpacing = [_ds(v) for v in volume.pixel_spacing]
    ds.SliceLocation = _ds(volume.slice_positions[index])
    ds.SliceThickness = _ds(volume.acquisition.slice_thickness_mm or volume.slice_widths[index])


def _add_pixels(ds: FileDataset, volume: CTVolume, index: int, padding_value: int) -> None:
    pixels = volume.hu[index].astype("<i2")
    if volume.padding is not None:
        pixels[volume.padding[index]] = padding_value
        ds.add_new("PixelPaddingValue", "SS", padding_value)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = "40", "80"
    ds.add_new("PixelData", "OW", pixels.tobytes())


def _ds(value: float | None) -> str | None:
    """A DICOM decimal string (at most 16 characters) that loses as little as possible."""
    if value is None:
        return None
    for digits in range(16, 0, -1):
        text = f"{float(value) + 0.0:.{digits}g}"  # + 0.0 turns -0 into 0
        if len(text) <= 16:
            return text
    raise ValueError(f"{value} does not fit a decimal string")  # cannot happen: one digit always fits


def _recompress(path: Path, transfer_syntax: str) -> None:
    """Re-encode the pixel data of one file in place."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    target = gdcm.TransferSyntax.GetTSType(str(transfer_syntax))
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(target))
    done = False
    if target != gdcm.TransferSyntax.TS_END and reader.Read():
        change.SetInput(reader.GetImage())
        if change.Change():
            writer = gdcm.ImageWriter()
            writer.SetFile(reader.GetFile())
            writer.SetImage(change.GetOutput())
            writer.SetFileName(str(path))
            done = writer.Write()
    if not done:
        raise OutputError(f"{path.name}: cannot be encoded as transfer syntax {transfer_syntax}; choose another.")
