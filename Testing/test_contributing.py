"""What CONTRIBUTING names is there: the tables of a metric, the files, the protocol profile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from HeadCTIQALib.scoring.profile_file import load_profile

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TABLES = re.findall(r"`([A-Z]+)` (?:in|\()\s*`([\w/]+\.py)`", TEXT)
OF_THE_EXAMPLE = ("nets/blood.py", "Models/blood")


@pytest.mark.parametrize(("name", "file"), TABLES)
def test_the_tables_are_where_it_says(name: str, file: str) -> None:
    source = (ROOT / "HeadCTIQALib" / file).read_text(encoding="utf-8")
    assert re.search(rf"^{name}\b.*=", source, re.MULTILINE)


def test_the_tables_of_a_metric_are_named() -> None:
    assert {name for name, _ in TABLES} == {"METRICS", "INPUTS", "INSTRUCTIONS", "PICTURES", "BUNDLES"}


def test_the_files_are_there() -> None:
    named = {path for path in re.findall(r"`([\w./-]+/[\w.-]*)`", TEXT) if not any(e in path for e in OF_THE_EXAMPLE)}
    assert len(named) > 15
    bundle = ROOT / "Resources" / "Models" / "fluid"
    places = (ROOT, ROOT / "HeadCTIQALib", ROOT / "HeadCTIQALib" / "networks", bundle)
    assert [path for path in sorted(named) if not any((place / path).exists() for place in places)] == []


def test_the_profile_can_be_used(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "site.toml").write_text(example, encoding="utf-8")
    assert load_profile(tmp_path / "site.toml").baseline_target_deg == -11
