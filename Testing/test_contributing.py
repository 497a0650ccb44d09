"""What CONTRIBUTING shows is true: the metric is the one that a test adds, the files are there, the profile can be used."""

from __future__ import annotations

import re
from pathlib import Path

from HeadCTIQALib.scoring.profile_file import load_profile

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
OF_THE_EXAMPLE = ("networks/blood.py", "nets/blood.py", "Models/blood")


def test_the_metric_is_the_one_that_a_test_adds() -> None:
    """Every line of its function and registration, but for the name of the row and the types, and every part of its row."""
    section = TEXT.partition("## An image quality metric")[2].partition("\n## ")[0]
    row, function = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    added = (ROOT / "Testing" / "new_iqm.py").read_text(encoding="utf-8")
    lines = [line.strip().replace('"brain_brightness"', "ROW.id") for line in function.splitlines()]
    assert len(lines) > 15
    assert [line for line in lines if "-> Measurement" not in line and line not in added] == []
    assert [part for part in re.findall(r'"[^"]+"|\(\(.*\)\)', row) if part not in added] == []


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
