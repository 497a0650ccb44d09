"""The panel says in words, marks and bars what the record says, for every row and state."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS
from HeadCTIQALib.report.html import esc as escape
from HeadCTIQALib.report.record import band_text, score_and_spread
from HeadCTIQALib.report.summary import plain_words, verdict

pytestmark = pytest.mark.usefixtures("alone")

TITLE, VALUE, BAR, RATING, POINTS = range(5)


def test_empty_module(module):
    assert "No assessment yet" in module.ui.overallLabel.text
    assert not module.ui.assessButton.enabled
    for button in (module.ui.reportButton, module.ui.csvButton, module.ui.saveButton):
        assert not button.enabled


def test_scan_is_preselected(scan_node, module):
    assert module.ui.inputSelector.currentNode() is scan_node
    assert module.session.volume_node is scan_node
    assert module.ui.assessButton.enabled


def test_tree_is_the_hierarchy(assessed):
    record, tree = assessed.session.record, assessed.ui.qualityTree
    assert tree.topLevelItemCount == len(CATEGORIES) == 6
    items = [tree.topLevelItem(n) for n in range(6)]
    for category, item in zip(CATEGORIES, items, strict=True):
        assert item.text(TITLE) == category.title
        score = record.categories[category.id].score
        assert item.text(VALUE) == ("–" if score is None else score_and_spread(record.categories[category.id]))
        assert not item.icon(BAR).isNull()
        assert item.isExpanded()
    leaves = [items[n].child(m) for n in range(6) for m in range(items[n].childCount())]
    assert [leaf.text(TITLE) for leaf in leaves] == [m.item_title for m in IQMS]
    assert [leaf.child(0).text(TITLE) for leaf in leaves] == [f"{m.title} {m.symbol}" for m in IQMS]
    for iqm, leaf in zip(IQMS, leaves, strict=True):
        entry = record.iqms[iqm.id]
        state = "not assessable" if entry.value is None else band_text(entry)
        assert state in leaf.text(RATING)
        assert leaf.text(RATING)[0] in "●▲■✕○"


def test_why_in_plain_words(assessed):
    assessed.session.select("symmetry_angle")
    words = assessed.ui.whyBrowser.plainText
    assert "7.2°" in words
    assert "nose to the patient's left" in words
    assert "Acceptable up to 8°" in words
    assert "in the overall score" in words or assessed.session.record.overall.score is None


def test_the_verdict_stands_on_top_with_model_and_profile(assessed):
    record, label = assessed.session.record, assessed.ui.overallLabel.text
    places = [label.index(words) for words in (escape(verdict(record)), "Scored by: ", "Profile: ")]
    assert places == sorted(places)
    assert label.index(escape(verdict(record))) < label.index("font-size:20pt")
    assert record.scoring_model.name in label
    assert record.profile.name in label


def test_every_item_has_its_score_and_what_to_do(assessed):
    record, panel = assessed.session.record, assessed.controller.panel
    for iqm in IQMS:
        entry, item = record.iqms[iqm.id], panel.item(f"item/{iqm.item}")
        told = plain_words(entry.advice.instruction)
        assert item.text(VALUE) == score_and_spread(entry)
        assert told in item.toolTip(TITLE)
        assessed.session.select(iqm.id)
        assert told in assessed.ui.whyBrowser.plainText
        assert ("What to do" in assessed.ui.whyBrowser.plainText) == bool(told)


@pytest.mark.parametrize("id_", ["overall", *(c.id for c in CATEGORIES), *(m.id for m in IQMS)])
def test_how_answers_the_auditor(assessed, id_):
    """Formula, source, networks with version and hash, acquisition, for whatever is selected."""
    assessed.session.select(id_)
    words = assessed.ui.howBrowser.plainText
    assert "Formula" in words
    assert "stand-in 1, SHA-256 0000000000000000" in words
    assert "kernel H30s" in words
    assert "headctiqa-assessment/1.2" in words
    if id_ in IQM_BY_ID:
        assert "Source" in words
        assert IQM_BY_ID[id_].definition[:9] in words


def test_withheld_and_not_assessable_are_visible(assessed):
    """The ellipsoid has no noise texture: its category and the overall score are withheld."""
    assert assessed.session.record.iqms["noise"].status == "not_assessable"
    panel = assessed.controller.panel
    assert panel.item("noise_contrast").text(RATING) == "○ withheld"
    assert panel.item("item/noise").text(RATING) == "✕ not assessable"
    assert panel.item("item/noise").text(VALUE) == "–"
    assert "○ withheld" in assessed.ui.overallLabel.text
    assessed.session.select("noise")
    assert "Not assessable" in assessed.ui.whyBrowser.plainText


def test_corrected_is_marked(assessed):
    from HeadCTIQALib.record import check_record, to_json

    record = to_json(assessed.session.record)
    entry = record["iqms"]["motion_extent"]
    entry.update(
        value=0.0,
        interval=None,
        score_interval=None,
        read_at=0.0,
        band="good",
        score=100.0,
        judged=None,
        quantiles=None,
        status="corrected",
        reason="no motion in truth",
    )
    record["corrections"] = [
        {
            "iqm": "motion_extent",
            "reason": "no motion in truth",
            "corrector": "AB",
            "time": "2026-01-01T00:00:00Z",
            "original": 3.0,
            "value": 0.0,
            "finding": "value",
        }
    ]
    assessed.session.select("motion_extent")
    assessed.session.update(check_record(record, "x"))
    assert assessed.session.corrected
    assert assessed.session.selected == "motion_extent"
    assert assessed.controller.panel.item("item/motion_artifact").text(RATING) == "● good ✎"
    assert "no motion in truth" in assessed.ui.whyBrowser.plainText
    assert "AB" in assessed.ui.howBrowser.plainText
    assert "corrected by a person" in assessed.ui.overallLabel.text


def test_mask_statistics(assessed, head_volume):
    from scans import defects

    from HeadCTIQALib.report.statistics import mask_statistics

    assessed.session.select("foreign_object_volume")
    assessed.ui.detailTabs.currentIndex = 2
    findings = defects(head_volume)
    expected = next(s for s in mask_statistics(head_volume, findings) if s.id == "foreign")
    under = head_volume.hu[findings.tissue == 11]
    assert expected.volume_ml == pytest.approx(len(under) * 5.0 * 2.4 * 2.4 / 1000)
    assert expected.mean_hu == pytest.approx(under.mean())
    assert expected.sd_hu == pytest.approx(under.std())
    words = assessed.ui.masksBrowser.plainText
    assert "Removable foreign objects" in words
    assert f"{expected.volume_ml:.2f} mL" in words


def test_selection_by_keyboard(assessed):
    import qt
    from PySide6.QtTest import QTest

    tree = assessed.ui.qualityTree
    tree.setCurrentItem(tree.topLevelItem(0))
    assert assessed.session.selected == "positioning"
    QTest.keyClick(tree, qt.Qt.Key_Down)
    assert assessed.session.selected == "symmetry_angle"


def test_overall_button(assessed):
    assessed.session.select("noise")
    assessed.ui.overallButton.click()
    assert assessed.session.selected == "overall"
    assert not assessed.ui.qualityTree.selectedItems()


def test_report_table_and_folder(assessed, tmp_path, monkeypatch):
    import csv

    import qt

    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", opened.append)
    assessed.ui.reportButton.click()
    assert opened[0].toLocalFile().endswith("report.html")
    table = tmp_path / "table.csv"
    monkeypatch.setattr("HeadCTIQALib.gui.forms.ask_table", lambda *asked: str(table))
    assessed.ui.csvButton.click()
    assessed.ui.csvButton.click()
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert len(rows) == 2
    assert float(rows[0]["symmetry_angle"]) == pytest.approx(7.2, abs=0.01)
    assert rows[0]["noise"] == ""
    assert rows[0]["noise_status"] == "not_assessable"
    record = assessed.session.record
    assert rows[0]["verdict"] == record.verdict.sentence
    assert float(rows[0]["overall_at_most"]) == record.overall.at_most
    entry = record.iqms["symmetry_angle"]
    told = [rows[0][f"symmetry_angle_{key}"] for key in ("score", "band", "bound", "advice")]
    assert told == [str(entry.score), entry.band, entry.bound or "", entry.advice.instruction]
    assert rows[0]["profile"] == record.profile.name
    table.write_text("a,b\n", encoding="utf-8")
    assessed.ui.csvButton.click()
    assert "other columns" in assessed.ui.messageLabel.text
    target = tmp_path / "saved"
    target.mkdir()
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(target))
    assessed.ui.saveButton.click()
    assert "Saved in" in assessed.ui.messageLabel.text
    assert (target / "assessment.json").read_text(encoding="utf-8") == (
        assessed.session.folder / "assessment.json"
    ).read_text(encoding="utf-8")


def test_corrected_assessment_is_saved_anew(assessed, tmp_path, monkeypatch):
    import qt

    from HeadCTIQALib import report
    from HeadCTIQALib.assessment import load_assessment

    monkeypatch.setattr(report, "render", lambda record, *_: f"<html>{record.warnings}</html>")
    assessed.session.update(replace(assessed.session.record, warnings=("changed",)))
    target = tmp_path / "saved"
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(target))
    assessed.ui.saveButton.click()
    stored = load_assessment(target, assessed.session.volume)
    assert stored.record.warnings == ("changed",)
    assert (stored.findings.tissue == assessed.session.findings.tissue).all()
    assert "changed" in (target / "report.html").read_text(encoding="utf-8")
    (target / "mine.txt").write_text("x", encoding="utf-8")
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("x", encoding="utf-8")
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(other))
    assessed.ui.saveButton.click()
    assert "holds other files" in assessed.ui.messageLabel.text


def test_wrong_folder_is_one_sentence(scan_node, module, tmp_path):
    module.controller.load(tmp_path)
    assert "is not an assessment" in module.ui.messageLabel.text
    assert module.session.record is None


def test_folder_without_its_scan(scene, module, assessment_folder):
    module.controller.load(assessment_folder)
    assert module.session.results is None
    assert module.ui.qualityTree.topLevelItemCount == 6
    assert "load the scan to see the evidence" in module.ui.messageLabel.text
    module.session.select("streak_extent")
    assert "Streaks cover" in module.ui.whyBrowser.plainText


def test_another_scan_has_its_own_assessment(assessed, head_volume):
    from scans import add_volume

    first = assessed.session.volume_node
    assessed.ui.inputSelector.setCurrentNode(add_volume(head_volume, "second"))
    assert assessed.session.record is None
    assert "No assessment yet" in assessed.ui.overallLabel.text
    assessed.ui.inputSelector.setCurrentNode(first)
    assert assessed.session.record is not None


def test_saving_and_opening_the_scene(assessed, scene, tmp_path):
    """Save while evidence is shown: the saved scene looks as the user had it, and brings everything back."""
    import slicer

    display = assessed.session.volume_node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(99, 33)
    mine = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "mine")
    mine.CreateDefaultDisplayNodes()
    assessed.session.select("streak_extent")
    assert display.GetWindow() != 99
    assert not mine.GetDisplayNode().GetVisibility()
    record = assessed.session.record
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    scene.Clear(False)
    assert assessed.session.record is None
    assert "No assessment yet" in assessed.ui.overallLabel.text
    slicer.util.loadScene(path)
    assert assessed.session.record == record
    assert assessed.session.volume_node.GetDisplayNode().GetWindow() == 99
    assert slicer.util.getNode("mine").GetDisplayNode().GetVisibility()
    assert not slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")
    assessed.session.select("streak_extent")
    assert assessed.session.results.segmentation.GetDisplayNode().GetVisibility()
