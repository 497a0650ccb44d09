"""The section Corrections, clicked through: each of the ten metrics, undo, revert, scene and folder and back."""

from __future__ import annotations

import csv

import msgspec
import numpy as np
import pytest
from corrected_scan import Bench, volume_node, write_folder

from HeadCTIQALib.assessment import load_assessment
from HeadCTIQALib.hierarchy import IQMS

IDS = [m.id for m in IQMS]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("assessed") / "labelled head")


@pytest.fixture
def bench(scene):
    from HeadCTIQALib.gui.corrections import CorrectionsSection

    made = Bench(CorrectionsSection)
    yield made
    made.close()


@pytest.fixture
def opened(bench, scene, folder, slicer_app):
    """The assessed scan with the section Corrections open, reader AB at work."""
    volume_node(scene, folder[0])
    bench.session.load(folder[1])
    assert bench.session.results is not None
    slicer_app.processEvents()  # the findings are read as soon as there is time
    assert bench.section.reviewing.known_review is not None
    bench.widget("correctorEdit").setText("AB")
    return bench


def widget(bench, name):
    return bench.widget(name)


def entry(module, iqm):
    return module.session.record.iqms[iqm]


def settle(module):
    """What the timer would do when the hand rests."""
    module.section.reviewing.flush()


def notice(module):
    label = widget(module, "correctionsNotice")
    return label.text if label.isVisibleTo(label.parent()) else ""


def drag_point(module, label, by):
    from HeadCTIQALib.gui.point_labels import landmark_id

    node = module.session.results.landmarks
    n = next(i for i in range(node.GetNumberOfControlPoints()) if landmark_id(node.GetNthControlPointLabel(i)) == label)
    node.SetNthControlPointPositionWorld(n, *(np.array(node.GetNthControlPointPositionWorld(n)) + by))


def paint(module, segment, box, value=1):
    """As the Segment Editor does: one segment gets voxels, the others in the same layer lose them."""
    import slicer

    node = module.session.results.segmentation
    segmentation = node.GetSegmentation()
    image = segmentation.GetSegment(segment).GetRepresentation("Binary labelmap")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    labels[box] = segmentation.GetSegment(segment).GetLabelValue() if value else 0
    image.GetPointData().GetScalars().Modified()
    image.Modified()
    segmentation.InvokeEvent(slicer.vtkSegmentation.SourceRepresentationModified)


def turn_plane(module):
    module.session.results.plane.SetNormalWorld(np.cos(0.1), np.sin(0.1), 0.0)


def grade(module):
    table = widget(module, "motionTable")
    widget(module, "addRangeButton").click()
    for column, text in enumerate(("10", "20", "3")):
        table.item(table.rowCount - 1, column).setText(text)
    widget(module, "applyGradesButton").click()


EDITS = {
    "symmetry_angle": turn_plane,
    "baseline_angle": lambda m: [drag_point(m, id_, (0, 0, 9)) for id_ in ("CANTHUS_R", "CANTHUS_L")],
    "centering_offset": lambda m: paint(m, "holder", np.s_[:, 120:, :]),
    "vertex_margin": lambda m: drag_point(m, "VERTEX", (0, 0, -5)),
    "foramen_magnum_margin": lambda m: [drag_point(m, id_, (0, 0, -7)) for id_ in ("BASION", "OPISTHION")],
    "noise": lambda m: paint(m, "csf", np.s_[:, :80, 60:]),
    "gray_white_cnr": lambda m: paint(m, "brain", np.s_[20:28, 70:110, 90:]),
    "motion_extent": grade,
    "foreign_object_volume": lambda m: paint(m, "foreign", np.s_[30:34, 2:8, 2:8]),
    "streak_extent": lambda m: paint(m, "streak", np.s_[:, ::2, :], 0),
}


@pytest.mark.parametrize("iqm", IDS)
def test_every_metric_is_corrected_in_the_scene_and_taken_back(opened, iqm):
    before = opened.session.record
    opened.session.select(iqm)
    EDITS[iqm](opened)
    settle(opened)
    assert notice(opened) == ""
    now = entry(opened, iqm)
    assert now.status in ("corrected", "not_assessable")
    assert now.value != before.iqms[iqm].value
    kept = next(c for c in opened.session.record.corrections if c.iqm == iqm)
    assert (kept.corrector, kept.original) == ("AB", before.iqms[iqm].value)
    items = [e.score for e in opened.session.record.iqms.values() if e.category == now.category]
    worst = None if None in items else pytest.approx(min(items), abs=1e-3)
    assert opened.session.record.categories[now.category].score == worst, "a category is its worst item"
    table = widget(opened, "correctionsTable")
    titles = [table.item(n, 0).text() for n in range(table.rowCount)]
    assert next(m.title for m in IQMS if m.id == iqm) in titles
    original = opened.section.reviewing.review.original_findings
    widget(opened, "undoButton").click()
    assert opened.session.record == before
    # the nodes in the scene are back as well
    opened.session._findings = None
    findings = opened.session.findings
    np.testing.assert_array_equal(findings.tissue, original.tissue)
    np.testing.assert_array_equal(findings.streak, original.streak)
    assert findings.midsagittal.normal == pytest.approx(original.midsagittal.normal)
    for id_, point in original.landmarks.items():
        assert findings.landmarks[id_].position == pytest.approx(point.position, abs=1e-3)
    settle(opened)
    assert opened.session.record == before, "putting nodes back is no edit"
    widget(opened, "redoButton").click()
    assert entry(opened, iqm).value == now.value
    widget(opened, "revertButton").click()
    assert entry(opened, iqm) == before.iqms[iqm]


@pytest.mark.parametrize("iqm", IDS)
def test_every_metric_takes_a_typed_value(opened, iqm):
    before = entry(opened, iqm)
    opened.session.select(iqm)
    value = before.value + 1.5
    widget(opened, "typedValueEdit").setText(f"{value:.3f}")
    widget(opened, "setValueButton").click()
    assert "why" in notice(opened)
    widget(opened, "typedReasonEdit").setText("measured by hand")
    widget(opened, "setValueButton").click()
    assert notice(opened) == ""
    assert entry(opened, iqm).value == pytest.approx(value, abs=1e-3)
    assert entry(opened, iqm).reason == "measured by hand"
    widget(opened, "revertAllButton").click()
    assert entry(opened, iqm) == before


def test_what_cannot_be_is_refused_in_one_sentence(opened):
    before = opened.session.record
    opened.session.select("noise")
    widget(opened, "typedReasonEdit").setText("x")
    for text, words in (("five", "not a number"), ("5 mm", "not in mm"), ("900", "between 0 and 200")):
        widget(opened, "typedValueEdit").setText(text)
        widget(opened, "setValueButton").click()
        assert words in notice(opened)
    opened.session.results.plane.SetNormalWorld(0.0, 0.1, 1.0)
    settle(opened)
    assert "60°" in notice(opened)
    assert opened.session.results.plane.GetNormalWorld()[0] == pytest.approx(1.0), "the plane is back where it was"
    opened.session.select("motion_extent")
    widget(opened, "addRangeButton").click()
    table = widget(opened, "motionTable")
    for text, words in (("many", "whole numbers"), ("51", "slices 1 to 50")):
        table.item(table.rowCount - 1, 1).setText(text)
        widget(opened, "applyGradesButton").click()
        assert words in notice(opened)
    assert opened.session.record == before


def test_regions_of_interest(opened):
    opened.session.select("noise")
    widget(opened, "placeRoiButton").click()
    import slicer

    (box,) = slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")
    box.SetCenter(0.0, -55.0, 0.0)
    widget(opened, "measureRoiButton").click()
    assert entry(opened, "noise").value == pytest.approx(4.0, abs=0.2)
    assert "region of interest" in entry(opened, "noise").method
    opened.session.select("gray_white_cnr")
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsROINode") == []
    widget(opened, "placeRoiButton").click()
    widget(opened, "measureRoiButton").click()
    assert entry(opened, "gray_white_cnr").value == pytest.approx(8 / 4.0, abs=0.4)


def test_undo_of_paint_writes_voxels_only(opened, monkeypatch):
    """Rewriting the whole segmentation of a large scan takes seconds."""
    from HeadCTIQALib.gui.results import Results

    def rewrite(*_):
        raise AssertionError("the whole segmentation was written")

    monkeypatch.setattr(Results, "write_tissue", rewrite)
    before = opened.session.findings
    for iqm in ("noise", "centering_offset", "streak_extent"):
        EDITS[iqm](opened)
        settle(opened)
    for _ in range(3):
        widget(opened, "undoButton").click()
    opened.session._findings = None
    np.testing.assert_array_equal(opened.session.findings.tissue, before.tissue)
    np.testing.assert_array_equal(opened.session.findings.streak, before.streak)


def test_label_maps_on_another_grid_are_written_as_a_whole(opened):
    from dataclasses import replace

    from HeadCTIQALib.gui.mask_writing import write_changes

    findings, volume = opened.session.findings, opened.session.volume
    changed = findings.with_(tissue=np.where(findings.tissue == 11, 0, findings.tissue).astype(np.uint8))
    moved = replace(volume, origins=volume.origins + 0.4 * volume.row_step)
    assert not write_changes(opened.session.results.segmentation, moved, findings, changed)


def test_a_deleted_point_makes_the_metric_not_assessable(opened):
    node = opened.session.results.landmarks
    n = next(
        i for i in range(node.GetNumberOfControlPoints()) if node.GetNthControlPointLabel(i) == "vertex of the scalp"
    )
    node.RemoveNthControlPoint(n)
    settle(opened)
    assert entry(opened, "vertex_margin").status == "not_assessable"
    assert opened.session.record.overall.score is None
    widget(opened, "undoButton").click()
    assert "VERTEX" in opened.session.results.read_landmarks()


def test_painting_tissue_under_a_streak_leaves_the_streak(opened):
    findings = opened.session.findings
    k, j, i = (int(x) for x in np.argwhere(findings.streak)[0])
    box = np.s_[k : k + 1, j : j + 3, i : i + 3]
    paint(opened, "csf", box)
    paint(opened, "streak", box, 0)  # what "overwrite all segments" does
    settle(opened)
    np.testing.assert_array_equal(opened.session.findings.streak, findings.streak)
    paint(opened, "csf", np.s_[30:31, 80:90, 60:70])
    settle(opened)
    assert not any(c.finding == "streak" for c in opened.session.record.corrections)
    opened.session._findings = None
    np.testing.assert_array_equal(opened.session.findings.streak, findings.streak)


def test_a_deleted_streak_segment_means_no_streaks(opened):
    opened.session.select("streak_extent")
    before, streak = entry(opened, "streak_extent"), opened.session.findings.streak
    opened.session.results.segmentation.GetSegmentation().RemoveSegment("streak")
    settle(opened)
    assert (entry(opened, "streak_extent").value, entry(opened, "streak_extent").status) == (0.0, "corrected")
    widget(opened, "undoButton").click()
    assert entry(opened, "streak_extent") == before
    np.testing.assert_array_equal(opened.session.results.read_tissue(opened.session.volume)[1], streak)


def correct_some(module):
    """A point, the plane, masks, grades and a typed value."""
    for iqm in ("vertex_margin", "symmetry_angle", "foreign_object_volume", "motion_extent", "streak_extent"):
        module.session.select(iqm)
        EDITS[iqm](module)
        settle(module)
    module.session.select("noise")
    widget(module, "typedValueEdit").setText("5.5 HU")
    widget(module, "typedReasonEdit").setText("seen")
    widget(module, "setValueButton").click()


def test_saved_scene_comes_back_with_its_corrections(opened, scene, tmp_path, slicer_app):
    import slicer

    before = opened.session.record
    correct_some(opened)
    opened.session.select("vertex_margin")
    drag_point(opened, "VERTEX", (0, 0, -1))
    settle(opened)
    path = str(tmp_path / "saved.mrb")
    assert slicer.util.saveScene(path)
    record = opened.session.record
    assert record.iqms["vertex_margin"].value == pytest.approx(before.iqms["vertex_margin"].value + 6, abs=1e-3)
    scene.Clear(False)
    opened.session.scene_changed()  # the module does this on the scene's events
    assert opened.session.record is None
    slicer.util.loadScene(path)
    opened.session.set_volume(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")[0])
    slicer_app.processEvents()
    assert opened.session.record == record
    table = widget(opened, "correctionsTable")
    assert table.rowCount >= 6
    widget(opened, "undoButton").click()
    assert entry(opened, "vertex_margin").value == pytest.approx(record.iqms["vertex_margin"].value - 1, abs=1e-3)
    widget(opened, "revertAllButton").click()
    now = opened.session.record
    assert (now.corrections, now.findings) == ((), before.findings)
    for iqm, was in before.iqms.items():  # they are computed again from values that were rounded for the record
        assert now.iqms[iqm].quantiles == pytest.approx(was.quantiles, abs=1e-6)
    assert {i: msgspec.structs.replace(e, quantiles=None) for i, e in now.iqms.items()} == {
        i: msgspec.structs.replace(e, quantiles=None) for i, e in before.iqms.items()
    }
    assert now.overall.score == pytest.approx(before.overall.score, abs=1e-3)
    assert opened.session.results.read_plane().normal == pytest.approx((1.0, 0.0, 0.0))


def test_saved_folder_comes_back_with_its_corrections(opened, folder, tmp_path, monkeypatch, slicer_app):
    from HeadCTIQALib.gui import files

    monkeypatch.setattr("HeadCTIQALib.report.render", lambda *_: "<html></html>")
    correct_some(opened)
    record = opened.session.record
    files.save(opened.session, tmp_path / "kept")
    stored = load_assessment(tmp_path / "kept", folder[0])
    assert stored.record.corrections == record.corrections
    assert stored.record.review == record.review
    opened.session.load(tmp_path / "kept")
    assert opened.session.record.iqms == record.iqms
    slicer_app.processEvents()
    widget(opened, "revertAllButton").click()
    assert all(e.status == "measured" for e in opened.session.record.iqms.values())


@pytest.mark.parametrize("leave", ["another scan", "save", "table"])
def test_an_edit_just_made_counts_before_anything_is_kept_or_exchanged(
    opened, scene, folder, tmp_path, leave, monkeypatch
):
    """The hand has not rested yet when the reader goes on."""
    from HeadCTIQALib.gui import files

    monkeypatch.setattr("HeadCTIQALib.report.render", lambda *_: "<html></html>")
    node, before = opened.session.volume_node, entry(opened, "vertex_margin").value
    drag_point(opened, "VERTEX", (0, 0, -5))
    assert entry(opened, "vertex_margin").value == before
    if leave == "another scan":
        opened.session.set_volume(volume_node(scene, folder[0], "another"))
        assert opened.session.record is None
        opened.session.set_volume(node)
    elif leave == "save":
        files.save(opened.session, tmp_path / "kept")
        assert load_assessment(tmp_path / "kept").record.iqms["vertex_margin"].value == pytest.approx(
            before + 5, abs=1e-3
        )
    else:
        files.export_row(opened.session, tmp_path / "t.csv")
        (row,) = csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8"))
        assert float(row["vertex_margin"]) == pytest.approx(before + 5, abs=1e-3)
    assert entry(opened, "vertex_margin").value == pytest.approx(before + 5, abs=1e-3)
    assert entry(opened, "vertex_margin").status == "corrected"


def test_masks_deleted_in_the_scene_are_no_correction(opened):
    from HeadCTIQALib.gui import hierarchy_items

    before = opened.session.record
    opened.session.select("noise")
    hierarchy_items.remove(opened.session.results.segmentation)
    settle(opened)
    assert opened.session.results is None
    widget(opened, "undoButton").click()
    assert opened.session.record == before


def test_a_new_motion_range_begins_at_the_slice_shown(opened, views):
    opened.session.select("motion_extent")
    views["Red"].node.SetSliceOffset(float(opened.session.volume.slice_positions[20]))
    widget(opened, "addRangeButton").click()
    table = widget(opened, "motionTable")
    assert [table.item(table.rowCount - 1, c).text() for c in range(3)] == ["21", "21", "1"]


def test_typed_motion_ranges_stay_while_something_else_changes(opened, slicer_app):
    opened.session.select("motion_extent")
    widget(opened, "addRangeButton").click()
    table = widget(opened, "motionTable")
    table.item(table.rowCount - 1, 1).setText("3x")
    rows = table.rowCount
    drag_point(opened, "VERTEX", (0, 0, -5))
    settle(opened)
    slicer_app.processEvents()
    assert (table.rowCount, table.item(rows - 1, 1).text()) == (rows, "3x")
    widget(opened, "applyGradesButton").click()
    assert "whole numbers" in notice(opened)
    assert table.item(rows - 1, 1).text() == "3x"
    table.item(rows - 1, 0).setText("2")
    table.item(rows - 1, 1).setText("3")
    widget(opened, "applyGradesButton").click()
    assert opened.session.record.findings.motion_grades[1:3] == (1, 1)
    widget(opened, "revertAllButton").click()
    assert table.rowCount == rows - 1


def test_nothing_can_be_corrected_without_an_assessment(bench):
    assert not widget(bench, "setValueButton").enabled
    assert not widget(bench, "undoButton").enabled
    assert not widget(bench, "editMasksButton").enabled
