"""Random scenes: reproducible, within clinical limits, with every quality represented, and true about themselves."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from HeadCTIQALib import metrics
from HeadCTIQALib.findings.types import INTRACRANIAL, Tissue
from HeadCTIQALib.synthesis import (
    EVALUATION_SEEDS,
    EXTERNAL,
    INTERNAL,
    STUDY_SEEDS,
    TRAINING,
    TRAINING_SEEDS,
    Acquire,
    HeadModel,
    Lesion,
    Pathology,
    Removable,
    Scene,
    SkullHole,
    random_scene,
    simulate,
)
from HeadCTIQALib.synthesis.acquisition import lay_out, rotation
from HeadCTIQALib.synthesis.head_landmarks import head_landmarks
from HeadCTIQALib.synthesis.noise import noise_field

POPULATIONS = (INTERNAL, *EXTERNAL, TRAINING)
SMALL = Acquire(matrix=96, fov_mm=240.0, spacing_mm=16.0, thickness_mm=2.0, noise_hu=0.0, foramen_margin_mm=2.0)


@pytest.fixture(scope="module")
def scenes():
    return [random_scene(seed) for seed in range(300)]


def test_equal_seeds_give_equal_scenes():
    for population in POPULATIONS:
        assert random_scene(11, population) == random_scene(11, population)
    assert random_scene(11) != random_scene(12)
    assert random_scene(11) != random_scene(11, EXTERNAL[0])


def test_seed_ranges_are_disjoint():
    ranges = (TRAINING_SEEDS, EVALUATION_SEEDS, STUDY_SEEDS)
    assert all(a.stop <= b.start for a, b in pairwise(ranges))
    assert all(len(r) >= 1000 for r in ranges)


def test_scenes_are_within_clinical_limits(scenes):
    for s in scenes:
        assert max(abs(s.yaw_deg), abs(s.roll_deg)) <= 16
        assert abs(s.pitch_deg) <= 20
        a = s.acquire
        assert 0.6 <= a.thickness_mm <= 7
        assert 200 <= a.fov_mm <= 350
        assert abs(a.gantry_tilt_deg) <= 22
        assert 18 <= s.head.age <= 96
        assert a.noise_hu >= 1.2


def test_every_scene_can_be_laid_out_and_most_are_ordinary(scenes):
    for s in scenes[:12]:
        assert len(lay_out(s.head, s).centres) >= 10
    angles = [float(np.rad2deg(np.arccos(rotation(s.yaw_deg, s.roll_deg, s.pitch_deg)[0, 0]))) for s in scenes]
    lower = [s.acquire.foramen_margin_mm for s in scenes]
    upper = [s.acquire.vertex_margin_mm + s.acquire.thickness_mm / 2 * (s.acquire.vertex_margin_mm > 0) for s in scenes]
    for values, good, poor in ((angles, (0, 3), (8, 99)), (upper, (0, 15), (30, 99)), (lower, (0, 15), (40, 99))):
        share = np.mean([good[0] <= v <= good[1] for v in values])
        assert 0.35 < share < 0.92, share
        assert any(poor[0] < v < poor[1] for v in values)
    assert min(upper) < -5
    assert min(lower) < -5


def test_all_kinds_of_defects_and_pathology_occur(scenes):
    kinds = {lesion.kind for s in scenes for lesion in s.head.pathology.lesions}
    assert {"haemorrhage", "infarct", "tumour", "subdural", "calcification"} <= kinds
    for share, low, high in (
        (np.mean([bool(s.motion) for s in scenes]), 0.15, 0.35),
        (np.mean([bool(s.foreign) for s in scenes]), 0.12, 0.35),
        (np.mean([bool(s.implants) for s in scenes]), 0.08, 0.26),
        (np.mean([s.head.pathology.contrast for s in scenes]), 0.01, 0.15),
        (np.mean([s.acquire.gantry_tilt_deg != 0 for s in scenes]), 0.08, 0.3),
    ):
        assert low < share < high


def test_centres_differ():
    makers = [{random_scene(seed, p).acquire.manufacturer for seed in range(30)} for p in EXTERNAL]
    assert makers[0] == {"SIEMENS"}
    assert "GE MEDICAL SYSTEMS" not in makers[1]


# The metrics agree with the truth


@pytest.mark.parametrize("seed", [3, 17])
def test_metrics_of_the_true_findings_are_the_truth(seed):
    scene = random_scene(seed, TRAINING)
    a = replace(scene.acquire, matrix=96, spacing_mm=9.0, upper_spacing_mm=13.0, thickness_mm=2.5)
    scan = simulate(seed, scene=replace(scene, acquire=a, foreign=("hair_clip",), motion=()))
    measured = metrics.measure(scan.volume, scan.findings)
    exact = (
        "symmetry_angle",
        "baseline_angle",
        "centering_offset",
        "vertex_margin",
        "foramen_magnum_margin",
        "motion_extent",
        "foreign_object_volume",
        "streak_extent",
    )
    for name in exact:
        assert measured[name].value == pytest.approx(scan.truth[name], abs=1e-3), name


def test_noise_is_stronger_and_directed_behind_bone():
    n, pixel = 128, 1.8
    axis = (np.arange(n) - (n - 1) / 2) * pixel
    r = np.hypot(axis[:, None], axis[None, :])
    water = np.where(r < 85, 0.0, -1000.0).astype(np.float32)
    petrous = water.copy()
    petrous[58:70, 30:50] = petrous[58:70, 78:98] = 1500  # two dense blocks side by side
    rng = np.random.default_rng(0)
    noise, profile = noise_field(np.stack([water, petrous]), pixel, 0.6, rng)
    for plane in (0, 1):
        ring = r < 60
        assert np.std(noise[plane][ring] / profile[plane][ring]) == pytest.approx(1, abs=0.03)
    assert profile[0][64, 64] > 1.05 * profile[0][r > 80][:1].item() * 0.9
    assert profile[1][64, 64] > 1.3 * profile[0][64, 64] * 0.8
    middle = noise[1][60:68, 56:72]
    across, down = (np.mean(np.diff(middle, axis=axis_) ** 2) for axis_ in (1, 0))
    assert down > 1.3 * across  # streaks run from block to block


# What is drawn is in the truth


def hu_near(scan, canonical, radius_mm=3.0):
    """Median HU around a canonical point."""
    g = lay_out(scan.model, scan.scene)
    at = scan.volume.ras_to_ijk(g.pose @ scan.model.to_head(np.array(canonical)) + g.offset)
    i, j, k = (int(v) for v in np.rint(at))
    n = max(1, round(radius_mm / scan.volume.pixel_spacing[0]))
    return float(np.median(scan.volume.hu[k, j - n : j + n + 1, i - n : i + n + 1]))


def slice_through(model, canonical, **changes):
    """A scene one slice of which passes through a canonical point."""
    g = lay_out(model, Scene(acquire=SMALL))
    z = float((g.pose @ model.to_head(np.array(canonical)) + g.offset)[2])
    first = float(g.positions[0])
    foramen = first + SMALL.foramen_margin_mm
    margin = SMALL.foramen_margin_mm + (SMALL.spacing_mm - (z - first) % SMALL.spacing_mm)
    assert foramen - margin < z
    return Scene(acquire=replace(SMALL, foramen_margin_mm=margin), **changes)


@pytest.mark.parametrize(
    ("kind", "hu", "low", "high"),
    [("haemorrhage", 70.0, 60, 76), ("infarct", 18.0, 14, 23), ("calcification", 400.0, 250, 450)],
)
def test_a_lesion_is_seen_and_belongs_to_the_brain(kind, hu, low, high):
    centre = (28.0, 20.0, 62.0)
    model = replace(HeadModel.random(4), pathology=Pathology(lesions=(Lesion(kind, centre, (10.0, 10.0, 10.0), hu),)))
    scan = simulate(4, scene=slice_through(model, centre), model=model)
    healthy = simulate(4, scene=slice_through(model, centre), model=replace(model, pathology=Pathology()))
    assert low < hu_near(scan, centre) < high
    changed = scan.findings.tissue != healthy.findings.tissue
    assert changed.any()
    assert set(np.unique(scan.findings.tissue[changed])) <= {int(Tissue.BRAIN)}


def test_subdural_blood_lies_on_its_side_within_the_skull():
    lesion = Lesion("subdural", (55.0, 5.0, 65.0), (10.0, 60.0, 35.0), 65.0)
    model = replace(HeadModel.random(4), pathology=Pathology(lesions=(lesion,), shift_mm=-4.0))
    scan = simulate(4, scene=slice_through(model, (0.0, 5.0, 65.0)), model=model)
    blood = (scan.volume.hu > 58) & (scan.volume.hu < 72) & scan.findings.mask(*INTRACRANIAL)
    columns = np.nonzero(blood)[2]
    assert (columns < 48).sum() > 5 * (columns >= 48).sum()  # columns run from the patient's right to the left
    moved = head_landmarks(model)["SEPTUM"][0] - head_landmarks(replace(model, pathology=Pathology()))["SEPTUM"][0]
    assert -4.5 < moved < -2.0


def test_a_craniectomy_removes_bone_but_not_the_head():
    hole = SkullHole("craniectomy", (66.0, 5.0, 60.0), 32.0)
    model = HeadModel.random(4)
    scene = slice_through(model, (66.0, 5.0, 60.0))
    whole = simulate(4, scene=scene, model=model)
    open_ = simulate(4, scene=scene, model=replace(model, pathology=Pathology(holes=(hole,))))
    changed = whole.findings.tissue != open_.findings.tissue
    assert changed.sum() > 0.015 * whole.findings.mask(Tissue.BONE).sum()
    assert set(whole.findings.tissue[changed]) == {int(Tissue.BONE)}
    assert set(open_.findings.tissue[changed]) == {int(Tissue.SOFT)}


def test_contrast_medium_fills_the_arteries():
    at = (22.0, 31.0, 29.0)
    model = HeadModel.random(4)
    scene = slice_through(model, at)
    plain, filled = (
        simulate(4, scene=scene, model=replace(model, pathology=Pathology(vessel_hu=v))) for v in (42.0, 300.0)
    )
    assert filled.volume.hu.astype(int)[plain.findings.mask(*INTRACRANIAL)].max() > 110
    assert filled.volume.acquisition.contrast_agent
    assert not plain.volume.acquisition.contrast_agent


def test_masked_face_has_no_eyes_and_says_so():
    scan = simulate(4, scene=slice_through(HeadModel.random(4), (33.5, 77.0, 14.8), defaced=True))
    assert not scan.findings.mask(Tissue.GLOBE).any()
    assert not scan.findings.landmarks["CANTHUS_R"].in_scan
    assert scan.findings.landmarks["EAM_R"].in_scan
    assert "baseline_angle" in scan.truth


@pytest.mark.parametrize("holder", ["cup", "trough", "couch", "wedges"])
def test_holders_touch_no_head(holder):
    with_, without = (simulate(4, scene=Scene(holder=h, acquire=SMALL)) for h in (holder, None))
    mask = with_.findings.mask(Tissue.HOLDER)
    assert mask.any()
    assert np.array_equal(np.where(mask, 0, with_.findings.tissue), without.findings.tissue)


@pytest.mark.parametrize(
    "kind", ["earring", "stud", "hair_clip", "hair_pin", "glasses", "electrode", "electrodes", "sensor", "hearing_aid"]
)
def test_every_removable_object_is_found_in_the_truth(kind):
    dense = replace(SMALL, matrix=128, spacing_mm=5.0, foramen_margin_mm=35.0)
    scan = simulate(4, scene=Scene(foreign=(Removable(kind, -1, 0.5),), acquire=dense))
    assert 0.005 < scan.truth["foreign_object_volume"] < 15


def test_padding_lies_outside_the_circle():
    scan = simulate(4, scene=Scene(acquire=replace(SMALL, circle=True)))
    padding = scan.volume.padding
    assert padding is not None
    assert padding[:, 0, 0].all()
    assert not padding[:, 48, 48].any()
    assert (scan.findings.tissue[padding] == Tissue.OUTSIDE).all()
