"""Category "scan_range": does the scan reach from the foramen magnum to the vertex, and not much further?

Distances are along the slice normal k, from centres of image planes; so they do not depend on how tilted slices are
stacked.  Both margins are signed: positive is spare range, negative is missing range.
"""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.findings.types import INTRACRANIAL, LANDMARK_TITLES, Findings
from HeadCTIQALib.metrics.common import Unassessable, limits, mask_of, nearest_slice, point, require_landmark
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.types import CTVolume, Vector

BRAIN_CUT_MM2 = 100.0  # intracranial area in the last slice from which the brain counts as cut, not as a stray label
BRAIN_COVER_MM = 8.0  # least thickness of skull and scalp over the brain at the vertex (inference)


def vertex_margin(volume: CTVolume, findings: Findings) -> Measurement:
    """Vertex margin m_V = k.(last image plane) - k.(vertex of the scalp), mm; best 0 to 15.

    Negative is missing range, estimated when the vertex is not in the scan (flagged).  Detail ``brain_cut`` is 1 when
    intracranial tissue reaches the last slice, else 0; then at least 8 mm are missing (skull and scalp over the brain),
    which bounds an estimate; the estimate as it was is ``unbounded_mm``.
    Source: inference from EUR 16262 (whole brain visualised) and dose economy.
    """
    try:
        vertex = require_landmark(findings, "VERTEX")
    except Unassessable as reason:
        return not_assessable("vertex_margin", str(reason))
    last = len(volume.slice_positions) - 1
    position = np.asarray(vertex.position, float)
    value = float(volume.slice_positions[last] - position @ volume.k)
    dj, di = volume.pixel_spacing
    area = float(np.count_nonzero(mask_of(findings.tissue[last], INTRACRANIAL)) * dj * di)
    cut = area >= BRAIN_CUT_MM2
    details = {"brain_cut": float(cut), "intracranial_area_last_slice_mm2": area}
    flags = []
    if cut and not vertex.in_scan and vertex.source in ("network", "analytic") and value > -BRAIN_COVER_MM:
        details["unbounded_mm"] = value
        value = -BRAIN_COVER_MM
        flags.append(f"The missing range is at least {BRAIN_COVER_MM:g} mm, for the brain is cut.")
    if not vertex.in_scan:
        flags.append("The vertex of the scalp is not in the scan; the missing range is estimated.")
    if cut:
        flags.append("The brain is cut: intracranial tissue reaches the last slice.")
        if value >= 0:
            flags.append("The vertex point lies inside the scan although the brain is cut: check the point and the brain mask.")
    caption = (
        f"The scan ends {value:.0f} mm above the vertex of the scalp"
        if value >= 0
        else f"{'About ' if not vertex.in_scan else ''}{-value:.0f} mm are missing below the vertex of the scalp"
    )
    return Measurement(
        "vertex_margin",
        value,
        method="last image plane against the vertex of the scalp, along the slice normal",
        details=details,
        flags=tuple(flags),
        evidence=Evidence(
            view="coronal",
            slice_index=None,
            window=(40.0, 400.0),
            points={"VERTEX": point(position)},
            lines=_margin_lines(volume, position, value),
            masks=("intracranial",) if cut else (),
            slices=(last,),
            caption=f"{caption}{' and the brain is cut' if cut else ''}; {limits('vertex_margin')}.",
        ),
    )


def foramen_magnum_margin(volume: CTVolume, findings: Findings) -> Measurement:
    """Foramen magnum margin m_F = k.(midpoint of basion and opisthion) - k.(first image plane), mm; best 0 to 15.

    Negative is missing range, estimated when the points are not in the scan (flagged).  Details: ``basion_mm``,
    ``opisthion_mm`` (each point above the first image plane).
    Source: inference from EUR 16262 (scan from the foramen magnum) and dose economy.
    """
    try:
        marks = {name: require_landmark(findings, name) for name in ("BASION", "OPISTHION")}
    except Unassessable as reason:
        return not_assessable("foramen_magnum_margin", str(reason))
    basion, opisthion = (np.asarray(marks[n].position, float) for n in ("BASION", "OPISTHION"))
    middle = 0.5 * (basion + opisthion)
    first = volume.slice_positions[0]
    value = float(middle @ volume.k - first)
    outside = [LANDMARK_TITLES[n] for n, m in marks.items() if not m.in_scan]
    flags: tuple[str, ...] = ()
    if outside:
        flags = (f"The {' and the '.join(outside)} {'are' if len(outside) > 1 else 'is'} not in the scan; the margin is estimated.",)
    caption = (
        f"The scan starts {value:.0f} mm below the foramen magnum"
        if value >= 0
        else f"{'About ' if outside else ''}{-value:.0f} mm are missing down to the foramen magnum"
    )
    return Measurement(
        "foramen_magnum_margin",
        value,
        method="first image plane against the midpoint of basion and opisthion, along the slice normal",
        details={"basion_mm": float(basion @ volume.k - first), "opisthion_mm": float(opisthion @ volume.k - first)},
        flags=flags,
        evidence=Evidence(
            view="sagittal",
            slice_index=None,
            window=(200.0, 1500.0),
            points={"foramen magnum": point(middle), "BASION": point(basion), "OPISTHION": point(opisthion)},
            lines=((point(basion), point(opisthion)), *_margin_lines(volume, middle, -value)),
            slices=(nearest_slice(volume, middle),),
            caption=f"{caption}; {limits('foramen_magnum_margin')}.",
        ),
    )


def _margin_lines(
    volume: CTVolume, position: Vector, to_plane_mm: float
) -> tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...]:
    """The margin itself (point to end plane along k) and the end plane, as lines to draw through the point."""
    foot = position + to_plane_mm * volume.k
    return (
        (point(position), point(foot)),
        (point(foot - 80 * volume.r), point(foot + 80 * volume.r)),
        (point(foot - 100 * volume.a), point(foot + 100 * volume.a)),
    )
