"""An assessment in the scene: nodes, their places, reading findings back, saving and opening the scene."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from HeadCTIQALib.errors import InputError


@pytest.fixture(params=["even", "tilted and uneven"])
def volume(request, head_volume, tilted_head_volume):
    return head_volume if request.param == "even" else tilted_head_volume


@pytest.fixture
def loaded(scene, volume, tmp_path):
    from scans import add_volume, write_assessment

    from HeadCTIQALib.gui.session import Session

    folder, findings = write_assessment(volume, tmp_path / "assessment")
    session = Session()
    session.set_volume(add_volume(volume))
    session.load(folder)
    return session, findings


def test_findings_come_back_from_the_nodes(loaded, volume):
    session, findings = loaded
    read = session.findings
    assert np.array_equal(read.tissue, findings.tissue)
    assert np.array_equal(read.streak, findings.streak)
    assert np.array_equal(read.motion_grades, findings.motion_grades)
    assert set(read.landmarks) == set(findings.landmarks)
    for name, point in findings.landmarks.items():
        np.testing.assert_allclose(read.landmarks[name].position, point.position, atol=1e-3)
        assert (read.landmarks[name].confidence, read.landmarks[name].in_scan) == (point.confidence, point.in_scan)
    np.testing.assert_allclose(read.midsagittal.normal, findings.midsagittal.normal, atol=1e-6)
    assert read.methods == findings.methods


def test_measured_again_gives_the_same(loaded):
    from HeadCTIQALib.assessment import evaluate

    session, _ = loaded
    again = evaluate(session.volume, session.findings)
    for iqm, entry in session.record.iqms.items():
        assert again.record.iqms[iqm].value == pytest.approx(entry.value, abs=2e-3), iqm


def test_findings_can_be_put_back(loaded, volume):
    from HeadCTIQALib.findings import Landmark, Plane, Tissue

    session, findings = loaded
    tissue = findings.tissue.copy()
    tissue[tissue == Tissue.FOREIGN] = 0
    changed = findings.with_(tissue=tissue, streak=np.zeros_like(findings.streak))
    session.results.write_tissue(volume, changed)
    read, streak = session.results.read_tissue(volume)
    assert np.array_equal(read, tissue)
    assert not streak.any()
    session.results.write_landmarks({"BASION": Landmark((1.0, 2.0, -71.0), 0.7, source="reader")})
    assert session.results.read_landmarks() == {"BASION": Landmark((1.0, 2.0, -71.0), 0.7, source="reader")}
    session.results.write_plane(Plane((1.0, 0.0, 2.0), (0.8, 0.6, 0.0), 1.0, "reader"))
    np.testing.assert_allclose(session.results.read_plane().normal, (0.8, 0.6, 0.0), atol=1e-6)
    np.testing.assert_allclose(session.results.read_plane().origin, (1.0, 0.0, 2.0), atol=1e-6)


def test_results_lie_beside_the_scan(scene, head_volume, tmp_path):
    import slicer
    from scans import add_volume, write_assessment

    from HeadCTIQALib.gui.session import Session

    node = add_volume(head_volume)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "subject")
    study = hierarchy.CreateStudyItem(patient, "study")
    hierarchy.CreateItem(study, node)  # as Slicer's DICOM import does
    session = Session()
    session.set_volume(node)
    before = hierarchy.GetNumberOfItemChildren(study)
    session.load(write_assessment(head_volume, tmp_path / "a")[0])
    folder = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(session.results.segmentation))
    assert hierarchy.GetItemParent(folder) == study
    assert {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(n)) for n in session.results.nodes} == {folder}
    session.results.remove()
    assert hierarchy.GetNumberOfItemChildren(study) == before


def test_scene_round_trip(loaded, scene, volume, tmp_path, slicer_app):
    import slicer

    from HeadCTIQALib.gui.session import Session

    session, findings = loaded
    record = replace(session.record, warnings=("changed",))
    session.extra["note"] = "kept"
    session.update(record)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    scene.Clear(False)
    session.scene_changed()
    assert session.record is None
    assert session.volume_node is None
    slicer.util.loadScene(path)
    again = Session()
    again.set_volume(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")[0])
    assert again.record == record
    assert again.original.warnings != ("changed",)
    assert again.extra == {"note": "kept"}
    assert np.array_equal(again.findings.tissue, findings.tissue)
    assert np.array_equal(again.findings.streak, findings.streak)
    np.testing.assert_allclose(again.findings.midsagittal.normal, findings.midsagittal.normal, atol=1e-6)


@pytest.mark.parametrize(("name", "content"), [
    ("segmentation.seg.nrrd", "NRRD0004\ntype: nonsense\n\n"),  # 3D Slicer itself crashes on it
    ("landmarks.mrk.json", "{"),
    ("segmentation.seg.nrrd", "NRRD0004\ndata file: /etc/passwd\n\n"),
])  # fmt: skip
def test_damaged_folder_leaves_the_scene_alone(scene, views, head_volume, tmp_path, name, content):
    import slicer
    from scans import add_volume, write_assessment

    from HeadCTIQALib.gui.session import Session

    folder, _ = write_assessment(head_volume, tmp_path / "a")
    (folder / name).write_text(content, encoding="utf-8")
    session = Session()
    session.set_volume(add_volume(head_volume))
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)  # makes it, as Slicer has at any time
    before = {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}
    with pytest.raises(InputError):
        session.load(folder)
    assert {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())} == before
    assert session.record is None


def test_what_3d_slicer_cannot_read_leaves_the_scene_alone(scene, views, head_volume, tmp_path, monkeypatch):
    import slicer
    from scans import add_volume, write_assessment

    from HeadCTIQALib.gui.session import Session

    folder, _ = write_assessment(head_volume, tmp_path / "a")
    session = Session()
    session.set_volume(add_volume(head_volume))
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    before = {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}

    def fail(path):
        raise RuntimeError(f"{path} was not read")

    monkeypatch.setattr(slicer.util, "loadMarkups", fail)  # after the masks were loaded
    with pytest.raises(RuntimeError):
        session.load(folder)
    assert {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())} == before
    assert session.record is None
