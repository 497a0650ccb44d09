"""What is told about errors: where they arose, never what libraries quote from the scan."""

from __future__ import annotations

import gc
import json
import logging
import sys
import threading
import warnings
from pathlib import Path

import pytest

from HeadCTIQALib import cli, traces
from HeadCTIQALib.cli import commands
from HeadCTIQALib.errors import HeadCTIQAError, InputError, boundary

MARK = "ZEBROWSKI^QUIRIN"


def refused() -> None:
    with boundary("The file x.dcm is damaged; export it again."):
        try:
            {}[MARK]
        except KeyError as error:
            raise ValueError(f"cannot parse {MARK}") from error


def bug() -> None:
    try:
        refused()
    except InputError:
        raise RuntimeError(f"a bug about {MARK}")  # noqa: B904  # the context is to be told


def talkative() -> None:
    class Dropped:
        def __del__(self) -> None:
            raise ValueError(MARK)

    warnings.warn(f"Invalid value {MARK}", stacklevel=1)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"Invalid value {MARK}", stacklevel=1)
    for name in ("pydicom", "nrrd", "another"):
        logging.getLogger(name).error(MARK)
    loud = logging.getLogger("pydicom")
    handler = logging.StreamHandler(sys.stderr)
    loud.addHandler(handler)
    loud.critical(MARK)
    loud.removeHandler(handler)
    Dropped()
    gc.collect()
    thread = threading.Thread(target=bug)
    thread.start()
    thread.join()
    raise HeadCTIQAError("That was all.")


@pytest.mark.parametrize(("what", "code"), [(refused, 3), (bug, 1), (talkative, 3)])
@pytest.mark.parametrize("more", [[], ["--debug"], ["--progress", "json"], ["--progress", "json", "--debug"]])
def test_no_value_of_the_scan_is_told(
    what, code: int, more: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "assess", lambda *_: what())
    assert cli.main(["assess", "in", "-o", "out", *more]) == code
    shown = capsys.readouterr()
    assert MARK not in shown.out + shown.err
    assert ("Traceback" in shown.err) == ("--debug" in more)
    if "--debug" in more:
        assert "test_debug.py" in shown.err
    if what is bug and "--debug" in more:
        for words in ("KeyError\n", "ValueError\n", "InputError: The file x.dcm is damaged", "RuntimeError\n"):
            assert words in shown.err
    if what is bug:
        assert "internal error: RuntimeError in test_debug.py, line " in shown.err
    if "json" in more:
        event = json.loads(shown.out.splitlines()[-1])
        assert ("trace" in event) == (what is bug)


def test_hooks_of_the_caller_come_back(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.excepthook, sys.unraisablehook, warnings.showwarning, logging.root.manager.disable
    monkeypatch.setattr(commands, "assess", lambda *_: refused())
    cli.main(["assess", "in", "-o", "out"])
    assert before == (threading.excepthook, sys.unraisablehook, warnings.showwarning, logging.root.manager.disable)


def test_a_circle_of_causes_ends() -> None:
    a, b = ValueError(MARK), KeyError(MARK)
    a.__cause__, b.__cause__ = b, a
    assert MARK not in traces.trace(a)
    assert traces.trace(a).count("Traceback") == 2


def test_details_in_slicer_are_not_what_libraries_print(tmp_path: Path) -> None:
    from HeadCTIQALib.gui.process import Process

    code = f'import sys; print({MARK!r}, file=sys.stderr); print(\'headctiqa: error: x\', file=sys.stderr); print(\'{{"event": "error", "trace": ["File a"]}}\')'
    process = Process([sys.executable, "-c", code])
    while not (events := process.poll()) or events[-1]["event"] != "end":
        pass
    assert sorted(process.details) == ["File a", "headctiqa: error: x"]
