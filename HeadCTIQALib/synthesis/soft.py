"""Paints skin, fat, muscles, ears and airway: everything of the head outside skull and eyes."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.synthesis.canvas import Canvas
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.shapes import Array, Point, capsule, chain, ellipsoid, step

FAT, MUSCLE, SKIN, GLAND, AIR = -98.0, 55.0, 20.0, 12.0, -995.0


def paint_soft(c: Canvas, model: HeadModel, skin: Array, scalp: Array) -> None:
    """Fill the head with skin, subcutaneous fat, and muscle interleaved with fat planes.

    ``c`` is the whole-head window, to which the distances ``skin`` and the scalp thickness ``scalp`` belong.
    """
    inside = skin < c.blur_mm
    if not inside.any():
        return
    p, d = c.points(inside), skin[inside]
    p.paint(d, Tissue.SOFT, SKIN)
    high = step(p.z - np.float32(30), 30)
    fat = np.float32(model.fat_mm) * (1 - high) + high * (np.float32(0.62) * scalp[inside] - 1)
    front = step(p.y - np.float32(82), 14) * (1 - high)  # little fat on nose and lids
    fat = fat * (1 - np.float32(0.8) * front)
    p.paint(d + 1.6, None, FAT)
    p.paint(d + 1.6 + fat, None, MUSCLE)
    deep = (d < -3 - fat) & (p.z < 12)
    if deep.any():
        q = p.points(deep)
        planes = model.waves(5, 26, 6)
        n = planes(q.x, q.y, q.z * np.float32(0.35))  # muscles run up and down
        q.sheet(n / np.float32(planes.slope * 0.6), 0.55, None, FAT)
        p.put(deep, q)
    c.put(inside, p)


def paint_hair(c: Canvas, model: HeadModel, skin: Array) -> None:
    """Fuzz of hair around the calvarium, in room air; it stays outside the head."""
    if model.hair_mm <= 0:
        return
    near = (
        (skin > -0.5 * c.blur_mm)
        & (skin < model.hair_mm)
        & (c.label == int(Tissue.OUTSIDE))
        & (c.z > 2 + 0.55 * c.y)
        & (c.y < 84)
    )
    if not near.any():
        return
    p, d = c.points(near), skin[near]
    strands = model.waves(7, 3.2, 6)(p.x, p.y, p.z) + model.waves(8, 22, 4)(p.x, p.y, p.z)
    full = np.clip(1.2 - d / np.float32(model.hair_mm) + 0.35 * strands, 0, 1.5)
    p.hu[...] = np.maximum(p.hu, AIR + full * np.float32(model.hair_hu - AIR))
    c.put(near, p)


def paint_neck(c: Canvas, model: HeadModel) -> None:
    """Muscles, vessels and glands of neck and face, both sides."""
    for side in (1, -1):
        _paint_muscles(c, side, model.pathology.vessel_hu + 3)


def _paint_muscles(c: Canvas, side: int, blood: float) -> None:
    rods: tuple[tuple[tuple[Point, ...], tuple[float, ...], float], ...] = (
        (((52, 34, -8), (51, 22, -55)), (5.5, 7.0), MUSCLE),  # masseter
        (((38, 42, -8), (36, 28, -24)), (8.0, 7.0), MUSCLE),  # pterygoids
        (((44, 50, -18), (45, 55, -34)), (8.0, 7.0), FAT),  # buccal fat
        (((55, 4, -14), (53, 2, -40)), (7.0, 6.0), GLAND),  # parotid
        (((30, 8, -22), (30, 4, -70)), (7.0, 8.0), FAT),  # carotid space
        (((28, 0, -35), (26, 4, -160)), (3.4, 3.4), blood),
        (((31, -6, -35), (33, -2, -160)), (4.2, 4.2), blood),
        (((52, -22, -28), (44, -5, -80), (30, 25, -160)), (6.5, 8.0, 8.5), MUSCLE),  # sternomastoid
        (((13, -50, -8), (13, -45, -60), (14, -45, -160)), (6.5, 9.5, 11.0), MUSCLE),  # semispinalis
        (((30, -42, -14), (31, -34, -70), (35, -34, -160)), (6.0, 8.5, 10.0), MUSCLE),  # splenius
        (((9, 32, -52), (9, 66, -50)), (15.0, 13.0), MUSCLE),  # tongue
    )
    for points, radii, hu in rods:
        c.rods(points, radii, None, hu, side=side)


def paint_ears(c: Canvas, model: HeadModel) -> None:
    """Auricles: a rim around the concha, standing off backwards."""
    for side in (1, -1):
        w = c.window((50, -45, -35), (100, 15, 45), side)
        if w is None:
            continue
        u = w.x - np.float32(71.0) + np.float32(0.42) * (w.y + 8)
        tilt = w.y + np.float32(0.2) * (w.z - 4)
        plate = ellipsoid(u, tilt, w.z, (0, -16, 5), (4.2, 14.5, 30))
        keep = w.label != int(Tissue.OUTSIDE)
        hollow = ellipsoid(u, tilt, w.z, (3.6, -13, 2), (3.8, 9.0, 17))
        root = chain(
            w.x, w.y, w.z, ((58, -12, 12), (73, -17, 12), (58, -11, -12), (72, -14, -14)), (6.0, 4.0, 6.0, 4.5)
        )
        w.paint(np.maximum(np.minimum(plate, root), -hollow), Tissue.SOFT, 25.0, keep)


def paint_airway(c: Canvas, model: HeadModel) -> None:
    """Nasopharynx, oropharynx and trachea."""
    w = c.window((-22, -10, -240), (22, 50, -8))
    if w is None:
        return
    x, y, z = w.x * np.float32(0.72), w.y, w.z
    air = chain(
        x, y, z, ((0, 26, -20), (0, 19, -38), (0, 20, -70), (0, 24, -110), (0, 14, -200)), (7.0, 6.0, 5.5, 6.5, 7.5)
    )
    w.paint(air, Tissue.AIR_CAVITY, AIR, w.label != int(Tissue.SOFT))
    w.paint(
        capsule(w.x, w.y, w.z, (0, 62, -38), (0, 38, -36), 2.5, 3.0),
        Tissue.AIR_CAVITY,
        AIR,
        w.label != int(Tissue.SOFT),
    )
