"""What is not the head: removable foreign objects, straps, metal implants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.synthesis.canvas import Canvas
from HeadCTIQALib.synthesis.cranium import scalp_thickness, skin, skull_thickness, vault
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.shapes import Point

ForeignObject = Literal[
    "earring",
    "earrings",
    "stud",
    "hair_clip",
    "hair_pin",
    "glasses",
    "electrode",
    "electrodes",
    "sensor",
    "hearing_aid",
]
Implant = Literal[
    "aneurysm_clip", "aneurysm_coil", "dental_filling", "dental_fillings", "cochlear_implant", "skull_plates"
]
CENTRE: Point = (20.0, 20.0, 40.0)  # rays from here find places on the calvarium


@dataclass(frozen=True)
class Removable:
    """A removable object: ``side`` +1 is the patient's right; ``slide`` -1..1 moves it to another plausible place."""

    kind: ForeignObject
    side: int = 1
    slide: float = 0.0


def paint_foreign(c: Canvas, model: HeadModel, item: Removable | ForeignObject) -> None:
    """Paint a removable object on or outside the skin."""
    what = item if isinstance(item, Removable) else Removable(item)
    kind, side, slide = what.kind, what.side, what.slide
    over = (Tissue.OUTSIDE, Tissue.SOFT)
    air = (Tissue.OUTSIDE,)
    if kind in ("earring", "earrings"):
        size = 6.5 + 2.5 * slide
        ring: tuple[Point, ...] = tuple(
            (float(73.5 - 2.0 * np.cos(a)), float(-11.5 + size * np.cos(a)), float(-22.5 - size + size * np.sin(a)))
            for a in np.linspace(0, 2 * np.pi, 13)
        )
        for s in (side,) if kind == "earring" else (1, -1):
            c.rods(ring, (1.4,) * 13, Tissue.FOREIGN, 3000.0, side=s, over=over)
    elif kind == "stud":
        c.rods(((71, -11, -20), (76, -12, -20)), (1.2, 1.9), Tissue.FOREIGN, 3000.0, side=side, over=over)
    elif kind == "hair_clip":
        bar = tuple(
            _on_skin(model, CENTRE, (0.75, float(v) + 0.3 * slide, 0.62), 1.6) for v in np.linspace(-0.28, 0.12, 6)
        )
        c.rods(bar, (1.7,) * 6, Tissue.FOREIGN, 2800.0, side=side, over=air)
    elif kind == "hair_pin":
        bar = tuple(
            _on_skin(model, CENTRE, (0.8, -0.35 + 0.4 * slide, float(v)), 1.0) for v in np.linspace(0.2, 0.55, 5)
        )
        c.rods(bar, (0.9,) * 5, Tissue.FOREIGN, 2900.0, side=side, over=air)
    elif kind in ("electrode", "electrodes"):
        places: tuple[Point, ...] = ((0.45, 0.8, 0.25),)
        if kind == "electrodes":
            places = (
                (0.25, 0.85, 0.3),
                (0.7, 0.5, 0.35),
                (0.9, 0.0, 0.3),
                (0.75, -0.55, 0.3),
                (0.5, 0.2, 0.85),
                (0.45, -0.4, 0.8),
            )
        for x, y, z in places:
            _disc(
                c,
                _on_skin(model, CENTRE, (x, y + 0.15 * slide, z), 0.8),
                (x, y, z),
                4.5,
                3.0,
                1800.0,
                (1, -1) if len(places) > 1 else (side,),
            )
    elif kind == "sensor":  # adhesive oximeter pad on the forehead with its cable
        pad = tuple(
            _on_skin(model, CENTRE, (float(v), 0.85, 0.28 + 0.08 * slide), 1.5) for v in np.linspace(-0.05, 0.45, 5)
        )
        c.rods(pad, (1.8,) * 5, Tissue.FOREIGN, 350.0, side=side, over=air)
        cable = tuple(
            _on_skin(model, CENTRE, (0.45 + 0.4 * float(t), 0.85 - 0.7 * float(t), 0.28), 3.0)
            for t in np.linspace(0, 1, 5)
        )
        c.rods(cable, (1.5,) * 5, Tissue.FOREIGN, 1500.0, side=side, over=air)
    elif kind == "hearing_aid":
        c.rods(
            ((76, -20, 8), (74, -23, 20), (73, -14, 27)), (3.6, 4.0, 2.2), Tissue.FOREIGN, 900.0, side=side, over=over
        )
        c.rods(
            ((75, -22, 12), (75, -23, 15)),
            (2.4, 2.4),
            Tissue.FOREIGN,
            3000.0,
            side=side,
            over=(Tissue.OUTSIDE, Tissue.SOFT, Tissue.FOREIGN),
        )
    else:
        frame: tuple[Point, ...] = (
            (4, 103, 19),
            (20, 100, 26),
            (46, 96, 24),
            (60, 90, 20),
            (73, 60, 18),
            (75, 10, 17),
            (75, -16, 14),
            (76, -26, -2),
        )
        for s in (1, -1):
            c.rods(frame, (1.6 + 0.4 * slide,) * 8, Tissue.FOREIGN, 900.0 + 600 * slide, side=s, over=air)


def _disc(c: Canvas, at: Point, out: Point, r0: float, r1: float, hu: float, sides: tuple[int, ...]) -> None:
    tip = (at[0] + 1.8 * out[0], at[1] + 1.8 * out[1], at[2] + 1.8 * out[2])
    for s in sides:
        c.rods((at, tip), (r0, r1), Tissue.FOREIGN, hu, side=s, over=(Tissue.OUTSIDE,))


def paint_strap(c: Canvas, model: HeadModel) -> None:
    """The band over the forehead that holds the head; like the holder no part of the head and no foreign object."""
    w = c.window((-85, 30, 36), (85, 110, 62))
    if w is None:
        return
    dv = vault(model, w.x, w.y, w.z)
    d = skin(model, w.x, w.y, w.z, dv - skull_thickness(model, w.x, w.y, w.z) - scalp_thickness(model, w.x, w.y, w.z))
    band = np.maximum(np.abs(d - np.float32(2.2)) - np.float32(1.1), np.abs(w.z - np.float32(48)) - np.float32(11))
    w.paint(np.asarray(band, np.float32), Tissue.HOLDER, -250.0, w.label != int(Tissue.OUTSIDE))


def paint_implant(c: Canvas, kind: Implant, side: int = 1) -> None:
    """Paint metal inside the body; it belongs to the tissue around it (implants are not foreign objects)."""
    rods: dict[str, tuple[tuple[tuple[Point, ...], tuple[float, ...], float, tuple[int, ...]], ...]] = {
        "aneurysm_clip": ((((13, 29, 31), (18, 34, 35)), (2.0, 1.6), 18000.0, (side,)),),
        "aneurysm_coil": ((((12, 28, 29), (15, 31, 34)), (4.0, 4.0), 18000.0, (side,)),),
        "dental_filling": ((((27.5, 44, -50), (27.5, 49, -50)), (3.0, 3.0), 15000.0, (side,)),),
        "dental_fillings": (
            (((26.5, 42, -46), (26.5, 54, -46)), (3.0, 3.0), 15000.0, (1, -1)),
            (((26.5, 44, -52), (25, 58, -52)), (2.6, 2.6), 15000.0, (side,)),
        ),
        "cochlear_implant": (
            (((68, -38, 20), (62, -52, 34)), (4.5, 6.0), 9000.0, (side,)),
            (((66, -30, 14), (50, -10, 6), (34, 4, 6)), (0.8, 0.7, 0.7), 12000.0, (side,)),
        ),
        "skull_plates": tuple(
            (((68, y, z), (66, y + 7, z + 4)), (0.9, 0.9), 7000.0, (side,)) for y, z in ((40, 44), (-10, 78), (0, 30))
        ),
    }
    body = tuple(t for t in Tissue if t and t not in (Tissue.HOLDER, Tissue.FOREIGN))
    for points, radii, hu, sides in rods[kind]:
        for s in sides:
            c.rods(points, radii, None, hu, side=s, over=body)


def _on_skin(model: HeadModel, start: Point, direction: Point, lift_mm: float) -> Point:
    """The canonical point ``lift_mm`` above the skin where the ray from ``start`` leaves the head."""
    ray = np.array(direction) / np.linalg.norm(direction)
    r = np.arange(30, 130, 0.25)
    x, y, z = (np.asarray(o + v * r, np.float32) for o, v in zip(start, ray, strict=True))
    dv = vault(model, x, y, z)
    d = skin(model, x, y, z, dv - skull_thickness(model, x, y, z) - scalp_thickness(model, x, y, z))
    reach = r[np.flatnonzero(d < 0)[-1]] + lift_mm
    return (float(start[0] + ray[0] * reach), float(start[1] + ray[1] * reach), float(start[2] + ray[2] * reach))
