"""random_pathology: what is wrong with one head of a population."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from HeadCTIQALib.synthesis.pathology import Lesion, LesionKind, Pathology, SkullHole
from HeadCTIQALib.synthesis.shapes import Point

if TYPE_CHECKING:
    from HeadCTIQALib.synthesis.head_model import HeadModel
    from HeadCTIQALib.synthesis.population import Population

KINDS: tuple[LesionKind, ...] = (
    "haemorrhage", "infarct", "old_infarct", "tumour", "calcification", "subdural", "epidural", "subarachnoid", "oedema",
)  # fmt: skip
WEIGHTS = (0.16, 0.2, 0.16, 0.12, 0.1, 0.13, 0.03, 0.05, 0.05)
VAULT_CENTRE, VAULT_RADII = np.array([0.0, 3.0, 45.0]), np.array([66.0, 79.0, 69.0])  # of the inner table


def random_pathology(rng: np.random.Generator, head: HeadModel, population: Population) -> Pathology:
    """Usually nothing or one lesion; sometimes a skull that was opened, a shunt, contrast medium."""
    lesions: list[Lesion] = []
    if rng.random() < population.pathology_share:
        for n in range(1 + int(rng.random() < 0.3)):
            kind = KINDS[int(rng.choice(len(KINDS), p=WEIGHTS))]
            lesions.append(random_lesion(rng, kind, n))
    contrast = rng.random() < population.contrast_share
    holes = _random_holes(rng) if rng.random() < 0.12 * population.pathology_share else ()
    mass = max((_mass_effect(v) for v in lesions), key=abs, default=0.0)
    return Pathology(
        lesions=tuple(lesions),
        holes=holes,
        shift_mm=float(mass * (1 - 0.6 * head.atrophy)),
        vessel_hu=float(rng.choice([rng.uniform(90, 160), rng.uniform(200, 380)], p=[0.6, 0.4]))
        if contrast
        else float(rng.uniform(36, 50)),
        shunt_side=int(rng.choice([-1, 1])) if rng.random() < 0.05 * population.pathology_share else 0,
    )


def random_lesion(rng: np.random.Generator, kind: LesionKind, texture: int = 0) -> Lesion:
    """A lesion of ``kind`` where such lesions are found."""
    side = float(rng.choice([-1, 1]))
    if kind in ("subdural", "epidural"):
        thick = float(rng.uniform(3, 15) if kind == "subdural" else rng.uniform(8, 25))
        spread = (
            (float(rng.uniform(45, 75)), float(rng.uniform(25, 40)))
            if kind == "subdural"
            else (float(rng.uniform(22, 34)), float(rng.uniform(20, 30)))
        )
        hu = (
            float(rng.choice([rng.uniform(55, 75), rng.uniform(34, 45), rng.uniform(16, 28)], p=[0.5, 0.2, 0.3]))
            if kind == "subdural"
            else float(rng.uniform(55, 75))
        )
        return Lesion(
            kind, (side * 55.0, float(rng.uniform(-25, 35)), float(rng.uniform(55, 80))), (thick, *spread), hu, texture
        )
    if kind == "subarachnoid":
        return Lesion(
            kind,
            (side * float(rng.uniform(0, 25)), 28.0, 32.0),
            (float(rng.uniform(18, 55)), 28.0, 16.0),
            float(rng.uniform(40, 62)),
            texture,
        )
    where: Point = (side * float(rng.uniform(14, 46)), float(rng.uniform(-48, 58)), float(rng.uniform(38, 88)))
    if kind == "haemorrhage" and rng.random() < 0.5:  # of the basal ganglia
        where = (side * 27.0, float(rng.uniform(8, 28)), float(rng.uniform(42, 52)))
    size = {
        "haemorrhage": (5, 24),
        "infarct": (8, 34),
        "old_infarct": (4, 24),
        "tumour": (8, 24),
        "calcification": (1.2, 4.5),
        "oedema": (40, 80),
    }[kind]
    mean = float(rng.uniform(*size))
    radii: Point = tuple(float(mean * rng.uniform(0.7, 1.3)) for _ in range(3))  # type: ignore[assignment]
    hu = {
        "haemorrhage": rng.uniform(54, 78), "infarct": rng.uniform(17, 27), "old_infarct": rng.uniform(7, 16), "tumour": rng.uniform(26, 58),
        "calcification": rng.uniform(110, 600), "oedema": rng.uniform(27, 30),
    }[kind]  # fmt: skip
    return Lesion(kind, where, radii, float(hu), texture)


def _mass_effect(lesion: Lesion) -> float:
    """Midline shift in mm to the patient's right."""
    away = -float(np.sign(lesion.centre[0]))
    if lesion.kind in ("subdural", "epidural"):
        return away * min(0.45 * lesion.radii_mm[0], 9.0)
    if lesion.kind in ("haemorrhage", "tumour"):
        return away * max(0.0, min(0.3 * (float(np.mean(lesion.radii_mm)) - 9), 7.0))
    return 0.0


def _random_holes(rng: np.random.Generator) -> tuple[SkullHole, ...]:
    direction = np.array([rng.choice([-1, 1]) * rng.uniform(0.7, 1.0), rng.uniform(-0.5, 0.7), rng.uniform(0.15, 0.7)])
    ray = direction / np.linalg.norm(direction / VAULT_RADII) * 1.06
    x, y, z = VAULT_CENTRE + ray
    at: Point = (float(x), float(y), float(z))
    fate = rng.random()
    if fate < 0.35:
        return (SkullHole("craniectomy", at, float(rng.uniform(28, 46))),)
    if fate < 0.75:
        return (SkullHole("craniotomy", at, float(rng.uniform(20, 40))),)
    return (SkullHole("burr_hole", at, float(rng.uniform(5, 8))),)
