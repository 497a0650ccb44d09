"""Heads made from the labels of other heads: new anatomy, new contrast, never the image of a person.

Domain randomisation in the manner of SynthSeg (Billot et al., Med Image Anal 2023) for head CT.  The same seed and parent
make the same head.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from HeadCTIQALib.findings import Tissue

from .heads import AGREEMENT_MM, LabelledHead
from .label_anatomy import reshape
from .label_contrast import Draft, paint
from .label_recipe import Recipe
from .label_warp import Warp

FOLDER = "label-maps"
SEEDS = range(3000, 3060)
FINE_MM = 3.5  # parents are sampled more finely than this
_OF = "-of-"


def warp_of(parent: LabelledHead, recipe: Recipe) -> Warp:
    """The deformation that a recipe asks for, on the parent's grid."""
    xy, xz, yz = recipe.shear
    shear = np.array([[1, xy, xz], [0, 1, yz], [0, 0, 1]])
    matrix = Rotation.from_rotvec(recipe.turn, degrees=True).as_matrix() @ shear @ np.diag(recipe.scale)
    return Warp.random(
        np.random.default_rng([recipe.seed, 1]), parent.grid, matrix, recipe.field_mm, recipe.field_apart_mm
    )


def deform(parent: LabelledHead, warp: Warp) -> LabelledHead:
    """The parent's labels, template coordinates and landmarks moved alike (RAS mm, same grid); its HU are left behind.

    Holder and couch do not come along.  Landmarks are exact, and may come to lie outside the grid.
    """
    index = np.moveaxis(parent.grid.index(warp.lattice()), -1, 0)

    def nearest(a: NDArray[np.generic]) -> NDArray[np.uint8]:
        return ndimage.map_coordinates(a.astype(np.uint8), index, order=0, mode="constant")

    anatomy = np.where(parent.tissue < Tissue.HOLDER, parent.tissue, Tissue.OUTSIDE)
    template = np.stack(
        [ndimage.map_coordinates(c, index, order=1, mode="constant", cval=np.nan) for c in parent.template]
    )
    moved = warp.inverse(np.array(list(parent.landmarks.values()), float).reshape(-1, 3))
    marks = {n: (float(x), float(y), float(z)) for n, (x, y, z) in zip(parent.landmarks, moved, strict=True)}
    air = np.full(parent.grid.shape, -1024.0, np.float32)
    return LabelledHead(
        parent.name, air, nearest(parent.inside) > 0, nearest(anatomy), template.astype(np.float32), parent.grid, marks
    )


def vary(parent: LabelledHead, recipe: Recipe) -> LabelledHead:
    """A new head from the labels of ``parent``, which is named in its name; RAS mm on the parent's grid."""
    new = deform(parent, warp_of(parent, recipe))
    tissue = reshape(
        new.tissue, new.template[2], new.inside, new.grid.spacing, np.random.default_rng([recipe.seed, 2]),
        recipe.skull_mm, recipe.scalp_mm, recipe.atrophy_mm, recipe.ventricle_mm,
    )  # fmt: skip
    draft = Draft(new.grid, tissue, new.hu.astype(float), new.template, new.inside)
    paint(draft, recipe, np.random.default_rng([recipe.seed, 3]))
    hu = np.where(new.inside, draft.hu.clip(-1024, 3071), -1024).astype(np.float32)
    tissue = np.where(new.inside, draft.tissue, Tissue.OUTSIDE).astype(np.uint8)
    return LabelledHead(
        f"labelmap{recipe.seed}{_OF}{parent.name}", hu, new.inside, tissue, new.template, new.grid, new.landmarks
    )


def parent_of(name: str) -> str:
    """The head that a head of :func:`vary` was made from; the head itself where it was not."""
    return name.partition(_OF)[2] if name.startswith("labelmap") else name


def prepare_label_maps(out: Path, count: int = len(SEEDS)) -> None:
    """Write ``out``/label-maps/labelmap<seed>-of-<parent>.npz; heads that exist already are kept.

    The parents, in turn, are the finely sampled heads of ``out``/labels on which the atlases agree; nothing without one.
    """
    labels = map(LabelledHead.load, sorted((out / "labels").glob("*.npz")))
    parents = [h for h in labels if h.grid.spacing < FINE_MM and h.disagreement_mm <= AGREEMENT_MM]
    if not parents:
        return
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    for n in range(count):
        seed = SEEDS.start + n
        if not any((out / FOLDER).glob(f"labelmap{seed}{_OF}*.npz")):
            vary(parents[n % len(parents)], Recipe.random(seed)).save(out / FOLDER)
