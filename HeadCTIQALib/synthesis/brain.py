"""Paints the intracranial space: fluid, cortex with sulci, white matter, deep grey, ventricles, hindbrain, dura."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.synthesis.canvas import Canvas
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.lesions import enhance, paint_lesions, paint_shunt, paint_vessels
from HeadCTIQALib.synthesis.shapes import Array, capsule, chain, ellipsoid, smooth_max, smooth_min, step

CSF, DURA = 8.0, 50.0
SEPTUM, PINEAL = (0.0, 31.0, 55.5), (0.0, -4.8, 44.3)


def cortex_gap(model: HeadModel) -> float:
    """Width (mm) of the fluid between inner table and brain over the convexity."""
    return 1.2 + 2.6 * model.atrophy


def paint_brain(c: Canvas, model: HeadModel, d_cavity: Array) -> None:
    """Fill the cavity d_cavity < 0 of the whole-head window ``c``."""
    inside = d_cavity < c.blur_mm
    if not inside.any():
        return
    p, d = c.points(inside), d_cavity[inside]
    p.paint(d, Tissue.CSF, CSF)
    tent = _tentorium(p)
    above = p.z > tent
    cerebrum = smooth_max(d + cortex_gap(model), tent + np.float32(1.0) - p.z, 1)
    shifted = (
        p
        if model.pathology.shift_mm == 0
        else replace(p, x=np.asarray(p.x - midline_shift(model, p.x, p.y, p.z), np.float32))
    )
    _paint_cerebrum(shifted, model, cerebrum, d)
    _paint_hindbrain(p, model, d, tent)
    _paint_deep(shifted, model)
    if model.pathology.contrast:
        enhance(p, model)
    _paint_dura(p, model, d, tent, above)
    paint_vessels(shifted, model, d)
    paint_lesions(p, model, d)
    paint_shunt(p, model)
    c.put(inside, p)


def midline_shift(model: HeadModel, x: Array, y: Array, z: Array) -> Array:
    """How far (mm to the right) a mass has pushed what lies at (x, y, z); nothing at the inner table."""
    bump = np.exp(-(((y - 22) / 48) ** 2) - ((z - 52) / 30) ** 2) * np.maximum(1 - (x / np.float32(66)) ** 2, 0)
    return np.asarray(np.float32(model.pathology.shift_mm) * bump, np.float32)


def _tentorium(p: Canvas) -> Array:
    """Height of the tentorium over (x, y); far below where there is none (in front of the brain stem and petrous ridge)."""
    width = 15 + 13 * step(-8 - p.y, 26)  # the temporal lobes close in on the brain stem in front
    ridge = (
        21 + 24 * np.exp(-((p.x / width) ** 2) - ((p.y + 14) / 32) ** 2) - 3 * step(np.abs(p.x) - np.float32(40), 20)
    )
    edge = np.float32(4) - np.float32(0.30) * (np.abs(p.x) - 12)
    return np.asarray(np.where(p.y < edge, ridge, np.float32(-50)), np.float32)


def _paint_cerebrum(p: Canvas, model: HeadModel, brain: Array, d: Array) -> None:
    near = brain < p.blur_mm
    if not near.any():
        return
    q, b, depth = p.points(near), brain[near], -d[near]
    x, y, z, ax = q.x, q.y, q.z, np.abs(q.x)
    # Sulci: zero sheets of smooth noise, bent by a second noise, closing with depth.
    bend = model.waves(31, 45, 3)(x, y, z) * np.float32(3.0)
    folds = model.waves(30, 25, 10)
    # Seen from the middle of the head the folds run outwards: sulci are upright to the surface of the brain.
    out = np.float32(1 / 56) * np.sqrt(x * x + (y - np.float32(12)) ** 2 + (z - np.float32(42)) ** 2)
    pull = np.maximum(out, np.float32(0.3)) ** np.float32(-0.75)
    n = folds(
        (x + bend) * pull, (y - np.float32(12) - bend) * pull, (z - np.float32(42) + np.float32(0.6) * bend) * pull
    )
    sheet = np.abs(n) / np.float32(folds.slope * 0.62)  # about mm from the middle of the sulcus
    surface = np.minimum(np.maximum(depth - np.float32(cortex_gap(model)), 0), 60)
    medial = ax - np.float32(0.6)
    outside_callosum = ellipsoid(x, y, z, (0, 12, 46), (9e3, 46, 25))
    reach = np.minimum(surface, np.where(outside_callosum > 0, medial, np.float32(60)))
    age = np.float32(model.atrophy)
    half = (0.35 + 1.5 * age) * np.clip(1 - reach / np.float32(17), 0, 1) + np.float32(0.1)
    half = half * np.where(reach < 17, 1, 0)
    # Interhemispheric and Sylvian fissures, and the cistern over the insula.
    split = np.where(outside_callosum > 0, medial - np.float32(0.4 + 0.7 * model.atrophy), np.float32(50))
    line = z + bend - (31 + np.float32(0.42) * (22 - y))
    sylvian = smooth_max(
        np.abs(line) - np.float32(0.4 + 1.3 * model.atrophy), np.maximum(np.abs(y - 12) - 33, 37 - ax), 3
    )
    insula = ellipsoid(ax, y, z, (40, 20, 38), (0.8 + 1.6 * model.atrophy, 17, 11))
    fluid = np.minimum(np.minimum(split, np.minimum(sylvian, insula)), sheet - half)
    fluid = np.maximum(fluid, -np.float32(30))
    pial = np.minimum(np.minimum(surface, fluid), np.minimum(reach, sheet + np.where(reach < 17, 0, 50)))
    ribbon = np.float32(3.6)
    q.paint(b, Tissue.WHITE, model.white_hu)
    q.paint(np.maximum(b, pial - ribbon), Tissue.GREY, model.grey_hu)
    q.paint(np.maximum(b, fluid), Tissue.CSF, CSF)
    p.put(near, q)


def _paint_hindbrain(p: Canvas, model: HeadModel, d: Array, tent: Array) -> None:
    low = (p.z < 56) & (np.abs(p.x) < 56) & (p.y < 30)
    if not low.any():
        return
    q, b, t = p.points(low), d[low], tent[low]
    x, y, z, ax = q.x, q.y, q.z, np.abs(q.x)
    under = np.where(t > -40, z - t + np.float32(1.8), np.float32(40))
    gap = np.float32(1.5 + 1.3 * model.atrophy)
    lobe = ellipsoid(ax, y, z, (22, -36, 13), (29, 31, 25))
    vermis = ellipsoid(x, y, z, (0, -32, 20), (12, 25, 22))
    cisterna = ellipsoid(x, y, z, (0, -56, -10), (11, 13, 9))
    cerebellum = smooth_min(lobe, vermis, 5)
    cerebellum = smooth_max(smooth_max(cerebellum, b + gap, 2), np.maximum(np.asarray(under, np.float32), -cisterna), 2)
    fine = np.sin(
        (z * np.float32(0.9) + y * np.float32(0.35) + np.float32(1.5) * np.sin(ax * np.float32(0.12)))
        * np.float32(1.25)
    )
    q.paint(cerebellum, Tissue.BRAIN, np.float32(model.grey_hu - 3) + np.float32(1.2) * fine)
    q.paint(ellipsoid(ax, y, z, (19, -30, 12), (14, 14, 8)), None, model.white_hu + 1.5)
    folds = model.waves(33, 17, 6)
    n = np.abs(folds(x, y, z * np.float32(2.2))) / np.float32(folds.slope * 1.3)
    furrow = np.maximum(n - np.float32(0.15 + 0.75 * model.atrophy), np.maximum(cerebellum, -cerebellum - 6))
    q.paint(furrow, Tissue.CSF, CSF)
    around = ellipsoid(x, y, z, (0, 3, 34), (15.5, 14.5, 8))  # ambient and quadrigeminal cisterns
    q.paint(smooth_max(around, b, 1), Tissue.CSF, CSF)
    star = smooth_min(
        ellipsoid(ax, y, z, (0, 25, 30), (13, 10, 7)), capsule(ax, y, z, (6, 27, 30), (24, 33, 31), 2.5, 1.8), 3
    )
    q.paint(smooth_max(star, b, 1), Tissue.CSF, CSF)
    midbrain = ellipsoid(ax, y, z, (4, 5, 34), (12, 11.5, 11))
    pons = ellipsoid(x, y, z, (0, -1, 18), (15, 11.5, 13))
    medulla = chain(x, y, z, ((0, -3, 12), (0, -13, -6), (0, -20, -22)), (10.0, 7.5, 6.0))
    peduncle = capsule(ax, y, z, (12, -4, 17), (24, -22, 13), 6.5, 6.0)
    stem = smooth_min(smooth_min(midbrain, pons, 4), smooth_min(medulla, peduncle, 4), 4)
    q.paint(smooth_max(stem, b + np.float32(1.0), 1), Tissue.BRAIN, model.white_hu + 2.5)
    s = model.ventricle_scale
    fourth = smooth_max(
        ellipsoid(ax, y, z, (0, -18, 15), (7.5 * s, 4.6 * s, 10)), -ellipsoid(x, y, z, (0, -26, 16), (4, 5, 6)), 1
    )
    aqueduct = capsule(x, y, z, (0, -14, 22), (0, -4, 37), 1.0)
    q.paint(np.minimum(fourth, aqueduct), Tissue.CSF, CSF)
    p.put(low, q)


def _paint_deep(p: Canvas, model: HeadModel) -> None:
    core = (np.abs(p.x) < 50) & (p.y > -66) & (p.y < 66) & (p.z > 18) & (p.z < 76)
    if not core.any():
        return
    q = p.points(core)
    x, y, z, ax = q.x, q.y, q.z, np.abs(q.x)
    s = model.ventricle_scale
    bone = q.label == int(Tissue.BONE)
    hull = ellipsoid(ax, y, z, (20, 20, 49), (18, 27, 17))  # white matter of capsules and callosum around the nuclei
    q.paint(np.maximum(hull, 41 - z), Tissue.WHITE, model.white_hu, bone)
    callosum = np.abs(ellipsoid(x, y, z, (0, 13, 49), (9e3, 41, 18)) - 2) - 3.0
    q.paint(
        smooth_max(np.asarray(callosum, np.float32), np.maximum(ax - 14, 50 - z), 2),
        Tissue.WHITE,
        model.white_hu - 1,
        bone,
    )
    wall = 4.0 * s
    caudate = chain(
        ax,
        y,
        z,
        ((8 + wall, 43, 50), (10 + wall, 32, 57), (14 + wall, 8, 61), (18 + wall, -12, 58)),
        (6.2, 5.4, 3.0, 1.8),
    )
    lentiform = smooth_max(
        ellipsoid(ax, y, z, (27, 24, 45), (9, 21, 12)), 21 - ax + np.float32(0.28) * np.abs(y - 24), 2
    )
    thalamus = ellipsoid(ax - np.float32(0.30) * (6 - y), y, z, (9.5, 6, 48), (8.0, 15, 9.5))
    deep = model.grey_hu - 1
    for d, hu in ((caudate, deep), (lentiform, deep), (thalamus, deep - 1)):
        q.paint(d, Tissue.DEEP_GREY, hu, bone)
    q.paint(
        np.abs(ax - 37) - 1.0 + np.maximum(np.abs(y - 22) - 15, 0) + np.maximum(np.abs(z - 43) - 8, 0),
        Tissue.GREY,
        model.grey_hu - 1,
        bone,
    )
    _paint_ventricles(q, model, ax, bone)
    p.put(core, q)


def _paint_ventricles(q: Canvas, model: HeadModel, ax: Array, bone: np.ndarray) -> None:
    x, y, z = q.x, q.y, q.z
    s, chalk = model.ventricle_scale, model.calcified
    horn = chain(
        ax,
        y,
        z,
        ((11, 54, 49), (6.5, 42, 53), (5.5, 30, 57), (8, 8, 63), (15, -16, 58), (22, -24, 50)),
        (1.0 * s, 4.2 * s, 4.6 * s, 4.6 * s, 5.0 * s, 6.6 * s),
    )
    occipital = chain(ax, y, z, ((22, -24, 49), (25, -38, 46), (22, -54, 44)), (6.2 * s, 4.4 * s, 1.5 * s))
    temporal = chain(
        ax, y, z, ((22, -24, 49), (31, -14, 36), (33, 4, 27), (31, 20, 25)), (5.4 * s, 3.2 * s, 2.2 * s, 1.3 * s)
    )
    lateral = smooth_min(horn, np.minimum(occipital, temporal), 2)
    lateral = np.maximum(lateral, 0.8 - ax)
    third = ellipsoid(ax, y, z, (0, 12, 42), (1.8 * s + 0.6, 15, 11))
    q.paint(np.minimum(lateral, third), Tissue.CSF, CSF, bone)
    calcium = q.label == int(Tissue.BONE)
    q.paint(ellipsoid(ax, y, z, (21, -26, 49), (2.6, 4.2, 3.0)), Tissue.BRAIN, 48.0, calcium)
    q.paint(ellipsoid(ax, y, z, (21, -26, 49), (1.3, 2.1, 1.5)), None, 48 + 160 * chalk, calcium)
    px, py, pz = PINEAL
    q.paint(
        ellipsoid(x, y, z, (0, py - 3, pz), (8, 6.5, 5)) + 0.5, Tissue.CSF, CSF, calcium
    )  # cistern of the great vein
    q.paint(ellipsoid(x, y, z, PINEAL, (3.4, 4.2, 3.4)), Tissue.BRAIN, 42.0, calcium)
    q.paint(ellipsoid(x, y, z, (px, py, pz), (2.0, 2.4, 2.0)), None, 42 + 190 * chalk, calcium)


def _paint_dura(p: Canvas, model: HeadModel, d: Array, tent: Array, above: np.ndarray) -> None:
    free_edge = ellipsoid(p.x, p.y, p.z, (0, 10, 42), (9e3, 54, 32))  # the falx ends above the corpus callosum
    falx = np.maximum(np.maximum(d, -free_edge), np.where(above, np.float32(-10), np.float32(10)))
    p.sheet(np.where(falx < 0, p.x, np.float32(50)), 0.6, Tissue.BRAIN, DURA)
    notch = np.minimum(ellipsoid(p.x, p.y, p.z, (0, 0, 40), (19, 26, 60)), 60)
    leaf = np.where((tent > -40) & (d < 0) & (notch > 0), p.z - tent, np.float32(50))
    p.sheet(np.asarray(leaf, np.float32), 0.7, Tissue.BRAIN, DURA)
    sinus = np.minimum(
        capsule(np.abs(p.x), p.y, p.z, (2, -63, 26), (46, -38, 20), 3.2),
        np.maximum(
            np.abs(p.x) - np.float32(4) - np.float32(0.8) * (d + 1),
            d + np.where(p.z > 30, np.float32(0), np.float32(50)),
        ),
    )
    p.paint(
        np.maximum(np.maximum(sinus, d), -d - 5),
        Tissue.BRAIN,
        model.pathology.vessel_hu + 10,
        p.label == int(Tissue.BONE),
    )
