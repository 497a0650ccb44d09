"""The sections Reader scores, Work list and Compare, clicked through."""

from __future__ import annotations

import json
import types

import pytest
from corrected_scan import Bench, volume_node, write_folder

from HeadCTIQALib.cohort.reader_entry import ReaderFile
from HeadCTIQALib.cohort.readers import read_readers
from HeadCTIQALib.scoring.calibration import SCORES

SCANS = ("case 1", "case 2", "case 3")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("assessed") / "labelled head")


@pytest.fixture(autouse=True)
def fresh_settings(slicer_app):
    slicer_app.userSettings().clear()


def key(widget, sequence):
    """Press a shortcut in the window of ``widget``."""
    from PySide6 import QtGui, QtTest

    widget.window().show()
    widget.window().activateWindow()
    QtTest.QTest.qWaitForWindowActive(widget.window(), 200)
    combination = QtGui.QKeySequence(sequence)[0]
    QtTest.QTest.keyClick(widget.window(), combination.key(), combination.keyboardModifiers())


class ReadingBench(Bench):
    """Work list and reader scores in one window, on scans that are loaded by name."""

    def __init__(self, scene, tmp_path, volume):
        from HeadCTIQALib.gui.readers import ReadersSection
        from HeadCTIQALib.gui.worklist import WorklistSection

        self.loaded = []

        def load(path):
            self.loaded.append(path.name)
            return volume_node(scene, volume, path.name)

        def both(session, holder):
            sections = ReadersSection(session, holder), WorklistSection(session, holder, load)
            return types.SimpleNamespace(cleanup=lambda: [s.cleanup() for s in sections])

        self.scans, self.scores = tmp_path / "scans", tmp_path / "scores"
        self.scans.mkdir()
        for name in SCANS:
            (self.scans / f"{name}.nii.gz").write_bytes(b"x")
        super().__init__(both)
        self.widget("readersFolderButton").directory = str(self.scores)
        self.widget("worklistFolderButton").directory = str(self.scans)

    def read(self, reader):
        self.widget("readerEdit").setText(reader)
        self.widget("readerEdit").editingFinished.emit()

    def enter(self, **scores):
        for id_, value in scores.items():
            self.widget(f"score_{id_}").setValue(value)

    def notice(self, name):
        label = self.widget(name)
        return label.text if label.isVisibleTo(label.parent()) else ""


@pytest.fixture
def bench(scene, tmp_path, folder):
    made = ReadingBench(scene, tmp_path, folder[0])
    yield made
    made.close()


def test_reading_a_work_list_with_the_keyboard_and_resuming(bench, scene):
    bench.read("AB")
    table = bench.widget("worklistTable")
    assert [table.item(n, 0).text() for n in range(table.rowCount)] == list(SCANS)
    bench.widget("resumeButton").click()
    assert bench.loaded == ["case 1.nii.gz"]
    for n, name in enumerate(SCANS):
        bench.enter(overall=60 + n, motion=70)
        key(bench.holder, "Ctrl+Return")
        assert ReaderFile(bench.scores, "AB").scores(name)["overall"] == 60.0 + n
        assert table.item(n, 1).text() == "✓"
        if n == 1:
            break
        key(bench.holder, "Ctrl+PgDown")
        assert bench.session.volume_node.GetName() == f"{SCANS[n + 1]}.nii.gz"
        assert bench.widget("score_overall").value == -1, "the next scan starts without scores"
    assert bench.widget("worklistCount").text == "2 of 3 scored"
    key(bench.holder, "Ctrl+PgUp")
    assert bench.widget("score_overall").value == 60
    assert bench.widget("score_centering").value == -1
    bench.widget("resumeButton").click()
    assert bench.session.volume_node.GetName() == "case 3.nii.gz"
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1, "the scans before are gone from memory"
    bench.widget("nextButton").click()
    assert "last scan" in bench.notice("worklistNotice")
    assert ReaderFile(bench.scores, "AB").scores("case 1") == {**dict.fromkeys(SCORES), "overall": 60.0, "motion": 70.0}


def test_two_readers_have_files_of_their_own(bench):
    for reader, score in (("AB", 80), ("ab", 40)):
        bench.read(reader)
        bench.widget("resumeButton").click()
        assert bench.widget("score_overall").value == -1, "nobody sees the other's scores"
        bench.enter(overall=score)
        bench.widget("saveScoresButton").click()
    table = read_readers(bench.scores)
    assert set(table.readers) == {"AB", "ab"}
    assert len(list(bench.scores.iterdir())) == 2
    assert {v.reader: v.value for v in table.values if v.target == "overall"} == {"AB": 80.0, "ab": 40.0}
    bench.read("AB")
    assert bench.widget("score_overall").value == 80


def test_scores_need_a_reader_a_scan_and_a_value(bench):
    bench.enter(overall=50)
    bench.widget("saveScoresButton").click()
    assert "reader id" in bench.notice("readersNotice")
    bench.read("AB")
    bench.enter(overall=50)
    bench.widget("saveScoresButton").click()
    assert "no name" in bench.notice("readersNotice")
    bench.widget("resumeButton").click()
    bench.widget("saveScoresButton").click()
    assert "at least one" in bench.notice("readersNotice")
    assert not bench.scores.exists()
    bench.widget("worklistFolderButton").directory = str(bench.scores)
    assert "does not exist" in bench.notice("worklistNotice")


def test_entered_scores_survive_blinding(bench):
    bench.read("AB")
    bench.widget("resumeButton").click()
    bench.enter(overall=50)
    bench.widget("blindedCheckBox").setChecked(True)
    assert bench.widget("score_overall").value == 50


def test_entered_scores_survive_choosing_reader_and_folder(bench, tmp_path):
    bench.widget("resumeButton").click()
    bench.enter(overall=50, motion=60)
    bench.read("AB")
    bench.widget("readersFolderButton").directory = str(tmp_path / "elsewhere")
    assert [bench.widget(f"score_{n}").value for n in ("overall", "motion", "centering")] == [50, 60, -1]
    assert "Not saved yet" in bench.widget("readersSavedLabel").text
    bench.widget("nextButton").click()
    assert bench.widget("score_overall").value == -1, "of the scan before"
    bench.enter(overall=10)
    bench.read("CD")
    assert bench.widget("score_overall").value == -1, "of another reader"


def test_entered_scores_survive_a_correction(module, scene, folder, tmp_path):
    volume_node(scene, folder[0])
    module.session.load(folder[1])
    box = module.ui.readersButton.findChild(__import__("qt").QSpinBox, "score_overall")
    box.setValue(42)
    module.session.update(module.session.record)
    assert box.value == 42


def test_scans_assessed_in_folders_of_one_name_keep_their_own_scores(scene, folder, tmp_path, make_head):
    """Every assessment that the module makes lies in a temporary folder of the same name."""
    from HeadCTIQALib.gui.readers import ReadersSection

    made = Bench(ReadersSection)
    made.widget("readersFolderButton").directory = str(tmp_path / "scores")
    made.widget("readerEdit").setText("AB")
    made.widget("readerEdit").editingFinished.emit()
    shas = []
    for n, score in enumerate((30, 90)):
        path = tmp_path / str(n) / "assessment"
        path.mkdir(parents=True)
        record = json.loads((folder[1] / "assessment.json").read_text())
        record["input"]["sha256"] = f"{n + 1}2" * 32
        (path / "assessment.json").write_text(json.dumps(record))
        made.session.load(path)
        assert made.widget("score_overall").value == -1
        made.widget("score_overall").setValue(score)
        made.widget("saveScoresButton").click()
        shas.append(record["input"]["sha256"][:16])
    table = read_readers(tmp_path / "scores")
    assert {v.scan: v.value for v in table.values if v.target == "overall"} == dict(
        zip(shas, (30.0, 90.0), strict=True)
    )
    made.close()


def test_no_folder_is_chosen_before_somebody_chooses_one(module):
    import qt

    for name in (
        "readersFolderButton", "worklistFolderButton", "worklistAssessmentsButton", "compareFolderButton",
        "calibrationAssessmentsButton", "calibrationReadersButton",
    ):  # fmt: skip
        assert module.controller.widget.findChild(qt.QWidget, name).text == "Choose folder...", name
    module.ui.calibrationButton.findChild(qt.QPushButton, "fitButton").click()
    assert "Choose the folder" in module.ui.calibrationButton.findChild(qt.QLabel, "calibrationNotice").text


def test_an_assessed_scan_of_a_work_list_is_marked_as_scored(bench, folder, tmp_path):
    """Its scores are filed under its checksum, whichever of its names the list shows."""
    import shutil

    assessments = tmp_path / "assessments"
    shutil.copytree(folder[1], assessments / "case 2")
    bench.read("AB")
    bench.widget("worklistAssessmentsButton").directory = str(assessments)
    for _ in range(2):
        bench.widget("nextButton").click()
    assert bench.session.record is not None
    bench.enter(overall=33)
    bench.widget("saveScoresButton").click()
    sha = bench.session.record.input.sha256[:16]
    assert ReaderFile(bench.scores, "AB").scores(sha)["overall"] == 33.0
    assert [bench.widget("worklistTable").item(n, 1).text() for n in range(3)] == ["", "✓", ""]


def test_a_scan_that_cannot_be_opened_is_named(bench, monkeypatch):
    from HeadCTIQALib.errors import InputError

    def fail(_path):
        raise InputError("It is damaged.")

    bench.read("AB")
    (bench.scans / "case 0.nii.gz").write_bytes(b"x")
    made = Bench(
        lambda session, holder: __import__("HeadCTIQALib.gui.worklist", fromlist=["x"]).WorklistSection(
            session, holder, fail
        )
    )
    made.widget("worklistFolderButton").directory = str(bench.scans)
    made.widget("nextButton").click()
    assert made.widget("worklistNotice").text == "case 0.nii.gz was not opened: It is damaged."
    made.close()


def test_blinding_hides_what_the_program_thinks(module, scene, folder):
    volume_node(scene, folder[0])
    module.session.load(folder[1])
    module.session.select("noise")
    box = module.ui.readersButton.findChild(__import__("qt").QCheckBox, "blindedCheckBox")
    box.setChecked(True)
    assert not module.ui.qualityButton.isVisibleTo(module.controller.widget)
    assert not module.ui.comparisonButton.isVisibleTo(module.controller.widget)
    assert module.session.selected is None
    box.setChecked(False)
    assert module.ui.qualityButton.isVisibleTo(module.controller.widget)


# compare


@pytest.fixture
def compared(scene, folder):
    from HeadCTIQALib.gui.comparison import ComparisonSection

    made = Bench(ComparisonSection)
    volume_node(scene, folder[0])
    made.session.load(folder[1])
    yield made
    made.close()


def test_two_assessments_side_by_side(compared, folder, tmp_path):
    record = json.loads((folder[1] / "assessment.json").read_text())
    record["iqms"]["noise"]["value"] += 1.5
    record["models"][0]["version"] = "2"
    other = tmp_path / "other"
    other.mkdir()
    (other / "assessment.json").write_text(json.dumps(record))
    compared.widget("compareFolderButton").directory = str(other)
    table = compared.widget("comparisonTable")
    rows = {
        table.item(n, 0).text().strip(): [table.item(n, c).text() for c in (1, 2, 3)] for n in range(table.rowCount)
    }
    assert len(rows) == 17
    assert rows["Noise (HU)"][2] == "+1.50"
    assert rows["Vertex margin (mm)"][2] == "="
    words = compared.widget("comparisonWords").text
    assert "stand-in 1" in words
    assert "stand-in 2" in words
    assert "1 of 10 metrics differ" in words
    n = next(n for n in range(table.rowCount) if table.item(n, 0).text().strip() == "Noise (HU)")
    table.cellClicked.emit(n, 0)
    assert compared.session.selected == "noise"


def test_other_scans_and_folders_are_refused(compared, folder, tmp_path):
    record = json.loads((folder[1] / "assessment.json").read_text())
    record["input"]["sha256"] = "12" * 32
    (tmp_path / "assessment.json").write_text(json.dumps(record))
    compared.widget("compareFolderButton").directory = str(tmp_path)
    assert "different scans" in compared.widget("comparisonNotice").text
    compared.widget("compareFolderButton").directory = str(tmp_path.parent)
    assert "not an assessment" in compared.widget("comparisonNotice").text
    assert compared.widget("comparisonTable").rowCount == 0
