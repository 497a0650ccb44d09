"""Scans that were painted over: balls over eyes and ears, faces blanked out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from HeadCTIQALib.findings import Landmark
from HeadCTIQALib.metrics import measure
from HeadCTIQALib.networks import find, load_networks
from HeadCTIQALib.networks.masked import masked, reasons, unsure, without_paint
from HeadCTIQALib.networks.types import CoarseAnatomy
from HeadCTIQALib.research.validation.degradations import binned
from HeadCTIQALib.volume import CTVolume, read


def painted(volume: CTVolume, centre: np.ndarray, mm: float, hu: int) -> CTVolume:
    """A ball of one value about a point."""
    j, i = np.indices(volume.shape[1:])
    plane = i[..., None] * volume.row_step + j[..., None] * volume.col_step
    out = volume.hu.copy()
    for s, origin in enumerate(volume.origins):
        out[s][np.linalg.norm(origin + plane - centre, axis=-1) < mm] = hu
    return replace(volume, hu=out)


@pytest.fixture
def noisy(head_volume: CTVolume) -> CTVolume:
    """The simulated head with the noise of a scanner, in the air as well."""
    noise = np.random.default_rng(3).normal(0, 5, head_volume.shape)
    return replace(head_volume, hu=np.rint(np.maximum(head_volume.hu, -1000) + noise).astype(np.int16))


@pytest.fixture
def coarse() -> CoarseAnatomy:
    """A pose only, by which the globes lie in the head."""
    pose = np.eye(4)
    pose[1, 3] = -40.0
    nothing = np.zeros((11, 2, 2, 2), np.float32)
    return CoarseAnatomy(nothing, nothing[:3], np.zeros(3), 5.0, {}, pose)


@pytest.mark.parametrize("hu", [-1000, 0, 40, 100, 1000])
def test_a_landmark_in_or_beside_paint_is_masked_and_others_are_not(
    noisy: CTVolume, coarse: CoarseAnatomy, hu: int
) -> None:
    middle = np.mean(noisy.ijk_to_ras(np.array([[0, 0, 0], [95, 95, 39]], float)), axis=0)
    at = {
        "CANTHUS_R": middle,
        "CANTHUS_L": middle + (13.0, 0.0, 0.0),  # on the ball
        "GLOBE_R": middle + (24.0, 0.0, 0.0),
        "EAM_L": middle + (0.0, 40.0, 0.0),
    }
    marks = {n: Landmark(tuple(map(float, p)), 0.9) for n, p in at.items()}
    marks = {n: replace(m, source="network") for n, m in marks.items()}
    assert masked(noisy, marks, coarse) == ()
    hidden = masked(painted(noisy, middle, 14.0, hu), marks, coarse)
    assert hidden == ("CANTHUS_R", "CANTHUS_L")
    assert [m.confidence for m in unsure(marks, hidden).values()] == [0.0, 0.0, 0.9, 0.9]
    assert "asked (defaced)" in reasons(hidden)["baseline_angle"]


def test_where_all_air_has_one_value_only_a_globe_in_air_tells(noisy: CTVolume, coarse: CoarseAnatomy) -> None:
    clipped = replace(noisy, hu=np.where(noisy.hu < -500, np.int16(-1000), noisy.hu))
    j = int(np.flatnonzero((clipped.hu[20] > -500).any(axis=1))[0])
    i = int(np.flatnonzero(clipped.hu[20, j] > -500)[0])
    at = clipped.ijk_to_ras(np.array([i, j, 20], float))
    marks = {n: Landmark(tuple(map(float, at)), 0.9, source="network") for n in ("CANTHUS_R", "EAM_R")}
    assert masked(clipped, marks, coarse) == ()
    away = coarse.pose.copy()
    away[1, 3] = 28.0  # the globes would lie before the skin
    assert masked(clipped, marks, replace(coarse, pose=away)) == ("CANTHUS_R",)


def test_paint_and_what_it_bares_are_no_objects(noisy: CTVolume) -> None:
    middle = np.mean(noisy.ijk_to_ras(np.array([[0, 0, 0], [95, 95, 39]], float)), axis=0)
    ball = painted(noisy, middle, 14.0, 1000)
    assert not without_paint(ball, ball.hu == 1000).any()
    rng = np.random.default_rng(0)
    metal = replace(ball, hu=np.where(ball.hu == 1000, rng.normal(2000, 20, ball.shape), ball.hu).astype(np.int16))
    assert (without_paint(metal, metal.hu > 1500) == (metal.hu > 1500)).all()


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("hu", [-1000, 40])
def test_a_real_scan_with_balls_over_the_eyes_says_masked(shared_ct: Path, hu: int) -> None:
    scan, infer = binned(read(shared_ct / "toshiba-uneven")), load_networks("cpu")
    seen = find(scan, infer=infer)
    for name in ("CANTHUS_R", "CANTHUS_L"):
        scan = painted(scan, np.array(seen.landmarks[name].position), 14.0, hu)
    found = find(scan, infer=infer)
    assert found.landmarks["CANTHUS_R"].confidence == 0 == found.landmarks["CANTHUS_L"].confidence
    result = measure(scan, found, only={"baseline_angle", "foreign_object_volume"})
    assert "asked" in result["baseline_angle"].reason
    assert result["foreign_object_volume"].value == 0
