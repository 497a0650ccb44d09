"""The module file: what Slicer shows of it, and its life from opening to closing."""

from __future__ import annotations


def test_what_slicer_shows(module, slicer_app):
    import slicer

    parent = slicer.modules.headctiqa
    assert parent.title == "Head CT Image Quality"
    assert parent.categories == ["Quantification"]
    assert "not a medical device" in parent.helpText


def test_opening_and_leaving_again_and_again(assessed):
    for _ in range(2):
        assessed.session.select("symmetry_angle")
        assessed.widget.exit()
        assert not assessed.session.results.plane.GetDisplayNode().GetVisibility()
        assessed.widget.enter()
        assert assessed.session.results.plane.GetDisplayNode().GetVisibility()


def test_reloading_brings_new_code_and_keeps_the_assessment(assessed, scene, slicer_app):
    """The developer's button: library and module file are run again, and the scene is found as it was."""
    import sys

    import slicer

    from HeadCTIQALib.record import to_json

    old, record, controller = assessed.controller, assessed.session.record, sys.modules["HeadCTIQALib.gui.controller"]
    assessed.session.select("streak_extent")
    nodes = scene.GetNumberOfNodes()
    library = {n: m for n, m in sys.modules.items() if n.split(".")[0] == "HeadCTIQALib"}
    try:
        assessed.widget.onReload()
        new = slicer.modules.HeadCTIQAWidget
        assert sys.modules["HeadCTIQALib.gui.controller"] is not controller
        assert new.controller is not old
        assert type(new.controller) is not type(old)
        assert scene.GetNumberOfNodes() <= nodes, "the old window's evidence is gone"
        new.enter()
        assert to_json(new.controller.session.record) == to_json(record), "of classes that were read again"
        new.controller.session.select("streak_extent")
        assert new.controller.session.results.segmentation.GetDisplayNode().GetVisibility()
        old.session.select("symmetry_angle")  # nobody listens any more
        new.exit()
        new.cleanup()
    finally:
        sys.modules.update(library)  # other tests hold the classes of before


def test_choices_are_kept_in_the_scene(assessed):
    assessed.ui.opacitySlider.value = 0.3
    assessed.ui.deviceBox.currentText = "cpu"
    node = assessed.widget.logic.getParameterNode()
    assert float(node.GetParameter("overlayOpacity")) == 0.3
    assert node.GetParameter("device") == "cpu"
    assert node.GetNodeReference("inputVolume") is assessed.session.volume_node


def test_logic_gives_the_volume(assessed, head_volume):
    volume = assessed.widget.logic.volume(assessed.session.volume_node)
    assert volume.shape == head_volume.shape


def test_deleting_the_scan_is_survived(assessed, scene):
    scene.RemoveNode(assessed.session.volume_node)
    assert assessed.session.volume_node is None
    assert assessed.session.record is None
    assert not assessed.ui.assessButton.enabled
