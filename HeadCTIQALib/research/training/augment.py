"""Random poses, shapes, coverages and image qualities for the anatomy network, drawn on the fly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.networks.channels import LANDMARKS

from .heads import LabelledHead

SHAPE = (40, 48, 40)  # (z, y, x)
SPACING = 5.0


@dataclass(frozen=True)
class Sample:
    """One training example on the (Z, Y, X) network grid.

    ``landmarks`` is (14, 3) in (z, y, x) voxels and ``present`` (14,) says which lie in the imaged part.
    """

    hu: torch.Tensor
    inside: torch.Tensor
    tissue: torch.Tensor
    template: torch.Tensor
    template_valid: torch.Tensor
    landmarks: torch.Tensor
    present: torch.Tensor


def rotation(yaw: float, roll: float, pitch: float) -> NDArray[np.float64]:
    """Rotation matrix in RAS: pitch about x, then roll about y, then yaw about z (degrees)."""
    p, r, y = np.radians([pitch, roll, yaw])
    rx = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    ry = np.array([[np.cos(r), 0, np.sin(r)], [0, 1, 0], [-np.sin(r), 0, np.cos(r)]])
    rz = np.array([[np.cos(y), -np.sin(y), 0], [np.sin(y), np.cos(y), 0], [0, 0, 1]])
    return rz @ ry @ rx


def flipped(head: LabelledHead) -> LabelledHead:
    """The mirror image of a head; sides of paired landmarks change, template x changes sign."""
    grid = head.grid
    centre = 2 * grid.origin[0] + grid.spacing * (grid.shape[2] - 1)
    marks = {}
    for name, (x, y, z) in head.landmarks.items():
        other = name[:-1] + {"R": "L", "L": "R"}[name[-1]] if name[-2:] in ("_R", "_L") else name
        marks[other] = (centre - x, y, z)
    template = head.template[..., ::-1].copy()
    template[0] *= -1
    return LabelledHead(
        head.name,
        head.hu[..., ::-1].copy(),
        head.inside[..., ::-1].copy(),
        head.tissue[..., ::-1].copy(),
        template,
        grid,
        marks,
    )


def draw(head: LabelledHead, rng: np.random.Generator) -> Sample:
    """One random example of ``head``."""
    if rng.random() < 0.5:
        head = flipped(head)
    tilt = (rng.normal(0, 9), rng.normal(0, 7), rng.normal(0, 14))
    matrix = np.diag(rng.uniform(0.88, 1.14) * rng.uniform(0.95, 1.05, 3)) @ rotation(
        *np.clip(tilt, (-25, -20, -40), (25, 20, 35))
    )
    centre = np.mean([head.landmarks[n] for n in ("SEPTUM", "PINEAL")], axis=0)
    shift = rng.normal(0, 9, 3)
    if rng.random() < 0.15:  # a scan that ends below the vertex puts the head higher in the grid
        shift[2] -= rng.uniform(0, 40)
    # the network's box ends 24 mm above the top of the tissue, which is about 75 mm above the septum
    half = (np.array(SHAPE) - 1) / 2
    drop = np.array([-shift[2], -shift[1], -shift[0]])  # (z, y, x) mm from the grid centre to the anatomy's
    z, y, x = np.meshgrid(
        *(SPACING * (np.arange(n) - h) - d for n, h, d in zip(SHAPE, half, drop, strict=True)), indexing="ij"
    )
    out_points = np.stack([x, y, z], axis=-1)
    field = smooth_field(rng, rng.uniform(0, 4))
    source = out_points @ matrix.T + field + centre
    index = torch.from_numpy(head.grid.index(source).copy()).float()  # (Z, Y, X, 3) as (z, y, x)
    n = torch.tensor(head.grid.shape, dtype=torch.float32)
    where = (2 * index / (n - 1) - 1)[None]
    where = where[..., [2, 1, 0]]
    linear = torch.from_numpy(
        np.concatenate(
            [
                head.hu[None] + 1024,
                head.inside[None],
                np.nan_to_num(head.template, nan=0.0),
                np.isfinite(head.template[:1]),
            ]
        ).astype(np.float32)
    )[None]
    soft = torch.nn.functional.grid_sample(linear, where, mode="bilinear", padding_mode="zeros", align_corners=True)[0]
    hard = torch.nn.functional.grid_sample(
        torch.from_numpy(head.tissue.astype(np.float32))[None, None],
        where,
        mode="nearest",
        padding_mode="zeros",
        align_corners=True,
    )[0, 0]
    hu = soft[0].numpy() - 1024
    inside, tissue = soft[1].numpy() > 0.5, hard.numpy().astype(np.uint8)
    valid = (soft[5].numpy() > 0.99) & (tissue > 0) & (tissue < Tissue.HOLDER)
    inverse = np.linalg.inv(matrix)
    marks = np.zeros((len(LANDMARKS), 3))
    known = np.zeros(len(LANDMARKS), bool)
    for m, name in enumerate(LANDMARKS):
        if name not in head.landmarks:
            continue
        target = np.asarray(head.landmarks[name]) - centre
        p = inverse @ target
        for _ in range(8):  # invert the smooth field by fixed-point iteration
            voxel = (p[::-1] + drop) / SPACING + half
            u = field[tuple(np.clip(np.rint(voxel), 0, np.array(SHAPE) - 1).astype(int))]
            p = inverse @ (target - u)
        marks[m] = (p[::-1] + drop) / SPACING + half
        known[m] = True
    hu, inside = degrade(hu, inside, tissue, marks, rng)
    near = np.clip(np.rint(marks), 0, np.array(SHAPE) - 1).astype(int)
    present = known & (marks > 1).all(1) & (marks < np.array(SHAPE) - 2).all(1) & inside[tuple(near.T)]
    tissue = np.where(inside, tissue, 0).astype(np.int64)
    return Sample(
        torch.from_numpy(hu.astype(np.float32))[None], torch.from_numpy(inside.astype(np.float32))[None], torch.from_numpy(tissue),
        soft[2:5], torch.from_numpy(valid & inside), torch.from_numpy(marks).float(), torch.from_numpy(present),
    )  # fmt: skip


def smooth_field(rng: np.random.Generator, sigma_mm: float) -> NDArray[np.float32]:
    """(Z, Y, X, 3) smooth random displacement in mm, (x, y, z) order; control points about 45 mm apart."""
    coarse = np.stack([ndimage.zoom(c, 3, order=3) for c in rng.normal(0, sigma_mm, (3, 6, 6, 6))])
    fine = torch.nn.functional.interpolate(
        torch.from_numpy(coarse.astype(np.float32))[None], SHAPE, mode="trilinear", align_corners=True
    )
    return fine[0].permute(1, 2, 3, 0).numpy()


def degrade(
    hu: NDArray[np.float32],
    inside: NDArray[np.bool_],
    tissue: NDArray[np.uint8],
    marks: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Coverage cuts, field-of-view truncation, slice thickness, noise, lesions, defacing, contrast, metal."""
    z, y, x = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in SHAPE), indexing="ij", sparse=True)
    head = (tissue > 0) & (tissue < Tissue.HOLDER)
    brain = np.isin(tissue, (Tissue.BRAIN, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY))
    hu = np.where(brain, 32 + (hu - 32) * rng.uniform(0.8, 1.4) + rng.normal(0, 2), hu)
    if rng.random() < 0.3:
        hu = np.where(tissue == Tissue.BONE, hu * rng.uniform(0.7, 1.4), hu)
    for _ in range(rng.integers(0, 3)):  # bleeds, infarcts, tumours
        where = np.argwhere(brain)
        if len(where) and rng.random() < 0.4:
            c = where[rng.integers(len(where))]
            ball = ((z - c[0]) ** 2 + (y - c[1]) ** 2 + (x - c[2]) ** 2) < rng.uniform(2, 8) ** 2
            hu = np.where(ball & brain, rng.choice([15, 20, 50, 65, 75]) + rng.normal(0, 3), hu)
    if rng.random() < 0.08 and brain.any():  # craniectomy
        where = np.argwhere(tissue == Tissue.BONE)
        if len(where):
            c = where[rng.integers(len(where))]
            ball = ((z - c[0]) ** 2 + (y - c[1]) ** 2 + (x - c[2]) ** 2) < rng.uniform(3, 9) ** 2
            hu = np.where(ball & (tissue == Tissue.BONE), 35.0, hu)
    if rng.random() < 0.12:  # defaced: the face replaced by air or by a bone-dense ball
        c = marks[LANDMARKS.index("NASION")] + np.array([rng.uniform(-14, -4), rng.uniform(0, 10), rng.normal(0, 2)])
        ball = ((z - c[0]) ** 2 + (y - c[1]) ** 2 + (x - c[2]) ** 2) < rng.uniform(6, 14) ** 2
        hu = np.where(ball & ~brain, rng.choice([-1000.0, 900.0]), hu)
    for _ in range(rng.integers(0, 3) if rng.random() < 0.3 else 0):  # metal
        where = np.argwhere(head)
        if len(where):
            c = where[rng.integers(len(where))]
            hu[tuple(np.minimum(c + rng.integers(0, 2, 3), np.array(SHAPE) - 1))] = 3000.0
    if rng.random() < 0.5:  # thick slices
        thick = rng.choice([3.0, 5.0, 7.0, 10.0])
        hu = ndimage.uniform_filter1d(hu, max(2, round(thick / SPACING)), axis=0, mode="nearest")
    if rng.random() < 0.3:
        hu = ndimage.gaussian_filter(hu, (0, *(rng.uniform(0, 0.7),) * 2))
    sigma = rng.choice([0.0, 2.0, 5.0, 12.0, 25.0], p=[0.2, 0.35, 0.25, 0.15, 0.05])
    hu = hu + rng.standard_normal(hu.shape, dtype=np.float32) * sigma
    if rng.random() < 0.3:
        hu = hu + rng.normal(0, 6)
    inside = inside.copy()
    slope_y, slope_x = rng.normal(0, 0.18), rng.normal(0, 0.06)  # cutting planes need not be horizontal
    plane = z - slope_y * (y - SHAPE[1] / 2) - slope_x * (x - SHAPE[2] / 2)
    base = 0.5 * (marks[LANDMARKS.index("BASION"), 0] + marks[LANDMARKS.index("OPISTHION"), 0])
    if rng.random() < 0.75:
        inside &= plane > base + (rng.uniform(-18, 4) if rng.random() < 0.8 else rng.uniform(2, 14))
    if rng.random() < 0.3:
        top = np.argwhere(head)[:, 0].max() if head.any() else SHAPE[0] - 1
        inside &= plane < top - rng.uniform(-3, 9)
    if rng.random() < 0.15:
        inside &= (y - SHAPE[1] / 2 + rng.normal(0, 3)) ** 2 + (x - SHAPE[2] / 2 + rng.normal(0, 3)) ** 2 < rng.uniform(
            21, 30
        ) ** 2
    return np.where(inside, hu, -1024.0).astype(np.float32), inside
