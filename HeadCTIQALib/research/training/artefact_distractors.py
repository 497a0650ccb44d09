"""What a training example shows beside its artefacts and must not be taken for them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.networks.artefact_grid import AIR_HU, SIDE

from .artefact_slices import HEAD_BIT, INTRACRANIAL_BIT

Image = NDArray[np.float32]


def distract(hu: Image, item: Mapping[str, NDArray], rng: np.random.Generator) -> Image:
    """What is neither motion nor a streak to be graded: cushions and holders, hair, helical windmills, shading, hardened air, clipped air, the edge of the image.

    Args:
        hu: (SIDE, SIDE) HU of a slice with its artefacts and noise; item: it was made from; see :mod:`artefact_slices`.
    """
    head = (item["mask"] & HEAD_BIT) > 0
    air = (hu < -850) & ~head
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 4)):
            hu = hu + _cushion(head, rng)
    if rng.random() < 0.35:
        hu = hu + np.where(air, _shading(rng, (2.0, 18.0)), np.float32(0))
    if rng.random() < 0.35:  # behind the petrous bones the air is streaky in still heads, too
        hu = hu + np.where(air, item["hardening"].astype(np.float32) * np.float32(rng.uniform(0.3, 2.0)), np.float32(0))
    if rng.random() < 0.15:
        hu = hu + _windmill(item["gradient"].astype(np.float32), rng)
    if rng.random() < 0.25:
        hu = hu + _hair(head, hu, rng)
    if rng.random() < 0.3:
        hu = hu + _shading(rng, (0.5, 3.0))
    if rng.random() < 0.15:
        hu = hu + _rim((item["mask"] & INTRACRANIAL_BIT) > 0, rng)
    if rng.random() < 0.3:
        hu = hu * np.float32(rng.uniform(0.97, 1.03)) + np.float32(rng.uniform(-6, 6))
    if rng.random() < 0.35:
        radius, y, x = rng.uniform(0.42, 0.6) * SIDE, *(np.arange(SIDE) - (SIDE - 1) / 2 for _ in range(2))
        hu = np.where((np.hypot(y[:, None], x[None, :]) > radius) & ~head, np.float32(AIR_HU), hu)
    floor = rng.choice([-3000.0, -1024.0, -1024.0, -1000.0])
    return np.clip(hu, np.float32(floor), 3071)


def _windmill(gradient: Image, rng: np.random.Generator) -> Image:
    """Bright and dark vanes where the anatomy changes along the axis, as helical interpolation makes them."""
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    angle = np.arctan2(axis[:, None] - rng.normal(0, 15), axis[None, :] - rng.normal(0, 15))
    vanes = np.sin(rng.integers(2, 9) * angle + rng.uniform(0, 2 * np.pi))
    return np.asarray(
        ndimage.gaussian_filter(gradient.clip(-500, 500), 1.5) * vanes * rng.uniform(0.005, 0.05), np.float32
    )


def _hair(head: NDArray[np.bool_], hu: Image, rng: np.random.Generator) -> Image:
    """Curly brightness in the air near the skin, or smooth folds of cloth further out."""
    outside = ~head & (hu < -850)
    if not head.any() or not outside.any():
        return np.zeros_like(hu)
    distance = ndimage.distance_transform_edt(~head[::2, ::2]).repeat(2, 0).repeat(2, 1) * 2
    reach = float(rng.uniform(3, 30))
    texture = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)).astype(np.float32), rng.uniform(0.5, 2.5))
    texture = np.maximum(texture / texture.std() + rng.uniform(-0.8, 0.8), 0)
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    angle = np.arctan2(axis[:, None], axis[None, :])
    sector = np.clip(np.cos(angle - rng.uniform(0, 2 * np.pi)) + rng.uniform(-0.5, 1.2), 0, 1)
    strength = float(np.exp(rng.uniform(np.log(8), np.log(200))))
    return np.asarray(outside * strength * texture * sector * np.exp(-((distance / reach) ** 2)), np.float32)


def _shading(rng: np.random.Generator, strength: tuple[float, float]) -> Image:
    """Slow drifts of a few HU: cupping, scatter, heel effect; more of them in the air."""
    n = int(rng.integers(3, 8))
    coarse = rng.normal(0, rng.uniform(*strength), (n, n))
    return np.asarray(ndimage.zoom(coarse, SIDE / n, order=3, mode="nearest")[:SIDE, :SIDE], np.float32)


def _cushion(head: NDArray[np.bool_], rng: np.random.Generator) -> Image:
    """HU that a cushion, a strap or the wing of a head holder adds to the air beside the head: foam, often in a denser shell."""
    y, x = (a.astype(np.float32) for a in np.mgrid[:SIDE, :SIDE])
    rim = np.argwhere(head)
    if not len(rim):
        return np.zeros(head.shape, np.float32)
    middle, reach = rim.mean(axis=0), np.sqrt(len(rim) / np.pi)
    angle, away = rng.uniform(0, 2 * np.pi), reach * rng.uniform(0.9, 1.7)
    row, column = middle + away * np.array([np.sin(angle), np.cos(angle)])
    turn = angle + rng.normal(0, 0.4)  # it lies along the head
    u, v = (
        (x - column) * np.cos(turn) + (y - row) * np.sin(turn),
        (y - row) * np.cos(turn) - (x - column) * np.sin(turn),
    )
    thick, long, power = rng.uniform(2, 30), rng.uniform(10, 80), float(rng.choice([2.0, 8.0]))  # an ellipse or a block
    bend = rng.uniform(-0.004, 0.004)
    inside = ((np.abs(u + bend * v**2) / thick) ** power + (np.abs(v) / long) ** power) < 1
    out = inside * np.float32(rng.uniform(10, 120) if rng.random() < 0.8 else rng.uniform(120, 500))
    if rng.random() < 0.4:
        shell = inside & ~ndimage.binary_erosion(inside, iterations=int(rng.integers(1, 4)))
        out = out + shell * np.float32(np.exp(rng.uniform(np.log(60), np.log(1100))))
    return np.asarray(ndimage.gaussian_filter(out * ~head, rng.uniform(0.5, 1.2)) * ~head, np.float32)


def _rim(inside: NDArray[np.bool_], rng: np.random.Generator) -> Image:
    """A dark or bright rim of the brain along the skull, as partial volume near the vertex and poor corrections leave it."""
    depth = ndimage.distance_transform_edt(inside[::2, ::2]).repeat(2, 0).repeat(2, 1) * 2
    return np.asarray(inside * rng.uniform(-12, 8) * np.exp(-((depth / rng.uniform(2, 9)) ** 2)), np.float32)
