"""Volume nodes become CT volumes with the true position of every slice."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(params=["even", "tilted and uneven"])
def volume(request, head_volume, tilted_head_volume):
    return head_volume if request.param == "even" else tilted_head_volume


def test_true_geometry(scene, volume):
    from scans import add_volume

    from HeadCTIQALib.gui.volumes import volume_from_node

    found = volume_from_node(add_volume(volume))
    assert np.array_equal(found.hu, volume.hu)
    for name in ("origins", "row_step", "col_step"):
        np.testing.assert_allclose(getattr(found, name), getattr(volume, name), atol=1e-3)
    assert found.source.kind == "slicer"


def test_record_is_of_the_same_scan(scene, volume, head_volume, tmp_path):
    from scans import add_volume, write_assessment

    from HeadCTIQALib.gui.volumes import is_same_scan, volume_from_node
    from HeadCTIQALib.record import read_record

    folder, _ = write_assessment(volume, tmp_path / "a")
    record = read_record(folder)
    node = add_volume(volume)
    assert is_same_scan(record, node)
    known = volume_from_node(node, record)
    assert known.acquisition == volume.acquisition
    moved = add_volume(head_volume)
    moved.SetOrigin(0, 0, 0)
    assert not is_same_scan(record, moved)


def test_transform_that_bends_slices_is_refused(scene, head_volume):
    import slicer
    import vtk
    from scans import add_volume

    from HeadCTIQALib.errors import InputError
    from HeadCTIQALib.gui.volumes import volume_from_node

    node = add_volume(head_volume)
    points = [vtk.vtkPoints(), vtk.vtkPoints()]
    for p in ((-100, -100, 0), (100, -100, 0), (-100, 100, 0), (100, 100, 0), (0, 0, 50)):
        points[0].InsertNextPoint(p)
        points[1].InsertNextPoint((p[0], p[1], p[2] + (10 if p[0] * p[1] > 0 else 0)))
    bend = vtk.vtkThinPlateSplineTransform()
    bend.SetSourceLandmarks(points[0])
    bend.SetTargetLandmarks(points[1])
    bend.SetBasisToR()
    transform = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    transform.SetAndObserveTransformToParent(bend)
    node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputError, match="bends its slices"):
        volume_from_node(node)
    assert slicer.mrmlScene is scene


def test_empty_volume_is_refused(scene):
    from HeadCTIQALib.errors import InputError
    from HeadCTIQALib.gui.volumes import volume_from_node

    with pytest.raises(InputError, match="empty"):
        volume_from_node(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing"))


def test_newest_head_ct_is_preselected(scene, head_volume):
    from scans import add_volume

    from HeadCTIQALib.gui.volumes import newest_head_ct

    assert newest_head_ct(scene) is None
    first = add_volume(head_volume, "Head 1")
    second = add_volume(head_volume, "Head 2")
    add_volume(head_volume, "abdomen")
    mr = add_volume(head_volume, "Head MR")
    import slicer

    slicer.util.updateVolumeFromArray(mr, np.abs(head_volume.hu))
    assert newest_head_ct(scene) is second
    scene.RemoveNode(second)
    assert newest_head_ct(scene) is first


def test_dicom_files_are_found_by_instance(scene, head_volume, tmp_path, monkeypatch):
    import types

    import slicer
    from scans import add_volume

    from HeadCTIQALib.gui.scan_source import INSTANCES, dicom_files

    node = add_volume(head_volume)
    assert dicom_files(node) == []
    (tmp_path / "1.dcm").write_bytes(b"x")
    known = {"1.2": str(tmp_path / "1.dcm")}
    monkeypatch.setattr(
        slicer, "dicomDatabase", types.SimpleNamespace(fileForInstance=lambda uid: known.get(uid, "")), raising=False
    )
    node.SetAttribute(INSTANCES, "1.2")
    assert dicom_files(node) == [tmp_path / "1.dcm"]
    node.SetAttribute(INSTANCES, "1.2 1.3")
    assert dicom_files(node) == []


def test_blank_slices_and_margins_of_the_node_were_not_assessed(scene, volume, tmp_path):
    from dataclasses import replace

    from scans import add_volume, write_assessment

    from HeadCTIQALib.gui.volumes import is_same_scan, volume_from_node
    from HeadCTIQALib.record import read_record

    part = replace(volume, hu=volume.hu[3:-2, :, 10:].copy(), origins=volume.origins[3:-2] + 10 * volume.row_step)
    folder, _ = write_assessment(part, tmp_path / "a")
    record = read_record(folder)
    node = add_volume(volume)
    assert is_same_scan(record, node)
    found = volume_from_node(node, record)
    np.testing.assert_array_equal(found.hu, part.hu)
    np.testing.assert_allclose(found.origins, part.origins, atol=1e-3)
    other = replace(part, origins=part.origins + [0, 0, 1.5])
    assert not is_same_scan(read_record(write_assessment(other, tmp_path / "b")[0]), node)
