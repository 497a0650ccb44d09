"""`check`: what is refused, what is a warning, on simulated volumes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import Acquisition, CTVolume, Source, check
from HeadCTIQALib.volume.scale import step


def with_hu(volume: CTVolume, hu: np.ndarray, **changes: object) -> CTVolume:
    return replace(volume, hu=np.asarray(hu).astype(np.int16), **changes)


def refused(volume: CTVolume, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        check(volume)
    text = str(caught.value)
    assert volume.source.name in text
    assert "\n" not in text
    for word in words:
        assert word in text


def test_a_good_head_has_no_warnings(head_volume: CTVolume) -> None:
    assert check(head_volume) == ()


def test_a_tilted_padded_head_passes(make_head: Callable[..., CTVolume]) -> None:
    assert check(make_head(tilt_deg=18, padding=True)) == ()


def test_too_few_slices(make_head: Callable[..., CTVolume]) -> None:
    refused(make_head(slices=7), "has only 7 slices")
    refused(make_head(slices=1), "has only 1 slice,")
    assert isinstance(check(make_head(slices=8, spacing_mm=20)), tuple)


def test_constant(head_volume: CTVolume) -> None:
    refused(with_hu(head_volume, np.full(head_volume.shape, -1000)), "is empty (every voxel is -1000)")


def test_not_in_hu(head_volume: CTVolume) -> None:
    refused(with_hu(head_volume, head_volume.hu + 1024), "not in HU", "rescale intercept lost")
    refused(with_hu(head_volume, np.clip(head_volume.hu / 8 + 125, 0, 255)), "not in HU")  # windowed to grey values
    rng = np.random.default_rng(0)
    refused(with_hu(head_volume, rng.integers(-800, 3000, head_volume.shape)), "not in HU")
    refused(with_hu(head_volume, np.where(head_volume.hu > -500, 1500, -1000)), "no soft tissue")


def test_all_padding(head_volume: CTVolume) -> None:
    refused(
        replace(head_volume, padding=np.ones(head_volume.shape, bool), hu=np.full(head_volume.shape, -1024, np.int16)),
        "is empty",
    )
    hu = head_volume.hu.copy()
    assert check(with_hu(head_volume, hu, padding=hu < -2000)) == ()


def test_phantom_without_brain(head_volume: CTVolume) -> None:
    hu = head_volume.hu.copy()
    inside = (hu > -50) & (hu < 80)
    inside[:, :, :22] = inside[:, :, -22:] = False  # the scalp stays
    inside[:, :12] = inside[:, -12:] = inside[:3] = inside[-3:] = False
    hu[inside] = -1000
    refused(with_hu(head_volume, hu), "no brain tissue inside the skull")


def chest(make_head: Callable[..., CTVolume], scale: float = 1.0) -> CTVolume:
    """Body, ring of ribs, lungs, mediastinum and a vertebra."""
    base = make_head(slices=30, matrix=140, pixel_mm=3.0, spacing_mm=6.0)
    points = base.ijk_to_ras(np.stack(np.meshgrid(np.arange(140.0), np.arange(140.0), [0.0], indexing="ij"), -1))[
        :, :, 0
    ]
    x, y = points[..., 0].T / scale, points[..., 1].T / scale
    plane = np.full(x.shape, -1000.0)
    for a, b, value in ((170, 115, 40), (150, 98, 600), (144, 92, 20), (138, 86, -850)):
        plane[(x / a) ** 2 + (y / b) ** 2 < 1] = value
    plane[np.abs(x) < 30] = np.where(plane[np.abs(x) < 30] == -850, 45, plane[np.abs(x) < 30])
    plane[(np.abs(x) < 18) & (np.abs(y + 70) < 14)] = 700
    return with_hu(base, np.broadcast_to(plane, base.shape), source=Source("simulated", "thorax"))


def test_chest(make_head: Callable[..., CTVolume]) -> None:
    refused(chest(make_head), "thorax does not show a head")
    refused(chest(make_head, 0.7), "thorax")  # a child's, no wider than a head


def test_abdomen_and_water_phantom(head_volume: CTVolume) -> None:
    refused(with_hu(head_volume, np.where(head_volume.hu > 300, 50, head_volume.hu)), "does not show a head")


def test_too_little_brain(make_head: Callable[..., CTVolume]) -> None:
    refused(make_head(positions=np.linspace(88, 130, 20)), "does not show a head")


def test_impossible_sizes(make_head: Callable[..., CTVolume]) -> None:
    refused(make_head(matrix=20, pixel_mm=25.0), "pixels of 25")
    refused(make_head(matrix=40, pixel_mm=1.0), "only 40 mm wide")


def test_slices_missing_and_uneven(make_head: Callable[..., CTVolume]) -> None:
    even = (np.arange(40) - 19.5) * 5.0
    (text,) = check(make_head(positions=np.delete(even, [10, 11])))
    assert "missing between -52.5 to -37.5 mm" in text
    many = np.delete(even, [3, 8, 13, 18, 23])
    assert "and more" in check(make_head(positions=many))[0]
    (text,) = check(make_head(positions=np.r_[np.arange(-95, -20, 4.0), np.arange(-18, 98, 7.0)]))
    assert "unevenly spaced" in text
    assert "7.00" in text


def test_thin_slices_far_apart(head_volume: CTVolume) -> None:
    (text,) = check(replace(head_volume, acquisition=Acquisition(slice_thickness_mm=2.5)))
    assert "2.5 mm thick but 5.00 mm apart" in text


def test_field_of_view(make_head: Callable[..., CTVolume]) -> None:
    (text,) = check(make_head(matrix=72))
    assert "cut off by the field of view" in text
    (text,) = check(make_head(matrix=72, padding=True))
    assert "cut off by the field of view" in text
    circle = make_head(matrix=72, padding=True)  # the same circle, not marked as padding
    (text,) = check(replace(circle, padding=None))
    assert "cut off by the field of view" in text


def test_a_holder_at_the_edge_is_no_cut(head_volume: CTVolume) -> None:
    hu = head_volume.hu.copy()
    hu[:, 92:94, :] = 200  # a thin plate through the whole image, behind the head
    assert check(with_hu(head_volume, hu)) == ()


def test_contrast_and_children(head_volume: CTVolume) -> None:
    texts = check(replace(head_volume, acquisition=Acquisition(contrast_agent=True, patient_age_years=9.0)))
    assert len(texts) == 2
    assert "Contrast medium" in texts[0]
    assert "validated on adults only" in texts[1]
    assert check(replace(head_volume, acquisition=Acquisition(patient_age_years=18.0))) == ()


@pytest.mark.parametrize("offset", [30, -30])
def test_shifted_hu_scale(head_volume: CTVolume, offset: int) -> None:
    (text,) = check(with_hu(head_volume, head_volume.hu + offset))
    assert f"Brain reads about {33 + offset} HU" in text or f"Brain reads about {32 + offset} HU" in text
    assert check(with_hu(head_volume, head_volume.hu + offset // 6)) == (), "scanners differ by as much"


def test_stretched_hu_scale(head_volume: CTVolume) -> None:
    (text,) = check(with_hu(head_volume, np.where(head_volume.hu > -500, head_volume.hu * 1.8, head_volume.hu)))
    assert "seems to be shifted or stretched" in text


def test_loss_and_reformats_are_told(head_volume: CTVolume) -> None:
    (text,) = check(replace(head_volume, acquisition=Acquisition(lossy_compression=True, lossy_ratio=30.0)))
    assert "compressed with loss, 30 : 1" in text
    (text,) = check(replace(head_volume, acquisition=Acquisition(reformatted=True)))
    assert "computed from others" in text


def test_pixels_that_are_not_square(head_volume: CTVolume) -> None:
    refused(replace(head_volume, row_step=head_volume.row_step * 2), "times as wide as long")
    refused(replace(head_volume, col_step=head_volume.col_step * 2), "times as wide as long")
    (text,) = check(replace(head_volume, col_step=head_volume.col_step * 1.3))
    assert "pixel spacing of rows or columns" in text


def test_identity_affine(make_head: Callable[..., CTVolume]) -> None:
    """A head with 0.48 mm pixels whose file says nothing of them."""
    fine = make_head(slices=30, matrix=384, pixel_mm=0.48)
    origins = np.arange(30)[:, None] * np.array([0.0, 0.0, 1.0])
    unit = {"row_step": fine.row_step / 0.48, "col_step": fine.col_step / 0.48}
    refused(replace(fine, origins=origins, **unit), "exactly 1 x 1 x 1 mm", "voxel size seems to be lost")


@pytest.mark.parametrize("sign", [1, -1])
def test_gantry_tilt_that_the_positions_do_not_show(
    make_head: Callable[..., CTVolume], head_volume: CTVolume, sign: int
) -> None:
    tag = Acquisition(gantry_tilt_deg=18.0 * sign)
    assert check(replace(make_head(tilt_deg=18), acquisition=tag)) == ()
    (text,) = check(replace(head_volume, acquisition=tag))
    assert "gantry tilt of 18.0 degrees, but the slices are stacked with 0.0" in text


def test_import_stays_light() -> None:
    code = "import sys, HeadCTIQALib.volume; print(sorted({'pydicom', 'SimpleITK', 'gdcm', 'scipy', 'torch'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(("last", "expected"), [(8, 8), (4, 4), (1, 1)])
def test_the_step_between_values_is_that_of_all_slices(last: int, expected: int) -> None:
    plane = np.arange(-1000, 1000, 8, dtype=np.int16).reshape(10, 25)
    hu = np.stack([*[plane] * 5, np.arange(0, 250 * last, last, dtype=np.int16).reshape(10, 25)])
    assert step(hu) == expected
