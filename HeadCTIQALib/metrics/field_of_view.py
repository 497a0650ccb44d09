"""Where the field of view cuts the head: at the edges of the image, and where the image was filled up with one value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, Findings, Tissue
from HeadCTIQALib.metrics.common import BoolArray, mask_of
from HeadCTIQALib.volume.types import CTVolume, Vector

SKULL = (Tissue.BONE, *INTRACRANIAL)
RADIUS_MM = 150.0  # of the flat sides of a head, and to spare
TISSUE_HU = -200.0  # a pixel of the head at its natural surface is mixed with air; where it was cut it is not
MIN_CUT_MM2 = 150.0  # less head at the edge of the field of view is an ear's rim or a stray label
MIN_SKULL_MM2 = 80.0
SKIN_CEILING, SKULL_CEILING = 60.0, 30.0


@dataclass(frozen=True)
class Cut:
    """Per slice of a scan, (K,) mm: how much of the edge of the field of view runs through the head, and through the skull."""

    head_mm: Vector
    skull_mm: Vector


def cut_by_field(volume: CTVolume, findings: Findings, slices: np.ndarray) -> Cut:
    """How long the field of view's edge runs through the head in ``slices``; 0 in all others."""
    blank = _filled(volume)
    dj, di = volume.pixel_spacing
    graze = 2 * np.sqrt(2 * RADIUS_MM * max(dj, di))  # of an edge that only just touches a whole head
    head_mm, skull_mm = np.zeros(volume.shape[0]), np.zeros(volume.shape[0])
    for s in slices:
        beyond = np.pad(blank if volume.padding is None else blank | volume.padding[s], 1, constant_values=True)
        head = mask_of(findings.tissue[s], HEAD) & (volume.hu[s] > TISSUE_HU)
        skull = mask_of(findings.tissue[s], SKULL)
        for side, step in (
            (beyond[:-2, 1:-1], di),
            (beyond[2:, 1:-1], di),
            (beyond[1:-1, :-2], dj),
            (beyond[1:-1, 2:], dj),
        ):
            cut = head & side
            length = np.count_nonzero(cut) * step - graze
            if length > 0:
                head_mm[s] += length
                skull_mm[s] += np.count_nonzero(cut & skull) * step
    return Cut(head_mm, skull_mm)


def ceiling(volume: CTVolume, cut: Cut) -> tuple[float, str]:
    """The most that centring can score, and why; 100 and "" where the head is whole."""
    if cut.skull_mm @ volume.slice_widths >= MIN_SKULL_MM2:
        return SKULL_CEILING, "The field of view cuts the skull."
    if cut.head_mm @ volume.slice_widths >= MIN_CUT_MM2:
        return SKIN_CEILING, "The field of view cuts the skin of the head."
    return 100.0, ""


def _filled(volume: CTVolume) -> BoolArray:
    """(J, I) whole rows and columns at the edges, and what lies outside a circle about the centre, that have one value in all slices.

    Air that was set to one value is blank as well, but neither straight nor round where it meets a head.
    """
    _, rows, columns = volume.shape
    corners = {int(volume.hu[0, j, i]) for j in (0, -1) for i in (0, -1)}
    same = np.zeros((rows, columns), bool)
    for value in corners:
        everywhere = np.ones_like(same)
        for plane in volume.hu:  # much quicker than across the slices
            everywhere &= plane == value
        same |= everywhere
    used_rows, used_columns = np.flatnonzero(~same.all(axis=1)), np.flatnonzero(~same.all(axis=0))
    if not len(used_rows):
        return np.zeros(same.shape, bool)
    filled = np.ones(same.shape, bool)
    filled[used_rows[0] : used_rows[-1] + 1, used_columns[0] : used_columns[-1] + 1] = False
    dj, di = volume.pixel_spacing
    radius = np.hypot(((np.arange(rows) - (rows - 1) / 2) * dj)[:, None], (np.arange(columns) - (columns - 1) / 2) * di)
    return filled | (radius > radius[~same].max() + 0.01)
