"""Quality that was taken away, and contrast medium that no tag tells of: told, and what it spoils is withheld."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from metrics_phantom import coordinates, grid, head, noise_field, noisy
from scipy import ndimage

from HeadCTIQALib.findings.types import Findings, Landmark
from HeadCTIQALib.metrics import SIZE_IN_DOUBT, measure
from HeadCTIQALib.metrics.enhancement import sinus_hu
from HeadCTIQALib.metrics.unmeasurable import with_limits
from HeadCTIQALib.networks.soft_copy import soft_copy
from HeadCTIQALib.volume import Acquisition, CTVolume

NOISE = ("noise", "gray_white_cnr")


@pytest.fixture(scope="module")
def plain() -> tuple[CTVolume, Findings]:
    """A head of 36 slices with a sinus of 55 HU behind the occiput and the noise of a standard kernel."""
    volume, findings = head(grid(np.arange(-80.0, 100.0, 5.0), 250, 0.8))
    volume = noisy(volume, noise_field(volume.shape, 0.8, 4.0, 0.25))
    return with_blood(volume, findings, 55), findings


def with_blood(volume: CTVolume, findings: Findings, hu: float) -> CTVolume:
    """Blood in the midline, 8 mm wide and 6 mm deep, on the inner table at the back of the head."""
    x, y, z = np.moveaxis(coordinates(volume), -1, 0)
    radius = np.linalg.norm(np.stack([x / 66, y / 86, z / 88]), axis=0)
    sinus = (np.abs(x) < 4) & (y < -20) & (radius < 1) & (radius > 0.93)
    return replace(volume, hu=np.where(sinus, np.int16(hu), volume.hu).astype(np.int16))


def thickened(volume: CTVolume, mm: float) -> CTVolume:
    """Bone grown inwards, with a soft edge."""
    hu = volume.hu.astype(np.float32)
    for n, plane in enumerate(volume.hu):
        to_bone = ndimage.distance_transform_edt(plane < 500, sampling=volume.pixel_spacing)
        grown = np.where((plane > -200) & (to_bone < mm), 900, plane).astype(np.float32)
        hu[n] = np.where(to_bone < mm + 3, ndimage.gaussian_filter(grown, 0.7 / volume.pixel_spacing[0]), plane)
    return replace(volume, hu=np.rint(hu).astype(np.int16))


def test_loss_by_compression_withholds_noise_and_contrast(plain) -> None:
    volume, findings = plain
    lossy = replace(volume, acquisition=Acquisition(lossy_compression=True, lossy_ratio=30.0))
    measured = measure(lossy, with_limits(lossy, findings))
    assert [id_ for id_, m in measured.items() if m.value is None and "30 : 1" in m.reason] == list(NOISE)
    original = replace(volume, acquisition=Acquisition(lossy_compression=False))
    assert with_limits(original, findings).not_assessable == {}


def test_reformats_withhold_noise_and_contrast(plain) -> None:
    volume, findings = plain
    derived = replace(volume, acquisition=Acquisition(reformatted=True))
    assert set(with_limits(derived, findings).not_assessable) == set(NOISE)


def test_a_plain_scan_has_no_remark(plain) -> None:
    volume, findings = plain
    seen = with_limits(volume, findings)
    assert (seen.notes, dict(seen.not_assessable)) == ((), {})


@pytest.mark.parametrize("hu", [120, 160, 250, 400])
def test_contrast_medium_in_the_sinus_is_told(plain, hu: int) -> None:
    volume, findings = plain
    bright = with_blood(volume, findings, hu)
    assert sinus_hu(bright, findings) == pytest.approx(hu, rel=0.08)
    (note,) = with_limits(bright, findings).notes
    assert "contrast medium" in note
    told = replace(bright, acquisition=Acquisition(contrast_agent=True))
    assert with_limits(told, findings).notes == ()


@pytest.mark.parametrize("mm", [3.0, 8.0])
def test_a_thick_skull_is_no_contrast_medium(plain, mm: float) -> None:
    volume, findings = plain
    assert with_limits(thickened(volume, mm), findings).notes == ()


def test_vessels_without_a_sinus_are_told_and_calcium_is_not(plain) -> None:
    """Tubes of 250 HU, 3 mm wide and 40 mm apart, through the whole brain; then in a few slices only."""
    volume, findings = plain
    x, y, z = np.moveaxis(coordinates(volume), -1, 0)
    tubes = (np.abs(x % 40 - 20) < 1.6) & (np.abs(y % 40 - 20) < 1.6) & (volume.hu < 100) & (volume.hu > -50)
    cut = findings.with_(midsagittal=None)
    (note,) = with_limits(replace(volume, hu=np.where(tubes, 250, volume.hu).astype(np.int16)), cut).notes
    assert "bright vessels" in note
    few = tubes & (np.abs(z) < 15)
    assert with_limits(replace(volume, hu=np.where(few, 250, volume.hu).astype(np.int16)), cut).notes == ()


def rescaled(
    volume: CTVolume, findings: Findings, pixel: float = 1.0, spacing: float = 1.0
) -> tuple[CTVolume, Findings]:
    """The same voxels with another pixel size or slice distance in the file."""
    by = np.array([pixel, pixel, spacing])
    moved = {
        name: replace(mark, position=tuple(np.asarray(mark.position) * by)) for name, mark in findings.landmarks.items()
    }
    return replace(
        volume, origins=volume.origins * by, row_step=volume.row_step * by, col_step=volume.col_step * by
    ), findings.with_(landmarks=moved)


@pytest.mark.parametrize(
    ("pixel", "spacing", "words"),
    [
        (1, 1.5, "too tall"),
        (1, 1 / 1.5, "too flat"),
        (1.3, 1, "more than an adult's"),
        (0.7, 1, "less than an adult's"),
        (1, 1, ""),
    ],
)
def test_proportions_nobody_has(plain, pixel: float, spacing: float, words: str) -> None:
    volume, findings = plain
    marks = {**findings.landmarks, "BASION": Landmark((0.0, -8.0, -45.0)), "BRAIN_TOP": Landmark((0.0, 0.0, 88.0))}
    volume, findings = rescaled(volume, findings.with_(landmarks=marks), pixel, spacing)
    notes = with_limits(volume, findings).notes
    assert len(notes) == bool(words)
    assert words in "".join(notes)
    flagged = {id_ for id_, m in measure(volume, findings).items() if SIZE_IN_DOUBT in m.flags}
    assert {"vertex_margin", "centering_offset"} <= flagged if words else not flagged
    assert not flagged & set(NOISE)


def test_monoenergetic_and_denoised_images_withhold_noise_and_contrast(plain) -> None:
    volume, findings = plain
    for what in ("virtual monoenergetic, 40 keV", "denoised"):
        told = replace(volume, acquisition=Acquisition(processed=what))
        measured = measure(told, with_limits(told, findings))
        assert [id_ for id_, m in measured.items() if m.value is None and what in m.reason] == list(NOISE)


def neighbours(hu: np.ndarray, pixels: int) -> float:
    """Correlation of pixels so far apart in a row."""
    return float((hu[..., pixels:] * hu[..., :-pixels]).mean() / hu.var())


def test_the_networks_see_the_noise_of_a_soft_kernel() -> None:
    """Noise of a kernel without cut-off, 30 HU, in pixels of 0.4 mm, becomes as that of a standard kernel."""
    volume = grid(np.arange(6) * 5.0, 256, 0.4, acquisition=Acquisition(kernel="BONEPLUS"))
    sharp = replace(volume, hu=np.rint(noise_field(volume.shape, 0.4, 30.0, 2.0)).astype(np.int16))
    seen = soft_copy(sharp).hu.astype(float)
    standard = noise_field(volume.shape, 0.4, 30.0, 0.25)
    for pixels in (1, 2, 4):
        assert neighbours(seen, pixels) == pytest.approx(neighbours(standard, pixels), abs=0.1)
    assert seen.std() < 15
    soft = replace(sharp, acquisition=Acquisition(kernel="STANDARD"))
    assert soft_copy(soft) is soft


def test_motion_in_a_sharp_series_is_withheld(plain) -> None:
    volume, findings = plain
    sharp = replace(volume, acquisition=Acquisition(kernel="BONEPLUS"))
    assert measure(sharp, with_limits(sharp, findings), only=("motion_extent",))["motion_extent"].value == 0
    grades = findings.motion_grades.copy()
    grades[10:14] = 2
    moved = findings.with_(motion_grades=grades)
    assert "sharp kernel BONEPLUS" in with_limits(sharp, moved).not_assessable["motion_extent"]
    assert with_limits(volume, moved).not_assessable == {}
