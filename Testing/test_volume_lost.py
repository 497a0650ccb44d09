"""Slices that are missing are told, with their place: files damaged, empty or gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, read
from HeadCTIQALib.volume.lost import by_number, of_files


@pytest.fixture
def scan(head_volume: CTVolume, tmp_path: Path) -> Path:
    write_series(head_volume, tmp_path / "scan")
    return tmp_path / "scan"


def spoil(scan: Path, indices: list[int], how: Callable[[bytes], bytes]) -> None:
    for index in indices:
        path = scan / f"CT{index + 1:04d}.dcm"
        path.write_bytes(how(path.read_bytes()))


HARM = {
    "empty": lambda b: b"",
    "zeros": lambda b: bytes(len(b)),
    "header only": lambda b: b[:300],
    "half": lambda b: b[: len(b) // 2],
}


@pytest.mark.parametrize("how", HARM.values(), ids=HARM)
def test_files_inside_are_lost(scan: Path, head_volume: CTVolume, how: Callable[[bytes], bytes]) -> None:
    spoil(scan, [20, 21], how)
    got = read(scan)
    z = head_volume.slice_positions
    assert [(x.slices, x.low_mm, x.high_mm) for x in got.lost] == [(2, pytest.approx(z[19]), pytest.approx(z[22]))]
    assert any("between" in w and "not assessed" in w for w in got.warnings)


@pytest.mark.parametrize("how", HARM.values(), ids=HARM)
@pytest.mark.parametrize("top", [True, False])
def test_files_at_an_end_are_lost_there(
    scan: Path, head_volume: CTVolume, how: Callable[[bytes], bytes], top: bool
) -> None:
    spoil(scan, [36, 37, 38, 39] if top else [0, 1, 2, 3], how)
    got = read(scan)
    z = head_volume.slice_positions
    assert got.shape[0] == 36
    expected = (4, pytest.approx(z[35]), None) if top else (4, None, pytest.approx(z[4]))
    assert [(x.slices, x.low_mm, x.high_mm) for x in got.lost] == [expected]


def test_files_without_numbers_may_be_anywhere(scan: Path) -> None:
    for path in scan.iterdir():
        ds = pydicom.dcmread(path)
        del ds.InstanceNumber
        ds.save_as(path)
    spoil(scan, [39], HARM["zeros"])
    assert [(x.slices, x.low_mm, x.high_mm) for x in read(scan).lost] == [(1, None, None)]


def test_files_that_are_gone_leave_a_gap(scan: Path, head_volume: CTVolume) -> None:
    (scan / "CT0011.dcm").unlink()
    z = head_volume.slice_positions
    assert [(x.reason, x.low_mm, x.high_mm) for x in read(scan).lost] == [
        ("1 slice is missing from the files", pytest.approx(z[9]), pytest.approx(z[11]))
    ]


def test_other_files_are_no_slices(scan: Path, head_volume: CTVolume) -> None:
    (scan / ".lock").write_bytes(b"")
    (scan / "readers.csv").write_bytes(b"")
    got = read(scan)
    assert got.lost == ()
    assert got.warnings == ()


def test_numbers() -> None:
    even = np.arange(20) * 5.0
    count = list(range(1, 21))
    assert by_number(count, even) == []
    assert by_number([2 * n for n in count], even) == []  # every second slice was kept
    assert by_number(count, np.r_[np.arange(10) * 4.0, 40 + np.arange(10) * 7.0]) == []  # thicker above
    assert by_number([1, *range(4, 23)], even) == []  # a jump of numbers without a gap
    gone = [n for n in count if n not in (7, 8)]
    (gap,) = by_number(gone, np.delete(even, [6, 7]))
    assert (gap.low_mm, gap.high_mm, gap.slices) == (25.0, 40.0, 2)
    assert of_files(2, True, gone, np.delete(even, [6, 7]), [gap]) == []
    assert by_number(gone[::-1], np.delete(even, [6, 7])[::-1].cumsum()) == []  # nothing that agrees
    assert of_files(1, False, count, even, []) == []  # another series' file: the numbers are complete
    assert of_files(1, True, count, even, [])[0].low_mm == 95.0


def renumbered(scan: Path, first: int, step: int = 1, total: int | None = None, acquisition: int | None = None) -> Path:
    for n, path in enumerate(sorted(scan.iterdir())):
        ds = pydicom.dcmread(path)
        ds.InstanceNumber = first + step * n
        if total is not None:
            ds.ImagesInAcquisition = total
        if acquisition is not None:
            ds.AcquisitionNumber = acquisition
        ds.save_as(path)
    return scan


NUMBERING: dict[str, tuple[dict[str, int], str | None]] = {
    "from 1": ({"first": 1}, None),
    "from 5": (
        {"first": 5},
        "The slices are numbered from 5 to 44: if the scanner began at 1, 4 slices below {low} mm along the slice normal are missing.",
    ),
    "from 2": (
        {"first": 2},
        "numbered from 2 to 41: if the scanner began at 1, 1 slice below {low} mm along the slice normal is missing.",
    ),
    "every second": ({"first": 2, "step": 2, "total": 81}, None),
    "every second from 7": ({"first": 7, "step": 2}, "3 slices below {low} mm"),
    "another scheme": ({"first": 101}, None),
    "a later acquisition": ({"first": 31, "acquisition": 2}, None),
    "as many as the header says": ({"first": 1, "total": 40}, None),
    "fewer than the header says": (
        {"first": 1, "total": 43},
        "and the header tells of 43 images: 3 slices above {high} mm along the slice normal are missing if",
    ),
    "many more": ({"first": 1, "total": 400}, None),
    "a number for a step": ({"first": 1, "total": 2}, None),
}


@pytest.mark.parametrize(("numbering", "words"), NUMBERING.values(), ids=NUMBERING)
def test_what_only_the_numbering_tells(
    scan: Path, head_volume: CTVolume, numbering: dict[str, int], words: str | None
) -> None:
    got = read(renumbered(scan, **numbering))
    z = head_volume.slice_positions
    assert got.lost == ()
    if words is None:
        assert got.warnings == ()
    else:
        (warning,) = got.warnings
        assert words.format(low=f"{z[0]:.1f}", high=f"{z[-1]:.1f}") in warning


def test_numbers_that_localizers_have(scan: Path) -> None:
    renumbered(scan, 3)
    for number in (1, 2):
        ds = pydicom.dcmread(scan / "CT0001.dcm")
        ds.ImageType, ds.InstanceNumber = ["ORIGINAL", "PRIMARY", "LOCALIZER"], number
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        ds.save_as(scan / f"topo{number}.dcm")
    assert read(scan).warnings == ()


def halved(path: Path) -> None:
    ds = pydicom.dcmread(path)
    pixels = ds.pixel_array[::2, ::2].copy()
    ds.Rows, ds.Columns = pixels.shape
    ds.PixelSpacing = [2 * float(v) for v in ds.PixelSpacing]
    ds.PixelData = pixels.tobytes()
    ds.save_as(path)


@pytest.mark.parametrize(
    ("indices", "low", "high"), [((20, 21, 22), 19, 23), ((38, 39), 37, None), ((0, 1, 2), None, 3)]
)
def test_slices_of_another_matrix_leave_a_gap(
    scan: Path, head_volume: CTVolume, indices: tuple[int, ...], low: int | None, high: int | None
) -> None:
    for index in indices:
        halved(scan / f"CT{index + 1:04d}.dcm")
    (lost,) = read(scan).lost
    z = head_volume.slice_positions
    assert lost.reason == f"{len(indices)} slices were left out (another matrix size and pixel size)"
    assert lost.slices == len(indices)
    assert lost.low_mm == (None if low is None else pytest.approx(z[low]))
    assert lost.high_mm == (None if high is None else pytest.approx(z[high]))


def test_slices_of_another_matrix_that_are_there_twice_leave_none(scan: Path) -> None:
    for index in (20, 21):
        path = scan / f"CT{index + 1:04d}.dcm"
        copy = scan / f"again{index}.dcm"
        ds = pydicom.dcmread(path)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{index}"
        ds.InstanceNumber = 100 + index
        ds.save_as(copy)
        halved(copy)
    got = read(scan)
    assert got.lost == ()
    assert any("Left out: 2 of 42 images" in w for w in got.warnings)
