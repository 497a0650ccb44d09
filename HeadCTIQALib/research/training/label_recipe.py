"""What is drawn at random for a head made from a label map."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

Triple = tuple[float, float, float]


class Kind(NamedTuple):
    """One kind of spot: how often, how many at most, the range of its radius (mm) and of its HU."""

    chance: float
    most: int
    radius_mm: tuple[float, float]
    hu: tuple[float, float]


KINDS = MappingProxyType(
    {
        "infarct": Kind(0.2, 2, (8, 45), (10, 27)),
        "bleed": Kind(0.2, 2, (5, 28), (50, 85)),
        "subdural": Kind(0.12, 2, (25, 60), (12, 80)),
        "tumour": Kind(0.12, 2, (8, 28), (15, 70)),  # with oedema around it
        "cyst": Kind(0.06, 1, (8, 30), (0, 14)),
        "calcification": Kind(0.4, 4, (2, 5), (100, 500)),
        "craniectomy": Kind(0.1, 1, (15, 50), (20, 60)),
        "fluid": Kind(0.25, 3, (8, 30), (0, 45)),
        "filling": Kind(0.3, 6, (2, 4), (1800, 3000)),
    }
)
OEDEMA_HU = (14.0, 24.0)


class Spot(NamedTuple):
    """A rounded, irregular region of other HU; ``place``, from 0 to 1, picks its centre among the voxels that may host it."""

    kind: str
    place: float
    radius_mm: float
    hu: float


@dataclass(frozen=True)
class Recipe:
    """All that makes a head from its parent; lengths in mm, angles in degrees.

    Attributes:
        seed: of the random fields and the noise.
        scale, shear, turn: affine part of the deformation, new head to parent (factors; xy, xz, yz; rotation vector, RAS).
        field_mm, field_apart_mm: SD of the smooth part, and how far apart its nodes are.
        skull_mm, scalp_mm, atrophy_mm, ventricle_mm: see :func:`~HeadCTIQALib.research.training.label_anatomy.reshape`.
        grey to air: mean HU; ``bone`` is of its tables, ``diploe`` the share that remains between them.
        fat_share: of the soft tissue.
        blood: HU of dural sinuses and vessels; high with contrast medium.
        texture, grain: SD in HU of smooth and fine variation within soft tissue.
        spots: lesions, fluid, fillings and defects.
        hair, hair_mm: HU and depth of hair; none where 0 mm deep.
        mask_mm, mask_tilt: the face is air in front of a plane tilted forwards by ``mask_tilt`` that passes ``mask_mm`` before
            the brain; None keeps the face.
        rest: "", "arc" or "plate" behind the head, or "both", ``rest_gap_mm`` away, ``rest_mm`` thick and of ``rest_hu``;
            the arc ends ``rest_wrap`` of its radius before (or, below 0, behind) the middle of the head.
        blur_mm: SD of the point spread.
        noise: SD in HU.
    """

    seed: int
    scale: Triple
    shear: Triple
    turn: Triple
    field_mm: float
    field_apart_mm: float
    skull_mm: float
    scalp_mm: float
    atrophy_mm: float
    ventricle_mm: float
    grey: float
    white: float
    csf: float
    deep_grey: float
    hindbrain: float
    muscle: float
    fat: float
    bone: float
    diploe: float
    globe: float
    air: float
    fat_share: float
    blood: float
    texture: float
    grain: float
    spots: tuple[Spot, ...]
    hair: float
    hair_mm: float
    mask_mm: float | None
    mask_tilt: float
    rest: str
    rest_gap_mm: float
    rest_mm: float
    rest_wrap: float
    rest_hu: float
    blur_mm: float
    noise: float

    @classmethod
    def random(cls, seed: int) -> Recipe:
        """The recipe of a seed: the same one each time."""
        rng = np.random.default_rng([seed, 0])
        u, often = rng.uniform, lambda chance: bool(rng.random() < chance)
        size = np.exp(u(-0.1, 0.1))
        medium = u(0.3, 1.0) if often(0.25) else 0.0  # contrast medium
        white = rng.normal(27, 2) + 2 * medium
        grey = white + u(4, 11) + 4 * medium
        return cls(
            seed=seed, scale=_triple(size * np.exp(rng.normal(0, 0.03, 3))), shear=_triple(rng.normal(0, 0.03, 3)),
            turn=_triple(np.clip(rng.normal(0, 4, 3), -9, 9)), field_mm=u(2, 4.5), field_apart_mm=u(35, 75),
            skull_mm=u(-3, 4), scalp_mm=u(0, 3), atrophy_mm=u(-1.5, 3), ventricle_mm=u(-2.5, 5),
            grey=grey, white=white, csf=u(0, 14), deep_grey=grey + u(-3, 2), hindbrain=(grey + white) / 2 + u(-3, 3),
            muscle=u(40, 65) + 15 * medium, fat=u(-115, -75), bone=u(700, 1500), diploe=u(0.25, 0.9), globe=u(5, 25), air=u(-1000, -850),
            fat_share=u(0.2, 0.7), blood=u(45, 65) + 300 * medium, texture=u(0.5, 3), grain=u(0, 3), spots=_spots(rng),
            hair=u(-980, -750), hair_mm=u(4, 18) if often(0.5) else 0.0,
            mask_mm=u(4, 25) if often(0.2) else None, mask_tilt=u(0, 50),
            rest=str(rng.choice(["", "arc", "plate", "both"])), rest_gap_mm=u(2, 14), rest_mm=u(4, 14), rest_wrap=u(-0.8, 0.2), rest_hu=u(-400, 250),
            blur_mm=u(1, 2.5), noise=u(0, 5) if often(0.8) else u(5, 12),
        )  # fmt: skip


def _triple(v: np.ndarray) -> Triple:
    x, y, z = (float(c) for c in v)
    return x, y, z


def _spots(rng: np.random.Generator) -> tuple[Spot, ...]:
    out = []
    for kind, k in KINDS.items():
        for _ in range(rng.integers(1, k.most + 1) if rng.random() < k.chance else 0):
            spot = Spot(kind, float(rng.random()), float(rng.uniform(*k.radius_mm)), float(rng.uniform(*k.hu)))
            if kind == "tumour":
                out.append(
                    spot._replace(
                        kind="oedema", radius_mm=spot.radius_mm * rng.uniform(1.2, 2), hu=float(rng.uniform(*OEDEMA_HU))
                    )
                )
            out.append(spot)
    return tuple(out)
