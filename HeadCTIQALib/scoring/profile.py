"""Profiles: what a protocol is judged by.  Curves, weights, targets, and which metrics count."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from HeadCTIQALib.curve import Knots, check_knots
from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.hierarchy import CATEGORIES, IQM, IQM_BY_ID, IQMS, iqms_of
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.metrics.types import Measurement

STEEPEST_DEG = 45.0


@dataclass(frozen=True)
class Profile:
    """What scans of one protocol are judged by.

    Attributes:
        id, name: identify the profile wherever a score is shown.
        knots: IQM id to its quality curve, all ten.
        weights: category id to its share of the overall score in the guideline model; not negative, summing to one, and 0
            for a category of which everything is left out.
        baseline_target_deg: wanted angle of the orbitomeatal line to the slices.
        at_5mm: judge noise and contrast as those of 5 mm slices, where that is known, rather than as they are.
        left_out: ids of IQMs that are shown, but not scored.

    Raises:
        ModelError: one sentence about what does not fit.
    """

    id: str = "default"
    name: str = "Default: orbitomeatal line in the slice plane"
    knots: Mapping[str, Knots] = field(default_factory=lambda: {m.id: m.knots for m in IQMS})
    weights: Mapping[str, float] = field(default_factory=lambda: {c.id: c.weight for c in CATEGORIES})
    baseline_target_deg: float = 0.0
    at_5mm: bool = True
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._validate()
        curves = {m.id: tuple((float(x), float(y)) for x, y in self.knots[m.id]) for m in IQMS}
        object.__setattr__(self, "knots", MappingProxyType(curves))
        object.__setattr__(self, "weights", MappingProxyType({c.id: float(self.weights[c.id]) for c in CATEGORIES}))
        object.__setattr__(self, "left_out", tuple(m.id for m in IQMS if m.id in self.left_out))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through plain dicts (for worker processes): read-only views cannot be pickled."""
        return Profile, (
            self.id,
            self.name,
            dict(self.knots),
            dict(self.weights),
            self.baseline_target_deg,
            self.at_5mm,
            self.left_out,
        )

    def scored(self, category: str) -> tuple[str, ...]:
        """Ids of the IQMs of a category that count, in the order of the hierarchy."""
        return tuple(m.id for m in iqms_of(category) if m.id not in self.left_out)

    def judged(self, measurement: Measurement) -> float | None:
        """The value that the curve is read at: that of a 5 mm slice, or the distance to this profile's own target."""
        metric, theta = METRICS[measurement.iqm], measurement.details.get("orbitomeatal_angle_deg")
        if metric.aimed and theta is not None and measurement.value is not None:
            # only the sign of the detail: a record rounds details more coarsely than values
            return abs(math.copysign(measurement.value, theta) - self.baseline_target_deg)
        as_it_is = measurement.judged is None or (metric.of_noise and not self.at_5mm)
        return measurement.value if as_it_is else measurement.judged

    def _validate(self) -> None:
        where = f'The profile "{self.name}"'
        if not self.id or not self.name:
            raise ModelError("A profile needs an id and a name.")
        if set(self.knots) != set(IQM_BY_ID):
            raise ModelError(f"{where} must have knots for exactly {', '.join(IQM_BY_ID)}.")
        for iqm, knots in self.knots.items():
            try:
                check_curve(IQM_BY_ID[iqm], knots)
            except ValueError as error:
                raise ModelError(f'{where} has knots of "{iqm}" that make no quality curve: {error}.') from error
        if unknown := set(self.left_out) - set(IQM_BY_ID):
            raise ModelError(f'{where} leaves out "{min(unknown)}", which is no metric.')
        if set(self.weights) != {c.id for c in CATEGORIES}:
            raise ModelError(f"{where} must have weights for exactly {', '.join(c.id for c in CATEGORIES)}.")
        if (
            any(not math.isfinite(w) or w < 0 for w in self.weights.values())
            or abs(sum(self.weights.values()) - 1) > 1e-6
        ):
            raise ModelError(f"{where} has weights that are negative or do not add up to 1.")
        for c in CATEGORIES:
            if self.weights[c.id] > 0 and not self.scored(c.id):
                raise ModelError(
                    f'{where} leaves out all metrics of "{c.id}"; the weight of that category must then be 0.'
                )
        if not abs(self.baseline_target_deg) <= STEEPEST_DEG:
            raise ModelError(f"{where} has a target of the baseline that is no angle up to {STEEPEST_DEG:g} deg.")


def check_curve(iqm: IQM, knots: Knots) -> None:
    """Refuse what is no quality curve of ``iqm``: on it no worse value scores more; a margin may be too small and too large.

    Raises:
        ValueError: says in words what is wrong.
    """
    check_knots(knots)
    worse = {"low": 1, "high": -1}.get(iqm.direction, 0)
    if any(worse * (b - a) > 0 for (_, a), (_, b) in pairwise(knots)):
        raise ValueError(f"a {'larger' if worse > 0 else 'smaller'} value is worse and may not score more")


DEFAULT = Profile()


def to_json(profile: Profile) -> dict[str, Any]:
    """The profile in JSON types."""
    return {
        "id": profile.id,
        "name": profile.name,
        "knots": {iqm: [list(knot) for knot in knots] for iqm, knots in profile.knots.items()},
        "weights": dict(profile.weights),
        "baseline_target_deg": profile.baseline_target_deg,
        "at_5mm": profile.at_5mm,
        "left_out": list(profile.left_out),
    }
