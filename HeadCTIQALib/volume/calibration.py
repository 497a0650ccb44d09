"""Whether brain reads as brain should, or the HU scale is shifted or stretched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

DEPTH_MM = 12.0  # of the interior below the outer face of the skull
MIN_AREA_CM2 = 15.0
#: Mode of the interior in 40 plain and enhanced scans of several scanners: 14 to 38 HU.
USUAL_BRAIN_HU = (10, 48)
MIN_SECTIONS = 5


@dataclass(frozen=True)
class Brain:
    """HU inside the skull, from the widest section upwards.

    Attributes:
        mode_hu: the most frequent HU; None where too little was imaged.
    """

    mode_hu: float | None

    @property
    def shifted(self) -> bool:
        """Whether :attr:`mode_hu` is none that brain has on a calibrated scanner."""
        return self.mode_hu is not None and not USUAL_BRAIN_HU[0] <= self.mode_hu <= USUAL_BRAIN_HU[1]


def brain(sections: Iterable[tuple[NDArray[np.float32], NDArray[np.bool_]]], pixel: tuple[float, float]) -> Brain:
    """Measure the brain in sections from the base to the vertex.

    Args:
        sections: (J, I) coarse HU and the region within the outer face of the skull, for every section.
        pixel: mm per coarse row and column.
    """
    sections = list(sections)
    areas = [np.count_nonzero(skull) for _, skull in sections]
    size = tuple(2 * round(DEPTH_MM / p) + 1 for p in pixel)
    inside = []
    for hu, skull in sections[int(np.argmax(areas)) if areas else 0 :]:  # below lie the bones of the base
        core = ndimage.minimum_filter(skull.view(np.uint8), size, mode="constant").view(bool)
        if np.count_nonzero(core) * pixel[0] * pixel[1] < 100 * MIN_AREA_CM2:
            continue
        inside.append(hu[core])
    if len(inside) < MIN_SECTIONS:
        return Brain(None)
    counts, edges = np.histogram(np.concatenate(inside), np.arange(-60.5, 150.5))
    smooth = ndimage.gaussian_filter1d(counts.astype(float), 3.0)
    return Brain(float(edges[int(smooth.argmax())] + 0.5))
