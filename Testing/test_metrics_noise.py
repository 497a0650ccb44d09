"""Noise and contrast to noise: what was put in must come out, whatever else the brain holds."""

from dataclasses import replace

import numpy as np
import pytest
from metrics_phantom import grid, gyral_brain, head, noise_field, noisy, without_landmark
from scipy import ndimage

from HeadCTIQALib.findings.types import Findings, Plane, Tissue
from HeadCTIQALib.metrics import gray_white_cnr, measure, noise
from HeadCTIQALib.metrics.grey_white import _residual
from HeadCTIQALib.metrics.local_noise import mode_of
from HeadCTIQALib.networks.outline import parenchyma
from HeadCTIQALib.volume.noise_texture import Window, products, residue, surface
from HeadCTIQALib.volume.types import Acquisition

PIXEL, SLICES, MATRIX = 0.6, 24, 300


def flat(pixel=PIXEL, spacing=5.0, slices=16, matrix=MATRIX):
    """A homogeneous brain with a skull around it."""
    volume = grid((np.arange(slices) - slices / 2) * spacing, matrix, pixel)
    i = (np.arange(matrix) - (matrix - 1) / 2) * pixel
    r = np.hypot(i[:, None] / 66, i[None] / 86)
    label = np.where(r < 1, int(Tissue.BRAIN), np.where(r < 1.06, int(Tissue.BONE), 0)).astype(np.uint8)
    hu = np.where(r < 1, 32, np.where(r < 1.06, 900, -1000)).astype(np.int16)
    tissue = np.repeat(label[None], slices, axis=0)
    return replace(volume, hu=np.repeat(hu[None], slices, axis=0)), Findings(tissue)


@pytest.mark.parametrize(
    ("pixel", "spacing", "matrix"),
    [(0.35, 5.0, 400), (0.5, 0.8, 280), (0.7, 2.5, 220)],
)
@pytest.mark.parametrize("peak", [None, 0.18, 0.3])
def test_noise_is_recovered_for_white_and_ct_noise(pixel, spacing, matrix, peak):
    volume, findings = flat(pixel, spacing, 16, matrix)
    field = noise_field(volume.shape, pixel, 1.0, peak, seed=3)
    for sigma in (3.0, 8.0):
        m = noise(noisy(volume, sigma * field), findings)
        assert m.value == pytest.approx(sigma, rel=0.05)
    assert 6.0 <= m.details["window_mm"] <= 7.0
    assert "mode of local SD" in m.method
    assert "windows" in m.method


@pytest.fixture(scope="module")
def gyri():
    return gyral_brain(PIXEL, 5.0, SLICES, MATRIX)


@pytest.mark.parametrize("peak", [None, 0.18, 0.3])
@pytest.mark.parametrize("sigma", [2.5, 5.0, 10.0])
def test_noise_is_not_raised_by_folded_cortex_of_9_hu(gyri, peak, sigma):
    hu, volume, findings = gyri
    scan = replace(volume, hu=np.rint(hu + noise_field(volume.shape, PIXEL, sigma, peak, seed=4)).astype(np.int16))
    m = noise(scan, findings)
    assert m.value == pytest.approx(sigma, rel=0.05)
    # a plain median of local SDs over the brain would be fooled: the phantom is not trivial
    if sigma == 2.5 and peak is None:
        tiles = (
            scan.hu[SLICES // 2, 40:260, 40:260].reshape(20, 11, 20, 11).swapaxes(1, 2).reshape(400, 121).std(axis=1)
        )
        assert np.median(tiles) > 1.2 * sigma


def test_noise_ignores_bleeds_calcium_fluid_streaks_and_motionless_extras():
    volume, findings = flat()
    scan = noisy(volume, noise_field(volume.shape, PIXEL, 5.0, 0.3, seed=5))
    hu = scan.hu.copy()
    hu[:, 60:110, 110:180] += 35  # a bleed, labelled BRAIN like the rest
    hu[:, 180:200:5, 100:200:5] += 400  # calcium
    hu[:, 210:250, 120:180] -= 24  # an old infarct or unlabelled fluid
    streak = np.zeros(volume.shape, bool)
    streak[:, 120:170, 110:180] = True
    hu[streak] += np.tile(np.array([30, -30], np.int16), streak.sum() // 2)
    m = noise(replace(scan, hu=hu), findings.with_(streak=streak))
    assert m.value == pytest.approx(5.0, rel=0.05)
    spoilt = noise(replace(scan, hu=hu), findings)  # unmasked streaks must not explode the mode either
    assert spoilt.value == pytest.approx(5.0, rel=0.1)


def test_noise_keeps_away_from_bone():
    volume, findings = flat()
    scan = noisy(volume, noise_field(volume.shape, PIXEL, 4.0, None, seed=6))
    rim = np.zeros(volume.shape[1:], bool)
    i = (np.arange(MATRIX) - (MATRIX - 1) / 2) * PIXEL
    rim[np.hypot(i[:, None] / 66, i[None] / 86) > 1 - 4 / 86] = True
    hu = scan.hu.copy()
    hu[:, rim] += np.random.default_rng(0).normal(0, 30, (len(hu), rim.sum())).astype(np.int16)
    assert noise(replace(scan, hu=hu), findings).value == pytest.approx(noise(scan, findings).value, rel=1e-9)


def test_noise_not_assessable():
    coarse, findings = head(grid(np.arange(-60, 61, 10.0), matrix=64, pixel=4.0))
    assert "too coarse" in noise(coarse, findings).reason
    volume, findings = flat()
    assert "No intracranial" in noise(volume, findings.with_(tissue=np.zeros(volume.shape, np.uint8))).reason
    assert "no noise at all" in noise(volume, findings).reason
    assert "clean parenchyma" in noise(volume, findings.with_(streak=np.ones(volume.shape, bool))).reason


def test_noise_flags_a_sharp_kernel():
    volume, findings = flat()
    scan = replace(
        noisy(volume, noise_field(volume.shape, PIXEL, 5.0, None)), acquisition=Acquisition(kernel="BONEPLUS")
    )
    assert any("BONEPLUS" in f for f in noise(scan, findings).flags)


def test_mode_of_is_steady():
    rng = np.random.default_rng(0)
    assert mode_of(rng.normal(5, 0.5, 4000)) == pytest.approx(5, abs=0.08)
    # a third of the values far to the right, and a few wild ones, do not pull it
    assert mode_of(np.r_[rng.normal(5, 0.5, 4000), rng.normal(9, 1, 2000), 1e5]) == pytest.approx(5, abs=0.1)
    assert mode_of(np.full(10, 3.0)) == 3.0


@pytest.fixture(scope="module")
def brain():
    """A head on 0.8 mm pixels with deep grey and white matter 8 HU apart."""
    return head(grid(np.arange(-30.0, 51, 4.0), matrix=250, pixel=0.8))


@pytest.mark.parametrize("peak", [None, 0.3])
def test_cnr_is_contrast_over_noise(brain, peak):
    volume, findings = brain
    for sigma in (3.0, 6.0):
        scan = noisy(volume, noise_field(volume.shape, 0.8, sigma, peak, seed=8))
        m = gray_white_cnr(scan, findings)
        assert m.details["contrast_hu"] == pytest.approx(8, abs=0.25)
        assert m.details["noise_hu"] == pytest.approx(sigma, rel=0.05)
        assert m.value == pytest.approx(8 / sigma, rel=0.07)
        assert m.value == pytest.approx(m.details["contrast_hu"] / m.details["noise_hu"])
        assert m.flags == ()


def test_cnr_noise_is_not_raised_by_slow_anatomy(brain):
    volume, findings = brain
    waves = 4 * np.sin(np.arange(250) * 0.8 * 2 * np.pi / 50)  # HU, period 50 mm: a shading
    scan = noisy(volume, noise_field(volume.shape, 0.8, 4.0, None, seed=8) + waves)
    assert gray_white_cnr(scan, findings).details["noise_hu"] == pytest.approx(4, rel=0.05)


def test_cnr_uses_the_better_side_when_they_differ(brain):
    volume, findings = brain
    hu = volume.hu + noise_field(volume.shape, 0.8, 4.0, None, seed=9)
    right = np.zeros(volume.shape, bool)
    right[:, :, :125] = True  # columns run towards the left
    oedema = (findings.tissue == Tissue.DEEP_GREY) & right
    scan = replace(volume, hu=np.rint(hu - 6 * oedema).astype(np.int16))
    m = gray_white_cnr(scan, findings)
    assert m.details["contrast_right_hu"] == pytest.approx(2, abs=0.4)
    assert m.details["contrast_left_hu"] == pytest.approx(8, abs=0.4)
    assert m.details["contrast_hu"] == m.details["contrast_left_hu"]
    assert any("left side is used" in f for f in m.flags)
    assert "left side" in m.method
    unsplit = gray_white_cnr(scan, findings.with_(midsagittal=None))
    assert any("not compared" in f for f in unsplit.flags)
    far = gray_white_cnr(scan, findings.with_(midsagittal=Plane((90, 0, 0), (1, 0, 0))))
    assert any("one side has too little" in f for f in far.flags)


def test_cnr_flags(brain):
    volume, findings = brain
    field = noise_field(volume.shape, 0.8, 4.0, None, seed=9)
    contrast = replace(noisy(volume, field), acquisition=Acquisition(contrast_agent=True))
    assert any("Contrast medium" in f for f in gray_white_cnr(contrast, findings).flags)
    swapped = findings.tissue.copy()
    swapped[findings.tissue == Tissue.WHITE], swapped[findings.tissue == Tissue.DEEP_GREY] = (
        Tissue.DEEP_GREY,
        Tissue.WHITE,
    )
    m = gray_white_cnr(noisy(volume, field), findings.with_(tissue=swapped))
    assert m.value < 0
    assert any("check both masks" in f for f in m.flags)


def test_cnr_not_assessable(brain):
    volume, findings = brain
    scan = noisy(volume, noise_field(volume.shape, 0.8, 4.0, None))
    for kernel in ("BONE", "H60s", "FC81", "YC", "Hr68"):
        assert kernel in gray_white_cnr(replace(scan, acquisition=Acquisition(kernel=kernel)), findings).reason
    for kernel in ("STANDARD", "H31s", "FC26", "UB", None):
        assert gray_white_cnr(replace(scan, acquisition=Acquisition(kernel=kernel)), findings).value is not None
    loud = noisy(
        replace(volume, acquisition=Acquisition(kernel="STANDARD")), noise_field(volume.shape, 0.8, 30.0, None)
    )
    assert "too high" in gray_white_cnr(loud, findings).reason
    assert "no noise at all" in gray_white_cnr(volume, findings).reason
    without = findings.tissue.copy()
    without[without == Tissue.DEEP_GREY] = Tissue.BRAIN
    assert "No deep grey" in gray_white_cnr(scan, findings.with_(tissue=without)).reason
    little = without.copy()
    little[5, 120:130, 120:130] = Tissue.DEEP_GREY
    assert "1 mL are needed" in gray_white_cnr(scan, findings.with_(tissue=little)).reason


def test_no_cross_talk(brain):
    """More noise changes noise and CNR only; a moved landmark or mask changes nothing else either."""
    volume, findings = brain
    findings = without_landmark(findings)
    quiet, loud = (
        measure(noisy(volume, s * noise_field(volume.shape, 0.8, 1.0, None, seed=2)), findings) for s in (3, 9)
    )
    for iqm, m in quiet.items():
        if iqm in ("noise", "gray_white_cnr"):
            assert m.value != loud[iqm].value
        else:
            assert m.value == loud[iqm].value
    foreign = findings.tissue.copy()
    foreign[5, :10, :10] = Tissue.FOREIGN
    changed = measure(
        noisy(volume, 3 * noise_field(volume.shape, 0.8, 1.0, None, seed=2)), findings.with_(tissue=foreign)
    )
    assert {i for i in quiet if changed[i].value != quiet[i].value} == {"foreign_object_volume"}


@pytest.mark.parametrize("peak", [None, 0.14, 0.3])
def test_what_a_surface_takes_of_the_noise_is_known(peak):
    """The texture is recognised from neighbouring pixels; the variance left and its spread follow from it."""
    window = Window(13, 13, 0.5, 0.5)
    field = noise_field((30, 260, 260), 0.5, 1.0, peak, seed=5)
    v = field.reshape(30, 20, 13, 20, 13).swapaxes(2, 3).reshape(-1, 169)
    basis = surface(13, 13)
    residual = v - (v @ basis) @ basis.T
    square = (residual**2).mean(axis=1)
    left = residue(products(residual.reshape(-1, 13, 13), window).mean(axis=0) / square.mean(), window)
    assert left.variance == pytest.approx(square.mean(), rel=0.05)
    assert left.samples == pytest.approx(2 * (square.mean() / square.std()) ** 2, rel=0.15)
    assert np.allclose(basis.T @ basis, np.eye(6))


def test_a_voxel_does_not_hide_in_its_own_local_mean():
    hu = np.random.default_rng(2).normal(30, 100.0, (300, 300)).round().astype(np.int16)
    residual = _residual(hu, np.ones(hu.shape, bool), 2.0, 2.0)  # 3 x 3 windows: 6 % of the SD would be lost
    assert np.nanstd(residual) == pytest.approx(100, rel=0.01)


def test_homogeneous_windows_are_chosen_by_their_neighbours(monkeypatch):
    """Where no large patch of white matter helps the mode, the choice of windows must."""
    hu, volume, findings = gyral_brain(PIXEL, 2.5, 16, MATRIX, core=0.0)
    scan = replace(volume, hu=np.rint(hu + noise_field(volume.shape, PIXEL, 2.5, None, seed=4)).astype(np.int16))
    chosen = noise(scan, findings).value
    assert chosen == pytest.approx(2.5, rel=0.05)
    monkeypatch.setattr("HeadCTIQALib.metrics.local_noise.HOMOGENEOUS_SHARE", 1.0)
    assert noise(scan, findings).value > chosen + 0.1  # every window: the folds count as noise


@pytest.mark.parametrize("contrast", [0.0, 8.0])
def test_grey_and_white_are_not_chosen_for_their_noise(contrast):
    """Nuclei in a zone twice their size: with contrast it is recovered, without any none is made up."""
    shape, positions, pixel = (14, 120, 120), np.arange(14) * 5.0, (1.0, 1.0)
    j, i = np.indices(shape[1:])
    nuclei = np.broadcast_to((np.hypot(j - 60, i - 35) < 12) | (np.hypot(j - 60, i - 85) < 12), shape)
    zone = np.broadcast_to((np.hypot(j - 60, i - 35) < 17) | (np.hypot(j - 60, i - 85) < 17), shape)
    hu = np.rint(28 + contrast * nuclei + noise_field(shape, 1.0, 6.0, None, seed=11)).astype(np.int16)
    solid = np.ones(shape, bool)
    below, above = parenchyma.guide(hu, solid, positions, 5.0, pixel)
    deep = np.where(zone, 0.8, 0.1).astype(np.float32).ravel()
    around = parenchyma.surroundings(hu, solid, pixel).ravel()
    grey, white = parenchyma.measured_tissue(below, above, around, deep, 0.9 - deep)
    measured = float(hu.ravel()[grey].mean() - hu.ravel()[white].mean())
    assert min(grey.sum(), white.sum()) > 500
    assert measured == pytest.approx(contrast, abs=0.5)
    core = np.stack([ndimage.binary_erosion(m, iterations=2) for m in white.reshape(shape)]).ravel()
    assert core.sum() > 500
    assert hu.ravel()[core].mean() == pytest.approx(28, abs=0.25)  # nor does the erosion choose by noise
    # a voxel's own slice would have made contrast from noise: the test is not trivial
    own = parenchyma.masked_smooth(hu, solid, parenchyma.GUIDE_MM, (1e6, *pixel)).ravel()
    inside = zone.ravel() & (nuclei.ravel() == 0)
    bright = own > np.median(own[inside])
    assert hu.ravel()[inside & bright].mean() - hu.ravel()[inside & ~bright].mean() > 0.9


def test_cortex_between_white_slices_is_not_measured_as_white():
    """A gyrus that only one slice cuts cannot be seen from the slices beside it, but from its own."""
    shape, positions, pixel = (15, 120, 120), np.arange(15) * 5.0, (1.0, 1.0)
    j, i = np.indices(shape[1:])
    nuclei = np.hypot(j - 60, i - 60) < 14
    cortex = (np.arange(15) % 4 == 2)[:, None, None] & (i % 40 < 12) & ~nuclei & (np.hypot(j - 60, i - 60) > 22)
    hu = np.rint(28 + 8 * (nuclei | cortex) + noise_field(shape, 1.0, 4.0, None, seed=12)).astype(np.int16)
    solid = np.ones(shape, bool)
    below, above = parenchyma.guide(hu, solid, positions, 5.0, pixel)
    deep = np.broadcast_to(np.where(nuclei, 0.8, 0.1), shape).astype(np.float32).ravel()
    share = []
    for around in (parenchyma.surroundings(hu, solid, pixel).ravel(), np.full(deep.shape, 28.0, np.float32)):
        _, white = parenchyma.measured_tissue(below, above, around, deep, 0.9 - deep)
        share.append(float(cortex.ravel()[white].mean()))
    assert share[0] < 0.3 * share[1]
    assert share[1] > 0.03
