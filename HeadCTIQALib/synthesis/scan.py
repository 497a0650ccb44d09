"""simulate: a scan of a simulated head with its exact truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import INTRACRANIAL, Findings, Landmark, Plane, Tissue
from HeadCTIQALib.synthesis.acquisition import CRANIUM_CENTRE, Acquire, Geometry, Motion, Scene, lay_out
from HeadCTIQALib.synthesis.artefacts import (
    correlated_noise,
    metal_difference,
    motion_difference,
    motion_grade,
    smooth3,
)
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.objects import paint_foreign, paint_holder, paint_implant
from HeadCTIQALib.synthesis.painter import Lattice, majority, paint_head
from HeadCTIQALib.synthesis.truth import exact_metrics, in_scan
from HeadCTIQALib.volume.types import Acquisition, CTVolume, Source

HU_RANGE = (-1024, 3071)
METHOD = "simulation 1"


@dataclass(frozen=True)
class Simulated:
    """A simulated scan.

    Attributes:
        volume: the scan.
        findings: truth on the native grid, every part with source "truth".
        truth: IQM id (and details: yaw, roll, pitch, orbitomeatal_angle) to exact value.
        model, scene: what was scanned, and how.
    """

    volume: CTVolume
    findings: Findings
    truth: Mapping[str, float]
    model: HeadModel
    scene: Scene


def simulate(seed: int = 0, *, scene: Scene | None = None, model: HeadModel | None = None) -> Simulated:
    """Scan a simulated head; the same arguments give the same voxels.

    Args:
        seed: of the head (unless ``model`` is given), the noise and the motion.
        scene: pose, coverage, objects and acquisition; default a good, still, centred scan.
        model: the head; default ``HeadModel.random(seed)``.

    Raises:
        ValueError: the scene leaves no slice to scan.
    """
    scene = scene or Scene()
    model = model or HeadModel.random(seed)
    geometry = lay_out(model, scene)
    clean, tissue, excess = _render(model, scene, geometry)
    rng = np.random.default_rng([seed, 99])
    noise, profile = _noise(clean, tissue, geometry, scene.acquire.noise_hu, rng)
    intracranial = np.isin(tissue, [int(t) for t in INTRACRANIAL])
    grades, rms, moved = _move(clean, tissue, intracranial, scene, geometry, seed)
    streak, stripes = _streaks(clean, excess, noise, tissue, geometry, seed)
    hu = np.clip(np.rint(clean + noise + moved + stripes), *HU_RANGE).astype(np.int16)
    volume = _volume(hu, scene, geometry)
    findings = Findings(
        tissue=tissue,
        landmarks=_landmarks(geometry),
        midsagittal=_midsagittal(geometry),
        streak=streak,
        motion_grades=grades,
        motion_index=rms,
        methods=dict.fromkeys(("tissue", "landmarks", "midsagittal", "motion", "streak", "foreign_object"), METHOD),
    )
    truth = exact_metrics(volume, findings, geometry, clean, profile, scene.acquire.noise_hu)
    return Simulated(volume, findings, MappingProxyType(truth), model, scene)


def demo_scene(seed: int = 0) -> Simulated:
    """The scan of the demonstration: one visible defect in every category, in the head of ``seed``."""
    scene = Scene(
        yaw_deg=6.0,
        roll_deg=-4.0,
        pitch_deg=9.0,
        shift_mm=(9.0, -13.0),
        foreign=("earring", "hair_clip"),
        implants=("aneurysm_coil",),
        # above the hair clip, whose own streaks would hide the motion
        motion=(Motion(92.0, 94.0, degrees=0.7, shift_mm=0.6), Motion(94.5, 111.0, degrees=5.0, shift_mm=4.0)),
        acquire=Acquire(matrix=384, fov_mm=240.0, spacing_mm=2.5, vertex_margin_mm=-3.0, foramen_margin_mm=27.0, noise_hu=5.6),
    )
    return simulate(seed, scene=scene)


def _render(model: HeadModel, scene: Scene, g: Geometry) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.float32]]:
    """Noise-free HU, tissue labels, and the HU that implants add, each (K, J, I)."""
    shape = (len(g.centres), g.matrix, g.matrix)
    hu, excess = np.empty(shape, np.float32), np.zeros(shape, np.float32)
    tissue = np.empty(shape, np.uint8)
    parts = max(1, int(np.ceil(g.thickness_mm / 2.6)))
    gap = g.thickness_mm / parts
    back = float((g.pose @ _back_of_head(model) + g.offset)[1])
    steps = np.stack([g.k * gap, -g.a * g.pixel_mm, -g.r * g.pixel_mm]) @ g.pose
    sigma = scene.acquire.kernel_mm / g.pixel_mm
    for n, origin in enumerate(g.origins):
        first = origin - g.k * gap * (parts - 1) / 2
        grid = Lattice((first - g.offset) @ g.pose, steps, (parts, g.matrix, g.matrix))
        canvas = grid.canvas(model, g.pixel_mm)
        paint_head(canvas, model)
        for kind in scene.foreign:
            paint_foreign(canvas, model, kind)
        if scene.implants:
            before = canvas.hu.copy()
            for implant in scene.implants:
                paint_implant(canvas, implant)
            excess[n] = (canvas.hu - before).mean(axis=0)
        hu[n] = ndimage.gaussian_filter(canvas.hu.mean(axis=0), sigma, truncate=3)
        tissue[n] = majority(np.moveaxis(canvas.label, 0, -1)) if parts > 1 else canvas.label[0]
        if scene.holder:
            row = np.arange(g.matrix, dtype=np.float32) * np.float32(-g.pixel_mm)
            y = (origin[1] + row * np.float32(g.a[1]))[:, None] + np.zeros((1, g.matrix), np.float32)
            x = np.float32(origin[0]) + row[None, :] + np.zeros((g.matrix, 1), np.float32)
            paint_holder(x, y, hu[n], tissue[n], back, g.pixel_mm)
    return hu, tissue, excess


def _back_of_head(model: HeadModel) -> NDArray[np.float64]:
    return model.to_head(np.array([0.0, -76.0 - model.skull_mm - model.scalp_mm - 2.5, 42.0]))


def _noise(
    clean: NDArray[np.float32], tissue: NDArray[np.uint8], g: Geometry, sigma: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Noise (K, J, I) and its local standard deviation.

    Noise is higher in the middle of the head and in slices with much bone; scaled so that its root mean square
    over white matter (over the head where there is none) is ``sigma``.
    """
    axis = (np.arange(g.matrix) - (g.matrix - 1) / 2) * g.pixel_mm
    radial = np.exp(-((axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * 150.0**2)))
    bone = (tissue == Tissue.BONE).sum(axis=(1, 2)) / np.maximum((tissue != Tissue.OUTSIDE).sum(axis=(1, 2)), 1)
    profile = (radial[None] * (1 + 0.5 * np.clip(bone - 0.15, 0, 1))[:, None, None]).astype(np.float32)
    where = tissue == Tissue.WHITE
    where = where if where.any() else tissue != Tissue.OUTSIDE
    profile *= np.float32(sigma / max(float(np.sqrt(np.mean(profile[where] ** 2, dtype=float))), 1e-6))
    noise = np.stack([correlated_noise(rng, clean.shape[1:], g.pixel_mm) for _ in clean])
    noise *= profile
    return noise, profile


def _move(
    clean: NDArray[np.float32], tissue: NDArray[np.uint8], intracranial: NDArray[np.bool_], scene: Scene, g: Geometry, seed: int
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float32]]:
    """Grades (K,), RMS in HU (K,), and HU differences (K, J, I)."""
    grades, rms = np.zeros(len(clean), np.int8), np.zeros(len(clean))
    moved = np.zeros_like(clean)
    foramen = (g.landmarks["BASION"] + g.landmarks["OPISTHION"]) @ g.k / 2
    for motion in scene.motion:
        for n in np.flatnonzero((g.positions - foramen >= motion.low_mm) & (g.positions - foramen <= motion.high_mm)):
            rng = np.random.default_rng([seed, 7, int(n)])
            alone = np.where(tissue[n] == Tissue.HOLDER, np.float32(-1000), clean[n])  # the holder stays where it is
            moved[n] = motion_difference(alone, g.pixel_mm, rng, motion.degrees, motion.shift_mm)
            grades[n], rms[n] = motion_grade(moved[n], intracranial[n])
    return grades, rms, moved


def _streaks(
    clean: NDArray[np.float32], excess: NDArray[np.float32], noise: NDArray[np.float32], tissue: NDArray[np.uint8], g: Geometry, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Streak mask (K, J, I) by its definition, within the head, and the HU differences."""
    mask, stripes = np.zeros(clean.shape, bool), np.zeros_like(clean)
    # Removable metal is denser than the HU range can show; plastic (glasses) makes no streak.
    metal = excess + np.where((tissue == Tissue.FOREIGN) & (clean > 1500), 3 * clean, 0)
    for n in np.flatnonzero((metal > 300).sum(axis=(1, 2)) * g.pixel_mm**2 > 0.5):
        stripes[n] = metal_difference(clean[n], metal[n], g.pixel_mm, np.random.default_rng([seed, 13, int(n)]))
        head = (tissue[n] != Tissue.OUTSIDE) & (tissue[n] != Tissue.HOLDER) & (tissue[n] != Tissue.FOREIGN)
        floor = float(np.std(smooth3(noise[n])[head])) if head.any() else 0.0
        mask[n] = (np.abs(smooth3(stripes[n])) > 3 * max(floor, 0.1)) & head & (excess[n] < 300)
    return mask, stripes


def _volume(hu: NDArray[np.int16], scene: Scene, g: Geometry) -> CTVolume:
    acquisition = Acquisition(
        manufacturer="simulated",
        kernel="H30s",
        slice_thickness_mm=g.thickness_mm,
        kvp=120.0,
        reconstruction_diameter_mm=scene.acquire.fov_mm,
        gantry_tilt_deg=scene.acquire.gantry_tilt_deg,
        contrast_agent=False,
        body_part="HEAD",
        series_description="simulated head",
        isocentre_ras=(0.0, 0.0, 0.0),
    )
    return CTVolume(hu, g.origins, -g.r * g.pixel_mm, -g.a * g.pixel_mm, None, acquisition, Source("simulated", "simulated head"))


def _landmarks(g: Geometry) -> dict[str, Landmark]:
    return {
        name: Landmark((float(p[0]), float(p[1]), float(p[2])), 1.0, in_scan(g, p), "truth", 0.0) for name, p in g.landmarks.items()
    }


def _midsagittal(g: Geometry) -> Plane:
    normal, origin = g.pose[:, 0], g.pose @ np.array(CRANIUM_CENTRE) + g.offset
    return Plane((float(origin[0]), float(origin[1]), float(origin[2])), (float(normal[0]), float(normal[1]), float(normal[2])), 1.0, "truth")
