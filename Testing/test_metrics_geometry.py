"""Positioning, centring and scan range against rotations, shifts and cuts that are known exactly."""

from dataclasses import replace

import numpy as np
import pytest
from metrics_phantom import grid, head, mark, rotation, with_landmark, without_landmark

from HeadCTIQALib.findings.types import HEAD, Plane, Tissue
from HeadCTIQALib.metrics import (
    baseline_angle,
    centering_offset,
    foramen_magnum_margin,
    measure,
    symmetry_angle,
    vertex_margin,
)
from HeadCTIQALib.metrics.missing_head import Vault
from HeadCTIQALib.volume.types import Acquisition

UNEVEN = np.cumsum(np.r_[-110.0, np.tile([4.0, 6.0, 5.0], 14)])


def small(**kwargs):
    return grid(np.arange(-40, 41, 20.0), matrix=16, pixel=14.0, **kwargs)


def random_poses(n, seed=0):
    rng = np.random.default_rng(seed)
    return [(tuple(rng.uniform(-20, 20, 4)), bool(rng.integers(2)), tuple(rng.uniform(-15, 15, 3))) for _ in range(n)]


@pytest.mark.parametrize(("angles", "flip", "shift"), random_poses(12))
def test_symmetry_follows_the_formulas_in_the_slice_frame(angles, flip, shift):
    yaw, roll, pitch, tilt = angles
    volume = small(tilt=tilt, flip=flip)
    frame = np.stack([volume.r, volume.a, volume.k], axis=1)
    # in the slice frame: yaw about k, then roll about the axis that the yaw left in the slice
    pose = frame @ rotation("z", yaw) @ rotation("y", -roll) @ rotation("x", pitch) @ frame.T
    findings = head(volume, pose, shift)[1]
    findings = findings.with_(midsagittal=Plane(shift, tuple(pose @ volume.r)))
    m = symmetry_angle(volume, findings)
    assert m.details["yaw_deg"] == pytest.approx(yaw, abs=1e-6)
    assert m.details["roll_deg"] == pytest.approx(roll, abs=1e-6)
    expected = np.degrees(np.arccos(np.cos(np.deg2rad(yaw)) * np.cos(np.deg2rad(roll))))
    assert m.value == pytest.approx(expected, abs=1e-6)
    # the sign of the normal does not matter
    flipped = findings.with_(midsagittal=Plane(shift, tuple(-3 * (pose @ volume.r))))
    assert symmetry_angle(volume, flipped).value == pytest.approx(m.value)


def test_symmetry_signs_in_words_of_anatomy():
    volume = small()
    nose_left = head(volume, rotation("z", 7))[1]  # A turns towards -R
    m = symmetry_angle(volume, nose_left)
    assert m.details["yaw_deg"] == pytest.approx(7)
    assert "nose to the patient's left" in m.evidence.caption
    assert "7.0 deg" in m.evidence.caption
    to_left = head(volume, rotation("y", -6))[1]  # S turns towards -R
    m = symmetry_angle(volume, to_left)
    assert m.details["roll_deg"] == pytest.approx(6)
    assert "left shoulder" in m.evidence.caption


@pytest.mark.parametrize(("angles", "flip", "shift"), random_poses(8, seed=1))
def test_baseline_is_the_angle_of_the_line_to_the_slices(angles, flip, shift):
    _, _, pitch, tilt = angles
    volume = small(tilt=tilt, flip=flip)
    m = baseline_angle(volume, head(volume, rotation("x", pitch), shift)[1])
    assert m.details["orbitomeatal_angle_deg"] == pytest.approx(pitch - tilt, abs=1e-6)  # + chin up: canthi higher
    assert m.value == pytest.approx(abs(pitch - tilt), abs=1e-6)


def test_baseline_mirrors_a_missing_side_and_flags_extrapolation():
    volume = small()
    pose = rotation("z", 9) @ rotation("x", 5)
    findings = head(volume, pose, (4, 5, 6))[1]
    whole = baseline_angle(volume, findings)
    half = baseline_angle(volume, without_landmark(findings, "CANTHUS_L"))
    assert half.value == pytest.approx(whole.value, abs=1e-9)
    assert any("left outer canthus" in f and "mirrored" in f for f in half.flags)
    assert any("outside the scan" in f for f in whole.flags)  # this phantom's ear canals lie below the first slice
    inside = baseline_angle(
        volume,
        findings.with_(
            landmarks={n: mark(volume, np.array(p.position) + [0, 0, 60]) for n, p in findings.landmarks.items()}
        ),
    )
    assert inside.flags == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: without_landmark(f, "CANTHUS_L").with_(midsagittal=None), "was not found"),
        (lambda f: without_landmark(f, "EAM_L", "EAM_R"), "was not found"),
        (lambda f: with_landmark(f, "EAM_R", confidence=0.3, in_scan=True), "low confidence (0.30)"),
        (lambda f: with_landmark(f, "EAM_R", confidence=0.3), "lies outside the scan"),
        (lambda f: with_landmark(without_landmark(f, "EAM_L"), "EAM_R", confidence=0.3), "outside the scan"),
        (
            lambda f: with_landmark(
                with_landmark(f, "CANTHUS_R", position=(48, -8, -60)), "CANTHUS_L", position=(-48, -8, -60)
            ),
            "implausibly",
        ),
    ],
)
def test_baseline_not_assessable(change, words):
    volume = small()
    m = baseline_angle(volume, change(head(volume)[1]))
    assert m.status == "not_assessable"
    assert m.value is None
    assert words in m.reason


@pytest.mark.parametrize(
    ("plane", "words"),
    [
        (None, "not found"),
        (Plane((0, 0, 0), (1, 0, 0), confidence=0.4), "low confidence"),
        (Plane((0, 0, 0), (0, 0, 0)), "no direction"),
        (Plane((0, 0, 0), (float("nan"), 0, 0)), "no direction"),
    ],
)
def test_symmetry_not_assessable(plane, words):
    volume = small()
    m = symmetry_angle(volume, head(volume)[1].with_(midsagittal=plane))
    assert m.status == "not_assessable"
    assert words in m.reason


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("tilt", [0.0, 14.0])
def test_centering_recovers_a_known_shift(tilt, flip):
    volume = grid(UNEVEN, tilt=tilt, flip=flip)
    shift = 17 * volume.r - 11 * volume.a
    findings = head(volume, shift=tuple(shift))[1]
    m = centering_offset(volume, findings)
    # a plane k.x = d cuts the ellipsoid sum((x / s)^2) = 1 in an ellipse about s^2 k d / (k.s^2 k)
    squares = np.array([76.0, 96.0, 100.0]) ** 2
    d = volume.slice_positions - shift @ volume.k
    centres = d[:, None] * squares * volume.k / (volume.k @ (squares * volume.k)) + shift
    foramen = np.mean([np.array(findings.landmarks[n].position) @ volume.k for n in ("BASION", "OPISTHION")])
    used = (volume.slice_positions >= foramen) & (np.abs(d) < 0.99 * np.sqrt(volume.k @ (squares * volume.k)))
    expected = np.average(
        volume.to_slice_frame(centres - volume.image_centres)[used], axis=0, weights=volume.slice_widths[used]
    )
    assert m.details["right_mm"] == pytest.approx(17, abs=0.1)
    assert m.details["right_mm"] == pytest.approx(expected[0], abs=0.1)
    assert m.details["anterior_mm"] == pytest.approx(expected[1], abs=0.1)
    assert m.value == pytest.approx(np.hypot(m.details["right_mm"], m.details["anterior_mm"]))
    assert "patient's right" in m.evidence.caption


def test_centering_ignores_the_holder_and_weighs_uneven_slices():
    # a head whose lower half lies 20 mm to the right, sampled densely there: the mean must not follow the density
    positions = np.r_[np.arange(-60.0, 0, 2.0), np.arange(0.0, 61, 10.0)]
    volume = grid(positions)
    findings = without_landmark(head(volume)[1], "BASION")
    shifted = head(volume, shift=(20, 0, 0))[1]
    tissue = findings.tissue.copy()
    tissue[:30] = shifted.tissue[:30]
    tissue[:, -10:] = Tissue.HOLDER
    m = centering_offset(volume, findings.with_(tissue=tissue))
    w = volume.slice_widths
    assert m.details["right_mm"] == pytest.approx(20 * w[:30].sum() / w.sum(), abs=0.1)
    assert abs(m.details["anterior_mm"]) < 0.1
    assert "lowest intracranial slice" in m.method


def test_centering_reports_the_isocentre_beside_it():
    volume = grid(UNEVEN, centre=(3.0, -40.0), acquisition=Acquisition(isocentre_ras=(-2.0, -30.0, 0.0)))
    m = centering_offset(volume, head(volume, shift=(5, -45, 0))[1])
    assert m.details["right_mm"] == pytest.approx(2, abs=0.1)
    assert m.details["isocentre_right_mm"] == pytest.approx(7, abs=0.1)
    assert m.details["isocentre_anterior_mm"] == pytest.approx(-15, abs=0.1)
    assert m.details["isocentre_offset_mm"] == pytest.approx(np.hypot(7, 15), abs=0.2)
    plain = grid(UNEVEN)
    assert "isocentre_offset_mm" not in centering_offset(plain, head(plain)[1]).details


def test_centering_flags_a_head_cut_by_the_field_of_view():
    volume = grid(UNEVEN, matrix=70)
    m = centering_offset(*head(volume))
    assert any("field of view" in f for f in m.flags)
    assert m.ceiling == 30.0
    assert m.ceiling_reason == "The field of view cuts the skull."
    assert centering_offset(*head(grid(UNEVEN, matrix=100))).ceiling == 100.0


@pytest.fixture(scope="module")
def fine_head():
    return head(grid(np.arange(-100, 106, 10.0), matrix=160, pixel=1.5))


@pytest.mark.parametrize(("depth_mm", "expected"), [(-8, 100.0), (3, 60.0), (12, 30.0), (30, 30.0)])
@pytest.mark.parametrize("how", ["cropped", "filled", "round"])
def test_centering_has_a_ceiling_where_the_field_of_view_cuts_the_head(fine_head, depth_mm, expected, how):
    whole, findings = fine_head
    hu, tissue, changes = whole.hu.copy(), findings.tissue.copy(), {}
    if how == "round":  # a circle reaches the front and the back of the head first
        x = (np.arange(160) - 79.5) * 1.5
        outside = np.hypot(x[:, None], x[None]) > 96 - depth_mm
        hu[:, outside], tissue[:, outside] = -1024, Tissue.OUTSIDE
    else:
        first = round(79.5 - (76 - depth_mm) / 1.5)
        if how == "cropped":
            hu, tissue = hu[:, :, first:].copy(), tissue[:, :, first:].copy()
            changes = {"origins": whole.origins + first * whole.row_step}
        else:
            hu[:, :, :first], tissue[:, :, :first] = -1000, Tissue.OUTSIDE
    m = centering_offset(replace(whole, hu=hu, **changes), findings.with_(tissue=tissue, streak=None))
    assert m.ceiling == expected


def test_centering_not_assessable():
    volume = grid(UNEVEN, matrix=64, pixel=4.0)
    findings = head(volume)[1]
    assert "No head" in centering_offset(volume, findings.with_(tissue=np.zeros(volume.shape, np.uint8))).reason
    little = findings.tissue.copy()
    little[20:] = 0
    little[:16] = 0
    assert "Only" in centering_offset(volume, without_landmark(findings.with_(tissue=little), "BASION")).reason
    no_brain = np.where(np.isin(findings.tissue, HEAD), Tissue.SOFT, 0).astype(np.uint8)
    assert "No head" in centering_offset(volume, without_landmark(findings.with_(tissue=no_brain), "BASION")).reason


@pytest.mark.parametrize(("angles", "flip", "shift"), random_poses(8, seed=2))
def test_margins_are_exact_in_any_pose_and_do_not_feel_shear(angles, flip, shift):
    yaw, roll, pitch, tilt = angles
    volume = grid(
        np.cumsum(np.r_[-70.0, 3 + 4 * np.random.default_rng(4).random(30)]), matrix=24, pixel=9.0, tilt=tilt, flip=flip
    )
    pose = rotation("z", yaw) @ rotation("y", roll) @ rotation("x", pitch)
    findings = head(volume, pose, shift)[1]
    n = pose.T @ volume.k
    top = np.asarray(shift) @ volume.k + np.linalg.norm(np.array([76.0, 96.0, 100.0]) * n)
    m = vertex_margin(volume, findings)
    expected = volume.slice_positions[-1] - top
    if m.bound is None:
        assert m.value == pytest.approx(expected, abs=1e-6)
    else:
        assert m.bound == "at_most"
        assert expected <= m.value < -8
    f = foramen_magnum_margin(volume, findings)
    assert f.value == pytest.approx((pose @ [0, -26, -84] + shift) @ volume.k - volume.slice_positions[0], abs=1e-6)
    sheared = type(volume)(
        volume.hu, volume.origins + np.linspace(-30, 30, 31)[:, None] * volume.a, volume.row_step, volume.col_step
    )
    assert vertex_margin(sheared, findings).value == pytest.approx(m.value, abs=1e-9)
    assert foramen_magnum_margin(sheared, findings).value == pytest.approx(f.value, abs=1e-9)


def test_a_cut_costs_the_vertex_exactly_what_was_cut():
    positions = np.arange(-100, 116, 3.0)
    for last, expected in ((112.0, 10.0), (105.0, 2.0), (98.0, -4.0), (86.0, -16.0)):
        volume = grid(positions[positions <= last], matrix=40, pixel=5.5)
        findings = head(volume)[1]
        m = vertex_margin(volume, findings)
        assert m.value == pytest.approx(volume.slice_positions[-1] - 100)
        assert m.value == pytest.approx(expected, abs=2.1)
        assert any("estimated" in f for f in m.flags) == (m.value < 0)
        assert m.details["brain_cut"] == (volume.slice_positions[-1] < 87.9)
        assert any("brain is cut" in f for f in m.flags) == bool(m.details["brain_cut"])


@pytest.mark.parametrize(
    ("margin", "caption"),
    [
        (2.5, "The scan ends 2.5 mm above the vertex of the scalp."),
        (26.9, "The scan ends 27 mm above the vertex of the scalp."),
        (-5.04, "About 5.1 mm are missing up to the vertex of the scalp."),
        (-12.4, "About 12 mm are missing up to the vertex of the scalp."),
    ],
)
def test_a_margin_is_said_as_it_was_measured_and_an_estimate_as_about(margin, caption):
    volume = grid(np.arange(-100, 131, 10.0), matrix=40, pixel=5.5)
    findings = head(volume)[1]
    top = volume.slice_positions[-1] - margin
    findings = with_landmark(findings, "VERTEX", position=(0.0, 0.0, top), in_scan=margin > 0)
    assert vertex_margin(volume, findings).evidence.caption == caption


def test_an_estimated_vertex_too_close_to_a_cut_brain_is_bounded_but_a_readers_is_not():
    volume = grid(np.arange(-100, 61, 5.0), matrix=40, pixel=5.5)
    findings = head(volume)[1]
    near = with_landmark(findings, "VERTEX", position=(0.0, 0.0, 63.0), in_scan=False)
    m = vertex_margin(volume, near)
    assert m.bound == "at_most"
    assert -40 < m.value < -20  # 40 mm are missing
    assert m.details["estimated_mm"] == pytest.approx(-3.0)
    assert f"at least {-m.value:.0f} mm are missing" in m.flags[0]
    assert "of the widest" in m.flags[1]
    assert m.evidence.points["VERTEX"][2] == pytest.approx(60 - m.value)
    reader = vertex_margin(volume, with_landmark(near, "VERTEX", source="reader"))
    assert reader.value == pytest.approx(-3.0)
    assert reader.bound is None
    contradiction = vertex_margin(volume, with_landmark(findings, "VERTEX", position=(0.0, 0.0, 50.0), in_scan=True))
    assert contradiction.value == pytest.approx(10)
    assert any("check the point" in f for f in contradiction.flags)


@pytest.mark.parametrize("known", [True, False])
def test_the_more_is_cut_the_more_is_missing_and_never_more_than_was_cut(known):
    """With a vertex that is estimated exactly, or with none at all."""
    positions, margins = np.arange(-110, 116, 5.0), []
    for top in range(100, 9, -5):
        volume = grid(positions[positions <= top], matrix=48, pixel=5.0)
        findings = head(volume)[1]
        m = vertex_margin(volume, findings if known else with_landmark(findings, "VERTEX", confidence=0.2))
        missing = 100 - volume.slice_positions[-1]
        if m.value is None:
            assert missing < 12  # the brain is whole
            continue
        assert m.value >= -missing - 1e-6
        assert m.bound == ("at_most" if missing > 15 or not known else None)
        margins.append(m.value)
    assert (np.diff(margins) <= 1e-6).all()
    assert margins[-1] < -50


def test_the_further_the_scan_begins_above_the_foramen_the_more_is_missing():
    positions, margins = np.arange(-110, 116, 5.0), []
    for bottom in range(-80, 61, 10):
        volume = grid(positions[positions >= bottom], matrix=48, pixel=5.0)
        findings = head(volume)[1]
        lost = with_landmark(
            with_landmark(findings, "BASION", confidence=0.1, spread_mm=9.0),
            "OPISTHION",
            confidence=0.1,
            spread_mm=12.0,
        )
        m = foramen_magnum_margin(volume, lost)
        if m.value is None:
            assert m.reason == "The basion lies outside the scan and is only known to about 9 mm."
            assert bottom < -50
            continue
        assert m.bound == "at_most"
        assert m.value >= -84 - bottom
        assert "lies outside the scan" in m.flags[0]
        margins.append(m.value)
    assert (np.diff(margins) <= 1e-6).all()
    assert margins[-1] < -60
    assert "no ear canal is in the scan" in m.flags[0]


@pytest.mark.parametrize(("chin_down", "share"), [(0.0, 1.0), (15.0, 1.0), (35.0, 0.6), (45.0, 0.3)])
def test_with_the_chin_far_down_less_is_certain_to_be_missing_below(chin_down, share):
    """Of a head whose foramen magnum lies .8 R below and .25 R behind the middle: what stays missing when it is turned forwards."""
    vault = Vault(np.array([12000.0, 14000.0, 15500.0, 15900.0, 15000.0, 9000.0, 3000.0, 0.0]))
    radius = np.sqrt(15900.0 / np.pi)
    level, turned = vault.missing_below(None), vault.missing_below(None, chin_down)
    assert turned <= level * share + 1e-9
    by_turning = radius * (0.8 * (1 - np.cos(np.deg2rad(chin_down))) + 0.25 * np.sin(np.deg2rad(chin_down)))
    assert chin_down == 0 or turned >= level - by_turning - 1e-9


def test_the_brain_is_complete_where_both_ends_are():
    whole, findings = head(grid(np.arange(-95, 112, 5.0), matrix=48, pixel=5.0))
    assert "The brain is complete." in foramen_magnum_margin(whole, findings).evidence.caption
    for positions in (np.arange(-95, 82, 5.0), np.arange(-70, 112, 5.0)):
        short, findings = head(grid(positions, matrix=48, pixel=5.0))
        assert "complete" not in foramen_magnum_margin(short, findings).evidence.caption


def test_margins_not_assessable():
    whole, findings = head(grid(np.arange(-95, 112, 5.0), matrix=48, pixel=5.0))
    assert "vertex of the scalp was not found" in vertex_margin(whole, without_landmark(findings, "VERTEX")).reason
    assert "low confidence" in vertex_margin(whole, with_landmark(findings, "VERTEX", confidence=0.1)).reason
    assert "opisthion was not found" in foramen_magnum_margin(whole, without_landmark(findings, "OPISTHION")).reason
    assert "low confidence" in foramen_magnum_margin(whole, with_landmark(findings, "BASION", confidence=0.49)).reason
    volume, findings = head(small())
    estimated = foramen_magnum_margin(volume, findings)
    assert estimated.value == pytest.approx(-44)
    assert any("basion and the opisthion lie outside the scan" in f for f in estimated.flags)


def test_measure_keeps_the_order_passes_reasons_on_and_measures_only_what_is_asked():
    volume = grid(np.arange(-90, 111, 10.0), matrix=64, pixel=4.0)
    volume, findings = head(volume)
    from HeadCTIQALib.hierarchy import IQMS

    everything = measure(volume, findings)
    assert list(everything) == [m.id for m in IQMS]
    assert list(measure(volume, findings, only=["noise", "symmetry_angle"])) == ["symmetry_angle", "noise"]
    told = measure(volume, findings.with_(not_assessable={"vertex_margin": "The head is wrapped."}))["vertex_margin"]
    assert told.reason == "The head is wrapped."
    with pytest.raises(ValueError, match="unknown IQMs"):
        measure(volume, findings, only=["sharpness"])
    with pytest.raises(ValueError, match="do not fit"):
        measure(grid(np.arange(3.0), matrix=8), findings)
    for m in everything.values():  # every value comes with somewhere to look, every caption is a sentence
        if m.value is not None:
            assert m.evidence is not None
            assert m.evidence.caption.endswith(".")
            assert m.method
