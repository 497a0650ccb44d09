"""What is not the head: head holder, removable foreign objects, metal implants."""

from __future__ import annotations

from typing import Literal

import numpy as np

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.synthesis.canvas import Canvas
from HeadCTIQALib.synthesis.cranium import scalp_thickness, skin, skull_thickness, vault
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.shapes import Array, Point

ForeignObject = Literal["earring", "earrings", "hair_clip", "glasses", "electrode"]
Implant = Literal["aneurysm_clip", "aneurysm_coil", "dental_filling"]

HOLDER_HALF_WIDTH_MM, HOLDER_HALF_DEPTH_MM = 108.0, 70.0


def paint_holder(x: Array, y: Array, hu: Array, label: np.ndarray, back_mm: float, pixel_mm: float) -> None:
    """A U-shaped shell with a foam cushion, in room air only.

    Args:
        x, y: world mm (right, anterior) of the samples; the holder is the same at every table position.
        hu, label: painted in place.
        back_mm: world y of the back of the head, which rests on the cushion.
        pixel_mm: width of the partial volume ramp.
    """
    middle = back_mm - 9 + HOLDER_HALF_DEPTH_MM
    v = np.minimum(y - np.float32(middle), 0) * np.float32(HOLDER_HALF_WIDTH_MM / HOLDER_HALF_DEPTH_MM)
    radius = np.sqrt(x * x + v * v) - np.float32(HOLDER_HALF_WIDTH_MM)
    low = y < middle + 35
    air = label == int(Tissue.OUTSIDE)
    foam = air & low & (radius < -2) & (radius > -9) & (y < middle)
    hu[foam] = -945
    label[foam] = int(Tissue.HOLDER)
    alpha = np.clip(np.float32(0.5) - (np.abs(radius + 0.5) - 1.6) / np.float32(pixel_mm), 0, 1) * (air & low)
    hu += alpha * (np.float32(120) - hu)
    label[alpha >= 0.5] = int(Tissue.HOLDER)


def paint_foreign(c: Canvas, model: HeadModel, kind: ForeignObject, side: int = 1) -> None:
    """Paint a removable object on or outside the skin; ``side`` +1 is the patient's right."""
    over = (Tissue.OUTSIDE, Tissue.SOFT)
    if kind in ("earring", "earrings"):
        angle = np.linspace(0, 2 * np.pi, 13)
        ring: tuple[Point, ...] = tuple((float(73.5 - 2.0 * np.cos(a)), float(-11.5 + 6.5 * np.cos(a)), float(-29 + 6.5 * np.sin(a))) for a in angle)
        for s in (side,) if kind == "earring" else (1, -1):
            c.rods(ring, (1.4,) * 13, Tissue.FOREIGN, 3000.0, side=s, over=over)
    elif kind == "hair_clip":
        bar = tuple(_on_skin(model, (20.0, 20.0, 40.0), (0.75, float(v), 0.62), 1.6) for v in np.linspace(-0.28, 0.12, 6))
        c.rods(bar, (1.7,) * 6, Tissue.FOREIGN, 2800.0, side=side, over=(Tissue.OUTSIDE,))
    elif kind == "electrode":
        at = _on_skin(model, (20.0, 20.0, 40.0), (0.45, 0.8, 0.25), 0.8)
        c.rods((at, (at[0] + 0.8, at[1] + 1.6, at[2] + 0.6)), (4.5, 3.0), Tissue.FOREIGN, 1800.0, side=side, over=(Tissue.OUTSIDE,))
    else:
        for s in (1, -1):
            frame: tuple[Point, ...] = ((4, 103, 19), (20, 100, 26), (46, 96, 24), (60, 90, 20), (73, 60, 18), (75, 10, 17), (75, -16, 14), (76, -26, -2))
            c.rods(frame, (1.6,) * 8, Tissue.FOREIGN, 900.0, side=s, over=(Tissue.OUTSIDE,))


def paint_implant(c: Canvas, kind: Implant, side: int = 1) -> None:
    """Paint metal inside the body; it belongs to the tissue around it (implants are not foreign objects)."""
    if kind == "aneurysm_clip":
        c.rods(((13, 29, 31), (18, 34, 35)), (2.0, 1.6), None, 18000.0, side=side, over=tuple(t for t in Tissue if t))
    elif kind == "aneurysm_coil":
        c.rods(((12, 28, 29), (15, 31, 34)), (4.0, 4.0), None, 18000.0, side=side, over=tuple(t for t in Tissue if t))
    else:
        c.rods(((27.5, 44, -50), (27.5, 49, -50)), (3.0, 3.0), None, 15000.0, side=side, over=tuple(t for t in Tissue if t))


def _on_skin(model: HeadModel, start: Point, direction: Point, lift_mm: float) -> Point:
    """The canonical point ``lift_mm`` above the skin where the ray from ``start`` leaves the head."""
    ray = np.array(direction) / np.linalg.norm(direction)
    r = np.arange(30, 130, 0.25)
    x, y, z = (np.asarray(o + v * r, np.float32) for o, v in zip(start, ray, strict=True))
    dv = vault(model, x, y, z)
    d = skin(model, x, y, z, dv - skull_thickness(model, x, y, z) - scalp_thickness(model, x, y, z))
    reach = r[np.flatnonzero(d < 0)[-1]] + lift_mm
    return (float(start[0] + ray[0] * reach), float(start[1] + ray[1] * reach), float(start[2] + ray[2] * reach))
