"""The cranium as implicit functions: cranial cavity, vault thickness, scalp."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.shapes import Array, capsule, ellipsoid, smooth_max, smooth_min, step

FORAMEN_CENTRE, FORAMEN_RADII = (0.0, -20.6), (14.5, 18.8)  # canonical x, y of the foramen magnum


def vault(model: HeadModel, x: Array, y: Array, z: Array) -> Array:
    """Distance to the inner table of the calvarium, closed below: an egg, wider behind, a little boxy."""
    u = y - np.float32(3)
    egg = x * (1 + np.float32(0.0016) * np.maximum(u + 10, np.float32(-25)))
    w = z - np.float32(45)
    d = ellipsoid(egg, u, w, (0, 0, 0), (66, 79, 69))
    a, b, c = (egg * np.float32(1 / 66)) ** 2, (u * np.float32(1 / 79)) ** 2, (w * np.float32(1 / 69)) ** 2
    q = np.float32(0.05)
    return np.asarray(
        d - 3 * (4 * a * b / (a + b + q) ** 2) - 3 * (4 * a * c / (a + c + q) ** 2) + np.float32(1.5), np.float32
    )


def skull_thickness(model: HeadModel, x: Array, y: Array, z: Array) -> Array:
    """Thickness of the bone around the cavity: thin at the temples and over the orbits, thick at the occiput."""
    lateral = np.abs(x) - np.float32(40)
    temple = step(lateral, 30) * step(52 - z, 40)
    occiput = np.exp(-(((y + 72) / 22) ** 2 + (x / 24) ** 2 + ((z - 22) / 22) ** 2))
    floor = step(np.float32(24) - z, 24) * step(y + np.float32(55), 30)
    wave = model.waves(1, 75, 4)(x, y, z)
    t = np.float32(model.skull_mm) * (1 + np.float32(0.09) * wave) * (1 - np.float32(0.5) * temple)
    t = t + np.float32(3.5) * occiput
    return np.asarray(t * (1 - floor) + floor * np.minimum(t, np.float32(3.0)), np.float32)


def scalp_thickness(model: HeadModel, x: Array, y: Array, z: Array) -> Array:
    """Scalp over the bone: thicker over the temporal muscles."""
    temple = np.exp(-(((y - 38) / 26) ** 2 + ((z - 20) / 26) ** 2)) * step(np.abs(x) - np.float32(35), 30)
    return np.asarray(np.float32(model.scalp_mm) + 9 * temple, np.float32)


def cavity(model: HeadModel, x: Array, y: Array, z: Array, dv: Array | None = None) -> Array:
    """Distance to the cranial cavity: calvarium cut by the skull base, plus middle and posterior fossae."""
    dv = vault(model, x, y, z) if dv is None else dv
    ax = np.abs(x)
    roof = np.exp(-(((ax - 31) / 15) ** 2)) * 6  # the orbits push the anterior floor up
    cribriform = np.exp(-((x / 7) ** 2)) * 3
    floor = 8 + 12 * step(y + np.float32(30), 30) + (8 + roof - cribriform) * step(y - np.float32(47), 12)
    d = smooth_max(dv, np.asarray(floor - z, np.float32), 5)
    middle = ellipsoid(ax, y, z, (37, 23, 24), (24, 29, 20))
    d = smooth_min(d, smooth_max(middle, dv - np.float32(0.5), 3), 5)
    posterior = ellipsoid(x, y, z, (0, -30, 14), (54, 42, 28.5))
    clivus = (y - np.float32(-1.8)) * np.float32(0.91) - (z + np.float32(12.9)) * np.float32(0.41)
    posterior = smooth_max(posterior, smooth_max(np.asarray(clivus, np.float32), dv - np.float32(0.5), 3), 4)
    d = smooth_min(d, posterior, 4)
    # Solids that stand up into the cavity.
    petrous = capsule(ax, y, z, (54, -8, 9), (13, 10, 12), 9.5, 5.0)
    d = smooth_max(d, -petrous, 3)
    sphenoid = ellipsoid(x, y, z, (0, 26, 8), (15, 13, 16))
    dorsum = capsule(ax, y, z, (0, 14, 20), (7, 14, 23), 2.2, 2.0)
    tuberculum = capsule(ax, y, z, (0, 33, 20), (14, 34, 25), 3.0, 2.5)
    clivus_rod = capsule(x, y, z, (0, 0, -12), (0, 13, 17), 4.0, 4.0)
    solid = np.minimum(np.minimum(sphenoid, dorsum), np.minimum(tuberculum, clivus_rod))
    sella = ellipsoid(x, y, z, (0, 23.4, 20), (8, 6.5, 6.5))
    d = smooth_max(d, -smooth_max(solid, -sella, 1.5), 2)
    wing = capsule(ax, y, z, (17, 39, 28), (52, 52, 31), 2.2, 3.0)  # lesser and greater wings of the sphenoid
    d = smooth_max(d, -wing, 3)
    crista = ellipsoid(x, y, z, (0, 74, 23), (1.8, 8, 7.5))
    d = np.maximum(d, -crista)
    protuberance = capsule(x, y, z, (0, -68, 12), (0, -66, 24), 2.5, 4.5)
    return smooth_max(d, -protuberance, 6)


def foramen(x: Array, y: Array) -> Array:
    """Distance to the elliptic cylinder of the foramen magnum."""
    (cx, cy), (rx, ry) = FORAMEN_CENTRE, FORAMEN_RADII
    a, b = (x - np.float32(cx)) / np.float32(rx), (y - np.float32(cy)) / np.float32(ry)
    k0 = np.sqrt(a * a + b * b)
    k1 = np.sqrt((a / np.float32(rx)) ** 2 + (b / np.float32(ry)) ** 2) + np.float32(1e-6)
    return np.asarray(k0 * (k0 - 1) / k1, np.float32)


def skin(model: HeadModel, x: Array, y: Array, z: Array, cranial: Array) -> Array:
    """Distance to the skin of the whole head, given that to the skin of the calvarium."""
    low = z < 62  # face, neck and their fillets end below
    d = cranial.copy()
    d[low] = _skin_below(model, x[low], y[low], z[low], cranial[low])
    return d


def _skin_below(model: HeadModel, x: Array, y: Array, z: Array, cranial: Array) -> Array:
    f = model.face_scale
    ax = np.abs(x)
    fat = np.float32(model.fat_mm - 5)
    front = y > -45
    d = cranial.copy()
    d[front] = smooth_min(cranial[front], _face_skin(f, fat, ax[front], y[front], z[front]), 10)
    neck = (np.sqrt((x * np.float32(1 / 58)) ** 2 + ((y + np.float32(8)) * np.float32(1 / 56)) ** 2) - 1) * np.float32(
        55
    )
    neck = smooth_max(np.asarray(neck - fat, np.float32), z + np.float32(15), 30)
    d = smooth_min(d, neck, 16)
    shoulders = ellipsoid(x, y, z, (0, -15, -model.neck_mm - 62), (205, 95, 62))
    return smooth_min(d, shoulders, 40)


def _face_skin(f: float, fat: np.float32, ax: Array, y: Array, z: Array) -> Array:
    cheeks = ellipsoid(ax, y, z, (12, 44, -22), (57, 52, 48)) - fat
    jaw = ellipsoid(ax, y, z, (0, 45 * f, -58), (52, 50 * f, 34)) - fat
    brow = ellipsoid(ax, y, z, (0, 43, 18), (64, 53, 26))
    d = smooth_min(smooth_min(cheeks, jaw, 14), brow, 12)
    fore = y > 38
    x, y, z = ax[fore], y[fore], z[fore]
    zygoma = capsule(x, y, z, (56, 55, -8), (46, 70, -8), 11.5, 11)
    orbit = capsule(x, y, z, (48, 66, 2), (46, 70, 26), 9.5, 9)
    nose = capsule(x, y, z, (0, 89, 16), (0, 105 * f, -10), 6, 8.5)
    nose = np.minimum(nose, ellipsoid(x, y, z, (0, 92 * f, -5), (12, 17, 15)))
    wings = ellipsoid(x, y, z, (9, 98 * f, -14), (8, 10, 6.5))
    eyes = ellipsoid(x, y, z, (33.5, 80, 14.5), (13, 12.5, 12))  # lids over the globes
    lips = capsule(x, y, z, (0, 95 * f, -38), (20, 88, -40), 6, 3)
    q = smooth_min(d[fore], np.minimum(zygoma, orbit), 8)
    q = smooth_min(q, np.minimum(nose, wings), 5)
    d[fore] = smooth_min(smooth_min(q, eyes, 4), lips, 6)
    return d
