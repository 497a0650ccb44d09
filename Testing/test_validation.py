"""The evaluation itself: figures of known records, degradations of a phantom whose geometry is known, a small real run."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from metrics_phantom import grid, head, noise_field, noisy

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.metrics import measure
from HeadCTIQALib.research.validation import degradations as d
from HeadCTIQALib.research.validation import evaluate, figures, heads
from HeadCTIQALib.research.validation.accuracy import auc
from HeadCTIQALib.research.validation.carried import carried
from HeadCTIQALib.research.validation.crosstalk import GEOMETRY
from HeadCTIQALib.research.validation.crosstalk_tables import MEANT, as_csv, as_markdown
from HeadCTIQALib.research.validation.tables import as_csv as accuracy_csv
from HeadCTIQALib.research.validation.tables import as_markdown as accuracy_markdown
from HeadCTIQALib.synthesis.artefacts import correlated_noise, smooth3


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("HeadCTIQALib.research.validation.accuracy.RESAMPLES", 50)


def record(seed: int, error: float) -> dict:
    """A head whose every figure is off by ``error`` (relative, or in the unit)."""
    rng = np.random.default_rng(seed)
    truth = {m.id: float(rng.uniform(1, 20)) for m in IQMS} | {"vertex_margin": float(rng.uniform(-20, 20))}
    grades = [int(g) for g in rng.integers(0, 4, 20)]
    return {
        "seed": seed,
        "dice": {"head": 1 - error, "bone": 1 - error},
        "landmarks": {
            "NASION": {"error_mm": error, "in_scan": True, "confidence": 0.9},
            "BASION": {"error_mm": 30.0, "in_scan": True, "confidence": 0.1},
            "VERTEX": {"error_mm": 2 * error, "in_scan": False, "confidence": 0.8},
        },
        "iqms": {k: {"truth": v, "found": v * (1 + error), "reason": ""} for k, v in truth.items()},
        "details": {"orbitomeatal_angle": {"truth": truth["baseline_angle"], "found": truth["baseline_angle"] + error}},
        "slices": {"area": [100] * 20, "grade": grades, "found": grades, "index": [float(g) for g in grades]},
    }


def test_figures_of_exact_and_of_wrong_records() -> None:
    exact = {(f.name, f.statistic): f for f in figures([record(s, 0.0) for s in range(12)])}
    assert all(f.reached is not False for f in exact.values())
    assert exact["symmetry_angle", "ICC(A,1)"].value == pytest.approx(1.0)
    wrong = {(f.name, f.statistic): f for f in figures([record(s, 0.4) for s in range(12)])}
    assert wrong["head", "Dice, mean"].value == pytest.approx(0.6)
    assert wrong["head", "Dice, mean"].reached is False
    assert wrong["noise", "relative error, median of sizes"].value == pytest.approx(0.4)
    assert wrong["noise", "relative error, median of sizes"].reached is False
    assert wrong["symmetry_angle", "ICC(A,1)"].value < 0.99
    marks = wrong["all landmarks inside the scan", "error, median, mm"]
    assert marks.value == pytest.approx(0.4)  # the landmark that is not confident does not count ...
    assert wrong["all landmarks inside the scan", "share flagged as not confident"].value == pytest.approx(
        0.5
    )  # ... but is told
    assert wrong["all landmarks outside the scan", "error, median, mm"].value == pytest.approx(0.8)
    assert wrong["all landmarks outside the scan", "error, median, mm"].target is None


def test_what_was_not_assessed_is_counted_and_not_imputed() -> None:
    records = [record(s, 0.0) for s in range(10)]
    records[0]["iqms"]["noise"]["found"] = None
    records.append({"seed": 99, "refused": "No head was found."})
    found = {(f.name, f.statistic): f for f in figures(records)}
    assert found["noise", "ICC(A,1)"].n == 9
    assert found["noise", "share"].value == pytest.approx(0.1)
    assert found["assessed", "share"].value == pytest.approx(10 / 11)
    text = accuracy_markdown(list(found.values()), 11, {"anatomy": "0" * 64})
    assert text.startswith("11 simulated heads")
    rows = list(csv.DictReader(accuracy_csv(list(found.values())).splitlines()))
    assert len(rows) == len(found)
    assert {r["reached"] for r in rows} <= {"", "yes", "no"}


def test_auc_of_known_scores() -> None:
    assert auc(np.array([True, True, False, False]), np.array([4.0, 3, 2, 1])) == 1.0
    assert auc(np.array([True, False, True, False]), np.array([1.0, 1, 1, 1])) == 0.5
    assert auc(np.array([True, False, True, False]), np.array([4.0, 3, 2, 1])) == 0.75
    assert np.isnan(auc(np.array([True, True]), np.array([1.0, 2])))


@pytest.fixture(scope="module")
def base():
    volume, findings = head(grid(np.arange(-110.0, 116, 5.0), matrix=128, pixel=2.0))
    return noisy(volume, noise_field(volume.shape, 2.0, 2.0, None)), findings


@pytest.mark.parametrize(("axis", "degrees", "detail"), [("yaw", 10.0, "yaw_deg"), ("roll", -8.0, "roll_deg")])
def test_a_turned_head_is_turned_by_as_much(base, axis, degrees, detail) -> None:
    volume, findings = base
    turned = d.turned(volume, findings, axis, degrees)
    expected = measure(turned.volume, carried(findings, volume, turned), only=GEOMETRY)
    assert expected["symmetry_angle"].value == pytest.approx(abs(degrees), abs=1e-6)
    assert abs(expected["symmetry_angle"].details[detail]) == pytest.approx(abs(degrees), abs=0.01)
    # the voxels turn with the findings: what is labelled brain looks like brain, and the skull like bone
    along = carried(findings, volume, turned)
    hu = turned.volume.hu
    assert np.median(hu[along.tissue == Tissue.BRAIN]) == pytest.approx(32, abs=2)
    assert np.median(hu[along.tissue == Tissue.BONE]) > 700


def test_a_turned_vertex_is_where_the_turned_head_is_highest(base) -> None:
    volume, findings = base
    turned = d.turned(volume, findings, "pitch", 15.0)
    vertex = np.array(carried(findings, volume, turned).landmarks["VERTEX"].position)
    n = np.array(
        [0.0, -np.sin(np.deg2rad(15.0)), np.cos(np.deg2rad(15.0))]
    )  # k seen from the head, which the pitch lifts at the front
    n = np.array([0.0, np.sin(np.deg2rad(15.0)), np.cos(np.deg2rad(15.0))]) if vertex[1] > 0 else n
    axes = np.array([76.0, 96.0, 100.0])
    assert vertex[2] == pytest.approx(float(np.linalg.norm(axes * n)), abs=5.0)


def test_shift_and_cut_change_what_they_should_exactly(base) -> None:
    volume, findings = base
    before = measure(volume, findings, only=GEOMETRY)
    moved = d.shifted(volume, 10.0, 0.0)
    after = measure(moved.volume, carried(findings, volume, moved), only=GEOMETRY)
    assert moved.amount == pytest.approx(10.0)
    assert after["centering_offset"].details["right_mm"] - before["centering_offset"].details[
        "right_mm"
    ] == pytest.approx(10.0, abs=0.2)
    assert after["symmetry_angle"].value == pytest.approx(before["symmetry_angle"].value)
    short = d.cut(volume, below_mm=25.0)
    after = measure(short.volume, carried(findings, volume, short), only=GEOMETRY)
    assert after["foramen_magnum_margin"].value == pytest.approx(before["foramen_magnum_margin"].value - 25.0)
    assert after["vertex_margin"].value == pytest.approx(before["vertex_margin"].value)
    topless = d.cut(volume, above_mm=20.0)
    after = measure(topless.volume, carried(findings, volume, topless), only=GEOMETRY)
    assert after["vertex_margin"].value == pytest.approx(before["vertex_margin"].value - 20.0)


def test_noise_adds_in_squares_and_averaging_slices_takes_it_away(base) -> None:
    volume, findings = base
    brain = findings.tissue == Tissue.BRAIN
    loud = d.noisier(volume, 6.0, 2.0, 8.0)
    assert loud.volume.hu[brain].std() == pytest.approx(loud.truth["noise"], rel=0.05)
    assert loud.truth["gray_white_cnr"] == pytest.approx(8.0 / np.hypot(6, 2))
    thick = d.thicker(volume, 2)
    assert thick.volume.shape[0] == volume.shape[0] // 2
    inside = carried(findings, volume, thick).tissue == Tissue.BRAIN
    rest = thick.volume.hu[inside] - 32.0
    assert 1.4826 * np.median(np.abs(rest - np.median(rest))) == pytest.approx(2 / np.sqrt(2), rel=0.2)


def test_motion_and_metal_grow_with_their_amount(base) -> None:
    volume, findings = base
    extents = [d.moved(volume, findings, degrees).truth["motion_extent"] for degrees in (0.5, 4.0)]
    assert 0 <= extents[0] < extents[1]
    small, large = (d.with_metal(volume, findings, radius) for radius in (3.0, 8.0))
    assert 0 <= small.truth["streak_extent"] < large.truth["streak_extent"]
    assert large.volume.hu.max() > 2500 > volume.hu.max()


def test_smoothed_noise_is_that_of_white_matter_and_not_of_the_anatomy_around_it(base) -> None:
    volume, findings = base
    tissue = findings.tissue.copy()
    brain = tissue == Tissue.BRAIN
    rows = np.indices(volume.shape)[1]
    tissue[brain & (rows // 12 % 2 == 0)] = Tissue.WHITE
    rng = np.random.default_rng(2)
    noise = np.stack([6 * correlated_noise(rng, volume.shape[1:], volume.pixel_spacing[0]) for _ in volume.hu])
    hu = np.where(tissue == Tissue.WHITE, 28.0, volume.hu) + noise
    loud = replace(volume, hu=np.rint(hu).astype(np.int16))
    true = np.std([smooth3(n) for n in noise])
    assert d.smoothed_noise(loud, findings.with_(tissue=tissue)) == pytest.approx(true, rel=0.12)
    assert d.smoothed_noise(loud, findings.with_(tissue=np.zeros_like(tissue))) == 1.0


def test_binning_keeps_the_anatomy_where_it_is(base) -> None:
    volume, _ = base
    fine = d.binned(volume, 4.0)
    assert fine.shape[1:] == (64, 64)
    assert np.allclose(fine.image_centres, volume.image_centres)


def test_cross_talk_tables() -> None:
    still = {m.id: {"base": 5.0, "expected": 5.0, "found": 5.0, "reason": "", "points": 0.0} for m in IQMS}
    rows = []
    for family in MEANT:
        for amount in (1.0, 2.0):
            iqms = {k: dict(v) for k, v in still.items()}
            iqms["noise"] |= {"found": 5.5, "points": -1.5}
            rows.append({"scan": "a", "family": family, "name": f"{family} {amount:g}", "amount": amount, "iqms": iqms})
    rows[-1]["iqms"]["streak_extent"]["found"] = 1.0
    text = as_markdown(rows)
    assert "| yaw | symmetry_angle | 0.00 deg | 0.00 deg | 2 of 2 | 0 |" in text
    assert "| noise | noise | 10.0 % | 10.0 % | 0 of 2 | 0 |" in text
    assert "0.50 (1.5 points)" in text
    assert "| a | metal | streak_extent: 5.0 → 5.0 (5.0) → 1.0 (5.0) | **no** |" in text
    assert len(as_csv(rows).splitlines()) == 1 + len(rows) * len(IQMS)


@pytest.mark.slow
def test_a_small_evaluation_reaches_what_two_heads_can_show(tmp_path: Path) -> None:
    records = evaluate(tmp_path, heads=2, seed=40, matrix=160, processes=1)
    assert [r["seed"] for r in records] == [1_000_040, 1_000_041]
    for r in records:
        assert r["dice"]["head"] > 0.97
        assert r["dice"]["intracranial"] > 0.9
        marks = [m["error_mm"] for m in r["landmarks"].values() if m["in_scan"] and m["confidence"] >= 0.5]
        assert np.median(marks) < 6
        noise = r["iqms"]["noise"]
        assert noise["found"] is None or noise["found"] == pytest.approx(noise["truth"], rel=0.2)
    assert (tmp_path / "accuracy.md").read_text().startswith("2 simulated heads")
    # what is there already is not made again, unless it is broken or of other networks
    path = tmp_path / "heads" / "1000040.json"
    stored = json.loads(path.read_text())
    stored["dice"]["head"] = 0.123
    path.write_text(json.dumps(stored))
    assert evaluate(tmp_path, heads=1, seed=40, matrix=160, processes=1)[0]["dice"]["head"] == 0.123
    assert heads._stored(path.parent, 1_000_040, 160, {"anatomy": "other"}) is None
    path.write_text("{broken")
    assert heads._stored(path.parent, 1_000_040, 160, stored["models"]) is None


def test_impossible_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="heads"):
        evaluate(tmp_path, heads=0)
    with pytest.raises(InputError, match="seed"):
        evaluate(tmp_path, heads=1, seed=-1)
