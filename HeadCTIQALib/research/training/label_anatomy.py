"""Changes of the anatomy of a label map that no deformation makes: skull thickness, sulci, ventricles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.findings.types import INTRACRANIAL, PARENCHYMA

from .label_warp import smooth_noise

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
DEEP_MM = (
    25.0  # CSF further than this from the border of the intracranial space is a ventricle, nearer a sulcus or cistern
)
VAULT_MM = 20.0  # template z above which the skull is vault
LEAST_ML = 1.0  # a smaller piece of deep CSF is a cleft, or a mislabelled speck, not a ventricle
PATCH_MM = 25.0  # a border that moves by less than a voxel moves in patches about this large


def distance(mask: Mask, spacing: float) -> NDArray[np.float64]:
    """(Z, Y, X) mm from every voxel to the nearest one of ``mask``; infinite where there is none."""
    return ndimage.distance_transform_edt(~mask) * spacing if mask.any() else np.full(mask.shape, np.inf)


def enclosed(tissue: Labels) -> Mask:
    """The skull and all within it, slice by slice."""
    solid = np.isin(tissue, (Tissue.BONE, *INTRACRANIAL))
    return np.stack([ndimage.binary_fill_holes(plane) for plane in solid])


def ventricles(tissue: Labels, inside: Mask, spacing: float) -> Mask:
    """Large pieces of CSF deep in the brain; where the scan ends, the brain does not."""
    border = ~np.isin(tissue, INTRACRANIAL) & inside
    pieces, _ = ndimage.label((tissue == Tissue.CSF) & (distance(border, spacing) > DEEP_MM))
    large = np.bincount(pieces.ravel()) * spacing**3 >= 1000 * LEAST_ML
    large[0] = False
    return large[pieces]


class Borders:
    """Moves borders within a label map by distances that may be less than a voxel, on average."""

    def __init__(self, tissue: Labels, spacing: float, rng: np.random.Generator) -> None:
        self.tissue = tissue.copy()
        self.spacing = spacing
        # uniform from 0 to 1, so that a border moved by a third of a voxel moves by a voxel on a third of its area
        self.chance = special.ndtr(smooth_noise(rng, tissue.shape, PATCH_MM / spacing))

    def move(self, from_: Mask, into: Mask, mm: float, becomes: Tissue) -> None:
        """Voxels of ``into`` within ``mm`` of ``from_`` become another tissue; nothing where ``mm`` is not positive."""
        if mm > 0:
            self.tissue[into & (distance(from_, self.spacing) - self.spacing * self.chance <= mm)] = becomes


def reshape(
    tissue: Labels, template_z: NDArray[np.float32], inside: Mask, spacing: float, rng: np.random.Generator,
    skull_mm: float = 0.0, scalp_mm: float = 0.0, atrophy_mm: float = 0.0, ventricle_mm: float = 0.0,
) -> Labels:  # fmt: skip
    """A label map (Z, Y, X) with other thicknesses.

    Args:
        template_z: (Z, Y, X) height in the template, mm; may be NaN.
        inside: the imaged part.
        spacing: voxel size, mm.
        skull_mm: bone added to the outside of the vault or, below 0, taken from it; the skin moves outwards with it.
        scalp_mm: soft tissue added to the outside of the vault.
        atrophy_mm: CSF grown from sulci and inner table into cortex; below 0 cortex grows into sulci.
        ventricle_mm: ventricles grown into the brain; below 0 they shrink.
    """
    b = Borders(tissue, spacing, rng)
    within, vault = enclosed(tissue), template_z > VAULT_MM
    head = (tissue > Tissue.OUTSIDE) & (tissue < Tissue.HOLDER)
    brain = np.isin(tissue, INTRACRANIAL)
    b.move(head & vault, ~head & vault, max(skull_mm, 0.0) + scalp_mm, Tissue.SOFT)
    soft = b.tissue == Tissue.SOFT
    b.move(tissue == Tissue.BONE, soft & vault & ~within, skull_mm, Tissue.BONE)
    inner_table = distance(brain, spacing) < 1.5 * spacing  # stays, however thin the skull becomes
    b.move(soft & ~within, (tissue == Tissue.BONE) & vault & ~inner_table, -skull_mm, Tissue.SOFT)

    deep = ventricles(tissue, inside, spacing)
    shallow = (tissue == Tissue.CSF) & ~deep
    grey = tissue == Tissue.GREY
    b.move(shallow | (tissue == Tissue.BONE), grey, atrophy_mm, Tissue.CSF)
    b.move(grey, shallow, -atrophy_mm, Tissue.GREY)
    wall = np.isin(tissue, PARENCHYMA) & ~grey  # cortex lines sulci that reach deep
    b.move(deep, wall, ventricle_mm, Tissue.CSF)
    b.move(wall, deep, -ventricle_mm, Tissue.WHITE)
    return b.tissue
