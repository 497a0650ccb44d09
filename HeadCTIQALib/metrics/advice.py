"""What the technologist can do about an item, and which value would reach the next band: from the measurement itself.

Directions are the patient's, as the scanner's pointer names them: the patient lies on the back, so forwards is up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD, Knots
from HeadCTIQALib.curve import at as score_at
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.types import Measurement

NOTE_DEG, NOTE_MM = 1.0, 3.0  # less of a turn or an offset is not worth a word beside a larger one
WHOLE_MM = 5.0  # beyond the end of the head: where a scan that was too short should end
SPARE_MM = 8.0  # and one that was too long
BESIDE_MM, EAR_MM = 15.0, 30.0


@dataclass(frozen=True, slots=True)
class Advice:
    """``instruction`` for the technologist, "" where the item is good; ``counterfactual``: what would reach the next band, "" if none."""

    instruction: str = ""
    counterfactual: str = ""


def advice(measurement: Measurement, knots: Knots, judged: float | None = None, target_deg: float = 0.0) -> Advice:
    """What to do about the item of ``measurement``.

    Args:
        knots: the item's quality curve.
        judged: the value that the curve is read at; None for the measurement's own.
        target_deg: wanted angle of the orbitomeatal line to the slices.
    """
    m = measurement
    if m.value is None:
        return Advice()
    at = judged if judged is not None else m.value if m.judged is None else m.judged
    if min(score_at(knots, at), m.ceiling) >= BAND_GOOD:
        return Advice()
    instruction = _baseline(m, target_deg) if m.iqm == "baseline_angle" else INSTRUCTIONS[m.iqm](m)
    return Advice(instruction, _counterfactual(m, knots, at))


def next_value(knots: Knots, value: float) -> tuple[float, float] | None:
    """The nearest value whose score reaches the next band, and the limit of that band; None where the score is good already."""
    score = score_at(knots, value)
    limit = BAND_ACCEPTABLE if score < BAND_ACCEPTABLE else BAND_GOOD
    if score >= BAND_GOOD:
        return None
    reaching = [x for x, y in knots if y >= limit]
    for (x0, y0), (x1, y1) in pairwise(knots):
        if (y0 - limit) * (y1 - limit) < 0:
            reaching.append(x0 + (x1 - x0) * (limit - y0) / (y1 - y0))
    return (min(reaching, key=lambda x: abs(x - value)), limit) if reaching else None


def _counterfactual(m: Measurement, knots: Knots, at: float) -> str:
    found = next_value(knots, at)
    if found is None:
        return ""
    value, limit = found
    iqm = IQM_BY_ID[m.iqm]
    if m.ceiling < limit:
        return f"With the whole head in the field of view it could be better than {m.ceiling:.0f} of 100."
    unit = "" if iqm.unit == "1" else f" {iqm.unit}"
    word = "good" if limit == BAND_GOOD else "acceptable"
    if m.iqm == "baseline_angle":
        return f"{_plain(value)} deg from the wanted angle would be {word}."
    cost = ""
    if m.iqm in ("noise", "gray_white_cnr") and min(value, at) > 0:
        dose = (at / value) ** 2 if m.iqm == "noise" else (value / at) ** 2
        thicker = (
            ", or thicker slices" if at == m.value else ""
        )  # what is judged in slices of 5 mm does not change with theirs
        cost = f": about {dose:.1f} times the dose{thicker}" if dose < 10 else ""
    return f"{iqm.title} {_plain(value)}{unit}{' in a slice of 5 mm' if cost and at != m.value else ''} would be {word}{cost}."


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _whole(value: float) -> str:
    return f"{max(1, round(abs(value)))}"


def _symmetry(m: Measurement) -> str:
    yaw, roll = m.details.get("yaw_deg", 0.0), m.details.get("roll_deg", 0.0)
    turns = []
    if abs(yaw) >= NOTE_DEG:
        turns.append(f"turn the nose {_whole(yaw)} deg to the patient's {'right' if yaw > 0 else 'left'}")
    if abs(roll) >= NOTE_DEG:
        turns.append(f"tilt the head {_whole(roll)} deg towards the {'right' if roll > 0 else 'left'} shoulder")
    return _sentence(" and ".join(turns) or "lay the head straight")


def _baseline(m: Measurement, target_deg: float) -> str:
    if "orbitomeatal_angle_deg" not in m.details:
        return "Lay the orbitomeatal line into the slices."
    much = m.details["orbitomeatal_angle_deg"] - target_deg
    return f"Chin {'down' if much > 0 else 'up'} {_whole(much)} deg."


def _centering(m: Measurement) -> str:
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


def _vertex(m: Measurement) -> str:
    if _value(m) < 0:
        return f"Scan on to the vertex: {_about(m)} {_whole(WHOLE_MM - _value(m))} mm more."
    return f"End {_whole(_value(m) - SPARE_MM)} mm lower, just above the vertex: less dose."


def _foramen(m: Measurement) -> str:
    if _value(m) < 0:
        return f"Start at the foramen magnum: {_about(m)} {_whole(WHOLE_MM - _value(m))} mm lower."
    return f"Start {_whole(_value(m) - SPARE_MM)} mm higher, at the foramen magnum: less dose."


def _value(m: Measurement) -> float:
    assert m.value is not None
    return m.value


def _about(m: Measurement) -> str:
    return "at least" if m.bound else "about"


def _noise(m: Measurement) -> str:
    return "More dose, or a smoother reconstruction."


def _contrast(m: Measurement) -> str:
    return "More dose, a lower tube voltage, or a smoother reconstruction."


def _motion(m: Measurement) -> str:
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


def _foreign(m: Measurement) -> str:
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


def _streak(m: Measurement) -> str:
    return "Keep metal out of the slices: take it off, or tilt the head or the gantry past it; else reconstruct with metal artefact reduction."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""


INSTRUCTIONS: dict[str, Callable[[Measurement], str]] = {
    "symmetry_angle": _symmetry,
    "centering_offset": _centering,
    "vertex_margin": _vertex,
    "foramen_magnum_margin": _foramen,
    "noise": _noise,
    "gray_white_cnr": _contrast,
    "motion_extent": _motion,
    "foreign_object_volume": _foreign,
    "streak_extent": _streak,
}
