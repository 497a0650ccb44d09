"""What a person did is never overwritten: corrections, files saved from 3D Slicer, reader scores, files of others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from assessment_stand_in import MODELS, find
from cohort_stand_in import values, write_cohort, write_reader_table

from HeadCTIQALib import cli
from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.assessment.review import Review
from HeadCTIQALib.assessment.storage import load_assessment
from HeadCTIQALib.cohort.scans import find_folders, load_scans
from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.record.persons_work import persons_work
from HeadCTIQALib.scoring import guideline_model
from HeadCTIQALib.scoring.storage import to_json
from HeadCTIQALib.writing import whole_file, whole_folder


@pytest.fixture(scope="module")
def small(make_head):
    return make_head(slices=12, matrix=16, pixel_mm=14.4, spacing_mm=18.0)


@pytest.fixture(scope="module")
def result(small):
    return evaluate(small, find(small), models=MODELS)


@pytest.fixture
def folder(result, tmp_path, monkeypatch):
    monkeypatch.setattr("HeadCTIQALib.report.render", lambda record, volume, findings: "<html></html>")
    return result.write(tmp_path / "scan")


def correct(folder, small):
    review = Review.open(load_assessment(folder, small), small)
    review.type_value("noise", 5.0, corrector="A", reason="measured by hand")
    review.write(folder)


def save_from_slicer(folder, small):
    path = folder / "landmarks.mrk.json"
    path.write_text(path.read_text().replace("52.0", "53.0"))


def save_from_slicer_beside_an_old_record(folder, small):
    record = json.loads((folder / "assessment.json").read_text())
    del record["files"]
    (folder / "assessment.json").write_text(json.dumps(record))
    later = (folder / "assessment.json").stat().st_mtime + 60
    os.utime(folder / "segmentation.seg.nrrd", (later, later))


def score(folder, small):
    (folder / "readers-a.csv").write_text("scan,reader,target,value\nscan,A,overall,80\n")


def score_under_another_name(folder, small):
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / "scores.csv").write_text("reader;scan;target;value\nA;scan;overall;80\n")


WORK = [correct, save_from_slicer, save_from_slicer_beside_an_old_record, score, score_under_another_name]


@pytest.mark.parametrize("work", WORK)
def test_a_persons_work_is_refused_without_replace_and_kept_with_it(work, result, small, folder):
    assert persons_work(folder) == ""
    work(folder, small)
    before = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(OutputError, match="--replace") as caught:
        result.write(folder)
    assert str(folder) in str(caught.value)
    result.write(folder, replace=True)
    kept = folder.with_name("scan.previous")
    assert {p.relative_to(kept): p.read_bytes() for p in kept.rglob("*") if p.is_file()} == before
    assert json.loads((folder / "assessment.json").read_text())["corrections"] == []
    assert {p.name for p in folder.parent.iterdir()} == {"scan", "scan.previous"}
    work(folder, small)
    result.write(folder, replace=True)
    assert {p.name for p in folder.parent.iterdir()} == {"scan", "scan.previous", "scan.previous-2"}
    assert find_folders(folder.parent) == [folder], "what was kept is no scan of the cohort"


def test_without_a_persons_work_nothing_is_kept(result, folder):
    (folder / "notes.txt").write_text("mine")
    result.write(folder)
    result.write(folder, replace=True)
    assert {p.name for p in folder.parent.iterdir()} == {"scan"}
    assert (folder / "notes.txt").read_text() == "mine"


def test_the_refusal_comes_before_the_computation(folder, small, dicom_head_folder, monkeypatch, capsys):
    score(folder, small)
    monkeypatch.setattr("HeadCTIQALib.networks.warm_up", lambda *_: None)
    monkeypatch.setattr("HeadCTIQALib.volume.read", lambda *a, **k: pytest.fail("the scan was read"))
    assert cli.main(["assess", str(dicom_head_folder), "-o", str(folder)]) == cli.OUTPUT
    assert "readers-a.csv" in capsys.readouterr().err


def test_a_review_carries_on_in_its_own_folder_only(result, small, folder, tmp_path):
    correct(folder, small)
    other = result.write(tmp_path / "other")
    correct(other, small)
    review = Review.open(load_assessment(folder, small), small)
    review.type_value("noise", 6.0, corrector="A", reason="again")
    assert review.write(folder) == folder
    with pytest.raises(OutputError, match="corrections"):
        review.write(other)


def test_fit_overwrites_nothing_but_its_own(tmp_path, capsys):
    iqms = values(24)
    names = write_cohort(tmp_path / "a", iqms)
    write_reader_table(tmp_path / "r.csv", names, iqms)
    (tmp_path / "link.json").symlink_to("r.csv")
    (tmp_path / "new.fit.json").write_text("{}")
    before = (tmp_path / "r.csv").read_bytes()
    for output in ("r.csv", "link.json", "a/scan000/assessment.json", "new.json", "a"):
        assert (
            cli.main(
                [
                    "fit",
                    "--assessments",
                    str(tmp_path / "a"),
                    "--readers",
                    str(tmp_path / "r.csv"),
                    "--output",
                    str(tmp_path / output),
                ]
            )
            == cli.OUTPUT
        )
        assert "not replaced" in capsys.readouterr().err
    assert (tmp_path / "r.csv").read_bytes() == before
    for _ in range(2):
        assert (
            cli.main(
                [
                    "fit",
                    "--assessments",
                    str(tmp_path / "a"),
                    "--readers",
                    str(tmp_path / "r.csv"),
                    "--output",
                    str(tmp_path / "m.json"),
                ]
            )
            == 0
        )
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_one_bad_record_is_named_and_left_out(tmp_path, capsys):
    iqms = values(24)
    names = write_cohort(tmp_path / "a", iqms)
    write_reader_table(tmp_path / "r.csv", names, iqms)
    record = tmp_path / "a" / names[3] / "assessment.json"
    record.write_text(record.read_text()[:1000])
    scans, left_out = load_scans(tmp_path / "a")
    assert len(scans) == 23
    assert len(left_out) == 1
    assert names[3] in left_out[0]
    assert "1 of 24" in left_out[0]
    common = ["--assessments", str(tmp_path / "a"), "--readers", str(tmp_path / "r.csv"), "--output"]
    assert cli.main(["fit", *common, str(tmp_path / "m.json")]) == 0
    assert names[3] in capsys.readouterr().out
    assert (
        cli.main(["rescore", "--assessments", str(tmp_path / "a"), "--scoring", str(tmp_path / "m.json")]) == cli.INPUT
    )
    said = capsys.readouterr()
    assert "left out: 1" in said.out
    assert names[3] in said.err
    for name in names:
        (tmp_path / "a" / name / "assessment.json").write_text("{")
    with pytest.raises(InputError, match="None of the 24"):
        load_scans(tmp_path / "a")


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_full_disk_is_4(tmp_path):
    """A limit of the size of files stands for a full disk: both are told when the bytes are written."""
    write_cohort(tmp_path / "a", values(2))
    model = tmp_path / "m.json"
    content = to_json(guideline_model()) | {"id": "other", "name": "Other"}
    model.write_text(json.dumps(content))
    before = {p: p.read_bytes() for p in (tmp_path / "a").rglob("*.json")}
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)); from HeadCTIQALib.cli import main; raise SystemExit(main(['rescore', '--assessments', {str(tmp_path / 'a')!r}, '--scoring', {str(model)!r}]))"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False
    )
    assert process.returncode == cli.OUTPUT, process.stderr
    assert {p: p.read_bytes() for p in (tmp_path / "a").rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    "command",
    [["fit", "--assessments", "a", "--readers", "r"], ["simulate"], ["train", "fluid"], ["evaluate-networks"]],
)
@pytest.mark.parametrize("seed", ["-5", "x", "1.5", "99999999999"])
def test_an_impossible_seed_is_wrong_usage(command, seed, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([*command, "--output", str(tmp_path / "x"), "--seed", seed])
    assert caught.value.code == cli.USAGE


def test_two_runs_into_one_folder_do_not_destroy_each_other(tmp_path):
    target = tmp_path / "out"
    with whole_folder(target, {"a"}.__contains__) as first:
        (first / "a").write_text("first")
        with whole_folder(target, {"a"}.__contains__) as second:
            (second / "a").write_text("second")
        assert (first / "a").read_text() == "first"
    assert (target / "a").read_text() == "first"
    with whole_file(target / "b", "The file") as one:
        with whole_file(target / "b", "The file") as two:
            two.write(b"two")
        one.write(b"one")
    assert (target / "b").read_bytes() == b"one"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "b", "out"]


def test_a_file_that_comes_in_between_is_not_lost(tmp_path):
    target = tmp_path / "out"
    with whole_folder(target, {"a"}.__contains__) as part:
        (part / "a").write_text("old")
    (target / "mine.txt").write_text("early")

    def permit():
        (target / "late.txt").write_text("late")
        return False

    with whole_folder(target, {"a"}.__contains__, permit) as part:
        (part / "a").write_text("new")
        (target / "mine.txt").write_text("changed")
    assert {p.name: p.read_text() for p in target.iterdir()} == {"a": "new", "mine.txt": "changed", "late.txt": "late"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
