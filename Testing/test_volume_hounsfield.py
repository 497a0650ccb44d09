"""Values that cannot be HU: repaired where one reading fits, left out or refused otherwise, and always told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.metrics.unmeasurable import coarse_values
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import Acquisition, CTVolume, Source, check, read
from HeadCTIQALib.volume.bits import significant
from HeadCTIQALib.volume.geometry import Stack

METAL = (slice(20, 22), slice(40, 44), slice(40, 44))


@pytest.fixture(scope="module")
def volume(make_head: Callable[..., CTVolume]) -> CTVolume:
    head = make_head(padding=True)
    hu = head.hu.copy()
    hu[METAL] = 9000
    hu[hu == -1024] = -1023
    hu[head.padding] = -1024
    hu[5, 47, 1:4] = -1030  # air noise below the least unsigned value
    return replace(head, hu=hu)


@pytest.fixture
def scan(volume: CTVolume, tmp_path: Path) -> Path:
    write_series(volume, tmp_path / "scan")
    return tmp_path / "scan"


def stored(ds: Dataset, words: np.ndarray, bits: int = 16, intercept: int = -1024, signed: bool = False) -> None:
    ds.PixelData = (words & 0xFFFF).astype("<u2").tobytes()
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, int(signed)
    ds.RescaleIntercept = str(intercept)
    ds.pop("PixelPaddingValue", None)


def edit(scan: Path, change: Callable[[Dataset, np.ndarray], None], which: slice = slice(None)) -> Path:
    for path in sorted(scan.iterdir())[which]:
        ds = pydicom.dcmread(path)
        change(ds, np.frombuffer(ds.PixelData, "<i2").reshape(ds.Rows, ds.Columns).astype(np.int32))
        ds.save_as(path)
    return scan


@pytest.mark.parametrize("tag", [True, False])
def test_padding_and_air_that_lost_their_sign(scan: Path, volume: CTVolume, tag: bool) -> None:
    def change(ds: Dataset, hu: np.ndarray) -> None:
        stored(ds, np.where(hu == -3024, -2000, hu + 1024))
        if tag:
            ds.add_new("PixelPaddingValue", "US", 63536)

    got = read(edit(scan, change))
    np.testing.assert_array_equal(got.hu, volume.hu)
    np.testing.assert_array_equal(got.padding, volume.padding)
    assert [w for w in got.warnings if "lost their sign" in w]


def test_twelve_bits(scan: Path, volume: CTVolume) -> None:
    """Air noise below 0 wraps to 4095, overlays lie in spare bits, and metal is beyond what the header allows."""

    def change(ds: Dataset, hu: np.ndarray) -> None:
        words = np.where(hu == -3024, 0, hu + 1024)
        words = np.where(words < 0, words + 4096, words)
        words[10:12, 10:30] |= 0x8000
        stored(ds, words, bits=12)

    got = read(edit(scan, change))
    expected = volume.hu.copy()
    expected[METAL] = (9000 + 1024) % 4096 - 1024  # with an overlay in the same slices the standard's word counts
    different = np.argwhere(got.hu != expected)
    assert len(different) == 0 or {int(k) for k in different[:, 0]} <= {20, 21}


def test_metal_beyond_the_bits_stored() -> None:
    words = np.full((20, 20), 1060, np.uint16)
    words[8:12, 8:12] = [
        [3500, 4090, 4090, 3500],
        [4090, 9000, 9000, 4090],
        [4090, 9000, 9000, 4090],
        [3500, 4090, 4090, 3500],
    ]
    np.testing.assert_array_equal(significant(words, 12, 11), words)
    overlay = words.copy()
    overlay[words == 9000] = 1060
    overlay[2, 3:15] |= 0x4000
    np.testing.assert_array_equal(significant(overlay, 12, 11), overlay & 0xFFF)
    np.testing.assert_array_equal(
        significant((words & 0xFFF) << 4, 12, 15), words & 0xFFF
    )  # left-aligned, as the header says
    np.testing.assert_array_equal(
        significant(words & 0xFFF, 12, 15), words & 0xFFF
    )  # the header says so, the values do not


FAULTS: dict[str, Callable[[Dataset, np.ndarray], None]] = {
    "no intercept": lambda ds, hu: (stored(ds, hu.clip(-1024) + 1024), ds.pop("RescaleIntercept"))[0],
    "slope 0": lambda ds, hu: setattr(ds, "RescaleSlope", "0"),
    "slope 2": lambda ds, hu: setattr(ds, "RescaleSlope", "2"),
    "intercept 100 off": lambda ds, hu: setattr(ds, "RescaleIntercept", "100"),
    "stored 1024 higher": lambda ds, hu: stored(ds, hu.clip(-1024) + 1024, intercept=0, signed=True),
    "stored 1000 higher": lambda ds, hu: stored(ds, hu.clip(-1024) + 1000, intercept=0, signed=True),
    "left-aligned": lambda ds, hu: stored(ds, hu.clip(-1024, 1023) * 16, intercept=0, signed=True),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_slices_in_other_units_are_read_like_their_neighbours(
    scan: Path, volume: CTVolume, fault: Callable[..., None]
) -> None:
    got = read(edit(scan, fault, slice(14, 17)))
    assert got.lost == ()
    assert any("3 slices did not fit the slices beside them" in w for w in got.warnings)
    np.testing.assert_array_equal(got.hu[14:17][~got.padding[14:17]], volume.hu[14:17][~got.padding[14:17]])
    np.testing.assert_array_equal(got.hu[:14], volume.hu[:14])


@pytest.mark.parametrize(
    "fault",
    [lambda hu: 3000 - hu, lambda hu: 3 * hu + 500, lambda hu: np.random.default_rng(0).integers(0, 3000, hu.shape)],
)
def test_slices_that_nothing_explains_are_lost(scan: Path, volume: CTVolume, fault: Callable[..., np.ndarray]) -> None:
    got = read(edit(scan, lambda ds, hu: stored(ds, fault(hu.clip(-1024)), intercept=0, signed=True), slice(14, 15)))
    assert [(x.reason, x.slices) for x in got.lost] == [("1 slice is in other units than the slices beside", 1)]
    np.testing.assert_array_equal(got.hu, np.delete(volume.hu, 14, axis=0))


def test_most_slices_without_rescale_are_refused(scan: Path) -> None:
    edit(scan, FAULTS["no intercept"], slice(0, 36))
    with pytest.raises(InputError, match="not in HU"):
        check(read(scan))


def test_slope_0_is_the_reason(scan: Path) -> None:
    with pytest.raises(InputError, match="RescaleSlope is 0"):
        read(edit(scan, FAULTS["slope 0"]))


def test_extended_and_sharp_values_stay(scan: Path, volume: CTVolume) -> None:
    """A sharp kernel's noise and -8192..30000 HU are no faults."""
    rng = np.random.default_rng(2)
    hu = (volume.hu + rng.normal(0, 120, volume.shape)).clip(-1900, 30000).astype(np.int16)
    hu[METAL] = 30000
    hu[10, 40:44, 40:44] = -1900
    write_series(replace(volume, hu=hu), scan)
    got = read(scan)
    np.testing.assert_array_equal(got.hu[~volume.padding], hu[~volume.padding])
    assert got.warnings == ()


def stacked(volume: CTVolume, hu: np.ndarray) -> CTVolume:
    return Stack(hu.astype(np.int16), volume.origins, volume.row_step, volume.col_step).volume(
        Acquisition(), Source("memory", "head"), ()
    )


@pytest.mark.parametrize("value", [0, 48, 1072])
def test_another_value_than_air_outside_the_circle_is_padding(volume: CTVolume, value: int) -> None:
    got = stacked(volume, np.where(volume.padding, value, volume.hu))
    np.testing.assert_array_equal(got.hu, volume.hu)
    np.testing.assert_array_equal(got.padding, volume.padding)
    assert f"holds {value} instead of the -1000 of air" in got.warnings[0]


@pytest.mark.parametrize("window", [(0, 80), (-100, 200), (-1024, 255), (-160, 240), (-100, 1000)])
def test_values_cut_off_at_a_window_are_refused(head_volume: CTVolume, window: tuple[int, int]) -> None:
    volume = stacked(head_volume, head_volume.hu.clip(*window))
    with pytest.raises(InputError, match=f"cut off at {window[0]}" if window[0] > -1000 else "cut off at .* and 255"):
        check(volume)


def test_reasons_why_a_volume_is_not_in_hu(head_volume: CTVolume) -> None:
    for hu, words in (
        ((head_volume.hu.clip(-1024) + 1024) * 16 - 1024, "multiples of 16"),
        (2000 - head_volume.hu.astype(int), "inverted"),
        (head_volume.hu.astype(int) + 1024, "intercept lost"),
    ):
        with pytest.raises(InputError, match=words):
            check(replace(head_volume, hu=hu.clip(-32768, 32767).astype(np.int16)))


def test_coarse_steps_hide_noise(head_volume: CTVolume) -> None:
    coarse = replace(head_volume, hu=(np.rint(head_volume.hu / 10) * 10).astype(np.int16))
    assert any("steps of 10" in w for w in check(coarse))
    assert set(coarse_values(coarse, None)) == {"noise", "gray_white_cnr"}
    assert coarse_values(head_volume, None) == {}
    assert not any("steps" in w for w in check(head_volume))
