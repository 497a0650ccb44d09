"""The process that assesses: nothing of it comes from the folder in which Slicer was started."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from poison import poison

from HeadCTIQALib.gui import process as processes
from HeadCTIQALib.gui.process import Process, Standby, assess_command


def ended(process: Process) -> list[dict]:
    events: list[dict] = []
    until = time.monotonic() + 120
    while not (events and events[-1]["event"] == "end"):
        assert time.monotonic() < until
        events += process.poll()
        time.sleep(0.05)
    return events


@pytest.mark.parametrize("path", ["", ":", ".", ".:/nowhere"])
def test_nothing_is_imported_from_where_slicer_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    folder = tmp_path / "started"
    folder.mkdir()
    told = poison(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", path)
    events = ended(Process(assess_command(folder, tmp_path / "out")))
    assert [e["event"] for e in events[-2:]] == ["error", "end"]
    assert [e["code"] for e in events[-2:]] == [3, 3]
    assert not told.exists(), told.read_text()


@pytest.mark.skipif(os.name == "nt", reason="a POSIX file mode")
def test_the_interpreter_is_not_looked_for_where_slicer_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "PythonSlicer"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f":.:{os.environ['PATH']}")
    assert processes.python_executable() == sys.executable
    monkeypatch.setenv("PATH", str(tmp_path))
    assert processes.python_executable() == str(program)


@pytest.mark.parametrize("path", ["", "."])
def test_a_child_that_stands_by_runs_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    folder = tmp_path / "started"
    folder.mkdir()
    told = poison(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", path)
    standby = Standby()
    standby.prepare()
    waiting = standby._waiting
    standby.prepare()
    assert standby._waiting is waiting, "one is enough"
    process = standby.start(assess_command(folder, tmp_path / "out"))
    assert process is waiting
    events = ended(process)
    assert [e["event"] for e in events[-2:]] == ["error", "end"]
    assert [e["code"] for e in events[-2:]] == [3, 3]
    assert not told.exists(), told.read_text()


def test_a_child_that_died_is_replaced(tmp_path: Path) -> None:
    standby = Standby()
    standby.prepare()
    standby._waiting._child.kill()
    standby._waiting._child.wait()
    (tmp_path / "empty").mkdir()
    process = standby.start(assess_command(tmp_path / "empty", tmp_path / "out"))
    assert ended(process)[-1]["code"] == 3


def test_a_child_that_stands_by_ends_with_slicer() -> None:
    standby = Standby()
    standby.prepare()
    child = standby._waiting._child
    child.stdin.close()
    assert child.wait(120) == 0
    standby.end()
    assert standby._waiting is None
