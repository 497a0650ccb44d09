"""Uncommon ways to store the same scan: several frames in a file, tables instead of slope and intercept, big endian."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian
from test_volume_dicom import assert_same, edit, enhanced

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, read

TILT = 18.0


@pytest.fixture(scope="module", params=[0.0, TILT], ids=["upright", "tilted"])
def volume(request: pytest.FixtureRequest, make_head: Callable[..., CTVolume]) -> CTVolume:
    return make_head(slices=14, matrix=40, pixel_mm=6.0, spacing_mm=9.0, tilt_deg=request.param)


@pytest.fixture
def scan(volume: CTVolume, tmp_path: Path) -> Path:
    write_series(volume, tmp_path / "scan")
    return tmp_path / "scan"


def multi_frame(scan: Path, path: Path) -> Dataset:
    """CT Image Storage with all frames in one file, which says nothing of their positions yet."""
    parts = [pydicom.dcmread(p) for p in sorted(scan.iterdir())]
    ds = parts[0]
    ds.NumberOfFrames, ds.PixelData = len(parts), b"".join(p.PixelData for p in parts)
    ds.filename = path
    return ds


def test_a_position_for_every_frame(scan: Path, volume: CTVolume, tmp_path: Path) -> None:
    ds = multi_frame(scan, tmp_path / "multi.dcm")
    ds.ImagePositionPatient = [v for p in sorted(scan.iterdir()) for v in pydicom.dcmread(p).ImagePositionPatient]
    ds.save_as(tmp_path / "multi.dcm")
    assert_same(read(tmp_path / "multi.dcm"), volume)


def test_locations_of_frames(scan: Path, volume: CTVolume, tmp_path: Path) -> None:
    ds = multi_frame(scan, tmp_path / "multi.dcm")
    ds.SliceLocationVector = list(volume.slice_positions)
    ds.save_as(tmp_path / "multi.dcm")
    got = read(tmp_path / "multi.dcm")
    np.testing.assert_array_equal(got.hu, volume.hu)
    np.testing.assert_allclose(np.diff(got.slice_positions), np.diff(volume.slice_positions), atol=1e-3)
    assert got.warnings == ()


def test_a_distance_between_frames(scan: Path, volume: CTVolume, tmp_path: Path) -> None:
    ds = multi_frame(scan, tmp_path / "multi.dcm")
    ds.save_as(tmp_path / "multi.dcm")
    with pytest.raises(InputError, match="several frames and no position of each"):
        read(tmp_path / "multi.dcm")
    ds.SpacingBetweenSlices = float(np.diff(volume.slice_positions)[0])
    ds.save_as(tmp_path / "multi.dcm")
    got = read(tmp_path / "multi.dcm")
    np.testing.assert_array_equal(got.hu, volume.hu)
    np.testing.assert_allclose(np.diff(got.slice_positions), np.diff(volume.slice_positions), atol=1e-3)
    assert any("position of its first frame only" in w for w in got.warnings)


def test_enhanced_frames_in_any_order(scan: Path, volume: CTVolume, tmp_path: Path) -> None:
    enhanced(volume, scan, tmp_path / "multi.dcm")
    ds = pydicom.dcmread(tmp_path / "multi.dcm")
    order = np.random.default_rng(0).permutation(len(volume.hu)).tolist()
    size = len(ds.PixelData) // len(order)
    ds.PixelData = b"".join(ds.PixelData[n * size : (n + 1) * size] for n in order)
    ds.PerFrameFunctionalGroupsSequence = Sequence([ds.PerFrameFunctionalGroupsSequence[n] for n in order])
    ds.save_as(tmp_path / "multi.dcm")
    assert_same(read(tmp_path / "multi.dcm"), volume)


def test_enhanced_with_groups_of_some_frames_only(scan: Path, volume: CTVolume, tmp_path: Path) -> None:
    """Groups that a frame lacks are the shared ones; a frame without position is lost, and so is one without any group."""
    enhanced(volume, scan, tmp_path / "multi.dcm")
    ds = pydicom.dcmread(tmp_path / "multi.dcm")
    groups = ds.PerFrameFunctionalGroupsSequence  # from the top downwards
    rescale = groups[0].PixelValueTransformationSequence
    for n in (3, 7):
        del groups[n].PixelValueTransformationSequence
    ds.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence = rescale
    own = Dataset()
    own.ImageOrientationPatient = (
        ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
    )
    groups[5].PlaneOrientationSequence = Sequence([own])
    ds.save_as(tmp_path / "multi.dcm")
    assert_same(read(tmp_path / "multi.dcm"), volume)

    del groups[4].PlanePositionSequence
    ds.PerFrameFunctionalGroupsSequence = Sequence(list(groups)[:-1])  # the lowest slice
    ds.save_as(tmp_path / "multi.dcm")
    got = read(tmp_path / "multi.dcm")
    np.testing.assert_array_equal(got.hu, np.delete(volume.hu, [0, 9], axis=0))
    assert sum(x.slices or 0 for x in got.lost) == 2
    assert any("2 images of the series" in w for w in got.warnings)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("first", [0, 24, -1024])
def test_a_table_instead_of_slope_and_intercept(scan: Path, volume: CTVolume, signed: bool, first: int) -> None:
    if first < 0 and not signed:
        first = 40000  # as far as no sign is read into it

    def change(ds: Dataset, _: int) -> None:
        hu = np.frombuffer(ds.PixelData, "<i2").astype(int)
        ds.PixelData = ((hu + 1100 + first) & 0xFFFF).astype("<u2").tobytes()
        ds.PixelRepresentation = int(signed)
        table = Dataset()
        table.add_new("LUTDescriptor", "SS" if signed else "US", [3000, first, 16])
        table.ModalityLUTType = "HU"
        table.add_new("LUTData", "OW", (np.arange(3000) - 1100).astype("<i2").tobytes())
        ds.ModalityLUTSequence = Sequence([table])
        del ds.RescaleSlope, ds.RescaleIntercept
        ds.pop("PixelPaddingValue", None)

    assert_same(read(edit(scan, change)), volume)


@pytest.mark.parametrize("preamble", [True, False])
def test_big_endian(scan: Path, volume: CTVolume, preamble: bool) -> None:
    for path in scan.iterdir():
        ds = pydicom.dcmread(path)
        ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
        ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        pydicom.dcmwrite(path, ds, implicit_vr=False, little_endian=False)
        if not preamble:
            path.write_bytes(path.read_bytes()[132:])
    assert_same(read(scan), volume)


@pytest.mark.parametrize("preamble", [True, False])
def test_big_endian_without_meta_information(scan: Path, volume: CTVolume, preamble: bool) -> None:
    for path in scan.iterdir():
        ds = pydicom.dcmread(path)
        ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
        del ds.file_meta
        pydicom.dcmwrite(path, ds, implicit_vr=False, little_endian=False, enforce_file_format=False)
        content = path.read_bytes().removeprefix(bytes(128) + b"DICM")
        path.write_bytes(bytes(128) + b"DICM" + content if preamble else content)
    assert_same(read(scan), volume)


def test_one_value_of_pixel_spacing(scan: Path, volume: CTVolume) -> None:
    for path in scan.iterdir():
        ds = pydicom.dcmread(path)
        ds.PixelSpacing = ds.PixelSpacing[0]
        ds.save_as(path)
    assert_same(read(scan), volume)
