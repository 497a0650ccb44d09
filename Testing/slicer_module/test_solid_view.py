"""The 3D view of positioning and scan range: skull, planes and lines where they are; the user's view comes back."""

from __future__ import annotations

import numpy as np
import pytest

from HeadCTIQALib.hierarchy import CATEGORIES, IQMS

ALL = {"skull", "midsagittal", "orbitomeatal", "first slice", "last slice"}


@pytest.fixture
def solid(scene, slicer_app):
    """A 3D view of the scene."""
    from standin.solid_views import three_d_view

    return three_d_view(slicer_app.applicationLogic())


@pytest.fixture
def ready(solid, assessed, slicer_app):
    """The module with an assessment, and a 3D view."""
    assessed.solid_view = solid
    assessed.app = slicer_app
    return assessed


def models():
    """Name to node of what is drawn."""
    import slicer

    nodes = slicer.util.getNodesByClass("vtkMRMLModelNode")
    return {n.GetName().removeprefix("HeadCTIQA "): n for n in nodes if n.GetAttribute("HeadCTIQA.kind") == "solid"}


def select(ready, id_):
    ready.session.select(id_)
    ready.app.processEvents()


@pytest.mark.parametrize("id_", [*(m.id for m in IQMS), *(c.id for c in CATEGORIES), "overall"])
def test_what_is_three_dimensional_is_shown(ready, id_):
    select(ready, id_)
    solid = {"symmetry_angle", "baseline_angle", "vertex_margin", "foramen_magnum_margin", "positioning", "scan_range"}
    assert set(models()) == (ALL if id_ in solid else set())


def bounds(node):
    found = [0.0] * 6
    node.GetRASBounds(found)
    return np.array(found).reshape(3, 2)


def test_everything_is_where_it_is(ready):
    """The skull is that of an ellipsoid head with half axes of 71, 91 and 99 mm; its slices end where the scan does."""
    select(ready, "symmetry_angle")
    shown = models()
    np.testing.assert_allclose(bounds(shown["skull"]), [[-71, 71], [-91, 91], [-99, 99]], atol=3.5)
    positions = ready.session.record.input.geometry.slice_positions_mm
    for name, at in (("first slice", positions[0]), ("last slice", positions[-1])):
        np.testing.assert_allclose(bounds(shown[name])[2], at, atol=0.01)
    plane = ready.session.record.findings.midsagittal
    points = np.array([shown["midsagittal"].GetPolyData().GetPoint(n) for n in range(4)])
    np.testing.assert_allclose((points - plane.origin) @ np.array(plane.normal), 0.0, atol=1e-3)
    ear, canthus = (np.array(p) for p in ready.session.record.iqms["baseline_angle"].evidence.lines[0])
    box = bounds(shown["orbitomeatal"])
    assert all((box[:, 0] <= p + 0.01).all() and (box[:, 1] >= p - 0.01).all() for p in (ear, canthus))


def test_a_tilted_scan_is_drawn_as_it_was_scanned(
    solid, scene, module, views, tilted_head_volume, tmp_path, slicer_app
):
    from scans import add_volume, write_assessment

    node = add_volume(tilted_head_volume)
    module.ui.inputSelector.setCurrentNode(node)
    module.controller.load(write_assessment(tilted_head_volume, tmp_path / "a")[0])
    module.session.select("baseline_angle")
    slicer_app.processEvents()
    np.testing.assert_allclose(bounds(models()["skull"]), [[-71, 71], [-91, 91], [-99, 99]], atol=5.0)


def test_it_is_drawn_in_the_3d_view_and_nowhere_else(ready, views):
    empty = ready.solid_view.pixels()
    select(ready, "vertex_margin")
    pixels = ready.solid_view.pixels()
    row, column = ready.solid_view.at((71, 0, 0))  # the side of the skull that the camera sees
    warm = pixels[row, column].astype(int)
    assert warm[0] > warm[2] + 15, warm
    assert (np.abs(pixels.astype(int) - empty).max(axis=2) > 20).mean() > 0.15
    for node in models().values():
        assert not node.GetDisplayNode().GetVisibility2D()


def test_one_click_and_it_is_gone(ready):
    camera = ready.solid_view.camera
    camera.SetPosition(500, 10, 20)
    camera.SetFocalPoint(1, 2, 3)
    select(ready, "symmetry_angle")
    assert camera.GetPosition() != pytest.approx((500, 10, 20))
    ready.ui.solidCheckBox.click()
    ready.app.processEvents()
    assert not models()
    assert camera.GetPosition() == pytest.approx((500, 10, 20))
    assert camera.GetFocalPoint() == pytest.approx((1, 2, 3))
    ready.ui.solidCheckBox.click()
    ready.app.processEvents()
    assert set(models()) == ALL
    ready.ui.overlaysCheckBox.click()  # no overlay at all
    ready.app.processEvents()
    assert not models()


def test_the_camera_that_the_user_turned_stays_while_rows_change(ready):
    select(ready, "symmetry_angle")
    ready.solid_view.camera.SetPosition(0, 700, 0)
    select(ready, "baseline_angle")
    assert ready.solid_view.camera.GetPosition() == pytest.approx((0, 700, 0))


def test_leaving_puts_the_view_back(ready, scene):
    camera = ready.solid_view.camera
    camera.SetPosition(500, 10, 20)
    count = scene.GetNumberOfNodes()
    select(ready, "symmetry_angle")
    ready.widget.exit()
    ready.app.processEvents()
    assert scene.GetNumberOfNodes() == count
    assert camera.GetPosition() == pytest.approx((500, 10, 20))
    ready.widget.enter()
    ready.app.processEvents()
    assert set(models()) == ALL


def test_the_surface_is_made_once(ready, monkeypatch):
    from HeadCTIQALib.gui import solid_view

    made = []
    plain = solid_view.skull_surface
    monkeypatch.setattr(solid_view, "skull_surface", lambda *a: made.append(1) or plain(*a))
    for id_ in ("symmetry_angle", "noise", "vertex_margin", "overall", "baseline_angle"):
        select(ready, id_)
    assert len(made) == 1


def test_closing_the_scene_is_survived(ready, scene):
    select(ready, "symmetry_angle")
    scene.Clear(False)
    ready.app.processEvents()
    assert not models()


def test_a_scan_without_bone_has_no_skull(head_volume):
    from HeadCTIQALib.gui.skull_surface import skull_surface

    assert skull_surface(head_volume, np.zeros(head_volume.shape, bool)).GetNumberOfPoints() == 0


@pytest.mark.slow
def test_a_large_skull_takes_seconds_only(make_head):
    import time

    from test_overlays import enlarged

    from HeadCTIQALib.gui.skull_surface import skull_surface

    large = enlarged(make_head(slices=30, matrix=64, pixel_mm=3.6, spacing_mm=7.0), 10, 8)
    start = time.process_time()
    surface = skull_surface(large, large.hu > 500)
    assert time.process_time() - start < 4.0
    assert 1000 < surface.GetNumberOfCells() < 130_000
