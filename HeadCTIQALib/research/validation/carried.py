"""The findings of a scan, carried to where they lie in its degraded copy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from HeadCTIQALib.findings.types import HEAD, Findings, Landmark
from HeadCTIQALib.geometry import Vector, point
from HeadCTIQALib.volume.types import CTVolume

from .degradations import Degraded, head_points


def carried(findings: Findings, base: CTVolume, degraded: Degraded) -> Findings:
    """The findings of the base scan as they lie in the degraded one: what the geometry says must be found there.

    The vertex is looked for anew among the turned head's points where the head turns towards or away from the slices.
    """
    v, turn, shift = degraded.volume, degraded.turn, degraded.shift
    still = np.allclose(turn @ base.k, base.k, atol=1e-9)  # what turns about k keeps its height
    tissue = np.empty(v.shape, np.uint8)
    j, i = np.indices(v.shape[1:])
    plane = i[..., None] * v.row_step + j[..., None] * v.col_step
    for s in range(v.shape[0]):
        source = base.ras_to_ijk((v.origins[s] + plane - shift) @ turn)
        at = [source[..., 2], source[..., 1], source[..., 0]]
        tissue[s] = ndimage.map_coordinates(findings.tissue, at, order=0, mode="constant", cval=0)
    marks = {n: _moved(p, turn @ np.asarray(p.position, float) + shift) for n, p in findings.landmarks.items()}
    if not still and "VERTEX" in marks:
        if findings.landmarks["VERTEX"].in_scan:
            points = head_points(base, findings, HEAD, 0) @ turn.T + shift
            marks["VERTEX"] = _moved(marks["VERTEX"], points[int(np.argmax(points @ v.k))])
        else:
            del marks["VERTEX"]  # where the turned head is highest, the base scan does not show
    m = findings.midsagittal
    plane_ = (
        None
        if m is None
        else replace(m, origin=point(turn @ np.asarray(m.origin) + shift), normal=point(turn @ np.asarray(m.normal)))
    )
    return findings.with_(
        tissue=tissue,
        landmarks=marks,
        midsagittal=plane_,
        streak=None,
        motion_grades=None,
        motion_index=None,
        motion_probability=None,
    )


def _moved(mark: Landmark, position: Vector) -> Landmark:
    return replace(mark, position=point(position))
