"""DICOM series there and back: geometry, padding, rescale, compression, multi-frame, and which series is chosen."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, decoding, read
from HeadCTIQALib.volume.acquisition import age_years
from HeadCTIQALib.volume.candidates import _suffixes
from HeadCTIQALib.volume.kernels import is_sharp

SYNTAXES = {
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG lossless": "1.2.840.10008.1.2.4.70",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
}


def assert_same(a: CTVolume, b: CTVolume) -> None:
    np.testing.assert_array_equal(a.hu, b.hu)
    for name in ("origins", "row_step", "col_step"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=1e-8)
    assert (a.padding is None) == (b.padding is None)
    if a.padding is not None and b.padding is not None:
        np.testing.assert_array_equal(a.padding, b.padding)


def edit(folder: Path, change: Callable[[Dataset, int], None]) -> Path:
    for index, path in enumerate(sorted(folder.glob("*.dcm"))):
        ds = pydicom.dcmread(path)
        change(ds, index)
        ds.save_as(path)
    return folder


def new_series(volume: CTVolume, folder: Path, number: int, **tags: object) -> str:
    """Write `volume` as another series with `tags`; returns its UID."""
    write_series(volume, folder, seed=number)
    uid = generate_uid(entropy_srcs=[str(number)])

    def change(ds: Dataset, index: int) -> None:
        ds.SeriesInstanceUID, ds.SeriesNumber, ds.StudyInstanceUID = uid, number, "1.2.3"
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[f"{number} {index}"])
        for name, value in tags.items():
            setattr(ds, name, value)

    edit(folder, change)
    return str(uid)


@pytest.fixture
def small(make_head: Callable[..., CTVolume]) -> CTVolume:
    return make_head(slices=12, matrix=32, pixel_mm=7.0, spacing_mm=18.0)


@pytest.mark.parametrize("syntax", [None, *SYNTAXES.values()], ids=["uncompressed", *SYNTAXES])
def test_round_trip_of_a_tilted_uneven_padded_scan(
    make_head: Callable[..., CTVolume], tmp_path: Path, syntax: str | None
) -> None:
    positions = np.r_[np.arange(-60, 0, 4.0), 1.08, np.arange(8, 60, 7.0)]
    volume = make_head(matrix=40, pixel_mm=6.0, tilt_deg=-16.5, positions=positions, padding=True)
    hu = volume.hu.copy()
    hu[3, 20, 20], hu[4, 20, 20] = 15720, 32767
    volume = replace(volume, hu=hu)
    write_series(volume, tmp_path / "scan", transfer_syntax=syntax)
    got = read(tmp_path / "scan")
    assert_same(got, volume)
    assert got.warnings == ()
    assert got.source.kind == "dicom"
    assert got.source.name == "DICOM series"
    assert read(tmp_path / "scan", keep_name=True).source.name == "scan"
    assert got.source.chosen_because == "the only series"
    assert got.acquisition == replace(volume.acquisition, reformatted=False, acquired="20200101T120000")


@pytest.mark.parametrize("installed", [True, False])
def test_jpeg_ls_with_either_decoder(
    small: CTVolume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    if installed:
        pytest.importorskip("jpeg_ls")
    else:
        monkeypatch.setattr(decoding, "find_spec", lambda name: None)
    write_series(small, tmp_path, transfer_syntax=SYNTAXES["JPEG-LS"])
    np.testing.assert_array_equal(read(tmp_path).hu, small.hu)


def test_same_seed_same_bytes(small: CTVolume, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_series(small, tmp_path / name, seed=seed)
    a, b, c = ((tmp_path / n / "CT0003.dcm").read_bytes() for n in "abc")
    assert a == b
    assert a != c
    assert read(tmp_path / "a").source.sha256 == read(tmp_path / "c").source.sha256


def test_writer_refuses_what_it_cannot_write(small: CTVolume, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="CT0001"):
        write_series(small, tmp_path / "a", transfer_syntax="1.2.3.4")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        write_series(small, tmp_path / "file")


def test_order_of_names_and_instance_numbers_does_not_matter(small: CTVolume, tmp_path: Path) -> None:
    write_series(small, tmp_path / "scan")
    edit(tmp_path / "scan", lambda ds, index: setattr(ds, "InstanceNumber", 99 - index))
    for index, path in enumerate(sorted((tmp_path / "scan").iterdir())):
        path.rename(tmp_path / "scan" / f"IM{97 * (index + 5) % 101:03d}")
    assert_same(read(tmp_path / "scan"), small)


def test_duplicates_are_left_out_with_a_warning(small: CTVolume, tmp_path: Path) -> None:
    write_series(small, tmp_path / "scan")
    shutil.copy(tmp_path / "scan/CT0005.dcm", tmp_path / "scan/zz copy")
    ds = pydicom.dcmread(tmp_path / "scan/CT0007.dcm")
    ds.AcquisitionNumber, ds.SOPInstanceUID = 2, generate_uid()
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(tmp_path / "scan/AA.dcm")  # first by name, second by acquisition
    got = read(tmp_path / "scan")
    assert_same(got, small)
    assert any("1 of 14 images of the series with another acquisition" in w for w in got.warnings)
    assert any("1 slice at the same position" in w for w in got.warnings)


def test_rescale_of_every_slice_is_its_own(small: CTVolume, tmp_path: Path) -> None:
    write_series(small, tmp_path / "scan")

    def change(ds: Dataset, index: int) -> None:
        hu = np.frombuffer(ds.PixelData, "<i2").astype(float)
        slope, intercept = (0.5, 10.0 * index) if index % 2 else (2, -6)
        ds.RescaleSlope, ds.RescaleIntercept = str(slope), str(intercept)
        ds.PixelData = np.rint((hu - intercept) / slope).astype("<i2").tobytes()

    got = read(edit(tmp_path / "scan", change))
    assert np.abs(got.hu - small.hu.astype(int)).max() <= 1
    np.testing.assert_array_equal(got.hu[1::2], small.hu[1::2])
    assert got.warnings == ()


def test_missing_rescale_is_a_warning(small: CTVolume, tmp_path: Path) -> None:
    write_series(small, tmp_path / "scan")

    def change(ds: Dataset, index: int) -> None:
        del ds.RescaleSlope, ds.RescaleIntercept

    got = read(edit(tmp_path / "scan", change))
    np.testing.assert_array_equal(got.hu, small.hu)
    assert any("rescale" in w for w in got.warnings)


def test_padding_tag_with_the_wrong_sign_and_in_the_range_of_air(small: CTVolume, tmp_path: Path) -> None:
    """Stored 0 = -1024 HU is padding outside the circle and clipped air inside; 63536 stands for -2000."""
    write_series(small, tmp_path / "scan")

    def unsigned(ds: Dataset, index: int) -> None:
        pixels = np.frombuffer(ds.PixelData, "<i2").reshape(32, 32).astype(np.int32) + 1024
        pixels[0, 0] = pixels[16, 16] = 0
        ds.PixelData, ds.PixelRepresentation, ds.RescaleIntercept = pixels.astype("<u2").tobytes(), 0, "-1024"
        ds.add_new("PixelPaddingValue", "US", 0)

    got = read(edit(tmp_path / "scan", unsigned))
    assert got.padding is not None
    assert got.padding[:, 0, 0].all()
    assert got.padding.sum() == 12
    assert got.hu[3, 16, 16] == -1024

    def signed(ds: Dataset, index: int) -> None:
        pixels = np.frombuffer(ds.PixelData, "<u2").reshape(32, 32).astype("<i2")
        pixels[1, 1] = -1500
        ds.PixelData, ds.PixelRepresentation = pixels.tobytes(), 1
        del ds.PixelPaddingValue
        ds.add_new("PixelPaddingValue", "US", 65536 - 1500)

    got = read(edit(tmp_path / "scan", signed))
    assert got.padding is not None
    assert got.padding[:, 1, 1].all()


def test_padding_tag_that_names_tissue_is_ignored(small: CTVolume, tmp_path: Path) -> None:
    write_series(small, tmp_path / "scan")
    edit(tmp_path / "scan", lambda ds, index: ds.add_new("PixelPaddingValue", "SS", 33))
    assert read(tmp_path / "scan").padding is None


def enhanced(volume: CTVolume, folder: Path, path: Path) -> None:
    """A multi-frame file of the same slices, frames in reversed order."""
    parts = [pydicom.dcmread(p) for p in sorted(folder.glob("*.dcm"))][::-1]
    ds = pydicom.dcmread(folder / "CT0001.dcm")
    for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "ConvolutionKernel",
                "RescaleSlope", "RescaleIntercept", "SliceLocation", "KVP"):  # fmt: skip
        delattr(ds, tag)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    shared, groups = Dataset(), []
    measures, orientation, reconstruction, exposure = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = parts[0].PixelSpacing, parts[0].SliceThickness
    orientation.ImageOrientationPatient = parts[0].ImageOrientationPatient
    reconstruction.ConvolutionKernel = "H30s"
    exposure.KVP = 120.0
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    shared.CTReconstructionSequence, shared.CTXRayDetailsSequence = Sequence([reconstruction]), Sequence([exposure])
    for part in parts:
        position, rescale, group = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = part.ImagePositionPatient
        rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = "1", "0", "HU"
        group.PlanePositionSequence, group.PixelValueTransformationSequence = Sequence([position]), Sequence([rescale])
        groups.append(group)
    ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = Sequence([shared]), Sequence(groups)
    ds.NumberOfFrames, ds.PixelData = len(parts), b"".join(p.PixelData for p in parts)
    ds.save_as(path)


def test_enhanced_multi_frame(tilted_head_volume: CTVolume, tmp_path: Path) -> None:
    write_series(tilted_head_volume, tmp_path / "single")
    enhanced(tilted_head_volume, tmp_path / "single", tmp_path / "multi.dcm")
    got = read(tmp_path / "multi.dcm")
    assert_same(got, tilted_head_volume)
    assert got.acquisition.kernel == "H30s"
    assert got.acquisition.kvp == 120
    assert got.source.kind == "dicom"


def test_one_file_stands_for_its_series_beside_it(small: CTVolume, tmp_path: Path) -> None:
    new_series(small, tmp_path, 1)
    moved = replace(small, hu=small.hu + np.int16(1))
    write_series(moved, tmp_path / "other", seed=5)
    for path in (tmp_path / "other").iterdir():
        path.rename(tmp_path / f"B{path.name}")
    np.testing.assert_array_equal(read(tmp_path / "CT0004.dcm").hu, small.hu)
    np.testing.assert_array_equal(read(tmp_path / "BCT0004.dcm").hu, moved.hu)


@pytest.fixture
def study(study_once: tuple[Path, dict[str, str]], tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A study as it comes from a scanner, to change at will; returns the folder and series UIDs by what they are."""
    folder, uids = study_once
    return Path(shutil.copytree(folder, tmp_path / "study")), uids


@pytest.fixture(scope="module")
def study_once(
    make_head: Callable[..., CTVolume], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    small = make_head(slices=12, matrix=32, pixel_mm=7.0, spacing_mm=18.0)
    folder = tmp_path_factory.mktemp("once") / "study"
    scout = replace(small, hu=small.hu[:1].copy(), origins=small.origins[:1])
    half = replace(small, hu=small.hu[:5].copy(), origins=small.origins[:5])
    uids = {
        "scout": new_series(scout, folder / "1", 1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
        "bone": new_series(small, folder / "deep/er/2", 2, ConvolutionKernel="BONE"),
        "brain": new_series(small, folder / "deep/3", 3, SeriesDescription="Brain axial NOBODY"),
        "contrast": new_series(small, folder / "4", 4, ContrastBolusAgent="AGENT"),
        "mip": new_series(small, folder / "5", 5, ImageType=["DERIVED", "SECONDARY", "AXIAL", "MIP"]),
        "few": new_series(half, folder / "6", 6),
        "chest": new_series(small, folder / "7", 7, BodyPartExamined="CHEST", SeriesDescription="lung"),
        "mr": new_series(small, folder / "8", 8, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"),
        "capture": new_series(scout, folder / "9", 9, SOPClassUID="1.2.840.10008.5.1.4.1.1.7"),
        "report": new_series(scout, folder / "10", 10, Modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.67"),
        "sagittal": new_series(small, folder / "11", 11, ImageOrientationPatient=[0, 1, 0, 0, 0, -1]),
    }  # fmt: skip
    edit(folder / "11", lambda ds, index: setattr(ds, "ImagePositionPatient", [5.0 * index, 0, 0]))
    (folder / "notes.txt").write_text("not DICOM")
    (folder / "deep" / "Thumbs.db").write_bytes(b"\0" * 500)
    for path in (folder / "deep/3").iterdir():
        path.rename(path.with_suffix(""))  # extension-less
    return folder, uids


def test_the_axial_soft_plain_head_series_is_chosen(study: tuple[Path, dict[str, str]], small: CTVolume) -> None:
    folder, uids = study
    fractions: list[float] = []
    got = read(folder, progress=fractions.append)
    assert got.source.series_uid == uids["brain"]
    assert_same(got, small)
    assert got.acquisition.series_description == "Brain axial"  # the patient's name is gone
    assert "soft kernel H30s" in got.source.chosen_because
    assert "axial" in got.source.chosen_because
    assert len(got.source.series_considered) == 11
    assert any("not CT" in line for line in got.source.series_considered)
    assert not any("NOBODY" in line for line in got.source.series_considered)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert min(fractions) >= 0


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (["brain"], "contrast"),
        (["brain", "contrast"], "bone"),
        (["brain", "contrast", "bone"], "mip"),
        (["brain", "contrast", "bone", "mip"], "chest"),
        (["brain", "contrast", "bone", "mip", "chest"], "sagittal"),
    ],
)
def test_the_next_best_series_is_chosen(study: tuple[Path, dict[str, str]], gone: list[str], expected: str) -> None:
    folder, uids = study
    places = {"brain": "deep/3", "contrast": "4", "bone": "deep/er/2", "mip": "5", "chest": "7"}
    for name in gone:
        shutil.rmtree(folder / places[name])
    got = read(folder)
    assert got.source.series_uid == uids[expected]
    assert any("reformats" in w for w in got.warnings) == (expected == "sagittal")


def test_series_by_uid_and_by_ending(study: tuple[Path, dict[str, str]]) -> None:
    folder, uids = study
    assert read(folder, series=uids["bone"]).acquisition.kernel == "BONE"
    got = read(folder, series=uids["bone"][-10:])
    assert got.source.series_uid == uids["bone"]
    assert got.source.chosen_because == "asked for"
    with pytest.raises(InputError, match=r"study: --series nonsense fits no series"):
        read(folder, series="nonsense")
    ending = next(c for c in "0123456789" if sum(u.endswith(c) for u in uids.values()) > 1)
    with pytest.raises(InputError, match=r"study: --series . fits \d+ series"):
        read(folder, series=ending)
    with pytest.raises(InputError, match=r"study: series .* not CT"):
        read(folder, series=uids["mr"])


def test_uids_are_told_apart_by_their_endings() -> None:
    assert _suffixes(["1.2.3.12345678", "1.2.3.22345678"]) == ["12345678", "22345678"]
    assert _suffixes(["1.2.1.12345678", "1.2.2.12345678"]) == ["1.12345678", "2.12345678"]


def test_jitter_of_the_orientation_does_not_split_a_series(small: CTVolume, tmp_path: Path) -> None:
    write_series(small, tmp_path / "scan")
    edit(
        tmp_path / "scan",
        lambda ds, index: setattr(ds, "ImageOrientationPatient", [1, 0, 0, 0, 0.99499 + index * 3e-6, -0.09987]),
    )
    assert read(tmp_path / "scan").shape == small.shape


def test_a_minority_of_other_matrix_size_is_left_out(
    small: CTVolume, make_head: Callable[..., CTVolume], tmp_path: Path
) -> None:
    write_series(small, tmp_path / "scan")
    write_series(make_head(slices=3, matrix=24), tmp_path / "odd")
    for path in (tmp_path / "odd").iterdir():
        path.rename(tmp_path / "scan" / f"odd{path.name}")
    got = read(tmp_path / "scan")
    assert_same(got, small)
    assert any("3 of 15 images" in w and "matrix" in w for w in got.warnings)


def test_two_kernels_under_one_uid(small: CTVolume, tmp_path: Path) -> None:
    for name, kernel in (("a", "H70h"), ("b", "H30s")):
        write_series(replace(small, acquisition=replace(small.acquisition, kernel=kernel)), tmp_path / "scan" / name)
    assert read(tmp_path / "scan").acquisition.kernel == "H30s"


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
def test_odd_tags_do_not_hurt(small: CTVolume, tmp_path: Path) -> None:
    write_series(small, tmp_path / "scan")

    def change(ds: Dataset, index: int) -> None:
        with pytest.warns(UserWarning, match="Invalid value"):  # pydicom on what a real scanner wrote
            ds.PatientAge = "ANONYMIZED"
        ds.StudyDate, ds.ContrastBolusAgent, ds.Manufacturer = "20269999", "NONE", "GE MEDICAL SYSTEMS"
        ds.ConvolutionKernel = ["Hr40f", "3"]
        ds.XRayTubeCurrent, ds.ExposureTime, ds.SeriesDescription = 100, 2000, "NOBODY"

    got = read(edit(tmp_path / "scan", change)).acquisition
    assert got.patient_age_years is None
    assert got.study_date is None
    assert got.contrast_agent is False
    assert got.kernel == "Hr40f\\3"
    assert got.exposure_mas == 200
    assert got.series_description is None
    assert got.isocentre_ras is not None
    assert got.isocentre_ras[:2] == (0, 0)


def test_acquisition_round_trip(small: CTVolume, tmp_path: Path) -> None:
    known = replace(
        small.acquisition, tube_current_ma=200.0, exposure_mas=150.0, ctdi_vol_mgy=45.5, reconstruction_diameter_mm=224.0,
        gantry_tilt_deg=0.0, contrast_agent=True, isocentre_ras=(1.5, -20.0, 3.0), patient_age_years=7.0,
        reformatted=False, acquired="20200101T120000",
    )  # fmt: skip
    write_series(replace(small, acquisition=known), tmp_path)
    assert read(tmp_path).acquisition == known


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("045Y", 45),
        ("006M", 0.5),
        ("052W", 0.9966),
        ("010D", 0.0274),
        ("ANONYMIZED", None),
        ("", None),
        (None, None),
        ("45", None),
    ],
)
def test_age(text: str | None, years: float | None) -> None:
    assert age_years(text) == (None if years is None else pytest.approx(years, abs=1e-3))


@pytest.mark.parametrize(
    ("kernel", "sharp"),
    [("STANDARD", False), ("STD+", False), ("BONEPLUS", True), ("H30s", False), ("H70h", True), ("Hr38f\\3", False), ("FC26", False),
     ("FC30", True), ("FC81", True), ("UB", False), ("YD", True), ("strange", None), (None, None), ("", None)],
)  # fmt: skip
def test_kernel_sharpness(kernel: str | None, sharp: bool | None) -> None:
    assert is_sharp(kernel) is sharp
