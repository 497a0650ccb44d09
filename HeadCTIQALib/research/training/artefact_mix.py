"""One training example of the artefact network from an item on disk: the head moves, artefacts, noise and distractors are mixed at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.networks.artefact_grid import AIR_HU, SIDE
from HeadCTIQALib.networks.nets.artefact import STEM
from HeadCTIQALib.synthesis.artefacts import (
    FLOOR_HU,
    MOTION_THRESHOLDS_HU,
    STREAK_SIGMAS,
    correlated_noise,
    inner_part,
    smooth3,
    undisplaced,
)
from HeadCTIQALib.synthesis.movement import WINDOWS
from HeadCTIQALib.synthesis.wedges import RADIUS_MM, any_movement, moved_difference

from .artefact_distractors import distract
from .artefact_slices import HEAD_BIT, INTRACRANIAL_BIT

Image = NDArray[np.float32]
Item = Mapping[str, NDArray]
SMOOTHED = 0.55  # what the 3-pixel mean leaves of the SD of CT noise at about 1 mm, at most; 0.4 is usual
LEAST_STREAK_HU = 1.5  # weaker ones cannot be told from anatomy, whatever the noise
MOVING = 0.6  # share of examples in which the head moves
LEAST_MM, MOST_MM = 0.5, 14.0  # of the movement at the skin
WINDOW_SHARES = (0.3, 0.2, 0.25, 0.25)  # of examples, in the order of WINDOWS
SOFTNESS = 0.08  # of the boundaries between grades, in the logarithm of the RMS


@dataclass(frozen=True)
class Example:
    """A slice and its truth.

    Attributes:
        hu: (SIDE, SIDE) float32.
        grades: (3,) how surely the grade is at least 1, 2, 3; rms: HU of motion artefact in the intracranial space.
        motion: (SIDE/4, SIDE/4) local RMS in HU; signed: (2, SIDE/2, SIDE/2) arsinh(HU / 3) of motion and streaks; inside: (SIDE/4, SIDE/4) share of the inner part of the intracranial space.
        streak: (SIDE, SIDE) bool; judged: (SIDE, SIDE) bool, where streaks are looked for.
    """

    hu: Image
    grades: Image
    rms: float
    motion: Image
    inside: Image
    signed: Image
    streak: NDArray[np.bool_]
    judged: NDArray[np.bool_]


def load(path: Path) -> dict[str, NDArray]:
    """An item written by :mod:`artefact_slices`."""
    with np.load(path, allow_pickle=False) as f:
        return {k: f[k] for k in f.files}


def mix(item: Item, rng: np.random.Generator) -> Example:
    """A random example: four in ten without motion, half without streaks, at all noise levels and sharpnesses."""
    item = _warped(item, rng)
    hu = item["hu"].astype(np.float32)
    inside, head = (item["mask"] & INTRACRANIAL_BIT) > 0, (item["mask"] & HEAD_BIT) > 0
    motion, rms = np.zeros_like(hu), 0.0
    inner = inner_part(inside, float(item["pixel_mm"]))
    if rng.random() < MOVING:
        change = _motion(hu, item, head, rng)
        motion = undisplaced(change, hu, inner)
        rms = float(np.sqrt(np.mean(smooth3(motion)[inner] ** 2)))
        hu = hu + (change - motion)  # the same picture at another place
    stripes = np.zeros_like(hu)
    metal = item["metal"].astype(np.float32)
    if rng.random() < 0.6:
        stripes = item["stripes"].astype(np.float32) * np.float32(rng.uniform(0.3, 1.4))
    else:
        metal = np.zeros_like(metal)
    if rng.random() < 0.5:
        stripes = stripes + item["hardening"].astype(np.float32) * np.float32(rng.uniform(0.05, 0.6))
    noise = _noise(item, rng)
    within = ndimage.binary_dilation(inside, iterations=2) & head & (metal < 300)
    sigma = np.hypot(float(np.std(smooth3(noise)[within])) if within.any() else 0.0, SMOOTHED * float(item["noise_hu"]))
    streak = (np.abs(smooth3(stripes)) > max(STREAK_SIGMAS * max(sigma, FLOOR_HU), LEAST_STREAK_HU)) & within
    out = distract(_sharpened(hu + metal + motion + stripes + noise, rng), item, rng)
    flip, roll = rng.random() < 0.5, tuple(int(v) for v in rng.integers(-10, 11, 2))

    def turned(a: NDArray, fill: float = 0.0) -> NDArray:
        return _rolled(a[:, ::-1] if flip else a, roll, fill)

    moved, striped = turned(smooth3(motion)), turned(smooth3(stripes))
    halves = (SIDE // 2, 2, SIDE // 2, 2)
    signed = np.stack([np.arcsinh(a.reshape(halves).mean(axis=(1, 3)) / 3) for a in (moved, striped)])
    local = moved**2
    blocks = (SIDE // STEM, STEM, SIDE // STEM, STEM)
    return Example(
        turned(out, AIR_HU).astype(np.float32),
        _grades(rms),
        rms,
        np.sqrt(local.reshape(blocks).mean(axis=(1, 3))).astype(np.float32),
        turned(inner).reshape(blocks).mean(axis=(1, 3)).astype(np.float32),
        signed.astype(np.float32),
        turned(streak),
        turned(within),
    )


def _motion(hu: Image, item: Item, head: NDArray[np.bool_], rng: np.random.Generator) -> Image:
    """HU change through a random movement, from unseen to gross; strengths spread evenly over the logarithm."""
    size = float(np.exp(rng.uniform(np.log(LEAST_MM), np.log(MOST_MM))))
    turn, slide = rng.dirichlet([1.0, 1.0]) * size
    lift = float(min(1.0, rng.choice([0.0, 0.0, rng.uniform(0, 0.3) * size])))
    movement = any_movement(
        rng, float(np.rad2deg(turn / RADIUS_MM)), float(slide), lift, window=WINDOWS[rng.choice(4, p=WINDOW_SHARES)]
    )
    # holder and cushion stay where they are when the head moves
    body = ndimage.binary_dilation(head, iterations=4)
    gradient = item["gradient"].astype(np.float32) * _hinge(rng, float(item["pixel_mm"]))
    change = moved_difference(hu, float(item["pixel_mm"]), movement, body, gradient)
    return (
        change if rng.random() < 0.5 else np.asarray(ndimage.gaussian_filter(change, rng.uniform(0.2, 0.8)), np.float32)
    )


def _hinge(rng: np.random.Generator, pixel_mm: float) -> Image:
    """(SIDE, SIDE) of through-plane motion, 1 where it is largest: the same everywhere, or a turn about an axis in the plane, as a nod."""
    if rng.random() < 0.4:
        return np.ones((SIDE, SIDE), np.float32)
    axis = (np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2) * np.float32(pixel_mm / RADIUS_MM)
    towards = rng.normal(0, 0.5) + (np.pi if rng.random() < 0.5 else 0.0)  # mostly forwards or backwards
    lever = np.cos(towards) * axis[:, None] + np.sin(towards) * axis[None, :] + rng.uniform(-1, 1)
    return np.asarray(lever / max(1.0, float(np.abs(lever).max())), np.float32)


def _warped(item: Item, rng: np.random.Generator) -> Item:
    """The item turned and stretched at random, with everything in it, in two of three cases: no anatomy is seen twice."""
    if rng.random() < 1 / 3:
        return item
    turn, stretch, shear = np.deg2rad(rng.normal(0, 8)), np.exp(rng.normal(0, 0.06, 2)), rng.normal(0, 0.04)
    c, s = np.cos(turn), np.sin(turn)
    matrix = np.array([[c, -s], [s, c]]) @ np.array([[1.0, shear], [0.0, 1.0]]) @ np.diag(stretch)
    offset = (SIDE - 1) / 2 - matrix @ np.full(2, (SIDE - 1) / 2)
    out = dict(item)
    for name, values in item.items():
        if values.shape == (SIDE, SIDE) and name != "quantum":
            order, fill = (0, 0) if name == "mask" else (1, AIR_HU if name == "hu" else 0)
            values = values if name == "mask" else values.astype(np.float32)
            out[name] = ndimage.affine_transform(values, matrix, offset, order=order, cval=fill)
    return out


def _grades(rms: float) -> Image:
    ratio = np.log(max(rms, 1e-3)) - np.log(np.array(MOTION_THRESHOLDS_HU))
    return np.asarray(1 / (1 + np.exp(-ratio / SOFTNESS)), np.float32)


def _sharpened(hu: Image, rng: np.random.Generator) -> Image:
    """The slice as a softer or a sharper kernel shows it, in half of the examples."""
    if rng.random() < 0.5:
        return hu
    sharpness, sigma = np.float32(rng.uniform(-0.9, 0.9)), rng.uniform(0.5, 1.1)
    return np.asarray(hu + sharpness * (hu - ndimage.gaussian_filter(hu, sigma)), np.float32)


def _noise(item: Item, rng: np.random.Generator) -> Image:
    """Noise on top of what the slice has, from hardly any to more than a thin slice of a large head."""
    sigma = float(np.exp(rng.uniform(np.log(0.8), np.log(7.0))))
    have = float(item["noise_hu"])
    if have > 1.5:  # a real scan: sometimes as it is
        sigma = 0.0 if rng.random() < 0.5 else float(np.sqrt(max(sigma**2 - have**2, 0.0)))
    if sigma == 0:
        return np.zeros((SIDE, SIDE), np.float32)
    share = rng.random()
    quantum = item["quantum"].astype(np.float32)
    if rng.random() < 0.5:  # a sharper or softer kernel
        smooth = ndimage.gaussian_filter(quantum, 0.7)
        quantum = quantum + np.float32(rng.uniform(-0.8, 0.9)) * (smooth - quantum)
        quantum /= max(float(quantum[SIDE // 3 : -SIDE // 3, SIDE // 3 : -SIDE // 3].std()), 1e-3)
    grain = correlated_noise(
        rng, (SIDE, SIDE), float(item["pixel_mm"]), float(np.exp(rng.uniform(np.log(0.25), np.log(1.0))))
    )
    return np.asarray(sigma * (np.sqrt(share) * quantum.clip(-12, 12) + np.sqrt(1 - share) * grain), np.float32)


def _rolled(a: NDArray, by: tuple[int, ...], fill: float) -> NDArray:
    out = np.full_like(a, fill)
    target = tuple(slice(max(0, s), SIDE + min(0, s)) for s in by)
    source = tuple(slice(max(0, -s), SIDE + min(0, -s)) for s in by)
    out[target] = a[source]
    return out
