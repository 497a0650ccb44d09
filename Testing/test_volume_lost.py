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


HARM = {"empty": lambda b: b"", "zeros": lambda b: bytes(len(b)), "header only": lambda b: b[:300], "half": lambda b: b[: len(b) // 2]}


@pytest.mark.parametrize("how", HARM.values(), ids=HARM)
def test_files_inside_are_lost(scan: Path, head_volume: CTVolume, how: Callable[[bytes], bytes]) -> None:
    spoil(scan, [20, 21], how)
    got = read(scan)
    z = head_volume.slice_positions
    assert [(x.slices, x.low_mm, x.high_mm) for x in got.lost] == [(2, pytest.approx(z[19]), pytest.approx(z[22]))]
    assert any("between" in w and "not assessed" in w for w in got.warnings)


@pytest.mark.parametrize("how", HARM.values(), ids=HARM)
@pytest.mark.parametrize("top", [True, False])
def test_files_at_an_end_are_lost_there(scan: Path, head_volume: CTVolume, how: Callable[[bytes], bytes], top: bool) -> None:
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
