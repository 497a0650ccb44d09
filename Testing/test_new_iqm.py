"""A new IQM is a row, a function with its registration, and a test: everything else follows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def said():
    """What every part of the program says of the eleventh IQM of new_iqm.py."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}
    command = [sys.executable, str(ROOT / "Testing" / "new_iqm.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_measured_and_near_its_truth_in_simulation(said):
    assert said["record"]["value"] == pytest.approx(said["truth"], abs=1.0)
    assert said["record"]["status"] == "measured"


def test_it_counts_in_its_category(said):
    assert said["record"]["score"] == 100.0
    assert said["category_when_bright"] == pytest.approx(10.0), "the worst item of a category decides"


def test_it_stands_in_report_tree_and_description(said):
    assert "The brain has 33.0 HU." in said["report"]
    assert 'id="brain_brightness"' in said["report"]
    assert {"Brightness of the brain", "Brain brightness B"} <= set(said["rows"])
    assert "Median HU of the brain parenchyma." in said["describe"]


def test_it_stands_in_record_schema_and_table(said):
    assert said["in_schema"]
    assert said["row"]["brain_brightness"] == said["record"]["value"]


def test_an_edit_of_the_brain_measures_it_again(said):
    assert "brain_brightness" in said["fed_by_brain"]
