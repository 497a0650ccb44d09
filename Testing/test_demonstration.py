"""README and tutorial say of the demonstration scan what the program says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from draw_pictures import END, START, with_numbers

from HeadCTIQALib.assessment import assess
from HeadCTIQALib.record import Record
from HeadCTIQALib.synthesis import demo_scene

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The record of the demonstration, from the same files as `make demo` (about 18 s)."""
    from HeadCTIQALib.synthesis.files import write_simulated

    folder = tmp_path_factory.mktemp("demonstration")
    write_simulated(demo_scene(), folder, seed=0)
    return assess(folder / "simulated-head").record


@pytest.mark.slow
def test_the_tutorial_quotes_the_demonstration(record: Record) -> None:
    text = (ROOT / "Docs" / "tutorial.md").read_text(encoding="utf-8")
    assert START in text
    assert END in text
    assert text == with_numbers(text, record), "run make pictures"


@pytest.mark.slow
def test_the_readme_quotes_the_verdict_of_the_demonstration(record: Record) -> None:
    words = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f'"{record.verdict.sentence}"' in words
