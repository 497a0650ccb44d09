"""Category "scan_range": does the scan reach from the foramen magnum to the vertex, and not much further?

Distances are along the slice normal k, from centres of image planes; so they do not depend on how tilted slices are
stacked.  Both margins are signed: positive is spare range, negative is missing range.
"""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.findings.types import CONFIDENT, LANDMARK_TITLES, Findings, Landmark
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics import instructions
from HeadCTIQALib.metrics.common import Unassessable, known_well, nearest_slice, point, require_landmark
from HeadCTIQALib.metrics.metric import Metric, register
from HeadCTIQALib.metrics.missing_head import COVER_MM, TRUSTED_MM, Vault, at_most, certain, vault
from HeadCTIQALib.metrics.types import Bound, Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.types import CTVolume, Vector

OURS = ("network", "analytic")  # sources of points that a bound may overrule
FORAMEN = ("BASION", "OPISTHION")
PLACED_SHORT = 1.2  # points outside the scan are placed towards a usual pose: the angle is this much larger at most (33 for 41 deg)
COMPLETE = "The brain is complete."


def vertex_margin(volume: CTVolume, findings: Findings) -> Measurement:
    """Vertex margin m_V = k.(last image plane) - k.(vertex of the scalp), mm; best 0 to 15.

    Negative is missing range.  A vertex above the scan is estimated from the vault's curvature while little is missing; where
    more is, or where the brain in the last slice says that more must be, the margin is a bound: "at most -32 mm"
    (:mod:`HeadCTIQALib.metrics.missing_head`).  Detail ``brain_cut`` is 1 when intracranial tissue reaches the last slice, else
    0; ``estimated_mm`` is the estimate that a bound replaces.
    Source: inference from EUR 16262 (whole brain visualised) and dose economy.
    """
    seen = vault(volume, findings)
    last = len(volume.slice_positions) - 1
    vertex = findings.landmarks.get("VERTEX")
    details = {"brain_cut": float(seen.above_cut), "intracranial_area_last_slice_mm2": float(seen.areas[-1])}
    flags: list[str] = []
    bound: Bound | None = None
    if vertex is None or (vertex.source in OURS and not vertex.in_scan):
        try:
            value, bound = _above(volume, findings, seen)
        except Unassessable as reason:
            return not_assessable("vertex_margin", str(reason))
        if vertex is not None and bound:
            details["estimated_mm"] = _margin_above(volume, vertex)
        flags.append(
            f"The vertex of the scalp lies outside the scan; at least {-value:.0f} mm are missing." if bound
            else "The vertex of the scalp lies outside the scan; the missing range is estimated."
        )  # fmt: skip
    else:
        try:
            vertex = require_landmark(findings, "VERTEX")
        except Unassessable as reason:
            return not_assessable("vertex_margin", str(reason))
        value = _margin_above(volume, vertex)
        if not vertex.in_scan:
            flags.append("The vertex of the scalp lies outside the scan; the missing range is estimated.")
    if seen.above_cut:
        share = 100 * seen.share(-1)
        flags.append(f"The brain is cut: in the last slice its cross-section is still {share:.0f} % of the widest.")
        if value >= 0:
            flags.append(
                "The vertex point lies inside the scan although the brain is cut: check the point and the brain mask."
            )
    if value >= 0:
        caption = f"The scan ends {_length('vertex_margin', value)} above the vertex of the scalp"
    else:
        known = f"at least {-value:.0f} mm" if bound else f"about {_length('vertex_margin', value)}"
        caption = f"{known.capitalize()} are missing up to the vertex of the scalp"
    caption = f"{caption}{' and the brain is cut' if seen.above_cut else ''}."
    position = _apex(volume, findings, value) if vertex is None or bound else np.asarray(vertex.position, float)
    return Measurement(
        "vertex_margin",
        value,
        bound=bound,
        method="last image plane against the vertex of the scalp, along the slice normal"
        + (
            "; at most, by the cross-section of the brain in the last slice and the curvature of the vault"
            if bound
            else ""
        ),
        details=details,
        flags=tuple(flags),
        evidence=Evidence(
            view="coronal",
            slice_index=None,
            window=(40.0, 400.0),
            points={"VERTEX": point(position)},
            lines=_margin_lines(volume, position, value),
            masks=("intracranial",) if seen.above_cut else (),
            slices=(last,),
            caption=caption,
        ),
    )


def _above(volume: CTVolume, findings: Findings, seen: Vault) -> tuple[float, Bound | None]:
    """Margin of a vertex above the scan, and whether it is a bound.

    Raises:
        Unassessable: there is neither a vertex nor a brain that is cut.
    """
    least = seen.missing_above()
    try:
        estimate = max(0.0, -_margin_above(volume, require_landmark(findings, "VERTEX")))
    except Unassessable:
        if least <= 0:
            raise
        return -least, "at_most"
    least = max(least, certain(estimate))
    return -least, "at_most" if least > estimate or estimate > TRUSTED_MM else None


def _length(iqm: str, margin: float) -> str:
    return f"{IQM_BY_ID[iqm].length_text(margin)} mm"


def _margin_above(volume: CTVolume, vertex: Landmark) -> float:
    return float(volume.slice_positions[-1] - np.asarray(vertex.position, float) @ volume.k)


def _apex(volume: CTVolume, findings: Findings, margin: float) -> Vector:
    """Where the vertex is drawn for a bound: in the direction of the estimate, at the height that is certain."""
    vertex = findings.landmarks.get("VERTEX")
    at = np.asarray(vertex.position, float) if vertex is not None else volume.image_centres[-1]
    return np.asarray(at + (volume.slice_positions[-1] - margin - at @ volume.k) * volume.k)


def _foramen(findings: Findings) -> Vector | None:
    """Midpoint of basion and opisthion, RAS mm, or None where one of them is not known well."""
    marks = [findings.landmarks.get(n) for n in FORAMEN]
    if any(m is None or not known_well(m) for m in marks):
        return None
    return np.asarray(np.mean([m.position for m in marks if m is not None], axis=0), float)


def foramen_magnum_margin(volume: CTVolume, findings: Findings) -> Measurement:
    """Foramen magnum margin m_F = k.(midpoint of basion and opisthion) - k.(first image plane), mm; best 0 to 15.

    Negative is missing range, estimated when the points are not in the scan (flagged).  Where they lie so far outside that the
    estimate cannot be trusted, the margin is a bound: "at most -40 mm", from the width of the cranial cavity in the first slice and
    from how far below the vertex the scan begins (:mod:`HeadCTIQALib.metrics.missing_head`).  Details: ``basion_mm``,
    ``opisthion_mm`` (each point above the first image plane).
    Source: inference from EUR 16262 (scan from the foramen magnum) and dose economy.
    """
    seen = vault(volume, findings)
    first = volume.slice_positions[0]
    marks = [findings.landmarks.get(n) for n in FORAMEN]
    least = 0.0
    if all(m is None or (m.source in OURS and (m.confidence < CONFIDENT or not m.in_scan)) for m in marks):
        least = seen.missing_below(_vertex_at_most(volume, findings), _chin_down(volume, findings))
    middle = _foramen(findings)
    if least > 0 and (middle is None or middle @ volume.k - first > -least):
        return _foramen_bound(volume, findings, seen, least)
    try:
        basion, opisthion = (np.asarray(require_landmark(findings, n).position, float) for n in FORAMEN)
    except Unassessable as reason:
        return not_assessable("foramen_magnum_margin", str(reason))
    middle = 0.5 * (basion + opisthion)
    value = float(middle @ volume.k - first)
    outside = [LANDMARK_TITLES[n] for n in FORAMEN if not findings.landmarks[n].in_scan]
    flags: tuple[str, ...] = ()
    if outside:
        flags = (
            f"The {' and the '.join(outside)} {'lie' if len(outside) > 1 else 'lies'} outside the scan; the margin is estimated.",
        )
    caption = (
        f"The scan starts {_length('foramen_magnum_margin', value)} below the foramen magnum"
        if value >= 0
        else f"About {_length('foramen_magnum_margin', value)} are missing down to the foramen magnum"
    )
    complete = f" {COMPLETE}" if value >= 0 and _covered_above(volume, findings, seen) else ""
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
            caption=f"{caption}.{complete}",
        ),
    )


def _foramen_bound(volume: CTVolume, findings: Findings, seen: Vault, least: float) -> Measurement:
    share = 100 * seen.share(0)
    ears = [findings.landmarks.get(n) for n in ("EAM_R", "EAM_L")]
    no_ears = not any(e is not None and e.in_scan and e.confidence >= CONFIDENT for e in ears)
    position = volume.image_centres[0] - least * volume.k
    evidence = f"the brain fills {share:.0f} % of its widest cross-section" + (
        " and no ear canal is in the scan" if no_ears else ""
    )
    return Measurement(
        "foramen_magnum_margin",
        -least,
        bound="at_most",
        method="at most, by the width of the cranial cavity in the first slice and its distance from the vertex, along the slice normal",
        details={"intracranial_area_first_slice_mm2": float(seen.areas[0])},
        flags=(
            f"The foramen magnum lies outside the scan; at least {least:.0f} mm are missing: in the first slice {evidence}.",
        ),
        evidence=Evidence(
            view="sagittal",
            slice_index=None,
            window=(200.0, 1500.0),
            points={"foramen magnum": point(position)},
            lines=_margin_lines(volume, position, least),
            masks=("intracranial",),
            slices=(0,),
            caption=f"At least {least:.0f} mm are missing down to the foramen magnum.",
        ),
    )


def _covered_above(volume: CTVolume, findings: Findings, seen: Vault) -> bool:
    """The brain does not reach the last slice, and no more than scalp is missing above it."""
    vertex = findings.landmarks.get("VERTEX")
    return (
        vertex is not None
        and vertex.confidence >= CONFIDENT
        and not seen.above_cut
        and _margin_above(volume, vertex) > -COVER_MM
    )


def _chin_down(volume: CTVolume, findings: Findings) -> float:
    """By how much the chin is down at most, deg, as far as the ears and eyes tell wherever they were placed; 0 where nothing is known of them."""
    marks = [findings.landmarks.get(n) for n in ("CANTHUS_R", "CANTHUS_L", "EAM_R", "EAM_L")]
    if any(m is None for m in marks):
        return 0.0
    eye_r, eye_l, ear_r, ear_l = (np.asarray(m.position, float) for m in marks if m is not None)
    line = eye_r + eye_l - ear_r - ear_l
    down = -np.rad2deg(np.arcsin(line @ volume.k / max(float(np.linalg.norm(line)), 1e-6)))
    return float(down * (1.0 if all(m is not None and m.in_scan for m in marks) else PLACED_SHORT))


def _vertex_at_most(volume: CTVolume, findings: Findings) -> float | None:
    """The vertex lies no higher above the first slice, mm; None where nothing is known of it."""
    vertex = findings.landmarks.get("VERTEX")
    if vertex is None:
        return None
    z = volume.slice_positions
    height = float(np.asarray(vertex.position, float) @ volume.k)
    return (
        float(z[-1] - z[0] + at_most(height - z[-1])) if height > z[-1] and not vertex.in_scan else height - float(z[0])
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


register(
    Metric(
        "vertex_margin",
        vertex_margin,
        reads=frozenset({"VERTEX", "intracranial"}),
        instruct=instructions.vertex,
        points=("VERTEX",),
        picture="coverage",
    )
)
register(
    Metric(
        "foramen_magnum_margin",
        foramen_magnum_margin,
        # where the points are not known, what is seen of the brain and how far below the vertex the scan begins say how much is missing
        reads=frozenset({*FORAMEN, "VERTEX", "EAM_R", "EAM_L", "intracranial"}),
        instruct=instructions.foramen,
        points=FORAMEN,
        picture="coverage",
    )
)
