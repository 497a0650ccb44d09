"""Head holders and couches: what the head lies on.  They extend along the table and are the same in every slice."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.synthesis.shapes import Array, box

Holder = Literal["cup", "trough", "couch", "wedges"]
HALF_WIDTH_MM, HALF_DEPTH_MM = 108.0, 70.0
FOAM_HU = -945.0


def paint_holder(
    x: Array, y: Array, hu: Array, label: NDArray[np.uint8], back_mm: float, pixel_mm: float, kind: Holder = "cup"
) -> None:
    """Paint a holder of ``kind`` in room air only.

    Args:
        x, y: world mm (right, anterior) of the samples.
        hu, label: painted in place.
        back_mm: world y of the back of the head, which rests on the cushion.
        pixel_mm: width of the partial volume ramp.
        kind: cup: a U-shaped shell with a foam cushion; trough: a narrower, deeper carbon shell; couch: a flat table
            top with a pillow; wedges: the cup with foam wedges beside the head.
    """
    air = label == int(Tissue.OUTSIDE)
    if not air.any():
        return
    if kind == "couch":
        plate = np.minimum(_wall(y - np.float32(back_mm - 34), 1.2), _wall(y - np.float32(back_mm - 62), 1.2))
        plate = np.maximum(plate, np.abs(x) - np.float32(205))
        foam = box(x, y, np.zeros_like(x), (0, back_mm - 16, 0), (120, 17, 1), 8)
        shell_hu = 60.0
    else:
        width, depth, up, half = (
            (92.0, 92.0, 20.0, 1.0) if kind == "trough" else (HALF_WIDTH_MM, HALF_DEPTH_MM, 35.0, 1.6)
        )
        middle = back_mm - 9 + depth
        v = np.minimum(y - np.float32(middle), 0) * np.float32(width / depth)
        radius = np.sqrt(x * x + v * v) - np.float32(width)
        plate = np.maximum(_wall(radius + np.float32(0.5), half), y - np.float32(middle + up))
        foam = np.maximum(np.maximum(radius + 2, -9 - radius), y - np.float32(middle))
        if kind == "wedges":
            wedge = np.maximum(
                np.maximum(radius + 2, np.float32(74) - np.abs(x)), np.abs(y - np.float32(middle - 10)) - 38
            )
            foam = np.minimum(foam, wedge)
        shell_hu = 120.0 if kind != "trough" else -60.0
    cushion = air & (foam < 0)
    hu[cushion] = FOAM_HU
    label[cushion] = int(Tissue.HOLDER)
    alpha = np.clip(np.float32(0.5) - plate / np.float32(pixel_mm), 0, 1) * air
    hu += alpha * (np.float32(shell_hu) - hu)
    label[alpha >= 0.5] = int(Tissue.HOLDER)


def _wall(distance: Array, half_mm: float) -> Array:
    return np.asarray(np.abs(distance) - np.float32(half_mm), np.float32)
