"""Degradations for evaluation: views and back, motion that is exactly what was asked for, metal, kernels."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from metrics_phantom import grid, head, noise_field, noisy

from HeadCTIQALib.findings.types import INTRACRANIAL
from HeadCTIQALib.research.validation import heldout
from HeadCTIQALib.research.validation.heldout import Motion, Part, Pose, Timing, projector
from HeadCTIQALib.research.validation.heldout.laws import DURATIONS, LAWS, WEIGHTINGS


@pytest.fixture(scope="module")
def base():
    volume, findings = head(grid(np.arange(-15.0, 16, 5.0), matrix=192, pixel=1.3))
    return noisy(volume, noise_field(volume.shape, 2.0, 2.0, None)), findings.tissue.copy()


def disc(x: float, y: float, radius: float) -> np.ndarray:
    axis = np.arange(projector.N) - (projector.N - 1) / 2
    return np.clip(radius + 0.5 - np.hypot(axis[None, :] - x, axis[:, None] - y), 0, 1)


def test_views_are_line_integrals_and_lead_back() -> None:
    image = disc(20, -30, 80) + 2 * disc(-60, 70, 20)
    views = projector.project(image[None])[0]
    cells = np.arange(projector.CELLS) - projector.CELLS / 2
    for v in (0, 100, 333):
        c, s = np.cos(np.pi * v / projector.VIEWS), np.sin(np.pi * v / projector.VIEWS)
        chords = [
            2 * np.sqrt(np.clip(r**2 - (cells - x * c - y * s) ** 2, 0, None))
            for x, y, r in ((20, -30, 80), (-60, 70, 20))
        ]
        assert np.abs(views[v] - chords[0] - 2 * chords[1]).mean() < 0.3
    back = projector.reconstruct(views)
    inner = disc(20, -30, 75) == 1
    assert back[inner].mean() == pytest.approx(1.0, abs=0.005)
    assert np.allclose(projector.folded(projector.full_turn(views)) / 2, views)


def test_the_library_of_training_has_no_part_in_it() -> None:
    allowed = {
        "motion_grade",
        "inner_part",
        "undisplaced",
        "smooth3",
        "STREAK_SIGMAS",
        "FLOOR_HU",
    }  # the definitions of the truth
    for path in Path(heldout.__file__).parent.glob("*.py"):
        for module, names in re.findall(r"^from HeadCTIQALib\.synthesis(\S*) import (.+)$", path.read_text(), re.M):
            assert module == ".artefacts"
            assert {n.strip() for n in names.split(",")} <= allowed


@pytest.mark.parametrize("law", LAWS)
def test_laws_begin_at_rest_and_go_as_far_as_they_say(law) -> None:
    motion = Motion(law, Pose(yaw_deg=2.0), (1.0,), DURATIONS[law], (0.0, 0.0, 0.0))
    path = motion.path(np.linspace(0, 12, 4000))
    assert np.abs(path[:333]).max() == 0
    assert 0.6 < np.abs(path).max() < 1.1


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_head_at_rest_shows_no_motion_whenever_it_is_measured(base, weighting) -> None:
    volume, tissue = base
    away = Motion("step", Pose(yaw_deg=3.0, right_mm=4.0), (-50.0,), 0.03, (0.0, 0.0, 0.0))
    moved = heldout.move(volume, tissue, away, Timing(weighting))
    assert (moved.grades == 0).all()
    assert (moved.shown == 1).all()
    assert (moved.volume.hu != volume.hu).any()


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_step_within_a_turn_doubles_the_skull_in_the_slices_of_that_turn(base, weighting) -> None:
    volume, tissue = base
    timing = Timing(weighting, collimation_mm=10.0)
    begin = timing.begins(volume.slice_positions)
    motion = Motion("step", Pose(yaw_deg=3.0, right_mm=6.0), (float(begin[4]) + 0.3,), 0.03, (0.0, 0.0, 0.0))
    moved = heldout.move(volume, tissue, motion, timing)
    same_turn = np.flatnonzero(np.abs(begin - begin[4]) < 0.1)
    assert (moved.rms[same_turn] > 5).all()
    assert (moved.grades[same_turn] >= 2).all()
    assert moved.rms[0] == 0
    assert (moved.volume.hu[0] == volume.hu[0]).all()


def test_motion_between_turns_leaves_no_trace_but_the_jump(base) -> None:
    volume, tissue = base
    timing = Timing("full", collimation_mm=5.0, pause=1.0)
    begin = timing.begins(volume.slice_positions)
    motion = Motion("step", Pose(right_mm=5.2), (float(begin[4]) - 0.5,), 0.03, (0.0, 0.0, 0.0))
    moved = heldout.move(volume, tissue, motion, timing)
    assert (moved.rms == 0).all()
    assert np.allclose(moved.shown, np.arange(7) >= 4, atol=1e-6)
    pixels = round(5.2 / 1.3)
    sign = round(float(volume.r @ volume.row_step) / 1.3)
    shifted = np.roll(volume.hu[5], sign * pixels, axis=1)
    inside = np.isin(moved.tissue[5], [int(t) for t in INTRACRANIAL])
    assert np.abs(moved.volume.hu[5].astype(int) - shifted)[inside].max() <= 1


def test_metal_of_any_kind_makes_streaks_and_what_fills_less_makes_fewer(base) -> None:
    volume, tissue = base
    rng = np.random.default_rng
    rod = [Part("steel", (20.0, 0.0, 0.0), (2.0, 2.0), 15.0)]
    full = heldout.add_metal(volume, tissue, rod, rng(0))
    assert full.volume.hu.max() == 3071
    changed = np.flatnonzero((full.volume.hu != volume.hu).any(axis=(1, 2)))
    assert list(changed) == [2, 3, 4]
    assert 0 < full.streak[3].sum() < full.streak[3].size
    thin = heldout.add_metal(volume, tissue, [replace(rod[0], fill=0.2)], rng(0))
    assert thin.streak.sum() < full.streak.sum()
    outside = heldout.add_metal(volume, tissue, [Part("steel", (85.0, 0.0, 0.0), (3.0, 3.0), 4.0)], rng(0))
    assert 0 < outside.streak.sum() < outside.streak[3].size


def test_a_bone_kernel_raises_noise_and_edges_and_keeps_the_means(base) -> None:
    volume, tissue = base
    fine = replace(volume, row_step=volume.row_step / 2, col_step=volume.col_step / 2)
    sharp = heldout.sharpened(fine, np.random.default_rng(0))
    inside = np.isin(tissue, [int(t) for t in INTRACRANIAL])
    assert np.median(sharp.hu[inside]) == pytest.approx(
        np.median(volume.hu[inside]), abs=1
    )  # the skull's undershoot beside it is an edge's
    assert sharp.hu[inside].std() > 1.5 * volume.hu[inside].std()
    rings, cup = heldout.ringed(volume, np.random.default_rng(0)), heldout.cupped(volume, 12.0)
    assert 1 < np.abs(rings.hu - volume.hu.astype(int)).max() < 200
    assert -13 <= (cup.hu - volume.hu.astype(int))[inside].min() < -8
