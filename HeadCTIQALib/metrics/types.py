"""Measurement: the value of one IQM, or the reason why there is none, with where to look."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from HeadCTIQALib.geometry import Point
from HeadCTIQALib.hierarchy import IQM_BY_ID

Status = Literal["measured", "corrected", "not_assessable"]
Bound = Literal["at_most", "at_least"]
#: Levels at which the distribution of a true value is kept; the second and the last but one bound its 95 % interval.
LEVELS = (0.0, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 1.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where in the images a reader sees what was measured.

    Attributes:
        view: "axial" (a native slice), "coronal" or "sagittal" (a reformat through ``points[0]`` or the plane).
        slice_index: native slice to show for "axial", 0 = lowest; None otherwise.
        window: (centre, width) in HU.
        points: named points, RAS mm.
        lines: pairs of point names or points to draw, RAS mm.
        plane: (origin, unit normal) in RAS, or None.
        masks: names of what to overlay: a :class:`~HeadCTIQALib.findings.Tissue` name in lower case, "head",
            "intracranial" or "streak".
        slices: native slice indices concerned (e.g. those with motion), ascending.
        caption: one sentence in plain words, with the number.
    """

    view: Literal["axial", "coronal", "sagittal"] = "axial"
    slice_index: int | None = None
    window: tuple[float, float] = (40.0, 80.0)
    points: Mapping[str, Point] = field(default_factory=dict)
    lines: tuple[tuple[Point, Point], ...] = ()
    plane: tuple[Point, Point] | None = None
    masks: tuple[str, ...] = ()
    slices: tuple[int, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One IQM of one scan.  ``value`` is None exactly when the status is "not_assessable", which has a reason.

    Attributes:
        iqm: id in :data:`HeadCTIQALib.hierarchy.IQM_BY_ID`.
        value: in the IQM's unit.
        status, reason: see above; for "corrected" the reason is the corrector's.
        method: readable name of the variant that measured it (e.g. "mode of local SD, 6.5 mm windows").
        details: further numbers in their own right, key with unit suffix (e.g. ``yaw_deg``).
        flags: sentences a reader should weigh with the value (e.g. "vertex estimated: not in the scan").
        evidence: where to look; None only when not assessable.
        bound: the true value is "at_most" or "at_least" ``value``: the number cannot be known, but the defect is certain.
        judged: the value that is judged in place of ``value`` (noise and contrast of a 5 mm slice); None: ``value`` itself.
        ceiling, ceiling_reason: the most that the item can score whatever the value, and why (the field of view cuts the head).
        quantiles: of what the true value can be, at :data:`LEVELS` (:mod:`HeadCTIQALib.metrics.uncertainty`), beyond the values that
            there are too (of the baseline angle, below 0 on the other side of the target); None where that is not known.
    """

    iqm: str
    value: float | None = None
    status: Status = "measured"
    reason: str = ""
    method: str = ""
    details: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    evidence: Evidence | None = None
    bound: Bound | None = None
    judged: float | None = None
    ceiling: float = 100.0
    ceiling_reason: str = ""
    quantiles: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.iqm not in IQM_BY_ID:
            raise ValueError(f"unknown IQM {self.iqm!r}")
        if (self.value is None) != (self.status == "not_assessable"):
            raise ValueError(f"{self.iqm}: a value exactly when assessable, got {self.value} with {self.status}")
        if self.status == "not_assessable" and not self.reason:
            raise ValueError(f"{self.iqm}: not assessable needs a reason")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.iqm}: {self.value} is not a finite number")
        if self.value is None and (self.bound is not None or self.judged is not None):
            raise ValueError(f"{self.iqm}: a bound or a judged value of no value")
        if self.judged is not None and not math.isfinite(self.judged):
            raise ValueError(f"{self.iqm}: the judged value {self.judged} is not a finite number")
        if not 0.0 <= self.ceiling <= 100.0 or (self.ceiling < 100.0) != bool(self.ceiling_reason):
            raise ValueError(f"{self.iqm}: a ceiling of 0 to 100 has a reason exactly when it is below 100")
        q = self.quantiles
        if q is not None and (
            self.value is None
            or len(q) != len(LEVELS)
            or not all(map(math.isfinite, q))
            or any(b < a for a, b in pairwise(q))
        ):
            raise ValueError(f"{self.iqm}: quantiles of a value are {len(LEVELS)} finite numbers that ascend")

    @property
    def interval(self) -> tuple[float, float] | None:
        """The true value lies in between with 95 % certainty; always holds ``value``, and nothing that a value cannot be."""
        if self.quantiles is None or self.value is None:
            return None
        iqm = IQM_BY_ID[self.iqm]
        least = 0.0 if iqm.direction == "low" else -math.inf
        most = 100.0 if iqm.unit == "%" else math.inf
        return max(least, min(self.value, self.quantiles[1])), min(most, max(self.value, self.quantiles[-2]))

    @property
    def unit(self) -> str:
        """Unit of ``value``, from the hierarchy."""
        return IQM_BY_ID[self.iqm].unit


def not_assessable(iqm: str, reason: str) -> Measurement:
    """The answer "I don't know" for one IQM, with the reason in one sentence."""
    return Measurement(iqm, status="not_assessable", reason=reason)
