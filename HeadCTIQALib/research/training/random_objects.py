"""Random foreign objects, parts of holders and cloth, painted on three neighbouring slices around a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.geometry import Vector

from .object_stacks import AIR, BODY

Rng = np.random.Generator
KINDS = {"curve": 0.4, "blob": 0.25, "ring": 0.15, "wire": 0.2}
BINS = 180  # directions in which the outline of a head is known
MIN_HEAD, MIN_BINS = 1500, 90  # pixels of a head, directions of its outline, to put something on it
ACROSS, ALONG = 2, 5  # samples of a pixel per side, and through the slice
MAX_BOX = 20_000  # pixels: a larger object takes too long
TISSUE_HU, AIR_HU = 80.0, -1000.0


@dataclass
class Window:
    """A slice between those below and above it; painting changes ``hu`` and ``truth`` in place.

    Attributes:
        hu: (3, H, W) float32.
        labels: (3, H, W) uint8, see :mod:`HeadCTIQALib.research.training.object_stacks`.
        truth: (3, H, W) bool, removable objects: pixels more than half of which they fill.
        pixel_mm, gap_mm, thickness_mm: of a pixel, between slices, and of a slice.
    """

    hu: NDArray[np.float32]
    labels: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    pixel_mm: float
    gap_mm: float
    thickness_mm: float


@dataclass(frozen=True)
class Outline:
    """The outline of a head: its ``centre`` (row, column) and the ``radius`` (BINS,) about it, in pixels."""

    centre: Vector
    radius: Vector

    def at(self, direction: float, lift: float) -> Vector:
        """(row, column) of the point ``lift`` pixels off the head in a ``direction``, in bins."""
        radius = np.interp(direction % BINS, np.arange(BINS + 1), np.append(self.radius, self.radius[0])) + lift
        angle = (direction + 0.5) / BINS * 2 * np.pi - np.pi
        return self.centre + radius * np.array([np.sin(angle), np.cos(angle)])


def outline(head: NDArray[np.bool_]) -> Outline | None:
    """The outline of an (H, W) mask of a head; None where there is too little of it."""
    if np.count_nonzero(head) < MIN_HEAD:
        return None
    edge = np.argwhere(head & ~ndimage.binary_erosion(head))
    centre = edge.mean(axis=0)
    y, x = (edge - centre).T
    direction = ((np.arctan2(y, x) + np.pi) / (2 * np.pi) * BINS).astype(int) % BINS
    radius = np.zeros(BINS)
    np.maximum.at(radius, direction, np.hypot(y, x))
    known = np.flatnonzero(radius)
    if len(known) < MIN_BINS:
        return None
    return Outline(centre, np.interp(np.arange(BINS), known, radius[known], period=BINS))


def random_object(window: Window, rng: Rng) -> None:
    """Put a curved rod, a knob, a ring or a wire on the head in the middle slice or near it."""
    around = outline(window.labels[1] == BODY)
    if around is None:
        return
    kind = rng.choice(list(KINDS), p=list(KINDS.values()))
    hu = _spread(rng, 150, 4000)
    start, z = rng.uniform(0, BINS), rng.uniform(-1.3, 1.3) * window.gap_mm
    lift = rng.uniform(0, rng.choice([4, 12, 35], p=[0.6, 0.25, 0.15]))
    if kind == "blob":
        points, radii = _blob(window, around, start, lift, rng)
    elif kind == "ring":
        points, radii = _ring(window, around, start, lift, rng)
    else:
        points, radii = _curve(window, around, start, lift, rng, thin=kind == "wire")
    points[:, 0] += z
    paint(window, points, radii, hu, over_head=bool(rng.random() < 0.3), blur_mm=rng.uniform(0.3, 0.7))


def _spread(rng: Rng, low: float, high: float) -> float:
    """Evenly spread over the logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _point(window: Window, around: Outline, direction: float, lift_mm: float, z: float) -> Vector:
    return np.array([z, *window.pixel_mm * around.at(direction, lift_mm / window.pixel_mm)])


def _curve(window: Window, around: Outline, start: float, lift: float, rng: Rng, thin: bool) -> tuple[Vector, Vector]:
    """A rod that follows the skin, steep or level."""
    length, radius, steep = _spread(rng, 6, 120), _spread(rng, 0.7, 1.6 if thin else 3.5), rng.uniform(-1, 1)
    turn = length * np.sqrt(1 - steep**2) / (around.radius.mean() * window.pixel_mm) / (2 * np.pi) * BINS
    rise = rng.normal(0, 12 if thin else 3)
    along = np.linspace(-0.5, 0.5, int(np.clip(length / 8, 2, 12)))
    points = [
        _point(window, around, start + turn * q, max(0, lift + rise * q) + radius, length * steep * q) for q in along
    ]
    return np.array(points), np.full(len(along), radius)


def _blob(window: Window, around: Outline, start: float, lift: float, rng: Rng) -> tuple[Vector, Vector]:
    """A knob that stands off the skin."""
    radius = _spread(rng, 1.2, 6)
    ends = [
        _point(window, around, start, lift, 0.0),
        _point(window, around, start, lift + rng.uniform(0.5, 6), rng.normal(0, 3)),
    ]
    return np.array(ends), np.array([radius, radius * rng.uniform(0.5, 1)])


def _ring(window: Window, around: Outline, start: float, lift: float, rng: Rng) -> tuple[Vector, Vector]:
    """A ring that lies any way."""
    size, radius = rng.uniform(3, 11), rng.uniform(0.6, 2)
    middle = _point(window, around, start, lift + size * rng.uniform(0.2, 1), 0.0)
    axes, _ = np.linalg.qr(rng.normal(size=(3, 2)))
    turn = np.linspace(0, 2 * np.pi, 11)
    return middle + size * (np.cos(turn)[:, None] * axes[:, 0] + np.sin(turn)[:, None] * axes[:, 1]), np.full(
        11, radius
    )


def paint(
    window: Window, points: Vector, radii: Vector, hu: float, over_head: bool = False, blur_mm: float = 0.5
) -> None:
    """Paint a chain of cones with round ends, with the partial volume of pixels and slices; never over holders or other objects.

    Args:
        window: to paint on.
        points: (N, 3) z, row, column in mm; z is 0 in the middle slice, row and column are 0 at the centre of the first pixel.
        radii: (N,) mm.
        hu: of the object.
        over_head: it may lie in the head, else only in air.
        blur_mm: SD of the blur in the slice.
    """
    pixel, shape = window.pixel_mm, window.hu.shape[1:]
    reach = radii.max()
    low, high = points[:, 1:].min(axis=0) - reach - 2 * pixel, points[:, 1:].max(axis=0) + reach + 2 * pixel
    j0, i0 = (max(0, int(np.floor(a / pixel))) for a in low)
    j1, i1 = (min(n, int(np.ceil(a / pixel)) + 1) for a, n in zip(high, shape, strict=True))
    if j1 <= j0 or i1 <= i0 or (j1 - j0) * (i1 - i0) > MAX_BOX:
        return
    box = slice(j0, j1), slice(i0, i1)
    y, x = (pixel * ((np.arange((b.stop - b.start) * ACROSS) + 0.5) / ACROSS - 0.5 + b.start) for b in box)
    for s in range(3):
        z = (s - 1) * window.gap_mm + ((np.arange(ALONG) + 0.5) / ALONG - 0.5) * window.thickness_mm
        if z[-1] < points[:, 0].min() - reach or z[0] > points[:, 0].max() + reach:
            continue
        within = _within(z, y, x, points, radii)
        share = within.reshape(ALONG, j1 - j0, ACROSS, i1 - i0, ACROSS).mean(axis=(0, 2, 4))
        label, here = window.labels[s][box], window.hu[s][box]
        share[~((label == AIR) | (over_head & (label == BODY)))] = 0
        instead_of = np.where(label == AIR, AIR_HU, np.minimum(here, TISSUE_HU))
        here += ndimage.gaussian_filter(share * (hu - instead_of), blur_mm / pixel)
        window.truth[s][box] |= share > 0.5


def _within(z: Vector, y: Vector, x: Vector, points: Vector, radii: Vector) -> NDArray[np.bool_]:
    """(len(z), len(y), len(x)) bool: which points of a lattice lie in the chain of cones."""
    lattice = z[:, None, None], y[:, None], x
    out = np.zeros((len(z), len(y), len(x)), bool)
    for a, b, ra, rb in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
        from_a, axis = [c - m for c, m in zip(lattice, a, strict=True)], b - a
        t = np.clip(sum(o * d for o, d in zip(from_a, axis, strict=True)) / (axis @ axis + 1e-6), 0, 1)
        out |= sum((o - t * d) ** 2 for o, d in zip(from_a, axis, strict=True)) < (ra + t * (rb - ra)) ** 2
    return out


def random_plate(window: Window, rng: Rng) -> None:
    """A part of a holder, a cup or a plate: the same in all slices, or nearly; it is never an object."""
    head = window.labels == BODY
    if np.count_nonzero(head[1]) < MIN_HEAD:
        return
    pixel = window.pixel_mm
    middle = pixel * np.argwhere(head[1]).mean(axis=0)
    y, x = (pixel * a - m for a, m in zip(np.mgrid[: head.shape[1], : head.shape[2]], middle, strict=True))
    if rng.random() < 0.5:  # an arc about the head, mostly below it or at its sides
        radius, half_angle = rng.uniform(90, 150), rng.uniform(0.15, 1.2)
        towards = rng.choice([np.pi / 2, 0, np.pi, rng.uniform(-np.pi, np.pi)]) + rng.normal(0, 0.2)
        off = np.abs((np.arctan2(y, x) - towards + np.pi) % (2 * np.pi) - np.pi) - half_angle
        depth = np.maximum(np.abs(np.hypot(y, x) - radius) - rng.uniform(0.6, 6), off * radius)
    else:
        angle = rng.uniform(0, np.pi) if rng.random() < 0.4 else rng.choice([0, np.pi / 2]) + rng.normal(0, 0.1)
        distance, towards = rng.uniform(75, 125), rng.uniform(-np.pi, np.pi)
        y, x = y - distance * np.sin(towards), x - distance * np.cos(towards)
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        depth = np.maximum(np.abs(along) - rng.uniform(5, 60), np.abs(across) - rng.uniform(0.6, 4))
    excess = np.clip(0.5 - depth / pixel, 0, 1) * (rng.uniform(-600, 600) - AIR_HU)
    for s in range(3):
        if rng.random() < 0.03:  # it ends here
            break
        free = (window.labels[s] == AIR) & ~ndimage.binary_dilation(head[s], iterations=2)
        window.hu[s] += ndimage.gaussian_filter(np.where(free, excess, 0), 0.5 / pixel)


def random_cloth(window: Window, rng: Rng) -> None:
    """Folds of cloth or hair in the air, at the head or away from it; never an object."""
    shape = window.hu.shape[1:]
    folds = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), rng.uniform(1, 4))
    folds = np.maximum(folds / folds.std() + rng.uniform(-1, 0.5), 0)
    distance = ndimage.distance_transform_edt(window.labels[1] != BODY)
    where = np.exp(-((distance / rng.uniform(4, 30)) ** 2)) if rng.random() < 0.6 else distance > rng.uniform(5, 40)
    extra = folds * where * _spread(rng, 20, 350)
    for s in range(3):
        window.hu[s] += np.where(window.labels[s] == AIR, extra * rng.uniform(0.7, 1.3), 0)
