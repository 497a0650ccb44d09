"""Fit and rescore as commands: from folders and a reader table to a model, and back into the folders."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from assessment_stand_in import install
from cohort_stand_in import record_of, template, values, write_cohort, write_reader_table

from HeadCTIQALib import cli
from HeadCTIQALib.cohort.account import account_path, calibration_scans
from HeadCTIQALib.cohort.calibrate import calibrate
from HeadCTIQALib.cohort.direction import against_the_guideline
from HeadCTIQALib.cohort.readers import ReaderValue, read_readers, write_readers
from HeadCTIQALib.cohort.rescore import rescore
from HeadCTIQALib.cohort.scans import find_folders, load_scans, matched
from HeadCTIQALib.curve import score_text
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.record import check_record, measurements_from_record
from HeadCTIQALib.resources import resource
from HeadCTIQALib.scoring import DEFAULT, guideline_model, load_model, score
from HeadCTIQALib.scoring.calibration import SCORES

N = 40


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """40 assessed scans with three readers; do not change."""
    root = tmp_path_factory.mktemp("cohort")
    iqms = values(N)
    names = write_cohort(root / "assessments", iqms)
    write_reader_table(root / "readers.csv", names, iqms)
    return root


@pytest.fixture(scope="module")
def fitted(cohort, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.json"
    code = cli.main(
        [
            "fit",
            "--assessments",
            str(cohort / "assessments"),
            "--readers",
            str(cohort / "readers.csv"),
            "--output",
            str(path),
            "--mode",
            "robust",
        ]
    )
    assert code == 0
    return path


def test_fit_learns_that_readers_are_harsher(fitted, cohort):
    model = load_model(fitted)
    assert model.kind == "reader_non_negative"
    assert model.categories["motion"].ideal == pytest.approx(95, abs=3)
    assert sum(t.coefficient for t in model.categories["motion"].terms) == pytest.approx(1, abs=0.15)
    for key in ("scans", "readers_sha256", "seed", "date", "software"):
        assert model.provenance[key]
    assert "32 of 40" in model.provenance["scans"]


def test_the_account_tells_what_was_fitted_and_what_was_kept(fitted):
    account = json.loads(account_path(fitted).read_text())
    assert len(account["calibration_scans"]) == 32
    assert len(account["test_scans"]) == 8
    names, shas = calibration_scans(fitted)
    assert len(names) == len(shas) == 32
    motion = account["categories"]["motion"]
    slope = motion["coefficients"][1]
    assert slope["low"] <= 1 <= slope["high"]
    assert motion["cross_validation"]["rmse"] < motion["cross_validation"]["guideline_rmse"]


def test_the_fit_is_reproducible_apart_from_its_date(cohort):
    a, b = (calibrate(cohort / "assessments", [cohort / "readers.csv"], repeats=2) for _ in range(2))
    assert a.fit == b.fit
    assert [s.name for s in a.test] == [s.name for s in b.test]
    assert calibrate(cohort / "assessments", [cohort / "readers.csv"], repeats=1, test_share=0).test == ()


def test_fit_says_on_the_terminal_what_it_found(cohort, tmp_path, capsys):
    assert (
        cli.main(
            [
                "fit",
                "--assessments",
                str(cohort / "assessments"),
                "--readers",
                str(cohort / "readers.csv"),
                "-o",
                str(tmp_path / "m.json"),
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    for words in (
        "32 scans for calibration, 8 kept",
        "Why not to use this model",
        "95 % interval",
        "weight of Motion",
        "guideline",
    ):
        assert words in out


def test_fit_refuses_what_it_cannot_use(cohort, tmp_path, capsys):
    def run(assessments, readers):
        return cli.main(
            ["fit", "--assessments", str(assessments), "--readers", str(readers), "-o", str(tmp_path / "m.json")]
        )

    assert run(tmp_path, cohort / "readers.csv") == 3
    assert "holds no assessments" in capsys.readouterr().err
    write_readers(tmp_path / "other.csv", [ReaderValue("elsewhere", "Ann", "motion", 80.0)])
    assert run(cohort / "assessments", tmp_path / "other.csv") == 3
    assert "None of the scans" in capsys.readouterr().err
    write_readers(tmp_path / "few.csv", [ReaderValue(f"scan00{n}", "Ann", "motion", 80.0 + n) for n in range(4)])
    assert run(cohort / "assessments", tmp_path / "few.csv") == 3
    assert (
        "Readers scored Motion in 4 of 4 scans that were assessed, and no category in more, but a fit needs 8"
        in capsys.readouterr().err
    )
    write_readers(tmp_path / "iqms.csv", [ReaderValue(f"scan00{n}", "Ann", "noise", 4.0 + n) for n in range(4)])
    assert run(cohort / "assessments", tmp_path / "iqms.csv") == 3
    assert "holds no scores" in capsys.readouterr().err
    assert not (tmp_path / "m.json").exists()


def test_unmatched_scans_are_told(cohort, tmp_path):
    write_reader_table(tmp_path / "r.csv", [*(f"scan{n:03d}" for n in range(30)), "lost"], values(31))
    notes = " ".join(calibrate(cohort / "assessments", [tmp_path / "r.csv"], repeats=1).notes)
    assert "1 scans of the reader table are not among the assessments (lost)" in notes
    assert "10 assessments have no reader values" in notes


def test_rescoring_changes_scores_and_report_only(fitted, tmp_path):
    iqms = values(3, seed=5)
    iqms[2, 7] = np.nan
    names = write_cohort(tmp_path, iqms, report=True)
    (tmp_path / names[0] / "segmentation.seg.nrrd").write_bytes(b"masks")
    before = [record_of(tmp_path / n) for n in names]
    model = load_model(fitted)
    result = rescore(tmp_path, model)
    assert (len(result.changed), result.failed) == (3, ())
    for name, old in zip(names, before, strict=True):
        new = record_of(tmp_path / name)
        assert {k for k in new if new[k] != old[k]} - {"overall", "verdict"} == {"categories", "scoring_model"}
        assert new["scoring_model"]["id"] == model.id
        html = (tmp_path / name / "report.html").read_text()
        assert model.name in html
        assert guideline_model().name not in html
        shown = (
            "withheld"
            if new["overall"]["score"] is None
            else f'<span class="big">{score_text(new["overall"]["score"])}</span>'
        )
        assert shown in html
    assert new["categories"]["motion"]["score"] is None  # the last scan: nothing is imputed
    assert (tmp_path / names[0] / "segmentation.seg.nrrd").read_bytes() == b"masks"
    again = rescore(tmp_path, model)
    assert (len(again.changed), len(again.unchanged)) == (0, 3)
    assert sorted(p.name for p in (tmp_path / names[1]).iterdir()) == ["assessment.json", "report.html"]


def test_assess_scores_by_a_fitted_model_as_rescoring_would(fitted, dicom_head_folder, tmp_path, monkeypatch, capsys):
    """``assess --scoring``, the networks replaced: the same record as an assessment by the guideline that is scored again."""
    install(monkeypatch.setattr)
    monkeypatch.setattr("HeadCTIQALib.report.render", lambda record, volume, findings: "<html></html>")
    model = load_model(fitted)

    def assess(name, *more):
        code = cli.main(["assess", str(dicom_head_folder), "-o", str(tmp_path / name), "--progress", "none", *more])
        return code, capsys.readouterr()

    code, said = assess("fitted", "--scoring", str(fitted))
    assert code == 0
    assert model.name in said.out
    code, _ = assess("guideline")
    assert code == 0
    (tmp_path / "guideline" / "report.html").unlink()
    record, guideline = record_of(tmp_path / "fitted"), record_of(tmp_path / "guideline")
    assert (record["scoring_model"]["id"], guideline["scoring_model"]["id"]) == (model.id, "guideline-2")
    assert record["iqms"] == guideline["iqms"]
    scores = score(measurements_from_record(check_record(record, "x")), model)
    known = {c: s.score for c, s in scores.categories.items() if s.score is not None}
    assert known
    assert {c: record["categories"][c]["score"] for c in known} == pytest.approx(known, abs=1e-4)
    assert any(record["categories"][c]["score"] != guideline["categories"][c]["score"] for c in known)
    assert cli.main(["rescore", "--assessments", str(tmp_path / "guideline"), "--scoring", str(fitted)]) == 0
    again = record_of(tmp_path / "guideline")
    for key in ("scoring_model", "categories", "overall"):
        assert again[key] == record[key]


@pytest.mark.parametrize("text", [None, "{}", "no json", '{"format": "headctiqa-scoring-model", "version": 99}'])
def test_assess_refuses_a_model_that_it_cannot_use_before_anything_else(
    text, dicom_head_folder, tmp_path, monkeypatch, capsys
):
    def never(*arguments, **more):
        raise AssertionError("the networks were asked")

    install(monkeypatch.setattr, never)
    if text is not None:
        (tmp_path / "m.json").write_text(text)
    code = cli.main(
        [
            "assess",
            str(dicom_head_folder),
            "-o",
            str(tmp_path / "out"),
            "--scoring",
            str(tmp_path / "m.json"),
            "--progress",
            "none",
        ]
    )
    assert code == 5
    assert "m.json" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_rescored_records_keep_the_schema(fitted, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    names = write_cohort(tmp_path, values(1))
    rescore(tmp_path, load_model(fitted))
    schema = json.loads(resource("Schema", "assessment-1.2.schema.json").read_text())
    assert [
        e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(record_of(tmp_path / names[0]))
    ] == []


def test_the_rescored_report_is_what_a_fresh_one_would_be(tmp_path):
    """Scoring by the same model again gives the very same document: nothing but scores depends on the model."""
    from HeadCTIQALib.report.document import rescored

    record, html = template()
    assert rescored(record, html) == html


def test_one_damaged_folder_does_not_stop_the_others(fitted, tmp_path, capsys):
    names = write_cohort(tmp_path, values(3), report=True)
    (tmp_path / names[0] / "assessment.json").write_text("{}")
    (tmp_path / names[1] / "report.html").write_text("<html>by hand</html>")
    old = record_of(tmp_path / names[1])
    assert cli.main(["rescore", "--assessments", str(tmp_path), "--scoring", str(fitted)]) == 3
    captured = capsys.readouterr()
    assert "Assessments scored: 1" in captured.out
    assert names[0] in captured.err
    assert "was not written by this version" in captured.err
    assert record_of(tmp_path / names[1]) == old
    assert record_of(tmp_path / names[2])["scoring_model"]["id"] != "guideline-2"
    assert cli.main(["rescore", "--assessments", str(tmp_path / names[2])]) == 0
    assert record_of(tmp_path / names[2])["scoring_model"]["id"] == "guideline-2"


def test_rescore_fit_and_evaluate_work_without_torch(fitted, tmp_path):
    names = write_cohort(tmp_path, values(1))
    rescore = f"main(['rescore', '--assessments', {str(tmp_path)!r}, '--scoring', {str(fitted)!r}])"
    code = f"""
import sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "monai"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nowhere())
from HeadCTIQALib.cli import main
import HeadCTIQALib.cohort.calibrate, HeadCTIQALib.report.evaluation, HeadCTIQALib.cohort.evaluation
raise SystemExit({rescore})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert record_of(tmp_path / names[0])["scoring_model"]["kind"] == "reader_non_negative"


def test_cohorts_are_the_folders_between(tmp_path):
    write_cohort(tmp_path / "a", values(2), names=["one", "two"])
    write_cohort(tmp_path / "b", values(1), names=["three"])
    scans = load_scans(tmp_path)[0]
    assert [(s.name, s.cohort) for s in scans] == [("one", "a"), ("two", "a"), ("three", "b")]
    assert scans[0].groups == {"scanner": "GE Revolution", "kernel": "soft kernel", "slice thickness": "over 4 mm"}
    assert [f.name for f in find_folders(tmp_path / "b" / "three")] == ["three"]
    write_cohort(tmp_path / "c", values(1), names=["one"])
    with pytest.raises(InputError, match=r"Two assessments .* are called one"):
        load_scans(tmp_path)


def test_a_model_and_its_account_belong_together(fitted, tmp_path):
    copy = tmp_path / "m.json"
    copy.write_bytes(fitted.read_bytes())
    assert calibration_scans(copy) is None
    account_path(copy).write_text(account_path(fitted).read_text().replace(load_model(fitted).id, "another"))
    with pytest.raises(InputError, match="of another model"):
        calibration_scans(copy)
    account_path(copy).write_text("[]")
    with pytest.raises(InputError, match="damaged"):
        calibration_scans(copy)


def test_readers_on_another_scale_are_asked_mapped_and_recorded(cohort, tmp_path, capsys):
    given = read_readers(cohort / "readers.csv")
    five = [(v, 1 + round((v.value or 0.0) / 25)) for v in given.values if v.target in SCORES]
    (tmp_path / "five.csv").write_text(
        "scan,reader,target,value\n" + "".join(f"{v.scan},{v.reader},{v.target},{n}\n" for v, n in five)
    )

    def run(*more):
        return cli.main(
            [
                "fit",
                "--assessments",
                str(cohort / "assessments"),
                "--readers",
                str(tmp_path / "five.csv"),
                "-o",
                str(tmp_path / "m.json"),
                *more,
            ]
        )

    assert run() == 3
    assert "say which scale they are on: --scale 1-5" in capsys.readouterr().err
    assert not (tmp_path / "m.json").exists()
    assert run("--scale", "1-5") == 0
    assert "mapped to 0-100 from the scale 1-5" in capsys.readouterr().out
    assert load_model(tmp_path / "m.json").provenance["readers_scale"] == (
        "1-5 (1 is 15 (not diagnostic), 2 is 45 (poor), 3 is 70 (acceptable), 4 is 85 (good), 5 is 95 (excellent))"
    )
    with pytest.raises(SystemExit):
        run("--scale", "E-A")
    assert "does not say which letter is best" in capsys.readouterr().err


def reversed_table(cohort, path, readers=None):
    """The readers' scores on 5-1 (1 is best), of all readers or of some."""
    lines = []
    for v in read_readers(cohort / "readers.csv").values:
        if v.target in SCORES:
            step = 1 + round((v.value or 0.0) / 25)
            lines.append(
                f"{v.scan},{v.reader},{v.target},{6 - step if readers is None or v.reader in readers else step}\n"
            )
    path.write_text("scan,reader,target,value\n" + "".join(lines))
    return path


def test_a_reversed_scale_is_refused_with_the_option_that_says_so(cohort, tmp_path, capsys):
    table = reversed_table(cohort, tmp_path / "five.csv")

    def run(command, *more):
        return cli.main(
            [
                command,
                "--assessments",
                str(cohort / "assessments"),
                "--readers",
                str(table),
                "-o",
                str(tmp_path / "out"),
                *more,
            ]
        )

    assert run("fit", "--scale", "1-5") == 3
    said = capsys.readouterr().err
    assert "fall where the guideline's rise (r = -0" in said
    assert "choose the scale 5-1 (--scale 5-1)" in said
    assert not (tmp_path / "out").exists()
    assert run("fit", "--scale", "5-1") == 0
    assert "fall where" not in capsys.readouterr().out
    (tmp_path / "out").unlink()
    assert run("evaluate", "--scale", "1-5") == 0
    assert "The scores of R1 fall where the guideline's rise" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "out")
    reversed_table(cohort, table, ("R2",))
    assert run("fit", "--scale", "1-5") == 3
    said = capsys.readouterr().err
    assert "The scores of R2 fall where" in said
    assert "turn them round in the table (the scale 5-1 is meant)" in said


def test_readers_who_agree_with_the_guideline_are_never_taken_for_reversed(cohort):
    scans, _ = load_scans(cohort / "assessments")
    table, _ = matched(scans, read_readers(cohort / "readers.csv"))
    assert against_the_guideline(scans, table, DEFAULT) == ()
    few = table.renamed({name: name for name in table.scans[:4]})
    assert against_the_guideline([s for s in scans if s.name in few.scans], few, DEFAULT) == ()


def test_too_few_scans_say_why(cohort, tmp_path, capsys):
    whole = read_readers(cohort / "readers.csv").values

    def refused(keep, *more):
        write_readers(tmp_path / "some.csv", [v for v in whole if keep(v)])
        assert (
            cli.main(
                [
                    "fit",
                    "--assessments",
                    str(cohort / "assessments"),
                    "--readers",
                    str(tmp_path / "some.csv"),
                    "-o",
                    str(tmp_path / "m.json"),
                    *more,
                ]
            )
            == 3
        )
        return capsys.readouterr().err

    first = {f"scan{n:03d}" for n in range(9)}
    assert (
        "The readers gave overall scores only; a fit needs their scores of at least one category (positioning,"
        in refused(lambda v: v.target == "overall")
    )
    kept = refused(lambda v: v.scan in first)
    assert (
        "2 of 9 scans are kept for testing, and of the others at most 7 have a reader score of one category, but a fit needs 8; fit to all with --test-share 0"
        in kept
    )
    some = refused(lambda v: v.target == "overall" or (v.target == "motion" and v.scan < "scan003"))
    assert (
        "Readers scored Motion in 3 of 40 scans that were assessed, and no category in more, but a fit needs 8; add scans, or readers' scores."
        in some
    )


def test_measurements_that_are_missing_are_named_as_the_cause(tmp_path):
    iqms = values(12)
    iqms[:, [1, 2, 3, 6, 7, 8]] = np.nan
    names = write_cohort(tmp_path / "assessments", iqms)
    write_reader_table(tmp_path / "readers.csv", names, values(12))
    with pytest.raises(
        InputError, match="readers scored it in 10 of 10 scans, and in 10 of these a measurement of it is missing"
    ):
        calibrate(tmp_path / "assessments", [tmp_path / "readers.csv"])


def test_the_account_says_what_was_kept_and_why_weights_are_the_guidelines(cohort, tmp_path, capsys):
    whole = calibrate(cohort / "assessments", [cohort / "readers.csv"], test_share=0, repeats=2)
    assert (
        whole.fit.model.provenance["scans"]
        == "40 of 40 scans that were assessed and read; none was kept for testing (share 0)."
    )
    write_readers(
        tmp_path / "no.csv", [v for v in read_readers(cohort / "readers.csv").values if v.target != "overall"]
    )
    without = calibrate(cohort / "assessments", [tmp_path / "no.csv"], repeats=2)
    assert "too few overall scores of readers to judge the overall score (the readers gave none)" in " ".join(
        without.fit.reasons_not_to_use
    )
    assert without.fit.model.provenance["scans"].startswith(
        "32 of 40 scans that were assessed and read; the other 8 were kept for testing"
    )


def test_assessments_are_found_at_any_depth(tmp_path):
    write_cohort(tmp_path / "north" / "2026" / "night", values(2))
    write_cohort(tmp_path / "south", values(1), names=["alone"])
    (tmp_path / ".hidden").mkdir()
    write_cohort(tmp_path / ".hidden", values(1), names=["hidden"])
    scans, _ = load_scans(tmp_path)
    assert [(s.cohort, s.name) for s in scans] == [
        ("north/2026/night", "scan000"), ("north/2026/night", "scan001"), ("south", "alone"),
    ]  # fmt: skip
