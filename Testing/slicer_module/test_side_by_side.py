"""Before and after a correction, and two assessments, in two linked slice views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scans import STREAK, defects, write_assessment

from HeadCTIQALib.findings import Plane

FOUR_UP, SIDE_BY_SIDE = 3, 29


TURNED = np.array(
    [-np.sin(np.deg2rad(7.2)), np.cos(np.deg2rad(7.2)), 0.0]
)  # along the trace of the plane that was found
STRAIGHT = np.array([0.0, 1.0, 0.0])


@pytest.fixture(scope="session")
def volume(head_volume):
    """The head as a scan that can be told from others."""
    return replace(head_volume, source=replace(head_volume.source, sha256="ab" * 32))


@pytest.fixture
def ready(scan_node, module, volume, tmp_path, slicer_app):
    """The module with an assessment of the scan."""
    module.controller.load(write_assessment(volume, tmp_path / "assessment")[0])
    assert module.session.results is not None
    module.app = slicer_app
    return module


def widget(ready, name):
    import qt

    return ready.controller.widget.findChild(qt.QWidget, name)


def select(ready, id_):
    ready.session.select(id_)
    ready.app.processEvents()


def colored(view, at, reach=2, pixels=None):
    """Whether something is drawn near a RAS point in the plane of the view."""
    pixels = (view.pixels() if pixels is None else pixels).astype(int)
    row, column, _ = view.project(at)
    patch = pixels[row - reach : row + reach + 1, column - reach : column + reach + 1].reshape(-1, 3)
    return bool((patch.max(axis=1) - patch.min(axis=1) > 10).any())


def drawn_along(view, direction):
    """Whether a line through the middle is drawn in a view, in this direction; it may be dashed."""
    pixels = view.pixels()
    at = [in_plane(view, side * d * direction) for side in (-1, 1) for d in range(60, 80)]
    return np.mean([colored(view, p, pixels=pixels) for p in at]) > 0.2


def in_plane(view, point):
    """``point`` moved into the plane of an axial view."""
    return (point[0], point[1], view.node.GetSliceOffset())


@pytest.fixture
def other(volume, tmp_path):
    """Another assessment of the scan: no streak, and a plane that is not turned."""
    findings = defects(volume)
    plain = findings.with_(
        streak=np.zeros(volume.shape, bool), midsagittal=Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 0.95)
    )
    return write_assessment(volume, tmp_path / "other", plain)[0]


def test_two_assessments(ready, views, other):
    import slicer

    select(ready, "streak_extent")
    widget(ready, "compareFolderButton").directory = str(other)
    widget(ready, "sideBySideButton").click()
    ready.app.processEvents()
    assert widget(ready, "comparisonNotice").text == ""
    assert ready.app.layoutManager().layout == SIDE_BY_SIDE
    left, right = views["Red"], views["Yellow"]
    assert left.node.GetSliceOffset() == pytest.approx(right.node.GetSliceOffset())
    assert left.node.GetOrientation() == right.node.GetOrientation() == "Axial"
    assert colored(left, in_plane(left, STREAK)), "what is shown"
    assert not colored(right, in_plane(right, STREAK)), "the other found no streak"
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert composite.GetLinkedControl()
        assert composite.GetHotLinkedControl()
    select(ready, "symmetry_angle")
    assert drawn_along(left, TURNED)
    assert not drawn_along(left, STRAIGHT)
    assert drawn_along(right, STRAIGHT)
    assert not drawn_along(right, TURNED)


def test_before_and_after_a_correction(ready, views):
    select(ready, "symmetry_angle")
    ready.session.results.plane.SetNormalWorld(1.0, 0.0, 0.0)
    ready.session.settle()
    assert ready.session.corrected
    widget(ready, "compareBeforeButton").click()
    widget(ready, "sideBySideButton").click()
    ready.app.processEvents()
    left, right = views["Red"], views["Yellow"]
    assert drawn_along(left, TURNED), "before"
    assert drawn_along(right, STRAIGHT), "after"
    assert not drawn_along(right, TURNED)


@pytest.mark.parametrize("how", ["again", "module", "correction"])
def test_the_users_views_come_back(ready, views, scene, other, how):
    import slicer

    select(ready, "streak_extent")
    places = {n: slicer.util.arrayFromVTKMatrix(v.node.GetSliceToRAS()).copy() for n, v in views.items()}
    ready.app.layoutManager().setLayout(FOUR_UP)
    count = scene.GetNumberOfNodes()
    widget(ready, "compareFolderButton").directory = str(other)
    widget(ready, "sideBySideButton").click()
    select(ready, "symmetry_angle")
    select(ready, "streak_extent")
    if how == "again":
        widget(ready, "sideBySideButton").click()
    elif how == "module":
        ready.widget.exit()
        ready.widget.enter()
    else:
        ready.session.update(ready.session.record)
    ready.app.processEvents()
    assert ready.app.layoutManager().layout == FOUR_UP
    assert not widget(ready, "sideBySideButton").checked
    assert scene.GetNumberOfNodes() == count
    for name, view in views.items():
        np.testing.assert_allclose(slicer.util.arrayFromVTKMatrix(view.node.GetSliceToRAS()), places[name], atol=1e-6)
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert not composite.GetLinkedControl()
    assert ready.session.results.segmentation.GetDisplayNode().GetNumberOfViewNodeIDs() == 0


def test_nothing_to_show_without_a_comparison(ready):
    assert not widget(ready, "sideBySideButton").enabled


def test_a_scan_that_is_gone_is_said(module, volume, other, tmp_path):
    module.controller.load(write_assessment(volume, tmp_path / "assessment")[0])  # its scan is not in the scene
    widget(module, "compareFolderButton").directory = str(other)
    widget(module, "sideBySideButton").click()
    assert "load the scan" in widget(module, "comparisonNotice").text
    assert not widget(module, "sideBySideButton").checked
