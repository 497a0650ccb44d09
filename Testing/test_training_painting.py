"""Random objects, plates and cloth for the object network: volumes, truth, and where they may lie."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from HeadCTIQALib.networks.artefact_grid import SIDE
from HeadCTIQALib.research.training.object_stacks import AIR, BODY, HOLDER
from HeadCTIQALib.research.training.random_objects import (
    Window,
    outline,
    paint,
    random_cloth,
    random_object,
    random_plate,
)


def air(pixel_mm: float = 0.9, gap_mm: float = 4.0) -> Window:
    """Slices as thick as they are apart, of nothing but air."""
    hu = np.full((3, SIDE, SIDE), -1000, np.float32)
    return Window(hu, np.zeros(hu.shape, np.uint8), np.zeros(hu.shape, bool), pixel_mm, gap_mm, gap_mm)


def with_head() -> Window:
    """The same with a round head."""
    window = air()
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    window.labels[:, np.hypot(y, x) < 80] = BODY
    window.hu[window.labels == BODY] = 40
    return window


@pytest.mark.parametrize(
    ("points", "radii", "volume"),
    [
        ([[0, 100, 100], [0, 100, 100]], [5.0, 5.0], 4 / 3 * np.pi * 5.0**3),
        ([[0, 80, 60], [0, 110, 100]], [3.0, 3.0], np.pi * 3.0**2 * 50 + 4 / 3 * np.pi * 3.0**3),
        ([[-4, 90, 90], [4, 90, 96]], [1.5, 1.5], np.pi * 1.5**2 * 10 + 4 / 3 * np.pi * 1.5**3),
    ],
)
def test_a_painted_rod_has_its_volume(points: list[list[float]], radii: list[float], volume: float) -> None:
    window = air()
    paint(window, np.array(points, float), np.array(radii), 1000.0)
    share = (window.hu + 1000) / 2000
    assert share.sum() * window.pixel_mm**2 * window.gap_mm == pytest.approx(volume, rel=0.06)
    assert share.max() < 1.001


def test_truth_is_what_an_object_fills_by_more_than_half() -> None:
    window = air()
    paint(window, np.array([[0.0, 100, 100], [0.0, 100, 130]]), np.array([4.0, 4.0]), 1000.0, blur_mm=1e-3)
    filled = (window.hu + 1000) / 2000
    assert np.array_equal(window.truth, filled > 0.5)
    assert window.truth[1].any()
    thin = air()
    paint(thin, np.array([[0.0, 100, 100], [0.0, 100, 130]]), np.array([0.7, 0.7]), 1000.0)
    assert thin.hu.max() > -900, "a thin wire is seen,"
    assert not thin.truth.any(), "but fills less than half of a thick slice"


def test_objects_keep_off_holders_and_the_head() -> None:
    window = with_head()
    window.labels[:, :, : SIDE // 2] = HOLDER
    before = window.hu.copy()
    across = np.array([[0.0, 30, 90], [0.0, 30, 140], [0.0, 60, 140]]), np.full(3, 4.0)
    paint(window, *across, 1000.0, blur_mm=1e-3)
    changed = window.hu != before
    assert changed.any()
    assert not changed[window.labels != AIR].any()
    paint(window, *across, 1000.0, over_head=True, blur_mm=1e-3)
    assert (window.truth & (window.labels == BODY)).any()
    assert not window.truth[window.labels == HOLDER].any()


def test_the_outline_of_a_disc_is_its_radius() -> None:
    around = outline(with_head().labels[1] == BODY)
    assert around is not None
    assert np.allclose(around.radius, 80, atol=1.5)
    assert np.hypot(*(around.at(37.0, 10.0) - around.centre)) == pytest.approx(90, abs=1.5)
    assert outline(np.zeros((SIDE, SIDE), bool)) is None


def test_random_objects_lie_on_the_head_and_are_truth() -> None:
    seen = 0
    for seed in range(25):
        window = with_head()
        before = window.hu.copy()
        random_object(window, np.random.default_rng(seed))
        assert (window.hu - before)[window.truth].min(initial=100) > 0, "denser than what was there"
        seen += window.truth.any()
        y, x = np.nonzero(window.truth.any(axis=0))
        assert np.hypot(y - SIDE / 2, x - SIDE / 2).max(initial=0) < 80 + (35 + 25 + 7) / 0.9
    assert seen > 12


@pytest.mark.parametrize("what", [random_plate, random_cloth])
def test_plates_and_cloth_are_never_truth(what: Callable[[Window, np.random.Generator], None]) -> None:
    changed = 0
    for seed in range(10):
        window = with_head()
        before = window.hu.copy()
        what(window, np.random.default_rng(seed))
        changed += np.count_nonzero(window.hu != before) > 100
        assert not window.truth.any()
        assert np.abs((window.hu - before)[:, 100:156, 100:156]).max() < 1, "nor inside the head"
    assert changed > 4
