"""Drags, the Segment Editor and its Undo, as they really come: what counts as a correction, and when."""

from __future__ import annotations

import types

import numpy as np
import pytest
from corrected_scan import Bench, volume_node, write_folder
from test_corrections import drag_point, entry, paint, settle, widget


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("assessed") / "labelled head")


@pytest.fixture
def opened(scene, folder, slicer_app):
    from HeadCTIQALib.gui.corrections import CorrectionsSection

    made = Bench(CorrectionsSection)
    volume_node(scene, folder[0])
    made.session.load(folder[1])
    slicer_app.processEvents()
    made.widget("correctorEdit").setText("AB")
    yield made
    made.close()


@pytest.fixture
def whole(module, scene, folder, slicer_app, views):
    """The real module with the assessed scan, as the helpers of the corrections want it."""
    volume_node(scene, folder[0])
    module.session.load(folder[1])
    slicer_app.processEvents()
    section = module.controller.sections["corrections"]
    return types.SimpleNamespace(session=module.session, section=section, ui=module.ui, module=module)


def begin(node):
    import slicer

    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)


def end(node):
    import slicer

    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)


def rest(slicer_app, milliseconds=400):
    """The hand rests, longer than any timer waits."""
    from PySide6 import QtTest

    QtTest.QTest.qWait(milliseconds)
    slicer_app.processEvents()


def steps(opened):
    return len(opened.section.reviewing.review.edits)


@pytest.mark.parametrize("kind", ["point", "plane"])
def test_one_drag_is_one_correction_though_the_hand_rests(opened, slicer_app, kind):
    import vtk

    results = opened.session.results
    node = results.landmarks if kind == "point" else results.plane
    iqm = "vertex_margin" if kind == "point" else "symmetry_angle"
    before = entry(opened, iqm).value
    if kind == "point":
        begin(node)
    else:
        node.InvokeEvent(vtk.vtkCommand.StartInteractionEvent)  # what the handles send
    for step in range(1, 4):
        if kind == "point":
            drag_point(opened, "VERTEX", (0, 0, -2))
        else:
            node.SetNormalWorld(np.cos(0.03 * step), np.sin(0.03 * step), 0.0)
        rest(slicer_app)
        assert entry(opened, iqm).value == before, "nothing counts before the button is released"
    if kind == "point":
        end(node)
    else:
        node.InvokeEvent(vtk.vtkCommand.EndInteractionEvent)
    rest(slicer_app, 50)
    assert steps(opened) == 1
    assert entry(opened, iqm).value != before
    widget(opened, "undoButton").click()
    assert entry(opened, iqm).value == before


def test_a_drag_that_changes_nothing_is_no_correction(opened, slicer_app):
    import vtk

    plane, record = opened.session.results.plane, opened.session.record
    plane.InvokeEvent(vtk.vtkCommand.StartInteractionEvent)
    plane.SetSize(300.0, 200.0)  # scaled
    plane.SetOriginWorld(np.add(plane.GetOriginWorld(), (0.004, 25.0, -12.0)))  # within itself, and a rounding error
    plane.SetNormalWorld(1.0, 2e-5, 0.0)
    plane.InvokeEvent(vtk.vtkCommand.EndInteractionEvent)
    begin(opened.session.results.landmarks)
    drag_point(opened, "VERTEX", (0.003, 0, 0))
    end(opened.session.results.landmarks)
    rest(slicer_app)
    assert steps(opened) == 0
    assert opened.session.record == record


def test_the_plane_has_handles_to_turn_it_and_none_to_scale_it(opened):
    display = opened.session.results.plane.GetDisplayNode()
    assert display.GetHandlesInteractive()
    assert display.GetRotationHandleVisibility()
    assert display.GetTranslationHandleVisibility()
    assert not display.GetScaleHandleVisibility()


def test_undo_and_redo_of_the_segment_editor_are_noticed(opened, slicer_app):
    import slicer

    segmentation = opened.session.results.segmentation.GetSegmentation()
    history = slicer.vtkSegmentationHistory()
    history.SetSegmentation(segmentation)
    before = entry(opened, "foreign_object_volume").value
    history.SaveState()
    paint(opened, "foreign", np.s_[30:34, 2:8, 2:8])
    settle(opened)
    painted = entry(opened, "foreign_object_volume").value
    assert painted != before
    history.RestorePreviousState()
    rest(slicer_app)
    assert entry(opened, "foreign_object_volume").value == pytest.approx(before)
    history.RestoreNextState()
    rest(slicer_app)
    assert entry(opened, "foreign_object_volume").value == pytest.approx(painted)
    history.SetSegmentation(None)


@pytest.mark.parametrize("silent", ["SegmentModified", "SegmentsOrderModified"])
def test_edits_that_only_tell_of_a_segment_are_noticed(opened, slicer_app, silent):
    """Some versions of 3D Slicer tell nothing else on Undo."""
    import slicer
    from vtkmodules.util.numpy_support import vtk_to_numpy

    segmentation = opened.session.results.segmentation.GetSegmentation()
    segment = segmentation.GetSegment("foreign")
    image = segment.GetRepresentation("Binary labelmap")
    labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    before = entry(opened, "foreign_object_volume").value
    labels[30:34, 2:8, 2:8] = segment.GetLabelValue()
    segmentation.InvokeEvent(getattr(slicer.vtkSegmentation, silent))
    rest(slicer_app)
    assert entry(opened, "foreign_object_volume").value != before


def test_the_segment_editor_opens_with_the_right_segment_at_the_evidence(whole, views):
    import slicer

    for iqm, segment, mode in (
        ("streak_extent", "streak", "OverwriteNone"),
        ("noise", "brain", "OverwriteAllSegments"),
    ):
        whole.module.widget.enter()
        whole.session.select(None)
        for view in views.values():
            view.node.JumpSliceByOffsetting(-20.0, 30.0, -35.0)
        whole.session.select(iqm)
        places = {n: v.node.GetSliceOffset() for n, v in views.items()}
        whole.ui.correctionsButton.findChild(__import__("qt").QPushButton, "editMasksButton").click()
        node = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
        assert node.GetSelectedSegmentID() == segment
        assert node.GetOverwriteMode() == getattr(node, mode)
        assert node.GetSegmentationNode() is whole.session.results.segmentation
        assert node.GetSourceVolumeNode() is whole.session.volume_node
        assert {n: v.node.GetSliceOffset() for n, v in views.items()} == pytest.approx(places)


def test_the_panel_shows_a_correction_at_once(whole):
    """In the real module: a dragged point, then undo, as the panel tells them."""
    whole.session.select("vertex_margin")
    before = whole.ui.overallLabel.text
    drag_point(whole, "VERTEX", (0, 0, 14))
    settle(whole)
    assert "corrected by a person" in whole.ui.overallLabel.text
    assert whole.session.record.iqms["vertex_margin"].band == "poor"
    whole.ui.correctionsButton.findChild(__import__("qt").QPushButton, "undoButton").click()
    assert whole.ui.overallLabel.text == before
