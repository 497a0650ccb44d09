"""Motion and coverage are not scored as if nothing were missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from labelled_head import labelled_head

from HeadCTIQALib.findings import Findings
from HeadCTIQALib.metrics import measure
from HeadCTIQALib.metrics.unmeasurable import with_limits
from HeadCTIQALib.volume.types import CTVolume, Lost

MARGINS = ("vertex_margin", "foramen_magnum_margin")


@pytest.fixture(scope="module")
def scan() -> tuple[CTVolume, Findings]:
    return labelled_head(matrix=88, pixel_mm=2.6)


def measured(scan: tuple[CTVolume, Findings], lost: list[Lost], keep: list[int] | None = None):
    volume, findings = scan
    if keep is not None:
        volume = replace(volume, hu=volume.hu[keep].copy(), origins=volume.origins[keep])
        findings = findings.with_(
            tissue=findings.tissue[keep],
            streak=findings.streak[keep],
            motion_grades=findings.motion_grades[keep],
            motion_index=findings.motion_index[keep],
        )
    volume = replace(volume, lost=tuple(lost))
    return measure(volume, with_limits(volume, findings), only={*MARGINS, "motion_extent"})


def test_nothing_lost_nothing_withheld(scan: tuple[CTVolume, Findings]) -> None:
    assert all(m.value is not None for m in measured(scan, []).values())


@pytest.mark.parametrize(("upper", "withheld", "left"), [(True, *MARGINS), (False, *reversed(MARGINS))])
def test_slices_lost_at_an_end(scan: tuple[CTVolume, Findings], upper: bool, withheld: str, left: str) -> None:
    z = scan[0].slice_positions
    keep = list(range(46)) if upper else list(range(4, 50))
    lost = Lost("4 files of the series cannot be read", z[45] if upper else None, None if upper else z[4], 4)
    got = measured(scan, [lost], keep)
    assert got[withheld].value is None
    assert "4 files of the series cannot be read at the " in got[withheld].reason
    assert got[left].value is not None
    assert got["motion_extent"].value is not None  # no brain was in them


def test_slices_lost_anywhere(scan: tuple[CTVolume, Findings]) -> None:
    got = measured(scan, [Lost("1 file of the series cannot be read", None, None, 1)])
    assert [got[m].value for m in MARGINS] == [None, None]


@pytest.mark.parametrize(("first", "withheld"), [(33, 0), (10, 1)])
def test_slices_lost_inside_the_brain(scan: tuple[CTVolume, Findings], first: int, withheld: int) -> None:
    z = scan[0].slice_positions
    keep = [k for k in range(50) if k not in (first, first + 1)]
    got = measured(scan, [Lost("2 slices are damaged", z[first - 1], z[first + 2], 2)], keep)
    assert got[MARGINS[withheld]].value is None
    assert "9 mm of the head, from" in got[MARGINS[withheld]].reason
    assert "2 slices are damaged" in got[MARGINS[withheld]].reason
    assert got[MARGINS[1 - withheld]].value is not None


def test_slices_lost_below_the_brain_matter_to_no_margin(scan: tuple[CTVolume, Findings]) -> None:
    z = scan[0].slice_positions
    got = measured(scan, [Lost("1 slice is damaged", z[0], z[2], 1)], [k for k in range(50) if k != 1])
    assert all(m.value is not None for m in got.values())
    assert not any("missing from the scan" in f for f in got["motion_extent"].flags)


def test_motion_of_what_is_lost(scan: tuple[CTVolume, Findings]) -> None:
    volume, findings = scan
    z = volume.slice_positions
    few, many = [Lost("1 slice is damaged", z[24], z[26], 1)], [Lost("8 slices are damaged", z[20], z[29], 8)]
    still = (volume, findings.with_(motion_grades=np.zeros(50, np.int8)))
    got = measured(still, many, [k for k in range(50) if not 21 <= k <= 28])["motion_extent"]
    assert got.value is None
    assert "8 slices are damaged" in got.reason
    assert "% of the brain was not assessed" in got.reason
    moved = (volume, findings.with_(motion_grades=np.full(50, 3, np.int8)))
    got = measured(moved, few, [k for k in range(50) if k != 25])["motion_extent"]
    assert got.value == pytest.approx(100)  # poor, whatever was lost
    assert any("mm of the brain are missing from the scan" in f for f in got.flags)
