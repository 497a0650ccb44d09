"""HU for a label map: tissues, lesions, what surrounds a head, and image quality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, PARENCHYMA
from HeadCTIQALib.volume.resample import Grid

from .label_anatomy import VAULT_MM, distance, ventricles
from .label_recipe import Recipe, Spot
from .label_warp import smooth_noise

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
AIR = -1000.0
RIM_MM = 9.0  # how deep under the inner table a subdural collection reaches
#: What becomes of the tissue in a spot; None leaves it.  Lesions of the brain are "brain not further classified".
BECOMES = {
    "infarct": Tissue.BRAIN, "bleed": Tissue.BRAIN, "subdural": Tissue.BRAIN, "tumour": Tissue.BRAIN, "oedema": Tissue.BRAIN,
    "calcification": Tissue.BRAIN, "cyst": Tissue.CSF, "craniectomy": Tissue.SOFT, "fluid": Tissue.SOFT, "filling": None,
}  # fmt: skip


@dataclass
class Draft:
    """A head in the making, (Z, Y, X): labels and HU change, template (3, Z, Y, X) in mm and imaged mask stay."""

    grid: Grid
    tissue: NDArray[np.uint8]
    hu: Values
    template: NDArray[np.float32]
    inside: Mask

    def among(self, *tissues: Tissue) -> Mask:
        """Where one of the tissues is."""
        return np.isin(self.tissue, tissues)

    def near(self, *tissues: Tissue) -> Values:
        """mm to the nearest voxel of the tissues."""
        return distance(self.among(*tissues), self.grid.spacing)

    def noise(self, rng: np.random.Generator, mm: float) -> Values:
        """Smooth noise of SD 1 that changes over ``mm``."""
        return smooth_noise(rng, self.grid.shape, mm / self.grid.spacing)


def paint(d: Draft, r: Recipe, rng: np.random.Generator) -> None:
    """HU of everything; the labels follow where lesions, defects, mask or head rest change them."""
    _tissues(d, r, rng)
    _vessels(d, r, rng)
    for spot in r.spots:
        _spot(d, spot, rng)
    if r.mask_mm is not None:
        _mask_face(d, r.mask_mm, r.mask_tilt, rng)
    if r.hair_mm > 0:
        depth = d.near(*HEAD) / r.hair_mm
        hair = (depth < 1) & d.among(Tissue.OUTSIDE) & (d.template[2] > 0.55 * d.template[1])
        strands = np.clip(1 - depth + 0.3 * d.noise(rng, 8), 0, 1)
        d.hu[hair] = (AIR + strands * (r.hair - AIR))[hair]
    if r.rest:
        _rest(d, r)
    d.hu[:] = ndimage.gaussian_filter(d.hu, r.blur_mm / d.grid.spacing) + rng.normal(0, r.noise, d.hu.shape)


def _tissues(d: Draft, r: Recipe, rng: np.random.Generator) -> None:
    table = np.full(max(Tissue) + 1, AIR)
    for tissue, hu in (
        (Tissue.SOFT, r.muscle), (Tissue.BONE, r.bone), (Tissue.AIR_CAVITY, r.air), (Tissue.BRAIN, r.hindbrain), (Tissue.GREY, r.grey),
        (Tissue.WHITE, r.white), (Tissue.DEEP_GREY, r.deep_grey), (Tissue.CSF, r.csf), (Tissue.GLOBE, r.globe),
    ):  # fmt: skip
        table[tissue] = hu
    d.hu[:] = table[d.tissue]
    soft = d.among(Tissue.SOFT)
    if r.fat_share > 0 and soft.any():
        lobules = d.noise(rng, 12) + 2 * (d.near(Tissue.GLOBE) < 12)  # the orbit is mostly fat
        d.hu[soft & (lobules > np.quantile(lobules[soft], 1 - r.fat_share))] = r.fat
    bone = d.among(Tissue.BONE)
    between = bone & (ndimage.uniform_filter(bone.astype(np.float32), 3) > 0.75)
    d.hu[between] *= r.diploe
    d.hu[bone] *= np.clip(1 + 0.15 * d.noise(rng, 15), 0.4, None)[bone]
    wet = d.among(Tissue.SOFT, Tissue.GLOBE, *INTRACRANIAL)
    d.hu[wet] += (r.texture * d.noise(rng, 14) + rng.normal(0, r.grain, d.hu.shape))[wet]


def _vessels(d: Draft, r: Recipe, rng: np.random.Generator) -> None:
    """Sagittal and transverse sinuses under the inner table, and vessels: lines where two smooth fields vanish."""
    x, y, z = d.template
    table = d.among(*INTRACRANIAL) & (d.near(Tissue.BONE) < 1.5 * d.grid.spacing)
    sagittal = (np.abs(x) < 6) & (z > VAULT_MM) & (y < 70) & ((y < -20) | (z > 70))
    transverse = (np.abs(z - 25) < 7) & (y < -25)
    d.hu[table & (sagittal | transverse)] = r.blood
    lines = np.hypot(d.noise(rng, 20), d.noise(rng, 20)) < 0.03 * d.grid.spacing
    d.hu[lines & d.among(Tissue.CSF, Tissue.GREY, Tissue.SOFT)] = r.blood


def _spot(d: Draft, spot: Spot, rng: np.random.Generator) -> None:
    host, within = _host(d, spot.kind)
    where = np.argwhere(host)
    if not len(where):
        return
    centre = where[int(spot.place * len(where))]
    offset = np.meshgrid(
        *(np.arange(n) - c for n, c in zip(d.grid.shape, centre, strict=True)), indexing="ij", sparse=True
    )
    radius = d.grid.spacing * np.sqrt(sum(o.astype(float) ** 2 for o in offset))
    ball = within & (radius * (1 + 0.2 * d.noise(rng, max(spot.radius_mm, 8))) <= spot.radius_mm)
    d.hu[ball] = spot.hu + rng.normal(0, 2, d.hu.shape)[ball]
    becomes = BECOMES[spot.kind]
    if becomes is not None:
        d.tissue[ball] = becomes


def _host(d: Draft, kind: str) -> tuple[Mask, Mask]:
    """Where the centre of a spot may lie, and where it may reach."""
    _, y, z = d.template
    if kind in ("infarct", "bleed", "tumour"):
        return (brain := d.among(*PARENCHYMA)), brain
    if kind == "oedema":  # its centre is that of its tumour, but it keeps to white matter
        return d.among(*PARENCHYMA), d.among(Tissue.WHITE)
    if kind == "subdural":
        return (rim := d.among(*INTRACRANIAL) & (d.near(Tissue.BONE) < RIM_MM)), rim
    if kind == "cyst":
        return d.among(Tissue.CSF), d.among(*INTRACRANIAL)
    if kind == "calcification":
        return (deep := d.among(Tissue.DEEP_GREY) | ventricles(d.tissue, d.inside, d.grid.spacing)), deep
    if kind == "craniectomy":
        return (vault := d.among(Tissue.BONE) & (z > VAULT_MM)), vault
    if kind == "fluid":
        return (cavity := d.among(Tissue.AIR_CAVITY)), cavity
    return (teeth := d.among(Tissue.BONE) & (y > 45) & (z < -35) & (z > -75)), teeth


def _mask_face(d: Draft, mm: float, tilt: float, rng: np.random.Generator) -> None:
    """Air in front of a plane that passes ``mm`` before the brain; the landmarks there stay known, as the face was there."""
    a = np.radians(tilt)
    normal = np.array([rng.normal(0, 0.08), np.cos(a), -np.sin(a)])
    height = np.tensordot(normal, d.template, 1)
    brain = d.among(*INTRACRANIAL) & np.isfinite(height)
    if brain.any():
        gone = height > height[brain].max() + mm
        d.hu[gone], d.tissue[gone] = AIR, Tissue.OUTSIDE


def _rest(d: Draft, r: Recipe) -> None:
    """A curved head holder, a flat couch, or both, behind the head in the RAS frame."""
    where = np.argwhere(d.among(*HEAD) & (d.template[2] > 0))
    if not len(where):
        return
    _, back, _ = d.grid.point(where.min(0))
    ras = d.grid.ras()
    middle = d.grid.point(where.mean(0))
    thick = max(r.rest_mm, 1.2 * d.grid.spacing)
    x, y = ras[..., 0] - middle[0], ras[..., 1] - middle[1]
    room = d.among(Tissue.OUTSIDE) & d.inside
    depth = middle[1] - back + r.rest_gap_mm  # of the near face behind the middle of the head
    if r.rest in ("arc", "both"):
        shell = (np.abs(np.hypot(x, y) - depth - thick / 2) < thick / 2) & (y < r.rest_wrap * depth)
        d.hu[room & shell], d.tissue[room & shell] = r.rest_hu, Tissue.HOLDER
    if r.rest in ("plate", "both"):
        far = depth + (thick if r.rest == "both" else 0)
        plate = (-y > far) & (-y < far + thick)
        d.hu[room & plate], d.tissue[room & plate] = r.rest_hu, Tissue.HOLDER
