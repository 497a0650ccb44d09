"""Slices that are not what a scanner made of this head at their place are lost, whichever way they came there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from HeadCTIQALib.volume import Acquisition, CTVolume, Source, read
from HeadCTIQALib.volume.geometry import Stack

pytestmark = pytest.mark.shared
AT = 40  # through the ventricles of a head of 80 slices
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def scan(shared_ct: Path) -> CTVolume:
    """A whole head on every second pixel, which is quicker; its padding is as good as air."""
    whole = read(shared_ct / "ge-vct-tumour")
    return replace(
        whole, hu=whole.hu[:, ::2, ::2].copy(), row_step=2 * whole.row_step, col_step=2 * whole.col_step, padding=None
    )


def through_stack(volume: CTVolume, hu: np.ndarray) -> CTVolume:
    return Stack(hu, volume.origins, volume.row_step, volume.col_step).volume(Acquisition(), Source("memory", "x"), ())


def lost(volume: CTVolume, hu: np.ndarray) -> list[int]:
    """Slices of ``volume`` that are not in what is read from ``hu``; all of them are told."""
    got = through_stack(volume, hu)
    gone = sorted(
        set(range(len(hu))) - set(np.searchsorted(volume.slice_positions, got.slice_positions - 0.01).tolist())
    )
    assert sum(x.slices or 0 for x in got.lost) == len(gone)
    return gone


def striped(plane: np.ndarray, first: int, every: int, value: int, axis: int) -> np.ndarray:
    spoiled = plane.copy()
    spoiled[np.indices(plane.shape)[axis] // first % every == 0] = value
    return spoiled


SPOILED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mirrored": lambda s: s[:, ::-1],
    "upside down": lambda s: s[::-1],
    "turned by 90 degrees": np.rot90,
    "turned by 180 degrees": lambda s: s[::-1, ::-1],
    "shifted": lambda s: np.roll(s, 30, 1),
    "shifted up": lambda s: np.roll(s, -40, 0),
    "smoothed": lambda s: ndimage.gaussian_filter(s.astype(float), 1.0),
    "smoothed a lot": lambda s: ndimage.gaussian_filter(s.astype(float), 4.0),
    "24 HU higher": lambda s: s + 24,
    "100 HU higher": lambda s: s + 100,
    "1000 HU higher": lambda s: s + 1000,
    "every other line": lambda s: striped(s, 1, 2, 0, 0),
    "every other column": lambda s: striped(s, 1, 2, -1000, 1),
    "wide stripes": lambda s: striped(s, 8, 2, -1000, 0),
    "a chequerboard": lambda s: np.where((np.indices(s.shape) // 16).sum(0) % 2, 1000, -1000),
}


@pytest.mark.parametrize("how", SPOILED.values(), ids=SPOILED)
def test_a_slice_that_is_no_image_of_its_place(scan: CTVolume, how: Callable[[np.ndarray], np.ndarray]) -> None:
    hu = scan.hu.copy()
    hu[AT] = np.rint(how(hu[AT]))
    assert lost(scan, hu) == [AT]


@pytest.mark.parametrize("noise", [2.0, 15.0])
@pytest.mark.parametrize("of", [AT - 1, AT + 1, AT + 20])
def test_a_copy_with_noise(scan: CTVolume, of: int, noise: float) -> None:
    hu = scan.hu.copy()
    hu[AT] = np.clip(hu[of] + np.rint(RNG.normal(0, noise, hu[of].shape)), -1024, 3071)
    assert lost(scan, hu) == [AT]


@pytest.mark.parametrize("apart", [1, 2, 3])
def test_exchanged_slices(scan: CTVolume, apart: int) -> None:
    hu = scan.hu.copy()
    hu[[AT, AT + apart]] = hu[[AT + apart, AT]]
    assert lost(scan, hu) == [AT, AT + apart]


def test_a_slice_of_another_patient(scan: CTVolume, shared_ct: Path) -> None:
    hu = scan.hu.copy()
    hu[AT] = read(shared_ct / "toshiba-uneven").hu[14, ::2, ::2]
    assert lost(scan, hu) == [AT]


PARTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "upper half": lambda j, i: j < 128,
    "left half": lambda j, i: i < 128,
    "a quadrant": lambda j, i: (j < 128) & (i < 128),
    "a disc": lambda j, i: np.hypot(j - 128, i - 128) < 30,
}


@pytest.mark.parametrize("value", [-1024, -1000, 0, 40, 1000])
@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize(("first", "last"), [(0, 3), (70, 76)])
def test_blank_parts_of_several_slices_at_an_end(
    scan: CTVolume, part: Callable[..., np.ndarray], value: int, first: int, last: int
) -> None:
    cut = replace(scan, hu=scan.hu[:76], origins=scan.origins[:76])
    hu = cut.hu.copy()
    hu[first:last, part(*np.indices(hu.shape[1:]))] = value
    assert lost(cut, hu) == list(range(first, last))


@pytest.mark.parametrize("amount", [100, 1000])
@pytest.mark.parametrize("end", [slice(0, 4), slice(70, 76)], ids=["below", "above"])
def test_ends_in_other_units(scan: CTVolume, end: slice, amount: int) -> None:
    cut = replace(scan, hu=scan.hu[:76], origins=scan.origins[:76])
    hu = cut.hu.copy()
    hu[end] += amount
    assert lost(cut, hu) == list(range(76))[end]


@pytest.mark.parametrize(
    "name", ["ge-vct-tumour", "ge-revolution-dental", "ge-hispeed-tilt", "toshiba-uneven", "philips-skull-phantom-tilt"]
)
def test_clean_scans_lose_nothing(shared_ct: Path, name: str) -> None:
    assert read(shared_ct / name).lost == ()


def test_clean_coarse_scans_lose_nothing(shared_data: Path) -> None:
    for path in sorted((shared_data / "ct-head-neck").glob("*.nii.gz")):
        assert read(path).lost == (), path.name


@pytest.mark.parametrize(("degrees", "mm"), [(2.0, 1.0), (6.0, 3.0), (10.0, 6.0)])
@pytest.mark.parametrize("course", ["jerk", "step", "tremor"])
def test_motion_stays_motion(scan: CTVolume, course: str, degrees: float, mm: float) -> None:
    from HeadCTIQALib.synthesis.movement import motion_difference

    hu = scan.hu.copy()
    for k in (AT, AT + 1):
        moved = hu[k] + motion_difference(
            np.clip(hu[k], -1024, 3000).astype(np.float32),
            scan.pixel_spacing[0],
            RNG,
            degrees,
            mm,
            course=course,
            window="half",
        )  # type: ignore[arg-type]
        hu[k] = np.clip(moved, -1024, 3071)
    assert lost(scan, hu) == []
