"""Paints the face: orbits with their contents, paranasal sinuses, nose, zygoma, jaws and teeth."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.synthesis.canvas import Canvas
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.shapes import Array, Point, box, capsule, chain, ellipsoid, smooth_max, smooth_min

FAT, MUSCLE, AIR, BONE_HU = -98.0, 55.0, -990.0, 1000.0
GLOBE_CENTRE, GLOBE_RADIUS = (33.5, 77.0, 14.8), 12.2
CANTHUS_ROD = (
    (49.6, 68.2, -3.0),
    (50.5, 68.6, 13.5),
    (47.5, 74.0, 27.0),
)  # its front at z = 13.5 is the canthus landmark
CANTHUS_ROD_RADIUS = 3.8


def paint_face(c: Canvas, model: HeadModel, d_cavity: Array) -> None:
    """Everything of the viscerocranium; ``c`` is the whole-head window with its cavity distance."""
    for side in (1, -1):
        _paint_bones(c, model, side)
    _paint_frontal_sinus(c, model)
    _paint_nose(c, model)
    for side in (1, -1):
        _paint_sinuses(c, model, side)
        _paint_orbit(c, model, side)
        _paint_lateral_rim(c, side)


def _soft_only(w: Canvas) -> np.ndarray:
    return w.other_than(Tissue.SOFT, Tissue.BONE)


def _paint_bones(c: Canvas, model: HeadModel, side: int) -> None:
    f = model.face_scale
    rods: tuple[tuple[tuple[Point, ...], tuple[float, ...], float], ...] = (
        (
            ((62, 12, -2), (64.5, 32, -5), (60, 54, -7), (49, 70, -9), (34, 77, -12)),
            (2.6, 2.4, 3.8, 6.0, 4.0),
            600.0,
        ),  # zygoma
        (((34, 79, -7), (18, 82, -3), (14, 85, 8)), (3.2, 3.0, 3.2), 900.0),  # infraorbital rim
        (((0, 85, 24), (14, 86, 25), (33, 84, 31), (47.5, 74, 27)), (5.0, 4.2, 4.0, 3.8), 700.0),  # brow
        (((3, 88, 19), (4, 96, 6)), (2.8, 1.6), 900.0),  # nasal bone
        (((14, 84, 6), (12, 84, -20), (8, 84, -33)), (2.6, 2.0, 3.5), 900.0),
        (((49, 12, -6), (47, 16, -40), (44, 24, -62)), (5.0, 4.2, 6.0), 550.0),  # mandible
        (((44, 24, -62), (24, 70 * f, -72), (0, 82 * f, -74)), (6.0, 6.5, 7.0), 550.0),
    )
    for points, radii, core in rods:
        c.rods(points, radii, Tissue.BONE, 1100.0, side=side, core=(1.9, core))
    c_ramus = c.window((40, 8, -64), (52, 34, -14), side)
    if c_ramus is not None:
        ramus = box(c_ramus.x + np.float32(0.03) * c_ramus.z, c_ramus.y, c_ramus.z, (46, 21, -38), (2.6, 10, 22), 2)
        c_ramus.paint(ramus, Tissue.BONE, 1000.0, c_ramus.other_than(Tissue.SOFT))
    w = c.window((0, 30, -72), (34, 100, -18), side)
    if w is None:
        return
    x, y, z, keep = w.x, w.y, w.z, w.other_than(Tissue.SOFT)
    palate = box(x, y, z + np.float32(0.16) * (y - 60), (0, 60, -27), (24, 26, 1.8), 1.5)
    w.paint(palate, Tissue.BONE, 800.0, keep)
    bend = np.sqrt((x / np.float32(25)) ** 2 + (np.maximum(y - np.float32(44), 0) / np.float32(41)) ** 2)
    arch = (bend - np.float32(1)) * np.float32(24)
    back = np.float32(36) - y
    alveolus = smooth_max(smooth_max(np.abs(arch) - 4.5, np.abs(z + np.float32(35)) - 5.5, 2), back, 2)
    w.paint(np.asarray(alveolus, np.float32), Tissue.BONE, 750.0, keep)
    lower_arch = smooth_max(smooth_max(np.abs(arch + 1) - 4.0, np.abs(z + np.float32(60)) - 7.0, 2), back, 2)
    w.paint(np.asarray(lower_arch, np.float32), Tissue.BONE, 750.0, keep)
    along = np.arctan2(x, np.maximum(y - 40, 1)) * np.float32(30)
    tooth = np.abs(np.mod(along, np.float32(7.5)) - np.float32(3.75)) - np.float32(3.2)
    crown = smooth_max(
        smooth_max(np.abs(arch) - 3.4, np.abs(z + np.float32(46.5)) - 7.5, 2), np.maximum(tooth, back), 1
    )
    if model.teeth:
        w.paint(np.asarray(crown, np.float32), Tissue.BONE, 1900.0)


def _paint_frontal_sinus(c: Canvas, model: HeadModel) -> None:
    size = model.frontal_sinus
    if size < 0.4:
        return
    for side in (1, -1):
        w = c.window((0, 74, 18), (34, 100, 60), side)
        if w is None:
            continue
        extent = (11 * size + 2) * (1 + 0.25 * side * np.sin(model.warp[5]))
        d = ellipsoid(
            w.x, w.y + np.float32(0.12) * (w.z - 30), w.z, (2 + 0.6 * extent, 83.0, 32), (extent, 3.2, 7 + 6 * size)
        )
        shape = np.maximum(d, 0.5 - w.x)
        w.paint(shape - 1.3, Tissue.BONE, 1000.0, _soft_only(w))
        w.paint(shape, Tissue.AIR_CAVITY, AIR, _soft_only(w))


def _paint_nose(c: Canvas, model: HeadModel) -> None:
    w = c.window((-16, 36, -28), (16, 122, 14))
    if w is None:
        return
    keep = _soft_only(w)
    f = model.face_scale
    ax = np.abs(w.x)
    roof = np.float32(10) - np.maximum(w.y - 78, 0) * np.float32(0.8)
    cavity = box(ax, w.y, w.z, (0, 62, -9), (13, 27, 15), 5)
    cavity = smooth_max(cavity, w.z - roof, 3)
    cavity = smooth_max(cavity, ax - (np.float32(5) + np.float32(0.55) * np.maximum(np.float32(6) - w.z, 0)), 3)
    nares = chain(ax, w.y, w.z, ((5, 86, -18), (6, 99 * f, -15), (6, 102 * f, -22)), (4.5, 3.6, 3.0))
    w.paint(cavity - 0.9, Tissue.BONE, 700.0, keep)
    w.paint(smooth_min(cavity, nares, 3), Tissue.AIR_CAVITY, AIR, keep)
    keep = w.label != int(Tissue.AIR_CAVITY)
    bent = w.x - np.float32(1.2 * np.sin(model.warp[6])) * np.sin(w.y * np.float32(0.09))
    w.sheet(bent, 0.9, Tissue.SOFT, 150.0, keep)
    for height, reach, radius in ((-17.0, 82.0, 3.6), (-6.0, 76.0, 2.8)):
        turbinate = capsule(ax * np.float32(1.15), w.y, w.z, (8.5, 44, height), (8.5, reach, height), radius)
        w.paint(turbinate, Tissue.SOFT, 35.0, keep)
        w.paint(turbinate + radius - 0.9, None, 350.0, keep)


def _paint_sinuses(c: Canvas, model: HeadModel, side: int) -> None:
    w = c.window((0, 15, -42), (48, 86, 30), side)
    if w is None:
        return
    s = model.sinus_scale * (1 + 0.06 * side * np.sin(model.warp[7]))
    keep = _soft_only(w)
    x, y, z = w.x, w.y, w.z
    pyramid = ellipsoid(x, y, z, (29, 59, -19), (14.5 * s, 18.5 * s, 16 * s))
    maxillary = smooth_max(smooth_max(pyramid, np.float32(14.5) - x, 2), z + np.float32(4), 2)
    ethmoid = box(x, y, z, (7, 63, 11), (5.6 + 0.8 * s, 16, 11.5), 4)
    sphenoid = smooth_max(ellipsoid(x, y, z, (7, 33, 8), (9.5 * s, 13 * s, 9.5 * s)), np.float32(0.7) - x, 1)
    for d in (maxillary, ethmoid, sphenoid):
        w.paint(d - 1.0, Tissue.BONE, 900.0, keep)
    for d in (maxillary, sphenoid):
        w.paint(d, Tissue.AIR_CAVITY, AIR, keep)
    w.paint(ethmoid, Tissue.AIR_CAVITY, AIR, keep)
    maxillary_fluid = model.sinus_fluid[0 if side > 0 else 1]
    # The patient lies on the back: fluid collects behind; a sinus that is full is full to the front.
    for d, level, back, depth in (
        (maxillary, maxillary_fluid, 41.0, 37.0),
        (sphenoid, model.sinus_fluid[2], 20.0, 27.0),
        (ethmoid, model.sinus_fluid[3], 47.0, 33.0),
    ):
        if level > 0:
            lining = np.maximum(d, np.minimum(y - np.float32(back + depth * level), -d - np.float32(2 + 4 * level)))
            w.paint(lining, Tissue.SOFT, 24.0, w.label != int(Tissue.AIR_CAVITY))
    in_cells = w.label != int(Tissue.AIR_CAVITY)
    cells = model.waves(20 + side, 15, 4)
    w.sheet(
        np.where(ethmoid < 0, cells(x, y, z) / np.float32(cells.slope * 0.7), np.float32(50)),
        0.5,
        Tissue.BONE,
        350.0,
        in_cells,
    )


def _paint_orbit(c: Canvas, model: HeadModel, side: int) -> None:
    w = c.window((4, 36, -12), (54, 98, 38), side)
    if w is None:
        return
    x, y, z = w.x, w.y, w.z
    cone = capsule(x, y, z, (14, 42, 19), (33, 74, 14.5), 3.0, 16.5)
    cone = smooth_max(cone, np.float32(14.3) - x, 3)
    # The septum closes the orbit in front; the lateral wall ends behind the middle of the globe.
    behind = y - np.float32(84) + np.maximum((x - 30) * np.float32(0.75), (30 - x) * np.float32(0.35))
    orbit = smooth_max(cone, np.asarray(behind, np.float32), 3)
    keep = w.other_than(Tissue.SOFT, Tissue.BONE, Tissue.AIR_CAVITY)
    w.sheet(np.where(behind < 0, cone - np.float32(0.6), np.float32(50)), 0.8, Tissue.BONE, 950.0, keep)
    w.paint(orbit, Tissue.SOFT, FAT, keep)
    gx, gy, gz = GLOBE_CENTRE
    apex = (15, 44, 19)
    for ox, oz in ((10.5, 0), (-10, 0), (0, 9.5), (0, -9.5)):  # rectus muscles
        belly = ((apex[0] + gx + ox) / 2 + ox * 0.3, 60.0, (apex[2] + gz + oz) / 2 + oz * 0.3)
        c.rods((apex, belly, (gx + ox, gy + 1, gz + oz)), (1.2, 2.2, 1.0), None, MUSCLE, side=side)
    c.rods((apex, (24, 57, 16.5), (gx - 2, gy - 11, gz)), (1.8, 1.9, 1.9), None, 35.0, side=side)
    c.rods(((45, 73, 23), (44.5, 79, 22)), (2.8, 2.4), None, 35.0, side=side)  # lacrimal gland
    globe = ellipsoid(x, y, z, GLOBE_CENTRE, (GLOBE_RADIUS,) * 3)
    globe = smooth_min(globe, ellipsoid(x, y, z, (gx, gy + 5.5, gz), (7.5, 7.8, 7.5)), 1)
    keep = w.label == int(Tissue.OUTSIDE)
    w.paint(globe, Tissue.GLOBE, 48.0, keep)
    w.paint(globe + 1.3, None, 12.0, keep)
    w.paint(ellipsoid(x, y, z, (gx, gy + 8.0, gz), (4.6, 2.2, 4.6)), None, 80.0, keep)


def _paint_lateral_rim(c: Canvas, side: int) -> None:
    """Frontal process of the zygoma, whose tip at lens height is the canthus landmark."""
    w = c.window((34, 46, -8), (60, 82, 34), side)
    if w is None:
        return
    keep = _soft_only(w)
    r = CANTHUS_ROD_RADIUS
    rod = chain(w.x, w.y, w.z, CANTHUS_ROD, (r + 0.4, r, r + 0.3))
    w.paint(rod, Tissue.BONE, 1150.0, keep)
    w.paint(rod + 2.0, None, 800.0, keep)
    wall = chain(w.x, w.y, w.z, ((49, 67, 13), (38, 54, 15)), (2.2, 1.6))
    w.paint(wall, Tissue.BONE, 1000.0, keep)
