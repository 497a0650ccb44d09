"""Is this volume a head CT in HU, and what must its reader know?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .geometry import missing_slices
from .grouping import MIN_SLICES
from .limits import refuse_oversized
from .scale import OFF_HU, bone_cut_off, cut_off, is_coarse, is_shifted, levels, looks_like, misplaced, shares, step
from .types import CTVolume

if TYPE_CHECKING:
    from .calibration import Brain

ADULT_YEARS = 18
UNDER_AGE = f"The patient is under {ADULT_YEARS} (age tag): validated on adults only."
_MIN_BRAIN_ML = 150.0
_MIN_RING_ML = 60.0  # enclosed by bone
_MAX_HEAD_WIDTH_MM = 290.0
_MAX_GAP_MM = 20.0
_MAX_LENGTH_MM = 2500.0  # a whole body
_POSSIBLE_ASPECT, _USUAL_ASPECT = (0.53, 1.45), (0.6, 1.25)  # width over length of a head; 0.71 to 1.07 in 42 scans
_LEAST_TILT_DEG, _TILT_ERROR_DEG = 3.0, 2.0
_MAX_SKEW = 0.05  # cosine between rows and columns; headers jitter by less


def check(volume: CTVolume) -> tuple[str, ...]:
    """Sentences that the reader of the result must know, beyond ``volume.warnings``.

    Raises:
        InputError: the volume is not a head CT in HU: fewer than 8 slices, constant, not calibrated, another body part,
            no brain inside the skull, or too large.  One sentence that names the source.
    """
    name = volume.source.called
    _refuse_format(volume, name)
    _refuse_geometry(volume, name)
    sample = _sample(volume)
    _refuse_uncalibrated(volume, sample, name)
    from .content import content  # SciPy

    seen = content(volume)
    bone_ring = seen.enclosed_ml >= _MIN_RING_ML and seen.body_width_mm <= _MAX_HEAD_WIDTH_MM
    if seen.sideways:
        raise InputError(
            f"{name} shows the head lying on its side in the image, where left and right should be: its orientation is wrong, or rows and columns "
            "were exchanged; export it again."
        )
    if bone_ring and seen.brain_ml < 0.4 * seen.enclosed_ml:
        raise InputError(
            f"{name} has no brain tissue inside the skull (a phantom or another body part?); give the head CT of a patient."
        )
    brain = seen.brain_ml >= max(_MIN_BRAIN_ML, 0.4 * seen.enclosed_ml) and seen.air_ml <= 0.25 * seen.enclosed_ml
    if brain and seen.aspect is not None and not _POSSIBLE_ASPECT[0] <= seen.aspect <= _POSSIBLE_ASPECT[1]:
        raise InputError(
            f"{name} shows a head {seen.aspect:.2f} times as wide as long, which nobody has; check the pixel spacing of rows and columns."
        )
    if seen.body_width_mm > _MAX_HEAD_WIDTH_MM and _unit_voxels(volume):
        raise InputError(
            f"{name} has voxels of exactly 1 x 1 x 1 mm, in which its body is {seen.body_width_mm:.0f} mm wide: "
            "the voxel size seems to be lost; export it again with its pixel spacing."
        )
    if not bone_ring or seen.brain_ml < _MIN_BRAIN_ML or seen.air_ml > 0.25 * seen.enclosed_ml:
        raise InputError(
            f"{name} does not show a head (no closed skull around a brain was found); give a head CT that includes the brain."
        )
    return (
        *_geometry_warnings(volume),
        *_aspect_warnings(seen.aspect),
        *_coverage_warnings(volume, seen.cut_slices),
        *_brain_warnings(volume, seen.brain),
        *_context_warnings(volume),
        *_scale_warnings(volume, sample, seen.brain.shifted),
    )


def _refuse_format(volume: CTVolume, name: str) -> None:
    k, j, i = volume.shape
    refuse_oversized(name, k, j, i)
    if k < MIN_SLICES:
        raise InputError(
            f"{name} has only {k} slice{'s' if k > 1 else ''}, fewer than {MIN_SLICES}; give the whole series."
        )
    low, high = int(volume.hu.min()), int(volume.hu.max())
    if low == high:
        raise InputError(f"{name} is empty (every voxel is {low}); export it again.")
    pixel = volume.pixel_spacing
    if min(pixel) < 0.05 or max(pixel) > 20:
        raise InputError(
            f"{name} has pixels of {pixel[0]:g} x {pixel[1]:g} mm, which no CT has; check the pixel spacing."
        )
    field = max(pixel[0] * j, pixel[1] * i)
    if field < 100:
        raise InputError(
            f"{name} is only {field:.0f} mm wide, too small for a head; check the pixel spacing or give the full field of view."
        )


def _refuse_geometry(volume: CTVolume, name: str) -> None:
    """Positions that no scanner writes would give confident and meaningless millimetres."""
    row, column = volume.row_step / volume.pixel_spacing[1], volume.col_step / volume.pixel_spacing[0]
    if abs(float(row @ column)) > _MAX_SKEW:
        raise InputError(f"{name} has rows and columns that are not at right angles; check the image orientation.")
    steps = np.diff(volume.origins, axis=0)
    along = steps @ volume.k
    if float(np.median(along)) > _MAX_GAP_MM or float(along.sum()) > _MAX_LENGTH_MM:
        raise InputError(
            f"{name} has slices {np.median(along):.3g} mm apart over {along.sum():.3g} mm, which no head CT has; check the slice positions."
        )
    shift = np.linalg.norm(steps - along[:, None] * volume.k, axis=1)
    if float(np.median(shift / along)) > 1:  # the steepest gantry tilt is 30 degrees
        raise InputError(f"{name} has slices that do not lie above each other; check the slice positions.")


def _refuse_uncalibrated(volume: CTVolume, sample: np.ndarray, name: str) -> None:
    """Air must lie near -1000 HU and soft tissue near 0..100 HU, and both must be whole, in most slices."""
    air, soft = shares(sample)
    window = cut_off(sample)
    if window is not None:
        raise InputError(
            f"{name} is not in HU as measured: its values are cut off at {window} (a window), air or bone is lost; export it with all values."
        )
    if air < 0.01:
        some = "no" if int(volume.hu.min()) > -500 else "hardly any"
        raise InputError(
            f"{name} is not in HU: {some} voxels near the -1000 of air{looks_like(sample)}; export it as CT in Hounsfield units."
        )
    wrong = misplaced(sample)
    if wrong is not None:
        raise InputError(f"{name} is not in HU: {wrong}; check the rescale tags and export it again.")
    if soft < 0.01:
        raise InputError(
            f"{name} shows no soft tissue in the range of water and brain{looks_like(sample)}; give a head CT in Hounsfield units."
        )
    odd = sum(
        is_shifted(plane, None if volume.padding is None else volume.padding[k]) for k, plane in enumerate(volume.hu)
    )
    if odd > len(volume.hu) // 4:
        raise InputError(
            f"{name} is not in HU in {odd} of {len(volume.hu)} slices (were rescale tags lost?); export the scan again."
        )


def _sample(volume: CTVolume) -> np.ndarray:
    """About a million voxels that are not padding."""
    step = max(1, round((volume.hu.size / 1e6) ** (1 / 3)))
    cut = (slice(None, None, 1 if volume.shape[0] < 60 else step), slice(None, None, step), slice(None, None, step))
    values = volume.hu[cut]
    if volume.padding is not None:
        kept = values[~volume.padding[cut]]
        return kept if kept.size else values.ravel()
    return values.ravel()


def _geometry_warnings(volume: CTVolume) -> list[str]:
    positions, out = volume.slice_positions, []
    gaps = np.diff(positions)
    typical = float(np.median(gaps))
    missing = [] if volume.lost else missing_slices(positions)  # what is lost was told when the scan was read
    if missing:
        places = ", ".join(f"{low:.1f} to {high:.1f}" for low, high in missing[:4]) + (
            " and more" if len(missing) > 4 else ""
        )
        out.append(f"Slices seem to be missing between {places} mm along the slice normal.")
    elif not volume.lost and float(np.ptp(gaps)) > max(0.05 * typical, 0.02):
        out.append(f"Slices are unevenly spaced, {gaps.min():.2f} to {gaps.max():.2f} mm apart.")
    tilt, lean = volume.acquisition.gantry_tilt_deg, _lean_deg(volume)
    if (
        tilt is not None and abs(tilt) >= _LEAST_TILT_DEG and abs(abs(tilt) - lean) > _TILT_ERROR_DEG
    ):  # the sign differs by vendor
        out.append(
            f"The header tells of a gantry tilt of {abs(tilt):.1f} degrees, but the slices are stacked with {lean:.1f}: the images were resampled, "
            "or their orientation or positions were lost; angles and margins may be wrong."
        )
    thickness = volume.acquisition.slice_thickness_mm
    if thickness and typical > 1.3 * thickness:
        out.append(
            f"Slices are {thickness:g} mm thick but {typical:.2f} mm apart: what lies between them was not imaged."
        )
    return out


def _lean_deg(volume: CTVolume) -> float:
    """Angle between the slices' normal and the way from the first slice to the last."""
    way = volume.origins[-1] - volume.origins[0]
    return float(np.degrees(np.arccos(np.clip(way @ volume.k / np.linalg.norm(way), -1, 1))))


def _unit_voxels(volume: CTVolume) -> bool:
    """Whether all sides of a voxel are 1 mm, as where a file says nothing of them."""
    return bool(np.allclose([*volume.pixel_spacing, *np.diff(volume.slice_positions)], 1.0, atol=1e-6))


def _aspect_warnings(aspect: float | None) -> list[str]:
    if aspect is None or _USUAL_ASPECT[0] <= aspect <= _USUAL_ASPECT[1]:
        return []
    return [
        f"The head is {aspect:.2f} times as wide as long, which is most unusual: the pixel spacing of rows or columns seems to be wrong."
    ]


def _coverage_warnings(volume: CTVolume, cut: tuple[int, ...]) -> list[str]:
    if len(cut) < 2:
        return []
    low, high = volume.slice_positions[cut[0]], volume.slice_positions[cut[-1]]
    return [
        f"The head is cut off by the field of view in slices from {low:.1f} to {high:.1f} mm along the slice normal."
    ]


def _brain_warnings(volume: CTVolume, brain: Brain) -> list[str]:
    from .calibration import USUAL_BRAIN_HU  # SciPy

    out = []
    if brain.shifted:
        low, high = USUAL_BRAIN_HU
        out.append(
            f"Brain reads about {brain.mode_hu:.0f} HU, where {low} to {high} is usual: the HU scale seems to be shifted or "
            "stretched; check the calibration of the scanner and the rescale tags."
        )
    return out


def _scale_warnings(volume: CTVolume, sample: np.ndarray, shifted: bool) -> list[str]:
    out, cut = [], bone_cut_off(volume.hu)
    if is_coarse(volume.hu):
        out.append(f"HU come in steps of {step(volume.hu)}: noise and grey-white contrast are those of the steps.")
    air, _ = levels(sample)
    if abs(air + 1000) > OFF_HU and not shifted:
        out.append(
            f"Air reads about {air:.0f} HU, not -1000: the HU scale seems to be shifted or stretched; check the rescale tags and the calibration."
        )
    if cut is not None:
        out.append(f"Values are cut off at {cut} HU: metal and the densest bone cannot be told apart.")
    return out


def _context_warnings(volume: CTVolume) -> list[str]:
    a, out = volume.acquisition, []
    if a.contrast_agent:
        out.append("Contrast medium was given: noise and grey-white contrast are not comparable with plain CT.")
    if a.lossy_compression:
        ratio = f", {a.lossy_ratio:g} : 1" if a.lossy_ratio else ""
        out.append(
            f"The images were compressed with loss{ratio}: fine detail and noise are no longer those of the scanner."
        )
    if a.reformatted:
        out.append(
            "The slices were computed from others (reformatted, resampled or averaged): noise and fine detail are not those of the scanner."
        )
    if a.processed:
        out.append(
            f"By their description the images are {a.processed}: HU, noise and grey-white contrast are not those of a plain CT."
        )
    if is_under_age(volume):
        out.append(UNDER_AGE)
    return out


def is_under_age(volume: CTVolume) -> bool:
    """Whether :data:`UNDER_AGE` holds."""
    age = volume.acquisition.patient_age_years
    return age is not None and age < ADULT_YEARS
