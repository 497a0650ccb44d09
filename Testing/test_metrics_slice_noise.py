"""Noise and contrast to noise are judged in slices of 5 mm: the same scan is as noisy however it is sliced."""

from dataclasses import replace

import numpy as np
import pytest

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.metrics import gray_white_cnr, noise
from HeadCTIQALib.metrics.noise_along_k import noise_reach
from HeadCTIQALib.synthesis import Acquire, Scene, Simulated, simulate
from HeadCTIQALib.volume import CTVolume

SIGMA, KNOTS = 4.0, ((2, 100), (4.5, 80), (6.5, 60), (15, 10), (25, 0))


def item(sigma: float) -> float:
    return float(np.interp(sigma, *zip(*KNOTS, strict=True)))


def scanned(spacing: float, sigma: float) -> Simulated:
    acquire = Acquire(spacing_mm=spacing, noise_hu=sigma, matrix=200, foramen_margin_mm=-35, vertex_margin_mm=-25)
    return simulate(3, scene=Scene(acquire=acquire))


@pytest.fixture(scope="module")
def thin() -> Simulated:
    return scanned(1.25, 2 * SIGMA)


def averaged(thin: Simulated, slices: int, step: int) -> tuple[CTVolume, Findings]:
    """Every ``step``-th of the running means of ``slices`` slices: overlapping reconstructions where ``step`` is less."""
    v = thin.volume
    first = np.arange(0, v.shape[0] - slices + 1, step)
    hu = np.stack([v.hu[i : i + slices].mean(axis=0) for i in first])
    origins = np.stack([v.origins[i : i + slices].mean(axis=0) for i in first])
    acquisition = replace(v.acquisition, slice_thickness_mm=1.25 * slices)
    made = replace(v, hu=np.rint(hu).astype(np.int16), origins=origins, acquisition=acquisition)
    return made, Findings(thin.findings.tissue[first + slices // 2].copy(), midsagittal=thin.findings.midsagittal)


def test_the_same_head_in_other_slices_has_the_same_noise(thin):
    scores, contrasts = [], []
    for simulated in (thin, scanned(2.5, SIGMA * 2**0.5), scanned(5.0, SIGMA)):
        m = noise(simulated.volume, simulated.findings)
        assert m.judged == pytest.approx(SIGMA, rel=0.06)
        assert m.details["noise_5mm_hu"] == m.judged
        assert "5 mm" in m.method
        assert f"{m.judged:.1f} HU in a slice of 5 mm" in m.evidence.caption
        scores.append(item(m.judged))
        contrasts.append(gray_white_cnr(simulated.volume, simulated.findings))
    assert max(scores) - min(scores) < 5
    assert contrasts[0].value < 0.6 * contrasts[2].value
    assert [c.judged for c in contrasts] == pytest.approx([contrasts[2].judged] * 3, rel=0.15)
    assert [c.judged for c in contrasts] == [c.details["cnr_5mm"] for c in contrasts]


@pytest.mark.parametrize(("slices", "step"), [(2, 1), (3, 2), (4, 1), (6, 4)])
def test_what_overlapping_slices_share_is_measured(thin, slices, step):
    volume, findings = averaged(thin, slices, step)
    m = noise(volume, findings)
    assert m.judged == pytest.approx(SIGMA, rel=0.08)
    overlap = max(0.0, 1 - step / slices)
    assert m.details["noise_correlation_next_slice"] == pytest.approx(overlap, abs=0.06)


def test_slices_with_gaps_stand_for_their_thickness(thin):
    every = np.arange(0, thin.volume.shape[0], 3)
    volume = replace(thin.volume, hu=thin.volume.hu[every].copy(), origins=thin.volume.origins[every])
    m = noise(volume, Findings(thin.findings.tissue[every].copy()))
    assert m.judged == pytest.approx(SIGMA, rel=0.06)
    assert "gaps" in m.method
    assert "noise_correlation_next_slice" not in m.details


def test_without_clean_brain_the_thickness_counts(thin):
    nothing = Findings(np.zeros(thin.volume.shape, np.uint8))
    assert noise_reach(thin.volume, nothing).length_mm == 1.25
    one = replace(thin.volume, hu=thin.volume.hu[:1].copy(), origins=thin.volume.origins[:1])
    assert noise_reach(one, Findings(np.zeros(one.shape, np.uint8))).length_mm == 1.25
