"""Rings and cupping in simulated and real scans, put in by generators that know nothing of how they are looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from HeadCTIQALib.findings import Findings, Plane, Tissue
from HeadCTIQALib.metrics.extras import extras
from HeadCTIQALib.metrics.uniformity import cupping, rings
from HeadCTIQALib.research.validation.heldout.kernel import cupped, ringed
from HeadCTIQALib.volume import CTVolume


@pytest.fixture(scope="module")
def still() -> tuple[CTVolume, Findings]:
    """A head of grey rim and white middle in noise, 0.8 mm pixels, off the middle of the image."""
    rng = np.random.default_rng(5)
    j, i = np.mgrid[:256, :256].astype(float)
    radius = np.hypot((j - 134) * 0.8 / 90, (i - 120) * 0.8 / 72)
    tissue = np.full((256, 256), Tissue.OUTSIDE, np.uint8)
    for limit, kind in ((1.0, Tissue.SOFT), (0.95, Tissue.BONE), (0.88, Tissue.GREY), (0.75, Tissue.WHITE)):
        tissue[radius < limit] = kind
    mean = np.select(
        [tissue == t for t in (Tissue.SOFT, Tissue.BONE, Tissue.GREY, Tissue.WHITE)], [20, 900, 36, 29], -1000
    )
    hu = np.rint(mean + rng.normal(0, 5, (10, 256, 256))).astype(np.int16)
    origins = np.stack([np.zeros(10), np.zeros(10), 5.0 * np.arange(10)], axis=1)
    volume = CTVolume(hu, origins, np.array([-0.8, 0, 0]), np.array([0, -0.8, 0]))
    return volume, Findings(np.repeat(tissue[None], 10, axis=0), {}, Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)))


def test_no_ring_is_seen_where_none_is(still: tuple[CTVolume, Findings]) -> None:
    found = rings(*still)
    assert found is not None
    assert not found.certain


@pytest.mark.parametrize("hu", [6.0, 12.0, 25.0])
def test_rings_are_found_and_sized(still: tuple[CTVolume, Findings], hu: float) -> None:
    volume, findings = still
    found = rings(ringed(volume, np.random.default_rng(2), hu), findings)
    assert found is not None
    assert found.certain
    assert 0.3 * hu < abs(found.hu) < 1.5 * hu


def test_rings_about_another_centre_are_no_rings_of_this_one(still: tuple[CTVolume, Findings]) -> None:
    volume, findings = still
    turned = ringed(volume, np.random.default_rng(2), 12.0)
    found, elsewhere = rings(turned, findings), rings(turned, findings, (100.0, 90.0))
    assert found is not None
    assert elsewhere is not None
    assert elsewhere.sigmas < 0.5 * found.sigmas


def test_coarse_pixels_tell_nothing_of_rings(still: tuple[CTVolume, Findings]) -> None:
    volume, findings = still
    coarse = CTVolume(volume.hu, volume.origins, 3 * volume.row_step, 3 * volume.col_step)
    assert rings(coarse, findings) is None


def test_cupping_grows_with_what_is_put_in(still: tuple[CTVolume, Findings]) -> None:
    volume, findings = still
    values = [cupping(v, findings) for v in (volume, cupped(volume, 6.0), cupped(volume, 12.0))]
    assert all(v is not None for v in values)
    assert 1.5 < values[1] - values[0] < 6
    assert 3 < values[2] - values[0] < 12


def test_real_scans_without_rings_have_none_and_12_hu_are_seen(shared_ct: Path) -> None:
    from HeadCTIQALib.networks import find
    from HeadCTIQALib.volume import read

    volume = read(shared_ct / "toshiba-uneven")
    findings = find(volume)
    by_id = {e.id: e for e in extras(volume, findings)}
    assert by_id["ring_artefact"].value == 0
    assert not by_id["ring_artefact"].reason
    told = {e.id: e for e in extras(ringed(volume, np.random.default_rng(3)), findings)}["ring_artefact"]
    assert told.value is not None
    assert 5 < told.value < 20
    assert "calibrated" in told.reason
