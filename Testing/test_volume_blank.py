"""Slices and margins that hold no patient are no image, whatever they hold and whichever reader finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import Acquisition, CTVolume, Source, read
from HeadCTIQALib.volume.geometry import Stack

SPACING = 5.0


@pytest.fixture
def cut(make_head: Callable[..., CTVolume]) -> CTVolume:
    """A head that ends 34 mm below its vertex."""
    whole = make_head()
    keep = whole.slice_positions <= 70
    return replace(whole, hu=whole.hu[keep].copy(), origins=whole.origins[keep])


def extended(volume: CTVolume, above: np.ndarray, below: np.ndarray | None = None) -> CTVolume:
    """`volume` with more slices above and below it."""
    below = np.empty((0, *volume.shape[1:]), np.int16) if below is None else below
    steps = np.arange(-len(below), volume.shape[0] + len(above))[:, None] * [0, 0, SPACING]
    return replace(
        volume, hu=np.concatenate([below, volume.hu, above]).astype(np.int16), origins=volume.origins[0] + steps
    )


def through_stack(volume: CTVolume) -> CTVolume:
    return Stack(volume.hu, volume.origins, volume.row_step, volume.col_step, volume.padding).volume(
        Acquisition(), Source("memory", "x"), ()
    )


def through_dicom(volume: CTVolume, folder: Path) -> CTVolume:
    write_series(volume, folder)
    return read(folder)


def through_nifti(volume: CTVolume, folder: Path) -> CTVolume:
    image = sitk.GetImageFromArray(volume.hu)
    image.SetSpacing((*volume.pixel_spacing[::-1], SPACING))
    image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, 1))
    image.SetOrigin([float(v) for v in volume.origins[0] * [-1, -1, 1]])
    folder.mkdir()
    sitk.WriteImage(image, str(folder / "head.nii.gz"))
    return read(folder / "head.nii.gz")


@pytest.mark.parametrize("reader", [through_dicom, through_nifti])
@pytest.mark.parametrize("value", [-1024, -1000, 0, -2048, -3024, 40])
def test_blank_slices_are_dropped(cut: CTVolume, tmp_path: Path, reader: Callable[..., CTVolume], value: int) -> None:
    blank = np.full((4, *cut.shape[1:]), value, np.int16)
    got = reader(extended(cut, blank, blank[:2]), tmp_path / "scan")
    np.testing.assert_array_equal(got.hu, cut.hu)
    np.testing.assert_allclose(got.slice_positions, cut.slice_positions, atol=1e-3)
    text = " ".join(got.warnings)
    assert "4 blank slices above" in text
    assert "2 blank slices below" in text
    assert got.lost == ()


@pytest.mark.parametrize(("level", "noise"), [(-1000.0, 8.0), (0.0, 1.0), (-1024.0, 0.6)])
def test_a_head_that_ends_in_a_plane_is_cut_whatever_lies_above(cut: CTVolume, level: float, noise: float) -> None:
    above = np.rint(np.random.default_rng(1).normal(level, noise, (5, *cut.shape[1:])))
    got = through_stack(extended(cut, above))
    np.testing.assert_array_equal(got.hu, cut.hu)
    assert len(got.warnings) == 1
    assert "5 " in got.warnings[0]
    assert "above" in got.warnings[0]


def test_air_set_to_one_value_above_a_whole_head_stays(make_head: Callable[..., CTVolume]) -> None:
    """Masked scans have no noise in air: slices above the vertex are air that was imaged, until the head ends in a plane."""
    whole = make_head(slices=46)
    masked = np.where(whole.hu < -500, -1000, whole.hu).astype(np.int16)
    assert (masked[-1] == -1000).all()
    got = through_stack(replace(whole, hu=masked))
    assert got.shape == whole.shape
    assert got.warnings == ()
    masked = masked.copy()
    masked[34:] = -1000
    got = through_stack(replace(whole, hu=masked))
    assert got.shape[0] == 34
    assert "12 blank slices above" in got.warnings[0]


def test_real_air_above_a_head_stays(make_head: Callable[..., CTVolume]) -> None:
    whole = make_head(slices=50)
    got = through_stack(whole)
    assert got.shape == whole.shape
    assert got.warnings == ()


def test_corners_of_a_resampled_volume_are_dropped(make_head: Callable[..., CTVolume]) -> None:
    """Turned by 15 degrees, the slices at the ends hold a corner of what was imaged."""
    volume = make_head(slices=60, spacing_mm=4.0)
    j = np.arange(volume.shape[1])
    height = volume.slice_positions[:, None] + np.tan(np.deg2rad(15)) * (j - j.mean())[None] * volume.pixel_spacing[0]
    outside = np.broadcast_to((np.abs(height) > 80)[:, :, None], volume.shape)
    got = through_stack(replace(volume, hu=np.where(outside, -1024, volume.hu).astype(np.int16)))
    share = (got.hu == -1024).mean(axis=(1, 2))
    assert share.max() < 0.7
    assert got.shape[0] >= 38
    assert any("mostly blank" in w or "blank slices" in w for w in got.warnings)
    assert got.lost == ()


def test_blank_slices_inside_are_lost(make_head: Callable[..., CTVolume], tmp_path: Path) -> None:
    whole = make_head()
    hu = whole.hu.copy()
    hu[[12, 13, 20]] = -1024
    got = through_nifti(replace(whole, hu=hu), tmp_path / "scan")
    assert got.shape[0] == 37
    places = [(x.reason, x.slices, x.low_mm, x.high_mm) for x in got.lost]
    z = whole.slice_positions
    assert places == [
        ("2 slices are blank", 2, pytest.approx(z[11], abs=1e-3), pytest.approx(z[14], abs=1e-3)),
        ("1 slice is blank", 1, pytest.approx(z[19], abs=1e-3), pytest.approx(z[21], abs=1e-3)),
    ]
    assert any("2 slices are blank, between" in w for w in got.warnings)
    hu = hu.copy()
    hu[5:25] = 0
    with pytest.raises(InputError, match="20 of 40 slices are lost"):
        through_stack(replace(whole, hu=hu))


@pytest.mark.parametrize("value", [0, -1024])
def test_a_slice_written_in_part_is_lost(make_head: Callable[..., CTVolume], value: int) -> None:
    whole = make_head()
    hu = whole.hu.copy()
    hu[18, 50:] = value
    got = through_stack(replace(whole, hu=hu))
    assert [x.reason for x in got.lost] == ["1 slice is blank in part"]
    np.testing.assert_array_equal(got.hu, np.delete(whole.hu, 18, axis=0))


def test_margins_do_not_move_the_centre(make_head: Callable[..., CTVolume]) -> None:
    whole = make_head()
    hu = np.pad(whole.hu, ((0, 0), (0, 0), (30, 0)), constant_values=-1024)
    got = through_stack(replace(whole, hu=hu, origins=whole.origins - 30 * whole.row_step))
    np.testing.assert_array_equal(got.hu, whole.hu)
    np.testing.assert_allclose(got.image_centres, whole.image_centres)
    assert "blank margins" in got.warnings[0]
    even = np.pad(whole.hu, ((0, 0), (20, 20), (30, 30)), constant_values=-1024)
    assert through_stack(replace(whole, hu=even)).warnings == ()
    masked = np.where(whole.hu < -500, -1000, whole.hu).astype(np.int16)[:, :, 12:]
    assert through_stack(replace(whole, hu=masked)).shape == masked.shape  # the edge of the image cannot be seen


def test_noise_between_slices_of_the_head_is_no_slice(make_head: Callable[..., CTVolume]) -> None:
    whole = make_head()
    hu, middle = whole.hu.copy(), whole.shape[0] // 2
    hu[middle : middle + 2] = np.random.default_rng(0).normal(-1000, 15, (2, *hu.shape[1:]))
    got = through_stack(replace(whole, hu=hu))
    assert got.shape[0] == whole.shape[0] - 2
    assert [(x.reason, x.slices) for x in got.lost] == [("2 slices are blank", 2)]
    assert through_stack(whole).lost == ()


@pytest.mark.parametrize("copies", [slice(10, 11), slice(-4, None)], ids=["inside", "at the top"])
def test_the_same_slice_again_is_a_lost_slice(make_head: Callable[..., CTVolume], copies: slice) -> None:
    whole = make_head()
    hu = whole.hu.copy()
    count = len(hu[copies])
    hu[copies] = hu[np.arange(len(hu))[copies][0] - 1]
    got = through_stack(replace(whole, hu=hu))
    assert got.shape[0] == whole.shape[0] - count
    assert [x.slices for x in got.lost] == [count]
    assert "cop" in got.lost[0].reason
