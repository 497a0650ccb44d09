"""Paints skull vault and base, temporal bones with air cells and ear canals, and the upper cervical spine."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.synthesis.canvas import Canvas
from HeadCTIQALib.synthesis.cranium import foramen
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.lesions import FLAP_HU, holes_in_skull
from HeadCTIQALib.synthesis.shapes import Array, box, capsule, chain, ellipsoid, smooth_max, smooth_min

CORTICAL, DIPLOE, DENSE, AIR = 1250.0, 520.0, 1650.0, -990.0


def paint_cranium(c: Canvas, model: HeadModel, d_cavity: Array, thickness: Array) -> None:
    """The shell around the cranial cavity, with outer table, diploe and inner table, and the foramen magnum.

    ``c`` is the whole-head window, to which ``d_cavity`` and ``thickness`` belong.
    """
    near = (d_cavity < thickness + c.blur_mm) & (d_cavity > -c.blur_mm - 1)
    if not near.any():
        return
    p, d, t = c.points(near), d_cavity[near], thickness[near]
    hole = foramen(p.x, p.y)
    hole = np.where(p.z < 0, hole, np.float32(1e3))  # the cylinder exists only at the base
    shell = smooth_max(d - t, -hole, 2)
    if model.pathology.holes:
        shell, gone = holes_in_skull(model, p.x, p.y, p.z, shell)
        p.hu[gone] = FLAP_HU
    p.paint(shell, Tissue.BONE, np.float32(CORTICAL) + 60 * model.waves(3, 14, 4)(p.x, p.y, p.z))
    table = 1.1 + 0.12 * t
    marrow = smooth_max(d - t + table, table - d, 1.0)
    marrow = np.maximum(np.maximum(marrow, 1.5 - hole), shell + 1)
    p.paint(marrow, None, np.float32(DIPLOE) + 130 * model.waves(4, 4.5, 5)(p.x, p.y, p.z))
    c.put(near, p)


def paint_base(c: Canvas, model: HeadModel) -> None:
    """Solid parts of the skull base: sphenoid, clivus, condyles, petrous pyramids, mastoids."""
    w = c.window((-34, -20, -30), (34, 52, 30))
    if w is not None:
        ax = np.abs(w.x)
        bodies = (
            (ellipsoid(ax, w.y, w.z, (0, 27, 8), (16, 15, 15)), 750.0),
            (chain(ax, w.y, w.z, ((0, 1, -10), (0, 11, 8), (0, 16, 22)), (4.2, 6.5, 3.0)), 700.0),
            (capsule(ax, w.y, w.z, (0, 14, 20), (7, 14, 23), 2.2, 2.0), 900.0),
            (capsule(ax, w.y, w.z, (17, 39, 28), (30, 42, 29), 2.5), 900.0),
            (chain(ax, w.y, w.z, ((13, 32, 0), (15, 33, -15), (15, 32, -28)), (4.0, 2.2, 1.5)), 900.0),  # pterygoids
            (capsule(ax, w.y, w.z, (17, -4, -15), (19, -16, -15), 5.5, 4.5), 650.0),  # occipital condyles
        )
        keep = _keep_cavity(w)
        for d, core in bodies:
            w.paint(d, Tissue.BONE, CORTICAL, keep)
            w.paint(d + 2, None, core, keep)
    for side in (1, -1):
        _paint_temporal_bone(c, model, side)


def _keep_cavity(w: Canvas) -> np.ndarray:
    """Samples already taken by something other than soft tissue or bone."""
    return w.other_than(Tissue.SOFT, Tissue.BONE)


def _paint_temporal_bone(c: Canvas, model: HeadModel, side: int) -> None:
    w = c.window((5, -45, -40), (82, 32, 36), side)
    if w is None:
        return
    inside = w.label != int(Tissue.OUTSIDE)
    keep = ~inside
    petrous = capsule(w.x, w.y, w.z, (54, -8, 8), (13, 10, 11), 9.0, 5.0)
    tympanic = capsule(w.x, w.y, w.z, (55, 0, 0), (38, 1.5, 1), 7.2, 8.0)
    mastoid = ellipsoid(w.x, w.y, w.z, (52, -20, -8), (12, 15, 22))
    w.paint(smooth_min(smooth_min(petrous, tympanic, 4), mastoid, 6), Tissue.BONE, 1150.0, keep)
    w.paint(ellipsoid(w.x, w.y, w.z, (28, 2, 8), (13, 6, 6)), Tissue.BONE, DENSE, keep)  # otic capsule
    cells = model.waves(10 + side, 6.5, 10)(w.x, w.y, w.z)
    extent = np.minimum(mastoid + 2.2, ellipsoid(w.x, w.y, w.z, (50, -12, 8), (9, 9, 7)) + 1)
    level = 1.5 - 1.7 * model.mastoid_air
    w.paint(smooth_max(extent, (level - cells) * np.float32(1.6), 1.0), Tissue.AIR_CAVITY, AIR + 60, keep)
    w.paint(capsule(w.x, w.y, w.z, (23, -8, 8), (30, -3, 8), 2.2, 1.8), Tissue.CSF, 15.0, keep)  # internal meatus
    w.paint(ellipsoid(w.x, w.y, w.z, (37, 2, 2.5), (3, 6, 6.5)), Tissue.AIR_CAVITY, AIR, keep)  # middle ear
    canal = chain(w.x, w.y, w.z, ((76, -4, -2), (61, 0, 0.3), (51.5, 0, 0), (41, 1, 0.5)), (4.5, 3.4, 3.3, 3.6))
    w.paint(canal, Tissue.AIR_CAVITY, AIR, keep)
    c.rods(((45, -3, -10), (38, 6, -34)), (2.0, 1.2), Tissue.BONE, 900.0, side=side)


def paint_spine(c: Canvas, model: HeadModel) -> None:
    """Atlas, axis with dens, and the vertebrae below, with canal and cord."""
    w = c.window((-34, -66, -230), (34, 16, -10))
    if w is None:
        return
    ax = np.abs(w.x)
    keep = w.label != int(Tissue.SOFT)
    slope = 0.12  # the cervical spine runs forwards on its way down before it turns back
    y = w.y + np.float32(slope) * (w.z + 30)
    atlas = np.minimum(
        chain(ax, w.y, w.z, ((0, 4, -25), (13, 0, -25), (21, -12, -25)), (3.8, 4.2, 6.5)),
        chain(ax, w.y, w.z, ((21, -14, -25), (17, -35, -26), (0, -45, -27)), (5.0, 3.2, 4.2)),
    )
    dens = chain(w.x, w.y, w.z, ((0, -6, -21), (0, -6, -34), (0, -4, -48)), (4.6, 5.4, 9.0))
    axis_arch = chain(ax, w.y, w.z, ((14, -12, -40), (16, -28, -45), (0, -52, -49)), (7.0, 4.5, 4.5))
    local = np.mod(w.z + np.float32(74), np.float32(18)) - np.float32(9)  # vertebrae below the axis, every 18 mm
    below = w.z + np.float32(56)
    bodies = smooth_max(box(w.x, y, local, (0, -2, 0), (10, 8.5, 7.5), 3), below, 1)
    arch = chain(ax, y, local, ((12, -14, 0), (14, -26, -1), (0, -42, -4)), (5.0, 4.5, 3.5))
    arch = smooth_max(np.minimum(arch, capsule(w.x, y, local, (0, -40, -3), (0, -56, -5), 3.0)), below, 1)
    canal = smooth_max(
        ellipsoid(w.x, w.y + np.float32(slope * 0.6) * (w.z + 30), np.zeros_like(w.z), (0, -22, 0), (11.5, 8.5, 1e4)),
        w.z + 10,
        1,
    )
    for d, core in ((atlas, 550.0), (np.minimum(dens, axis_arch), 450.0), (np.minimum(bodies, arch), 350.0)):
        solid = np.maximum(d, -canal)
        w.paint(solid, Tissue.BONE, 950.0, keep)
        w.paint(solid + np.float32(2.2), None, core, keep)
    fluid = w.label == int(Tissue.BONE)
    w.paint(canal, None, 12.0, keep | fluid)
    w.paint(canal + 3.5, None, 33.0, keep | fluid)
    w.paint(np.abs(canal - 0.6) - 0.7, None, 55.0, keep | fluid)
