"""Projection, back-projection and the artefacts computed with them, against what is known analytically."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from HeadCTIQALib.synthesis.artefacts import (
    GRID,
    VIEWS,
    correlated_noise,
    hardening_difference,
    inner_part,
    metal_difference,
    motion_grade,
    smooth3,
    streak_mask,
)
from HeadCTIQALib.synthesis.movement import COURSES, WINDOWS, Movement, Window, motion_difference, moved_difference
from HeadCTIQALib.synthesis.tomography import back_project, project

AXIS = np.arange(GRID) - (GRID - 1) / 2


def disc(row: float, column: float, radius: float, value: float) -> np.ndarray:
    """An antialiased disc."""
    distance = np.hypot(AXIS[:, None] - row, AXIS[None, :] - column)
    return (value * np.clip(radius + 0.5 - distance, 0, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """(GRID, GRID) HU: a skull of 1000 HU around a brain of 35 HU, with two dense bodies low in it."""
    return (-1000 + disc(0, 0, 80, 2000) - disc(0, 0, 74, 965) + disc(15, -30, 9, 900) + disc(15, 30, 9, 900)).astype(
        np.float32
    )


@pytest.fixture(scope="module")
def brain() -> np.ndarray:
    return np.hypot(AXIS[:, None], AXIS[None, :]) < 73


def test_line_integrals_of_a_disc_are_its_chords() -> None:
    sinogram = project(disc(12, -20, 30, 1.0), 60)
    for view in (0, 7, 15, 22, 30, 44, 59):
        theta = np.pi * view / 60
        s = AXIS - (-20 * np.cos(theta) + 12 * np.sin(theta))
        chord = 2 * np.sqrt(np.maximum(30**2 - s**2, 0))
        assert np.abs(sinogram[view] - chord)[np.abs(np.abs(s) - 30) > 2].max() < 0.6
        assert sinogram[view].sum() == pytest.approx(np.pi * 30**2, rel=0.01)


def test_back_projection_returns_the_disc() -> None:
    image = back_project(project(disc(12, -20, 30, 1.0), VIEWS))
    assert image[disc(12, -20, 26, 1.0) == 1].mean() == pytest.approx(1, abs=0.005)
    assert np.abs(image[disc(12, -20, 34, 1.0) == 0]).mean() < 0.01
    centre = ndimage.center_of_mass(np.clip(image, 0.2, None) - 0.2)
    assert centre == pytest.approx((12 + (GRID - 1) / 2, -20 + (GRID - 1) / 2), abs=0.1)


def test_views_and_sizes_that_do_not_work_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        project(np.zeros((64, 64), np.float32), 90)
    with pytest.raises(ValueError, match="square"):
        project(np.zeros((64, 62), np.float32), 60)


def test_no_movement_no_difference(head: np.ndarray) -> None:
    still = Movement(*(np.zeros(2 * VIEWS),) * 4)
    assert np.abs(moved_difference(head, 1.0, still)).max() < 1e-3


def test_a_constant_shift_is_a_shifted_picture(head: np.ndarray) -> None:
    zero = np.zeros(2 * VIEWS)
    difference = moved_difference(head, 1.0, Movement(zero, zero + 3.0, zero, zero))
    expected = ndimage.shift(head, (0, 3.0), order=1, mode="nearest") - head
    assert np.corrcoef(difference.ravel(), expected.ravel())[0, 1] > 0.95


def test_a_constant_turn_is_a_turned_picture() -> None:
    zero = np.zeros(2 * VIEWS)
    picture = -1000 + disc(0, 40, 12, 1000.0)
    turned = picture + moved_difference(picture, 1.0, Movement(zero + np.deg2rad(10), zero, zero, zero))
    centre = np.array(ndimage.center_of_mass(np.clip(turned + 1000, 100, None) - 100)) - (GRID - 1) / 2
    assert np.rad2deg(np.arctan2(centre[0], centre[1])) == pytest.approx(10, abs=0.5)  # columns towards rows
    assert np.hypot(*centre) == pytest.approx(40, abs=0.5)


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("window", WINDOWS)
def test_movement_is_about_where_the_image_shows_the_head(head: np.ndarray, course, window: Window) -> None:
    difference = motion_difference(head, 1.0, np.random.default_rng(3), 0.0, 3.0, course=course, window=window)
    moved = np.clip(head + difference, -1000, 2000)
    weight = np.clip(moved, 500, None) - 500
    shown = np.array(ndimage.center_of_mass(weight)) - np.array(ndimage.center_of_mass(np.clip(head, 500, None) - 500))
    assert np.hypot(*shown) < 0.45


def test_motion_reaches_the_air_and_the_brain_and_grows(head: np.ndarray, brain: np.ndarray) -> None:
    rms = [
        motion_grade(motion_difference(head, 1.0, np.random.default_rng(1), 0.0, mm), brain)[1]
        for mm in (0.1, 0.4, 1.6)
    ]
    assert rms[1] == pytest.approx(4 * rms[0], rel=0.1)
    assert rms[2] > 3 * rms[1]
    air = np.hypot(AXIS[:, None], AXIS[None, :]) > 90
    assert np.std(motion_difference(head, 1.0, np.random.default_rng(1), 0.0, 1.6)[air]) > 2


def test_motion_through_the_plane_needs_a_neighbour_that_differs(head: np.ndarray, brain: np.ndarray) -> None:
    other = (-1000 + disc(0, 0, 76, 2000) - disc(0, 0, 70, 965)).astype(np.float32)
    same = motion_difference(head, 1.0, np.random.default_rng(1), 0.0, 0.0, lift=0.5, beside=(head, head))
    assert np.abs(same).max() < 1e-2
    assert (
        motion_grade(
            motion_difference(head, 1.0, np.random.default_rng(1), 0.0, 0.0, lift=0.5, beside=(other, head)), brain
        )[1]
        > 1
    )


def test_grades_by_their_definition(brain: np.ndarray) -> None:
    flat = np.ones((GRID, GRID))
    assert [motion_grade(flat * hu, brain)[0] for hu in (0, 1.9, 2.1, 4.9, 5.1, 11.9, 12.1)] == [0, 0, 1, 1, 2, 2, 3]
    checked = np.indices((GRID, GRID)).sum(axis=0) % 2 * 60.0 - 30  # gone after the 3-pixel mean, to a ninth
    assert motion_grade(checked, brain)[1] == pytest.approx(30 / 9, rel=0.01)
    rim = brain & ~ndimage.binary_erosion(brain, iterations=1)
    assert motion_grade(rim * 200.0, brain)[0] == 0  # the skull's partial volume is not the brain
    assert motion_grade(flat * 50, np.zeros_like(brain)) == (0, 0.0)
    assert inner_part(brain, 0.5).sum() < inner_part(brain, 1.0).sum() < brain.sum()


def test_metal_throws_dark_and_bright_lines(head: np.ndarray, brain: np.ndarray) -> None:
    metal = disc(-20, -25, 3, 12000.0) + disc(-20, 25, 3, 12000.0)
    difference = metal_difference(head + metal, metal, 1.0, np.random.default_rng(0), photons=np.inf)
    between = (np.abs(AXIS[:, None] + 20) < 2) & (np.abs(AXIS[None, :]) < 15)
    assert difference[between].mean() < -20  # rays through both are hardened most
    far = brain & (AXIS[:, None] > 50)
    assert np.abs(difference[far]).mean() < 0.2 * np.abs(difference[between]).mean()


def test_fewer_photons_more_streaks(head: np.ndarray, brain: np.ndarray) -> None:
    metal = disc(-20, 0, 2, 8000.0)
    hardened = metal_difference(head + metal, metal, 1.0, np.random.default_rng(0), photons=np.inf)
    spread = [
        np.std((metal_difference(head + metal, metal, 1.0, np.random.default_rng(0), photons=p) - hardened)[brain])
        for p in (1e6, 1e5, 1e4)
    ]
    assert np.divide(spread[1:], spread[:-1]) == pytest.approx([np.sqrt(10)] * 2, rel=0.2)


def test_beam_hardening_darkens_between_dense_bodies(head: np.ndarray) -> None:
    difference = hardening_difference(head, 1.0)
    between, beyond = difference[128 + 10 : 128 + 20, 118:138].mean(), difference[128 - 40 : 128 - 30, 118:138].mean()
    assert between < beyond - 2
    assert np.allclose(hardening_difference(head, 1.0, strength=0.5), 0.5 * difference, atol=1e-3)


def test_streak_mask_by_its_definition(brain: np.ndarray) -> None:
    noise = 4 * correlated_noise(np.random.default_rng(0), (GRID, GRID), 1.0)
    sigma = float(np.std(smooth3(noise)[brain]))
    step = np.where(AXIS[None, :] > 0, 3.3 * sigma, 2.7 * sigma) + np.zeros((GRID, 1))
    mask = streak_mask(step, noise, brain)
    assert mask[brain & (AXIS[None, :] > 2)].all()
    assert not mask[AXIS[None, :].repeat(GRID, 0) < -2].any()
    assert not mask[~brain].any()


def test_the_same_seed_gives_the_same_artefact(head: np.ndarray) -> None:
    one, two, other = (
        motion_difference(head, 1.0, np.random.default_rng(s), 1.0, 1.0, course="tremor") for s in (4, 4, 5)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
