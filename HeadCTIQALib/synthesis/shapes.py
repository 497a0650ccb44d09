"""Implicit shapes: signed distances (mm, negative inside) of the solids that the simulated head is made of.

All functions take float32 coordinate arrays of one shape and return an array of that shape.  Distances of
ellipsoids and of smooth unions are first-order approximations, exact at the surface to within a few per cent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Point = tuple[float, float, float]


def ellipsoid(x: Array, y: Array, z: Array, centre: Point, radii: Point) -> Array:
    """Distance to an axis-aligned ellipsoid (first order)."""
    s = k0 = k1 = np.zeros((), np.float32)
    for v, m, r in zip((x, y, z), centre, radii, strict=True):
        s = (v - np.float32(m)) if m else v
        s = s * np.float32(1.0 / r)
        s *= s
        k1 = k1 + s * np.float32(1.0 / r**2)
        k0 = k0 + s
    return np.asarray((k0 - np.sqrt(k0)) / (np.sqrt(k1) + np.float32(1e-6)), np.float32)


def capsule(x: Array, y: Array, z: Array, start: Point, end: Point, r0: float, r1: float | None = None) -> Array:
    """Distance to a rod from ``start`` (radius r0) to ``end`` (radius r1) with round ends."""
    ax, ay, az = (np.float32(v) for v in start)
    bx, by, bz = (np.float32(e - s) for s, e in zip(start, end, strict=True))
    px, py, pz = x - ax, y - ay, z - az
    k = np.float32(1) / (bx * bx + by * by + bz * bz + np.float32(1e-6))
    t = px * (bx * k) + py * (by * k)
    t += pz * (bz * k)
    np.minimum(np.maximum(t, 0, out=t), 1, out=t)
    px -= t * bx
    py -= t * by
    pz -= t * bz
    d = np.sqrt(px * px + py * py + pz * pz)
    return np.asarray(d - (r0 if r1 is None else np.float32(r0) + t * np.float32(r1 - r0)), np.float32)


def chain(x: Array, y: Array, z: Array, points: tuple[Point, ...], radii: tuple[float, ...]) -> Array:
    """Union of rods through ``points`` with the given radii."""
    d = capsule(x, y, z, points[0], points[1], radii[0], radii[1])
    for n in range(1, len(points) - 1):
        np.minimum(d, capsule(x, y, z, points[n], points[n + 1], radii[n], radii[n + 1]), out=d)
    return d


def box(x: Array, y: Array, z: Array, centre: Point, half: Point, rounding: float = 0.0) -> Array:
    """Distance to an axis-aligned box with rounded edges."""
    q = [np.abs(v - m) - np.float32(h - rounding) for v, m, h in zip((x, y, z), centre, half, strict=True)]
    outside = np.sqrt(sum(np.maximum(v, 0) ** 2 for v in q))
    return np.asarray(
        outside + np.minimum(np.maximum(np.maximum(q[0], q[1]), q[2]), 0) - np.float32(rounding), np.float32
    )


def smooth_min(a: Array, b: Array, width: float) -> Array:
    """Union of two solids with a fillet of about ``width`` mm."""
    h = a - b
    np.abs(h, out=h)
    np.subtract(np.float32(width), h, out=h)
    np.maximum(h, 0, out=h)
    h *= h
    h *= np.float32(0.25 / width)
    return np.asarray(np.minimum(a, b) - h, np.float32)


def smooth_max(a: Array, b: Array, width: float) -> Array:
    """Intersection of two solids with a fillet of about ``width`` mm."""
    return np.asarray(-smooth_min(-a, -b, width), np.float32)


def step(v: Array, width: float) -> Array:
    """Smooth 0..1 step of ``v`` over about ``width`` mm."""
    t = np.minimum(np.maximum(v * np.float32(1 / width) + np.float32(0.5), 0), 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


@dataclass(frozen=True)
class Waves:
    """Smooth band-limited noise: a sum of plane waves of about one wavelength, unit variance."""

    directions: Array  # (N, 3) rad/mm
    phases: Array  # (N,)

    @classmethod
    def random(cls, rng: np.random.Generator, wavelength_mm: float, count: int = 9) -> Waves:
        """``count`` random directions; wavelengths within 20 % of ``wavelength_mm``."""
        v = rng.normal(size=(count, 3))
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        v *= 2 * np.pi / (wavelength_mm * rng.uniform(0.8, 1.2, (count, 1)))
        return cls(v.astype(np.float32), rng.uniform(0, 2 * np.pi, count).astype(np.float32))

    def __call__(self, x: Array, y: Array, z: Array) -> Array:
        """Values of the noise at the points."""
        total = np.zeros(np.shape(x), np.float32)
        for (a, b, c), phase in zip(self.directions, self.phases, strict=True):
            total += np.cos(a * x + b * y + c * z + phase)
        return np.asarray(total * np.float32(np.sqrt(2.0 / len(self.phases))), np.float32)

    @property
    def slope(self) -> float:
        """Typical gradient per mm (root mean square along one direction times sqrt(3))."""
        return float(np.sqrt((self.directions.astype(float) ** 2).sum(axis=1).mean()))
