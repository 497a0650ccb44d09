"""Geometry and HU that are wrong as a whole, and files among the slices that are none: each by its true reason."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from test_volume_series import edit, tags

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, check, read
from HeadCTIQALib.volume.processing import processed


@pytest.mark.parametrize(
    ("orientation", "reason"),
    [
        ([0, 1, 0, 0, 0, -1], "ImageOrientationPatient does not fit ImagePositionPatient"), ([1, 0, 0, 0, 0, -1], "does not fit ImagePositionPatient"),
        ([0.999, 0.04, 0, 0, 0.05, -0.999], "does not fit ImagePositionPatient"), ([0] * 6, "ImageOrientationPatient is no plane"),
        ([1, 0, 0, 1, 0, 0], "ImageOrientationPatient is no plane"), ([1, 0, 0, 0.6, 0.8, 0], "rows and columns that are not at right angles"),
    ],
)  # fmt: skip
def test_an_orientation_that_cannot_be_is_named(scan: Path, orientation: list[float], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        check(read(edit(scan, tags(ImageOrientationPatient=orientation))))


def test_positions_along_the_wrong_axis_are_named(scan: Path) -> None:
    def change(ds: pydicom.Dataset, index: int) -> None:
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [z, x, y]

    with pytest.raises(InputError, match="by them the slices do not lie above each other"):
        read(edit(scan, change))


@pytest.mark.parametrize(
    "turn", [lambda a: np.rot90(a, 1, (1, 2)), lambda a: np.rot90(a, -1, (1, 2)), lambda a: a.transpose(0, 2, 1)]
)
def test_a_head_on_its_side_is_named(shared_data: Path, turn: Callable[[np.ndarray], np.ndarray]) -> None:
    volume = read(shared_data / "ct/ge-vct-tumour")
    with pytest.raises(InputError, match="shows the head lying on its side"):
        check(replace(volume, hu=np.ascontiguousarray(turn(volume.hu)), padding=None))


def test_a_head_of_equal_sides_is_no_reason(head_volume: CTVolume) -> None:
    assert check(head_volume) == ()  # ellipsoids are as alike in front and behind as left and right


def with_hu(volume: CTVolume, hu: np.ndarray) -> CTVolume:
    return replace(volume, hu=np.rint(hu).astype(np.int16))


@pytest.mark.parametrize("shift", [100, -100, 70, 150, 300])
def test_a_shift_of_all_values_is_named(head_volume: CTVolume, shift: int) -> None:
    word = "high" if shift > 0 else "low"
    with pytest.raises(InputError, match=rf"not in HU: .*look about \d+ HU too {word}: is the rescale intercept wrong"):
        check(with_hu(head_volume, head_volume.hu + shift))


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.3, 2])
def test_a_wrong_slope_is_named(head_volume: CTVolume, factor: float) -> None:
    with pytest.raises(InputError, match="is the rescale slope wrong"):
        check(with_hu(head_volume, (head_volume.hu + 1000.0) * factor - 1000))  # air stays where it is


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_a_slightly_stretched_scale_is_told(head_volume: CTVolume, factor: float) -> None:
    (told,) = check(with_hu(head_volume, head_volume.hu * factor))
    assert told.startswith(f"Air reads about {-1000 * factor:.0f} HU, not -1000")


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"SeriesDescription": "MONO_E 40 keV"}, "virtual monoenergetic, 40 keV"), ({"SeriesDescription": "Head Mono+ 70keV"}, "virtual monoenergetic, 70 keV"),
        ({"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "MONO_E"]}, "virtual monoenergetic"), ({"SeriesDescription": "Monoenergetic"}, "virtual monoenergetic"),
        ({"SeriesDescription": "VMI_50_KEV"}, "virtual monoenergetic, 50 keV"), ({"SeriesDescription": "MIP 5 mm"}, "projections or maps"),
        ({"DerivationDescription": "denoised by software"}, "denoised"), ({"SeriesDescription": "AI De-noised"}, "denoised"),
        ({"ImageComments": "noise reduction"}, "denoised"), ({"SeriesDescription": "Ax MPR"}, "reformatted"), ({"SeriesDescription": "Axial reformats"}, "reformatted"),
        ({"SeriesDescription": "Head 1.25mm"}, ""), ({"SeriesDescription": "HEAD MONOPHASIC"}, ""), ({"SeriesDescription": "Brain routine H30s"}, ""), ({}, ""),
    ],
)  # fmt: skip
def test_words_for_processing(values: dict[str, object], answer: str) -> None:
    ds = pydicom.Dataset()
    tags(**values)(ds, 0)
    assert processed(ds) == answer


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": "12"}, "compressed with loss, 12 : 1"),
        ({"LossyImageCompressionMethod": "ISO_10918_1"}, "compressed with loss"), ({"DerivationDescription": "denoised"}, "the images are denoised"),
        ({"ContrastBolusAgent": "OMNIPAQUE"}, "Contrast medium was given"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", [0, 3, 39])
def test_what_one_slice_tells_counts(
    head_volume: CTVolume, tmp_path: Path, values: dict[str, object], told: str, where: int
) -> None:
    write_series(head_volume, tmp_path / "scan")
    edit(tmp_path / "scan", lambda ds, index: tags(**values)(ds, index) if index == where else None)
    assert any(told in w for w in check(read(tmp_path / "scan")))


@pytest.mark.parametrize("words", ["MIP", "Ax MPR", "MONO_E 40 keV"])
def test_computed_slices_between_others_are_left_out(scan: Path, words: str) -> None:
    got = read(edit(scan, lambda ds, index: setattr(ds, "SeriesDescription", words) if index in (5, 6) else None))
    assert got.shape[0] == 10
    assert any("Left out: 2 of 12 images" in w for w in got.warnings)
    assert [x.slices for x in got.lost] == [2]


def cut_copy(scan: Path, name: str, **values: object) -> None:
    ds = pydicom.dcmread(scan / "CT0003.dcm")
    tags(**values)(ds, 0)
    del ds.PixelData
    ds.save_as(scan / name)


STRAY: dict[str, Callable[[Path], object]] = {
    "text": lambda scan: (scan / "readme.dcm").write_text("Please note.\n" * 40),
    "directory": lambda scan: (scan / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + b"\x02\x00damaged"),
    "scout": lambda scan: cut_copy(scan, "CT0099.dcm", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    "other series": lambda scan: cut_copy(scan, "CT0099.dcm", SeriesInstanceUID="1.2.9"),
    "empty": lambda scan: (scan / "export.dcm").write_bytes(b""),
}


@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_damaged_file_that_is_no_slice_costs_nothing(
    scan: Path, small: CTVolume, stray: Callable[[Path], object], zipped: bool
) -> None:
    stray(scan)
    got = read(packed(scan) if zipped else scan)
    np.testing.assert_array_equal(got.hu, small.hu)
    assert got.lost == ()
    assert got.warnings == ("Left out: 1 damaged DICOM file.",)


SLICE: dict[str, Callable[[Path], object]] = {
    "empty": lambda scan: (scan / "CT0013.dcm").write_bytes(b""),
    "no pixels": lambda scan: cut_copy(scan, "CT0013.dcm", InstanceNumber=13),
    "header cut": lambda scan: (scan / "CT0013.dcm").write_bytes((scan / "CT0012.dcm").read_bytes()[:300]),
}


@pytest.mark.parametrize("harm", SLICE.values(), ids=SLICE)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_damaged_file_that_may_be_a_slice_counts(scan: Path, harm: Callable[[Path], object], zipped: bool) -> None:
    harm(scan)
    got = read(packed(scan) if zipped else scan)
    assert [(x.slices, x.high_mm) for x in got.lost] == [(1, None)]


def packed(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as z:
        for file in sorted(folder.iterdir()):
            z.write(file, f"a/{file.name}")
    return path


def test_bytes_exchanged_in_one_slice_are_told_once(head_volume: CTVolume, tmp_path: Path) -> None:
    write_series(head_volume, tmp_path / "scan")

    def change(ds: pydicom.Dataset, index: int) -> None:
        if index in (17, 23):
            ds.PixelData = np.frombuffer(ds.PixelData, "<i2").byteswap().tobytes()

    got = read(edit(tmp_path / "scan", change))
    np.testing.assert_array_equal(got.hu, head_volume.hu)
    assert got.warnings == (
        "2 slices did not fit the slices beside them and were read with the two bytes of every value exchanged.",
    )
