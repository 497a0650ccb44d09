"""Code in the folder that a program of ours is started in never runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from poison import NAMES, poison

from HeadCTIQALib import isolation
from HeadCTIQALib.workers import in_processes

ROOT = Path(__file__).resolve().parents[1]
#: What people have in PYTHONPATH: nothing; the library; and, by a trailing or leading colon, the working folder.
PATHS = {"none": None, "library": str(ROOT), "empty entry": f"{ROOT}:", "dot": f".:{ROOT}"}
#: Python itself imports these before us where PYTHONPATH has a relative entry.
BEFORE_US = ("usercustomize", "sitecustomize")


def run(*command: object, folder: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSAFEPATH")} | (
        {"PYTHONPATH": path} if path else {}
    )
    return subprocess.run(
        [str(c) for c in command], cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scan"
    made.mkdir()
    return made


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("start", [("-m",), ("-P", "-m"), ("script",)], ids=["module", "safe module", "script"])
def test_command_imports_nothing_from_the_scan_folder(folder: Path, path: str | None, start: tuple[str, ...]) -> None:
    relative = path is not None and path != str(ROOT)
    package_first = (
        start == ("-m",) or relative
    )  # the package itself is looked for by Python, before anything of ours runs
    told = poison(
        folder,
        tuple(n for n in NAMES if not (relative and n in BEFORE_US) and not (package_first and n == "HeadCTIQALib")),
    )
    script = folder.parent / "headctiqa"
    script.write_text("import sys\nfrom HeadCTIQALib.cli import main\nsys.exit(main())\n")
    command = [sys.executable, script] if start == ("script",) else [sys.executable, *start, "HeadCTIQALib"]
    if path is None and run(sys.executable, "-P", "-c", "import HeadCTIQALib", folder=folder).returncode:
        pytest.skip("the library is not installed")
    done = run(*command, "assess", ".", "--output", folder.parent / "out", folder=folder, path=path)
    assert done.returncode == 3, done.stderr
    assert not told.exists(), told.read_text()


@pytest.mark.parametrize("path", ["", ":", "."])
def test_worker_processes_import_nothing_from_the_working_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    told = poison(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", path)
    assert dict(in_processes({"a": (-1,), "b": (-2,)}, 2, abs)) == {"a": 1, "b": 2}
    assert not told.exists(), told.read_text()
    assert os.environ["PYTHONPATH"] == path


@pytest.mark.slow
def test_simulate_and_assess_import_nothing_from_the_scan_folder(folder: Path) -> None:
    told = [poison(folder)]
    start = (sys.executable, "-P", "-m", "HeadCTIQALib")
    made = run(*start, "simulate", "--output", "scan", folder=folder, path=str(ROOT))
    assert made.returncode == 0, made.stderr
    told.append(poison(folder / "scan"))
    done = run(*start, "assess", ".", "-o", folder.parent / "out", folder=folder / "scan", path=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert not [t.read_text() for t in told if t.exists()]


def test_relative_entries_go_and_the_rest_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lib").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "lib", "/elsewhere"]))
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.setattr(sys, "path", ["", ".", "lib", str(folder), str(folder / "lib"), "/elsewhere", "__hook__"])
    isolation.leave_working_folder()
    assert sys.path == ["/elsewhere", "__hook__", str(ROOT)]
    assert os.environ["PYTHONPATH"] == "/elsewhere"
    assert os.environ["PYTHONSAFEPATH"] == "1"
