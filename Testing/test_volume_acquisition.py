"""How a scan was made, where its tags contradict each other or say it in another way."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from HeadCTIQALib.volume.acquisition import _age, acquisition, exposure_mas
from HeadCTIQALib.volume.processing import lossy_compression, lossy_ratio, reformatted


def dataset(syntax: str | None = None, **tags: object) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    if syntax:
        ds.file_meta.TransferSyntaxUID = syntax
    for name, value in tags.items():
        setattr(ds, name, value)
    return ds


@pytest.mark.parametrize(
    ("tags", "mas"),
    [
        ({"Exposure": 12, "XRayTubeCurrent": 102, "ExposureTime": 2000, "RevolutionTime": 2.0}, 204),  # GE Revolution
        ({"Exposure": 12, "XRayTubeCurrent": 102, "ExposureTime": 2000}, 204),
        ({"Exposure": 300, "XRayTubeCurrent": 343, "ExposureTime": 875, "RevolutionTime": 0.75}, 300),  # Philips
        ({"Exposure": 250, "XRayTubeCurrent": 250, "ExposureTime": 8000, "RevolutionTime": 1.0}, 250),  # the time of the whole spiral
        ({"Exposure": 500, "XRayTubeCurrent": 250, "ExposureTime": 8000, "RevolutionTime": 1.0, "SpiralPitchFactor": 0.5}, 500),
        ({"Exposure": 12, "XRayTubeCurrent": 250, "ExposureTime": 8000}, None),
        ({"Exposure": 12, "XRayTubeCurrent": 100, "ExposureTime": 2000, "RevolutionTime": 0.5}, None),
        ({"Exposure": 2, "ExposureInuAs": 200000, "XRayTubeCurrent": 100, "ExposureTime": 2000}, 200),
        ({"ExposureInuAs": 150000}, 150), ({"Exposure": 150}, 150), ({"XRayTubeCurrent": 100, "ExposureTime": 2000}, 200),
        ({"XRayTubeCurrent": 100}, None), ({}, None),
    ],
)  # fmt: skip
def test_exposure(tags: dict[str, object], mas: float | None) -> None:
    assert exposure_mas(dataset(**tags)) == (None if mas is None else pytest.approx(mas))


@pytest.mark.parametrize(
    ("tags", "years"),
    [
        ({"PatientAge": "060Y", "PatientBirthDate": "20100101", "StudyDate": "20200101"}, 60),
        ({"PatientBirthDate": "19970101", "StudyDate": "20000509"}, 3.35),
        ({"PatientAge": "", "PatientBirthDate": "1997.01.01", "AcquisitionDate": "20000509"}, 3.35),
        ({"PatientBirthDate": "20200101", "StudyDate": "20000509"}, None),
        ({"PatientBirthDate": "18000101", "StudyDate": "20000509"}, None),
        ({"StudyDate": "20000509"}, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_age_by_birth_date(tags: dict[str, object], years: float | None) -> None:
    assert _age(dataset(**tags)) == (None if years is None else pytest.approx(years, abs=0.01))


_JPEG, _J2K, _J2K_LOSSLESS = (f"1.2.840.10008.1.2.4.{n}" for n in (51, 91, 90))


@pytest.mark.parametrize(
    ("tags", "lossy", "ratio"),
    [
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": "30"}, True, 30), ({"LossyImageCompression": "00"}, False, None),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": ["5", "12.5"]}, True, 12.5), ({"LossyImageCompression": "1"}, True, None),
        ({"LossyImageCompressionMethod": "ISO_15444_1"}, True, None), ({"LossyImageCompressionRatio": "1"}, None, None),
        ({"syntax": _JPEG}, True, None), ({"syntax": _J2K}, True, None), ({"syntax": _J2K, "LossyImageCompression": "00"}, False, None),
        ({"syntax": _J2K_LOSSLESS}, None, None), ({}, None, None),
    ],
)  # fmt: skip
def test_lossy_compression(tags: dict[str, object], lossy: bool | None, ratio: float | None) -> None:
    ds = dataset(**tags)  # type: ignore[arg-type]
    assert (lossy_compression(ds), lossy_ratio(ds)) == (lossy, ratio)


_PLAIN = ["ORIGINAL", "PRIMARY", "AXIAL"]


@pytest.mark.parametrize(
    ("tags", "answer"),
    [
        ({"ImageType": _PLAIN}, False), ({}, None), ({"ImageType": ["DERIVED", "PRIMARY", "AXIAL"]}, False),
        ({"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]}, True), ({"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "CSA MPR"]}, True),
        ({"ImageType": _PLAIN, "ImageOrientationPatient": [1, 0, 0, 0, 0.9397, -0.342]}, False),  # a tilted gantry
        ({"ImageType": _PLAIN, "ImageOrientationPatient": [0.9848, 0.1736, 0, -0.1736, 0.9848, 0]}, True),
        ({"ImageType": _PLAIN, "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, True),
        ({"ImageType": ["DERIVED", "PRIMARY"], "ImageOrientationPatient": [1, 0, 0, 0, 0.9397, -0.342], "GantryDetectorTilt": 0}, True),
    ],
)  # fmt: skip
def test_reformatted(tags: dict[str, object], answer: bool | None) -> None:
    assert reformatted(dataset(**tags)) is answer


def test_when_and_where_a_scan_was_made():
    """The time of day, and hashes that tell scanners, stations and software apart without naming them."""
    ds = Dataset()
    ds.StudyDate, ds.StudyTime, ds.AcquisitionTime, ds.AcquisitionDate = "20240229", "100000", "101112.5", "19310407"
    ds.Manufacturer, ds.ManufacturerModelName, ds.DeviceSerialNumber, ds.StationName = (
        "GE",
        "Revolution",
        "77",
        "CT-MUSTER",
    )
    ds.SoftwareVersions, ds.SpiralPitchFactor, ds.ProtocolName = ["1.2", "3"], 0.531, "Head routine Muster"
    a = acquisition(ds, np.zeros((3, 3)))
    assert (a.acquired, a.pitch, a.protocol) == ("20240229T101112", 0.531, "Head routine")
    ids = (a.scanner_id, a.station_id, a.software_id)
    assert all(re.fullmatch("[0-9a-f]{16}", i) for i in ids)
    ds.DeviceSerialNumber, ds.AcquisitionTime = "78", "251112"
    other = acquisition(ds, np.zeros((3, 3)))
    assert (other.scanner_id == a.scanner_id, other.station_id, other.software_id) == (False, *ids[1:])
    assert other.acquired == "20240229T100000", "a time that is none is passed over"
    assert acquisition(Dataset(), np.zeros((3, 3))).scanner_id is None
