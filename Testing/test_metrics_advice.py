"""The advice is followed on the simulated patient and the head is scanned again: the item is good then."""

import re
from dataclasses import replace

import pytest

from HeadCTIQALib.metrics import Measurement, measure
from HeadCTIQALib.metrics.advice import advice, next_value
from HeadCTIQALib.metrics.instructions import runs
from HeadCTIQALib.synthesis import Acquire, Motion, Scene, Simulated, simulate

KNOTS = {
    "symmetry_angle": ((0, 100), (3, 80), (8, 60), (25, 50)),
    "baseline_angle": ((0, 100), (5, 80), (12, 60), (30, 50)),
    "centering_offset": ((0, 100), (10, 80), (20, 60), (60, 40)),
    "vertex_margin": ((-40, 0), (-5, 60), (0, 80), (3, 100), (10, 100), (15, 80), (30, 60), (80, 50)),
    "foramen_magnum_margin": ((-40, 0), (-5, 60), (0, 80), (3, 100), (15, 100), (20, 80), (40, 60), (120, 50)),
    "noise": ((2, 100), (4.5, 80), (6.5, 60), (15, 10), (25, 0)),
    "gray_white_cnr": ((0, 0), (0.3, 10), (1.0, 60), (1.6, 80), (2.4, 100)),
    "motion_extent": ((0, 100), (2, 80), (10, 60), (40, 0)),
    "foreign_object_volume": ((0, 100), (0.05, 80), (0.5, 60), (5, 40), (20, 30)),
    "streak_extent": ((0, 100), (2, 80), (8, 60), (40, 0)),
}
COARSE = Acquire(matrix=72, fov_mm=250.0, spacing_mm=6.0, noise_hu=3.0)


def scan(**scene) -> Simulated:
    return simulate(11, scene=Scene(**{"acquire": COARSE, **scene}))


def measured(simulated: Simulated, iqm: str) -> Measurement:
    return measure(simulated.volume, simulated.findings, only={iqm})[iqm]


def told(m: Measurement) -> str:
    return advice(m, KNOTS[m.iqm]).instruction


def amount(words: str, pattern: str) -> float:
    """The signed number of millimetres or degrees that ``words`` ask for: + for the first of the two directions in ``pattern``."""
    first, second = pattern.split("|")
    for sign, direction in ((1, first), (-1, second)):
        found = re.search(direction.replace("#", r"(\d+)"), words)
        if found:
            return sign * float(found[1])
    return 0.0


@pytest.mark.parametrize(("yaw", "roll", "tilt"), [(9.0, -7.0, 0.0), (-10.0, 6.0, 0.0), (8.0, 0.0, 12.0)])
def test_a_head_laid_straight_as_told_is_straight(yaw, roll, tilt):
    acquire = replace(COARSE, gantry_tilt_deg=tilt)
    m = measured(scan(yaw_deg=yaw, roll_deg=roll, acquire=acquire), "symmetry_angle")
    words = told(m)
    yaw -= amount(words, "nose # deg to the patient's right|nose # deg to the patient's left")
    roll -= amount(words, "ilt the head # deg towards the right shoulder|ilt the head # deg towards the left shoulder")
    again = measured(scan(yaw_deg=yaw, roll_deg=roll, acquire=acquire), "symmetry_angle")
    assert again.value < 3
    assert told(again) == ""


@pytest.mark.parametrize(("pitch", "tilt"), [(14.0, 0.0), (-13.0, 0.0), (0.0, 15.0)])
def test_a_chin_moved_as_told_lays_the_line_into_the_slices(pitch, tilt):
    acquire = replace(COARSE, gantry_tilt_deg=tilt)
    words = told(measured(scan(pitch_deg=pitch, acquire=acquire), "baseline_angle"))
    pitch -= amount(words, "Chin down # deg|Chin up # deg")
    assert measured(scan(pitch_deg=pitch, acquire=acquire), "baseline_angle").value < 5


@pytest.mark.parametrize("shift", [(17.0, -12.0), (-15.0, 14.0), (0.0, -22.0)])
@pytest.mark.parametrize("isocentre", [True, False])
def test_a_head_moved_as_told_lies_in_the_centre(shift, isocentre):
    def of(shift):
        s = scan(shift_mm=shift, acquire=replace(COARSE, fov_mm=300.0))
        if not isocentre:
            s = replace(s, volume=replace(s.volume, acquisition=replace(s.volume.acquisition, isocentre_ras=None)))
        return measured(s, "centering_offset")

    words = told(of(shift))
    right = amount(words, "head # mm to the patient's right|head # mm to the patient's left")
    up = amount(words, "aise the table # mm|ower the table # mm")
    assert of((shift[0] + right, shift[1] + up)).value < 10


def test_a_head_that_lies_well_in_the_gantry_needs_another_reconstruction():
    m = measured(scan(), "centering_offset")
    off = replace(m, value=25.0, details={**m.details, "isocentre_offset_mm": 3.0})
    assert told(off) == "Centre the reconstruction on the head."
    cut = replace(off, value=2.0, ceiling=30.0, ceiling_reason="The field of view cuts the skull.")
    assert told(cut).startswith("Enlarge the field of view")


@pytest.mark.parametrize(("vertex", "foramen"), [(-12.0, 8.0), (8.0, -11.0), (28.0, 8.0), (8.0, 44.0)])
def test_a_range_moved_as_told_covers_the_brain(vertex, foramen):
    acquire = replace(COARSE, vertex_margin_mm=vertex, foramen_margin_mm=foramen, spacing_mm=3.0, matrix=48)
    first = scan(acquire=acquire)
    up = told(measured(first, "vertex_margin"))
    down = told(measured(first, "foramen_magnum_margin"))
    vertex += amount(up, "about # mm more|End # mm lower")
    foramen += amount(down, "about # mm lower|Start # mm higher")
    again = scan(acquire=replace(acquire, vertex_margin_mm=vertex, foramen_margin_mm=foramen))
    assert bool(up) != bool(down)
    assert told(measured(again, "vertex_margin")) == ""
    assert told(measured(again, "foramen_magnum_margin")) == ""


@pytest.mark.parametrize("side", [-1, 1])
def test_the_object_is_named_by_its_side_and_height(side):
    from HeadCTIQALib.synthesis.objects import Removable

    acquire = replace(COARSE, matrix=160, spacing_mm=4.0, foramen_margin_mm=30.0)
    words = told(measured(scan(foreign=(Removable("earring", side, 0.0),), acquire=acquire), "foreign_object_volume"))
    assert f"on the {'right' if side > 0 else 'left'}" in words
    assert "ear" in words


def test_noise_and_contrast_tell_the_dose():
    noisy = advice(Measurement("noise", 12.0, judged=6.0), KNOTS["noise"])
    assert noisy.counterfactual == "Noise 4.5 HU in a slice of 5 mm would be good: about 1.8 times the dose."
    as_it_is = advice(Measurement("noise", 6.0), KNOTS["noise"])
    assert as_it_is.counterfactual == "Noise 4.5 HU would be good: about 1.8 times the dose, or thicker slices."
    low = advice(Measurement("gray_white_cnr", 0.5, judged=0.8), KNOTS["gray_white_cnr"])
    assert "1 in a slice of 5 mm would be acceptable: about 1.6 times the dose" in low.counterfactual


def test_moved_slices_are_repeated():
    s = scan(motion=(Motion(60.0, 85.0, degrees=8.0, shift_mm=6.0),))
    m = measured(s, "motion_extent")
    words = told(m)
    assert words == f"Repeat slices {runs(m.evidence.slices)}; hold the head with a strap."
    assert runs([3, 4, 5, 8, 10, 11]) == "4-6, 9, 11-12"
    everywhere = replace(m, details={**m.details, "slices_with_brain": float(len(m.evidence.slices))})
    assert told(everywhere) == "Repeat the scan; hold the head with a strap."


@pytest.mark.parametrize("iqm", KNOTS)
def test_the_counterfactual_is_the_nearest_value_of_the_next_band(iqm):
    knots = KNOTS[iqm]
    low, high = knots[0][0], knots[-1][0]
    for n in range(201):
        value = low + (high - low) * n / 200
        score = score_of(knots, value)
        found = next_value(knots, value)
        if score >= 80:
            assert found is None
            continue
        reached, limit = found
        assert limit == (60 if score < 60 else 80)
        assert score_of(knots, reached) == pytest.approx(limit)
        halfway = 0.5 * (value + reached)
        assert score_of(knots, halfway) < limit


def score_of(knots, value):
    import numpy as np

    return float(np.interp(value, *zip(*knots, strict=True)))


def test_nothing_is_advised_where_nothing_is_known_or_wrong():
    for m in (Measurement("noise", status="not_assessable", reason="No brain."), Measurement("noise", 3.0)):
        assert advice(m, KNOTS["noise"]) == advice(m, KNOTS["noise"]).__class__()
