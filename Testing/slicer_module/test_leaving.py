"""What the module leaves behind: nothing in the scene, nothing in the temporary folder, no warnings; and one bar that grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from scans import add_volume

pytestmark = pytest.mark.usefixtures("alone")


def nodes():
    import slicer

    scene = slicer.mrmlScene
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


def items():
    """Names of all items of the subject hierarchy."""
    import slicer
    import vtk

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    found = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
    return {hierarchy.GetItemName(found.GetId(n)) for n in range(found.GetNumberOfIds())}


def in_study(node):
    """Put a volume under a patient and a study, as the DICOM module does."""
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "patient")
    study = hierarchy.CreateStudyItem(patient, "study")
    hierarchy.CreateItem(study, node)


def test_a_scan_of_the_work_list_leaves_nothing(scene, tilted_head_volume, assessment_folder):
    """Its acquisition transform, its patient and its study go with it."""
    from HeadCTIQALib.gui.hierarchy_items import remove_scan

    items()  # makes the hierarchy
    before = nodes()
    node = add_volume(tilted_head_volume)
    in_study(node)
    assert {"patient", "study"} <= items()
    remove_scan(node)
    assert nodes() == before
    assert items() == set()


def test_what_others_use_stays(scene, tilted_head_volume, head_volume):
    from HeadCTIQALib.gui.hierarchy_items import remove_scan

    node, other = add_volume(tilted_head_volume), add_volume(head_volume, "other")
    transform = node.GetParentTransformNode()
    other.SetAndObserveTransformNodeID(transform.GetID())
    in_study(node)
    remove_scan(node)
    assert scene.IsNodePresent(transform)
    assert scene.IsNodePresent(other)


def test_an_assessment_is_removed_without_a_trace(scan_node, module, assessment_folder):
    before, named = nodes(), items()
    module.controller.load(assessment_folder)
    module.session.select("streak_extent")
    for results in [module.session.results]:
        module.session.select(None)
        results.remove()
    assert nodes() == before
    assert items() == named


def test_temporary_folders_with_masks_go(scan_node, module, assessment_folder, slicer_app, tmp_path, head_volume):
    import shutil

    made = Path(slicer_app.temporaryPath) / "HeadCTIQA-test"
    shutil.copytree(assessment_folder, made / "assessment")
    module.session.adopt(made / "assessment", scan_node)
    assert (made / "assessment").is_dir()
    module.ui.inputSelector.setCurrentNode(add_volume(head_volume, "second"))
    assert not made.exists()
    module.session.load(assessment_folder)
    module.session.set_volume(None)
    assert assessment_folder.is_dir(), "a folder of the user's stays"


def test_a_report_of_corrections_goes_with_the_module(slicer_app, scan_node, module, assessment_folder, monkeypatch):
    from msgspec.structs import replace

    from HeadCTIQALib import report
    from HeadCTIQALib.gui import files

    monkeypatch.setattr(report, "render", lambda *_: "<html></html>")
    module.controller.load(assessment_folder)
    module.session.update(replace(module.session.record, warnings=("changed",)))
    path = files.report(module.session)
    assert path.is_file()
    module.session.cleanup()
    assert not path.exists()


def test_the_bar_grows_and_tells_what_is_left(slicer_app):
    import qt

    from HeadCTIQALib.gui.progress_bar import ProgressBar

    bar, now = qt.QProgressBar(), [0.0]
    bar.setRange(0, 100)
    progress = ProgressBar(bar, lambda: now[0])
    seen = []
    for seconds, stage, fraction in (
        (0, "Starting", 0.0),
        (1, "Reading the scan", 1.0),
        (2, "Looking at the anatomy", 0.0),
        (8, "Looking at the anatomy", 1.0),
        (9, "Outlining tissue", 0.0),
        (10, "Looking for foreign objects", 0.35),
        (11, "Looking for motion and streaks", 0.65),
        (12, "Something new", 0.0),
        (16, "Looking for motion and streaks", 1.0),
        (18, "Measuring", 0.0),
        (20, "Writing the results", 1.0),
    ):
        now[0] = float(seconds)
        progress.show(stage, fraction)
        seen.append(bar.value)
        assert bar.format.startswith(stage)
    assert seen == sorted(seen)
    assert seen[3] == 40
    assert "left" in bar.format
    progress.restart()
    progress.show("Starting", 0.0)
    assert bar.value == 0
    assert "left" not in bar.format


def test_points_are_named_in_words_and_only_where_the_evidence_is_seen(scan_node, module, assessment_folder, views):
    module.controller.load(assessment_folder)
    results = module.session.results
    points = results.landmarks
    labels = {points.GetNthControlPointLabel(n) for n in range(points.GetNumberOfControlPoints())}
    assert "right outer canthus" in labels
    assert not any(label.isupper() for label in labels)
    assert "CANTHUS_R" in results.read_landmarks()
    for iqm, name in (("baseline_angle", "Yellow"), ("vertex_margin", "Yellow")):
        module.session.select(iqm)
        first, second = (points.GetNthDisplayNode(n) for n in range(2))
        assert not first.GetPointLabelsVisibility()
        assert second.GetPointLabelsVisibility()
        assert [second.GetNthViewNodeID(n) for n in range(second.GetNumberOfViewNodeIDs())] == [
            views[name].node.GetID()
        ]
    module.session.select(None)
    assert points.GetNumberOfDisplayNodes() == 1
    assert points.GetDisplayNode().GetPointLabelsVisibility()
    assert {n.GetName() for n in results.nodes} == {
        "head masks", "head landmarks", "head mid-sagittal plane", "head assessment",
    }  # fmt: skip
