"""The campaign against every reader and loader: a short run of it, and that it sees what it is there to see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

import numpy as np
import pydicom
import pytest
from fuzz import campaign, elements, mutate, seeds, worker
from fuzz.formats import FORMATS, Format, build

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import check, read

INPUTS = 600  # a minute or so; `make fuzz MINUTES=30` is the long campaign


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    seeds.make(folder)
    return folder


@pytest.mark.slow
def test_short_campaign(tmp_path: Path) -> None:
    tallies = campaign.run("1", tmp_path, inputs=INPUTS)
    assert sum(t.verdicts.total() for t in tallies.values()) == INPUTS
    assert all(t.verdicts.total() >= 8 for t in tallies.values())
    assert not any(t.bad for t in tallies.values()), campaign.table(tallies)


@pytest.mark.parametrize("name", FORMATS)
def test_undamaged_seeds_are_accepted(stored: Path, name: str) -> None:
    assert FORMATS[name].load(stored / name / FORMATS[name].entry, stored) == ""


def test_seeds_and_cases_are_the_same_every_time(stored: Path, tmp_path: Path) -> None:
    seeds.make(tmp_path / "again")
    files = sorted(p.relative_to(stored) for p in stored.rglob("*") if p.is_file())
    assert [f for f in files if (stored / f).read_bytes() != (tmp_path / "again" / f).read_bytes()] == []
    for n, folder in enumerate((stored, tmp_path / "again")):
        for name in ("dicom", "record", "nhdr"):
            build(FORMATS[name], Random(f"3:{name}:7"), folder, tmp_path / f"{name}{n}")
    for name in ("dicom", "record", "nhdr"):
        first, second = (
            {p.name: p.read_bytes() for p in (tmp_path / f"{name}{n}").iterdir() if p.is_file()} for n in range(2)
        )
        assert first == second


def test_elements_survive_the_way_there_and_back(stored: Path) -> None:
    data = (stored / "dicom-enhanced" / "scan.dcm").read_bytes()[132:]
    assert elements.encode(elements.parse(data)) == data
    plain = read(stored / "dicom").hu
    for encoding in seeds.ENCODINGS:
        np.testing.assert_array_equal(read(stored / encoding).hu, plain)


def test_json_without_end_and_beyond_floats_is_drawn() -> None:
    rng = Random(0)
    texts = [mutate.json_text(rng, {"a": [1, 2, {"b": "c"}], "d": 0.5}) for _ in range(400)]
    for what in ("[" * 9000, "1e400", "NaN", "\ud800"):
        assert any(what in text for text in texts)


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        ("raise KeyError('x')", "exception"),
        ("raise MemoryError", "memory"),
        ("return 'not finite'", "insane"),
        ("raise refusal('Too short')", "sentence"),
        ("raise refusal('The file x is damaged; export it again.')", "refused"),
        ("return ''", "accepted"),
    ],
)
def test_verdicts(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str, verdict: str) -> None:
    scope: dict[str, object] = {"refusal": InputError}
    exec(f"def load(path, stored):\n    {deed}", scope)
    row = FORMATS["scoring"]
    monkeypatch.setitem(FORMATS, "scoring", Format(row.name, row.entry, row.attacked, row.damage, scope["load"]))
    assert worker.attempt("scoring:0", "1", stored, tmp_path).verdict == verdict
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("deed", "seconds", "verdict"),
    [
        ("os.abort()", 60, "crash"),
        ("time.sleep(90)", -4.5, "hang"),
        ("[0 for _ in iter(int, 1)]", -4.5, "hang"),
        ("b = b'x' * 10**9; time.sleep(90)", 60, "memory"),
    ],
)
def test_children_that_die_hang_or_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str, seconds: float, verdict: str
) -> None:
    monkeypatch.setattr(campaign, "MAX_SECONDS", seconds)
    monkeypatch.setattr(campaign, "MAX_BYTES", 500_000_000)
    code = f"import faulthandler, os, signal, sys, time; faulthandler.register(signal.SIGUSR1); sys.stdin.readline(); {deed}"
    child = campaign.Child("1", tmp_path, tmp_path / "work", [sys.executable, "-c", code])
    outcome = child.attempt("dicom:0")
    child.stop()
    assert outcome.verdict == verdict
    assert outcome.bad


def test_who_is_not_given_the_processor_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped for 2 s with a limit of half a second; a child that others keep from running looks the same."""
    monkeypatch.setattr(campaign, "MAX_SECONDS", -4.5)
    answer = '{"case": "dicom:0", "verdict": "accepted"}'
    code = f"import os, signal, sys; sys.stdin.readline(); os.kill(os.getpid(), signal.SIGSTOP); print('{answer}', flush=True)"
    child = campaign.Child("1", tmp_path, tmp_path / "work", [sys.executable, "-c", code])
    threading.Timer(2.0, lambda: os.kill(child.pid, signal.SIGCONT)).start()
    outcome = child.attempt("dicom:0")
    child.stop()
    assert outcome.verdict == "accepted"


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        ("0", "accepted"),
        ("os.write(2, b'heard')", "output"),
        ("open(os.environ['TMPDIR'] + '/left', 'w').close()", "leftovers"),
    ],
)
def test_workers_tell_of_output_and_leftovers(stored: Path, tmp_path: Path, deed: str, verdict: str) -> None:
    code = f"""if True:
        import dataclasses, os
        from Testing.fuzz import formats, worker
        load = lambda path, stored: ({deed}, "")[1]
        formats.FORMATS["scoring"] = dataclasses.replace(formats.FORMATS["scoring"], load=load)
        worker.main()"""
    child = campaign.Child(
        "1", stored, tmp_path / "work", [sys.executable, "-c", code, "1", str(stored), str(tmp_path / "work")]
    )
    outcomes = [child.attempt("scoring:1"), child.attempt("scoring:2")]
    child.stop()
    assert [o.verdict for o in outcomes] == [verdict] * 2
    assert min(o.bytes for o in outcomes) > 10_000_000


@pytest.mark.parametrize("name", ["dicom-jpeg", "dicom-jpegls", "dicom-jpeg2000"])
@pytest.mark.parametrize(
    "promise",
    [{"BitsAllocated": n} for n in (1, 24, 32, 64)] + [{"Rows": 128}, {"Columns": 300}, {"Rows": 65, "Columns": 63}],
    ids=str,
)
def test_more_than_a_compressed_image_holds_does_not_end_the_process(
    stored: Path, tmp_path: Path, name: str, promise: dict[str, int]
) -> None:
    for source in (stored / name).iterdir():
        image = pydicom.dcmread(source)
        image.update(promise)
        image.save_as(tmp_path / source.name)
    code = f"from HeadCTIQALib.volume import read; read({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr[-500:]
    assert "InputError" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("spacing", ["1e-300", "1e-30", "0.001"])
def test_pixels_too_small_for_a_detector_get_a_sentence(stored: Path, tmp_path: Path, spacing: str) -> None:
    for source in (stored / "dicom").iterdir():
        image = pydicom.dcmread(source)
        image.PixelSpacing = [spacing, spacing]
        image.save_as(tmp_path / source.name)
    with pytest.raises(InputError):
        check(read(tmp_path))
