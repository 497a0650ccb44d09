"""Sharpness of edges, texture of noise, and the flag for over-smoothed images: against known answers and radiologists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from metrics_phantom import grid, noise_field, noisy
from reader_slices import ReaderSlice, reader_slices
from scipy import ndimage, stats
from scipy.special import erf

from HeadCTIQALib.findings.types import Findings, Tissue
from HeadCTIQALib.metrics import measure
from HeadCTIQALib.metrics.extras import extras
from HeadCTIQALib.metrics.oversmoothing import oversmoothed
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.volume import CTVolume, read

BLUR_F50 = np.sqrt(np.log(2) / 2) / np.pi  # f50 times the sigma of a Gaussian blur


def scan(pixel: float, matrix: int, blur_mm: float, sigma: float, peak: float = 0.25) -> tuple[CTVolume, Findings]:
    """Nine slices through an upright ellipse of soft tissue whose edge has a Gaussian blur."""
    volume = grid(np.arange(-20.0, 21.0, 5.0), matrix, pixel)
    at = (np.arange(matrix) - (matrix - 1) / 2) * pixel
    radius = np.hypot(at[:, None] / 92.1, at / 74.3)
    distance = (radius - 1) * radius / np.hypot(at[:, None] / 92.1**2, at / 74.3**2)
    hu = -1000 + 517 * (1 - erf(distance / (np.sqrt(2) * blur_mm)))
    volume = replace(volume, hu=np.broadcast_to(np.rint(hu), volume.shape).astype(np.int16))
    tissue = np.broadcast_to(
        np.where(distance < -6, Tissue.BRAIN, np.where(distance < 0, Tissue.SOFT, Tissue.OUTSIDE)), volume.shape
    ).astype(np.uint8)
    return noisy(volume, noise_field(volume.shape, pixel, sigma, peak)) if sigma else volume, Findings(tissue)


def in_plane(volume: CTVolume, change: Callable[[np.ndarray], np.ndarray]) -> CTVolume:
    return replace(volume, hu=np.stack([np.rint(change(p.astype(float))) for p in volume.hu]).astype(np.int16))


def blurred(volume: CTVolume, mm: float) -> CTVolume:
    return in_plane(volume, lambda p: ndimage.gaussian_filter(p, [mm / s for s in volume.pixel_spacing]))


def denoised(volume: CTVolume, keep: float = 0.2) -> CTVolume:
    """Flat where values are alike, edges untouched, a little of the noise mixed in again, as denoisers do."""

    def change(p: np.ndarray) -> np.ndarray:
        mean = ndimage.gaussian_filter(p, [1.0 / s for s in volume.pixel_spacing])
        return np.where(np.abs(p - mean) < 60, mean + keep * (p - mean), p)

    return in_plane(volume, change)


def over_smoothed(volume: CTVolume, findings: Findings) -> bool:
    return any("over-smoothed" in flag for flag in measure(volume, findings, only=("noise",))["noise"].flags)


@pytest.mark.parametrize(("pixel", "matrix"), [(0.43, 512), (0.9, 256)])
@pytest.mark.parametrize("blur_mm", [0.4, 0.6, 1.0])
@pytest.mark.parametrize("sigma", [0.0, 5.0, 25.0])
def test_f50_of_a_known_blur(pixel: float, matrix: int, blur_mm: float, sigma: float) -> None:
    seen = scan(pixel, matrix, blur_mm, sigma)[0].sharpness
    assert seen.f50_per_mm == pytest.approx(BLUR_F50 / blur_mm, rel=0.06), seen.reason
    assert seen.pieces > 100
    assert seen.low_per_mm <= seen.f50_per_mm <= seen.high_per_mm


@pytest.mark.parametrize("peak", [0.15, 0.2, 0.25, 0.32])
@pytest.mark.parametrize("sigma", [2.0, 10.0])
def test_mean_frequency_of_a_known_power_spectrum(peak: float, sigma: float) -> None:
    volume, _ = scan(0.45, 480, 0.5, sigma, peak)
    f = np.linspace(0, 1.1, 2000)
    power = f * f * np.exp(-(f**2) / (2 * peak**2))  # on rings
    assert volume.texture.mean_per_mm == pytest.approx((f * power).sum() / power.sum(), rel=0.08)


def test_noise_of_low_level_is_flagged_only_where_its_texture_is_coarse() -> None:
    natural, findings = scan(0.45, 480, 0.5, 3.0)
    assert not over_smoothed(natural, findings)
    loud, _ = scan(0.45, 480, 0.5, 12.0)
    assert not over_smoothed(loud, findings)
    assert over_smoothed(denoised(loud), findings)
    assert not over_smoothed(denoised(scan(0.45, 480, 0.5, 30.0)[0]), findings)  # coarse but loud
    smooth_kernel, _ = scan(0.45, 480, 0.6, 3.0, 0.18)
    assert not over_smoothed(smooth_kernel, findings)
    assert over_smoothed(blurred(natural, 0.8), findings)
    # a thin slice is judged as a thick one would be
    coarse = denoised(scan(0.45, 480, 0.5, 25.0)[0])
    assert oversmoothed(coarse, Measurement("noise", 6.0)) == ()
    assert len(oversmoothed(coarse, Measurement("noise", 6.0, judged=3.0))) == 1


def test_extras_tell_sharpness_and_texture_or_why_not() -> None:
    volume, findings = scan(0.45, 480, 0.5, 5.0)
    found = {e.id: e for e in extras(volume, findings)}
    assert found["edge_f50"].value == pytest.approx(3.75, rel=0.05)
    assert "pieces of edge" in found["edge_f50"].reason
    assert found["noise_frequency"].value == pytest.approx(4.0, rel=0.06)
    coarse = {e.id: e for e in extras(*scan(1.8, 120, 1.0, 5.0))}
    for id_ in ("edge_f50", "noise_frequency"):
        assert coarse[id_].value is None
        assert "too coarse" in coarse[id_].reason
    full = {e.id: e for e in extras(replace(volume, hu=np.full(volume.shape, 30, np.int16)), findings)}
    assert "Only 0 clean pieces" in full["edge_f50"].reason


@pytest.mark.shared
@pytest.mark.parametrize("name", ["ge-vct-tumour", "ge-hispeed-tilt", "toshiba-uneven"])
def test_f50_of_real_scans_follows_the_product_of_transfers(shared_ct, name: str) -> None:
    volume = read(shared_ct / name)
    f50, grain = volume.sharpness.f50_per_mm, volume.texture.mean_per_mm
    assert 0.32 < f50 < 0.42
    assert 0.83 < grain / f50 < 1.1
    assert oversmoothed(volume, Measurement("noise", 2.0)) == ()
    more = blurred(volume, 0.6)
    assert more.sharpness.f50_per_mm == pytest.approx(BLUR_F50 / np.hypot(BLUR_F50 / f50, 0.6), rel=0.05)
    assert len(oversmoothed(blurred(volume, 0.8), Measurement("noise", 2.0))) == 1
    assert len(oversmoothed(in_plane(volume, lambda p: ndimage.median_filter(p, 5)), Measurement("noise", 2.0))) == 1


@pytest.fixture(scope="module")
def read_slices(shared_data) -> list[tuple[ReaderSlice, float, bool]]:
    """Sets 1-10 with our noise and whether it is flagged."""
    out = []
    for one in reader_slices(shared_data / "readers-brain-denoised", range(1, 11)):
        noise = measure(one.volume, one.findings, only=("noise",))["noise"]
        out.append((one, noise.value, any("over-smoothed" in flag for flag in noise.flags)))
    return out


@pytest.mark.shared
def test_noise_orders_slices_as_radiologists_do(read_slices) -> None:
    """Up to normal dose (7); figures in Docs/sharpness.md."""
    rank = [
        stats.spearmanr(
            *zip(
                *[(-noise, one.score) for one, noise, _ in read_slices if one.set == n and one.score <= 7], strict=True
            )
        ).statistic
        for n in range(1, 11)
    ]
    print(np.round(rank, 2))
    assert np.mean(rank) > 0.4
    assert min(rank) > 0


@pytest.mark.shared
def test_slices_that_radiologists_call_over_smoothed_are_flagged(read_slices) -> None:
    flagged = {(one.method, one.set) for one, _, flag in read_slices if flag}
    clearly = {(one.method, one.set) for one, _, _ in read_slices if one.score > 10}
    assert len(flagged & clearly) >= 0.9 * len(clearly)
    assert not flagged - clearly
