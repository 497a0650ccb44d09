"""Local standard deviation as a colour overlay: what the noise metric sees, slice by slice."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from HeadCTIQALib.findings.types import PARENCHYMA, Findings
from HeadCTIQALib.report import svg
from HeadCTIQALib.report.canvas import colour_uri
from HeadCTIQALib.report.html import Html, tag
from HeadCTIQALib.report.views import Cut
from HeadCTIQALib.volume.types import CTVolume

WINDOW_MM = 6.5
LOW_HU, HIGH_HU = 2.0, 12.0
# dark blue to yellow, rising in lightness so that it also reads in grey
STOPS = ("#352a87", "#1f6fd6", "#12a5b5", "#5fc466", "#d9ba56", "#f9fb15")


def noise_heat(volume: CTVolume, findings: Findings, index: int, place: Cut) -> list[Html]:
    """SVG parts: local SD of native slice ``index`` in square windows lying wholly in the parenchyma, and a key.

    ``place`` is the cut of the same native slice through the picture.  Empty when no window fits.
    """
    brain = np.isin(findings.tissue[index], PARENCHYMA)
    rows, columns = np.flatnonzero(brain.any(axis=1)), np.flatnonzero(brain.any(axis=0))
    if not len(rows):
        return []
    part = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    size = tuple(max(3, 2 * round(0.5 * WINDOW_MM / mm - 0.5) + 1) for mm in volume.pixel_spacing)
    hu = np.clip(volume.hu[index][part].astype(np.float64) - 30.0, -300, 300)
    mean = ndimage.uniform_filter(hu, size)
    sd = np.sqrt(np.maximum(ndimage.uniform_filter(hu * hu, size) - mean * mean, 0))
    inside = ndimage.minimum_filter(brain[part].astype(np.uint8), size, mode="constant")
    if not inside.any():
        return []
    whole_sd, whole_in = np.zeros(brain.shape, np.float32), np.zeros(brain.shape, np.uint8)
    whole_sd[part], whole_in[part] = sd, inside
    at = place.lines[1:]
    shown_sd = ndimage.map_coordinates(whole_sd, at, order=0)
    shown_in = ndimage.map_coordinates(whole_in, at, order=0) > 0
    colours = np.array([[int(c[n : n + 2], 16) for n in (1, 3, 5)] + [190] for c in STOPS], np.uint8)
    level = np.clip((shown_sd - LOW_HU) / (HIGH_HU - LOW_HU) * len(STOPS), 0, len(STOPS) - 1).astype(int)
    rgba = np.where((shown_in & place.inside)[..., None], colours[level], np.uint8(0)).astype(np.uint8)
    h, w = place.view.size
    return [
        tag("image", href=colour_uri(rgba), x="0", y="0", width=f"{w:.1f}", height=f"{h:.1f}"),
        svg.heat_key(f"{LOW_HU:g}", f"{HIGH_HU:g} HU", (w - 14 * len(STOPS) - 8, h - 18), STOPS),
    ]
