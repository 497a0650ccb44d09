"""Names of folders, readers and models that attack whoever reads them: terminals, spreadsheets, browsers, Markdown viewers."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from assessment_stand_in import install
from cohort_stand_in import guideline_scores, values, write_cohort, write_reader_table

from HeadCTIQALib import cli, text
from HeadCTIQALib.cohort.reader_entry import ReaderFile, scan_key
from HeadCTIQALib.cohort.readers import ReaderValue, read_readers, write_readers
from HeadCTIQALib.cohort.scan_keys import match_scans
from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.report.evaluation_markdown import rows_as_markdown
from HeadCTIQALib.report.html import tag
from HeadCTIQALib.scoring import guideline_model
from HeadCTIQALib.scoring.storage import to_json

SCREEN = "\x1b[2J\x1b]0;owned\x07"
REVERSED = "\u202egnp.exe\u2066"
FORMULAS = ("=cmd()", "+1+1", "-1", "@SUM(A1)", "＝cmd()", " =1", "'=quoted", "''+twice")
NAMES = (
    *FORMULAS,
    f"{SCREEN}x",
    f"{REVERSED}x",
    f"={SCREEN}",
    "<img src=x onerror=alert(1)>",
    "a|b`c`[l](javascript:x)",
    "\x9b31mx",
    "two\u2028lines",
)
UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def clean(shown: str) -> None:
    found = UNSAFE.search(shown)
    assert not found, f"{found.group()!r} in {shown[max(0, found.start() - 40) : found.end() + 40]!r}"  # type: ignore[union-attr]


def no_formula(table: str) -> None:
    for row in csv.reader(io.StringIO(table)):
        for c in row:
            number = re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", c)
            assert number or not c.lstrip().startswith(("=", "+", "-", "@", "＝")), row


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_runs_nothing_and_gives_its_text_back(name: str) -> None:
    made = text.cell(name)
    clean(made)
    assert not made.lstrip().startswith(("=", "+", "-", "@", "＝"))
    assert text.of_cell(made) == text.printable(name)


@pytest.mark.parametrize("name", ["R1", "O'Neil", "'a", "x=1", "", "'"])
def test_ordinary_text_stays(name: str) -> None:
    assert text.cell(name) == name == text.of_cell(name)


def test_reader_tables_give_back_the_names_they_were_given(tmp_path: Path) -> None:
    given = [ReaderValue(f"scan{n}", name, "overall", 50.0 + n) for n, name in enumerate(NAMES)]
    given += [ReaderValue(name, "R1", "vertex_margin", -5.0) for name in NAMES]
    write_readers(tmp_path / "readers.csv", given)
    written = (tmp_path / "readers.csv").read_text(encoding="utf-8")
    clean(written)
    no_formula(written)
    found = read_readers(tmp_path / "readers.csv")
    assert {(v.scan, v.reader) for v in found.values} == {
        (text.printable(v.scan).strip(), text.printable(v.reader).strip()) for v in given
    }
    write_readers(tmp_path / "again.csv", found.values)
    assert (tmp_path / "again.csv").read_text(encoding="utf-8") == written
    folders = dict.fromkeys(NAMES)
    names, unknown = match_scans(found, folders)
    assert set(names.values()) == set(NAMES)
    assert unknown == tuple(sorted(f"scan{n}" for n in range(len(NAMES))))


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_and_a_scan_of_any_name_find_their_scores_again(tmp_path: Path, name: str) -> None:
    scan = scan_key(tmp_path / name.replace("/", "_"), None)
    ReaderFile(tmp_path, name).save(scan, {"overall": 70.0})
    ReaderFile(tmp_path, name).save("other", {"overall": 60.0})
    assert ReaderFile(tmp_path, name).scores(scan) == {"overall": 70.0}
    assert ReaderFile(tmp_path, name).scored() == {scan, "other"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort whose folder, scans and readers are named by an attacker, and the model fitted to it."""
    root = tmp_path_factory.mktemp("site")
    rows = values(40)
    cohort = f"={SCREEN}{REVERSED}"
    names = write_cohort(
        root / "assessments" / cohort,
        rows[:20],
        names=[f"{NAMES[n % len(NAMES)].replace('/', '_')}{n}" for n in range(20)],
    )
    names += write_cohort(root / "assessments" / "-other", rows[20:])
    write_reader_table(root / "plain.csv", names, rows)
    table = read_readers(root / "plain.csv")
    hostile = dict(zip(table.readers, NAMES[8:], strict=False))
    with (root / "readers.csv").open("w", encoding="utf-8", newline="") as stream:  # as a stranger writes it
        csv.writer(stream).writerows(
            [
                ("scan", "reader", "target", "value"),
                *((v.scan, hostile[v.reader], v.target, v.value) for v in table.values),
            ]
        )
    assert np.isfinite(guideline_scores(rows)).all()
    return root


def test_commands_about_cohorts_show_and_write_nothing_unsafe(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = ["--assessments", str(site / "assessments"), "--readers", str(site / "readers.csv")]
    assert cli.main(["fit", *inputs, "-o", str(site / "model.json"), "--name", f"={SCREEN}{REVERSED}<b>"]) == 0
    assert cli.main(["evaluate", *inputs, "--scoring", str(site / "model.json"), "-o", str(site / "evaluation")]) == 0
    (site / "assessments" / "-other" / f"{SCREEN}bad").mkdir()
    (site / "assessments" / "-other" / f"{SCREEN}bad" / "assessment.json").write_text("{")
    cli.main(["rescore", "--assessments", str(site / "assessments"), "--scoring", str(site / "model.json")])
    shown = capsys.readouterr()
    clean(shown.out)
    clean(shown.err)
    assert "owned" in shown.out + shown.err, "the names were shown, without their teeth"
    for file in (site / "evaluation").rglob("*"):
        if file.is_file():
            written = file.read_text(encoding="utf-8")
            clean(written)
            assert (
                file.suffix == ".csv" or "<img src=x" not in written
            )  # a cell is no markup, and has to name the folder
            if file.suffix == ".csv":
                no_formula(written)


@pytest.mark.parametrize(
    "arguments",
    [
        [f"{SCREEN}x"],
        ["assess", "a", "-o", "b", f"--{SCREEN}"],
        ["assess", f"no{SCREEN}{REVERSED}", "-o", "out"],
        ["study", "-o", "x", "--processes", SCREEN],
    ],
)
def test_errors_are_shown_safely(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = cli.main(arguments)
    except SystemExit as left:
        code = left.code
    assert code in (2, 3)
    clean(capsys.readouterr().err)


def test_assess_shows_and_writes_a_hostile_model_safely(
    dicom_head_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch.setattr)
    model = {**to_json(guideline_model()), "name": f"={SCREEN}{REVERSED}<img src=x onerror=alert(1)>"}
    (tmp_path / "model.json").write_text(json.dumps(model))
    out = tmp_path / f"out{SCREEN.replace('/', '')}"
    assert cli.main(["assess", str(dicom_head_folder), "-o", str(out), "--scoring", str(tmp_path / "model.json")]) == 0
    shown = capsys.readouterr()
    clean(shown.out + shown.err)
    report = (out / "report.html").read_text(encoding="utf-8")
    clean(report)
    assert "<img src=x" not in report


def test_progress_markup_and_markdown_are_safe() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    TextProgress(stream)(f"Reading {SCREEN}{REVERSED}", 0.5)
    clean(stream.getvalue().replace("\r", ""))
    clean(str(tag("p", f"a\n{SCREEN}", title=REVERSED)))
    for name in NAMES:
        table = rows_as_markdown(("a", "b"), [(name, 1)])
        clean(table)
        assert len(re.findall(r"(?<!\\)\|", table.splitlines()[2])) == 3
        assert not re.search(r"(?<!\\)[`\[]|<", table)
