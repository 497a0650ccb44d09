"""Images that were processed after the reconstruction, and sharp kernels, are told from the images where no tag does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from metrics_phantom import grid, head, noise_field, noisy
from scipy import ndimage
from scipy.fft import dctn, idctn

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.metrics import measure
from HeadCTIQALib.metrics.unmeasurable import with_limits
from HeadCTIQALib.networks.soft_copy import soft_copy
from HeadCTIQALib.volume import Acquisition, CTVolume, read
from HeadCTIQALib.volume.texture import is_sharp_scan

NOISE = {"noise", "gray_white_cnr"}
PIXEL, MATRIX = 0.6, 400


def scan(
    peak: float = 0.25, sigma: float = 4.0, spacing: float = 5.0, pixel: float = PIXEL, matrix: int = MATRIX
) -> tuple[CTVolume, Findings]:
    """Slices through a head whose noise is strongest at ``peak`` cycles/mm, with a border of skin as soft as a kernel leaves it."""
    volume, findings = head(grid(np.arange(-40.0, 60.0, spacing), matrix, pixel))
    soft = np.stack([ndimage.gaussian_filter(p.astype(float), 0.125 / peak / pixel) for p in volume.hu])
    volume = replace(volume, hu=np.rint(soft).astype(np.int16))
    return noisy(volume, noise_field(volume.shape, pixel, sigma, peak)), findings


@pytest.fixture(scope="module")
def original() -> tuple[CTVolume, Findings]:
    return scan()


def in_plane(volume: CTVolume, change: Callable[[np.ndarray], np.ndarray]) -> CTVolume:
    hu = np.stack([np.rint(change(p.astype(np.float32))) for p in volume.hu]).astype(np.int16)
    by = volume.shape[1] / hu.shape[1]
    return replace(volume, hu=hu, row_step=volume.row_step * by, col_step=volume.col_step * by)


def smoothed(mm: float) -> Callable[[CTVolume], CTVolume]:
    return lambda v: in_plane(v, lambda p: ndimage.gaussian_filter(p, [mm / s for s in v.pixel_spacing]))


def enlarged(by: float, order: int) -> Callable[[CTVolume], CTVolume]:
    return lambda v: in_plane(v, lambda p: ndimage.zoom(p, by, order=order, grid_mode=True, mode="nearest"))


def compressed(quantum: float) -> Callable[[CTVolume], CTVolume]:
    """Cosine coefficients of blocks of 8 x 8 pixels in steps that grow with frequency, as JPEG does."""
    frequency = np.arange(8)
    steps = quantum * (1 + 0.5 * (frequency[:, None] + frequency))[:, None, :]

    def change(p: np.ndarray) -> np.ndarray:
        blocks = dctn(p.reshape(p.shape[0] // 8, 8, -1, 8), axes=(1, 3), norm="ortho")
        return idctn(np.rint(blocks / steps) * steps, axes=(1, 3), norm="ortho").reshape(p.shape)

    return lambda v: in_plane(v, change)


def denoised(volume: CTVolume) -> CTVolume:
    """Like a bilateral filter of great strength: flat where values are alike, edges untouched."""

    def change(p: np.ndarray) -> np.ndarray:
        mean = ndimage.gaussian_filter(p, 2.5)
        return np.where(np.abs(p - mean) < 18, mean + 0.1 * (p - mean), p)

    return in_plane(volume, change)


def interpolated(step: float, spline: bool = False) -> Callable[[CTVolume], CTVolume]:
    def change(volume: CTVolume) -> CTVolume:
        old = volume.slice_positions
        new = np.arange(old[0], old[-1] + 1e-6, step)
        at = np.interp(new, old, np.arange(len(old)))
        taps = np.stack(
            [ndimage.map_coordinates(row, [at], order=3 if spline else 1, mode="nearest") for row in np.eye(len(old))],
            axis=1,
        )
        hu = np.rint(np.tensordot(taps, volume.hu.astype(float), 1)).astype(np.int16)
        return replace(volume, hu=hu, origins=np.stack([np.interp(new, old, c) for c in volume.origins.T], axis=1))

    return change


def overlapping(volume: CTVolume) -> CTVolume:
    """Slices that share half of their noise with the next, as a scanner reconstructs them."""
    mean = (volume.hu[1:].astype(float) + volume.hu[:-1]) / 2
    return replace(volume, hu=np.rint(mean).astype(np.int16), origins=volume.origins[1:])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (smoothed(1.0), "smoothed"), (smoothed(1.5), "smoothed"), (smoothed(2.5), "smoothed"), (denoised, "denoised"),
        (enlarged(2, 0), "enlarged or resampled"), (enlarged(2, 1), "enlarged or resampled"), (enlarged(2, 3), "enlarged or resampled"),
        (enlarged(1.37, 1), "enlarged or resampled"), (enlarged(1.5, 3), "enlarged or resampled"),
        (compressed(8), "compressed with loss"), (compressed(25), "compressed with loss"),
        (interpolated(2.5), "interpolated"), (interpolated(2.5, spline=True), "interpolated"), (interpolated(3.0), "interpolated"), (interpolated(1.0), "interpolated"),
    ],
)  # fmt: skip
def test_what_was_done_to_the_images_is_told_and_noise_withheld(original, change, words: str) -> None:
    volume, _ = original
    changed = change(volume)
    bare = Findings(tissue=np.zeros(changed.shape, np.uint8))
    seen = with_limits(changed, bare)
    assert any(words in note for note in seen.notes), (seen.notes, changed.texture)
    assert set(seen.not_assessable) == NOISE
    measured = measure(changed, seen, only=tuple(NOISE))
    assert all(m.value is None and m.reason == seen.not_assessable[id_] for id_, m in measured.items())
    told = replace(changed, acquisition=Acquisition(reformatted=True))  # a tag says it: once is enough
    assert with_limits(told, bare).notes == ()


@pytest.mark.parametrize("peak", [0.16, 0.2, 0.25, 0.32])
@pytest.mark.parametrize(("sigma", "spacing"), [(1.8, 5.0), (4.0, 5.0), (9.0, 2.5)])
def test_kernels_doses_and_thicknesses_of_scanners_are_not_blamed(peak: float, sigma: float, spacing: float) -> None:
    volume, findings = scan(peak, sigma, spacing)
    for v, f in (
        (volume, findings),
        (overlapping(volume), findings.with_(tissue=findings.tissue[1:], motion_grades=None)),
    ):
        seen = with_limits(v, f)
        assert (seen.notes, dict(seen.not_assessable)) == ((), {}), v.texture
        assert is_sharp_scan(v) is False


@pytest.mark.parametrize(("pixel", "matrix"), [(0.45, 512), (0.9, 256)])
def test_a_sharp_kernel_without_a_name_is_told_by_its_noise(pixel: float, matrix: int) -> None:
    volume, findings = scan(0.6, 15.0, pixel=pixel, matrix=matrix)
    assert is_sharp_scan(volume) is True
    assert soft_copy(volume) is not volume
    assert is_sharp_scan(soft_copy(volume)) is False
    assert measure(volume, findings, only=("gray_white_cnr",))["gray_white_cnr"].value is None
    moved = findings.with_(motion_grades=np.full(len(volume.hu), 2, np.int8))
    assert "texture of the noise" in with_limits(volume, moved).not_assessable["motion_extent"]
    unknown = replace(volume, acquisition=Acquisition(kernel="other"))
    assert is_sharp_scan(unknown) is True
    named = replace(volume, acquisition=Acquisition(kernel="STANDARD"))
    assert is_sharp_scan(named) is False
    assert soft_copy(named) is named


@pytest.mark.shared
@pytest.mark.parametrize("name", ["ge-hispeed-tilt", "toshiba-uneven", "ge-vct-tumour", "ge-revolution-dental"])
def test_real_scans_are_not_blamed(shared_ct, name: str) -> None:
    volume = read(shared_ct / name)
    assert volume.traces == ()
    assert 0.22 < volume.texture.peak_per_mm < 0.28
    assert volume.texture.edge_mm < 0.65
    assert is_sharp_scan(replace(volume, acquisition=Acquisition())) is False
