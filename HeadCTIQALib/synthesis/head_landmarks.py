"""Landmarks of a simulated head, from the same implicit functions that draw it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.synthesis.brain import PINEAL, SEPTUM, cortex_gap, midline_shift
from HeadCTIQALib.synthesis.cranium import (
    FORAMEN_CENTRE,
    FORAMEN_RADII,
    cavity,
    scalp_thickness,
    skin,
    skull_thickness,
    vault,
)
from HeadCTIQALib.synthesis.face import GLOBE_CENTRE
from HeadCTIQALib.synthesis.head_model import CANTHUS_CANONICAL, EAM_CANONICAL, HeadModel

NASION = (0.0, 91.0, 19.0)
SELLA = (0.0, 23.4, 19.5)
CRISTA = (0.0, 74.0, 30.5)


@lru_cache(maxsize=64)
def _fixed_landmarks(model: HeadModel) -> dict[str, Vector]:
    points: dict[str, tuple[float, float, float]] = {}
    for name, (x, y, z) in (("EAM", EAM_CANONICAL), ("CANTHUS", CANTHUS_CANONICAL), ("GLOBE", GLOBE_CENTRE)):
        points[f"{name}_R"], points[f"{name}_L"] = (x, y, z), (-x, y, z)
    points |= {
        "NASION": NASION,
        "SELLA": SELLA,
        "CRISTA": CRISTA,
        "SEPTUM": _shifted(model, SEPTUM),
        "PINEAL": _shifted(model, PINEAL),
    }
    (cx, cy), (_, ry) = FORAMEN_CENTRE, FORAMEN_RADII
    points["BASION"] = _rim_point(model, cx, cy + ry)
    points["OPISTHION"] = _rim_point(model, cx, cy - ry)
    back = np.linspace(-90, -40, 400, dtype=np.float32)
    d = cavity(model, np.zeros_like(back), back, np.full_like(back, 23.0))
    points["IOP"] = (0.0, float(back[np.argmax(d < 0)]), 23.0)
    return {name: model.to_head(np.array(p)) for name, p in points.items()}


def _shifted(model: HeadModel, point: tuple[float, float, float]) -> tuple[float, float, float]:
    """Where a mass has pushed a point of the brain's midline."""
    x, y, z = point
    for _ in range(12):
        x = point[0] + float(midline_shift(model, *(np.float32(v) for v in (x, y, z))))  # type: ignore[arg-type]
    return x, y, z


def _rim_point(model: HeadModel, x: float, y: float) -> tuple[float, float, float]:
    """Middle of the bone shell at the edge of the foramen magnum."""
    z = np.linspace(-30, 5, 1401, dtype=np.float32)
    flat = np.full_like(z, x), np.full_like(z, y)
    d = cavity(model, *flat, z)
    t = skull_thickness(model, *flat, z)
    in_bone = (d > 0) & (d < t)
    lowest_run = np.flatnonzero(in_bone)
    first = lowest_run[0]
    run = first + np.argmax(~np.append(in_bone, False)[first:])
    return x, y, float((z[first] + z[run - 1]) / 2)


def _highest(model: HeadModel, up: Vector, surface: str) -> Vector:
    """The highest point along the head-frame direction ``up`` of "skin", "skull" or "brain" near the calvarium.

    The surfaces are star-shaped about a point inside the brain: the radius is found on a fan of rays, refined.
    """
    centre = np.array([0.0, 25.0, 50.0])
    up = up / np.linalg.norm(up)
    side = np.cross(up, [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    other = np.cross(up, side)
    # The fan narrows fourfold each round.
    radius = np.arange(45.0, 115.0, 1.4)
    best_direction, width = np.zeros(2), 1.0
    best = centre
    for _ in range(5):
        u, v = np.meshgrid(*[best_direction[n] + np.linspace(-width, width, 13) for n in range(2)])
        rays = up + u.reshape(-1, 1) * side + v.reshape(-1, 1) * other
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        d = _surface_distance(model, centre + rays[:, None] * radius[None, :, None], surface)
        last = d.shape[1] - 1 - np.argmax((d < 0)[:, ::-1], axis=1)  # the outermost sample inside
        last = np.clip(last, 0, len(radius) - 2)
        row = np.arange(len(d))
        d0, d1 = d[row, last], d[row, last + 1]
        r = radius[last] + 1.4 * np.clip(d0 / (d0 - d1 - 1e-9), 0, 1)
        top = centre + rays * r[:, None]
        n = int(np.argmax(top @ up))
        best, best_direction, width = top[n], np.array([u.ravel()[n], v.ravel()[n]]), width / 4
    return best


def _surface_distance(model: HeadModel, points: Vector, surface: str) -> Vector:
    x, y, z = model.to_canonical(*(np.ascontiguousarray(points[..., n], np.float32) for n in range(3)))
    dv = vault(model, x, y, z)
    if surface == "brain":
        return np.asarray(dv + cortex_gap(model), float)
    t = skull_thickness(model, x, y, z)
    return np.asarray(
        dv - t if surface == "skull" else skin(model, x, y, z, dv - t - scalp_thickness(model, x, y, z)), float
    )


def head_landmarks(model: HeadModel, up: Vector | None = None) -> dict[str, Vector]:
    """All landmarks in the head frame, mm.

    Args:
        model: the head.
        up: direction (head frame) along which vertex, skull top and brain top are the highest points;
            default superior.
    """
    direction = np.array([0.0, 0.0, 1.0]) if up is None else np.asarray(up, float)
    points = dict(_fixed_landmarks(model))
    for name, surface in (("VERTEX", "skin"), ("SKULL_TOP", "skull"), ("BRAIN_TOP", "brain")):
        points[name] = _highest(model, direction, surface)
    return points
