"""Paints lesions, vessels, catheters and holes in the skull."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import PARENCHYMA, Tissue
from HeadCTIQALib.synthesis.canvas import Canvas
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.pathology import Lesion
from HeadCTIQALib.synthesis.shapes import Array, chain, ellipsoid, smooth_max, step

OEDEMA_HU, FLAP_HU, CATHETER_HU = 20.0, 38.0, 260.0
ENHANCEMENT = 0.035  # of the vessels' HU above blood that reaches grey matter


def paint_lesions(p: Canvas, model: HeadModel, d_cavity: Array) -> None:
    """Paint every lesion into the loose points ``p`` of the cranial cavity, ``d_cavity`` mm from its wall."""
    for lesion in model.pathology.lesions:
        if lesion.kind in ("subdural", "epidural"):
            _paint_collection(p, lesion, d_cavity)
            continue
        reach = 1.7 * max(lesion.radii_mm) + 12
        x, y, z = lesion.centre
        near = (
            (np.abs(p.x - np.float32(x)) < reach)
            & (np.abs(p.y - np.float32(y)) < reach)
            & (np.abs(p.z - np.float32(z)) < reach)
        )
        if near.any():
            q = p.points(near)
            _paint_mass(q, model, lesion)
            p.put(near, q)


def _paint_mass(q: Canvas, model: HeadModel, lesion: Lesion) -> None:
    """A lesion within the parenchyma, with an irregular border."""
    size = float(np.mean(lesion.radii_mm))
    rough = model.waves(60 + lesion.texture, max(12.0, 1.1 * size), 6)(q.x, q.y, q.z) * np.float32(0.14 * size)
    d = ellipsoid(q.x, q.y, q.z, lesion.centre, lesion.radii_mm) + rough
    fluid = q.label == int(Tissue.CSF)
    not_brain = q.other_than(*PARENCHYMA)
    if lesion.kind == "subarachnoid":
        q.paint(d, None, lesion.hu, ~fluid)
    elif lesion.kind == "oedema":
        soft = np.asarray(step(-d, 8), np.float32) * ~not_brain
        q.hu[...] += soft * np.float32(0.8) * (np.float32(lesion.hu) - q.hu)
        q.label[(soft > 0.3)] = int(Tissue.BRAIN)
    elif lesion.kind in ("infarct", "old_infarct"):
        soft = np.asarray(step(-d, 5), np.float32) * ~not_brain
        q.hu[...] += soft * (np.float32(lesion.hu) - q.hu)
        q.label[soft > 0.5] = int(Tissue.CSF if lesion.hu < 14 else Tissue.BRAIN)
    elif lesion.kind == "calcification":
        q.paint(d, Tissue.BRAIN, lesion.hu, not_brain)
    else:  # haemorrhage and tumour, in a halo of oedema along the white matter
        grey = (q.label == int(Tissue.GREY)) | (q.label == int(Tissue.DEEP_GREY))
        halo = d - np.float32(0.35 * size + 2) - 2 * rough
        q.paint(halo, Tissue.BRAIN, OEDEMA_HU, not_brain | grey)
        # Mass effect: sulci within it are gone, ventricles are pushed away.
        q.paint(d, Tissue.BRAIN, lesion.hu, not_brain & ~fluid)
        if lesion.kind == "tumour":
            q.paint(d + np.float32(0.35 * size), None, lesion.hu - 14, not_brain & ~fluid)


def _paint_collection(p: Canvas, lesion: Lesion, d_cavity: Array) -> None:
    """Blood between the inner table and the brain: a crescent (subdural) or a lens (epidural)."""
    x, y, z = (np.float32(v) for v in lesion.centre)
    thick, along, up = lesion.radii_mm
    side = np.float32(np.sign(x) or 1)
    fall = 1 - ((p.y - y) / np.float32(along)) ** 2 - ((p.z - z) / np.float32(up)) ** 2
    if lesion.kind == "subdural":
        fall = np.sqrt(np.maximum(fall, 0))
    depth = np.float32(thick) * np.maximum(fall, 0)
    d = np.maximum(d_cavity, -d_cavity - depth)
    d = smooth_max(np.asarray(d, np.float32), np.float32(4) - side * p.x, 3)  # neither crosses the falx
    d = smooth_max(d, np.asarray(28 - p.z, np.float32), 3)  # nor the tentorium
    p.paint(np.where(depth > 0.3, d, np.float32(50)), Tissue.BRAIN, lesion.hu, p.label == int(Tissue.BONE))


def paint_vessels(p: Canvas, model: HeadModel, d_cavity: Array) -> None:
    """Basal arteries, which in a scan with contrast medium are the brightest thing in the brain."""
    hu = model.pathology.vessel_hu
    low = (p.z < 76) & (np.abs(p.x) < 48) & (p.y > -26)
    if not low.any():
        return
    q, d = p.points(low), d_cavity[low]
    ax = np.abs(q.x)
    tree = (
        (((0, -1, -8), (0, 12.5, 24)), (1.6, 1.6)),
        (((8, 27, 22), (8, 30, 30)), (2.2, 2.2)),
        (((8, 31, 30), (22, 31, 29), (36, 24, 31), (40, 10, 42), (42, -2, 50)), (1.5, 1.5, 1.3, 0.9, 0.7)),
        (((8, 31, 30), (2.0, 40, 31), (1.3, 54, 38), (1.3, 60, 52), (1.3, 48, 70)), (1.2, 1.2, 1.0, 0.9, 0.7)),
        (((0, 12, 24), (10, 6, 27), (18, -8, 31), (14, -22, 36)), (1.2, 1.2, 1.0, 0.8)),
    )
    bone = q.label == int(Tissue.BONE)
    for points, radii in tree:
        r = chain(ax, q.y, q.z, points, radii)
        q.paint(np.maximum(r, d), Tissue.BRAIN, hu, bone)
    p.put(low, q)


def enhance(p: Canvas, model: HeadModel) -> None:
    """Raise the parenchyma by what contrast medium in its capillaries adds."""
    extra = ENHANCEMENT * (model.pathology.vessel_hu - 42.0)
    grey = (p.label == int(Tissue.GREY)) | (p.label == int(Tissue.DEEP_GREY))
    p.hu[grey] += np.float32(extra)
    p.hu[p.label == int(Tissue.WHITE)] += np.float32(0.4 * extra)


def paint_shunt(p: Canvas, model: HeadModel) -> None:
    """Ventricular catheter from a frontal burr hole to the foramen of Monro."""
    s = model.pathology.shunt_side
    if s:
        d = chain(
            np.asarray(p.x * np.float32(s), np.float32),
            p.y,
            p.z,
            ((5, 26, 50), (9, 36, 58), (28, 62, 110)),
            (1.3, 1.3, 1.3),
        )
        p.paint(d, None, CATHETER_HU)


def holes_in_skull(model: HeadModel, x: Array, y: Array, z: Array, shell: Array) -> tuple[Array, NDArray[np.bool_]]:
    """(distance to the remaining bone, where bone was taken away), given that to the intact ``shell``."""
    left = shell
    for hole in model.pathology.holes:
        r = hole.radius_mm
        d = ellipsoid(x, y, z, hole.centre, (r, r, r))
        if hole.kind == "craniotomy":
            d = np.asarray(np.abs(d) - 0.8, np.float32)  # the saw cut
        left = smooth_max(left, -d, 1)
    return left, np.asarray((shell < 0) & (left > 0))
