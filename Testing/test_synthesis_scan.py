"""Simulated scans: pose, coverage, noise, motion, metal and foreign objects have the truth that they claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from HeadCTIQALib.findings.types import LANDMARK_TITLES, Tissue
from HeadCTIQALib.synthesis import Acquire, HeadModel, Lesion, Motion, Pathology, Scene, simulate
from HeadCTIQALib.synthesis.acquisition import lay_out, rotation
from HeadCTIQALib.synthesis.artefacts import correlated_noise, motion_grade
from HeadCTIQALib.synthesis.movement import motion_difference
from HeadCTIQALib.synthesis.tomography import back_project, back_project_turn, full_turn, project

SMALL = Acquire(matrix=160, fov_mm=240.0, spacing_mm=10.0, thickness_mm=2.5)


@pytest.fixture(scope="module")
def plain():
    return simulate(2, scene=Scene(acquire=SMALL))


@pytest.fixture(scope="module")
def cluttered():
    scene = Scene(
        foreign=("earrings", "hair_clip", "glasses", "electrode"),
        implants=("aneurysm_clip",),
        acquire=Acquire(matrix=160, fov_mm=260.0, spacing_mm=6.0, thickness_mm=2.5, foramen_margin_mm=30.0),
    )
    return simulate(2, scene=scene)


def test_same_seed_same_scan(plain):
    again = simulate(2, scene=Scene(acquire=SMALL))
    assert np.array_equal(again.volume.hu, plain.volume.hu)
    assert np.array_equal(again.findings.tissue, plain.findings.tissue)
    assert dict(again.truth) == dict(plain.truth)


def test_a_good_scan_is_good(plain):
    t = plain.truth
    assert t["symmetry_angle"] == pytest.approx(0, abs=1e-5)
    assert t["baseline_angle"] == pytest.approx(0, abs=0.05)
    assert t["centering_offset"] < 12
    assert t["foramen_magnum_margin"] == pytest.approx(8)
    assert 8 <= t["vertex_margin"] < 18
    assert t["foreign_object_volume"] == t["streak_extent"] == t["motion_extent"] == 0
    assert not plain.findings.streak.any()
    assert set(plain.findings.landmarks) == set(LANDMARK_TITLES)
    assert all(p.source == "truth" for p in plain.findings.landmarks.values())


@pytest.mark.parametrize(("yaw", "roll", "tilt"), [(7.0, 0.0, 0.0), (-4.0, 5.0, 0.0), (6.0, -8.0, 15.0)])
def test_pose_signs(yaw, roll, tilt):
    g = lay_out(HeadModel.random(1), Scene(yaw_deg=yaw, roll_deg=roll, acquire=Acquire(gantry_tilt_deg=tilt)))
    n = rotation(yaw, roll, 0) @ [1.0, 0.0, 0.0]
    assert np.allclose(g.pose[:, 0], n)
    nose = g.landmarks["NASION"] - (g.landmarks["EAM_R"] + g.landmarks["EAM_L"]) / 2
    top = g.landmarks["SEPTUM"] - g.landmarks["BASION"]
    if tilt == 0:
        assert np.sign(-nose[0]) == np.sign(yaw)  # + turns the nose to the patient's left (-x)
        if abs(roll) > 4:
            assert np.sign(-top[0]) == np.sign(roll)  # + leans the head towards the left shoulder


def test_pose_truth_of_a_scan():
    s = simulate(2, scene=Scene(yaw_deg=5.0, roll_deg=-3.0, pitch_deg=8.0, acquire=SMALL))
    assert s.truth["yaw_deg"] == pytest.approx(5.0, abs=1e-6)
    assert s.truth["roll_deg"] == pytest.approx(-3.0, abs=1e-6)
    assert s.truth["symmetry_angle"] == pytest.approx(
        np.rad2deg(np.arccos(np.cos(np.deg2rad(5)) * np.cos(np.deg2rad(3)))), abs=1e-6
    )
    assert s.truth["orbitomeatal_angle"] == pytest.approx(8.0, abs=0.3)
    # The drawing has turned with the landmarks: both globes are still globe.
    for side in "RL":
        i, j, k = np.rint(s.volume.ras_to_ijk(np.array(s.findings.landmarks[f"GLOBE_{side}"].position))).astype(int)
        near = s.findings.tissue[max(k - 1, 0) : k + 2, j, i]
        assert Tissue.GLOBE in near


def test_tilted_uneven_slices_are_measured_along_their_normal():
    scene = Scene(
        acquire=Acquire(matrix=64, spacing_mm=6.0, upper_spacing_mm=12.0, thickness_mm=2.5, gantry_tilt_deg=15.0)
    )
    s = simulate(2, scene=scene)
    gaps = np.diff(s.volume.slice_positions)
    assert set(np.round(gaps, 3)) == {6.0, 12.0}
    assert s.volume.k[1] == pytest.approx(-np.sin(np.deg2rad(15)))
    assert np.allclose(s.volume.image_centres[:, :2], 0, atol=1e-9)  # stacked along the table, not along the normal
    assert s.truth["baseline_angle"] == pytest.approx(15, abs=0.5)


def test_cut_scan():
    scene = Scene(
        acquire=Acquire(matrix=96, spacing_mm=5.0, thickness_mm=2.5, vertex_margin_mm=-9.0, foramen_margin_mm=-12.0)
    )
    s = simulate(2, scene=scene)
    p = s.findings.landmarks
    assert -14.0 <= s.truth["vertex_margin"] <= -9.0
    assert s.truth["foramen_magnum_margin"] == pytest.approx(-12.0)
    assert not p["VERTEX"].in_scan
    assert not p["BASION"].in_scan
    assert p["SEPTUM"].in_scan
    k = s.volume.k
    assert s.truth["vertex_margin"] == pytest.approx(s.volume.slice_positions[-1] - k @ np.array(p["VERTEX"].position))


def test_scan_without_slices_is_refused():
    with pytest.raises(ValueError, match="nothing to scan"):
        lay_out(HeadModel(), Scene(acquire=Acquire(vertex_margin_mm=-400.0)))


def test_shift_moves_the_centroid():
    one = simulate(2, scene=Scene(acquire=SMALL))
    two = simulate(2, scene=Scene(shift_mm=(0.0, -20.0), acquire=SMALL))
    centroid = [
        np.argwhere((s.findings.tissue > 0) & (s.findings.tissue != Tissue.HOLDER)).mean(axis=0)[1] for s in (one, two)
    ]
    assert (centroid[1] - centroid[0]) * 1.5 == pytest.approx(20.0, abs=0.8)
    assert two.truth["centering_offset"] > one.truth["centering_offset"] + 5


@pytest.mark.parametrize("sigma", [2.0, 6.0])
def test_noise_in_white_matter_is_what_was_asked_for(sigma):
    acquire = Acquire(matrix=160, fov_mm=240.0, spacing_mm=10.0, thickness_mm=2.5, noise_hu=sigma)
    noisy = simulate(2, scene=Scene(acquire=acquire))
    other = simulate(
        2, scene=Scene(acquire=Acquire(matrix=160, fov_mm=240.0, spacing_mm=10.0, thickness_mm=2.5, noise_hu=0.0))
    )
    white = noisy.findings.mask(Tissue.WHITE)
    difference = noisy.volume.hu[white].astype(float) - other.volume.hu[white]
    assert difference.std() == pytest.approx(sigma, rel=0.05)
    assert noisy.truth["noise"] == sigma


def test_noise_is_correlated_without_low_frequencies():
    noise = correlated_noise(np.random.default_rng(0), (128, 128), 0.5)
    assert noise.std() == pytest.approx(1, abs=1e-5)
    neighbours = np.mean(noise[:, 1:] * noise[:, :-1])
    assert 0.2 < neighbours < 0.95
    blocks = noise.reshape(8, 16, 8, 16).mean(axis=(1, 3))
    assert blocks.std() < 0.3 / 2  # far below what noise of this grain would have if it were only smoothed


def test_contrast_truth(plain):
    # The deep grey matter is 1 to 2 HU darker than cortex, and both mix with their surroundings.
    assert plain.truth["gray_white_contrast_hu"] == pytest.approx(
        plain.model.grey_hu - plain.model.white_hu - 1.5, abs=1.2
    )
    assert plain.truth["gray_white_cnr"] == pytest.approx(plain.truth["gray_white_contrast_hu"] / 3.5, rel=0.2)


def test_contrast_has_no_truth_where_oedema_took_the_deep_grey_matter():
    oedema = Lesion("oedema", (0.0, 10.0, 40.0), (80.0, 80.0, 80.0), 28.0)
    scan = simulate(
        2, scene=Scene(acquire=SMALL), model=replace(HeadModel.random(2), pathology=Pathology(lesions=(oedema,)))
    )
    left = float(scan.findings.mask(Tissue.DEEP_GREY).sum(axis=(1, 2)) @ scan.volume.voxel_volumes_ml)
    assert left < 3
    assert "gray_white_cnr" not in scan.truth
    assert "noise" in scan.truth


def test_foreign_objects(cluttered):
    s = cluttered
    mask = s.findings.mask(Tissue.FOREIGN)
    assert s.truth["foreign_object_volume"] == pytest.approx(float(mask.sum(axis=(1, 2)) @ s.volume.voxel_volumes_ml))
    assert 0.3 < s.truth["foreign_object_volume"] < 8
    assert np.median(s.volume.hu[mask]) > 400


def test_metal_makes_streaks_in_its_slices_only(cluttered):
    s = cluttered
    assert s.findings.streak.any()
    assert s.truth["streak_extent"] > 0
    metal = s.findings.mask(Tissue.FOREIGN).any(axis=(1, 2))
    level = s.volume.k @ np.array(s.findings.landmarks["SELLA"].position)
    clip = np.abs(s.volume.slice_positions - level) < 30  # around the aneurysm clip
    assert not s.findings.streak[~metal & ~clip].any()


def test_motion_grade_grows_with_amplitude(plain):
    n = plain.volume.shape[0] // 2
    hu = plain.volume.hu[n].astype(np.float32)
    mask = np.isin(plain.findings.tissue[n], (Tissue.GREY, Tissue.WHITE, Tissue.BRAIN, Tissue.DEEP_GREY, Tissue.CSF))
    grades, rms = [], []
    for degrees in (0.0, 0.05, 0.2, 1.0, 12.0):
        grade, value = motion_grade(motion_difference(hu, 1.5, np.random.default_rng(1), degrees, degrees / 2), mask)
        grades.append(grade)
        rms.append(value)
    assert rms[0] < 0.01
    assert (np.diff(rms) > 0).all()
    assert grades[0] == 0
    assert grades[-1] == 3
    assert grades == sorted(grades)


def test_motion_only_where_asked():
    scene = Scene(motion=(Motion(55.0, 75.0, degrees=3.0, shift_mm=2.0),), acquire=SMALL)
    s = simulate(2, scene=scene)
    height = s.volume.slice_positions - s.volume.slice_positions[0] - s.truth["foramen_magnum_margin"]
    moved = (height >= 55) & (height <= 75)
    assert moved.any()
    assert (s.findings.motion_grades[~moved] == 0).all()
    assert (s.findings.motion_grades[moved] > 0).all()
    assert s.truth["motion_extent"] > 0


def test_holder_is_outside_the_head(plain):
    holder = plain.findings.mask(Tissue.HOLDER)
    assert holder.any(axis=(1, 2)).all()
    rows = np.argwhere(holder)[:, 1]
    assert rows.mean() > 80  # behind the head: rows run backwards


def test_back_projection_inverts_projection():
    axis = np.arange(128) - 63.5
    disc = (np.hypot(axis[:, None] - 10, axis[None, :] + 5) < 30).astype(np.float32)
    sinogram = project(disc, 120)
    inner = np.hypot(axis[:, None] - 10, axis[None, :] + 5) < 26
    for image in (back_project(sinogram), back_project_turn(full_turn(sinogram))):
        assert image[inner].mean() == pytest.approx(1, abs=0.02)
        assert (
            np.abs(
                image[np.hypot(axis[:, None], axis[None, :]) < 60] - disc[np.hypot(axis[:, None], axis[None, :]) < 60]
            ).mean()
            < 0.06
        )
