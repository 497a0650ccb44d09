"""What the technologist can do about an item, in words from the measurement itself.

Directions are the patient's, as the scanner's pointer names them: the patient lies on the back, so forwards is up.  Every
function takes the measurement, and the wanted angle of the orbitomeatal line where a profile has another than it was made with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from HeadCTIQALib.metrics.types import Measurement

NOTE_DEG, NOTE_MM = 1.0, 3.0  # less of a turn or an offset is not worth a word beside a larger one
WHOLE_MM = 5.0  # beyond the end of the head: where a scan that was too short should end
SPARE_MM = 8.0  # and one that was too long
BESIDE_MM, EAR_MM = 15.0, 30.0


def _whole(value: float) -> str:
    return f"{max(1, round(abs(value)))}"


def symmetry(m: Measurement, target_deg: float) -> str:
    """Which way to turn and tilt the head."""
    yaw, roll = m.details.get("yaw_deg", 0.0), m.details.get("roll_deg", 0.0)
    turns = []
    if abs(yaw) >= NOTE_DEG:
        turns.append(f"turn the nose {_whole(yaw)} deg to the patient's {'right' if yaw > 0 else 'left'}")
    if abs(roll) >= NOTE_DEG:
        turns.append(f"tilt the head {_whole(roll)} deg towards the {'right' if roll > 0 else 'left'} shoulder")
    return _sentence(" and ".join(turns) or "lay the head straight")


def baseline(m: Measurement, target_deg: float) -> str:
    """How far the chin should move."""
    if "orbitomeatal_angle_deg" not in m.details:
        return "Lay the orbitomeatal line into the slices."
    much = m.details["orbitomeatal_angle_deg"] - target_deg
    return f"Chin {'down' if much > 0 else 'up'} {_whole(much)} deg."


def centering(m: Measurement, target_deg: float) -> str:
    """Which way to move the table and the head."""
    steps = ["enlarge the field of view until the whole head is in it"] if m.ceiling < 100 else []
    known = "isocentre_offset_mm" in m.details
    right, up = (m.details.get(f"isocentre_{n}" if known else n, 0.0) for n in ("right_mm", "anterior_mm"))
    if known and m.details["isocentre_offset_mm"] < 0.5 * _value(
        m
    ):  # the head lies well in the gantry, not in the image
        return _sentence(" and ".join([*steps, "centre the reconstruction on the head"]))
    if abs(up) >= NOTE_MM:
        steps.append(f"{'lower' if up > 0 else 'raise'} the table {_whole(up)} mm")
    if abs(right) >= NOTE_MM:
        steps.append(f"move the head {_whole(right)} mm to the patient's {'left' if right > 0 else 'right'}")
    return _sentence(" and ".join(steps) + (", to bring it to the isocentre" if known and steps else ""))


def vertex(m: Measurement, target_deg: float) -> str:
    """How far to scan on, or to end earlier."""
    if _value(m) < 0:
        return f"Scan on to the vertex: {_about(m)} {_whole(WHOLE_MM - _value(m))} mm more."
    return f"End {_whole(_value(m) - SPARE_MM)} mm lower, just above the vertex: less dose."


def foramen(m: Measurement, target_deg: float) -> str:
    """Where to start."""
    if _value(m) < 0:
        return f"Start at the foramen magnum: {_about(m)} {_whole(WHOLE_MM - _value(m))} mm lower."
    return f"Start {_whole(_value(m) - SPARE_MM)} mm higher, at the foramen magnum: less dose."


def _value(m: Measurement) -> float:
    assert m.value is not None
    return m.value


def _about(m: Measurement) -> str:
    return "at least" if m.bound else "about"


def noise(m: Measurement, target_deg: float) -> str:
    """What lowers the noise."""
    return "More dose, or a smoother reconstruction."


def contrast(m: Measurement, target_deg: float) -> str:
    """What raises grey-white contrast to noise."""
    return "More dose, a lower tube voltage, or a smoother reconstruction."


def motion(m: Measurement, target_deg: float) -> str:
    """Which slices to repeat."""
    slices = m.evidence.slices if m.evidence is not None else ()
    what = (
        f"slices {runs(slices)}"
        if slices and len(slices) <= 0.5 * m.details.get("slices_with_brain", math.inf)
        else "the scan"
    )
    return f"Repeat {what}; hold the head with a strap."


def runs(slices: Sequence[int]) -> str:
    """Indices as slice numbers from 1, neighbours joined: "13-19, 22"."""
    parts: list[list[int]] = []
    for s in sorted(slices):
        if parts and s == parts[-1][-1] + 1:
            parts[-1][1:] = [s]
        else:
            parts.append([s])
    return ", ".join("-".join(str(s + 1) for s in part) for part in parts)


def foreign(m: Measurement, target_deg: float) -> str:
    """What to take off, and where it lies."""
    count = int(m.details.get("objects", 1))
    where = _place(m)
    if count <= 1:
        return f"Take off the object{where}."
    return f"Take off the {count} objects; the largest lies{where or ' at the head'}."


def _place(m: Measurement) -> str:
    """Where the largest object lies, in words."""
    right, front, up = (m.details.get(f"largest_{n}_mm") for n in ("right", "anterior", "above_ears"))
    words = []
    if right is not None:
        if abs(right) >= BESIDE_MM:
            words.append(f"on the {'right' if right > 0 else 'left'}")
        elif front is not None:
            words.append(f"in the middle, {'in front' if front > 0 else 'behind'}")
    if up is not None:
        words.append(
            f"{abs(up):.0f} mm {'above' if up > 0 else 'below'} the ear canals"
            if abs(up) > EAR_MM
            else "at the height of the ears"
        )
    return "".join(f"{',' if n else ''} {w}" for n, w in enumerate(words))


def streak(m: Measurement, target_deg: float) -> str:
    """What keeps metal out of the slices."""
    return "Keep metal out of the slices: take it off, or tilt the head or the gantry past it; else reconstruct with metal artefact reduction."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""
