"""What belongs together: patients, studies, acquisitions, energies and phases are kept apart, parts of one scan are joined."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, read
from HeadCTIQALib.volume.contrast import said

Change = Callable[[Dataset, int], None]


def edit(folder: Path, change: Change, pattern: str = "*.dcm") -> Path:
    for index, path in enumerate(sorted(folder.glob(pattern))):
        ds = pydicom.dcmread(path)
        change(ds, index)
        ds.save_as(path)
    return folder


def second(folder: Path, change: Change, shift: float = 0.0) -> Path:
    """The same slices again in the same folder, as other instances, 1 HU brighter, changed."""
    for index, path in enumerate(sorted(folder.glob("CT*.dcm"))):
        ds = pydicom.dcmread(path)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["second", str(index)])
        ds.PixelData = (np.frombuffer(ds.PixelData, "<i2") + 1).astype("<i2").tobytes()
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, float(z) + shift]
        change(ds, index)
        ds.save_as(folder / f"second{index:03d}.dcm")
    return folder


def tags(**values: object) -> Change:
    def change(ds: Dataset, index: int) -> None:
        for name, value in values.items():
            if value is None:
                ds.pop(name, None)
            else:
                setattr(ds, name, value)

    return change


@pytest.mark.parametrize("shift", [0.0, 0.7])
@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"PatientID": "B"}, "2 patients"), ({"PatientID": "B", "SeriesInstanceUID": "1.2.9"}, "2 patients"),
        ({"PatientName": "Other^Name"}, "2 patients"), ({"PatientBirthDate": "19500101"}, ""),
        ({"StudyInstanceUID": "1.2.8"}, "2 studies"), ({"StudyDate": "20110101"}, "2 studies"),
        ({"StudyDate": "20110101", "SeriesInstanceUID": "1.2.9"}, "2 studies"),
    ],
)  # fmt: skip
def test_patients_and_studies_are_never_mixed(
    scan: Path, small: CTVolume, other: dict[str, object], words: str, shift: float
) -> None:
    second(scan, tags(**other), shift)
    if not words:  # a birth date in some of the files says nothing as long as there is only one
        assert read(scan).shape == small.shape
        return
    with pytest.raises(InputError, match=f"scan holds CT scans of {words}; choose one with --series") as caught:
        read(scan)
    entries = str(caught.value).split("entry: ")[1].rstrip(".").split("; ")
    assert len(entries) == len(set(entries)) == 2
    means = {float(read(scan, series=entry.split(":")[0]).hu.mean()) for entry in entries}
    assert means == {float(small.hu.mean()), float(small.hu.mean()) + 1}
    np.testing.assert_array_equal(read(scan / "CT0003.dcm").hu, small.hu)  # a file says whose it is


def test_few_images_of_another_patient_are_left_out(scan: Path, small: CTVolume) -> None:
    second(scan, tags(PatientID="B"))
    for path in sorted(scan.glob("second*"))[4:]:
        path.unlink()
    got = read(scan)
    np.testing.assert_array_equal(got.hu, small.hu)
    assert "Left out: 4 images of another patient." in got.warnings


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"FrameOfReferenceUID": "1.2.3"}, "frame of reference"), ({"KVP": "80"}, "tube voltage"), ({"ConvolutionKernel": "BONE"}, "kernel"),
        ({"TemporalPositionIdentifier": 2}, "phase"), ({"AcquisitionNumber": 2}, "acquisition"), ({"AcquisitionTime": "130000"}, "acquisition"),
        ({"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]}, "image type"), ({"SeriesDescription": "Head +C"}, "description"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "VNC"]}, "image type"), ({"SliceThickness": "9"}, "slice thickness"),
        ({"PixelSpacing": [7.5, 7.5]}, "pixel size"),
    ],
)  # fmt: skip
def test_other_volumes_under_one_uid_are_split_off_and_told(
    scan: Path, small: CTVolume, other: dict[str, object], reason: str
) -> None:
    second(scan, tags(**other), 0.7)
    got = read(scan)
    assert got.shape == small.shape
    assert any(f"Left out: 12 of 24 images of the series with another {reason}" in w for w in got.warnings), (
        got.warnings
    )
    if reason in ("kernel", "image type", "description"):
        np.testing.assert_array_equal(got.hu, small.hu)  # the soft, the original, the plain one
    assert len(got.source.series_considered) == 2


def test_dual_energy_pairs_are_split(scan: Path, small: CTVolume) -> None:
    """Fast switching: two energies at every place, all under one UID and acquisition number."""
    second(scan, tags(KVP="80"))
    got = read(scan)
    assert got.shape == small.shape
    assert not any("same position" in w for w in got.warnings)


@pytest.mark.parametrize("per_step", [1, 2, 4])
@pytest.mark.parametrize("backwards", [False, True])
def test_steps_of_one_scan_are_joined(scan: Path, small: CTVolume, per_step: int, backwards: bool) -> None:
    """Step and shoot: a number and time for every step, another tube voltage, thickness and image type at the skull base."""

    def change(ds: Dataset, index: int) -> None:
        step = (11 - index if backwards else index) // per_step
        ds.AcquisitionNumber, ds.AcquisitionTime = step + 1, f"12{step:02d}00"
        if index < 4:
            ds.KVP, ds.SliceThickness, ds.ImageType = "140", "4.5", ["ORIGINAL", "PRIMARY", "AXIAL", "ADD"]

    got = read(edit(scan, change))
    np.testing.assert_array_equal(got.hu, small.hu)
    (told,) = got.warnings
    assert told.startswith("The tube voltage changes within the scan (120, 140 kV)")


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_a_scan_repeated_step_by_step_is_split(scan: Path, small: CTVolume, shift: float) -> None:
    edit(scan, lambda ds, index: setattr(ds, "AcquisitionNumber", index // 3 + 1))
    second(scan, lambda ds, index: setattr(ds, "AcquisitionNumber", index // 3 + 5), shift)
    got = read(scan)
    assert got.shape == small.shape
    assert len(np.unique(np.round(got.hu.astype(float).mean() - small.hu.mean(), 3))) == 1


def test_slices_scanned_between_others_are_joined(scan: Path, small: CTVolume) -> None:
    """Odd slices first, then the even ones: each pass has holes that the other one fills."""

    def change(ds: Dataset, index: int) -> None:
        ds.AcquisitionNumber = 1 + index % 2

    np.testing.assert_array_equal(read(edit(scan, change)).hu, small.hu)


def test_uids_of_anonymisers(scan: Path, small: CTVolume) -> None:
    """Absent, constant, or a new one for every file: intact files make one scan."""

    def own(ds: Dataset, index: int) -> None:
        ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = (
            f"1.2.{index + 1}",
            f"1.3.{index + 1}",
            f"1.4.{index + 1}",
        )

    np.testing.assert_array_equal(read(edit(scan, own)).hu, small.hu)
    edit(
        scan,
        tags(
            SeriesInstanceUID=None,
            StudyInstanceUID=None,
            FrameOfReferenceUID=None,
            SOPClassUID=None,
            PatientID=None,
            StudyDate=None,
        ),
    )
    np.testing.assert_array_equal(read(scan).hu, small.hu)
    edit(scan, tags(Modality=None, SeriesNumber=None, PatientName=None, SOPInstanceUID=None))
    np.testing.assert_array_equal(read(scan).hu, small.hu)
    assert read(scan).source.series_uid is None


def test_series_without_uid_are_told_apart_by_number(scan: Path, small: CTVolume) -> None:
    second(scan, tags(SeriesNumber=2, ConvolutionKernel="BONE"))
    edit(scan, tags(SeriesInstanceUID=None))
    got = read(scan)
    np.testing.assert_array_equal(got.hu, small.hu)
    assert len(got.source.series_considered) == 2
    assert read(scan, series="no-uid-b").acquisition.kernel == "BONE"


def test_partly_removed_identifiers_do_not_split(scan: Path, small: CTVolume) -> None:
    edit(
        scan,
        lambda ds, index: (
            [ds.pop(tag) for tag in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID") if index % 2] and None
        ),
    )
    np.testing.assert_array_equal(read(scan).hu, small.hu)


def test_not_ct_at_all_is_said(scan: Path) -> None:
    edit(
        scan,
        tags(
            Modality=None,
            SOPClassUID=None,
            KVP=None,
            ConvolutionKernel=None,
            RescaleIntercept=None,
            XRayTubeCurrent=None,
        ),
    )
    for path in scan.iterdir():
        ds = pydicom.dcmread(path)
        ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        ds.save_as(path)
    with pytest.raises(InputError, match="Modality is missing"):
        read(scan)


@pytest.mark.parametrize("place", ["SeriesDescription", "ProtocolName", "ImageComments", "StudyDescription"])
def test_the_plain_series_before_the_enhanced_one(scan: Path, small: CTVolume, place: str) -> None:
    write_series(small, scan / "b")
    edit(scan / "b", tags(SeriesInstanceUID="1.2.9", SeriesNumber=0, **{place: "CT 5mm POST CONTRAST"}))
    assert "NumberOfFrames" not in pydicom.dcmread(scan / "b/CT0001.dcm")
    got = read(scan)
    assert got.acquisition.contrast_agent is None
    assert read(scan, series="1.2.9").acquisition.contrast_agent is True


_WITH = "POST CONTRAST|CT 5mm POST CONTRAST|CECT|HEAD +C|C+ HEAD|BRAIN+C|CTA COW|WITH CONTRAST|HEAD W CONTRAST|W/ CONTRAST|W/CON|KOPF MIT KM|ANGIO|POST_CONTRAST|Head post|ENHANCED|CEREBRO CON CONTRASTE|HEAD WITH|POSTCONTRAST|Brain CE"  # fmt: skip
_WITHOUT = "WITHOUT|HEAD W/O|WITHOUT CONTRAST|W/O CONTRAST|HEAD WO|NON CONTRAST|NON-CONTRAST|NONCONTRAST|NCCT|PLAIN|PRE|PRE CONTRAST|UNENHANCED|OHNE KM|NATIV|Head -C|C- head|NO CONTRAST|w/o IV contrast|non con|HEAD PRE 5mm"  # fmt: skip
_NEITHER = "brain|POST FOSSA|POST OP|POST-OP HEAD|HEAD W AND W/O CONTRAST|W WO CONTRAST|PRE OP|1.2 C-SPINE|STD+|Recon 2: BONE|PRE AND POST CONTRAST|C1|"


@pytest.mark.parametrize(
    ("words", "answer"),
    [(w, a) for listed, a in ((_WITH, True), (_WITHOUT, False), (_NEITHER, None)) for w in listed.split("|")],
)
def test_words_for_contrast(words: str, answer: bool | None) -> None:
    assert said(words) is answer


def test_bone_only_after_a_soft_reformat(scan: Path, small: CTVolume) -> None:
    second(scan, tags(ConvolutionKernel="BONE"))
    edit(scan, tags(ImageType=["DERIVED", "SECONDARY", "AXIAL", "AVERAGE"]), "CT*.dcm")
    got = read(scan)
    np.testing.assert_array_equal(got.hu, small.hu)
    assert got.acquisition.reformatted is True


def test_one_image_in_a_folder(small: CTVolume, tmp_path: Path) -> None:
    import SimpleITK as sitk

    (tmp_path / "nifti").mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(small.hu), str(tmp_path / "nifti/Smith.nii.gz"))
    (tmp_path / "nifti/Smith.json").write_text("{}")
    assert read(tmp_path / "nifti").source.name == "NIfTI image"
    assert read(tmp_path / "nifti", keep_name=True).source.name == "Smith.nii.gz"
    shutil.copy(tmp_path / "nifti/Smith.nii.gz", tmp_path / "nifti/other.nii.gz")
    with pytest.raises(
        InputError, match=r"nifti holds 2 image files and no DICOM files; give one of them by its own path"
    ):
        read(tmp_path / "nifti")


def test_left_out_names_what_differs(scan: Path, make_head: Callable[..., CTVolume]) -> None:
    odd = make_head(slices=3, matrix=24)
    write_series(replace(odd, acquisition=replace(odd.acquisition, kernel="H70h")), scan / "odd")
    assert any("3 of 15 images of the series with another matrix size and kernel" in w for w in read(scan).warnings)


def test_one_place_for_all_steps_is_no_place(scan: Path) -> None:
    position = pydicom.dcmread(next(scan.iterdir())).ImagePositionPatient
    for number, path in enumerate(sorted(scan.iterdir())):
        ds = pydicom.dcmread(path)
        ds.ImagePositionPatient, ds.AcquisitionNumber = position, number // 2 + 1
        ds.save_as(path)
    with pytest.raises(InputError, match="have the same ImagePositionPatient"):
        read(scan)
