"""Metal and the streaks that it makes: seven energies, analytic chords, counts that run out.

What is added is the difference between what the scanner measures with the metal and without it: the head's own beam
hardening and noise are in the scan already.  All metal is made of ellipses in the plane of a slice, whose chords are
known exactly; metal that fills a slice in part lets the rest of the beam pass beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import INTRACRANIAL, Findings
from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.research.validation.degradations import smoothed_noise
from HeadCTIQALib.synthesis.artefacts import FLOOR_HU, STREAK_SIGMAS, smooth3
from HeadCTIQALib.volume.types import CTVolume

from . import projector
from .beam import EFFECTIVE, SPECTRUM, Material

HU_RANGE = (-1024, 3071)
BONE_HU = 300.0
APERTURE_MM = 0.9  # of a detector cell with the focus behind it, at the axis
SUBRAYS = (-0.4, -0.2, 0.0, 0.2, 0.4)  # of the aperture
KERNEL_MM = 0.35  # blur of a standard kernel beyond the aperture's
NOISE_ELECTRONS = 12.0  # quanta: SD of the electronic noise
MIN_COUNTS = 3.0  # what the scanner takes a ray for that measures less


@dataclass(frozen=True)
class Part:
    """A piece of metal with an elliptic cross-section in the plane of the slices.

    Attributes:
        material: see :mod:`.beam`.
        centre: RAS mm.
        half_mm: half axes in the plane: (1.5, 1.5) an upright rod of 3 mm, (12, 1) a clip or electrode that lies.
        height_mm: along the slices' normal.
        angle_deg: of the first half axis from the columns towards the rows.
        fill: share of the volume that is metal (coils: 0.3).
    """

    material: Material
    centre: tuple[float, float, float]
    half_mm: tuple[float, float]
    height_mm: float
    angle_deg: float = 0.0
    fill: float = 1.0


@dataclass(frozen=True)
class WithMetal:
    """A scan with metal; ``streak`` (K, J, I) bool by the definition, inside the intracranial space and outside the metal."""

    volume: CTVolume
    streak: NDArray[np.bool_]


def add_metal(
    volume: CTVolume, tissue: NDArray[np.uint8], parts: Sequence[Part], rng: np.random.Generator, *, quanta: float = 3e5
) -> WithMetal:
    """The scan, had the metal been in it.

    Args:
        volume: the scan.
        tissue: (K, J, I) its label map, for the truth.
        parts: the metal; only slices that it reaches change.
        rng: of the noise behind the metal.
        quanta: detected in a ray without patient.
    """
    hu, streak = volume.hu.copy(), np.zeros(volume.shape, bool)
    sigma = max(smoothed_noise(volume, Findings(tissue)), FLOOR_HU)
    inside = np.isin(tissue, [int(t) for t in INTRACRANIAL])
    widths = np.minimum(volume.slice_widths, volume.acquisition.slice_thickness_mm or np.inf)
    for s in range(volume.shape[0]):
        shares = [_share(volume, s, float(widths[s]), part) for part in parts]
        here = [(part, share) for part, share in zip(parts, shares, strict=True) if share > 0]
        if here:
            plane, change, metal = _slice(volume, s, here, rng, quanta)
            keep = np.zeros(plane.shape, bool) if volume.padding is None else volume.padding[s]
            hu[s] = np.where(keep, hu[s], np.clip(np.rint(plane), *HU_RANGE))
            streak[s] = (np.abs(smooth3(change)) > STREAK_SIGMAS * sigma) & inside[s] & ~metal
    return WithMetal(replace(volume, hu=hu), streak)


def _share(volume: CTVolume, s: int, width: float, part: Part) -> float:
    """How much of the slice's thickness the part fills."""
    height = float(np.asarray(part.centre) @ volume.k - volume.slice_positions[s])
    low, high = max(height - part.height_mm / 2, -width / 2), min(height + part.height_mm / 2, width / 2)
    return max(0.0, high - low) / width


def _slice(
    volume: CTVolume, s: int, here: Sequence[tuple[Part, float]], rng: np.random.Generator, quanta: float
) -> tuple[Vector, Vector, NDArray[np.bool_]]:
    """(J, I) HU with metal, the change that is artefact, and where the metal is."""
    rows_mm, columns_mm = volume.pixel_spacing
    _, rows, columns = volume.shape
    pixel = max(rows * rows_mm, columns * columns_mm) / projector.N
    axis = (np.arange(projector.N) - (projector.N - 1) / 2) * pixel
    at = [axis / mm + (n - 1) / 2 for mm, n in ((rows_mm, rows), (columns_mm, columns))]
    plane = volume.hu[s].astype(np.float32)
    blurred = ndimage.gaussian_filter(plane, [max(0.0, 0.4 * (pixel / mm - 1)) for mm in (rows_mm, columns_mm)])
    small = ndimage.map_coordinates(blurred, np.meshgrid(*at, indexing="ij"), order=1, cval=-1000.0)
    density = np.where(projector.in_circle(), np.clip(1 + small / 1000, 0, None), 0)
    bone = np.where(small > BONE_HU, density - 1, 0)
    soft_cm, bone_cm = projector.project(np.stack([density - bone, bone])).astype(float).clip(0) * pixel / 10
    bone_g = bone_cm * EFFECTIVE["water"] / EFFECTIVE["bone"]  # g/cm^2 that would attenuate as much
    added, true = _measured(soft_cm, bone_g, _chords(volume, s, here, pixel), rng, quanta)
    shown = float(
        (added * true).sum() / max((true**2).sum(), 1e-12)
    )  # the scanner shows dense metal less dense than it is
    native = [
        (np.arange(n) - (n - 1) / 2) * mm / pixel + (projector.N - 1) / 2
        for n, mm in ((rows, rows_mm), (columns, columns_mm))
    ]
    where = np.meshgrid(*native, indexing="ij")
    per_hu = 10 / pixel / EFFECTIVE["water"] * 1000
    fine = [ndimage.gaussian_filter1d(views * per_hu, 2 * KERNEL_MM / pixel, axis=1) for views in (added, shown * true)]
    smooth = [views.reshape(projector.VIEWS, -1, 2).mean(axis=2) for views in fine]
    change, ideal = (
        ndimage.map_coordinates(projector.reconstruct(views), where, order=3, mode="nearest") for views in smooth
    )
    return plane + change, change - ideal, ndimage.maximum_filter(ideal, 3) > BONE_HU


def _chords(
    volume: CTVolume, s: int, here: Sequence[tuple[Part, float]], pixel: float
) -> list[tuple[Material, float, Vector]]:
    """Material, share of the slice and (subrays, VIEWS, 2 CELLS) chord in cm of every part.

    Two turns' worth of rays lie between each other, as the quarter shift of the detector makes them.
    """
    theta = np.pi * np.arange(projector.VIEWS)[None, :, None] / projector.VIEWS
    cells = np.arange(2 * projector.CELLS) / 2 - 0.25 - projector.CELLS / 2
    along = cells[None, None, :] * pixel + np.array(SUBRAYS)[:, None, None] * APERTURE_MM
    out = []
    for part, share in here:
        x, y = _place(volume, s, part)
        a, b = part.half_mm
        turned = theta - np.deg2rad(part.angle_deg)
        reach2 = (a * np.cos(turned)) ** 2 + (b * np.sin(turned)) ** 2
        off = along - x * np.cos(theta) - y * np.sin(theta)
        out.append(
            (part.material, share, part.fill * 2 * a * b * np.sqrt(np.clip(reach2 - off**2, 0, None)) / reach2 / 10)
        )
    return out


def _place(volume: CTVolume, s: int, part: Part) -> tuple[float, float]:
    """Columns and rows in mm from the middle of the image."""
    offset = np.asarray(part.centre) - volume.image_centres[s]
    (rows_mm, columns_mm) = volume.pixel_spacing
    return float(offset @ volume.row_step / columns_mm), float(offset @ volume.col_step / rows_mm)


def _measured(
    soft_cm: Vector,
    bone_g: Vector,
    chords: list[tuple[Material, float, Vector]],
    rng: np.random.Generator,
    quanta: float,
) -> tuple[Vector, Vector]:
    """(VIEWS, 2 CELLS) attenuation that the metal adds, after a correction for water, and what it would add at the mean energy."""
    touched = np.any([(chord > 0).any(axis=0) for _, _, chord in chords], axis=0)
    soft, bone = (np.repeat(views, 2, axis=1)[touched] for views in (soft_cm, bone_g))
    inside = [(material, share, chord[:, touched]) for material, share, chord in chords]
    without, with_ = np.zeros(soft.shape), np.zeros(soft.shape)
    for signal, mu in SPECTRUM:
        beam = signal * np.exp(-mu["water"] * soft - mu["bone"] * bone)
        without += beam
        passed = np.ones((len(SUBRAYS), *soft.shape))
        for material, share, chord in inside:  # parts of a slice are taken to lie at other heights of it
            passed *= 1 - share + share * np.exp(-mu[material] * chord)
        with_ += beam * passed.mean(axis=0)
    counts = [quanta * i for i in (with_, without)]
    variance = [1 / np.maximum(n, MIN_COUNTS) + (NOISE_ELECTRONS / np.maximum(n, MIN_COUNTS)) ** 2 for n in counts]
    noisy = counts[0] * (1 + rng.standard_normal(soft.shape) * np.sqrt(np.clip(variance[0] - variance[1], 0, None)))
    added, true = np.zeros(touched.shape), np.zeros(touched.shape)
    added[touched] = _for_water(-np.log(np.maximum(noisy, MIN_COUNTS) / quanta)) - _for_water(-np.log(without))
    true[touched] = sum(share * EFFECTIVE[material] * chord.mean(axis=0) for material, share, chord in inside)
    return added, true


def _for_water(measured: Vector) -> Vector:
    """The effective attenuation of the water that would measure the same: what the scanner makes of a ray."""
    path = np.linspace(0, 80, 801)
    table = -np.log(sum(share * np.exp(-mu["water"] * path) for share, mu in SPECTRUM))
    return np.asarray(np.interp(measured, table, path) * EFFECTIVE["water"])
