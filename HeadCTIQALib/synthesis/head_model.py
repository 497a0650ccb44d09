"""HeadModel: the parameters of one simulated adult head and its frames.

Two frames are used.  The *canonical* frame is where the anatomy modules draw: mm of a standard head, x right,
y anterior, z superior, origin between the ear canals, Frankfurt plane about horizontal.  The *head* frame is the
public one: true mm, x right, y anterior, z superior, origin midway between the two ear canal landmarks, the
orbitomeatal line horizontal, and x = 0 exactly the mid-sagittal plane.  A head differs from the standard one by
scaling, by a smooth warp (which leaves the plane x = 0 in itself) and by the parameters below.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.synthesis.pathology import Pathology
from HeadCTIQALib.synthesis.shapes import Array, Waves

Vector = NDArray[np.float64]
STANDARD_LENGTH_MM, STANDARD_WIDTH_MM = 184.0, 152.0

EAM_CANONICAL = (51.5, 0.0, 0.0)
CANTHUS_CANONICAL = (50.4, 72.7, 13.5)


@dataclass(frozen=True)
class HeadModel:
    """One head; equal parameters give equal anatomy.

    Attributes:
        seed: seeds the fine texture (sulci, air cells, diploe, fat planes).
        length_mm, width_mm, height_scale: outer size of the cranium (165-205, 135-165; height 1 = 128 mm above the ear canals).
        skull_mm, scalp_mm: typical thickness of vault and scalp.
        age: years; atrophy 0..1 widens sulci, ventricle_scale the ventricles.
        sinus_scale, frontal_sinus, mastoid_air: pneumatisation.
        neck_mm: length of the neck below the ear canals before the shoulders begin.
        face_scale: size of nose and chin; fat_mm: subcutaneous fat of face and neck.
        asymmetry_mm: amplitude of the smooth warp.
        warp: (8,) phases of the warp.
        shape_mm: amplitude of the symmetric part of the warp (long or flat foreheads, occiputs, faces).
        grey_hu, white_hu: of cortex and white matter.
        hair_mm, hair_hu: thickness and density of the hair on the calvarium.
        teeth: False for an edentulous jaw.
        sinus_fluid: 0..1 of the right and left maxillary, the sphenoid and the ethmoid sinuses.
        calcified: HU factor of pineal gland and choroid plexus.
        pathology: what is wrong with the head.
    """

    seed: int = 0
    length_mm: float = 184.0
    width_mm: float = 152.0
    height_scale: float = 1.0
    skull_mm: float = 6.0
    scalp_mm: float = 5.5
    age: float = 60.0
    atrophy: float = 0.35
    ventricle_scale: float = 1.0
    sinus_scale: float = 1.0
    frontal_sinus: float = 1.0
    mastoid_air: float = 0.8
    neck_mm: float = 125.0
    face_scale: float = 1.0
    fat_mm: float = 5.0
    asymmetry_mm: float = 0.8
    warp: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    shape_mm: float = 0.0
    grey_hu: float = 37.0
    white_hu: float = 28.0
    hair_mm: float = 0.0
    hair_hu: float = -930.0
    teeth: bool = True
    sinus_fluid: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    calcified: float = 1.0
    pathology: Pathology = field(default_factory=Pathology)

    @classmethod
    def random(cls, seed: int, *, hair: bool = False) -> HeadModel:
        """A plausible healthy adult drawn reproducibly from ``seed``; bald, or with any hair if ``hair``."""
        rng = np.random.default_rng([seed, 71])
        more = np.random.default_rng([seed, 72])
        white = float(more.uniform(26.0, 29.5))
        age = float(rng.uniform(20, 92))
        size = rng.normal()
        return cls(
            seed=seed,
            length_mm=float(np.clip(184 + 6 * size + 4 * rng.normal(), 166, 204)),
            width_mm=float(np.clip(151 + 4 * size + 4 * rng.normal(), 136, 164)),
            height_scale=float(np.clip(1 + 0.02 * size + 0.025 * rng.normal(), 0.92, 1.09)),
            skull_mm=float(rng.uniform(4.2, 8.5)),
            scalp_mm=float(rng.uniform(3.8, 7.5)),
            age=age,
            atrophy=float(np.clip((age - 20) / 75 + 0.15 * rng.normal(), 0, 1)),
            ventricle_scale=float(np.clip(0.85 + (age - 40) / 130 + 0.15 * rng.normal(), 0.7, 1.6)),
            sinus_scale=float(rng.uniform(0.75, 1.1)),
            frontal_sinus=float(rng.uniform(0.3, 1.25)),
            mastoid_air=float(rng.uniform(0.1, 1.0)),
            neck_mm=float(rng.uniform(105, 150)),
            face_scale=float(rng.uniform(0.93, 1.08)),
            fat_mm=float(rng.uniform(2.5, 8.0)),
            asymmetry_mm=float(rng.uniform(0.2, 1.5)),
            warp=tuple(float(v) for v in rng.uniform(0, 2 * np.pi, 8)),
            shape_mm=float(more.uniform(0.0, 2.2)),
            white_hu=white,
            grey_hu=white + float(np.clip(more.normal(9.9 - 0.012 * (age - 50), 0.7), 7.5, 11.8)),
            hair_mm=float(more.choice([0.0, more.uniform(1, 8), more.uniform(8, 22)], p=[0.3, 0.45, 0.25])) * hair,
            hair_hu=float(more.uniform(-975, -860)),
            teeth=bool(more.random() > (0.05 if age < 60 else 0.3)),
            sinus_fluid=_sinus_fluid(more),
            calcified=float(np.clip(more.normal(0.3 + age / 80, 0.35), 0, 2)),
        )

    @property
    def scale(self) -> tuple[float, float, float]:
        """True mm per canonical mm along x, y, z."""
        return self.width_mm / STANDARD_WIDTH_MM, self.length_mm / STANDARD_LENGTH_MM, self.height_scale

    def waves(self, name: int, wavelength_mm: float, count: int = 9) -> Waves:
        """Texture number ``name`` of this head."""
        return Waves.random(np.random.default_rng([self.seed, 1000 + name]), wavelength_mm, count)

    # Frames -------------------------------------------------------------------------------------------------

    def _warp(self, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
        """Smooth displacement (true mm -> canonical mm); its x component vanishes on x = 0."""
        a, f = np.float32(self.asymmetry_mm), np.asarray(self.warp, np.float32)
        k = np.float32(1 / 38.0)
        sx, sy, sz = np.sin(x * k + f[0]), np.sin(y * k + f[1]), np.sin(z * k + f[2])
        odd = x / (np.abs(x) + np.float32(25))
        ux = a * odd * (sy + np.float32(0.5) * sz + np.float32(0.5) * np.cos(f[3]))
        uy = a * (np.float32(1.2) * sx + np.float32(0.5) * sz)
        uz = a * (np.float32(0.5) * sx + np.float32(0.5) * np.sin(y * k + f[4]))
        if self.shape_mm > 0:  # the same on both sides, with shorter waves
            b, q = np.float32(self.shape_mm), np.float32(1 / 27.0)
            ty, tz = np.sin(y * q + f[5] + f[0]), np.sin(z * q + f[6] + f[1])
            ux = ux + b * x * np.float32(0.008) * (ty + tz)
            uy = uy + b * tz * np.float32(0.7)
            uz = uz + b * ty * np.float32(0.7)
        return np.asarray(ux, np.float32), np.asarray(uy, np.float32), np.asarray(uz, np.float32)

    @cached_property
    def frame(self) -> tuple[Vector, Vector]:
        """(rotation, origin): unscaled mm = rotation @ head mm + origin."""
        mid = [
            np.mean([self._unwarp(np.array([s * p[0], *p[1:]])) for s in (1, -1)], axis=0)
            for p in (EAM_CANONICAL, CANTHUS_CANONICAL)
        ]
        line = mid[1] - mid[0]
        angle = float(np.arctan2(line[2], line[1]))
        c, s = np.cos(angle), np.sin(angle)
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]]), np.array([0.0, mid[0][1], mid[0][2]])

    def _unwarp(self, canonical: Vector) -> Vector:
        scale = np.array(self.scale)
        p = canonical * scale
        for _ in range(16):  # the warp is a contraction: a few steps reach float precision
            x, y, z = (np.asarray(p[..., n], np.float32) for n in range(3))
            p = scale * (canonical - np.stack(self._warp(x, y, z), axis=-1))
        return p

    def to_canonical(self, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
        """Head mm to canonical mm."""
        rotation, origin = self.frame
        c, s = np.float32(rotation[1, 1]), np.float32(rotation[2, 1])
        fy = c * y - s * z + np.float32(origin[1])
        fz = s * y + c * z + np.float32(origin[2])
        u, (kx, ky, kz) = self._warp(x, fy, fz), (np.float32(1 / v) for v in self.scale)
        return (
            np.asarray(x * kx + u[0], np.float32),
            np.asarray(fy * ky + u[1], np.float32),
            np.asarray(fz * kz + u[2], np.float32),
        )

    def to_head(self, canonical: Vector) -> Vector:
        """(..., 3) canonical mm to head mm (inverse of :meth:`to_canonical`)."""
        rotation, origin = self.frame
        return np.asarray((self._unwarp(np.asarray(canonical, float)) - origin) @ rotation)

    def lattice(self, matrix: Vector, shift: Vector) -> tuple[Vector, Vector]:
        """(matrix, shift) that take canonical points to slab indices, given those for head points; ignores the warp."""
        rotation, origin = self.frame
        back = rotation.T * np.array(self.scale)
        return matrix @ back, shift - matrix @ rotation.T @ origin


def _sinus_fluid(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Most people's sinuses are clear; now and then one is opacified in part or completely."""
    full = np.where(rng.random(4) < [0.14, 0.14, 0.07, 0.1], rng.uniform(0.1, 1.0, 4), 0.0)
    return float(full[0]), float(full[1]), float(full[2]), float(full[3])
