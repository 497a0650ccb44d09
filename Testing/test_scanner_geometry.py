"""Landmarks, margins, objects and calibration of degraded real scans: what is recorded, and what is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from metrics_phantom import grid, head

from HeadCTIQALib.findings import Landmark
from HeadCTIQALib.research.validation import degradations as d
from HeadCTIQALib.research.validation.crosstalk import AS_IT_IS
from HeadCTIQALib.research.validation.followed import followed, readers_of
from HeadCTIQALib.research.validation.heldout.cases import CLEAN, MOTIONS
from HeadCTIQALib.research.validation.reliability import reliability_figures
from HeadCTIQALib.research.validation.scanner_geometry import landmark_figures, margin_figures, object_figures


def test_readers_are_found_in_the_folder_or_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "ct"
    folder.mkdir()
    assert readers_of(folder) == {}
    table = {"reader_a": {"SELLA": [0, 2, 4], "NASION": None}, "reader_b": {"SELLA": [2, 2, 2], "NASION": [1, 1, 1]}}
    (tmp_path / "landmarks.json").write_text(json.dumps({"scans": {"a": table}}))
    assert readers_of(folder)["a"]["SELLA"].tolist() == [1, 2, 3]
    assert set(readers_of(folder)["a"]) == {"SELLA"}
    (folder / "landmarks.json").write_text(json.dumps({"scans": {}}))
    assert readers_of(folder) == {}


def test_landmarks_are_held_against_where_the_degradation_takes_them() -> None:
    volume, findings = head(grid(np.arange(-40.0, 41, 10.0), matrix=64, pixel=4.0))
    marks = {
        "SELLA": Landmark((0.0, 10.0, 0.0), 0.9),
        "BASION": Landmark((0.0, 0.0, -35.0), 0.9),
        "PINEAL": Landmark((0.0, 0.0, 20.0), 0.2),
        "NASION": Landmark((0.0, 80.0, -60.0), 0.9, in_scan=False),
    }
    before = findings.with_(landmarks=marks)
    moved = d.shifted(volume, 8.0, 0.0)
    step = moved.shift[0]
    found = before.with_(
        landmarks={n: replace(m, position=(m.position[0] + step, *m.position[1:])) for n, m in marks.items()}
    )
    rows = {r["name"]: r for r in followed(before, found, moved, {"NASION": np.array([0.0, 84.0, -63.0])})}
    assert set(rows) == {"SELLA", "BASION", "NASION"}  # nobody knows where the pineal gland is
    assert rows["SELLA"]["off"] == 0.0
    assert rows["SELLA"]["reader"] is None
    assert (rows["NASION"]["off"], rows["NASION"]["reader"]) == (None, 5.0)  # extrapolated in the base: no truth
    assert rows["NASION"]["beyond"] == pytest.approx(23.0)
    cut = d.cut(volume, below_mm=20.0)
    (basion,) = (r for r in followed(before, before, cut, {}) if r["name"] == "BASION")
    assert basion["beyond"] == pytest.approx(15.0)
    (still,) = (r for r in followed(before, found, replace(moved, shift=np.zeros(3)), {}) if r["name"] == "SELLA")
    assert still["off"] == pytest.approx(abs(step))


def turned(scan: str, marks: list[tuple[float, float, float]], family: str = "roll", key: str = "k", **iqms) -> dict:
    """A row with landmarks of (mm off, mm beyond the scan, confidence)."""
    return {
        "scan": scan,
        "key": key,
        "family": family,
        "iqms": iqms,
        "marks": [{"name": "X", "off": o, "reader": o, "beyond": b, "confidence": c} for o, b, c in marks],
    }


def test_landmarks_that_mislead_are_counted() -> None:
    rows = [
        turned("a", [(1.0, 0.0, 0.9), (9.0, 0.0, 0.9), (30.0, 0.0, 0.1), (12.0, 20.0, 0.9), (99.0, 60.0, 0.9)]),
        turned("b", [(2.0, 0.0, 0.9)]),
    ]
    found = {(f.name, f.statistic): f for f in landmark_figures(rows, "t")}
    inside = "landmarks in the scan, against two readers"
    assert found[inside, "error where confident, median, mm"].value == 2.0
    assert found[inside, "error where confident, median, mm"].n == 3
    assert found[inside, "error where confident, median, mm"].reached is False
    assert found[inside, "share called confident"].value == 0.75
    assert found[inside, "share called confident but more than 8 mm off"].value == 0.25
    assert found[inside, "share called confident but more than 8 mm off"].low is not None
    own = {(f.name, f.statistic): f for f in landmark_figures([turned("a", [(0.0, 0.0, 0.9)], AS_IT_IS)], "t")}
    assert {name for name, _ in own} == {inside}  # a scan against itself tells nothing
    beyond = "landmarks up to 35 mm beyond it, against the scan as it is (consistency)"
    assert found[beyond, "error where confident, median, mm"].n == 1  # one is too far away to be asked for


def test_margins_are_held_against_interval_and_bound() -> None:
    def margin(expected: float, found: float | None, interval: tuple | None, bound: str | None, base: float = 12.0):
        return {"base": base, "expected": expected, "found": found, "interval": interval, "bound": bound}

    cases = [
        margin(-10.0, -13.0, (-15.0, -9.0), None),
        margin(-20.0, -26.0, (-30.0, -22.0), None),
        margin(-35.0, -30.0, None, "at_most"),
        margin(-35.0, -40.0, None, "at_most"),
        margin(-35.0, None, None, None),
        margin(-90.0, -1.0, (-2.0, 0.0), None, base=-5.0),  # the uncut scan does not show it either
    ]
    rows = [turned("ab"[n % 2], [], "cut below", str(n), foramen_magnum_margin=c) for n, c in enumerate(cases)]
    found = {f.statistic: f for f in margin_figures(rows, "t")}
    assert found["told as a number or a bound, share"].value == 0.8
    assert found["error of the numbers, median, mm"].value == 4.5
    assert found["error of the numbers, largest, mm"].value == 6.0
    assert found["inside its 95 % interval, or held by its bound, share"].value == 0.5
    assert found["inside its 95 % interval, or held by its bound, share"].reached is False


def test_objects_are_counted_in_the_scans_as_they_are() -> None:
    def objects(scan: str, found: float | None, family: str = CLEAN) -> dict:
        return {"scan": scan, "key": "c", "family": family, "iqms": {"foreign_object_volume": {"found": found}}}

    rows = [objects("a", 0.0), objects("b", 0.5), objects("c", None), objects("d", 9.0, "metal")]
    assert {f.statistic: (f.value, f.n) for f in object_figures(rows, "t")} == {
        "objects, mean, mL": (0.25, 2),
        "objects, largest, mL": (0.5, 2),
        "more than 0.1 mL of objects, share": (0.5, 2),
    }


def test_calibration_tells_honest_probabilities_from_boasts() -> None:
    family = next(iter(MOTIONS))

    def rows(p: list[float], rms: list[float]) -> list[dict]:
        slices = {"p": [*p, None], "rms": [*rms, 9.0]}
        return [{"scan": s, "key": "k", "family": family, "slices": slices} for s in "ab"]

    moved = [6.0] * 9 + [1.0]  # below the first grade counts as still
    honest = {(f.name, f.statistic): f for f in reliability_figures(rows([0.9] * 10, moved), "t")}
    boast = {(f.name, f.statistic): f for f in reliability_figures(rows([0.9] * 10, [0.0] * 10), "t")}
    assert honest["motion probability", "expected calibration error"].value == pytest.approx(0.0)
    assert boast["motion probability", "expected calibration error"].value == pytest.approx(0.9)
    assert honest["motion probability", "Brier score"].value == pytest.approx(0.09)
    assert honest["p 0.8 to 0.95, mean 0.90", "share that moved"].value == pytest.approx(0.9)
    assert honest["p 0.8 to 0.95, mean 0.90", "share that moved"].n == 20  # the slice without p is none
    edge = [f for f in reliability_figures(rows([1.0] * 10, moved), "t") if f.statistic == "share that moved"]
    assert [f.n for f in edge] == [20]


def test_intervals_of_few_scans_are_of_their_cases() -> None:
    """Two scans, one of which shows nothing else: drawing scans would give one value, and an interval without width."""
    rows = [turned("a", [(x, 0.0, 0.9)], key=str(n)) for n, x in enumerate((1.0, 2.0, 6.0))] + [turned("b", [])]
    (median, *_) = landmark_figures(rows, "t")
    assert median.low is not None
    assert median.high is not None
    assert median.low < 2.0 < median.high
