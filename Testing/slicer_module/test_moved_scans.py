"""A scan that is moved, changed or exchanged under its assessment: the evidence follows, or the module says why it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from scans import STREAK, add_volume, write_assessment

pytestmark = pytest.mark.usefixtures("alone")


def linear(scene, node, shift, name="registration"):
    """Put the scan under a transform of the user's, over the acquisition transform where it has one."""
    import slicer
    import vtk

    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    matrix = vtk.vtkMatrix4x4()
    for row, mm in enumerate(shift):
        matrix.SetElement(row, 3, mm)
    transform.SetMatrixTransformToParent(matrix)
    (node.GetParentTransformNode() or node).SetAndObserveTransformNodeID(transform.GetID())
    assert slicer.mrmlScene.IsNodePresent(transform)
    return transform


def visible():
    import slicer

    kinds = "vtkMRMLSegmentationDisplayNode", "vtkMRMLMarkupsDisplayNode"
    return [d for kind in kinds for d in slicer.util.getNodesByClass(kind) if d.GetVisibility()]


def test_a_scan_under_a_transform_is_said_and_not_drawn(assessed, scene):
    node, record = assessed.session.volume_node, assessed.session.record
    assessed.session.select("streak_extent")
    assert visible()
    linear(scene, node, (0, 0, 30))
    assert not visible(), "no evidence where it does not belong"
    assert "transform registration moves the scan" in assessed.ui.messageLabel.text
    assert assessed.session.record == record, "what was measured stays true"
    node.SetAndObserveTransformNodeID(None)
    assert assessed.session.selected == "streak_extent"
    assert visible()
    assert assessed.ui.messageLabel.text == ""


def test_a_tilted_scan_under_a_transform(scene, module, views, tilted_head_volume, tmp_path):
    node = add_volume(tilted_head_volume)
    module.ui.inputSelector.setCurrentNode(node)
    module.controller.load(write_assessment(tilted_head_volume, tmp_path / "a")[0])
    assert module.session.results is not None
    linear(scene, node, (5, 0, 0), "mine")
    assert "transform mine moves" in module.ui.messageLabel.text
    assert module.session.results is None


def test_an_assessment_opened_while_the_scan_is_moved_is_said(scene, module, head_volume, assessment_folder):
    """As after Assess: the DICOM files know nothing of the transform."""
    node = add_volume(head_volume)
    linear(scene, node, (0, 12, 0))
    module.ui.inputSelector.setCurrentNode(node)
    module.session.adopt(assessment_folder, node)
    module.session.select("streak_extent")
    assert "transform registration moves" in module.ui.messageLabel.text
    assert not visible()


def test_a_transform_of_no_effect_changes_nothing(assessed, scene):
    assessed.session.select("streak_extent")
    linear(scene, assessed.session.volume_node, (0, 0, 0))
    assert assessed.session.results is not None
    assert assessed.ui.messageLabel.text == ""


def test_another_frame_of_a_sequence_has_no_assessment_until_it_is_assessed(assessed, head_volume, slicer_app):
    """A sequence browser puts one image after another into one node."""
    import slicer

    node, record, first = assessed.session.volume_node, assessed.session.record, head_volume.hu.copy()
    assessed.session.select("streak_extent")
    other = first.copy()
    other[10:20] += 3
    slicer.util.updateVolumeFromArray(node, other)
    assert assessed.session.record is None
    assert "No assessment yet" in assessed.ui.overallLabel.text
    assert not visible()
    slicer.util.updateVolumeFromArray(node, first)
    assert assessed.session.record == record
    assessed.session.select("streak_extent")
    assert visible()


def test_a_saved_scene_with_another_frame(assessed, scene, head_volume, tmp_path, slicer_app):
    import slicer

    slicer.util.updateVolumeFromArray(assessed.session.volume_node, (head_volume.hu + 1).astype(np.int16))
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    scene.Clear(False)
    slicer.util.loadScene(path)
    slicer_app.processEvents()
    assert assessed.session.volume_node is not None
    assert assessed.session.record is None


@pytest.mark.parametrize("name", ["Red", "Green", "Yellow"])
def test_markups_of_a_tilted_scan_are_drawn_where_they_are(scene, module, views, tilted_head_volume, tmp_path, name):
    """Even where 3D Slicer's fit left the view without depth, and all points would fall into the lower left corner."""
    node = add_volume(tilted_head_volume)
    module.ui.inputSelector.setCurrentNode(node)
    module.controller.load(write_assessment(tilted_head_volume, tmp_path / "a")[0])
    for view in views.values():
        across, up, _ = view.node.GetFieldOfView()
        view.node.SetFieldOfView(across, up, 0.0)
        view.node.UpdateMatrices()
    module.session.select("streak_extent")
    view = views[name]
    row, column, _ = view.project(STREAK)
    width, height = view.window.GetSize()
    assert 0.2 * width < column < 0.8 * width
    assert 0.2 * height < row < 0.8 * height
