"""The simulated head: reproducible, anatomically consistent with its landmarks, right HU in every tissue."""

from __future__ import annotations

import numpy as np
import pytest

from HeadCTIQALib.findings.types import LANDMARK_TITLES, Tissue
from HeadCTIQALib.synthesis.head_landmarks import head_landmarks
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.painter import GRID_CENTRE, Lattice, majority, paint_head, simulate_labels

SEEDS = (0, 5, 17)


def patch(model: HeadModel, centre: np.ndarray, half_mm: float, step_mm: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """HU and labels of a cube around a head point; its middle sample is the point."""
    n = 2 * round(half_mm / step_mm) + 1
    steps = np.array([[0, 0, step_mm], [0, step_mm, 0], [step_mm, 0, 0]])
    canvas = Lattice(centre - (n - 1) / 2 * step_mm, steps, (n, n, n)).canvas(model, step_mm)
    paint_head(canvas, model)
    return canvas.hu, canvas.label


def at(labels: np.ndarray) -> int:
    return int(labels[tuple(s // 2 for s in labels.shape)])


@pytest.fixture(scope="module")
def coarse():
    return simulate_labels(3)


def test_same_seed_same_head(coarse):
    hu, labels, landmarks = simulate_labels(3)
    assert np.array_equal(hu, coarse[0])
    assert np.array_equal(labels, coarse[1])
    assert landmarks == coarse[2]
    assert not np.array_equal(simulate_labels(4, 8.0, (32, 32, 32))[1], simulate_labels(3, 8.0, (32, 32, 32))[1])


def test_coarse_head_has_every_tissue_and_landmark(coarse):
    hu, labels, landmarks = coarse
    assert hu.dtype == np.float32
    assert labels.dtype == np.uint8
    assert hu.shape == labels.shape == (64, 64, 64)
    assert set(landmarks) == set(LANDMARK_TITLES)
    present = set(np.unique(labels).tolist())
    assert present == {int(t) for t in Tissue} - {int(Tissue.HOLDER), int(Tissue.FOREIGN)}
    millilitres = 0.064 * np.bincount(labels.ravel(), minlength=12)
    brain = millilitres[[Tissue.BRAIN, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY]].sum()
    assert 900 < brain < 1700
    assert 300 < millilitres[Tissue.BONE] < 1100
    assert 2 * 4 < millilitres[Tissue.GLOBE] < 2 * 12


def test_coarse_hu_is_an_average_not_a_sample(coarse):
    model_hu = simulate_labels(3, 8.0, (32, 32, 32))[0]
    averaged = coarse[0].reshape(32, 2, 32, 2, 32, 2).mean(axis=(1, 3, 5))
    assert np.abs(model_hu - averaged).mean() < 15
    assert np.corrcoef(model_hu.ravel(), averaged.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("seed", SEEDS)
def test_frame_of_the_head(seed):
    p = head_landmarks(HeadModel.random(seed))
    ears, canthi = (p["EAM_R"] + p["EAM_L"]) / 2, (p["CANTHUS_R"] + p["CANTHUS_L"]) / 2
    assert np.allclose(ears[1:], 0, atol=0.01)
    assert abs(canthi[2]) < 0.01
    assert p["EAM_R"][0] > 0 > p["EAM_L"][0]
    for name in ("NASION", "BASION", "OPISTHION", "SELLA", "CRISTA", "IOP", "SEPTUM", "PINEAL"):
        assert abs(p[name][0]) < 1e-4, name
    assert 90 < p["EAM_R"][0] - p["EAM_L"][0] < 125
    assert 30 < p["BASION"][1] - p["OPISTHION"][1] < 45
    assert p["VERTEX"][2] > p["SKULL_TOP"][2] > p["BRAIN_TOP"][2] > 95


@pytest.mark.parametrize("seed", SEEDS)
def test_canonical_round_trip(seed):
    model = HeadModel.random(seed)
    points = np.random.default_rng(0).uniform(-90, 90, (50, 3))
    back = model.to_canonical(*np.asarray(model.to_head(points), np.float32).T)
    assert np.allclose(np.stack(back, axis=-1), points, atol=0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_ear_canals_are_air_in_bone(seed):
    model = HeadModel.random(seed)
    for side in "RL":
        _, labels = patch(model, head_landmarks(model)[f"EAM_{side}"], 5.5)
        n = labels.shape[0] // 2
        assert at(labels) == Tissue.AIR_CAVITY
        for ring in (labels[:, n, n], labels[n, :, n]):  # up and down, forwards and backwards through the canal's wall
            for half in (ring[n:], ring[: n + 1][::-1]):
                wall = half[half != Tissue.AIR_CAVITY]
                assert wall.size
                assert wall[0] == Tissue.BONE


@pytest.mark.parametrize("seed", SEEDS)
def test_globes_canthi_and_midline_points(seed):
    model = HeadModel.random(seed)
    p = head_landmarks(model)
    for side in "RL":
        assert at(patch(model, p[f"GLOBE_{side}"], 1)[1]) == Tissue.GLOBE
        assert at(patch(model, p[f"CANTHUS_{side}"] - [0, 1.0, 0], 1)[1]) == Tissue.BONE
        assert at(patch(model, p[f"CANTHUS_{side}"] + [0, 1.5, 0], 1)[1]) == Tissue.SOFT
    for name, outwards in (("BASION", 1.0), ("OPISTHION", -1.0)):  # bone beyond the margin, none in the foramen
        _, labels = patch(model, p[name], 4.0)
        n = labels.shape[0] // 2
        assert (labels[:, n + int(outwards * 5), n] == Tissue.BONE).any(), name
        assert (labels[:, n - int(outwards * 5), n] != Tissue.BONE).all(), name
    assert patch(model, p["PINEAL"], 1)[0].max() > 120
    assert at(patch(model, p["IOP"] - [0, 2.0, 0], 1)[1]) == Tissue.BONE


@pytest.mark.parametrize("seed", SEEDS)
def test_tops_bound_the_labels(seed):
    model = HeadModel.random(seed)
    p = head_landmarks(model)
    step = 0.5
    low = np.array([p["VERTEX"][0] - 12, p["VERTEX"][1] - 12, p["BRAIN_TOP"][2] - 4])
    shape = (round((p["VERTEX"][2] + 4 - low[2]) / step), 49, 49)
    canvas = Lattice(low, np.array([[0, 0, step], [0, step, 0], [step, 0, 0]]), shape).canvas(model, step)
    paint_head(canvas, model)
    height = low[2] + step * np.arange(shape[0])
    top = height[(canvas.label == Tissue.SOFT).any(axis=(1, 2))].max()
    assert abs(top - p["VERTEX"][2]) <= step
    bone = height[(canvas.label == Tissue.BONE).any(axis=(1, 2))].max()
    assert bone <= p["SKULL_TOP"][2] + step


def test_hu_by_tissue():
    model = HeadModel(seed=1)
    steps = np.array([[0, 0, 8.0], [0, 1.0, 0], [1.0, 0, 0]])
    canvas = Lattice(np.array([-90.0, -80.0, -20.0]), steps, (18, 190, 181)).canvas(model, 1.0)
    paint_head(canvas, model)
    median = {t: float(np.median(canvas.hu[canvas.label == t])) for t in Tissue if (canvas.label == t).any()}
    expected = {
        Tissue.OUTSIDE: -1000,
        Tissue.CSF: 8,
        Tissue.WHITE: 28,
        Tissue.GREY: 37,
        Tissue.DEEP_GREY: 36,
        Tissue.GLOBE: 12,
    }
    for tissue, hu in expected.items():
        assert median[tissue] == pytest.approx(hu, abs=2.5), tissue.name
    assert 400 < median[Tissue.BONE] < 1400
    assert median[Tissue.AIR_CAVITY] < -850
    assert 28 < median[Tissue.BRAIN] < 40


def test_majority_votes_per_voxel():
    samples = np.array([[1, 1, 2, 1], [4, 4, 8, 8], [0, 0, 0, 0]], np.uint8)
    assert majority(samples).tolist() == [1, 8, 0]


def test_grid_centre_is_where_the_docstring_says(coarse):
    landmarks = coarse[2]
    middle = (np.array(landmarks["EAM_R"]) + landmarks["EAM_L"]) / 2
    assert np.allclose(middle, -np.array(GRID_CENTRE), atol=0.02)
