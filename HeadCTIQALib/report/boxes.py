"""Boxes in the patient's directions that pictures are cut to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from HeadCTIQALib.findings.types import HEAD, Findings
from HeadCTIQALib.volume.types import CTVolume


@dataclass(frozen=True)
class Box:
    """A box in the slice frame: (low, high) in mm along r, a and k."""

    r: tuple[float, float]
    a: tuple[float, float]
    k: tuple[float, float]

    def grown(self, mm: float) -> Box:
        """The box with ``mm`` more on every side."""
        return Box(*((low - mm, high + mm) for low, high in (self.r, self.a, self.k)))

    def reaching(self, k_low: float, k_high: float) -> Box:
        """The box made to reach along k from ``k_low`` to ``k_high`` at least."""
        return Box(self.r, self.a, (min(self.k[0], k_low), max(self.k[1], k_high)))

    def middle(self, axis: str) -> float:
        """Centre along "r", "a" or "k"."""
        low, high = getattr(self, axis)
        return 0.5 * (low + high)


def image_box(volume: CTVolume, index: int | None = None) -> Box:
    """The imaged volume, or the field of view of one slice, to the outer edges of its pixels."""
    _, j, i = volume.shape
    origins = volume.origins if index is None else volume.origins[index : index + 1]
    corners = [
        o + x * volume.row_step + y * volume.col_step
        for o in origins[[0, -1]]
        for x in (-0.5, i - 0.5)
        for y in (-0.5, j - 0.5)
    ]
    along = volume.to_slice_frame(np.array(corners))
    low, high = along.min(axis=0), along.max(axis=0)
    return Box((low[0], high[0]), (low[1], high[1]), (low[2], high[2]))


def head_box(volume: CTVolume, findings: Findings, index: int | None = None) -> Box:
    """Bounding box of the head mask (within about 3 mm), in all or one native slice; the image where there is no head."""
    kk, step, start = (max(1, volume.shape[0] // 30), 4, 0) if index is None else (volume.shape[0], 2, index)
    lut = np.zeros(256, bool)
    lut[list(HEAD)] = True
    inside = lut[findings.tissue[start::kk, ::step, ::step]]
    k, j = np.nonzero(inside.any(axis=2))
    if not len(k):
        return image_box(volume, index)
    # the outermost voxels of every row bound them all
    ends = inside.argmax(axis=2)[k, j], inside.shape[2] - 1 - inside[..., ::-1].argmax(axis=2)[k, j]
    k, j, i = np.concatenate([k, k]), np.concatenate([j, j]), np.concatenate(ends)
    along = volume.to_slice_frame(
        volume.ijk_to_ras(np.stack([i * step, j * step, start + k * kk], axis=-1).astype(float))
    )
    low, high = along.min(axis=0) - 3, along.max(axis=0) + 3
    first, last = volume.slice_positions[[0, -1]] if index is None else volume.slice_positions[[index, index]]
    return Box((low[0], high[0]), (low[1], high[1]), (float(first), float(last)))
