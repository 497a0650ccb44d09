"""Whole scans whose words are not what their header says: read in the one way that fits, in DICOM and image files alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from nifti_files import nifti
from pydicom.dataset import Dataset
from test_volume_hounsfield import edit, stacked, stored

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, check, read
from HeadCTIQALib.volume.bits import unwrapped
from HeadCTIQALib.volume.scale import bone_cut_off, looks_like

BONE = (slice(20, 22), slice(30, 36), slice(40, 46))


@pytest.fixture(scope="module")
def volume(make_head: Callable[..., CTVolume]) -> CTVolume:
    """With bone of 1500 HU, beyond half of 12 bits."""
    head = make_head()
    hu = np.maximum(head.hu, -1024)
    hu[20:22, 29:37, 39:47] = 950
    hu[BONE] = 1500 + np.arange(6)
    return replace(head, hu=hu)


@pytest.fixture
def scan(volume: CTVolume, tmp_path: Path) -> Path:
    write_series(volume, tmp_path / "scan")
    return tmp_path / "scan"


WORDS: dict[str, tuple[Callable[[Dataset, np.ndarray], None], str]] = {
    "signed said to be unsigned": (lambda ds, hu: stored(ds, hu, intercept=0), "lost their sign"),
    "12 bits signed said to be unsigned": (
        lambda ds, hu: stored(ds, hu & 0xFFF, 12, intercept=0),
        "read as signed 12-bit values",
    ),
    "12 bits without the bits of the sign": (
        lambda ds, hu: stored(ds, hu & 0xFFF, intercept=0),
        "read as signed 12-bit values",
    ),
    "12 bits unsigned said to be signed": (
        lambda ds, hu: stored(ds, ((hu + 1024) ^ 0x800) - 0x800, signed=True),
        "lost their sign",
    ),
    "bytes exchanged": (
        lambda ds, hu: stored(ds, (hu & 0xFF) << 8 | (hu >> 8) & 0xFF, intercept=0, signed=True),
        "bytes of every value exchanged",
    ),
    "left-aligned": (lambda ds, hu: stored(ds, (hu + 1024) * 16), "read as left-aligned 12-bit values"),
    "left-aligned and signed": (
        lambda ds, hu: stored(ds, hu * 16, intercept=0, signed=True),
        "read as left-aligned 12-bit values",
    ),
}


@pytest.mark.parametrize(("words", "told"), WORDS.values(), ids=WORDS)
def test_dicom(scan: Path, volume: CTVolume, words: Callable[..., None], told: str) -> None:
    got = read(edit(scan, words))
    np.testing.assert_array_equal(got.hu, volume.hu)
    assert [w for w in got.warnings if told in w]
    assert got.lost == ()


IMAGES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str, float, str]] = {
    "signed said to be unsigned": (lambda hu: hu % 65536, "<u2", 0, "lost their sign"),
    "the same in floats": (lambda hu: hu % 65536, "<f4", 0, "lost their sign"),
    "12 bits without the bits of the sign": (lambda hu: hu & 0xFFF, "<u2", 0, "read as signed 12-bit values"),
    "left-aligned": (lambda hu: (hu + 1024) * 16, "<u2", -1024, "read as left-aligned 12-bit values"),
    "left-aligned, in floats": (lambda hu: (hu + 1024) * 16, "<f4", -1024, "read as left-aligned 12-bit values"),
}


@pytest.mark.parametrize(("words", "dtype", "intercept", "told"), IMAGES.values(), ids=IMAGES)
def test_images(
    tmp_path: Path, volume: CTVolume, words: Callable[..., np.ndarray], dtype: str, intercept: float, told: str
) -> None:
    affine = np.diag([-2.4, -2.4, 5.0, 1.0])
    affine[:3, 3] = volume.origins[0]
    values = words(volume.hu.astype(np.int32)).astype(dtype)
    path = nifti(tmp_path / "x.nii", values, affine)
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([1, intercept], "<f4").tobytes()
    path.write_bytes(content)
    got = read(path)
    np.testing.assert_array_equal(got.hu, volume.hu)
    assert [w for w in got.warnings if told in w]


@pytest.mark.parametrize("intercept", [0, -1024])
def test_air_noise_and_padding_of_an_image(tmp_path: Path, volume: CTVolume, intercept: int) -> None:
    """4091 for air noise of -5 and 63536 for a padding of -2000, as in DICOM."""
    hu = volume.hu.copy()
    hu[3:5, 5:7, 5:9] = -1024
    affine = np.diag([-2.4, -2.4, 5.0, 1.0])
    for harm, expected in ((4096 - 5, -1024 - 5), (65536 - 2000, None)):
        values = (hu + 1024).astype(np.int32)
        values[3:5, 5:7, 5:9] = harm
        path = nifti(tmp_path / "x.nii", (values if intercept else values - 1024).astype("<i4"), affine)
        content = bytearray(path.read_bytes())
        content[112:120] = np.array([1, intercept], "<f4").tobytes()
        path.write_bytes(content)
        got = read(path)
        if expected is None:
            assert got.padding is not None
            assert got.padding[3:5, 5:7, 5:9].all()
        else:
            assert (got.hu[3:5, 5:7, 5:9] == expected).all()
        assert any("lost their sign (16 pixels)" in w for w in got.warnings)


def test_dark_streaks_beside_metal_stay() -> None:
    hu = np.full((20, 20), 40, np.int32)
    hu[8:12, 4:16] = 9000
    hu[9:11, 8:12] = -3000  # between two crowns
    assert unwrapped(hu, hu)[1] == 0


def test_monochrome1_is_a_matter_of_display(scan: Path, volume: CTVolume) -> None:
    got = read(edit(scan, lambda ds, hu: setattr(ds, "PhotometricInterpretation", "MONOCHROME1")))
    np.testing.assert_array_equal(got.hu, volume.hu)
    assert got.warnings == ()


def test_high_bit_15_of_12(scan: Path, volume: CTVolume) -> None:
    for aligned in (16, 1):  # as the header says, and right-aligned nevertheless

        def change(ds: Dataset, hu: np.ndarray, factor: int = aligned) -> None:
            stored(ds, (hu + 1024) * factor, 12)
            ds.HighBit = 15

        write_series(volume, scan)
        np.testing.assert_array_equal(read(edit(scan, change)).hu, volume.hu)


@pytest.mark.parametrize(("tag", "dtype"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floats(scan: Path, volume: CTVolume, tag: str, dtype: str) -> None:
    for path in scan.iterdir():
        ds = pydicom.dcmread(path)
        values = np.frombuffer(ds.PixelData, "<i2").astype(dtype)
        del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
        ds.BitsAllocated, ds.RescaleSlope, ds.RescaleIntercept = 8 * values.itemsize, "1000", "0"
        setattr(ds, tag, (values / 1000).tobytes())
        ds.save_as(path)
    np.testing.assert_array_equal(read(scan).hu, volume.hu)


@pytest.mark.parametrize("high", [1000, 1500, 2000])
def test_bone_cut_off_is_told(make_head: Callable[..., CTVolume], high: int) -> None:
    head = make_head()
    skull = np.where(head.hu > 500, head.hu + np.random.default_rng(0).integers(0, 1600, head.shape), head.hu)
    assert not [w for w in check(stacked(head, skull)) if "cut off" in w]
    assert [w for w in check(stacked(head, skull.clip(-1024, high))) if f"Values are cut off at {high} HU" in w]


def test_twelve_bits_reach_3071() -> None:
    assert bone_cut_off(np.array([0] * 1000 + [3071] * 500, np.int16)) is None
    assert bone_cut_off(np.array([0] * 1000 + list(range(600, 1900)), np.int16)) is None


REASONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "intercept lost": (lambda hu: hu + 1024, "intercept lost"),
    "other intercept lost": (lambda hu: hu + 1000, "intercept lost"),
    "intercept twice": (lambda hu: hu - 1024, "applied twice"),
    "slope 2": (lambda hu: 2 * (hu + 1024) - 1024, "2 times too high"),
    "tenths": (lambda hu: 10 * (hu + 1024) - 1024, "10 times too high"),
    "slope of a half": (lambda hu: (hu + 1024) // 2 - 1024, "2 times too low"),
    "slope of a tenth": (lambda hu: hu // 10, "10 times too low"),
    "inverted": (lambda hu: 2000 - hu, "inverted"),
}


@pytest.mark.parametrize(("change", "reason"), REASONS.values(), ids=REASONS)
def test_the_reason_of_a_refusal(scan: Path, volume: CTVolume, change: Callable[..., np.ndarray], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        check(
            read(
                edit(
                    scan,
                    lambda ds, hu: stored(ds, change(hu.astype(int)).clip(-32768, 32767), intercept=0, signed=True),
                )
            )
        )


def test_no_slope_is_made_up() -> None:
    assert "times" not in looks_like(np.random.default_rng(0).integers(-32768, 32767, 10000).astype(np.int16))


@pytest.mark.parametrize(
    "tags",
    [
        ("BitsStored",),
        ("PixelRepresentation",),
        ("SamplesPerPixel",),
        ("PhotometricInterpretation",),
        ("BitsStored", "HighBit", "PixelRepresentation"),
    ],
)
@pytest.mark.parametrize("intercept", [0, -1024])
def test_tags_without_which_pixels_can_be_read(
    scan: Path, volume: CTVolume, tags: tuple[str, ...], intercept: int
) -> None:
    def change(ds: Dataset, hu: np.ndarray) -> None:
        stored(ds, hu - intercept, intercept=intercept, signed=intercept == 0)
        for tag in tags:
            delattr(ds, tag)

    np.testing.assert_array_equal(read(edit(scan, change)).hu, volume.hu)


def test_one_slice_with_its_bytes_exchanged(scan: Path, volume: CTVolume) -> None:
    got = read(
        edit(
            scan,
            lambda ds, hu: stored(ds, (hu & 0xFF) << 8 | (hu >> 8) & 0xFF, intercept=0, signed=True),
            slice(14, 15),
        )
    )
    np.testing.assert_array_equal(got.hu, volume.hu)
    assert any("1 slice did not fit" in w and "bytes" in w for w in got.warnings)


def test_slices_at_an_end_that_are_twice_too_high_are_lost(scan: Path, volume: CTVolume) -> None:
    got = read(edit(scan, lambda ds, hu: stored(ds, 2 * (hu + 1024)), slice(0, 4)))
    assert [(x.reason, x.slices, x.low_mm) for x in got.lost] == [
        ("4 slices are in other units than the slices beside", 4, None)
    ]
