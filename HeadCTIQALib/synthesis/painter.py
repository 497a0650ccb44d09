"""Paints a whole head on an affine grid, and the coarse version of it that trains the anatomy network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.synthesis.brain import paint_brain
from HeadCTIQALib.synthesis.canvas import Canvas
from HeadCTIQALib.synthesis.cranium import cavity, scalp_thickness, skin, skull_thickness, vault
from HeadCTIQALib.synthesis.face import paint_face
from HeadCTIQALib.synthesis.head_landmarks import head_landmarks
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.shapes import Array
from HeadCTIQALib.synthesis.skull import paint_base, paint_cranium, paint_spine
from HeadCTIQALib.synthesis.soft import paint_airway, paint_ears, paint_hair, paint_neck, paint_soft

NECK_TOP = -45.0  # canonical z below which there is no cranium to evaluate
CAVITY_REACH_MM = 16.0  # beyond the inner table no bone belongs to the shell around the cavity


@dataclass(frozen=True)
class Lattice:
    """An affine grid in head mm: position of (k, j, i) = origin + k * steps[0] + j * steps[1] + i * steps[2]."""

    origin: Vector
    steps: Vector  # (3, 3), rows for k, j, i
    shape: tuple[int, int, int]

    def coordinates(self) -> tuple[Array, Array, Array]:
        """x, y, z of every point, each (K, J, I) float32."""
        k, j, i = (np.arange(n, dtype=np.float32) for n in self.shape)
        s, o = self.steps.astype(np.float32), self.origin.astype(np.float32)
        return tuple(  # type: ignore[return-value]
            o[c] + (k * s[0, c])[:, None, None] + (j * s[1, c])[None, :, None] + (i * s[2, c])[None, None, :]
            for c in range(3)
        )

    def canvas(self, model: HeadModel, blur_mm: float) -> Canvas:
        """A blank canvas of the model's canonical coordinates on this grid."""
        inverse = np.linalg.inv(self.steps.T)
        x, y, z = model.to_canonical(*self.coordinates())
        return Canvas.blank(
            x, y, z, blur_mm, model.lattice(np.asarray(inverse, float), np.asarray(-inverse @ self.origin, float))
        )


def paint_head(canvas: Canvas, model: HeadModel) -> None:
    """Paint the head over what the canvas holds (room air)."""
    low = canvas.window((-215, -125, -400), (215, 100, NECK_TOP))
    if low is not None:
        far = np.full(low.x.shape, 1e3, np.float32)
        paint_soft(low, model, np.where(low.z < NECK_TOP, skin(model, low.x, low.y, low.z, far), far), far)
    c = canvas.window((-92, -112, NECK_TOP), (92, 130, 140))
    d_cavity = thickness = None
    if c is not None:
        dv = vault(model, c.x, c.y, c.z)
        thickness = skull_thickness(model, c.x, c.y, c.z)
        scalp = scalp_thickness(model, c.x, c.y, c.z)
        outside = skin(model, c.x, c.y, c.z, dv - thickness - scalp)
        paint_soft(c, model, np.where(c.z >= NECK_TOP, outside, np.float32(1e3)), scalp)
        paint_ears(c, model)
        paint_hair(c, model, outside)
        near = dv < np.float32(CAVITY_REACH_MM)
        d_cavity = np.full(dv.shape, 1e3, np.float32)
        d_cavity[near] = cavity(model, c.x[near], c.y[near], c.z[near], dv[near])
    paint_neck(canvas, model)
    paint_spine(canvas, model)
    if c is not None and d_cavity is not None and thickness is not None:
        paint_cranium(c, model, d_cavity, thickness)
        paint_base(c, model)
        paint_face(c, model, d_cavity)
    paint_airway(canvas, model)
    if c is not None and d_cavity is not None:
        paint_brain(c, model, d_cavity)


def simulate_labels(
    seed: int, spacing_mm: float = 4.0, shape: tuple[int, int, int] = (64, 64, 64)
) -> tuple[NDArray[np.float32], NDArray[np.uint8], dict[str, tuple[float, float, float]]]:
    """A random head in canonical pose on an axis-aligned isotropic grid centred on the cranium.

    Args:
        seed: of :meth:`HeadModel.random`.
        spacing_mm: voxel size.
        shape: (Z, Y, X).

    Returns:
        hu (Z, Y, X) float32, the mean of 2 x 2 x 2 anti-aliased samples; labels (Z, Y, X) uint8 of
        :class:`Tissue`, the majority of the samples; landmarks id -> (x, y, z) in mm of the grid frame.
        Voxel (k, j, i) lies at x = (i - (X - 1) / 2) * spacing (right), y likewise (anterior), z (superior);
        the grid's centre is the point 15 mm before and 30 mm above the ear canals.
    """
    return paint_coarse(HeadModel.random(seed), spacing_mm, shape)


GRID_CENTRE = (0.0, 15.0, 30.0)  # head mm of the centre of simulate_labels' grid


def paint_coarse(
    model: HeadModel, spacing_mm: float, shape: tuple[int, int, int], pose: Vector | None = None
) -> tuple[NDArray[np.float32], NDArray[np.uint8], dict[str, tuple[float, float, float]]]:
    """:func:`simulate_labels` for a given head, optionally turned by the rotation ``pose`` (3, 3) about the grid's centre."""
    turn = np.eye(3) if pose is None else np.asarray(pose, float)
    fine = spacing_mm / 2
    hu = np.empty(shape, np.float32)
    labels = np.empty(shape, np.uint8)
    centre = np.array(GRID_CENTRE)
    half = np.array([2 * n - 1 for n in shape[::-1]]) * fine / 2
    steps = np.array([[0, 0, fine], [0, fine, 0], [fine, 0, 0]]) @ turn  # head = turn^T grid
    slab = max(1, min(shape[0], 400_000 // (8 * shape[1] * shape[2])))
    for first in range(0, shape[0], slab):
        depth = min(slab, shape[0] - first)
        start = np.array([-half[0], -half[1], -half[2] + 2 * first * fine])
        grid = Lattice(centre + start @ turn, steps, (2 * depth, 2 * shape[1], 2 * shape[2]))
        canvas = grid.canvas(model, fine)
        paint_head(canvas, model)
        blocks = (depth, 2, shape[1], 2, shape[2], 2)
        hu[first : first + depth] = canvas.hu.reshape(blocks).mean(axis=(1, 3, 5))
        labels[first : first + depth] = majority(
            canvas.label.reshape(blocks).transpose(0, 2, 4, 1, 3, 5).reshape(depth, shape[1], shape[2], 8)
        )
    points = {name: tuple(float(v) for v in turn @ (p - centre)) for name, p in head_landmarks(model).items()}
    return hu, labels, points  # type: ignore[return-value]


def majority(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., N) labels to the most frequent one of each row; ties go to the larger label."""
    best = samples[..., 0].copy()
    mixed = (samples != samples[..., :1]).any(axis=-1)
    rows = samples[mixed]
    count = np.stack([(rows == t).sum(axis=-1) for t in range(len(Tissue))], axis=-1)
    best[mixed] = len(Tissue) - 1 - np.argmax(count[:, ::-1], axis=-1)
    return np.asarray(best, np.uint8)
