"""What is judged is what is shown: selector, panel, overlays and slice views are always at one scan."""

from __future__ import annotations

import numpy as np
import pytest
from scans import add_volume

pytestmark = pytest.mark.usefixtures("alone")


def shown(views):
    """Names of the volumes in the slice views."""
    import slicer

    ids = {v.logic.GetSliceCompositeNode().GetBackgroundVolumeID() for v in views.values()}
    return {slicer.mrmlScene.GetNodeByID(i).GetName() if i else None for i in ids}


def choose(module, node):
    module.ui.inputSelector.setCurrentNode(node)


def test_choosing_shows_the_scan(assessed, views, head_volume, slicer_app):
    first, second = assessed.session.volume_node, add_volume(head_volume, "second")
    slicer_app.processEvents()
    choose(assessed, second)
    assert shown(views) == {"second"}
    assert "No assessment yet" in assessed.ui.overallLabel.text
    choose(assessed, first)
    assessed.session.select("streak_extent")
    choose(assessed, second)
    assert shown(views) == {"second"}
    assert not any(d.GetVisibility() for d in overlays()), "the evidence of the first scan is not drawn over the second"
    choose(assessed, first)
    assert shown(views) == {"head"}
    assert assessed.session.record is not None
    slicer_app.processEvents()
    assert assessed.session.volume_node is first


def overlays():
    import slicer

    return [
        *slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode"),
        *slicer.util.getNodesByClass("vtkMRMLMarkupsDisplayNode"),
    ]


def test_the_window_of_the_first_scan_comes_back_on_choosing_another(assessed, head_volume):
    display = assessed.session.volume_node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(77, 33)
    assessed.session.select("streak_extent")
    assert display.GetWindow() != 77
    choose(assessed, add_volume(head_volume, "second"))
    assert (display.GetWindow(), display.GetLevel()) == (77, 33)


def test_a_foreground_of_another_scan_goes(assessed, views, head_volume):
    other = add_volume(head_volume, "other")
    composite = views["Red"].logic.GetSliceCompositeNode()
    composite.SetForegroundVolumeID(other.GetID())
    choose(assessed, add_volume(head_volume, "third"))
    assert composite.GetForegroundVolumeID() is None


def test_showing_another_scan_in_the_views_turns_the_panel(assessed, views, head_volume, slicer_app):
    second = add_volume(head_volume, "second")
    for view in views.values():
        view.show(second)
    slicer_app.processEvents()
    assert assessed.session.volume_node is second
    assert assessed.ui.inputSelector.currentNode() is second
    assert "No assessment yet" in assessed.ui.overallLabel.text


def test_one_view_with_another_scan_is_left_to_the_user(assessed, views, head_volume, slicer_app):
    first, second = assessed.session.volume_node, add_volume(head_volume, "second")
    views["Red"].show(second)
    slicer_app.processEvents()
    assert assessed.session.volume_node is first


def test_the_selector_works_after_leaving_and_entering_again(scan_node, module, head_volume, views, slicer_app):
    second = add_volume(head_volume, "second")
    for _ in range(3):
        module.widget.exit()
        module.widget.enter()
    parameters = module.widget.logic.getParameterNode()
    for node in (second, scan_node, second):
        choose(module, node)
        slicer_app.processEvents()
        assert module.session.volume_node is node
        assert parameters.GetNodeReference("inputVolume") is node
        assert shown(views) == {node.GetName()}
    module.widget.exit()
    choose(module, scan_node)
    assert parameters.GetNodeReference("inputVolume") is second, (
        "nothing writes into the scene while the module is closed"
    )


def test_a_scan_loaded_while_the_module_is_open_is_chosen(module, views, head_volume, slicer_app):
    node = add_volume(head_volume, "loaded")
    slicer_app.processEvents()
    assert module.session.volume_node is node
    assert module.ui.inputSelector.currentNode() is node
    assert shown(views) == {"loaded"}
    assert module.ui.assessButton.enabled


def test_a_scene_opened_while_the_module_is_open_brings_its_scan(assessed, scene, tmp_path, views, slicer_app):
    import slicer

    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    record = assessed.session.record
    scene.Clear(False)
    assert assessed.session.volume_node is None
    slicer.util.loadScene(path)
    slicer_app.processEvents()
    assert assessed.session.record == record
    assert assessed.ui.inputSelector.currentNode() is assessed.session.volume_node
    assert shown(views) == {"head"}


def test_deleting_the_scan_leaves_the_panel_usable(assessed, scene, head_volume, slicer_app):
    scene.RemoveNode(assessed.session.volume_node)
    slicer_app.processEvents()
    assert assessed.session.volume_node is None
    assert "No assessment yet" in assessed.ui.overallLabel.text
    assert not assessed.ui.assessButton.enabled
    node = add_volume(head_volume, "next")
    slicer_app.processEvents()
    assert assessed.session.volume_node is node


@pytest.mark.parametrize("tilt", [False, True])
def test_a_scan_is_shown_with_depth(module, views, head_volume, tilted_head_volume, slicer_app, tilt):
    """3D Slicer's fit can leave a tilted scan a field of view of 0 mm in depth."""
    node = add_volume(tilted_head_volume if tilt else head_volume)
    for view in views.values():
        view.node.SetFieldOfView(200.0, 200.0, 0.0)
    choose(module, None)
    choose(module, node)
    for view in views.values():
        assert view.node.GetFieldOfView()[2] > 0
        assert abs(np.linalg.det(matrix(view.node.GetXYToRAS())[:3, :3])) > 0


def matrix(m):
    return np.array([[m.GetElement(r, c) for c in range(4)] for r in range(4)])
