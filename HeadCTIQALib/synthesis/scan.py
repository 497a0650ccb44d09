"""simulate: a scan of a simulated head with its exact truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, PARENCHYMA, Findings, Landmark, Plane, Tissue
from HeadCTIQALib.synthesis.acquisition import CRANIUM_CENTRE, Acquire, Geometry, Motion, Scene, lay_out
from HeadCTIQALib.synthesis.artefacts import hardening_difference, metal_difference, motion_grade, streak_mask
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.holders import paint_holder
from HeadCTIQALib.synthesis.movement import motion_difference
from HeadCTIQALib.synthesis.noise import noise_field
from HeadCTIQALib.synthesis.objects import paint_foreign, paint_implant, paint_strap
from HeadCTIQALib.synthesis.painter import Lattice, majority, paint_head
from HeadCTIQALib.synthesis.truth import Drawn, exact_metrics, in_scan
from HeadCTIQALib.volume.types import Acquisition, CTVolume, Source

HU_RANGE = (-1024, 3071)
BONY, BASE_MM = (
    0.13,
    20.0,
)  # beam hardening leaves bands in slices with more than this share of bone, up to so far above the sella
METHOD = "simulation 2"
MASKED_LANDMARKS = ("CANTHUS_R", "CANTHUS_L", "GLOBE_R", "GLOBE_L", "NASION")  # gone with the face


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
        model: the head; default that of the scene, else ``HeadModel.random(seed)``.

    Raises:
        ValueError: the scene leaves no slice to scan.
    """
    scene = scene or Scene()
    model = model or scene.head or HeadModel.random(seed)
    geometry = lay_out(model, scene)
    clean, tissue, excess, masked = _render(model, scene, geometry)
    rng = np.random.default_rng([seed, 99])
    noise, profile = _noise(clean, tissue, geometry, scene.acquire, rng)
    intracranial = np.isin(tissue, [int(t) for t in INTRACRANIAL])
    grades, rms, moved = _move(clean, tissue, intracranial, scene, geometry, seed)
    streak, stripes = _streaks(clean, excess, noise, tissue, scene, geometry, seed)
    hu = np.clip(np.rint(clean + noise + moved + stripes), *HU_RANGE).astype(np.int16)
    hu[masked] = -1000
    padding = _outside_circle(geometry)
    if padding is not None:
        hu[:, padding] = HU_RANGE[0]
    volume = _volume(hu, model, scene, geometry, padding)
    findings = Findings(
        tissue=tissue,
        landmarks=_landmarks(geometry, scene),
        midsagittal=_midsagittal(geometry),
        streak=streak,
        motion_grades=grades,
        motion_index=rms,
        methods=dict.fromkeys(("tissue", "landmarks", "midsagittal", "motion", "streak", "foreign_object"), METHOD),
    )
    truth = exact_metrics(Drawn(volume, findings, geometry, clean, profile, scene.acquire.noise_hu))
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
        acquire=Acquire(
            matrix=384, fov_mm=240.0, spacing_mm=2.5, vertex_margin_mm=-3.0, foramen_margin_mm=27.0, noise_hu=5.6
        ),
    )
    return simulate(seed, scene=scene)


def _render(
    model: HeadModel, scene: Scene, g: Geometry
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
    """Noise-free HU, tissue labels, the HU that implants add, and where the face is masked out, each (K, J, I)."""
    shape = (len(g.centres), g.matrix, g.matrix)
    hu, excess = np.empty(shape, np.float32), np.zeros(shape, np.float32)
    tissue, masked = np.empty(shape, np.uint8), np.zeros(shape, bool)
    parts = (
        max(1, int(np.ceil(g.thickness_mm / 2.6))) | 1
    )  # odd, so that the label of most samples is never a tie of two
    gap = g.thickness_mm / parts
    back = float((g.pose @ _back_of_head(model) + g.offset)[1])
    steps = np.stack([g.k * gap, -g.a * g.pixel_mm, -g.r * g.pixel_mm]) @ g.pose
    outside = _outside_circle(g)
    for n, origin in enumerate(g.origins):
        first = origin - g.k * gap * (parts - 1) / 2
        grid = Lattice((first - g.offset) @ g.pose, steps, (parts, g.matrix, g.matrix))
        canvas = grid.canvas(model, g.pixel_mm)
        paint_head(canvas, model)
        if scene.strap:
            paint_strap(canvas, model)
        for item in scene.foreign:
            paint_foreign(canvas, model, item)
        if scene.implants:
            before = canvas.hu.copy()
            for implant in scene.implants:
                paint_implant(canvas, implant)
            excess[n] = (canvas.hu - before).mean(axis=0)
        hu[n] = canvas.hu.mean(axis=0)
        tissue[n] = majority(np.moveaxis(canvas.label, 0, -1)) if parts > 1 else canvas.label[0]
        if scene.defaced:
            masked[n] = _face(canvas.y[parts // 2], canvas.z[parts // 2])
            tissue[n][masked[n]] = int(Tissue.OUTSIDE)
        if scene.holder:
            row = np.arange(g.matrix, dtype=np.float32) * np.float32(-g.pixel_mm)
            y = (origin[1] + row * np.float32(g.a[1]))[:, None] + np.zeros((1, g.matrix), np.float32)
            x = np.float32(origin[0]) + row[None, :] + np.zeros((g.matrix, 1), np.float32)
            paint_holder(x, y, hu[n], tissue[n], back, g.pixel_mm, scene.holder)
        if outside is not None:
            tissue[n][outside] = int(Tissue.OUTSIDE)
        hu[n] = _reconstruct(hu[n], g.pixel_mm, scene.acquire)
    return hu, tissue, excess, masked


def _reconstruct(hu: NDArray[np.float32], pixel_mm: float, acquire: Acquire) -> NDArray[np.float32]:
    """The slice as the kernel shows it: blurred, and with overshoot at edges where the kernel is sharp."""
    soft = ndimage.gaussian_filter(hu, acquire.kernel_mm / pixel_mm, truncate=3)
    if acquire.edge_gain > 0:
        soft += np.float32(acquire.edge_gain) * (soft - ndimage.gaussian_filter(soft, 0.9 / pixel_mm, truncate=3))
    return np.asarray(soft, np.float32)


def _face(y: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Canonical points that masking for privacy removes: eyes, nose and mouth, but not the forehead."""
    return np.asarray((y > 58 - 0.25 * z) & (z < 27) & (z > -95))


def _outside_circle(g: Geometry) -> NDArray[np.bool_] | None:
    """(J, I) of what the scanner does not reconstruct, or None."""
    if not g.circle:
        return None
    axis = (np.arange(g.matrix) - (g.matrix - 1) / 2) / g.matrix
    return np.asarray(np.hypot(axis[:, None], axis[None, :]) > 0.5)


def _back_of_head(model: HeadModel) -> NDArray[np.float64]:
    return model.to_head(np.array([0.0, -76.0 - model.skull_mm - model.scalp_mm - 2.5, 42.0]))


def _noise(
    clean: NDArray[np.float32], tissue: NDArray[np.uint8], g: Geometry, acquire: Acquire, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Noise (K, J, I) and its local standard deviation, whose median in the parenchyma (else in the head) is asked for."""
    noise, profile = noise_field(clean, g.pixel_mm, acquire.kernel_mm, rng)
    where = np.isin(tissue, [int(t) for t in PARENCHYMA])
    if not where.any():
        where = tissue != Tissue.OUTSIDE
    scale = np.float32(acquire.noise_hu / max(float(np.median(profile[where])) if where.any() else 1.0, 1e-6))
    noise *= scale
    profile *= scale
    return noise, profile


def _move(
    clean: NDArray[np.float32],
    tissue: NDArray[np.uint8],
    intracranial: NDArray[np.bool_],
    scene: Scene,
    g: Geometry,
    seed: int,
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float32]]:
    """Grades (K,), RMS in HU (K,), and HU differences (K, J, I)."""
    grades, rms = np.zeros(len(clean), np.int8), np.zeros(len(clean))
    moved = np.zeros_like(clean)
    foramen = (g.landmarks["BASION"] + g.landmarks["OPISTHION"]) @ g.k / 2
    for motion in scene.motion:
        for n in map(
            int, np.flatnonzero((g.positions - foramen >= motion.low_mm) & (g.positions - foramen <= motion.high_mm))
        ):
            rng = np.random.default_rng([seed, 7, n])
            low, here, high = (
                _without_holder(clean[m], tissue[m]) for m in (max(n - 1, 0), n, min(n + 1, len(clean) - 1))
            )
            lift = motion.lift_mm / float(np.median(np.diff(g.positions))) if len(clean) > 1 else 0.0
            moved[n] = motion_difference(
                here, g.pixel_mm, rng, motion.degrees, motion.shift_mm,
                course=motion.course, lift=lift, beside=(low, high), window="half" if motion.half_scan else "full",
            )  # fmt: skip
            grades[n], rms[n] = motion_grade(moved[n], intracranial[n], g.pixel_mm)
    return grades, rms, moved


def _without_holder(hu: NDArray[np.float32], tissue: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A slice of what moves: the holder stays where it is."""
    return np.where(tissue == Tissue.HOLDER, np.float32(-1000), hu)


def _streaks(
    clean: NDArray[np.float32],
    excess: NDArray[np.float32],
    noise: NDArray[np.float32],
    tissue: NDArray[np.uint8],
    scene: Scene,
    g: Geometry,
    seed: int,
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Streak mask (K, J, I) by its definition, within the head, and the HU differences."""
    mask, stripes = np.zeros(clean.shape, bool), np.zeros_like(clean)
    # Removable metal is denser than the HU range can show; plastic (glasses) makes no streak.
    metal = excess + np.where((tissue == Tissue.FOREIGN) & (clean > 1500), 3 * clean, 0)
    base = int(np.searchsorted(g.positions, g.landmarks["SELLA"] @ g.k + BASE_MM))
    for n in range(len(clean)):
        head = np.isin(tissue[n], HEAD)
        if (metal[n] > 300).sum() * g.pixel_mm**2 > 0.5:
            stripes[n] = metal_difference(clean[n], metal[n], g.pixel_mm, np.random.default_rng([seed, 13, n]))
        if scene.hardening > 0 and n < base and (tissue[n] == Tissue.BONE).sum() > BONY * head.sum():
            stripes[n] += hardening_difference(clean[n], g.pixel_mm, scene.hardening)
        if stripes[n].any():
            mask[n] = streak_mask(stripes[n], noise[n], head & (excess[n] < 300))
    return mask, stripes


def _volume(
    hu: NDArray[np.int16], model: HeadModel, scene: Scene, g: Geometry, padding: NDArray[np.bool_] | None
) -> CTVolume:
    a = scene.acquire
    acquisition = Acquisition(
        manufacturer=a.manufacturer,
        model=a.scanner,
        kernel=a.kernel,
        slice_thickness_mm=g.thickness_mm,
        kvp=a.kvp,
        exposure_mas=a.exposure_mas,
        ctdi_vol_mgy=a.ctdi_vol_mgy,
        reconstruction_diameter_mm=a.fov_mm,
        gantry_tilt_deg=a.gantry_tilt_deg,
        contrast_agent=model.pathology.contrast,
        patient_age_years=float(int(model.age)),
        body_part="HEAD",
        series_description="simulated head",
        isocentre_ras=(0.0, 0.0, 0.0),
    )
    everywhere = None if padding is None else np.repeat(padding[None], len(hu), axis=0)
    return CTVolume(
        hu,
        g.origins,
        -g.r * g.pixel_mm,
        -g.a * g.pixel_mm,
        everywhere,
        acquisition,
        Source("simulated", "simulated head"),
    )


def _landmarks(g: Geometry, scene: Scene) -> dict[str, Landmark]:
    hidden = MASKED_LANDMARKS if scene.defaced else ()
    return {
        name: Landmark((float(p[0]), float(p[1]), float(p[2])), 1.0, in_scan(g, p) and name not in hidden, "truth", 0.0)
        for name, p in g.landmarks.items()
    }


def _midsagittal(g: Geometry) -> Plane:
    normal, origin = g.pose[:, 0], g.pose @ np.array(CRANIUM_CENTRE) + g.offset
    return Plane(
        (float(origin[0]), float(origin[1]), float(origin[2])),
        (float(normal[0]), float(normal[1]), float(normal[2])),
        1.0,
        "truth",
    )
