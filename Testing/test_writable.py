"""An output that cannot be written is refused before anything is computed, and nothing is made on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from HeadCTIQALib import cli
from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.writing import check_writable

COMMANDS = {
    "assess": ["assess", "SCAN", "-o", "OUT"],
    "simulate": ["simulate", "-o", "OUT"],
    "fit": ["fit", "--assessments", "NONE", "--readers", "NONE", "-o", "OUT"],
    "evaluate": ["evaluate", "--assessments", "NONE", "--readers", "NONE", "-o", "OUT"],
    "study": ["study", "-o", "OUT"],
    "study document": ["study", "-o", "FINE", "--document", "OUT"],
    "train": ["train", "fluid", "-o", "OUT"],
    "evaluate-networks": ["evaluate-networks", "-o", "OUT"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("how", ["below a file", "too long", "read-only"])
def test_every_command_finds_out_first(
    command: list[str],
    how: str,
    dicom_head_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("mine")
    shut = tmp_path / "shut"
    shut.mkdir()
    out = {
        "below a file": tmp_path / "file" / "below" / "out",
        "too long": tmp_path / ("y" * 300),
        "read-only": shut / "out",
    }[how]
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != shut)  # root may write everywhere
    known = {"SCAN": dicom_head_folder, "OUT": out, "NONE": tmp_path / "none", "FINE": tmp_path / "fine"}
    assert cli.main([str(known.get(word, word)) for word in command]) == cli.OUTPUT
    assert str(out)[:60] in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "shut"]
    assert not list(shut.iterdir())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="a folder mode that binds the user")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(OutputError, match="may not be written"):
        check_writable(tmp_path / "a" / "b")
    tmp_path.chmod(0o755)


def test_what_can_be_written_is_let_through(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b" / "c")
    check_writable(tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        check_writable(tmp_path / ("y" * 256))
    assert not list(tmp_path.iterdir())
