"""The same scan gives the same numbers in 3D Slicer as on the command line, wherever it was loaded from."""

from __future__ import annotations

import types
from dataclasses import asdict

import numpy as np
import pydicom
import pytest
from assessment_stand_in import MODELS, find
from scans import add_volume
from test_assessing import charged, wait

from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.volume import read

pytestmark = pytest.mark.usefixtures("alone")


def load_dicom(folder, name="2: HEAD"):
    """The series in ``folder`` as ITK reads it in 3D Slicer, with the attribute that the DICOM module gives it."""
    import slicer
    import vtk

    from HeadCTIQALib.gui.scan_source import INSTANCES

    headers = {str(p): pydicom.dcmread(p, stop_before_pixels=True) for p in sorted(folder.iterdir())}
    files = sorted(headers, key=lambda p: headers[p].ImagePositionPatient[2])
    names = vtk.vtkStringArray()
    for file in files:
        names.InsertNextValue(file)
    node = slicer.modules.volumes.logic().AddArchetypeVolume(files[0], name, 0, names)
    node.SetAttribute(INSTANCES, " ".join(str(headers[f].SOPInstanceUID) for f in files))
    return node, {str(headers[f].SOPInstanceUID): f for f in files}


def database(monkeypatch, files, directory=""):
    """``slicer.dicomDatabase`` that knows these files."""
    import slicer

    known = types.SimpleNamespace(fileForInstance=lambda uid: files.get(uid, ""), databaseDirectory=directory)
    monkeypatch.setattr(slicer, "dicomDatabase", known, raising=False)


def same(a, b):
    """Whether two records agree in everything but the names and the times."""
    assert a.input.sha256 == b.input.sha256
    assert a.input.acquisition == b.input.acquisition
    assert a.input.geometry == b.input.geometry
    assert a.iqms == b.iqms
    assert a.categories == b.categories
    assert a.overall == b.overall
    assert a.findings == b.findings


@pytest.fixture
def tumour(shared_ct, tmp_path):
    """Every third slice of a real scan, 7.5 mm apart, which is quicker."""
    folder = tmp_path / "tumour"
    folder.mkdir()
    heights = {
        path: float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2])
        for path in (shared_ct / "ge-vct-tumour").iterdir()
    }
    for path in sorted(heights, key=heights.__getitem__)[::3]:
        (folder / path.name).symlink_to(path)
    return folder


def test_a_real_scan_of_the_database_is_read_from_its_files(scene, tumour, tmp_path, monkeypatch):
    from HeadCTIQALib.gui.scan_source import prepare

    node, files = load_dicom(tumour)
    database(monkeypatch, files)
    ours, theirs = read(prepare(node, tmp_path), keep_name=True), read(tumour)
    assert ours.source.sha256 == theirs.source.sha256
    assert asdict(ours.acquisition) == asdict(theirs.acquisition)
    assert ours.source.name == "2 HEAD"
    findings = find(theirs)
    same(evaluate(ours, findings, models=MODELS).record, evaluate(theirs, findings, models=MODELS).record)


def test_corrections_of_a_real_scan_measure_what_the_command_line_measures(scene, tumour):
    """They work on the voxels in the scene, at the places that 3D Slicer gives them."""
    from HeadCTIQALib.gui.volumes import is_same_scan, volume_from_node

    node, _ = load_dicom(tumour)
    volume = read(tumour)
    findings = find(volume)
    record = evaluate(volume, findings, models=MODELS).record
    assert is_same_scan(record, node)
    here = volume_from_node(node, record)
    np.testing.assert_array_equal(here.hu, volume.hu)
    assert here.acquisition == volume.acquisition
    again = evaluate(here, findings, models=MODELS).record
    for id_, entry in record.iqms.items():
        assert again.iqms[id_].status == entry.status
        assert again.iqms[id_].value == pytest.approx(entry.value, rel=1e-4, abs=2e-3), id_


def test_assess_gives_the_record_of_the_command_line(scene, module, tumour, tmp_path, monkeypatch, slicer_app):
    """By a click, from a work-list folder that no database knows any more."""
    import subprocess
    import sys

    from test_assessing import STAND_IN

    from HeadCTIQALib.gui.scan_source import FOLDER
    from HeadCTIQALib.record import read_record

    node, _ = load_dicom(tumour)
    database(monkeypatch, {})
    node.SetAttribute(FOLDER, str(tumour))
    module.ui.inputSelector.setCurrentNode(node)
    charged(module, "none")
    module.ui.assessButton.click()
    wait(slicer_app, lambda: not module.controller.assessing.running)
    assert module.ui.messageLabel.text == ""
    command = [sys.executable, str(STAND_IN), "none", "assess", str(tumour), "--output", str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    same(module.session.record, read_record(tmp_path / "out"))
    assert module.session.record.input.name == "2 HEAD"
    assert module.session.volume.acquisition.kernel


def test_files_told_from_the_folder_of_the_database_on(scene, head_volume, dicom_head_folder, monkeypatch):
    from HeadCTIQALib.gui.scan_source import INSTANCES, dicom_files

    node = add_volume(head_volume)
    paths = sorted(p for p in dicom_head_folder.rglob("*") if p.is_file())
    node.SetAttribute(INSTANCES, " ".join(f"1.{n}" for n in range(len(paths))))
    inside = {f"1.{n}": str(p.relative_to(dicom_head_folder)) for n, p in enumerate(paths)}
    database(monkeypatch, inside, str(dicom_head_folder))
    assert dicom_files(node) == paths
    del inside["1.0"]
    assert dicom_files(node) == [], "a part of the files is another scan"


def test_an_image_file_is_read_as_the_command_line_reads_it(scene, head_volume, tmp_path):
    import slicer

    from HeadCTIQALib.gui.scan_source import prepare

    made = add_volume(head_volume, "made")
    path = tmp_path / "case 7.nrrd"
    assert slicer.util.saveNode(made, str(path))
    scene.RemoveNode(made)
    node = slicer.util.loadVolume(str(path))
    assert prepare(node, tmp_path) == path
    slicer.util.updateVolumeFromArray(node, head_volume.hu.copy())
    assert prepare(node, tmp_path) != path, "it was changed since"
