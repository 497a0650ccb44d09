"""Many scans: found in any tree, assessed once each, whatever some of them do to the program."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from department_stand_in import work

from HeadCTIQALib.cohort.scans import load_scans
from HeadCTIQALib.department.batch import Plan, run
from HeadCTIQALib.department.journal import JOURNAL, current, read, writing
from HeadCTIQALib.department.pool import Limits
from HeadCTIQALib.department.selection import parse_selection
from HeadCTIQALib.department.table import rows
from HeadCTIQALib.department.work import nameless
from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.synthesis.nifti import write_nifti
from HeadCTIQALib.volume.finding import FoundScan, SetAside, find_scans

LIMITS = Limits(60.0, 4e9)
NAME = "MUSTERFRAU^ERIKA"


@pytest.fixture(scope="module")
def heads(make_head):
    """Small heads that differ by their noise alone."""
    return [make_head(slices=20, matrix=48, pixel_mm=5.0, spacing_mm=11.0, seed=n) for n in range(6)]


def series(volume, folder, seed, **tags):
    write_series(volume, folder, seed=seed, burned_patient=f"{NAME} {seed}")
    for path in folder.iterdir():
        if tags:
            ds = pydicom.dcmread(path)
            for tag, value in tags.items():
                setattr(ds, tag, value)
            ds.save_as(path)


@pytest.fixture(scope="module")
def pacs(heads, tmp_path_factory):
    """An export as they come; do not change it."""
    root = tmp_path_factory.mktemp("export") / "pacs"
    series(heads[0], root / "MUSTERFRAU ERIKA" / "CT", 0)
    series(heads[1], root / "ward" / "deep" / "down" / "CT", 1, ConvolutionKernel="BONE")  # the same name of the folder
    series(heads[2], root / "mixed", 2)
    for path in (root / "mixed").iterdir():  # two patients in one folder, and one series in a folder for every file
        path.rename(path.with_name(f"a{path.name}"))
    series(heads[3], root / "mixed", 3)
    for n, path in enumerate(sorted((root / "mixed").glob("CT*"))):
        (root / "spread" / f"{n:03d}").mkdir(parents=True)
        path.rename(root / "spread" / f"{n:03d}" / "IM")
    shutil.copytree(root / "MUSTERFRAU ERIKA", root / "copy")  # by another name and time
    for path in (root / "copy" / "CT").iterdir():
        os.utime(path, (1, 1))
    series(heads[4], root / "tmp", 4)
    shutil.make_archive(str(root / "disc"), "zip", root / "tmp")
    shutil.rmtree(root / "tmp")
    write_nifti(heads[5], root / "image.nii.gz")
    series(heads[5], root / "chest", 5, BodyPartExamined="CHEST", SeriesDescription="chest")
    series(heads[5], root / "magnet", 6, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    series(replace(heads[5], hu=heads[5].hu * 0), root / "nothing", 7)
    (root / "readme.txt").write_text("not a scan")
    return root


def plan(pacs, tmp_path, **more):
    return Plan((pacs,), tmp_path / "cohort", limits=LIMITS, jobs=2, **more)


def test_every_scan_is_found_wherever_it_lies(pacs):
    found = list(find_scans(pacs))
    scans = [s for s in found if isinstance(s, FoundScan)]
    assert Counter(s.reason for s in found if isinstance(s, SetAside)) == {
        "another part of the body": 1,
        "modality MR, not CT": 1,
    }
    assert len(scans) == 8
    assert len({s.fingerprint for s in scans}) == 8
    by_place = {s.path.relative_to(pacs).as_posix(): s for s in scans}
    assert {p: len(s.files) for p, s in by_place.items()} == {
        "MUSTERFRAU ERIKA/CT": 20, "ward/deep/down/CT": 20, "mixed": 20, "spread": 20, "copy/CT": 20, "nothing": 20, "disc.zip": 0, "image.nii.gz": 0,
    }  # fmt: skip
    assert by_place["ward/deep/down/CT"].kernel == "sharp"
    assert by_place["mixed"].kernel == "soft"
    assert by_place["mixed"].study != by_place["spread"].study


def test_large_trees_are_looked_at_by_the_lot(pacs, monkeypatch):
    whole = {(s.path, s.fingerprint) for s in find_scans(pacs) if isinstance(s, FoundScan)}
    monkeypatch.setattr("HeadCTIQALib.volume.finding._LOT", 45)
    assert {(s.path, s.fingerprint) for s in find_scans(pacs) if isinstance(s, FoundScan)} == whole


def test_a_cohort_of_an_export(pacs, tmp_path):
    told = []
    summary = run(plan(pacs, tmp_path), lambda stage, fraction: told.append((stage, fraction)), work)
    cohort = tmp_path / "cohort"
    folders = sorted(p.name for p in cohort.iterdir() if p.is_dir())
    assert summary.found == 8
    assert summary.assessed == len(folders) == 6
    assert summary.duplicates == 1
    assert summary.count("refused") == 1
    ((reason, n),) = summary.reasons("refused")
    assert n == 1
    assert "uniform" in reason or "empty" in reason or "no head" in reason.lower() or "air" in reason
    assert sum(summary.bands.values()) == 6
    assert "8 of 8" in told[-1][0]
    assert " a minute, " in told[-1][0]
    scans, left_out = load_scans(cohort)  # what fit, rescore and evaluate read
    assert not left_out
    assert len({s.sha256 for s in scans}) == 6
    assert all(s.sha256[:12] == s.name[-12:] for s in scans)
    # No patient's name but in the file that is called private, which nobody else may read.
    for path in cohort.rglob("*"):
        if path.is_file() and path.name != JOURNAL:
            assert b"MUSTERFRAU" not in path.read_bytes()
        assert "MUSTERFRAU" not in path.name
    assert (cohort / JOURNAL).stat().st_mode & 0o077 == 0
    assert any("MUSTERFRAU" in o.path for o in current(cohort))

    again = run(plan(pacs, tmp_path), work=work)
    assert (again.assessed, again.before, again.rescored) == (0, 6, 0)
    assert again.bands == summary.bands
    shutil.rmtree(cohort / folders[0])
    assert run(plan(pacs, tmp_path), work=work).assessed == 1
    for path in cohort.glob("*/report.html"):
        path.unlink()  # the stand-in's cannot be scored anew
    judged = run(plan(pacs, tmp_path, profile="thin"), work=work)  # another profile needs no scan
    assert (judged.assessed, judged.before, judged.rescored) == (0, 6, 6)
    assert all(json.loads((cohort / f / "assessment.json").read_text())["profile"]["id"] == "thin" for f in folders)


def test_a_folder_that_was_damaged_is_made_again(pacs, tmp_path):
    small = Plan((pacs / "mixed",), tmp_path / "cohort", limits=LIMITS)
    run(small, work=work)
    (record,) = (tmp_path / "cohort").glob("*/assessment.json")
    record.write_text(record.read_text()[:-100])
    again = run(small, work=work)
    assert (again.assessed, again.before) == (1, 0)
    assert len(load_scans(tmp_path / "cohort")[0]) == 1
    assert len(list((tmp_path / "cohort").glob("*.previous/assessment.json"))) == 1, "what was there is kept"


def test_a_full_disk_ends_the_run_and_is_no_fault_of_the_scan(pacs, tmp_path):
    (tmp_path / "cohort").mkdir()
    (tmp_path / "cohort").chmod(0o555)
    if os.access(tmp_path / "cohort", os.W_OK):
        (tmp_path / "cohort").rmdir()
        (tmp_path / "cohort").touch()  # the administrator may write anywhere but into a file
    with pytest.raises(OutputError):
        run(Plan((pacs / "mixed",), tmp_path / "cohort", limits=LIMITS), work=work)


def test_another_version_assesses_again(pacs, tmp_path, monkeypatch):
    small = Plan((pacs / "mixed",), tmp_path / "cohort", limits=LIMITS)
    assert run(small, work=work).assessed == 1
    (first,) = current(tmp_path / "cohort")
    monkeypatch.setattr("HeadCTIQALib.department.batch.maker", lambda: "another")
    assert run(small, work=work).assessed == 1
    (second,) = current(tmp_path / "cohort")
    assert (first.folder, first.by == second.by) == (second.folder, False)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="memory is watched on Linux only")
def test_a_scan_costs_itself_only(heads, tmp_path):
    root = tmp_path / "pacs"
    for n, name in enumerate(("crashes", "hangs", "grows", "good")):
        series(heads[n], root / name / "CT", n)
    asked = Plan((root,), tmp_path / "cohort", jobs=2, limits=Limits(12.0, 1.2e9))
    summary = run(asked, work=work)
    assert summary.assessed == 1
    assert summary.count("failed") == 3
    reasons = " ".join(reason for reason, _ in summary.reasons("failed"))
    assert "signal 11" in reasons
    assert "longer than 12 s" in reasons
    assert "more than 1.2 GB" in reasons
    assert run(asked, work=work).count("failed") == 3, "what failed is not tried again unless asked for"
    assert len(read(tmp_path / "cohort")) == 4
    run(replace(asked, inputs=(root / "crashes",), retry_failed=True), work=work)
    assert len(read(tmp_path / "cohort")) == 5


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {testing!r})
from department_stand_in import work
from HeadCTIQALib.cli.interrupts import Interrupts
from HeadCTIQALib.department.batch import Plan, run
if __name__ == "__main__":
    with Interrupts(last=True):
        try:
            run(Plan((Path(sys.argv[1]),), Path(sys.argv[2])), work=work)
        except KeyboardInterrupt:
            raise SystemExit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_stops_a_run_loses_nothing(pacs, tmp_path, number):
    """Stopped again and again, it ends with what one run makes."""
    program, cohort = tmp_path / "program.py", tmp_path / "cohort"
    program.write_text(PROGRAM.format(testing=str(Path(__file__).parent)))
    (tmp_path / "slow").touch()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for _ in range(3):
        before = len(read(cohort))
        with subprocess.Popen(
            [sys.executable, program, pacs, cohort], env=environment, stderr=subprocess.DEVNULL
        ) as started:
            until = time.monotonic() + 60
            while len(read(cohort)) < before + 2 and time.monotonic() < until and started.poll() is None:
                time.sleep(0.05)
            started.send_signal(number)
            began = time.monotonic()
            started.wait(30)
            assert time.monotonic() - began < 5
        assert len(read(cohort)) >= before + 2
    summary = run(Plan((pacs,), cohort, limits=LIMITS), work=work)
    assert (summary.assessed + summary.before, summary.duplicates, summary.count("refused")) == (6, 1, 1)
    whole = tmp_path / "whole"
    run(Plan((pacs,), whole, jobs=2, limits=LIMITS), work=work)
    assert rows(cohort) == rows(whole), "the table is that of a run that nothing stopped"
    assert not [p for p in cohort.iterdir() if p.name.startswith(".")], "nothing half-written is left"
    kept = [o.fingerprint for o in read(cohort)]
    assert len(kept) == len(set(kept)) == 8, "nothing that was done is done again"


def test_one_run_at_a_time_writes_to_a_cohort(pacs, tmp_path):
    with writing(tmp_path / "cohort"), pytest.raises(OutputError, match="Another run is writing"):
        run(plan(pacs, tmp_path), work=work)


def test_a_line_that_was_cut_short_spoils_no_other(tmp_path, pacs):
    small = Plan((pacs / "mixed",), tmp_path / "cohort", limits=LIMITS)
    run(small, work=work)
    path = tmp_path / "cohort" / JOURNAL
    path.write_bytes(path.read_bytes()[:-30])
    assert run(small, work=work).assessed == 1
    assert len(current(tmp_path / "cohort")) == 1


def test_the_cohort_lies_outside_the_scans(pacs, tmp_path):
    with pytest.raises(OutputError, match="overlaps"):
        run(Plan((pacs,), pacs / "cohort"), work=work)
    with pytest.raises(InputError, match="No head CT was found"):
        run(Plan((pacs / "magnet",), tmp_path / "cohort"), work=work)


def test_best_of_a_study_and_selection(heads, tmp_path):
    root = tmp_path / "pacs"
    for n, kernel in enumerate(("BONE", "STANDARD")):
        tags = {
            "ConvolutionKernel": kernel,
            "StudyInstanceUID": "1.2.3",
            "PatientID": "1",
            "PatientName": "A",
            "SeriesNumber": n,
        }
        series(heads[n], root / kernel, n, **tags)
    scans = [s for s in find_scans(root) if isinstance(s, FoundScan)]
    assert len({s.study for s in scans}) == 1
    selected = {text: {s.path.name for s in filter(parse_selection(text), scans)} for text in (
        "kernel in soft", "kernel in bone,standard", "kernel not in soft", "thickness > 5 and slices >= 20", "thickness <= 5", "contrast in yes,no",
        "description in head",
    )}  # fmt: skip
    both = {"BONE", "STANDARD"}
    assert list(selected.values()) == [{"STANDARD"}, both, {"BONE"}, both, set(), set(), both]
    best = run(Plan((root,), tmp_path / "cohort", series="best", limits=LIMITS), work=work)
    assert (best.found, best.assessed) == (1, 1)
    assert Path(current(tmp_path / "cohort")[0].path).name == "STANDARD"
    soft = run(Plan((root,), tmp_path / "other", selection=parse_selection("kernel in soft"), limits=LIMITS), work=work)
    assert (soft.found, soft.unselected) == (1, 1)


@pytest.mark.parametrize(
    "text", ["", "kernel", "kernel = soft", "kernel < 3", "thickness in 5", "thickness < thin", "name in x"]
)
def test_what_is_no_selection_is_refused(text):
    with pytest.raises(InputError, match="FIELD in VALUE"):
        parse_selection(text)


def test_reasons_name_no_files(tmp_path):
    scan = FoundScan(
        tmp_path / "Doe John" / "head",
        (tmp_path / "Doe John" / "head" / "doe1.dcm",),
        None,
        "",
        (),
        "soft",
        None,
        None,
        None,
        "",
        1,
        "",
    )
    assert nameless("head is not a head CT: doe1.dcm of Doe John is damaged.", scan) == (
        "Head is not a head CT: the scan of the scan is damaged."
    )
    for name in ("Ng", "4711", "Wu^L"):
        other = replace(scan, path=tmp_path / name, files=())
        assert nameless(f"{name} has 5 of 4711 slices, in Ng.", other).startswith("The scan has 5 of ")


def test_the_command(pacs, tmp_path, monkeypatch, capsys):
    from HeadCTIQALib import cli
    from HeadCTIQALib.cli import batch

    monkeypatch.setattr(batch, "run", lambda plan, progress: run(plan, progress, work))
    given = ["batch", str(pacs), "--output", str(tmp_path / "cohort"), "--jobs", "2", "--select", "kernel in soft"]
    assert cli.main(given) == 0
    said = capsys.readouterr().out
    assert "Scans found: 6. Assessed now: 4, before: 0." in said
    assert "Found in more than one place and assessed once: 1." in said
    assert "Not selected: 2." in said
    assert "Series that are no axial head CT: 1 another part of the body, 1 modality MR, not CT." in said
    assert "Refused: 1\n  1 x " in said
    assert "MUSTERFRAU" not in said
    with pytest.raises(SystemExit, match="2"):
        cli.main([*given[:-1], "kernel"])
    assert "FIELD in VALUE" in capsys.readouterr().err
