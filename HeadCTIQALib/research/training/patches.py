"""Random patches around landmarks for the landmark network, drawn on the fly.

A patch is cut in the head's frame, slightly turned, scaled and bent, about where the coarse network might have put the
landmark; patches of the left side are mirrored onto the right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.networks.landmarks import CHANNELS, PATCH, PATCH_MM, channel_of

from .augment import rotation
from .frame import canonical_frame
from .patch_heads import PatchHead

FACE = ("NASION", "CANTHUS", "GLOBE", "CRISTA")
ABSENT, PRESENT, UNKNOWN = 0, 1, -1
AXIS = PATCH_MM * (np.arange(PATCH) - (PATCH - 1) / 2)  # mm from the centre


@dataclass(frozen=True)
class Patch:
    """One training example; see :class:`HeadCTIQALib.networks.nets.landmarks.LandmarkNet` for the channels.

    ``positions`` is (channels, 3) in (z, y, x) voxels; ``state`` (channels,) is 1 present, 0 not in the patch or not to be
    seen, -1 not known; ``own`` is the channel that the patch was cut for; ``label_mm`` the typical error of its labels.
    """

    hu: torch.Tensor
    inside: torch.Tensor
    positions: torch.Tensor
    state: torch.Tensor
    own: torch.Tensor
    label_mm: torch.Tensor


def draw(head: PatchHead, name: str, rng: np.random.Generator) -> Patch:
    """One random patch of ``head`` about its landmark ``name``."""
    side = -1.0 if name.endswith("_L") else 1.0
    if name[-2:] not in ("_R", "_L") and rng.random() < 0.5:
        side = -1.0
    upright = canonical_frame(head.landmarks)[:3, :3].T  # columns are the head's axes in RAS
    sd = 3.0 if rng.random() < 0.8 else 9.0
    turned = upright @ rotation(*np.clip(rng.normal(0, sd, 3) * (1, 1, 1.3), -25, 25))
    scale = np.clip(rng.normal(1, 0.05), 0.85, 1.15) * np.clip(rng.normal(1, 0.025, 3), 0.94, 1.06)
    matrix = turned @ np.diag([side, 1.0, 1.0]) @ np.diag(scale)
    centre = np.asarray(head.landmarks[name], float) + turned @ miss(rng)
    field = bend(rng, rng.uniform(0, 2.0))
    z, y, x = np.meshgrid(AXIS, AXIS, AXIS, indexing="ij")
    local = np.stack([x, y, z], axis=-1)
    hu, inside = sample(head, (local + field) @ matrix.T + centre)
    positions, state = truth(head, matrix, centre, field, side)
    hu = degrade(hu, rng)
    hu, inside, state = hide(hu, inside, positions, state, channel_of(name), rng)
    return Patch(
        torch.from_numpy(np.where(inside, hu, -1024.0).astype(np.float32)), torch.from_numpy(inside.astype(np.float32)), torch.from_numpy(positions).float(),
        torch.from_numpy(state), torch.tensor(channel_of(name)), torch.tensor(head.label_mm, dtype=torch.float32),
    )  # fmt: skip


def miss(rng: np.random.Generator) -> Vector:
    """(3,) mm by which the patch's centre misses the landmark: mostly as the coarse network does, sometimes badly."""
    kind = rng.random()
    if kind < 0.68:
        return rng.normal(0, 2.5, 3)
    if kind < 0.90:
        return rng.normal(0, 6.0, 3)
    return rng.uniform(-18, 18, 3) if kind < 0.96 else rng.normal(0, 25.0, 3)


def bend(rng: np.random.Generator, sigma_mm: float) -> NDArray[np.float32]:
    """(Z, Y, X, 3) smooth displacement in mm, (x, y, z) order; control points 16 mm apart."""
    coarse = torch.from_numpy(rng.normal(0, sigma_mm, (1, 3, 4, 4, 4)).astype(np.float32))
    fine = torch.nn.functional.interpolate(coarse, (PATCH,) * 3, mode="trilinear", align_corners=True)
    return fine[0].permute(1, 2, 3, 0).numpy()


def sample(head: PatchHead, points: Vector) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """HU and imaged mask of a head at (Z, Y, X, 3) RAS points, linearly interpolated."""
    index = head.grid.index(points)
    flat = index.reshape(-1, 3)
    low = np.clip(np.floor(flat.min(0)).astype(int) - 1, 0, np.array(head.grid.shape) - 2)
    high = np.clip(np.ceil(flat.max(0)).astype(int) + 2, low + 2, head.grid.shape)
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    source = torch.from_numpy(np.stack([head.hu[part] + np.float32(1024), head.inside[part].astype(np.float32)]))[None]
    where = 2 * (index - low) / (high - low - 1) - 1
    out = torch.nn.functional.grid_sample(
        source,
        torch.from_numpy(where[None, ..., ::-1].astype(np.float32)),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=True,
    )[0].numpy()
    inside = out[1] > 0.5
    return np.where(inside, out[0] / np.maximum(out[1], 0.5) - 1024, -1024).astype(np.float32), inside


def truth(
    head: PatchHead, matrix: Vector, centre: Vector, field: NDArray[np.float32], side: float
) -> tuple[Vector, NDArray[np.int64]]:
    """Where every channel's landmark lies in the patch, in (z, y, x) voxels, and whether it is there."""
    inverse = np.linalg.inv(matrix)
    positions, state = np.zeros((len(CHANNELS), 3)), np.full(len(CHANNELS), UNKNOWN)
    for c, channel in enumerate(CHANNELS):
        name = channel if channel in head.landmarks else f"{channel}_{'R' if side > 0 else 'L'}"
        if name not in head.landmarks:
            continue
        target = inverse @ (np.asarray(head.landmarks[name], float) - centre)
        p = target
        for _ in range(6):  # invert the smooth field by fixed-point iteration
            voxel = np.clip(np.rint(p[::-1] / PATCH_MM + (PATCH - 1) / 2), 0, PATCH - 1).astype(int)
            p = target - field[tuple(voxel)]
        positions[c] = p[::-1] / PATCH_MM + (PATCH - 1) / 2
        state[c] = PRESENT if (positions[c] > 0.5).all() and (positions[c] < PATCH - 1.5).all() else ABSENT
    return positions, state


def degrade(hu: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Other contrasts, thicker slices, softer kernels, noise, streaks."""
    if rng.random() < 0.3:
        hu = np.where(hu > 150, 150 + (hu - 150) * rng.uniform(0.7, 1.35), hu)
    if rng.random() < 0.3:
        hu = np.where((hu > -20) & (hu < 120), 40 + (hu - 40) * rng.uniform(0.8, 1.5) + rng.normal(0, 6), hu)
    if rng.random() < 0.5:
        hu = np.tensordot(slices(rng.choice([2.5, 3.0, 4.0, 5.0, 7.0]), rng.random()), hu, axes=(1, 0)).astype(
            np.float32
        )
    if rng.random() < 0.4:
        hu = ndimage.gaussian_filter(hu, (rng.uniform(0, 0.6), *(rng.uniform(0, 1.0),) * 2))
    sigma = rng.choice([0.0, 4.0, 10.0, 25.0, 60.0], p=[0.2, 0.3, 0.3, 0.15, 0.05])
    noise = rng.standard_normal(hu.shape, dtype=np.float32)
    if rng.random() < 0.4:
        noise = 1.8 * ndimage.gaussian_filter(noise, (0.0, 0.6, 0.6))
    hu = hu + sigma * noise
    if rng.random() < 0.12:  # streaks: plane waves across a few slices
        angle, wave = rng.uniform(0, np.pi), rng.uniform(3, 12)
        phase = (np.cos(angle) * AXIS[None, :] + np.sin(angle) * AXIS[:, None]) * 2 * np.pi / wave
        level = np.exp(-0.5 * ((AXIS - rng.uniform(-24, 24)) / rng.uniform(3, 15)) ** 2)
        hu = hu + rng.uniform(30, 250) * level[:, None, None] * np.sin(phase + rng.uniform(0, 6))[None]
    if rng.random() < 0.05:  # a filling or clip
        at = rng.integers(0, PATCH - 2, 3)
        hu[at[0] : at[0] + 2, at[1] : at[1] + 2, at[2] : at[2] + 2] = 3000.0
    if rng.random() < 0.3:
        hu = hu + rng.normal(0, 8)
    return np.clip(hu, -1024, 3071).astype(np.float32)


def slices(spacing_mm: float, phase: float) -> Vector:
    """(PATCH, PATCH) what slices of that thickness and distance, interpolated linearly, make of a column."""
    count = int(np.ceil(PATCH * PATCH_MM / spacing_mm)) + 2
    centres = AXIS[0] + spacing_mm * (np.arange(count) - 0.5 - phase)
    weight = np.clip(0.5 * (spacing_mm + PATCH_MM) - np.abs(centres[:, None] - AXIS[None]), 0, PATCH_MM)
    weight[weight.sum(1) == 0, 0] = 1.0
    weight /= weight.sum(1, keepdims=True)
    between = np.clip(1 - np.abs(AXIS[:, None] - centres[None]) / spacing_mm, 0, 1)
    return (between / between.sum(1, keepdims=True)) @ weight


def hide(
    hu: NDArray[np.float32],
    inside: NDArray[np.bool_],
    positions: Vector,
    state: NDArray[np.int64],
    own: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """End the scan, or take the face away, somewhere in the patch; landmarks beyond are no longer present."""
    z, y, x = np.meshgrid(*(np.arange(PATCH, dtype=np.float32),) * 3, indexing="ij", sparse=True)
    state = state.copy()
    if rng.random() < 0.3:
        slope = rng.normal(0, 0.2, 2)
        up = 1.0 if rng.random() < 0.8 else -1.0
        offset = positions[own] @ np.array([1.0, -slope[0], -slope[1]]) - up * rng.uniform(-3.0, 9.0)
        inside = inside & (up * (z - slope[0] * y - slope[1] * x - offset) > 0)
    for c in range(len(CHANNELS)):
        if state[c] == PRESENT and not inside[tuple(np.clip(np.rint(positions[c]), 0, PATCH - 1).astype(int))]:
            state[c] = ABSENT
    if CHANNELS[own] in FACE and rng.random() < 0.1:  # defaced: air or bone density before a plane
        slope = rng.normal(0, 0.3, 2)
        offset = positions[own] @ np.array([-slope[0], 1.0, -slope[1]]) + rng.uniform(-6.0, 4.0)
        gone = (y - slope[0] * z - slope[1] * x - offset) > 0
        hu = np.where(gone, rng.choice([-1000.0, 900.0, 0.0]), hu).astype(np.float32)
        for c in range(len(CHANNELS)):
            if state[c] == PRESENT and gone[tuple(np.clip(np.rint(positions[c]), 0, PATCH - 1).astype(int))]:
                state[c] = ABSENT
    return hu, inside, state
