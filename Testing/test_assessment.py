"""The pipeline, the record and its schema, and the folder: whole or not at all."""

import dataclasses
import errno
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import pytest
from assessment_stand_in import MODELS, find, install

from HeadCTIQALib import assessment
from HeadCTIQALib.assessment import Correction, evaluate, load_assessment, measurements_from_record
from HeadCTIQALib.assessment.correction import apply_corrections
from HeadCTIQALib.errors import InputError, ModelError, OutputError
from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS
from HeadCTIQALib.record import check_record, dump, to_json
from HeadCTIQALib.record.rounding import plain
from HeadCTIQALib.record.schema import dictionary, json_schema
from HeadCTIQALib.resources import resource
from HeadCTIQALib.volume import Source

FILES = {"assessment.json", "segmentation.seg.nrrd", "landmarks.mrk.json", "midsagittal.mrk.json", "report.html"}


@pytest.fixture(scope="module")
def schema():
    return json.loads(resource("Schema", "assessment-1.2.schema.json").read_text())


@pytest.fixture(scope="module")
def volume(make_head):
    head = make_head(slices=48)
    source = Source("simulated", "ellipsoids", series_uid="1.2.826.0.1.3680043.8.498.77", sha256="ab" * 32)
    return dataclasses.replace(head, source=source, warnings=("A warning.",))


@pytest.fixture(scope="module")
def result(volume):
    return evaluate(volume, find(volume), models=MODELS, timings={"read": 1.2345})


@pytest.fixture(autouse=True)
def quick_report(monkeypatch):
    """Drawing the report takes seconds and is no matter of these tests; test_cli has a run with the real one."""
    monkeypatch.setattr("HeadCTIQALib.report.render", lambda record, volume, findings: "<html></html>")


def without_times(record):
    return {k: v for k, v in to_json(record).items() if k not in ("created", "timings")}


# the record


def test_record_is_valid_by_the_published_schema(result, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(to_json(result.record))] == []


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        (("iqms", "noise", "status"), "fine"),
        (("iqms", "centering_offset", "value"), None),
        (("overall", "score"), "high"),
        (("schema",), "other/1.0"),
    ],
)
def test_schema_refuses_what_is_wrong(result, schema, where, wrong):
    record = to_json(result.record)
    *path, last = where
    entry = record
    for key in path:
        entry = entry[key]
    entry[last] = wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, schema, jsonschema.Draft202012Validator)


def test_schema_ids_are_those_of_the_hierarchy(schema):
    parts = schema["$defs"]
    assert list(parts["Iqms"]["properties"]) == parts["Iqms"]["required"] == [m.id for m in IQMS]
    assert list(parts["Categories"]["properties"]) == [c.id for c in CATEGORIES]
    assert set(parts["IqmEntry"]["properties"]["category"]["enum"]) == {c.id for c in CATEGORIES}
    assert set(parts["CorrectionEntry"]["properties"]["iqm"]["enum"]) == {m.id for m in IQMS}


def test_the_shipped_schema_and_dictionary_are_those_of_the_types(schema):
    assert schema == json_schema()
    assert resource("Schema", "assessment-1.2.md").read_text(encoding="utf-8") == dictionary()


def test_record_says_the_same_as_the_values(result):
    for iqm in IQMS:
        entry, measurement = result.record.iqms[iqm.id], result.measurements[iqm.id]
        assert entry.status == measurement.status
        assert entry.reason == measurement.reason
        if measurement.value is None:
            assert (entry.value, entry.band, entry.score) == (None, None, None)
        else:
            assert entry.value == pytest.approx(measurement.value, abs=1e-4)
            assert entry.band == iqm.band(measurement.value)
            assert entry.score == pytest.approx(iqm.item_score(measurement.value), abs=1e-3)
            assert [tuple(k) for k in entry.knots] == list(iqm.knots)
    assert [m for m in IQMS if result.record.iqms[m.id].value is not None], "the stand-in head has something to measure"
    for id_, scored in result.scores.categories.items():
        entry = result.record.categories[id_]
        assert entry.withheld_reason == scored.withheld_reason
        if scored.score is not None:
            assert entry.score == pytest.approx(entry.base + sum(c.points for c in entry.contributions), abs=1e-3)
    assert result.record.timings["read"] == 1.23
    assert to_json(result.record)["models"] == list(MODELS)
    assert result.record.research_use


def test_withheld_overall_has_a_reason_and_no_number(volume, schema):
    findings = find(volume)
    landmarks = {k: v for k, v in findings.landmarks.items() if not k.startswith("EAM")}
    record = evaluate(volume, findings.with_(landmarks=landmarks)).record
    jsonschema.validate(to_json(record), schema, jsonschema.Draft202012Validator)
    assert record.iqms["baseline_angle"].status == "not_assessable"
    assert record.categories["positioning"].score is None
    assert record.overall.score is None
    assert record.overall.withheld_reason


def test_same_scan_same_record(volume, result):
    again = evaluate(volume, find(volume), models=MODELS, timings={"read": 9.0})
    assert json.dumps(without_times(again.record)) == json.dumps(without_times(result.record))


def test_record_holds_no_series_uid_and_no_path(volume, result, tmp_path):
    text = dump(dataclasses.replace(result, input_path=tmp_path / "DOE^JANE").record)
    assert volume.source.series_uid not in text
    assert "DOE" not in text
    assert result.record.input.series_uid_sha256 is not None


def test_ages_above_89_are_not_told_apart_and_children_are_warned_about(volume):
    def record(age):
        acquisition = dataclasses.replace(volume.acquisition, patient_age_years=age)
        return evaluate(dataclasses.replace(volume, acquisition=acquisition), find(volume)).record

    assert record(97.0).input.acquisition.patient_age_years == 90.0
    assert any("adults only" in w for w in record(12.0).warnings)
    assert not any("adults only" in w for w in record(50.0).warnings)


def test_plain_values():
    assert plain({"a": np.float32(0.5), "b": (1, np.int8(2)), "c": np.array([True])}) == {
        "a": 0.5,
        "b": [1, 2],
        "c": [True],
    }
    assert plain(1.23456789) == 1.2346
    assert str(plain(-1e-9)) == "0.0"
    with pytest.raises(ValueError, match=r"record\.x\.y"):
        plain({"x": {"y": float("nan")}})
    with pytest.raises(TypeError, match=r"record\.x"):
        plain({"x": object()})


def test_measurements_come_back_from_the_record(result):
    back = measurements_from_record(check_record(to_json(result.record), "x"))
    for id_, measurement in result.measurements.items():
        assert back[id_].value == (None if measurement.value is None else pytest.approx(measurement.value, abs=1e-4))
        assert (back[id_].status, back[id_].reason, back[id_].flags) == (
            measurement.status,
            measurement.reason,
            measurement.flags,
        )
        assert (back[id_].evidence is None) == (measurement.evidence is None)
        if measurement.evidence is not None:
            assert back[id_].evidence.slices == measurement.evidence.slices
            assert back[id_].evidence.caption == measurement.evidence.caption


# corrections


def correction(**changes):
    return Correction(
        **{"iqm": "noise", "reason": "seen", "corrector": "AB", "time": datetime.now(UTC).isoformat(), **changes}
    )


def test_typed_value_replaces_and_keeps_the_original(volume, result, schema):
    original = result.measurements["noise"].value
    record = evaluate(volume, find(volume), corrections=[correction(original=original, value=5.5)]).record
    jsonschema.validate(to_json(record), schema, jsonschema.Draft202012Validator)
    assert record.iqms["noise"].value == 5.5
    assert record.iqms["noise"].status == "corrected"
    assert record.corrections[0].original == (None if original is None else pytest.approx(original, abs=1e-4))


def test_last_correction_wins_and_an_edited_finding_is_measured_again(result):
    measured = result.measurements["centering_offset"]
    typed = correction(iqm="centering_offset", value=20.0)
    edited = correction(iqm="centering_offset", finding="tissue", reason="mask edited")
    assert apply_corrections(result.measurements, [typed])["centering_offset"].value == 20.0
    after = apply_corrections(result.measurements, [typed, edited])["centering_offset"]
    assert (after.value, after.status, after.reason) == (measured.value, "corrected", "mask edited")


def test_correction_needs_a_reason():
    with pytest.raises(ValueError, match="reason"):
        correction(reason="")


# the folder


def names(folder):
    return {p.name for p in folder.iterdir()}


def test_folder_round_trip(volume, result, tmp_path):
    folder = result.write(tmp_path / "new" / "scan 1")
    assert names(folder) == FILES
    assert names(tmp_path / "new") == {"scan 1"}, "nothing temporary is left"
    stored = load_assessment(folder, volume)
    assert msgspec.structs.replace(stored.record, files=msgspec.UNSET) == result.record
    assert set(stored.record.files) == FILES - {"assessment.json", "report.html"}
    np.testing.assert_array_equal(stored.findings.tissue, result.findings.tissue)
    np.testing.assert_array_equal(stored.findings.streak, result.findings.streak)
    np.testing.assert_array_equal(stored.findings.motion_grades, result.findings.motion_grades)
    np.testing.assert_allclose(stored.findings.motion_index, result.findings.motion_index, atol=1e-4)
    assert stored.findings.landmarks == result.findings.landmarks
    assert stored.findings.midsagittal == result.findings.midsagittal
    assert (stored.findings.methods, stored.findings.notes) == (result.findings.methods, result.findings.notes)
    again = evaluate(volume, stored.findings, models=MODELS)
    assert without_times(again.record) == without_times(result.record)
    assert load_assessment(folder).findings is None


def test_assessment_is_replaced_and_other_files_in_it_stay(volume, result, tmp_path):
    folder = result.write(tmp_path / "a")
    (folder / "my notes.txt").write_text("keep me")
    changed = evaluate(volume, find(volume).with_(midsagittal=None))
    changed.write(folder)
    assert names(folder) == FILES - {"midsagittal.mrk.json"} | {"my notes.txt"}
    assert names(tmp_path) == {"a"}
    assert load_assessment(folder, volume).findings.midsagittal is None


def test_empty_folder_is_used(result, tmp_path):
    (tmp_path / "empty").mkdir()
    assert names(result.write(tmp_path / "empty")) == FILES


@pytest.mark.parametrize(
    "content", [{"holiday.jpg": "x"}, {"assessment.json": "{}"}, {"assessment.json": '{"schema": "other/1.0"}'}]
)
def test_other_folders_are_refused_and_left_alone(result, tmp_path, content):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(OutputError, match="holds other files"):
        result.write(tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == content


def test_file_in_the_way_is_refused(result, tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        result.write(tmp_path / "a")


def test_output_inside_or_around_the_input_is_refused(result, tmp_path):
    scan = tmp_path / "scan"
    scan.mkdir()
    (scan / "1.dcm").write_text("x")
    for output in (scan, scan / "out", scan / "deep" / "out", tmp_path):
        with pytest.raises(OutputError, match="overlaps the input"):
            dataclasses.replace(result, input_path=scan).write(output)
    assert names(scan) == {"1.dcm"}
    dataclasses.replace(result, input_path=scan / "1.dcm").write(tmp_path / "beside")


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize(
    ("failure", "raised", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputError, "disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), OutputError, "may not be written"),
        (OSError(errno.EIO, "Input/output error"), OutputError, "cannot be written"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (ZeroDivisionError("a bug"), ZeroDivisionError, None),
    ],
)
def test_failure_while_writing_leaves_things_as_they_were(
    result, tmp_path, monkeypatch, failure, raised, message, existing
):
    folder = tmp_path / "a"
    if existing:
        result.write(folder)
        (folder / "report.html").write_text("the old one")

    def fail(path, *more):
        path.write_bytes(b"half")
        raise failure

    monkeypatch.setattr("HeadCTIQALib.findings.segmentation.write_segmentation", fail)
    with pytest.raises(raised, match=message):
        result.write(folder)
    assert names(tmp_path) == ({"a"} if existing else set())
    if existing:
        assert (folder / "report.html").read_text() == "the old one"


def test_failure_of_the_last_rename_puts_the_old_assessment_back(result, tmp_path, monkeypatch):
    folder = result.write(tmp_path / "a")
    before = (folder / "assessment.json").read_bytes()
    rename = Path.rename

    def fail_into_place(self, target):
        if self.suffix == ".new" and target == folder:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_into_place)
    monkeypatch.setattr("HeadCTIQALib.writing.folders.exchange", lambda one, other: False)
    with pytest.raises(OutputError):
        result.write(folder)
    assert names(tmp_path) == {"a"}
    assert (folder / "assessment.json").read_bytes() == before


def test_loading_refuses_in_one_sentence(volume, result, tmp_path):
    good = result.write(tmp_path / "good")

    def broken(name, change):
        folder = shutil.copytree(good, tmp_path / name)
        change(folder)
        return folder

    def rewrite(**changes):
        def change(folder):
            record = {**json.loads((folder / "assessment.json").read_text()), **changes}
            (folder / "assessment.json").write_text(json.dumps(record))

        return change

    cases = [
        (tmp_path / "nowhere", "is not an assessment"),
        (broken("cut", lambda f: (f / "assessment.json").write_text("{")), "damaged"),
        (broken("list", lambda f: (f / "assessment.json").write_text("[]")), "not an assessment"),
        (broken("later", rewrite(schema="headctiqa-assessment/2.0")), "update HeadCTIQA"),
        (broken("no findings", rewrite(findings={})), "damaged"),
        (broken("no masks", lambda f: (f / "segmentation.seg.nrrd").unlink()), "missing"),
    ]
    for folder, message in cases:
        with pytest.raises(InputError, match=message) as caught:
            load_assessment(folder, volume)
        assert "\n" not in str(caught.value)
        assert folder.name in str(caught.value)
    other = dataclasses.replace(volume, source=dataclasses.replace(volume.source, sha256="cd" * 32))
    with pytest.raises(InputError, match="another scan"):
        load_assessment(good, other)


def test_findings_of_another_scan_are_refused(volume, make_head):
    with pytest.raises(InputError, match="another scan"):
        evaluate(volume, find(make_head(slices=20)))


# the pipeline


def test_assess_from_a_dicom_folder(dicom_head_folder, tmp_path, monkeypatch, schema):
    install(monkeypatch.setattr)
    told = []
    result = assessment.assess(dicom_head_folder, progress=lambda stage, fraction: told.append((stage, fraction)))
    assert [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(to_json(result.record))] == []
    assert list(result.record.timings) == ["Reading the scan", "Looking at the anatomy", "Measuring", "Scoring"]
    stages = list(dict.fromkeys(stage for stage, _ in told))
    assert stages == ["Reading the scan", "Looking at the anatomy", "Measuring", "Scoring"]
    assert all(0 <= fraction <= 1 for _, fraction in told)
    assert (result.findings.tissue == Tissue.WHITE).any()
    with pytest.raises(OutputError, match="overlaps"):
        result.write(dicom_head_folder / "out")


def test_resources_are_found_and_missing_ones_named():
    assert resource("Schema").is_dir()
    with pytest.raises(ModelError, match=r"Resources/Schema/none\.json"):
        resource("Schema", "none.json")


def test_resources_in_a_wheel_come_first(tmp_path, monkeypatch):
    """Installed as HeadCTIQALib/Resources, and beside the package as 3D Slicer installs it."""
    for layout in ("HeadCTIQALib/Resources", "Resources"):
        root = tmp_path / layout.replace("/", "_") / layout
        root.mkdir(parents=True)
        (root / "x.json").write_text("{}")
        monkeypatch.setattr("HeadCTIQALib.resources.ROOTS", (root.parent / "absent", root))
        assert resource("x.json") == root / "x.json"
