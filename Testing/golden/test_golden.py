"""Every number to 1e-9 and every sentence of assessments as they were; ``small.py`` writes the expected files anew."""

import json

import pytest
from said import differences
from small import EXPECTED, assessments


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return dict(assessments(tmp_path_factory.mktemp("golden")))


@pytest.mark.parametrize("name", sorted(p.stem for p in EXPECTED.glob("*.json")))
def test_an_assessment_says_what_it_said(found, name):
    expected = json.loads((EXPECTED / f"{name}.json").read_text(encoding="utf-8"))
    assert differences(expected, json.loads(json.dumps(found[name]))) == []


def test_every_assessment_is_compared(found):
    assert set(found) == {p.stem for p in EXPECTED.glob("*.json")}


def test_differences_are_seen():
    assert differences({"a": [1.0, "x"]}, {"a": [1.0 + 1e-12, "x"]}) == []
    assert differences({"a": 1.0}, {"a": 1.0 + 1e-8}) == [".a: 1.0 became 1.00000001"]
    assert differences({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert differences([1.0], [1])
    assert differences(["x"], ["y"])
