"""The command line as a user meets it: exit codes, one-line errors, progress, the tree, and how fast it starts."""

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from assessment_stand_in import find, install
from msgspec import structs
from sound_record import CONTRIBUTION

from HeadCTIQALib import RESEARCH_USE, __version__, cli
from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.cli import terminal, tree
from HeadCTIQALib.curve import band_words, score_text
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS
from HeadCTIQALib.progress import JsonProgress, TextProgress
from HeadCTIQALib.record import check_record, dump, to_json

PROJECT = Path(__file__).resolve().parents[1]
STAND_IN = Path(__file__).with_name("assessment_stand_in.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}


def headctiqa(*arguments, charges=None):
    """Run the command in a process of its own, with the stand-in for the networks where ``charges`` are given."""
    start = [str(STAND_IN), charges] if charges is not None else ["-m", "HeadCTIQALib"]
    command = [sys.executable, *start, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=ENVIRONMENT, timeout=120, check=False
    )


def one_line_error(process):
    assert "Traceback" not in process.stderr
    (line,) = process.stderr.splitlines()
    assert line.startswith("headctiqa: error: ")
    return line


# describe, version, usage


def test_describe_lists_ten_metrics():
    process = headctiqa("describe")
    assert process.returncode == 0
    for iqm in IQMS:
        heads = [
            x
            for x in process.stdout.splitlines()
            if x.startswith(f"  {iqm.title}, {iqm.symbol}") and x.endswith(f"[{iqm.id}]")
        ]
        assert len(heads) == 1
        good, acceptable, poor = iqm.ranges
        assert f"good {good} | acceptable {acceptable} | poor {poor}" in process.stdout
    assert "reconstruction" in process.stdout
    assert RESEARCH_USE in process.stdout


def test_describe_as_json():
    content = json.loads(headctiqa("describe", "--json").stdout)
    assert [c["id"] for c in content["categories"]] == [c.id for c in CATEGORIES]
    found = [m for c in content["categories"] for m in c["iqms"]]
    assert [m["id"] for m in found] == [m.id for m in IQMS]
    assert all(m["definition"] and m["source"] and set(m["ranges"]) == {"good", "acceptable", "poor"} for m in found)


def test_describe_imports_nothing_heavy():
    code = (
        "import sys; from HeadCTIQALib.cli import main; main(['describe']); "
        "print('LOADED', sorted({'torch', 'monai', 'scipy', 'pydicom', 'numpy', 'SimpleITK'} & set(sys.modules)))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", env=ENVIRONMENT, check=True
    )
    assert process.stdout.splitlines()[-1] == "LOADED []"


def test_version_and_help():
    assert headctiqa("--version").stdout.strip() == f"headctiqa {__version__}"
    text = headctiqa("assess", "--help").stdout
    for code in (0, 1, 2, 3, 4, 5, 130):
        assert f"\n  {code} " in text


@pytest.mark.parametrize(
    "arguments", [(), ("assess",), ("assess", "x"), ("other",), ("assess", "x", "-o", "y", "--device", "abacus")]
)
def test_wrong_usage_is_2(arguments):
    process = headctiqa(*arguments)
    assert process.returncode == 2
    assert "usage: headctiqa" in process.stderr


def test_closed_pipe_is_quiet():
    command = f"{sys.executable} -m HeadCTIQALib describe --json | head -c 10"
    process = subprocess.run(command, shell=True, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert process.stderr == ""


# assess


def test_assess_writes_a_folder_and_shows_the_tree(dicom_head_folder, tmp_path):
    process = headctiqa("assess", dicom_head_folder, "--output", tmp_path / "out", charges="report")
    assert process.returncode == 0, process.stderr
    assert process.stderr == "", "no progress where no terminal is"
    for category in CATEGORIES:
        assert category.title in process.stdout
    for iqm in IQMS:
        assert iqm.title in process.stdout
    assert str(tmp_path / "out" / "report.html") in process.stdout
    assert process.stdout.rstrip().endswith(RESEARCH_USE)
    assert json.loads((tmp_path / "out" / "assessment.json").read_text())["schema"] == "headctiqa-assessment/1.2"
    assert "<html" in (tmp_path / "out" / "report.html").read_text()


def test_json_progress_is_one_event_a_line(dicom_head_folder, tmp_path):
    process = headctiqa("assess", dicom_head_folder, "-o", tmp_path / "out", "--progress", "json", charges="")
    assert process.returncode == 0, process.stderr
    events = [json.loads(line) for line in process.stdout.splitlines()]
    assert {e["event"] for e in events} == {"progress", "result"}
    assert all(e["stage"] and 0 <= e["fraction"] <= 1 for e in events[:-1])
    record = json.loads((tmp_path / "out" / "assessment.json").read_text())
    assert events[-1]["event"] == "result"
    assert Path(events[-1]["folder"]) == tmp_path / "out"
    assert events[-1]["overall"] == record["overall"]["score"]


@pytest.mark.parametrize(("charges", "code"), [("bug", 1), ("model", 5), ("full", 4)])
def test_exit_codes_of_failures(dicom_head_folder, tmp_path, charges, code):
    process = headctiqa("assess", dicom_head_folder, "-o", tmp_path / "out", "--progress", "json", charges=charges)
    assert process.returncode == code
    message = one_line_error(process)
    last = json.loads(process.stdout.splitlines()[-1])
    assert (last["event"], last["code"]) == ("error", code)
    assert message.endswith(last["message"])
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_named(dicom_head_folder, tmp_path):
    message = one_line_error(headctiqa("assess", dicom_head_folder, "-o", tmp_path / "out", charges="full"))
    assert "disk is full" in message
    assert str(tmp_path / "out") in message


def test_debug_shows_the_traceback(dicom_head_folder, tmp_path):
    process = headctiqa("assess", dicom_head_folder, "-o", tmp_path / "out", "--debug", charges="bug")
    assert process.returncode == 1
    assert "Traceback" in process.stderr
    assert process.stderr.splitlines()[-1].startswith(
        "headctiqa: error: internal error: KeyError in assessment_stand_in.py, line "
    )
    assert "a bug" not in process.stderr, "what libraries quote may be a patient's name"


def test_refused_input_is_3(tmp_path):
    (tmp_path / "not a scan.txt").write_text("hello")
    for wrong in (tmp_path / "nowhere", tmp_path / "not a scan.txt"):
        process = headctiqa("assess", wrong, "-o", tmp_path / "out")
        assert process.returncode == 3
        assert wrong.name in one_line_error(process)
    assert not (tmp_path / "out").exists()


def test_refused_output_is_4_and_comes_before_any_work(dicom_head_folder, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    for wrong in (tmp_path, tmp_path / "mine.txt", dicom_head_folder / "out"):
        process = headctiqa("assess", dicom_head_folder, "-o", wrong, "--progress", "json", charges="bug")
        assert process.returncode == 4
        assert str(wrong) in one_line_error(process)
        assert [json.loads(line)["event"] for line in process.stdout.splitlines()] == ["error"]
    assert not (dicom_head_folder / "out").exists()


def test_damaged_scoring_model_is_5_and_comes_before_any_work(dicom_head_folder, tmp_path):
    (tmp_path / "model.json").write_text("{")
    process = headctiqa(
        "assess", dicom_head_folder, "-o", tmp_path / "out", "--scoring", tmp_path / "model.json", charges="bug"
    )
    assert process.returncode == 5
    assert "model.json" in one_line_error(process)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["interrupted", "cancelled", "hung up"]
)
@pytest.mark.parametrize("charges", ["slow", "slowwrite"])
def test_interrupted_run_leaves_nothing(dicom_head_folder, tmp_path, charges, number):
    command = [
        sys.executable,
        str(STAND_IN),
        charges,
        "assess",
        str(dicom_head_folder),
        "-o",
        str(tmp_path / "out"),
        "--progress",
        "none",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout.readline() == "waiting\n"
        if charges == "slowwrite":
            assert list(tmp_path.glob(".out.*.new")), "the folder is being written"
        time.sleep(0.1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.startswith("headctiqa: error: interrupted")
    assert len(errors.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


#: The stand-in, whose cleaning up and end take a while and say so.
SLOW_END = """
import atexit, shutil, sys, time
sys.path.insert(0, {folder!r})
import assessment_stand_in
remove = shutil.rmtree
def slow(*arguments, **more):
    print("cleaning", flush=True)
    time.sleep(0.5)
    remove(*arguments, **more)
shutil.rmtree = slow
atexit.register(lambda: (print("ending", flush=True), time.sleep(0.5)))
raise SystemExit(assessment_stand_in.main())
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_impatience_disturbs_no_cleaning_up(dicom_head_folder, tmp_path, first):
    command = [
        sys.executable,
        "-c",
        SLOW_END.format(folder=str(STAND_IN.parent)),
        "slowwrite",
        "assess",
        str(dicom_head_folder),
        "-o",
        str(tmp_path / "out"),
        "--progress",
        "none",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        while (line := process.stdout.readline()) != "waiting\n":
            assert line, process.stderr.read()
        process.send_signal(first)
        seen = []
        for line in process.stdout:
            seen.append(line.strip())
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                process.send_signal(number)
                time.sleep(0.02)
        errors = process.stderr.read()
    assert process.returncode == 130, errors
    assert {"cleaning", "ending"} <= set(seen)
    assert errors.startswith("headctiqa: error: interrupted")
    assert len(errors.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_that_python_drops_is_made_again(monkeypatch, capsys):
    from HeadCTIQALib.cli import commands

    class Dropped:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.1)

    def work(*_):
        Dropped()
        time.sleep(20)

    monkeypatch.setattr(commands, "assess", work)
    began = time.monotonic()
    assert cli.main(["assess", "a", "-o", "b"]) == 130
    assert time.monotonic() - began < 10


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_signal_handler_of_the_caller_comes_back(monkeypatch, capsys):
    install(monkeypatch.setattr)

    def mine(number, frame):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, mine)
    try:
        assert cli.main(["describe"]) == 0
        assert signal.getsignal(signal.SIGTERM) is mine
        assert cli.main(["assess", "nowhere", "-o", "out"]) == cli.INPUT
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


def test_name_of_an_image_file_is_kept_only_on_request(head_volume, tmp_path, monkeypatch, capsys):
    """Files are often named after the patient."""
    SimpleITK = pytest.importorskip("SimpleITK")
    install(monkeypatch.setattr)
    monkeypatch.setattr("HeadCTIQALib.report.render", lambda record, volume, findings: dump(record))
    image = SimpleITK.GetImageFromArray(head_volume.hu)
    image.SetSpacing((2.4, 2.4, 5.0))
    path = tmp_path / "Zebrowski_Quirin.nii.gz"
    SimpleITK.WriteImage(image, str(path))

    def texts(*more):
        assert cli.main(["assess", str(path), "-o", str(tmp_path / "out"), *more]) == 0
        shown = capsys.readouterr()
        files = [p.read_bytes().split(b"\n\n")[0].decode("utf-8", "replace") for p in (tmp_path / "out").iterdir()]
        return "".join([shown.out, shown.err, *files]).lower()

    assert "zebrowski" not in texts()
    assert "zebrowski" in texts("--keep-name")


# the tree


@pytest.fixture(scope="module")
def record(make_head):
    volume = dataclasses.replace(make_head(slices=48), warnings=("Look out.",))
    return evaluate(volume, find(volume)).record


def test_tree_falls_back_to_ascii(record):
    assert tree.glyphs_for("utf-8") is tree.UNICODE
    for encoding in ("ascii", "latin-1", None, "no-such-encoding"):
        assert tree.glyphs_for(encoding) is tree.ASCII
    text = tree.as_text(record, Path("/out"), tree.ASCII)
    assert text.isascii() or not record.input.name.isascii()
    assert "- Look out." in text


def test_show_never_fails_on_a_poor_terminal():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    terminal.show("3 µm ├─ ok\n", stream)
    stream.flush()
    assert raw.getvalue().decode("ascii") == "3 ?m ?? ok\n"


def test_tree_shows_scores_withheld_and_not_assessable(record):
    record = to_json(record)
    record["iqms"]["noise"].update(
        value=None,
        interval=None,
        quantiles=None,
        band=None,
        score=None,
        score_interval=None,
        read_at=None,
        judged=None,
        bound=None,
        status="not_assessable",
        reason="No brain in the scan.",
    )
    record["categories"]["noise_contrast"].update(
        score=None, band=None, contributions=[], withheld_reason="Noise is missing."
    )
    record["overall"].update(score=None, band=None, contributions=[], withheld_reason="Because of noise.")
    record["iqms"]["centering_offset"].update(
        value=17.5, read_at=17.5, score=65.0, interval=None, score_interval=None, band="acceptable", bound="at_least", flags=["Head is cut."], ceiling=65.0, ceiling_reason="Skin is cut.",
    )  # fmt: skip
    record["categories"]["centering"].update(
        score=70.0, band="acceptable", withheld_reason="", interval=[66.2, 81.4],
        contributions=[{**CONTRIBUTION, "source_id": "centering_offset", "points": p} for p in (-20.0, -10.0)],
    )  # fmt: skip
    record["iqms"]["centering_offset"]["advice"] = {"instruction": "Raise the table 17 mm.", "counterfactual": ""}
    lines = tree.as_text(check_record(record, "x"), None, tree.ASCII).splitlines()

    def line(text):
        (found,) = (x for x in lines if text in x)
        return found

    assert "withheld" in next(x for x in lines if x.startswith("Overall"))
    assert line("withheld: Because of noise.")
    assert line("withheld: Noise is missing.")
    assert line("|  |- Noise  ").endswith("not assessable")
    assert line("`- Noise  ").endswith("No brain in the scan.")
    assert line("Centring   ").split()[2:] == [
        "70.0",
        "(66-81)",
        "#" * 14 + "." * 6,
        "acceptable,",
        "close",
        "to",
        "good",
    ]
    assert line("Centring in the image").split()[6:] == ["65.0", "acceptable", "-30.0", "points"]
    assert line("Centring offset").split()[4:] == ["at", "least", "17.5", "mm", "acceptable"]
    assert "! Head is cut." in line("Head is cut.")
    assert "! Skin is cut." in line("Skin is cut.")
    assert line("Raise the table").endswith("   > Raise the table 17 mm.")


def test_bounds_end_in_the_column_of_the_scores(record):
    record = to_json(record)
    for entry, exact in (
        (record["overall"], False),
        (record["categories"]["scan_range"], False),
        (record["iqms"]["vertex_margin"], False),
        (record["categories"]["motion"], True),
    ):
        entry.update(score=30.0, band="poor", at_least=30.0 if exact else 0.0, at_most=30.0, interval=None)
        if "score_interval" in entry:
            entry["score_interval"] = None
        else:
            entry["withheld_reason"] = ""
    lines = tree.as_text(check_record(record, "x"), None, tree.ASCII).splitlines()
    for start, words in (
        ("Overall", "at most 30.0"),
        ("|- Scan range", "at most 30.0"),
        ("|  |- Coverage of the vertex", "at most 30.0"),
        ("|- Motion", "  30.0"),
    ):
        (line,) = (x for x in lines if x.startswith(start))
        assert words in line
        assert line.index("30.0") == 44
        assert ("at most" in line) == ("most" in words)


def test_what_is_not_good_is_told_with_advice(record):
    lines = tree.as_text(record, None, tree.ASCII).splitlines()
    told = [x.split("> ", 1)[1] for x in lines if "   > " in x]
    advice = [s for e in record.iqms.values() for s in (e.advice.instruction, e.advice.counterfactual) if s]
    assert told == advice != []
    for entry in record.iqms.values():
        assert (entry.band in (None, "good")) == (entry.advice.instruction == "")


def test_values_are_printed_sensibly(record):
    def shown(iqm, value, read_at=None, bound=None):
        entry = structs.replace(
            record.iqms[iqm], value=value, read_at=value if read_at is None else read_at, judged=read_at, bound=bound,
            status="measured", band="good", score=90.0, knots=IQM_BY_ID[iqm].knots, interval=None, quantiles=None,
        )  # fmt: skip
        return tree.value_text(iqm, entry)

    assert shown("symmetry_angle", 3.14159) == "3.1 deg"
    assert shown("symmetry_angle", 3.0004) == "3.1 deg", "3.0 would be good"
    assert shown("vertex_margin", 0.001) == "0.0 mm"
    assert shown("vertex_margin", -0.001) == "-0.1 mm"
    assert shown("vertex_margin", -20.0, bound="at_most") == "at most -20.0 mm"
    assert shown("gray_white_cnr", 1.6) == "1.60"
    assert shown("centering_offset", 123.4) == "123 mm"
    assert shown("noise", 9.0, 4.4) == "9.0 HU, judged as 4.4 HU at 5 mm"
    assert shown("baseline_angle", 9.0, 2.0) == "9.0 deg, judged as 2.0 deg from the wanted angle"


def test_every_item_and_metric_stands_in_the_tree_with_score_and_band(record):
    lines = tree.as_text(record, None, tree.ASCII).splitlines()
    assert lines[1].startswith("scored by: Guideline model")
    assert "profile: Default" in lines[1]
    assert lines[2] == f"in brackets: 95 % intervals (error model {record.error_model})"
    assert lines[4] == record.verdict.sentence
    for iqm in IQMS:
        entry = record.iqms[iqm.id]
        (item,) = (
            x
            for x in lines
            if iqm.item_title in x.removeprefix("|  ") and x.startswith(("|  |- ", "|  `- ", "   |- ", "   `- "))
        )
        (metric,) = (x for x in lines if f"`- {iqm.title}  " in x and x[3:6] in ("|  ", "   "))
        if entry.value is not None:
            low, high = (score_text(end) for end in entry.score_interval)
            spread = f"({low}-{high})" if low != high else ""
            assert f" {score_text(entry.score, 1)} {spread:<8}  {band_words(entry.band, entry.score_interval)}" in item
            assert metric.endswith(entry.band)


# progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_text_progress_rewrites_one_line_and_wipes_it():
    stream = Terminal()
    progress = TextProgress(stream)
    progress("Reading a long name", 0.0)
    progress("Reading a long name", 0.0)
    progress("Scoring", 2.0)
    progress.clear()
    parts = stream.getvalue().split("\r")
    assert len(parts) == 5
    assert parts[2].startswith("[########################] Scoring")
    assert len(parts[2]) >= len(parts[1]), "the longer line before is overwritten"
    assert parts[3].strip() == ""
    assert "\n" not in stream.getvalue()


def test_text_progress_is_quiet_without_a_terminal():
    stream = io.StringIO()
    progress = TextProgress(stream)
    progress("Reading", 0.5)
    progress.clear()
    assert stream.getvalue() == ""


def test_json_progress_does_not_flood():
    stream = io.StringIO()
    progress = JsonProgress(stream)
    for n in range(10_000):
        progress("Reading", n / 9_999)
    progress("Reading", float("nan"))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(events) == 102
    assert events[100] == {"event": "progress", "stage": "Reading", "fraction": 1.0}


def test_in_process_call_returns_the_code(dicom_head_folder, tmp_path, monkeypatch, capsys):
    install(monkeypatch.setattr)
    monkeypatch.setattr("HeadCTIQALib.report.render", lambda record, volume, findings: "<html></html>")
    assert cli.main(["assess", str(dicom_head_folder), "-o", str(tmp_path / "out")]) == 0
    assert "Overall" in capsys.readouterr().out
