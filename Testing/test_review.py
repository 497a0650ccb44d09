"""Corrections by a person: each of the ten IQMs by its finding and by a typed value, undo, revert, folder and back."""

import base64
import json
import time
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import numpy as np
import pytest
from labelled_head import labelled_head
from scipy import ndimage

from HeadCTIQALib.assessment import CorrectionError, evaluate, load_assessment, parse_value, value_range
from HeadCTIQALib.assessment.cropping import crop
from HeadCTIQALib.assessment.edits import TissueChange
from HeadCTIQALib.assessment.inputs import LABEL_PARTS
from HeadCTIQALib.assessment.labels import LabelChange, differing
from HeadCTIQALib.assessment.regions import Region
from HeadCTIQALib.assessment.review import Review
from HeadCTIQALib.errors import HeadCTIQAError, boundary
from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.masks import eroded
from HeadCTIQALib.metrics import METRICS, measure
from HeadCTIQALib.metrics.extras import extras
from HeadCTIQALib.metrics.extras_of_findings import OF_FINDINGS
from HeadCTIQALib.record import rescored_record, to_json
from HeadCTIQALib.record.reviewed import LabelRuns
from HeadCTIQALib.resources import resource
from HeadCTIQALib.scoring import guideline_model, score
from HeadCTIQALib.volume.sharpness import sharpness

MODELS = ({"name": "stand-in", "version": "1", "sha256": "0" * 64, "license": "Apache-2.0"},)
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
IDS = [m.id for m in IQMS]
AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@pytest.fixture(scope="module")
def fresh():
    volume, findings = labelled_head()
    return evaluate(volume, findings, models=MODELS)


@pytest.fixture(scope="module")
def schema():
    return jsonschema.Draft202012Validator(json.loads(resource("Schema", "assessment-1.2.schema.json").read_text()))


@pytest.fixture(autouse=True)
def quick_report(monkeypatch):
    monkeypatch.setattr("HeadCTIQALib.report.render", lambda record, volume, findings: "<html></html>")


@pytest.fixture
def review(fresh):
    return Review(fresh.volume, fresh.findings, fresh.measurements, record=fresh.record, now=lambda: NOW)


def painted(review, old, new, where=slice(None)):
    """The label map with ``old`` turned into ``new`` in the slices ``where``."""
    tissue = review.findings.tissue.copy()
    part = tissue[where]
    part[np.isin(part, old)] = new
    return tissue


def a_box(name, centre, size=(20.0, 20.0, 22.0)):
    return {name: Region(centre, AXES, size)}


def streaks(review):
    mask = review.findings.streak.copy()
    mask[25:30] |= review.findings.tissue[25:30] == Tissue.BRAIN
    return mask


# what a reader does to the finding of every IQM
BY_FINDING = {
    "symmetry_angle": lambda r: r.move_plane((0, 0, 0), (np.cos(0.1), np.sin(0.1), 0), corrector="AB"),
    "baseline_angle": lambda r: r.move_points(
        {"CANTHUS_R": (48, 62, -50), "CANTHUS_L": (-48, 62, -50)}, corrector="AB"
    ),
    "centering_offset": lambda r: r.paint(painted(r, [Tissue.SOFT], Tissue.HOLDER, np.s_[:, 110:]), corrector="AB"),
    "vertex_margin": lambda r: r.move_points({"VERTEX": (0, 0, 95)}, corrector="AB"),
    "foramen_magnum_margin": lambda r: r.move_points(
        {"BASION": (0, -8, -90), "OPISTHION": (0, -44, -92)}, corrector="AB", iqm="foramen_magnum_margin"
    ),
    "noise": lambda r: r.paint(painted(r, [Tissue.BRAIN], Tissue.CSF, np.s_[:, :80]), corrector="AB", iqm="noise"),
    "gray_white_cnr": lambda r: r.paint(painted(r, [Tissue.DEEP_GREY], Tissue.BRAIN, np.s_[:, :, 88:]), corrector="AB"),
    "motion_extent": lambda r: r.grade_slices([(15, 30, 3), (31, 32, 1)], corrector="AB"),
    "foreign_object_volume": lambda r: r.paint(painted(r, [Tissue.FOREIGN], Tissue.SOFT), corrector="AB"),
    "streak_extent": lambda r: r.paint_streak(streaks(r), corrector="AB"),
}


# the table of inputs


def test_table_names_every_iqm_and_known_parts():
    parts = set(LABEL_PARTS) | {"streak", "motion", "midsagittal"}
    assert set(METRICS) == set(IDS)
    for inputs in [*(m.reads for m in METRICS.values()), *(reads for _, reads in OF_FINDINGS.values())]:
        assert inputs - parts <= set(__import__("HeadCTIQALib.findings", fromlist=["x"]).LANDMARK_TITLES)


def edits_of_all_kinds(seed):
    """Random edits of every kind: any labels, streaks, plane, points, grades."""
    rng = np.random.default_rng(seed)

    def labels(r):
        tissue = r.findings.tissue.copy()
        k, j, i = (int(rng.integers(10, n - 30)) for n in tissue.shape)
        old, new = rng.choice(12, 2, replace=False)
        block = tissue[k : k + 12, j : j + 40, i : i + 40]
        block[block == old] = new
        return r.paint(tissue, corrector="AB")

    return [labels] * 5 + [
        lambda r: r.paint_streak(streaks(r), corrector="AB"),
        lambda r: r.move_plane((1, 2, 3), (0.98, 0.1, 0.15), corrector="AB"),
        lambda r: r.move_points({"EAM_L": None, "BASION": (0, -10, -80), "VERTEX": (1, 2, 98)}, corrector="AB"),
        lambda r: r.grade_slices([(5, 45, 1)], corrector="AB"),
        lambda r: r.paint(painted(r, [Tissue.WHITE, Tissue.GREY], Tissue.OUTSIDE, np.s_[:22]), corrector="AB"),
    ]  # fmt: skip


def assert_same(kept, whole):
    """Up to the last bits, which sums over a part of the scan leave open, and to what marks a correction."""
    assert kept.value == (None if whole.value is None else pytest.approx(whole.value, rel=1e-12)), kept.iqm
    assert kept.details == pytest.approx(whole.details, rel=1e-12, abs=1e-12)
    assert (kept.method, kept.flags) == (whole.method, whole.flags)
    if whole.evidence is not None:
        rounded = [
            replace(
                e, points={n: np.round(p, 6).tolist() for n, p in e.points.items()}, lines=np.round(e.lines, 6).tolist()
            )
            for e in (kept.evidence, whole.evidence)
        ]
        assert rounded[0] == rounded[1]


@pytest.mark.parametrize("seed", [1, 3, 7])
def test_measuring_only_what_changed_gives_the_same_as_measuring_everything(review, seed):
    review.prepare()
    for edit in edits_of_all_kinds(seed):
        edit(review)
        whole = measure(review.volume, review.findings)
        for id_, m in review.measurements.items():
            assert_same(m, whole[id_])
        assert review.scores == score(review.measurements, review.scoring_model)
    for kept, new in zip(
        review.assessment().extras, extras(review.volume, review.findings, review.measurements), strict=True
    ):
        assert (kept.id, kept.reason) == (new.id, new.reason)
        assert kept.value == (
            None if new.value is None else pytest.approx(new.value, abs=1e-4)
        )  # as rounded in the record
    for steps in (2, 3):
        for _ in range(steps):
            review.undo()
        whole = measure(review.volume, review.findings)
        for id_, m in review.measurements.items():
            assert_same(m, whole[id_])


def test_a_preview_has_new_metrics_and_scores_before_the_report_only_numbers(review):
    review.paint(painted(review, [Tissue.CSF], Tissue.OUTSIDE), corrector="AB")
    assert not review.complete
    preview = review.preview
    assert not review.complete
    record = review.record
    assert review.complete
    assert {**to_json(preview), "extras": 0, "created": 0} == {**to_json(record), "extras": 0, "created": 0}
    assert preview.extras != record.extras
    assert review.preview == record


def test_untouched_iqms_are_not_measured_again(review, monkeypatch):
    measured = []
    monkeypatch.setattr(
        "HeadCTIQALib.assessment.remeasure.measure",
        lambda v, f, only, memory=None: measured.extend(only) or measure(v, f, only=only, memory=memory),
    )
    for iqm, edit in BY_FINDING.items():
        measured.clear()
        edit(review)
        _ = review.measurements
        assert iqm in measured
        assert len(measured) <= 4, (iqm, measured)
        review.undo()
        _ = review.measurements
        review.redo()
        measured.clear()
        _ = review.measurements
        assert measured == []
        review.undo()


# each of the ten


@pytest.mark.parametrize("iqm", IDS)
def test_every_iqm_is_corrected_by_its_finding(review, fresh, schema, iqm):
    assert BY_FINDING[iqm](review) == iqm
    before, after = fresh.measurements[iqm], review.measurements[iqm]
    assert after.status == "corrected"
    assert after.value != pytest.approx(before.value, abs=1e-3)
    assert after.value == pytest.approx(measure(review.volume, review.findings)[iqm].value)
    record = review.record
    schema.validate(to_json(record))
    entry = record.iqms[iqm]
    assert (entry.status, entry.value) == ("corrected", pytest.approx(after.value, abs=1e-4))
    assert record.overall.score == pytest.approx(score(review.measurements, guideline_model()).overall.score, abs=1e-3)
    kept = next(c for c in record.corrections if c.iqm == iqm)
    assert kept.original == pytest.approx(before.value, abs=1e-4)
    assert (kept.corrector, kept.time) == ("AB", "2026-03-04T05:06:07Z")
    review.revert(iqm)
    assert review.measurements == fresh.measurements
    assert review.corrections == ()


@pytest.mark.parametrize("iqm", IDS)
def test_every_iqm_is_corrected_by_a_typed_value(review, fresh, schema, iqm):
    value = fresh.measurements[iqm].value + 1.25
    review.type_value(iqm, value, corrector="CD", reason="read off the workstation")
    after = review.measurements[iqm]
    assert (after.value, after.status, after.reason) == (value, "corrected", "read off the workstation")
    assert after.details == {}
    assert {i: m for i, m in review.measurements.items() if i != iqm} == {
        i: m for i, m in fresh.measurements.items() if i != iqm
    }
    schema.validate(to_json(review.record))
    (kept,) = review.record.corrections
    assert (kept.value, kept.original, kept.finding) == (
        pytest.approx(value, abs=1e-4), pytest.approx(fresh.measurements[iqm].value, abs=1e-4), "value",
    )  # fmt: skip
    category = next(m.category for m in IQMS if m.id == iqm)
    assert review.record.categories[category].score <= review.original_scores.categories[category].score + 25
    review.undo()
    assert review.measurements == fresh.measurements
    assert review.record == fresh.record


def test_shared_masks_mark_everything_that_followed(review, fresh):
    review.paint(painted(review, [Tissue.WHITE], Tissue.OUTSIDE), corrector="AB", iqm="gray_white_cnr")
    assert review.corrected[0] == "centering_offset"
    assert "gray_white_cnr" in review.corrected
    assert "symmetry_angle" not in review.corrected
    followed = review.measurements["streak_extent"]
    assert followed.status == "corrected"
    assert followed.reason.startswith("Follows from the correction of Grey-white")
    assert followed.value > fresh.measurements["streak_extent"].value
    cnr = review.measurements["gray_white_cnr"]
    assert cnr.status == "not_assessable", "an edit may leave nothing to measure"
    assert review.scores.overall.score is None
    review.revert("streak_extent")  # nothing is filed under it, so the edit it followed from goes
    assert review.measurements == fresh.measurements


def test_regions_of_interest(review):
    review.place_regions("noise", a_box("brain", (0.0, -55.0, 0.0)), corrector="AB")
    noise = review.measurements["noise"]
    assert noise.status == "corrected"
    assert noise.value == pytest.approx(4.0, abs=0.15)  # what the phantom was given
    assert "region of interest" in noise.method
    regions = a_box("deep_grey", (16.0, 0.0, 5.0), (8.0, 16.0, 8.0)) | a_box(
        "white", (40.0, 0.0, 20.0), (10.0, 30.0, 20.0)
    )
    review.place_regions("gray_white_cnr", regions, corrector="AB")
    assert review.measurements["gray_white_cnr"].value == pytest.approx(8 / 4.0, abs=0.15)
    assert review.measurements["gray_white_cnr"].details["contrast_hu"] == pytest.approx(8, abs=1.01)
    # a turned box holds the same tissue
    c, s = np.cos(0.5), np.sin(0.5)
    turned = Region((0.0, -55.0, 0.0), ((c, s, 0.0), (-s, c, 0.0), (0.0, 0.0, 1.0)), (20.0, 20.0, 22.0))
    review.place_regions("noise", {"brain": turned}, corrector="AB")
    assert review.measurements["noise"].value == pytest.approx(4.0, abs=0.15)
    review.paint(painted(review, [Tissue.BRAIN], Tissue.CSF, np.s_[:, :80]), corrector="AB", iqm="noise")
    assert "mode" in review.measurements["noise"].method, "the later correction counts"


def test_a_point_or_grade_that_was_missing_makes_the_iqm_assessable(fresh):
    marks = {k: v for k, v in fresh.findings.landmarks.items() if k != "VERTEX"}
    reasons = {"motion_extent": "Too few slices."}
    bare = fresh.findings.with_(landmarks=marks, motion_grades=None, streak=None, not_assessable=reasons)
    review = Review(fresh.volume, bare)
    assert review.scores.overall.score is None
    review.move_points({"VERTEX": (0.0, 0.0, 100.0)}, corrector="AB")
    assert review.measurements["vertex_margin"].status == "corrected"
    review.grade_slices([(0, 49, 0), (20, 22, 2)], corrector="AB")
    assert review.measurements["motion_extent"].value > 0
    assert review.corrections[-1].original is None
    review.paint_streak(np.zeros(fresh.volume.shape, bool), corrector="AB")
    assert review.measurements["streak_extent"].value == 0.0
    assert review.scores.overall.score is not None
    review.revert("motion_extent")
    assert review.measurements["motion_extent"].reason == "Too few slices."


# going back


def as_measured(reviewed, iqm):
    """A measurement without its uncertainty, which also follows from other findings (motion, noise) that are still corrected."""
    return replace(reviewed.measurements[iqm], quantiles=None)


def test_undo_redo_and_revert_are_steps_of_one_history(review, fresh):
    for iqm in ("symmetry_angle", "vertex_margin", "motion_extent"):
        BY_FINDING[iqm](review)
    review.type_value("noise", 5.0, corrector="AB", reason="seen")
    review.revert("vertex_margin")
    assert review.corrected == ("symmetry_angle", "noise", "motion_extent")
    assert as_measured(review, "vertex_margin") == as_measured(fresh, "vertex_margin")
    assert review.findings.landmarks == fresh.findings.landmarks
    review.undo()
    assert "vertex_margin" in review.corrected
    review.revert_all()
    assert review.measurements == fresh.measurements
    review.undo()
    assert len(review.corrected) == 4
    for _ in range(4):
        review.undo()
    assert not review.can_undo
    assert review.measurements == fresh.measurements
    review.redo()
    assert review.corrected == ("symmetry_angle",)
    review.type_value("noise", 5.0, corrector="AB", reason="another way")
    assert not review.can_redo
    for action, words in ((review.redo, "redo"), (lambda: review.revert("streak_extent"), "not corrected")):
        with pytest.raises(CorrectionError, match=words):
            action()
    review.revert_all()
    with pytest.raises(CorrectionError, match="nothing to revert"):
        review.revert_all()


def test_reverting_one_of_two_mask_edits_keeps_the_other(review, fresh):
    BY_FINDING["foreign_object_volume"](review)
    BY_FINDING["noise"](review)
    review.revert("foreign_object_volume")
    assert as_measured(review, "foreign_object_volume") == as_measured(fresh, "foreign_object_volume")
    np.testing.assert_array_equal(review.findings.tissue == Tissue.FOREIGN, fresh.findings.tissue == Tissue.FOREIGN)
    assert (review.findings.tissue == Tissue.CSF).sum() > (fresh.findings.tissue == Tissue.CSF).sum()


def test_edits_on_top_of_each_other_survive_the_revert_of_the_lower(review, fresh):
    """White painted as grey, then grey as brain: without the first the second still takes white matter away."""
    review.paint(painted(review, [Tissue.WHITE], Tissue.GREY, np.s_[:, :, :88]), corrector="AB", iqm="gray_white_cnr")
    review.paint(painted(review, [Tissue.GREY], Tissue.BRAIN), corrector="AB", iqm="noise")
    review.revert("gray_white_cnr")
    assert review.measurements["gray_white_cnr"].value == pytest.approx(
        measure(fresh.volume, review.findings)["gray_white_cnr"].value
    )
    assert not (review.findings.tissue == Tissue.GREY).any()


# refusals


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda r: r.type_value("noise", -1.0, corrector="AB", reason="x"), "between 0 and 200 HU"),
        (lambda r: r.type_value("noise", float("nan"), corrector="AB", reason="x"), "between"),
        (lambda r: r.type_value("streak_extent", 101.0, corrector="AB", reason="x"), "between 0 and"),
        (lambda r: r.type_value("noise", 5.0, corrector="AB", reason="x", unit="mm"), "not in mm"),
        (lambda r: r.type_value("noise", 5.0, corrector="AB", reason=" "), "say why"),
        (lambda r: r.type_value("noise", 5.0, corrector=" ", reason="x"), "reader id"),
        (lambda r: r.type_value("sharpness", 5.0, corrector="AB", reason="x"), "no image quality metric"),
        (lambda r: r.move_plane((0, 0, 0), (0, 0, 0), corrector="AB"), "no direction"),
        (lambda r: r.move_plane((0, 0, float("inf")), (1, 0, 0), corrector="AB"), "no direction"),
        (lambda r: r.move_plane((0, 0, 0), (0, 0.1, 1), corrector="AB"), "60°"),
        (lambda r: r.move_points({"NOSE": (0, 0, 0)}, corrector="AB"), "no landmark"),
        (lambda r: r.move_points({"VERTEX": (0, float("nan"), 0)}, corrector="AB"), "no position"),
        (lambda r: r.move_points({}, corrector="AB"), "No point"),
        (
            lambda r: r.grade_slices([(45, 50, 1)], corrector="AB"),
            "46 to 51 do not lie in this scan, which has slices 1 to 50",
        ),
        (lambda r: r.grade_slices([(20, 10, 1)], corrector="AB"), "ascending"),
        (lambda r: r.grade_slices([(10, 20, 4)], corrector="AB"), "grade 4"),
        (lambda r: r.grade_slices([], corrector="AB"), "No slice range"),
        (lambda r: r.paint(np.zeros((2, 2, 2), np.uint8), corrector="AB"), "shape"),
        (lambda r: r.paint(np.full(r.volume.shape, 12, np.uint8), corrector="AB"), "no tissue"),
        (lambda r: r.place_regions("noise", a_box("brain", (500.0, 0.0, 0.0)), corrector="AB"), "usable pixels"),
        (lambda r: r.place_regions("noise", a_box("white", (0.0, 0.0, 0.0)), corrector="AB"), "do not fit"),
        (lambda r: r.place_regions("motion_extent", a_box("brain", (0.0, 0.0, 0.0)), corrector="AB"), "do not fit"),
        (lambda r: r.undo(), "nothing to undo"),
    ],
)
def test_refused_corrections_change_nothing(review, fresh, action, words):
    with pytest.raises(CorrectionError, match=words) as caught:
        action(review)
    assert "\n" not in str(caught.value)
    assert review.edits == ()
    assert review.record == fresh.record


def test_regions_without_extent_or_direction_are_refused():
    with pytest.raises(CorrectionError, match="extent"):
        Region((0.0, 0.0, 0.0), AXES, (10.0, 0.0, 10.0))
    with pytest.raises(CorrectionError, match="direction"):
        Region((0.0, 0.0, 0.0), (AXES[0], AXES[0], AXES[2]), (10.0, 10.0, 10.0))


@pytest.mark.parametrize(
    ("iqm", "text", "value"),
    [
        ("noise", "5.5", 5.5),
        ("noise", " 5,5 HU ", 5.5),
        ("symmetry_angle", "3°", 3.0),
        ("vertex_margin", "\u22124 mm", -4.0),
        ("gray_white_cnr", "1.2", 1.2),
    ],
)
def test_typed_text_is_understood(iqm, text, value):
    assert parse_value(iqm, text) == value
    low, high = value_range(iqm)
    assert low <= value <= high


@pytest.mark.parametrize(
    ("iqm", "text", "words"),
    [
        ("noise", "five", "not a number"),
        ("noise", "", "not a number"),
        ("noise", "5 mm", "not in mm"),
        ("noise", "1e9", "between"),
    ],
)
def test_typed_text_is_refused(iqm, text, words):
    with pytest.raises(CorrectionError, match=words):
        parse_value(iqm, text)


# keeping


def everything(review):
    """One correction of every kind, several of them on top of each other."""
    for iqm in IDS:
        BY_FINDING[iqm](review)
    review.place_regions("noise", a_box("brain", (0.0, -55.0, 0.0)), corrector="CD", reason="cleaner")
    review.type_value("gray_white_cnr", 1.5, corrector="CD", reason="measured by hand")
    review.type_value("vertex_margin", -4.0, corrector="CD", reason="measured by hand")
    BY_FINDING["vertex_margin"](review)


def without_times(record):
    return {k: v for k, v in to_json(record).items() if k not in ("created", "timings")}


def test_folder_and_back_keeps_corrections_and_originals(review, fresh, schema, tmp_path):
    everything(review)
    schema.validate(to_json(review.record))
    folder = review.write(tmp_path / "scan")
    stored = load_assessment(folder, fresh.volume)
    np.testing.assert_array_equal(stored.findings.tissue, review.findings.tissue)
    np.testing.assert_array_equal(stored.findings.streak, review.findings.streak)
    assert stored.findings.landmarks == review.findings.landmarks
    again = Review.open(stored, fresh.volume)
    assert to_json(again.record) == json.loads((folder / "assessment.json").read_text())
    assert again.corrected == review.corrected
    assert again.measurements["vertex_margin"].value == pytest.approx(
        review.measurements["vertex_margin"].value, abs=1e-4
    )
    again.write(tmp_path / "copy")
    copied, stored_record = (json.loads((f / "assessment.json").read_text()) for f in (tmp_path / "copy", folder))
    assert copied | {"files": {}} == stored_record | {"files": {}}
    # steps made before closing can be undone one by one, or all at once
    again.undo()
    review.undo()
    assert without_times(again.record) == without_times(review.record)
    again.revert_all()
    np.testing.assert_array_equal(again.findings.tissue, fresh.findings.tissue)
    np.testing.assert_array_equal(again.findings.streak, fresh.findings.streak)
    np.testing.assert_array_equal(again.findings.motion_grades, fresh.findings.motion_grades)
    assert again.findings.landmarks == fresh.findings.landmarks
    assert again.findings.midsagittal == fresh.findings.midsagittal
    assert without_times(again.record) == without_times(fresh.record)
    assert not again.record.review


def test_edits_after_reopening_go_on_top(review, fresh, tmp_path):
    BY_FINDING["foreign_object_volume"](review)
    again = Review.open(load_assessment(review.write(tmp_path / "a"), fresh.volume), fresh.volume)
    BY_FINDING["symmetry_angle"](again)
    assert {"symmetry_angle", "foreign_object_volume"} <= set(again.corrected)
    third = Review.open(load_assessment(again.write(tmp_path / "a"), fresh.volume), fresh.volume)
    third.revert("foreign_object_volume")
    np.testing.assert_array_equal(third.findings.tissue, fresh.findings.tissue)
    assert third.corrected == ("symmetry_angle",)


def test_a_typed_value_stays_through_scoring_by_another_model(review, fresh, tmp_path):
    review.type_value("noise", 6.0, corrector="AB", reason="seen")
    other = replace(
        guideline_model(),
        id="site",
        name="Our site",
        kind="reader_non_negative",
        weights={**guideline_model().weights, "motion": 0.3, "scan_range": 0.1},
    )
    review.use_model(other)
    again = Review.open(load_assessment(review.write(tmp_path / "a"), fresh.volume), fresh.volume)
    assert again.scoring_model == other, "the record describes its scoring model in full"
    assert again.record.scoring_model.name == "Our site"
    assert again.record.iqms["noise"].value == 6.0
    again.undo()
    assert again.scores.overall.score == pytest.approx(score(fresh.measurements, other).overall.score, abs=1e-3)


def test_rescoring_the_record_keeps_corrections_and_their_originals(review, fresh):
    review.type_value("noise", 6.0, corrector="AB", reason="seen")
    BY_FINDING["vertex_margin"](review)
    even = dict.fromkeys(guideline_model().weights, 1 / 6)
    other = replace(guideline_model(), id="even", name="Even weights", weights=even)
    rescored = rescored_record(review.record, score(review.measurements, other), other)
    assert rescored.corrections == review.record.corrections
    assert rescored.review.edits == review.record.review.edits
    assert rescored.review.original.scores.overall == pytest.approx(
        score(fresh.measurements, other).overall.score, abs=1e-3
    )
    review.use_model(other)
    assert rescored.overall == review.record.overall


@pytest.mark.parametrize(
    "damage",
    [
        lambda r: r["edits"][0].update(finding="magic"),
        lambda r: r["edits"][0].pop("change"),
        lambda r: r["edits"][0].update(change=None),
        lambda r: r["edits"][0]["change"].pop("runs"),
        lambda r: r["edits"][0]["change"].update(data="AAAA"),
        lambda r: r["original"].pop("iqms"),
    ],
)
def test_damaged_corrections_are_refused_in_one_sentence(review, fresh, tmp_path, damage):
    BY_FINDING["foreign_object_volume"](review)
    folder = review.write(tmp_path / "a")
    path = folder / "assessment.json"
    record = json.loads(path.read_text())
    damage(record["review"])
    path.write_text(json.dumps(record))
    with pytest.raises(HeadCTIQAError, match="damaged"):
        Review.open(load_assessment(folder, fresh.volume), fresh.volume)


def test_few_bytes_cannot_keep_the_program_painting(review, fresh, tmp_path, monkeypatch):
    """Refused from what the record says, before any run is unpacked; the most that is allowed is replayed while a person waits."""
    streak = np.zeros(fresh.volume.shape, bool)
    streak[4, 10:20, 10:20] = True
    review.paint_streak(streak, corrector="A")
    folder = review.write(tmp_path / "a")
    path = folder / "assessment.json"
    record = json.loads(path.read_text())
    (edit,) = record["review"]["edits"]
    record["review"]["edits"] = [edit] * 2000
    path.write_text(json.dumps(record))
    began = time.process_time()
    opened = Review.open(load_assessment(folder, fresh.volume), fresh.volume)
    assert len(opened.corrections) >= 2000
    opened.undo()
    assert time.process_time() - began < 8
    opened.redo()
    with pytest.raises(
        HeadCTIQAError, match=r"^The corrections are more than can be kept for one scan \(2,001 that paint"
    ):
        opened.type_value("noise", 5.0, corrector="A", reason="typed")
    assert len(opened.edits) == 2000
    monkeypatch.setattr(LabelChange, "from_record", None)
    for size in ({"voxels": 10**12}, {"runs": 10**12}):
        record["review"]["edits"] = [{**edit, "change": {**edit["change"], **size}}]
        path.write_text(json.dumps(record))
        with pytest.raises(
            HeadCTIQAError,
            match=r"^The corrections in .*a are more than can be kept for one scan \(1 that paint .*assess the scan again\.$",
        ):
            Review.open(load_assessment(folder, fresh.volume), fresh.volume)


def test_a_volume_without_tags_takes_them_from_the_record(review, fresh, tmp_path):
    folder = review.write(tmp_path / "a")
    bare = replace(fresh.volume, acquisition=type(fresh.volume.acquisition)())
    assert Review.open(load_assessment(folder, bare), bare).volume.acquisition == fresh.volume.acquisition


def test_label_changes_are_small_and_exact():
    rng = np.random.default_rng(3)
    old = rng.integers(0, 12, (20, 64, 64)).astype(np.uint8)
    new = old.copy()
    new[5:9, 10:40, 10:40] = 4
    change = LabelChange.between(old, new)
    back = LabelChange.from_record(change.to_record(), old.size, 11)
    flat = old.copy().reshape(-1)
    flat[back.indices()] = back.voxel_values()
    np.testing.assert_array_equal(flat.reshape(old.shape), new)
    assert len(change.to_record().data) < 4000
    empty = LabelChange.between(old, old)
    assert (empty.size, LabelChange.from_record(empty.to_record(), old.size, 11).size) == (0, 0)
    with pytest.raises(ValueError, match="fit"):
        LabelChange.from_record(change.to_record(), 100, 11)


def test_where_labels_changed_is_known_without_looking_at_all_of_the_scan():
    rng = np.random.default_rng(4)
    old = rng.integers(0, 12, (20, 30, 40)).astype(np.uint8)
    for box in (
        np.s_[5:9, 10:20, 7:30],
        np.s_[0:1, 0:1, 0:1],
        np.s_[3:6, :, :],
        np.s_[19:, 29:, 2:],
        np.s_[4:5, 8:12, :],
    ):
        new = old.copy()
        new[box] = (new[box] + 1) % 12
        change = LabelChange.between(old, new)
        changed = differing(old, new)
        assert list(change.slices(old.shape)) == changed == list(range(*box[0].indices(20)))
        np.testing.assert_array_equal(
            LabelChange.between(old, new, change.slices(old.shape)).indices(), change.indices()
        )
        held = np.zeros(old.shape, bool)
        held[TissueChange(change).box(old.shape)] = True
        assert held[old != new].all()
        assert held.sum() <= len(changed) * 30 * 40
    assert differing(old, old.copy()) == []
    assert list(LabelChange.between(old, old).slices(old.shape)) == []


def test_erosion_by_shifting_is_the_minimum_filter():
    rng = np.random.default_rng(5)
    for _ in range(200):
        shape, (rows, columns) = rng.integers(1, 40, 2), rng.integers(0, 6, 2)
        mask = ndimage.binary_dilation(rng.random(shape) > 0.8, iterations=int(rng.integers(1, 4)))
        wanted = ndimage.minimum_filter(mask.view(np.uint8), (2 * rows + 1, 2 * columns + 1), mode="constant", cval=0)
        np.testing.assert_array_equal(eroded(mask, rows, columns), wanted.view(bool))


def test_a_change_in_pieces_is_the_same_change(monkeypatch):
    rng = np.random.default_rng(5)
    old = np.zeros((6, 40, 40), np.uint8)
    new = (rng.integers(0, 3, old.shape) * (rng.random(old.shape) < 0.4)).astype(np.uint8)
    new[2] = 7
    change = LabelChange.between(old, new)
    for size in (1, 7, 100, 10**6):
        monkeypatch.setattr("HeadCTIQALib.assessment.labels._PIECE", size)
        pieces = list(change.pieces())
        assert np.array_equal(np.concatenate([p.indices() for p in pieces]), change.indices())
        assert np.array_equal(np.concatenate([p.voxel_values() for p in pieces]), change.voxel_values())


def unpacked_to_gigabytes(entry):
    entry.update(runs=10**9, data=base64.b64encode(zlib.compress(bytes(50_000_000))).decode())


@pytest.mark.parametrize("damage", [
    unpacked_to_gigabytes,
    lambda e: e.update(runs=5, data=base64.b64encode(zlib.compress(bytes(50_000_000))).decode()),
    lambda e: e.update(packed(starts=[-1, 1], lengths=[1, 1], values=[1, 1])),
    lambda e: e.update(packed(starts=[0, 2**62], lengths=[1, 1], values=[1, 1])),
    lambda e: e.update(packed(starts=[0, 2**63 - 1, 5], lengths=[1, 1, 1], values=[1, 1, 1])),
    lambda e: e.update(packed(starts=[0], lengths=[2**31 - 1], values=[1])),
    lambda e: e.update(packed(starts=[0], lengths=[0], values=[1])),
    lambda e: e.update(packed(starts=[0], lengths=[3], values=[99])),
    lambda e: e.update(data="%%%"),
    lambda e: e.update(data=e["data"][: len(e["data"]) // 2 // 4 * 4]),
    lambda e: e.update(voxels=1),
])  # fmt: skip
def test_painted_changes_that_do_not_fit_the_scan_are_refused(damage):
    entry = packed(starts=[0, 20], lengths=[5, 5], values=[1, 2])
    damage(entry)
    with pytest.raises(Exception) as caught, boundary("damaged"):  # noqa: PT011
        LabelChange.from_record(LabelRuns(**entry), 8000, 11)
    assert isinstance(caught.value, HeadCTIQAError)


def packed(starts, lengths, values):
    with np.errstate(over="ignore"):
        distances = np.diff(np.array(starts, np.int64), prepend=np.int64(0))
    raw = distances.astype("<i8").tobytes() + np.array(lengths, "<i4").tobytes() + np.array(values, np.uint8).tobytes()
    return {"voxels": int(sum(lengths)), "runs": len(starts), "data": base64.b64encode(zlib.compress(raw)).decode()}


def test_what_is_read_on_the_outline_of_the_head_is_that_of_the_whole_scan():
    volume, findings = labelled_head(40, 256, 0.9, 4.0)
    small, _ = crop(volume, findings, np.s_[10:30, 60:196, 60:196])
    assert small.sharpness is volume.sharpness
    assert small.texture is volume.texture
    assert small.sharpness != sharpness(replace(small))  # the box shows no skin
