"""The artefact network's surroundings: its grid, the choice of slices, and how its answers become findings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.networks import artefact
from HeadCTIQALib.networks.artefact import Seen, artefact_findings, chosen_slices, look_beforehand, motion_grades
from HeadCTIQALib.networks.artefact_grid import SIDE, artefact_grid, expand, sample_mask, sample_slice
from HeadCTIQALib.networks.nets.artefact import grown, smoothed
from HeadCTIQALib.networks.types import Artefacts, Beforehand
from HeadCTIQALib.volume import CTVolume


@pytest.mark.parametrize("size", [3, 7])
def test_smoothing_is_that_of_torch(size: int) -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (2, 3, 20, 24)).astype(np.float32))
    for pad in (True, False):
        expected = torch.nn.functional.avg_pool2d(x, size, 1, size // 2, count_include_pad=pad)
        assert torch.allclose(smoothed(x, size, pad), expected, atol=1e-6)


def test_a_mask_grows_by_a_pixel_to_every_side() -> None:
    mask = torch.zeros((1, 1, 5, 6), dtype=torch.bool)
    mask[0, 0, 2, 3] = mask[0, 0, 0, 0] = True
    assert grown(mask)[0, 0].int().tolist() == [
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 0],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 1, 1, 1, 0],
        [0] * 6,
    ]


def volume(shape: tuple[int, int, int], pixel: tuple[float, float], gap: float = 5.0, low: int = -1000) -> CTVolume:
    """Air with a block of 40 HU in the middle half of every slice."""
    k, j, i = shape
    hu = np.full(shape, low, np.int16)
    hu[:, j // 4 : -(j // 4), i // 4 : -(i // 4)] = 40
    origins = np.zeros((k, 3))
    origins[:, 2] = gap * np.arange(k)
    origins[:, :2] = np.array([pixel[1] * (i - 1) / 2, pixel[0] * (j - 1) / 2])
    return CTVolume(hu, origins, np.array([-pixel[1], 0.0, 0.0]), np.array([0.0, -pixel[0], 0.0]))


def corners(v: CTVolume) -> np.ndarray:
    """RAS mm of the block's corners in all slices."""
    k, j, i = v.shape
    ijk = [(a, b, c) for a in (i // 4, i - i // 4 - 1) for b in (j // 4, j - j // 4 - 1) for c in range(k)]
    return v.ijk_to_ras(np.array(ijk, float))


@pytest.mark.parametrize(
    ("shape", "pixel"),
    [
        ((3, 512, 512), (0.45, 0.45)),
        ((3, 256, 256), (0.95, 0.95)),
        ((3, 340, 300), (0.68, 0.68)),
        ((3, 128, 128), (1.9, 1.9)),
        ((3, 512, 400), (0.5, 0.6)),
    ],
)
def test_slices_keep_place_and_value_on_the_grid(shape: tuple[int, int, int], pixel: tuple[float, float]) -> None:
    v = volume(shape, pixel)
    grid = artefact_grid(v, corners(v))
    image = sample_slice(v, grid, 1)
    assert image.shape == (SIDE, SIDE)
    assert 0.7 < grid.pixel_mm < 1.2
    inside = image > -480
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    block = np.array([v.shape[1] - 2 * (v.shape[1] // 4), v.shape[2] - 2 * (v.shape[2] // 4)]) * pixel
    assert (len(rows) * grid.pixel_mm, len(columns) * grid.pixel_mm) == pytest.approx(
        tuple(block), abs=1.5 * max(grid.pixel_mm, *pixel)
    )
    assert image[rows[3] : rows[-3], columns[3] : columns[-3]] == pytest.approx(40)
    assert (rows[0] + rows[-1]) / 2 == pytest.approx((SIDE - 1) / 2, abs=2)
    native = expand(grid, inside, v.shape[1:])
    assert np.mean(native != (v.hu[1] > -480)) < 0.03
    assert np.mean(sample_mask(grid, native) != inside) < 0.005


def test_padding_is_air() -> None:
    v = volume((2, 256, 256), (0.95, 0.95), low=-1024)
    padding = np.zeros(v.shape, bool)
    padding[:, :8] = True
    v = CTVolume(v.hu, v.origins, v.row_step, v.col_step, padding)
    image = sample_slice(v, artefact_grid(v, corners(v)), 0)
    assert (image[:8] == -1000).all()
    assert (image[9:20] == -1024).all()


def test_thin_slices_are_thinned_out_and_the_face_is_left_out() -> None:
    positions = np.arange(0, 200, 0.6)
    chosen = chosen_slices(positions, np.array([60.0, 150.0]))
    assert np.diff(positions[chosen]).min() >= artefact.MIN_GAP_MM
    assert np.diff(positions[chosen]).max() < 3
    assert positions[chosen[0]] == pytest.approx(54, abs=1)
    assert positions[chosen[-1]] == pytest.approx(156, abs=2.5)
    assert len(chosen_slices(positions, np.empty(0))) == 0


def answered(v: CTVolume, slices: list[int], grades: list[list[float]], streak: np.ndarray) -> Seen:
    return Seen(artefact_grid(v, corners(v)), np.array(slices), np.array(grades, np.float32), streak)


@pytest.fixture
def stated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle with a title, whether one is installed or not."""
    monkeypatch.setattr(artefact, "open_bundle", lambda name: type("Bundle", (), {"title": f"{name} 0"}))


def test_answers_become_grades_and_a_mask_inside_the_brain(stated: None) -> None:
    v = volume((5, 256, 256), (0.95, 0.95))
    hu = v.hu + np.random.default_rng(0).normal(0, 3, v.shape).round().astype(np.int16)
    hu[:, 103:106] += 40  # a bright line in every slice; the network calls it a streak in one
    v = CTVolume(hu, v.origins, v.row_step, v.col_step)
    tissue = np.zeros(v.shape, np.uint8)
    tissue[1:, 80:170, 80:170] = Tissue.WHITE
    streak = np.zeros((3, SIDE, SIDE), np.uint8)
    streak[1, 95:115, :] = 255
    seen = answered(v, [1, 2, 4], [[0.1, 0, 0], [0.9, 0.3, 0.1], [0.99, 0.98, 0.97]], streak)
    found = artefact_findings(v, tissue, seen, look_beforehand(v, tissue))
    assert list(found.motion_grades) == [-1, 0, 1, 1, 3]  # slice 3 takes the answer of the first of its nearest
    assert found.motion_probability is not None
    assert np.isnan(found.motion_probability[0])
    assert found.motion_probability[1:] == pytest.approx([0.1, 0.9, 0.9, 0.99])
    assert found.streak[2, 103:106, 81:169].mean() > 0.95
    assert not found.streak[2, :95].any()
    assert not found.streak[2, 115:].any()
    assert not found.streak[2, :, :80].any()
    assert not found.streak[[0, 1, 4]].any()
    assert found.methods["streak"].startswith("artefact 0")


@pytest.fixture
def banded() -> tuple[CTVolume, np.ndarray]:
    """Brain with a bright line in every slice and metal in the last, and its tissue."""
    v = volume((5, 256, 256), (0.95, 0.95))
    hu = v.hu + np.random.default_rng(0).normal(0, 3, v.shape).round().astype(np.int16)
    hu[:, 103:106] += 10
    hu[4, 150:156, 150:156] = 3071
    tissue = np.zeros(v.shape, np.uint8)
    tissue[:, 80:170, 80:170] = Tissue.WHITE
    return CTVolume(hu, v.origins, v.row_step, v.col_step), tissue


def found_in(banded: tuple[CTVolume, np.ndarray], grades: list[list[float]], streaks: list[int]) -> Artefacts:
    """What follows from answers to slices 0, 2 and 4."""
    v, tissue = banded
    streak = np.zeros((3, SIDE, SIDE), np.uint8)
    streak[:, 95:115, :] = np.array(streaks)[:, None, None]
    return artefact_findings(v, tissue, answered(v, [0, 2, 4], grades, streak), look_beforehand(v, tissue))


def test_streaks_of_motion_are_motion_unless_there_is_metal(stated: None, banded: tuple[CTVolume, np.ndarray]) -> None:
    found = found_in(banded, [[0.9, 0.1, 0.1], [0.99, 0.98, 0.97], [0.99, 0.98, 0.97]], [255, 255, 255])
    assert list(found.motion_grades[[0, 2, 4]]) == [1, 3, 3]
    assert list(found.streak[[0, 2, 4]].any(axis=(1, 2))) == [True, False, True]


def test_a_possible_streak_counts_beside_metal_and_a_sure_one_everywhere(
    stated: None, banded: tuple[CTVolume, np.ndarray]
) -> None:
    found = found_in(banded, [[0.1, 0, 0]] * 3, [240, 100, 100])
    for k, share in ((0, 1.0), (2, 0.0), (4, 1.0)):
        assert found.streak[k, 103:106, 81:169].mean() == pytest.approx(share, abs=0.05)
        # noise alone hardly ever departs so far
        assert found.streak[k, 107:115, 81:169].mean() < 0.05


def test_metal_and_fluid_are_no_streaks(stated: None) -> None:
    """Where the network thinks streaks likely, only what differs from its like is one."""
    v = volume((5, 256, 256), (0.95, 0.95))
    rows, columns = np.indices(v.shape[1:])
    tissue = np.zeros(v.shape, np.uint8)
    tissue[:, 80:170, 80:170] = Tissue.WHITE
    tissue[:, 135:160, 90:115] = Tissue.CSF
    hu = v.hu + np.random.default_rng(0).normal(0, 4, v.shape).round().astype(np.int16)
    hu[tissue == Tissue.CSF] -= 32
    hu[4, np.hypot(rows - 110, columns - 130) < 6] = 3071
    v = CTVolume(hu, v.origins, v.row_step, v.col_step)
    seen = answered(v, [0, 2, 4], [[0.1, 0, 0]] * 3, np.full((3, SIDE, SIDE), 100, np.uint8))
    found = artefact_findings(v, tissue, seen, look_beforehand(v, tissue)).streak[4]
    assert found[100:121, 120:141].mean() < 0.03
    assert found[138:157, 93:112].mean() < 0.03
    assert found[82:168, 82:168].mean() < 0.05


def test_a_likely_grade_counts_in_a_run_of_slices_that_leads_to_a_sure_one() -> None:
    one = np.array([0.1, 0.35, 0.7, 0.4, 0.31, 0.2, 0.45, 0.1])
    assert motion_grades(np.stack([one, 0.4 * one, 0 * one], 1)).tolist() == [0, 1, 1, 1, 1, 0, 0, 0]
    assert motion_grades(np.stack([one, one, 0.7 * one], 1)).tolist() == [0, 2, 2, 2, 2, 0, 0, 0]
    assert motion_grades(np.empty((0, 3))).tolist() == []


def test_nothing_seen_nothing_graded(stated: None) -> None:
    v = volume((2, 256, 256), (0.95, 0.95))
    seen = answered(v, [], np.empty((0, 3)).tolist(), np.empty((0, SIDE, SIDE), np.uint8))
    found = artefact_findings(v, np.zeros(v.shape, np.uint8), seen, Beforehand(np.zeros(1), {}))
    assert (found.motion_grades == -1).all()
    assert not found.streak.any()
