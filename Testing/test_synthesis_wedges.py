"""Motion composed in the Fourier plane: against pictures that are known, and against the projections of another generator."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from HeadCTIQALib.synthesis import movement
from HeadCTIQALib.synthesis.artefacts import VIEWS, smooth3
from HeadCTIQALib.synthesis.movement import WINDOWS, Movement, Window, centred, view_weights
from HeadCTIQALib.synthesis.wedges import any_movement, moved_difference, shares

N, PIXEL = 256, 0.95
TIMES = 2 * VIEWS
AXIS = np.arange(N) - (N - 1) / 2
RADIUS = np.hypot(AXIS[:, None] / 1.15, AXIS[None, :])
ZERO = np.zeros(TIMES)
BODY = np.ones((N, N), bool)


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """An oval skull with a brain of two halves and a bright spot."""
    hu = -1000 + 1030 * (RADIUS < 82) + 900 * ((RADIUS > 70) & (RADIUS < 77)) + 8 * (AXIS[None, :] > 20) * (RADIUS < 70)
    hu = hu + 60 * (np.hypot(AXIS[:, None] - 30, AXIS[None, :] + 20) < 6)
    return ndimage.gaussian_filter(hu, 0.8).astype(np.float32)


def poses(
    column: np.ndarray | float = 0.0,
    row: float = 0.0,
    turn: np.ndarray | float = 0.0,
    lift: float = 0.0,
    window: Window = "full",
    start: float = 0.1,
) -> Movement:
    zero = np.zeros(len(view_weights(window)))
    return Movement(turn + zero, column + zero, row + zero, lift + zero, round(start * TIMES), window)


@pytest.mark.parametrize("window", WINDOWS)
def test_opposite_instants_share_a_line_of_the_plane(window: Window) -> None:
    w = shares(window)
    assert np.allclose(np.bincount(np.arange(len(w)) % VIEWS, w), 1)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_head_that_lies_still_changes_nothing(head: np.ndarray, window: Window) -> None:
    assert np.abs(moved_difference(head, PIXEL, poses(window=window), BODY)).max() < 0.5


@pytest.mark.parametrize("window", WINDOWS)
def test_a_head_that_lies_elsewhere_throughout_is_a_shifted_picture(head: np.ndarray, window: Window) -> None:
    found = head + moved_difference(head, PIXEL, poses(3 * PIXEL, -2 * PIXEL, window=window), BODY)
    assert np.abs(found - np.roll(head, (-2, 3), (0, 1)))[10:-10, 10:-10].max() < 2


def test_a_head_that_is_turned_throughout_is_a_turned_picture(head: np.ndarray) -> None:
    found = head + moved_difference(head, PIXEL, poses(turn=np.deg2rad(5)), BODY)
    c, s = np.cos(np.deg2rad(5)), np.sin(np.deg2rad(5))
    j, i = np.meshgrid(AXIS, AXIS, indexing="ij")
    spot = np.hypot(j - (30 * c + -20 * s), i - (-20 * c - 30 * s)) < 3
    other = np.hypot(j - (30 * c - -20 * s), i - (-20 * c + 30 * s)) < 3
    assert max(found[spot].mean(), found[other].mean()) > 75
    assert min(found[spot].mean(), found[other].mean()) < 50


def test_a_step_halfway_through_a_full_turn_shows_both_heads(head: np.ndarray) -> None:
    """Every direction is seen once before and once after it: the mean of two pictures, whatever the start."""
    step = np.where(np.arange(TIMES) < TIMES // 2, -4.0, 4.0) * PIXEL
    found = head + moved_difference(head, PIXEL, poses(step, start=0.37), BODY)
    both = (np.roll(head, -4, 1) + np.roll(head, 4, 1)) / 2
    assert np.abs(found - both)[10:-10, 10:-10].max() < 2


def test_what_is_no_body_stays(head: np.ndarray) -> None:
    with_rod = head.copy()
    with_rod[20:24, 120:124] = 500
    still = moved_difference(with_rod, PIXEL, poses(6.0), RADIUS < 88)
    assert np.abs(still[18:26, 118:126]).max() < 30


def test_through_plane_motion_needs_a_neighbour_that_differs(head: np.ndarray) -> None:
    lift = Movement(ZERO, ZERO, ZERO, np.where(np.arange(TIMES) < 100, 0.0, 1.0))
    assert np.abs(moved_difference(head, PIXEL, lift, BODY, np.zeros_like(head))).max() < 0.5
    other = np.roll(head, 2, 0) - np.roll(head, -2, 0)
    assert np.abs(moved_difference(head, PIXEL, lift, BODY, other)).max() > 20


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("degrees", [0.0, 2.0])
def test_projections_of_another_generator_agree(head: np.ndarray, degrees: float, window: Window) -> None:
    times = len(view_weights(window))
    path = (np.arange(times) > 0.3 * TIMES) * 1.0
    step = centred(Movement(np.deg2rad(degrees) * path, 3 * path, 0 * path, 0 * path, round(0.2 * TIMES), window))
    change, other = moved_difference(head, PIXEL, step, BODY), movement.moved_difference(head, PIXEL, step)
    assert np.corrcoef(smooth3(change).ravel(), smooth3(other).ravel())[0, 1] > 0.9


def test_random_movements_are_about_the_shown_head_and_repeat() -> None:
    for seed in range(30):
        one, two = (any_movement(np.random.default_rng(seed), 3.0, 5.0, 0.2, WINDOWS[seed % 4]) for _ in range(2))
        assert np.array_equal(one.column_mm, two.column_mm)
        assert abs(np.average(one.turn_rad, weights=view_weights(one.window))) < 1e-9
        assert np.hypot(np.ptp(one.column_mm), np.ptp(one.row_mm)) < 7.2
