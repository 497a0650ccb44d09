"""NIfTI: where the image lies, by sform, qform or neither, and its number types."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from nifti_files import nifti, nifti_2, patched

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import read

ASSUMED = "orientation assumed, left and right may be exchanged"
STRAIGHT = np.diag([-0.5, -0.5, 5.0, 1.0])
STRAIGHT[:3, 3] = 60, 70, -20


def voxels(dtype: str = "<i2") -> np.ndarray:
    return np.random.default_rng(3).integers(0, 100, (9, 24, 20)).astype(dtype)


def turned(degrees: float, axis: int = 0, affine: np.ndarray = STRAIGHT) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation = np.roll(np.array([[1, 0, 0], [0, c, -s], [0, s, c]]), (axis, axis), (0, 1))
    out = affine.copy()
    out[:3] = rotation @ affine[:3]
    return out


def tilted(degrees: float = 15.0) -> np.ndarray:
    """The affine of a scan with a tilted gantry: the table moves along z all the same."""
    out = turned(degrees)
    out[:3, 2] = STRAIGHT[:3, 2]
    return out


@pytest.mark.parametrize("qform", ["nearest rotation", "in the plane", "none"])
def test_sheared_sform_gives_the_true_positions(tmp_path: Path, qform: str) -> None:
    """The qform beside it is its nearest rotation (nibabel) or has the axes of the slices (dcm2niix)."""
    affine = tilted()
    in_plane = turned(15)
    in_plane[2, 3] += 4  # the two need not have the same centre
    volume = read(
        nifti(
            tmp_path / "x.nii",
            voxels(),
            affine,
            (int(qform != "none"), 1),
            in_plane if qform == "in the plane" else None,
        )
    )
    np.testing.assert_allclose(volume.origins, affine[:3, 3] + np.arange(9)[:, None] * affine[:3, 2], atol=1e-4)
    np.testing.assert_allclose(volume.k, turned(15)[:3, 2] / 5, atol=1e-6)
    np.testing.assert_allclose(np.diff(volume.slice_positions), 5 * np.cos(np.radians(15)), atol=1e-4)
    np.testing.assert_array_equal(volume.hu, voxels())
    assert volume.warnings == ()


def test_shear_in_the_slices_is_refused(tmp_path: Path) -> None:
    affine = STRAIGHT.copy()
    affine[0, 1] = 0.05
    with pytest.raises(InputError, match=r"x\.nii has rows and columns that are not at right angles"):
        read(nifti(tmp_path / "x.nii", voxels(), affine))


def test_sagittal_slices_that_are_sheared(tmp_path: Path) -> None:
    """Stored with i along z: after the exchange of axes z is the sheared one."""
    affine = tilted()[:, [2, 0, 1, 3]]
    volume = read(nifti(tmp_path / "x.nii", np.ascontiguousarray(voxels().transpose(1, 2, 0)), affine))
    np.testing.assert_allclose(volume.k, turned(15)[:3, 2] / 5, atol=1e-6)
    np.testing.assert_array_equal(volume.hu, voxels())


@pytest.mark.parametrize("other", [turned(20, 2), turned(3), STRAIGHT, np.diag([-1, 1, 1, 1]) @ STRAIGHT])
def test_sform_and_qform_that_differ(tmp_path: Path, other: np.ndarray) -> None:
    other = other.copy()
    other[:3, 3] += 8
    volume = read(nifti(tmp_path / "x.nii", voxels(), STRAIGHT, (1, 1), other))
    np.testing.assert_allclose(volume.origins[0], STRAIGHT[:3, 3], atol=1e-4)
    assert any("sform and the qform of the file differ" in w and "the sform was used" in w for w in volume.warnings)


def test_small_differences_are_no_matter(tmp_path: Path) -> None:
    other = turned(0.3)
    assert read(nifti(tmp_path / "x.nii", voxels(), STRAIGHT, (1, 1), other)).warnings == ()


def test_sform_of_an_atlas_gives_way_to_the_scanner(tmp_path: Path) -> None:
    volume = read(nifti(tmp_path / "x.nii", voxels(), turned(20) * [[1.2], [1.2], [1.2], [1]], (1, 4), STRAIGHT))
    np.testing.assert_allclose(volume.origins[0], STRAIGHT[:3, 3], atol=1e-4)
    assert any("space of an atlas" in w for w in volume.warnings)


@pytest.mark.parametrize("codes", [(0, 4), (3, 0), (4, 3)])
def test_image_in_an_atlas(tmp_path: Path, codes: tuple[int, int]) -> None:
    warnings = read(nifti(tmp_path / "x.nii", voxels(), STRAIGHT, codes)).warnings
    assert warnings == ("The image lies in the space of an atlas: how the head lay in the scanner is not known.",)


def test_no_code_no_orientation(tmp_path: Path) -> None:
    volume = read(nifti(tmp_path / "x.nii", voxels(), STRAIGHT, (0, 0)))
    assert len(volume.warnings) == 1
    assert ASSUMED in volume.warnings[0]
    np.testing.assert_allclose(volume.row_step, [-0.5, 0, 0])


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -0.5])
@pytest.mark.parametrize("codes", [(1, 0), (0, 0)])
def test_voxel_sizes_that_are_none(tmp_path: Path, value: float, codes: tuple[int, int]) -> None:
    path = patched(nifti(tmp_path / "x.nii", voxels(), STRAIGHT, codes), 80, "<f", value)
    with pytest.raises(InputError, match=r"x\.nii does not say how large its voxels are"):
        read(path)
    path = patched(nifti(tmp_path / "x.nii", voxels(), STRAIGHT, (0, 1)), 80, "<f", value)
    assert any("(pixdim) of the file are damaged" in w for w in read(path).warnings)


@pytest.mark.parametrize(
    "rows", [np.zeros((3, 4)), np.full((3, 4), np.nan), np.ones((3, 4)), [[0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0, 0]]]
)
def test_sform_that_spans_no_volume(tmp_path: Path, rows: np.ndarray) -> None:
    broken = np.vstack([rows, [0, 0, 0, 1]])
    with pytest.raises(InputError, match=r"x\.nii has an sform that spans no volume"):
        read(nifti(tmp_path / "x.nii", voxels(), broken, (0, 1), STRAIGHT))
    volume = read(nifti(tmp_path / "x.nii", voxels(), broken, (1, 1), STRAIGHT))
    np.testing.assert_allclose(volume.origins[0], STRAIGHT[:3, 3], atol=1e-4)
    assert any("sform of the file is damaged" in w for w in volume.warnings)


def test_placeholders(tmp_path: Path) -> None:
    volume = read(nifti(tmp_path / "x.nii", voxels(), np.eye(4), (0, 1)))
    assert any("exactly 1 mm at the position 0" in w for w in volume.warnings)
    volume = read(nifti(tmp_path / "x.nii", voxels(), np.eye(4), (1, 1), STRAIGHT))
    np.testing.assert_allclose(volume.row_step, [-0.5, 0, 0], atol=1e-6)
    assert any("placeholder" in w for w in volume.warnings)
    with pytest.raises(InputError, match=r"x\.nii says that all of its 512 x 512 x 9 voxels are exactly 1 mm large"):
        read(nifti(tmp_path / "x.nii", np.zeros((9, 512, 512), np.int16), np.eye(4), (0, 1)))


@pytest.mark.parametrize(("code", "factor"), [(1, 1000.0), (2, 1.0), (3, 0.001), (0, 1.0)])
def test_units(tmp_path: Path, code: int, factor: float) -> None:
    affine = STRAIGHT.copy()
    affine[:3] /= factor
    path = patched(nifti(tmp_path / "x.nii", voxels(), affine), 123, "B", code | 8)
    np.testing.assert_allclose(read(path).col_step, [0, -0.5, 0], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "u1", "i1", "<u2", ">i4", "<u4", "<i8", ">u8", "<f4", ">f8"])
def test_number_types(tmp_path: Path, dtype: str) -> None:
    volume = read(nifti(tmp_path / "x.nii.gz", voxels(dtype), STRAIGHT))
    np.testing.assert_array_equal(volume.hu, voxels())
    np.testing.assert_allclose(volume.origins[-1], [60, 70, 20], atol=1e-4)


def test_scaling(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", voxels(), STRAIGHT)
    np.testing.assert_array_equal(read(patched(path, 112, "<2f", 2.0, -10.0)).hu, 2 * voxels() - 10)
    for slope in (0.0, np.nan):  # the standard's word for values that are not scaled
        np.testing.assert_array_equal(read(patched(path, 112, "<2f", slope, -10.0)).hu, voxels())
    for slope, intercept in ((np.inf, 0.0), (1.0, np.nan)):
        with pytest.raises(InputError, match=r"x\.nii is damaged"):
            read(patched(path, 112, "<2f", slope, intercept))


@pytest.mark.parametrize("dtype", ["<u2", "<f4", "<i4"])
def test_signs_that_were_lost(tmp_path: Path, dtype: str) -> None:
    values = voxels("<i4")
    values[:, :3] = -1000
    values[:, 3] = -2000
    volume = read(nifti(tmp_path / "x.nii", (values % 65536).astype(dtype), STRAIGHT))
    assert volume.padding is not None
    assert (volume.hu[:, :3] == -1000).all()
    assert volume.padding[:, 3].all()
    assert any(
        w == f"In 9 slices values had lost their sign ({9 * 4 * 20} pixels): they were put right."
        for w in volume.warnings
    )


def test_values_that_were_normalised(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.nii holds values between 0 and 0\.99, so it was normalised"):
        read(nifti(tmp_path / "x.nii", (voxels() / 100).astype("<f4"), STRAIGHT))


def test_refused_types(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.nii has data type 32"):
        read(nifti(tmp_path / "x.nii", voxels("<c8"), STRAIGHT))
    with pytest.raises(InputError, match=r"x\.nii is a colour"):
        read(patched(nifti(tmp_path / "x.nii", voxels(), STRAIGHT), 70, "<2h", 128, 24))
    (tmp_path / "no.nii").write_bytes(bytes(1000))
    with pytest.raises(InputError, match=r"no\.nii is damaged"):
        read(tmp_path / "no.nii")


def test_version_2_and_pairs(tmp_path: Path) -> None:
    one = read(nifti(tmp_path / "x.nii", voxels(), STRAIGHT))
    assert read(nifti_2(tmp_path / "two.nii", voxels(), STRAIGHT)).source.sha256 == one.source.sha256
    assert read(nifti(tmp_path / "pair.hdr", voxels(), STRAIGHT, pair=True)).source.sha256 == one.source.sha256
    (tmp_path / "pair.img").unlink()
    with pytest.raises(InputError, match=r"pair\.hdr is a header without its \.img file"):
        read(tmp_path / "pair.hdr")


def test_no_more_is_unpacked_than_the_header_says(tmp_path: Path) -> None:
    head = nifti(tmp_path / "x.nii", voxels(), STRAIGHT).read_bytes()
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(head + bytes(1 << 26), 1))
    with pytest.raises(InputError, match=r"bomb\.nii\.gz holds more voxels than the 20 x 24 x 9 that its header says"):
        read(tmp_path / "bomb.nii.gz")


def test_checksum_of_gzip(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii.gz", voxels(), STRAIGHT)
    path.write_bytes(path.read_bytes()[:-8] + struct.pack("<2I", 1, 2))
    with pytest.raises(InputError, match=r"x\.nii\.gz is damaged"):
        read(path)


@pytest.mark.parametrize(
    "dims",
    [
        (3, 1000, 1000, 1400),
        (3, 32767, 32767, 1400),
        (3, 512, 512, 32767),
        (3, -1, 512, 30),
        (3, 0, 512, 30),
        (9, 2, 2, 2),
        (-1, 2, 2, 2),
    ],
)
def test_sizes_that_are_too_large_or_none(tmp_path: Path, dims: tuple[int, ...]) -> None:
    """1000 x 1000 x 1400 float64 take 11 GB as they are stored."""
    path = patched(nifti(tmp_path / "x.nii", voxels("<f8"), STRAIGHT), 40, "<4h", *dims)
    with pytest.raises(InputError, match=r"x\.nii (is|has|says)"):
        read(path)
