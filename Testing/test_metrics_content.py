"""Motion, foreign objects and streaks against volumes and areas counted by hand, on uneven slices."""

import numpy as np
import pytest
from metrics_phantom import grid, head

from HeadCTIQALib.findings.types import INTRACRANIAL, Tissue
from HeadCTIQALib.metrics import foreign_object_volume, motion_extent, streak_extent

POSITIONS = np.cumsum(np.r_[-70.0, np.tile([3.0, 3.0, 7.0], 8)])


@pytest.fixture(scope="module")
def scan():
    return head(grid(POSITIONS, matrix=64, pixel=4.0))


def test_motion_weighs_grades_by_intracranial_area(scan):
    volume, findings = scan
    areas = findings.mask(*INTRACRANIAL).sum((1, 2)) * 16.0
    grades = np.zeros(len(areas), np.int8)
    grades[5], grades[12] = 3, 1
    m = motion_extent(volume, findings.with_(motion_grades=grades))
    assert m.value == pytest.approx(100 * (3 * areas[5] + areas[12]) / (3 * areas.sum()))
    assert m.evidence.slice_index == 5
    assert m.evidence.slices == (5, 12)
    assert m.details == {
        "slices_with_motion": 2.0,
        "slices_with_brain": 25.0,
        "worst_grade": 3.0,
        "graded_area_percent": 100.0,
    }
    all_worst = motion_extent(volume, findings.with_(motion_grades=np.full(len(areas), 3, np.int8)))
    assert all_worst.value == pytest.approx(100)
    assert motion_extent(volume, findings).value == 0


def test_motion_leaves_ungraded_slices_out_and_says_so(scan):
    volume, findings = scan
    areas = findings.mask(*INTRACRANIAL).sum((1, 2)).astype(float)
    grades = np.ones(len(areas), np.int8)
    grades[:3] = -1
    m = motion_extent(volume, findings.with_(motion_grades=grades))
    assert m.value == pytest.approx(100 / 3)
    assert any("could not be graded" in f for f in m.flags)
    assert m.details["graded_area_percent"] == pytest.approx(100 * areas[3:].sum() / areas.sum())


def test_motion_not_assessable(scan):
    volume, findings = scan
    assert "No motion grades" in motion_extent(volume, findings.with_(motion_grades=None)).reason
    few = np.full(len(POSITIONS), -1, np.int8)
    few[10:14] = 0
    assert "could be graded" in motion_extent(volume, findings.with_(motion_grades=few)).reason
    empty = np.zeros(volume.shape, np.uint8)
    assert "No intracranial" in motion_extent(volume, findings.with_(tissue=empty)).reason
    with pytest.raises(ValueError, match="motion grades"):
        motion_extent(volume, findings.with_(motion_grades=np.full(len(POSITIONS), 4, np.int8)))


def test_foreign_objects_by_true_voxel_volumes(scan):
    volume, findings = scan
    tissue = findings.tissue.copy()
    tissue[3:6, 30:32, 2:4] = Tissue.FOREIGN
    tissue[10, 5, 60] = Tissue.FOREIGN
    m = foreign_object_volume(volume, findings.with_(tissue=tissue))
    w = volume.slice_widths
    assert m.details["largest_ml"] == pytest.approx(4 * 16 * w[3:6].sum() / 1000)
    assert m.value == pytest.approx((4 * 16 * w[3:6].sum() + 16 * w[10]) / 1000)
    assert m.details["objects"] == 2
    assert m.evidence.slices == (3, 4, 5, 10)
    assert m.evidence.points["largest object"] == pytest.approx(tuple(volume.ijk_to_ras(np.array([2.5, 30.5, 4.0]))))
    none = foreign_object_volume(volume, findings)
    assert none.value == 0
    assert none.evidence.caption == "None found; pads and thin markers can be missed."


def test_streaks_count_inside_the_intracranial_space_only(scan):
    volume, findings = scan
    inside = findings.mask(*INTRACRANIAL)
    streak = np.zeros(volume.shape, bool)
    streak[8] = True
    streak[0, :3] = True
    m = streak_extent(volume, findings.with_(streak=streak))
    w = volume.slice_widths
    counts = inside.sum((1, 2))
    assert m.value == pytest.approx(100 * counts[8] * w[8] / (counts @ w))
    assert m.evidence.slice_index == 8
    assert m.evidence.slices == (8,)
    assert streak_extent(volume, findings).value == 0


def test_streaks_not_assessable(scan):
    volume, findings = scan
    assert "Nothing looked" in streak_extent(volume, findings.with_(streak=None)).reason
    assert "intracranial space" in streak_extent(volume, findings.with_(tissue=np.zeros(volume.shape, np.uint8))).reason
    with pytest.raises(ValueError, match="does not fit"):
        streak_extent(volume, findings.with_(streak=np.zeros((1, 2, 3), bool)))
