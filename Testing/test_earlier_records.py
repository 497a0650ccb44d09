"""Records of version 1.0 open everywhere: brought to the present form, scored anew, and said so."""

import json
from pathlib import Path

import pytest

from HeadCTIQALib.cohort.rescore import rescore
from HeadCTIQALib.cohort.scans import load_scans
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.record import (
    SCHEMA,
    check_record,
    measurements_from_record,
    model_of,
    original_measurements,
    read_record,
    to_json,
)
from HeadCTIQALib.report.rows import reason_of, rows
from HeadCTIQALib.scoring import guideline_model, score

OLD = Path(__file__).parent / "records" / "assessment-1.0.json"


@pytest.fixture
def folder(tmp_path):
    """An assessment of a simulated head that version 1.0 wrote, with two corrections: motion in every slice, and a typed noise."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "assessment.json").write_bytes(OLD.read_bytes())
    return tmp_path / "old"


def test_an_old_record_is_scored_anew_and_says_so(folder):
    old, now = json.loads(OLD.read_text()), read_record(folder)
    assert (old["schema"], now.schema) == ("headctiqa-assessment/1.0", SCHEMA)
    assert check_record(to_json(now), "x") == now
    assert {i: e.value for i, e in now.iqms.items()} == {i: e["value"] for i, e in old["iqms"].items()}
    assert list(now.warnings[:-1]) == old["warnings"]
    assert now.warnings[-1] == (
        "This assessment was made by an earlier version and is scored again by the present guideline model; the overall score was withheld."
    )
    assert (now.verdict.band, now.iqms["motion_extent"].score, now.categories["motion"].score) == (
        "poor",
        0.0,
        0.0,
    )
    assert now.verdict.sentence.startswith("Poor, at most 20: motion artefact (100 %)")
    assert now.iqms["motion_extent"].advice.counterfactual == "Motion extent 10 % would be acceptable."
    assert now.iqms["motion_extent"].advice.instruction == "Repeat slices 3-22; hold the head with a strap."
    assert "acceptable up to 25 mm" in old["iqms"]["centering_offset"]["evidence"]["caption"]
    assert now.iqms["centering_offset"].evidence.caption.endswith("0 mm backwards).")
    assert reason_of(now, "centering_offset").endswith("0 mm backwards). Acceptable up to 20 mm.")
    assert not any("acceptable" in e.evidence.caption for e in now.iqms.values() if e.evidence)
    assert now.scoring_model.id == model_of(now).id == guideline_model().id
    again = to_json(now)
    assert (again["corrections"], again["review"]["edits"]) == (old["corrections"], old["review"]["edits"])
    assert now.review.original.scores.categories["motion"] == 100.0
    assert original_measurements(now)["motion_extent"].value == 0.0
    assert len(rows(now)) == 1 + 6 + 20


def test_a_model_of_the_past_is_named_not_replaced_silently(folder):
    record = json.loads(OLD.read_text())
    record["scoring_model"].update(id="site", name="Our site", kind="reader_non_negative")
    record["overall"].update(score=79.6, band="acceptable", withheld_reason="")
    (folder / "assessment.json").write_text(json.dumps(record))
    note = read_record(folder).warnings[-1]
    assert 'the overall score was 79 by the model "Our site", which has to be fitted again.' in note


def test_old_records_are_read_by_cohorts_and_written_in_the_present_form(folder):
    (scan,) = load_scans(folder.parent)[0]
    assert scan.measurements["motion_extent"].value == 100.0
    assert len(rescore(folder.parent, guideline_model()).changed) == 1
    kept = json.loads((folder / "assessment.json").read_text())
    assert kept["schema"] == SCHEMA
    assert kept == to_json(read_record(folder))
    scores = score(measurements_from_record(read_record(folder)), guideline_model())
    assert kept["verdict"]["sentence"] == scores.verdict.sentence
    assert len(rescore(folder.parent, guideline_model()).unchanged) == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda r: r["iqms"]["noise"].pop("hinge"), "iqms.noise"),
        (lambda r: r["iqms"]["noise"].update(score=5.0), "iqms.noise.score"),
        (lambda r: r.update(schema="headctiqa-assessment/0.9"), "version headctiqa-assessment/0.9"),
        (lambda r: r.update(schema="headctiqa-assessment/1.2"), "damaged"),
    ],
)
def test_a_damaged_old_record_is_refused(folder, change, where):
    record = json.loads(OLD.read_text())
    change(record)
    (folder / "assessment.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=where):
        read_record(folder)
