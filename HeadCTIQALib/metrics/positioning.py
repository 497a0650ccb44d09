"""Category "positioning": how the head lies in the slices (symmetry, orbitomeatal baseline).

Both metrics are geometry of findings in RAS mm, expressed in the slice frame (r, a, k) of the volume: r towards the
patient's right along the rows, a forwards, k the slice normal towards the vertex.  Gantry tilt is therefore included.
"""

from __future__ import annotations

import math

import numpy as np

from HeadCTIQALib.findings.types import CONFIDENT, LANDMARK_TITLES, Findings, Landmark
from HeadCTIQALib.metrics import instructions
from HeadCTIQALib.metrics.common import MAX_SPREAD_MM, Unassessable, nearest_slice, point, require_landmark
from HeadCTIQALib.metrics.metric import MIDSAGITTAL, Metric, register
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.types import CTVolume, Vector

SMALL_DEG = 0.5  # rotations below this are not worth a direction in words (readers agree to 0.5 deg)


def midsagittal_normal(volume: CTVolume, findings: Findings) -> Vector:
    """(3,) components (r, a, k) of the unit normal of the mid-sagittal plane, signed so that n.r > 0.

    Raises:
        Unassessable: no plane, or one with low confidence or no direction, or one that is nearly a slice.
    """
    plane = findings.midsagittal
    if plane is None:
        raise Unassessable("The mid-sagittal plane was not found.")
    if plane.confidence < CONFIDENT:
        raise Unassessable(f"The mid-sagittal plane was found with low confidence ({plane.confidence:.2f}).")
    n = volume.to_slice_frame(np.asarray(plane.normal, float))
    length = float(np.linalg.norm(n))
    if not math.isfinite(length) or length < 1e-6:
        raise Unassessable("The mid-sagittal plane has no direction.")
    n = n / length
    return -n if n[0] < 0 else n


def yaw_roll(n: Vector) -> tuple[float, float]:
    """(yaw, roll) in deg of a mid-sagittal normal (r, a, k): + nose to the patient's left, + towards the left shoulder."""
    yaw = math.degrees(math.atan2(n[1], n[0]))
    roll = math.degrees(math.atan2(n[2], math.hypot(n[0], n[1])))
    return yaw, roll


def symmetry_angle(volume: CTVolume, findings: Findings) -> Measurement:
    """Symmetry angle alpha = acos(n.r), deg: mid-sagittal plane's normal n against the row axis r.

    Lower is better.  Details: ``yaw_deg`` = atan2(n.a, n.r), ``roll_deg`` = atan2(n.k, hypot(n.r, n.a)).
    Source: geometry; 3 deg shifts one ear by about 6 mm.
    """
    try:
        n = midsagittal_normal(volume, findings)
    except Unassessable as reason:
        return not_assessable("symmetry_angle", str(reason))
    assert findings.midsagittal is not None
    # atan2 instead of acos: exact for small angles, where acos(1 - e) loses half of the digits
    alpha = math.degrees(math.atan2(math.hypot(n[1], n[2]), n[0]))
    yaw, roll = yaw_roll(n)
    origin = np.asarray(findings.midsagittal.origin, float)
    normal = n[0] * volume.r + n[1] * volume.a + n[2] * volume.k
    return Measurement(
        "symmetry_angle",
        alpha,
        method=f"mid-sagittal plane ({findings.methods.get('midsagittal', findings.midsagittal.source)})",
        details={"yaw_deg": yaw, "roll_deg": roll},
        evidence=Evidence(
            slice_index=nearest_slice(volume, origin),
            lines=(
                _trace(volume, origin, normal, volume.k),
                (point(origin - 80 * volume.r), point(origin + 80 * volume.r)),
            ),
            plane=(point(origin), point(normal)),
            caption=f"{_rotation_words(alpha, yaw, roll)}.",
        ),
    )


def _trace(
    volume: CTVolume, origin: Vector, normal: Vector, k: Vector
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """The line in which the plane meets the slice through ``origin``, 100 mm to both sides."""
    d = np.cross(normal, k)
    length = float(np.linalg.norm(d))
    d = volume.a if length < 1e-6 else d / length
    return point(origin - 100 * d), point(origin + 100 * d)


def _rotation_words(alpha: float, yaw: float, roll: float) -> str:
    parts = []
    if abs(yaw) >= SMALL_DEG:
        parts.append(f"turned {abs(yaw):.1f} deg with the nose to the patient's {'left' if yaw > 0 else 'right'}")
    if abs(roll) >= SMALL_DEG:
        parts.append(f"tilted {abs(roll):.1f} deg towards the {'left' if roll > 0 else 'right'} shoulder")
    return f"Head {alpha:.1f} deg off symmetry" + (": " + " and ".join(parts) if parts else "")


def baseline_angle(volume: CTVolume, findings: Findings) -> Measurement:
    """Baseline angle abs(theta), deg, against the orbitomeatal line; a profile judges abs(theta - theta_target); lower is better.

    theta is the signed angle between the orbitomeatal line (midpoint of the ear canals to midpoint of the outer
    canthi) and the slice plane, + when the canthi lie higher along k; detail ``orbitomeatal_angle_deg``.
    A point missing on one side is mirrored at the mid-sagittal plane and flagged; extrapolated points are flagged.
    Source of the ranges: inference; EUR 16262 and AAPM head protocols.
    """
    flags: list[str] = []
    try:
        ears = [_paired(findings, side, flags) for side in ("EAM_R", "EAM_L")]
        canthi = [_paired(findings, side, flags) for side in ("CANTHUS_R", "CANTHUS_L")]
        ear, canthus = np.mean(ears, axis=0), np.mean(canthi, axis=0)
        d = canthus - ear
        length = float(np.linalg.norm(d))
        if not math.isfinite(length) or length < 20.0:
            raise Unassessable("The ear canals and the outer canthi lie implausibly close together.")
    except Unassessable as reason:
        return not_assessable("baseline_angle", str(reason))
    theta = math.degrees(math.asin(float(np.clip(d @ volume.k / length, -1.0, 1.0))))
    higher = "higher" if theta > 0 else "lower"
    return Measurement(
        "baseline_angle",
        abs(theta),
        method=f"orbitomeatal line against the slices ({findings.methods.get('landmarks', 'landmarks')})",
        details={"orbitomeatal_angle_deg": theta},
        flags=tuple(flags),
        evidence=Evidence(
            view="sagittal",
            window=(200.0, 1500.0),
            points={
                "ear canals": point(ear),
                "outer canthi": point(canthus),
                **{
                    name: point(p)
                    for name, p in zip(("EAM_R", "EAM_L", "CANTHUS_R", "CANTHUS_L"), ears + canthi, strict=True)
                },
            },
            lines=((point(ear), point(canthus)), (point(ear), point(ear + length * volume.a))),
            caption=f"Orbitomeatal line {abs(theta):.1f} deg off the slices (the eyes are {higher} than the ears).",
        ),
    )


def _paired(findings: Findings, name: str, flags: list[str]) -> Vector:
    """Position of a paired landmark, from its mirror image when that side alone is missing; notes go to ``flags``."""
    other = name[:-1] + ("L" if name.endswith("R") else "R")
    plane = findings.midsagittal
    if name in findings.landmarks or other not in findings.landmarks or plane is None or plane.confidence < CONFIDENT:
        landmark = require_landmark(findings, name)
        if not landmark.in_scan and (landmark.spread_mm or 0.0) > MAX_SPREAD_MM:
            raise Unassessable(
                f"The {LANDMARK_TITLES[name]} lies outside the scan and is only known to about {landmark.spread_mm:.0f} mm."
            )
        _note_extrapolated(name, landmark, flags)
        return np.asarray(landmark.position, float)
    twin = np.asarray(require_landmark(findings, other).position, float)
    n = np.asarray(plane.normal, float)
    n = n / np.linalg.norm(n)
    flags.append(f"The {LANDMARK_TITLES[name]} was not found and is mirrored from the other side.")
    return np.asarray(twin - 2 * ((twin - np.asarray(plane.origin, float)) @ n) * n)


def _note_extrapolated(name: str, landmark: Landmark, flags: list[str]) -> None:
    if not landmark.in_scan:
        flags.append(f"The {LANDMARK_TITLES[name]} lies outside the scan; its position is estimated.")


_LINE = ("EAM_R", "EAM_L", "CANTHUS_R", "CANTHUS_L")
register(
    Metric(
        "symmetry_angle",
        symmetry_angle,
        reads=frozenset({MIDSAGITTAL}),
        instruct=instructions.symmetry,
        points=(MIDSAGITTAL,),
        meant_by=(MIDSAGITTAL,),
        picture="symmetry",
    )
)
register(
    Metric(
        "baseline_angle",
        baseline_angle,
        # the plane mirrors an ear canal or canthus that is known on one side only
        reads=frozenset({*_LINE, MIDSAGITTAL}),
        instruct=instructions.baseline,
        points=_LINE,
        picture="baseline",
        aimed=True,
    )
)
