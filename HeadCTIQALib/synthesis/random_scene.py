"""random_scene: one plausible scan, drawn from a population; equal arguments give equal scenes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from HeadCTIQALib.synthesis.acquisition import Acquire, Motion, Scene
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.movement import COURSES
from HeadCTIQALib.synthesis.objects import Implant, Removable
from HeadCTIQALib.synthesis.population import INTERNAL, Kernel, Population, Scanner
from HeadCTIQALib.synthesis.random_pathology import random_pathology

T = TypeVar("T")
Rng = np.random.Generator
MAX_POSE_DEG, MAX_PITCH_DEG = 16.0, 20.0
OBJECTS = (
    "earring",
    "earrings",
    "stud",
    "hair_clip",
    "hair_pin",
    "glasses",
    "electrode",
    "electrodes",
    "sensor",
    "hearing_aid",
)
OBJECT_WEIGHTS = (0.16, 0.12, 0.12, 0.12, 0.12, 0.08, 0.08, 0.08, 0.06, 0.06)
IMPLANTS: tuple[Implant, ...] = (
    "dental_filling",
    "dental_fillings",
    "aneurysm_clip",
    "aneurysm_coil",
    "cochlear_implant",
    "skull_plates",
)
IMPLANT_WEIGHTS = (0.25, 0.35, 0.12, 0.12, 0.06, 0.10)


def random_scene(seed: int, population: Population = INTERNAL, *, matrix: int = 256) -> Scene:
    """A scan of ``population``, to be passed to :func:`simulate` with the same seed.

    Args:
        seed: see TRAINING_SEEDS, EVALUATION_SEEDS and STUDY_SEEDS, which keep anatomies apart.
        population: of which centre.
        matrix: pixels per side; 256 simulates an ordinary scan in a few seconds.

    Returns:
        A scene with its head, so that nothing else depends on the seed but texture, noise and the course of motion.
    """
    rng = np.random.default_rng([seed, zlib.crc32(population.name.encode()), 5])
    head = random_head(seed, population)
    scanner = pick(rng, population.scanners)
    acquire, fov_room = _acquire(rng, population, scanner, matrix)
    yaw, roll = _yaw_and_roll(rng, population)
    baseline = float(rng.normal(*population.baseline_deg))
    if rng.random() < 0.12:
        baseline += float(rng.choice([-1, 1]) * rng.uniform(6, 14))
    pitch = float(np.clip(baseline - acquire.gantry_tilt_deg, -MAX_PITCH_DEG, MAX_PITCH_DEG))
    return Scene(
        yaw_deg=yaw,
        roll_deg=roll,
        pitch_deg=pitch,
        shift_mm=_shift(rng, population, fov_room),
        holder=str(rng.choice(scanner.holders)),  # type: ignore[arg-type]
        strap=bool(rng.random() < 0.15),
        foreign=_foreign(rng, population),
        implants=_implants(rng, population),
        motion=_motion(rng, population),
        hardening=float(rng.uniform(0.03, 0.3)),
        defaced=bool(rng.random() < population.defaced_share),
        acquire=acquire,
        head=head,
    )


def random_head(seed: int, population: Population = INTERNAL) -> HeadModel:
    """The head of :func:`random_scene`: :meth:`HeadModel.random` with hair and the population's age and pathology."""
    rng = np.random.default_rng([seed, zlib.crc32(population.name.encode()), 6])
    head = HeadModel.random(seed, hair=True)
    age = float(np.clip(rng.normal(*population.age), 18, 96))
    older = (age - head.age) / 75
    head = replace(
        head,
        age=age,
        atrophy=float(np.clip(head.atrophy + older, 0, 1)),
        ventricle_scale=float(np.clip(head.ventricle_scale + 0.6 * older + (rng.random() < 0.04) * 0.5, 0.7, 2.0)),
    )
    return replace(head, pathology=random_pathology(rng, head, population))


def pick(rng: Rng, weighted: Sequence[tuple[T, float]]) -> T:
    """One of the values, with probability in proportion to its weight."""
    weights = np.array([w for _, w in weighted])
    return weighted[int(rng.choice(len(weights), p=weights / weights.sum()))][0]


def _acquire(rng: Rng, p: Population, scanner: Scanner, matrix: int) -> tuple[Acquire, float]:
    """Acquire, and how many mm a head of ordinary size may move before it leaves the field of view."""
    kernel: Kernel = pick(rng, scanner.kernels)
    thickness = pick(rng, p.thickness_mm)
    low, typical, high = p.fov_mm
    fov = float(np.round(rng.triangular(low, typical, high)))
    tilt = (
        float(np.round(rng.choice([-1, 1], p=[0.25, 0.75]) * rng.uniform(5, 22), 1))
        if rng.random() < p.tilt_share
        else 0.0
    )
    # Thin slices are read with more noise, but not with as much as physics would give at the same dose.
    noise = float(
        np.clip(p.noise_hu * np.exp(p.noise_spread * rng.normal()) * kernel.noise * (5 / thickness) ** 0.2, 1.2, 45)
    )
    exposure = float(np.clip(300 * (3.9 * kernel.noise / noise) ** 2 * 5 / thickness, 40, 900))
    uneven = rng.random() < p.uneven_share and thickness <= 4
    vertex, foramen = _margins(rng, p)
    acquire = Acquire(
        matrix=matrix,
        fov_mm=fov,
        spacing_mm=thickness,
        thickness_mm=thickness,
        upper_spacing_mm=2 * thickness if uneven else None,
        gantry_tilt_deg=tilt,
        vertex_margin_mm=vertex,
        foramen_margin_mm=foramen,
        noise_hu=noise,
        kernel_mm=kernel.blur_mm,
        edge_gain=kernel.edge_gain,
        circle=scanner.padding_hu is not None,
        padding_hu=scanner.padding_hu or -1024,
        manufacturer=scanner.manufacturer,
        scanner=scanner.model,
        kernel=kernel.name,
        kvp=float(rng.choice([100, 120, 140], p=[0.1, 0.8, 0.1])),
        exposure_mas=float(round(exposure)),
        ctdi_vol_mgy=float(np.round(exposure * 0.16, 1)),
    )
    return acquire, (fov - 195) / 2


def _margins(rng: Rng, p: Population) -> tuple[float, float]:
    """Vertex and foramen magnum margins, mm."""
    vertex, foramen = float(rng.uniform(1, 12)), float(rng.uniform(1, 16))
    fate = rng.random(2)
    if fate[0] < 0.6 * p.cut_share:
        vertex = -float(rng.exponential(6) + 0.5)
    elif fate[0] > 1 - p.excess_share:
        vertex = float(rng.uniform(14, 42))
    if fate[1] < 0.6 * p.cut_share:
        foramen = -float(rng.exponential(7) + 0.5)
    elif fate[1] > 1 - p.excess_share:
        foramen = float(rng.uniform(16, 62))
    return max(vertex, -35.0), max(foramen, -35.0)


def _yaw_and_roll(rng: Rng, p: Population) -> tuple[float, float]:
    sd = p.pose_deg * (3.0 if rng.random() < p.careless else 1.0)
    yaw, roll = rng.normal(0, sd, 2)
    return float(np.clip(yaw, -MAX_POSE_DEG, MAX_POSE_DEG)), float(np.clip(0.8 * roll, -MAX_POSE_DEG, MAX_POSE_DEG))


def _shift(rng: Rng, p: Population, room: float) -> tuple[float, float]:
    """(right, anterior) mm; seldom so far that the head leaves the field of view."""
    wide = 2.2 if rng.random() < 0.12 else 1.0
    x, y = rng.normal(0, p.lateral_sd_mm * wide), rng.normal(p.height_mm, p.height_sd_mm * wide)
    limit = max(room, 4.0) + (12.0 if rng.random() < 0.08 else 0.0)  # the technologist looks at the picture
    length = max(float(np.hypot(x, y)), 1e-6)
    keep = min(1.0, limit / length)
    return float(x * keep), float(y * keep)


def _foreign(rng: Rng, p: Population) -> tuple[Removable, ...]:
    if rng.random() >= p.foreign_share:
        return ()
    count = 1 + int(rng.random() < 0.25)
    kinds = rng.choice(OBJECTS, count, replace=False, p=np.array(OBJECT_WEIGHTS) / sum(OBJECT_WEIGHTS))
    return tuple(Removable(str(k), int(rng.choice([-1, 1])), float(rng.uniform(-1, 1))) for k in kinds)  # type: ignore[arg-type]


def _implants(rng: Rng, p: Population) -> tuple[Implant, ...]:
    if rng.random() >= p.metal_share:
        return ()
    return (IMPLANTS[int(rng.choice(len(IMPLANTS), p=np.array(IMPLANT_WEIGHTS) / sum(IMPLANT_WEIGHTS)))],)


def _motion(rng: Rng, p: Population) -> tuple[Motion, ...]:
    """Most often a single jerk over a few slices, sometimes restlessness over half the scan."""
    if rng.random() >= p.motion_share:
        return ()
    severity = float(np.exp(rng.normal(0.45, 0.85)))  # about a quarter leaves no mark, a tenth ruins the slices
    restless = rng.random() < 0.2
    extent = float(rng.uniform(60, 160) if restless else rng.uniform(6, 40))
    middle = float(rng.uniform(10, 130))
    turn = float(rng.beta(2, 2))
    return (
        Motion(
            middle - extent / 2,
            middle + extent / 2,
            degrees=min(3.2 * severity * turn, 14.0),
            shift_mm=min(2.4 * severity * (1 - turn), 9.0),
            lift_mm=float(min(severity * rng.uniform(0, 1.5), 4.0)) if rng.random() < 0.3 else 0.0,
            course=("tremor", "drift", "jerk")[int(rng.integers(3))]
            if restless
            else COURSES[int(rng.integers(len(COURSES)))],
            half_scan=bool(rng.random() < 0.3),
        ),
    )
