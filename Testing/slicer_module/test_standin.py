"""The stand-in behaves as Slicer does, and refuses what Slicer refuses."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def qt(slicer_app):
    import qt

    return qt


def test_properties_are_attributes(qt):
    label = qt.QLabel("a")
    label.text = "b"
    assert label.text == "b"
    label.setText("c")
    assert label.text == "c"
    with pytest.raises(TypeError):
        label.text()


def test_new_attributes_are_refused(qt):
    label = qt.QLabel()
    with pytest.raises(AttributeError):
        label.myState = 1
    with pytest.raises(AttributeError):
        label.setText = None
    with pytest.raises(AttributeError):
        label.text = 3


def test_signals_are_connected_by_signature(qt):
    got = []
    button = qt.QPushButton()
    button.connect("clicked(bool)", got.append)
    button.click()
    assert got == [False]
    button.disconnect("clicked(bool)", got.append)
    button.click()
    assert got == [False]
    with pytest.raises(AttributeError):
        button.connect("pushed()", got.append)


def test_slots_may_take_fewer_arguments(qt):
    got = []
    button = qt.QPushButton()
    button.connect("clicked(bool)", lambda: got.append(1))
    button.click()
    assert got == [1]


def test_unknown_api_is_refused(slicer_app):
    import ctk
    import slicer

    assert not hasattr(ctk, "ctkNoSuchWidget")
    box = slicer.qMRMLNodeComboBox()
    with pytest.raises(AttributeError):
        box.connect("nodeChosen(vtkMRMLNode*)", print)
    with pytest.raises(AttributeError):
        box.noSuchMethod()
    with pytest.raises(AttributeError):
        box.nodeTypes = "vtkMRMLScalarVolumeNode"


def test_slice_view_shows_a_volume(scene, views):
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "cube")
    array = np.zeros((20, 40, 40), np.int16)
    array[8:12, 10:20, 10:20] = 100
    slicer.util.updateVolumeFromArray(node, array)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevel(100, 50)
    view = views["Red"]
    view.show(node)
    view.node.JumpAllSlices(15, 15, 10)
    pixels = view.pixels()
    assert view.color((15, 15, 10), pixels)[0] > 240
    assert view.color((30, 30, 10), pixels)[0] < 15


def test_scene_is_empty_again(scene):
    import slicer

    assert not slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
