"""NIfTI, NRRD and MetaImage: every axis order gives the same voxels at the same places in the world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import CTVolume, read
from HeadCTIQALib.volume.geometry import Stack, distinct_order, is_even, missing_slices, upright
from HeadCTIQALib.volume.images import image_kind

LPS = np.diag([-1.0, -1.0, 1.0])


def save(volume: CTVolume, path: Path, order: str = "IJK", dtype: type = np.int16) -> Path:
    """Write `volume` with its axes in `order` (first letter fastest; a minus sign turns that axis round)."""
    steps = {"I": volume.row_step, "J": volume.col_step, "K": np.diff(volume.origins, axis=0).mean(0)}
    array, origin = volume.hu.astype(dtype), volume.origins[0].copy()
    letters = order.replace("-", "")
    array = np.transpose(array, ["KJI".index(a) for a in letters[::-1]])
    for position, letter in enumerate(letters):
        if f"-{letter}" in order:
            axis = 2 - position
            origin = origin + steps[letter] * (array.shape[axis] - 1)
            array, steps[letter] = np.flip(array, axis), -steps[letter]
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    columns = LPS @ np.stack([steps[a] for a in letters], axis=1)
    spacing = np.linalg.norm(columns, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((columns / spacing).ravel().tolist())
    image.SetOrigin((LPS @ origin).tolist())
    sitk.WriteImage(image, str(path))
    return path


def assert_same_world(got: CTVolume, volume: CTVolume) -> None:
    """Every voxel of `volume` lies in `got` at the same place with the same value."""
    index = np.stack(
        np.meshgrid(*(np.arange(n)[:: max(1, n // 7)] for n in volume.shape[::-1]), indexing="ij"), -1
    ).reshape(-1, 3)
    there = got.ras_to_ijk(volume.ijk_to_ras(index))
    np.testing.assert_allclose(there, np.rint(there), atol=1e-3)
    i, j, k = np.rint(there).astype(int).T
    np.testing.assert_array_equal(got.hu[k, j, i], volume.hu[index[:, 2], index[:, 1], index[:, 0]])
    assert abs(got.k[2]) > 0.7


@pytest.fixture
def volume(make_head: Callable[..., CTVolume]) -> CTVolume:
    return make_head(slices=20, matrix=24, pixel_mm=9.0, spacing_mm=8.0, noise_hu=30.0)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_formats(volume: CTVolume, tmp_path: Path, ending: str) -> None:
    fractions: list[float] = []
    got = read(save(volume, tmp_path / f"head{ending}"), progress=fractions.append)
    np.testing.assert_array_equal(got.hu, volume.hu)
    np.testing.assert_allclose(got.origins, volume.origins, atol=1e-4)
    assert got.source.name in ("NIfTI image", "NRRD image", "MetaImage"), "the name of the file may be the patient's"
    assert read(tmp_path / f"head{ending}", keep_name=True).source.name == f"head{ending}"
    assert got.source.kind in {"nifti", "nrrd", "metaimage"}
    assert got.source.sha256
    assert got.warnings == ()
    assert got.hu.flags.c_contiguous
    assert fractions == [1.0]


@pytest.mark.parametrize("order", ["IJ-K", "-IJK", "I-J-K", "KJI", "JKI", "-KJ-I", "IKJ", "J-KI", "JIK"])
def test_axis_orders(volume: CTVolume, tmp_path: Path, order: str) -> None:
    got = read(save(volume, tmp_path / "head.nrrd", order))
    assert_same_world(got, volume)
    assert any("axes were exchanged" in w for w in got.warnings) == (not order.replace("-", "").endswith("K"))


def test_sheared_nrrd_keeps_its_tilt(make_head: Callable[..., CTVolume], tmp_path: Path) -> None:
    tilted = make_head(slices=20, matrix=24, pixel_mm=9.0, spacing_mm=8.0, tilt_deg=18.5)
    got = read(save(tilted, tmp_path / "tilted.nrrd"))
    assert_same_world(got, tilted)
    np.testing.assert_allclose(got.k, tilted.k, atol=1e-6)


def test_float_nifti_is_rounded_and_nan_is_padding(volume: CTVolume, tmp_path: Path) -> None:
    image = sitk.ReadImage(str(save(volume, tmp_path / "head.nii", dtype=np.float32)))
    values = sitk.GetArrayFromImage(image) + np.float32(0.3)
    values[2, :3, :] = np.nan
    values[3, 0, 0], values[3, 0, 1], values[3, 0, 2] = np.inf, 99999, -3024
    out = sitk.GetImageFromArray(values)
    out.CopyInformation(image)
    sitk.WriteImage(out, str(tmp_path / "nan.nii.gz"))
    got = read(tmp_path / "nan.nii.gz")
    assert got.padding is not None
    assert got.padding.sum() == 3 * 24 + 3
    assert (got.hu[got.padding] == -1024).all()
    np.testing.assert_array_equal(got.hu[4:], volume.hu[4:])
    assert any("74 voxels with NaN" in w for w in got.warnings)


def test_mostly_nan_is_refused(tmp_path: Path) -> None:
    values = np.full((10, 12, 12), np.nan, np.float32)
    values[:4] = 0
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "mostly.nii"))
    with pytest.raises(InputError, match=r"mostly\.nii is 60 % NaN"):
        read(tmp_path / "mostly.nii")


@pytest.mark.parametrize(
    ("shape", "vector", "message"),
    [
        ((16, 16), False, "2-D"),
        ((1, 16, 16), False, "2-D"),
        ((3, 10, 16, 16), False, "4-D"),
        ((10, 16, 16, 3), True, "colour"),
    ],
)
def test_wrong_dimensions(tmp_path: Path, shape: tuple[int, ...], vector: bool, message: str) -> None:
    image = sitk.GetImageFromArray(np.zeros(shape, np.int16), isVector=vector)
    sitk.WriteImage(image, str(tmp_path / "odd.nrrd"))
    with pytest.raises(InputError, match=rf"odd\.nrrd is .*{message}"):
        read(tmp_path / "odd.nrrd")


def test_4d_of_one_time_point_is_read(volume: CTVolume, tmp_path: Path) -> None:
    image = sitk.ReadImage(str(save(volume, tmp_path / "head.nii")))
    sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / "one.nii.gz"))
    np.testing.assert_array_equal(read(tmp_path / "one.nii.gz").hu, volume.hu)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize("size", [(24, 24, 20), (24, 24, 1)])
def test_several_time_points(tmp_path: Path, ending: str, size: tuple[int, int, int]) -> None:
    image = sitk.Image(size, sitk.sitkInt16)
    path = tmp_path / f"time{ending}"
    sitk.WriteImage(sitk.JoinSeries([image] * 3), str(path))
    with pytest.raises(
        InputError, match=rf"is 4-D \(24 x 24 x {size[2]} x 3\), not one volume; give a single time point"
    ):
        read(path)
    sitk.WriteImage(sitk.JoinSeries([sitk.Image((24, 24, 20), sitk.sitkInt16)]), str(path))
    assert read(path).shape == (20, 24, 24), "a single one is a volume"


@pytest.mark.parametrize(
    "name", ["garbage.nii.gz", "garbage.nii", "garbage.nrrd", "garbage.mha", "garbage.mhd", "garbage.nhdr"]
)
def test_garbage(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(InputError, match=f"{name} is damaged"):
        read(tmp_path / name)


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_truncated(volume: CTVolume, tmp_path: Path, ending: str) -> None:
    path = save(volume, tmp_path / f"cut{ending}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=rf"cut{ending} is damaged"):
        read(path)


def test_header_without_its_data_file(volume: CTVolume, tmp_path: Path) -> None:
    save(volume, tmp_path / "head.mhd")
    next(p for p in tmp_path.iterdir() if p.suffix != ".mhd").unlink()
    with pytest.raises(InputError, match=r"head\.mhd: its data file head\.raw does not exist"):
        read(tmp_path / "head.mhd")


def test_series_makes_no_sense_for_an_image(volume: CTVolume, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"head\.nii holds a single image"):
        read(save(volume, tmp_path / "head.nii"), series="1.2.3")


def test_kind_by_name() -> None:
    assert image_kind(Path("A.NII.GZ")) == "nifti"
    assert image_kind(Path("a.dcm")) is None


# ---- geometry against hand-made positions -----------------------------------------------------------------------------


def test_world_positions_of_a_tilted_uneven_scan(make_head: Callable[..., CTVolume]) -> None:
    t = np.deg2rad(20)
    table = np.array([0.0, 4.0, 8.0, 15.0])
    volume = make_head(matrix=11, pixel_mm=2.0, tilt_deg=20, positions=table)
    for k, z in enumerate(table):
        expected = np.array([-2.0 * (7 - 5), -2.0 * np.cos(t) * (9 - 5), z - 2.0 * np.sin(t) * (9 - 5)])
        np.testing.assert_allclose(volume.ijk_to_ras(np.array([7.0, 9.0, k])), expected, atol=1e-12)
        np.testing.assert_allclose(volume.ras_to_ijk(expected), [7, 9, k], atol=1e-9)
    np.testing.assert_allclose(np.diff(volume.slice_positions), np.cos(t) * np.diff(table))
    np.testing.assert_allclose(volume.ijk_to_ras(np.array([5.0, 5.0, 2.5])), [0, 0, 11.5], atol=1e-12)


def test_duplicates_keep_the_first_given() -> None:
    z = np.array([10.0, 0.0, 5.0, 5.004, 0.0, 15.0])
    origins = np.stack([0 * z, 0 * z, z], axis=1)
    assert distinct_order(origins, np.array([0, 0, 1.0])) == ([1, 2, 0, 5], [3, 4])


def test_missing_slices_are_told_from_a_change_of_spacing() -> None:
    even = np.arange(12) * 5.0
    assert missing_slices(even) == []
    assert missing_slices(np.delete(even, [4, 5])) == [(15.0, 30.0)]
    assert missing_slices(np.delete(even, 1)) == [(0.0, 10.0)]
    assert missing_slices(np.r_[np.arange(10) * 4.0, 37.08 + np.arange(10) * 7.0]) == []
    assert missing_slices(np.array([0, 5.0, 20])) == []  # too few to say


def test_uneven_reformats_cannot_be_turned() -> None:
    x = np.array([0.0, 3.0, 4.0, 9.0])
    origins = np.stack([x, 0 * x, 0 * x], axis=1)
    assert not is_even(origins)
    with pytest.raises(ValueError, match="not evenly spaced"):
        upright(Stack(np.zeros((4, 5, 6), np.int16), origins, np.array([0, 1.0, 0]), np.array([0, 0, -1.0])))


def test_turning_carries_the_padding_along(volume: CTVolume) -> None:
    hu = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    origins = np.arange(4)[:, None] * np.array([2.0, 0, 0])
    got, turned = upright(Stack(hu, origins, np.array([0, 1.0, 0]), np.array([0, 0, -3.0]), hu > 60))
    assert turned
    assert got.padding is not None
    np.testing.assert_array_equal(got.padding, got.voxels > 60)
    assert got.voxels.shape == (5, 6, 4)
    np.testing.assert_allclose(got.origins[-1] - got.origins[0], [0, 0, 12])  # slices now rise
