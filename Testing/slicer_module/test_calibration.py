"""The section Calibration: fit to readers, before and after, accept and revert; no torch anywhere."""

from __future__ import annotations

import copy
import json
import sys

import numpy as np
import pytest
from corrected_scan import Bench, volume_node, write_folder

from HeadCTIQALib.cohort.readers import ReaderValue, read_readers, write_readers
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.record import check_record, dump, measurements_from_record, rescored_record
from HeadCTIQALib.scoring import guideline_model, load_model, score
from HeadCTIQALib.scoring.calibration import SCORES
from HeadCTIQALib.scoring.profile_file import shipped_profiles


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("assessed") / "labelled head")


@pytest.fixture(scope="session")
def cohort(tmp_path_factory, folder):
    """40 assessments with random values, and two readers who are stricter than the guideline."""
    root = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(5)
    template = json.loads((folder[1] / "assessment.json").read_text())
    model, values = guideline_model(), []
    for n in range(40):
        record = copy.deepcopy(template)
        for m in IQMS:
            good, poor = (next(x for x, y in m.knots[::-1] if y == limit) for limit in (80, 60))
            worst = 2 * poor - good
            value = float(rng.uniform(min(good, worst), max(good, worst)))
            known = {"value": value, "read_at": value, "band": "good", "score": 80.0, "status": "measured"}
            record["iqms"][m.id].update(**known, judged=None, bound=None, quantiles=None)
        record = check_record(record, "x")
        record = rescored_record(record, score(measurements_from_record(record), model), model)
        (root / "assessments" / f"s{n:02d}").mkdir(parents=True)
        (root / "assessments" / f"s{n:02d}" / "assessment.json").write_text(dump(record))
        for reader in ("AB", "CD"):
            for target in SCORES:
                automatic = record.overall.score if target == "overall" else record.categories[target].score
                values.append(
                    ReaderValue(f"s{n:02d}", reader, target, float(np.clip(automatic - 15 + rng.normal(0, 3), 0, 100)))
                )
    write_readers(root / "readers" / "all.csv", values)
    return root


@pytest.fixture
def bench(scene, folder, tmp_path):
    import ctk

    from HeadCTIQALib.gui.calibration import CalibrationSection

    made = Bench(lambda session, holder: CalibrationSection(session, holder, lambda: str(tmp_path / "model.json")))
    volume_node(scene, folder[0])
    made.session.load(folder[1])
    made.scoring_edit = ctk.ctkPathLineEdit()
    made.section._scoring_edit = lambda: made.scoring_edit
    yield made
    made.close()


def fit(bench, cohort):
    bench.widget("calibrationAssessmentsButton").directory = str(cohort / "assessments")
    bench.widget("calibrationReadersButton").directory = str(cohort / "readers")
    bench.widget("fitButton").click()


def test_fit_shows_before_and_after_and_changes_nothing_yet(bench, cohort, scene):
    before = bench.session.record
    fit(bench, cohort)
    assert bench.widget("calibrationNotice").text == ""
    words = bench.widget("calibrationWords").plainText
    assert "cross-validated error" in words
    assert "kept for testing" in words
    table = bench.widget("calibrationTable")
    assert table.rowCount >= 6
    assert any(table.item(n, 0).text().startswith("Weight") for n in range(table.rowCount))
    shown = {table.item(n, 0).text(): [table.item(n, k).text() for k in (1, 2, 3)] for n in range(table.rowCount)}
    assert shown["Motion: ideal scan"][0] == "100.00"
    assert 70 < float(shown["Motion: ideal scan"][1]) < 90, "the new model's own number, not only the guideline's"
    chart = bench.section._plots.bland_altman
    assert chart.GetNumberOfPlotSeriesNodes() == 5  # before, after, bias and two limits
    before_series, after_series = (chart.GetNthPlotSeriesNode(n) for n in (0, 1))
    differences = [
        np.array([t.GetValue(r, 1).ToDouble() for r in range(t.GetNumberOfRows())])
        for t in (s.GetTableNode().GetTable() for s in (before_series, after_series))
    ]
    assert differences[0].mean() == pytest.approx(15, abs=2), "the readers are stricter than the guideline"
    assert abs(differences[1].mean()) < 3
    low, high = chart.GetYAxisRange()
    data = np.concatenate(differences)
    assert low < data.min()
    assert data.max() + (data.max() - data.min()) / 3 < high, "room for the legend above the data"
    turned = []
    bench.section._plots.turn_to = turned.append
    bench.widget("calibrationPlot").setCurrentIndex(1)
    assert turned == [chart]
    assert bench.session.record == before
    assert bench.scoring_edit.currentPath == ""


def test_accept_scores_by_the_model_and_revert_goes_back(bench, cohort, tmp_path, scene):
    before = bench.session.record
    fit(bench, cohort)
    bench.widget("acceptModelButton").click()
    model = load_model(tmp_path / "model.json")
    assert bench.scoring_edit.currentPath == str(tmp_path / "model.json")
    assert bench.session.record.scoring_model.id == model.id
    assert bench.session.record.overall.score < before.overall.score
    assert bench.session.record.iqms == before.iqms
    bench.widget("revertModelButton").click()
    assert bench.scoring_edit.currentPath == ""
    assert bench.session.record.overall.score == pytest.approx(before.overall.score, abs=1e-3)
    assert bench.session.record.scoring_model == before.scoring_model
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 0
    assert not bench.widget("acceptModelButton").enabled


@pytest.mark.parametrize("way", ["leaving", "another fit", "own choice"])
def test_the_users_views_come_back(bench, cohort, scene, monkeypatch, way):
    import types

    import slicer

    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode") or scene.AddNewNodeByClass("vtkMRMLLayoutNode")
    for known in ("OneUpRedSliceView", "FourUpPlotView", "ConventionalView"):  # the application describes them all
        layout.AddLayoutDescription(getattr(layout, f"SlicerLayout{known}"), "<layout/>")
    layout.SetViewArrangement(layout.SlicerLayoutOneUpRedSliceView)
    logic = types.SimpleNamespace(
        ShowChartInLayout=lambda _chart: layout.SetViewArrangement(layout.SlicerLayoutFourUpPlotView)
    )
    monkeypatch.setattr(slicer.modules, "plots", types.SimpleNamespace(logic=lambda: logic), raising=False)
    fit(bench, cohort)
    assert layout.GetViewArrangement() == layout.SlicerLayoutFourUpPlotView
    wanted = layout.SlicerLayoutOneUpRedSliceView
    if way == "another fit":
        fit(bench, cohort)
    elif way == "own choice":
        wanted = layout.SlicerLayoutConventionalView
        layout.SetViewArrangement(wanted)
    bench.section.exit()
    assert layout.GetViewArrangement() == wanted


def test_a_fit_judges_by_the_profile_of_what_is_shown(bench, cohort):
    thin = guideline_model(shipped_profiles()["thin"])
    record = bench.session.record
    bench.session.update(rescored_record(record, score(measurements_from_record(record), thin), thin))
    fit(bench, cohort)
    assert bench.section._result.fit.model.profile == thin.profile


def test_readers_on_another_scale_are_mapped_by_the_choice(bench, cohort, tmp_path):
    """The same readers on 5-1 (1 is best): asked, refused the wrong way round, fitted the right way round."""
    rows = ["scan,reader,target,value"]
    for v in read_readers(cohort / "readers").values:
        rows.append(f"{v.scan},{v.reader},{v.target},{5 - round(v.value / 25)}")
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "all.csv").write_text("\n".join(rows) + "\n")
    choice = bench.widget("calibrationScale")
    titles = [choice.itemText(n) for n in range(choice.count)]
    assert titles[:3] == ["0-100 (100 is best)", "1-5 (5 is best)", "5-1 (1 is best)"]
    assert "poor/acceptable/good" in titles

    def fit_by(title):
        choice.setCurrentIndex(titles.index(title))
        bench.widget("calibrationAssessmentsButton").directory = str(cohort / "assessments")
        bench.widget("calibrationReadersButton").directory = str(tmp_path / "steps")
        bench.widget("fitButton").click()
        return bench.widget("calibrationNotice").text

    assert "say which scale they are on" in fit_by("0-100 (100 is best)")
    assert "choose the scale 5-1" in fit_by("1-5 (5 is best)")
    assert not bench.widget("acceptModelButton").enabled
    assert fit_by("5-1 (1 is best)") == ""
    words = bench.widget("calibrationWords").plainText
    assert "Scores were mapped to 0-100 from the scale 5-1" in words
    assert "above the worst category" in words


def test_what_cannot_be_fitted_is_said_in_a_sentence(bench, cohort, tmp_path):
    bench.widget("fitButton").click()
    assert "folder" in bench.widget("calibrationNotice").text
    bench.widget("calibrationAssessmentsButton").directory = str(tmp_path)
    bench.widget("calibrationReadersButton").directory = str(cohort / "readers")
    bench.widget("fitButton").click()
    assert "no assessments" in bench.widget("calibrationNotice").text
    assert not bench.widget("acceptModelButton").enabled


def test_works_without_torch(bench, cohort):
    if "torch" in sys.modules:
        pytest.skip("torch was imported by another test of this process; run Testing/slicer_module by itself")
    fit(bench, cohort)
    assert "torch" not in sys.modules
