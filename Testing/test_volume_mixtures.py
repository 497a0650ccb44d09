"""Two scans under one UID that continue each other, and identifiers that were made up for every file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from test_volume_series import edit, second, tags

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import CTVolume, read


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (("GE MEDICAL SYSTEMS", "SIEMENS"), "Manufacturer"), (("LightSpeed VCT", "Revolution"), "ManufacturerModelName"),
        (("CT1", "CT2"), "StationName"), (("1234", "9876"), "DeviceSerialNumber"), (("HFS", "FFS"), "PatientPosition"),
        (("20200101", "20200301"), "AcquisitionDate"), (("STANDARD", "BONE"), "ConvolutionKernel"), (("120", "80"), "KVP"),
    ],
)  # fmt: skip
def test_what_cannot_change_within_a_scan_splits_it(scan: Path, values: tuple[str, str], reason: str) -> None:
    edit(scan, lambda ds, index: setattr(ds, reason, values[index >= 8]))
    got = read(scan)
    assert got.shape[0] == 8
    assert any("Left out: 4 of 12 images of the series with another" in w for w in got.warnings), got.warnings


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("Manufacturer", ("GE MEDICAL SYSTEMS", "Ge Medical  Systems")), ("StationName", ("CT1", None)), ("DeviceSerialNumber", (None, "12")),
        ("ConvolutionKernel", ("H30s", None)), ("PatientSex", ("F", None)), ("PatientSex", ("F", "O")), ("PatientAge", ("050Y", "051Y")),
        ("PatientBirthDate", ("19500101", "1950.01.01")), ("AcquisitionDate", ("20200101", "20200102")), ("KVP", ("120", "120.0")),
        ("XRayTubeCurrent", ("200", "310")), ("Exposure", ("200", "310")), ("TableHeight", ("150", "151")), ("AcquisitionTime", ("120000", "120010.5")),
        ("PatientPosition", ("HFS", None)),
    ],
)  # fmt: skip
def test_what_may_change_within_a_scan_does_not(
    scan: Path, small: CTVolume, keyword: str, values: tuple[str | None, str | None]
) -> None:
    got = read(edit(scan, lambda ds, index: tags(**{keyword: values[index >= 6]})(ds, index)))
    np.testing.assert_array_equal(got.hu, small.hu)
    assert got.warnings == ()


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("PatientSex", ("F", "M")),
        ("PatientBirthDate", ("19500101", "19310717")),
        ("PatientAge", ("050Y", "070Y")),
        ("PatientID", ("A", "B")),
    ],
)
def test_two_patients_halves_under_one_uid_are_refused(scan: Path, keyword: str, values: tuple[str, str]) -> None:
    second(scan, lambda ds, index: None, 216.0)
    edit(scan, lambda ds, index: setattr(ds, keyword, values[index >= 12]))
    with pytest.raises(InputError, match="scan holds CT scans of 2 patients; choose one with --series"):
        read(scan)


@pytest.mark.parametrize("per_file", [
    ("PatientID",), ("PatientID", "PatientName"), ("PatientID", "SeriesInstanceUID"), ("StudyInstanceUID",), ("FrameOfReferenceUID",),
    ("StudyDate",), ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "StudyDate"),
])  # fmt: skip
def test_identifiers_made_up_for_every_file(scan: Path, small: CTVolume, per_file: tuple[str, ...]) -> None:
    def change(ds: pydicom.Dataset, index: int) -> None:
        for keyword in per_file:
            setattr(
                ds,
                keyword,
                f"200001{index + 1:02d}"
                if keyword.endswith("Date")
                else f"1.2.{index + 1}"
                if keyword.endswith("UID")
                else f"A{index}",
            )

    got = read(edit(scan, change))
    np.testing.assert_array_equal(got.hu, small.hu)
    assert any("because they are stacked like one" in w for w in got.warnings) == (
        per_file not in (("StudyInstanceUID",), ("FrameOfReferenceUID",))
    )


def test_one_slice_of_each_of_many_patients_is_no_scan(scan: Path) -> None:
    def change(ds: pydicom.Dataset, index: int) -> None:
        ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID = f"A{index}", f"1.3.{index + 1}", f"1.2.{index + 1}"
        ds.ImagePositionPatient = [-100 + 7 * (index % 5), -120 + 3 * index**2 % 11, -80 + 17.3 * index + index**2 % 7]

    edit(scan, change)
    with pytest.raises(
        InputError,
        match="holds 12 CT images, but by their tags they are of 12 patients and 12 series, none with 8 slices",
    ):
        read(scan)
