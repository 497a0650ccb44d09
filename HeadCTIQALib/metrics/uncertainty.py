"""How far a measured value can be from the true one: an error model for every IQM, fitted where the truth is known.

The error (true minus measured) of an IQM is ``scale * q``.  The scale grows with what makes this scan harder to measure
(:data:`CIRCUMSTANCES`), as the exponential of a linear sum; the distribution of q stands as its values at the levels
:data:`LEVELS`.  Groups of one IQM that err in different ways (a vertex inside the scan, or extrapolated) have a model each.
The numbers come from ``Resources/Uncertainty/errors.json``; :mod:`HeadCTIQALib.research.validation.error_fit` fits them and the card
beside them says on what, and how often the intervals held the truth elsewhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.curve import good_range
from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.metric import METRICS, MIDSAGITTAL, Metric
from HeadCTIQALib.metrics.types import LEVELS, Measurement
from HeadCTIQALib.resources import resource
from HeadCTIQALib.volume.types import CTVolume

#: What the scale of an error may depend on, each 0 in an ordinary scan: see :func:`circumstances`.
CIRCUMSTANCES = ("spacing", "noise", "tilt", "artefact", "beyond", "doubt", "size")
ALL, INSIDE, OUTSIDE, NONE, SOME = "all", "inside", "outside", "none", "some"
_USUAL_SPACING_MM, _USUAL_NOISE_HU, _TILT_DEG, _ARTEFACT_PERCENT, _BEYOND_MM = 5.0, 4.0, 10.0, 10.0, 10.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A landmark as the error model sees it: ``beyond_mm`` is how far it lies outside the scan along k, 0 inside."""

    confidence: float
    beyond_mm: float
    in_scan: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """What the errors of one scan depend on.

    Attributes:
        spacing_mm: median distance of slices; tilt_deg: between their normal and the patient's axis.
        noise_hu: as measured; None where it was not.
        artefact_percent: motion and streaks together, as measured; 0 where they were not.
        marks: landmark id to Mark; plane: confidence of the mid-sagittal plane, None without one.
    """

    spacing_mm: float
    tilt_deg: float
    noise_hu: float | None
    artefact_percent: float
    marks: Mapping[str, Mark]
    plane: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """The error model of one group of an IQM.

    Attributes:
        intercept, slopes: logarithm of the scale, in the IQM's unit; one slope for each of :data:`CIRCUMSTANCES`.
        seen: smallest and largest value of each circumstance in the fit; beyond, the nearest of them is taken.
        quantiles: of the scaled error, at :data:`LEVELS`, ascending.
        n: scans that it was fitted on.
    """

    intercept: float
    slopes: tuple[float, ...]
    seen: tuple[tuple[float, float], ...]
    quantiles: tuple[float, ...]
    n: int

    def __post_init__(self) -> None:
        if (
            len(self.slopes) != len(CIRCUMSTANCES)
            or len(self.seen) != len(CIRCUMSTANCES)
            or len(self.quantiles) != len(LEVELS)
        ):
            raise ValueError(
                "an error model has a slope and a range for every circumstance, and a quantile for every level"
            )
        if any(b < a for a, b in pairwise(self.quantiles)):
            raise ValueError("the quantiles of an error ascend")

    def scale(self, x: NDArray[np.float64]) -> float:
        """Scale of the error in circumstances ``x`` (7,)."""
        low, high = np.array(self.seen).T
        return math.exp(self.intercept + float(np.clip(x, low, high) @ np.array(self.slopes)))


@dataclass(frozen=True)
class ErrorModel:
    """The error models of all IQMs: id to group to :class:`Group`; ``version`` goes into every record."""

    version: str
    iqms: Mapping[str, Mapping[str, Group]]


@cache
def error_model() -> ErrorModel:
    """The shipped error model."""
    content = json.loads(resource("Uncertainty", "errors.json").read_text(encoding="utf-8"))
    return from_json(content)


def from_json(content: Mapping[str, object]) -> ErrorModel:
    """The error model in the content of ``errors.json``.

    Raises:
        ValueError, KeyError: it is none.
    """
    iqms = content["iqms"]
    assert isinstance(iqms, Mapping)
    by_iqm = {
        iqm: {
            name: Group(
                float(g["intercept"]), tuple(map(float, g["slopes"])), tuple((float(a), float(b)) for a, b in g["seen"]),
                tuple(map(float, g["quantiles"])), int(g["n"]),
            )
            for name, g in by_group.items()
        }
        for iqm, by_group in iqms.items()
    }  # fmt: skip
    return ErrorModel(str(content["version"]), by_iqm)


def scene_of(volume: CTVolume, findings: Findings, measurements: Mapping[str, Measurement]) -> Scene:
    """The scene of a scan with its findings and (some of) its measurements."""
    z = volume.slice_positions
    marks = {
        name: Mark(mark.confidence, beyond(float(np.asarray(mark.position, float) @ volume.k), z), mark.in_scan)
        for name, mark in findings.landmarks.items()
    }
    plane = None if findings.midsagittal is None else findings.midsagittal.confidence
    values = {i: m.value for i, m in measurements.items()}
    return Scene(spacing_of(z), tilt_of(volume.k), values.get("noise"), artefact_of(values), marks, plane)


def artefact_of(values: Mapping[str, float | None]) -> float:
    """Per cent of motion and streaks together, of the ``values`` by IQM id."""
    return sum(values.get(m.id) or 0.0 for m in METRICS.values() if m.of_artefacts)


def beyond(height: float, positions: NDArray[np.float64]) -> float:
    """Millimetres by which a height along k lies outside ascending slice ``positions``."""
    return max(0.0, float(positions[0]) - height, height - float(positions[-1]))


def spacing_of(positions: NDArray[np.float64]) -> float:
    """Median distance of neighbouring slices, mm; 1 for a single one."""
    return float(np.median(np.diff(positions))) if len(positions) > 1 else 1.0


def tilt_of(k: NDArray[np.float64]) -> float:
    """Angle between the unit normal ``k`` of the slices and the patient's long axis, deg."""
    return math.degrees(math.acos(min(1.0, abs(float(k[2])))))


def group_of(measurement: Measurement, scene: Scene) -> str:
    """The group whose error model holds for ``measurement``, which has a value."""
    value = measurement.value
    assert value is not None
    metric = METRICS[measurement.iqm]
    if of_landmarks(metric):
        marks = [scene.marks[n] for n in metric.points if n in scene.marks]
        return INSIDE if marks and all(m.in_scan for m in marks) else OUTSIDE
    if metric.nothing is not None:
        return NONE if value <= metric.nothing else SOME
    return ALL


def groups(metric: Metric) -> tuple[str, ...]:
    """The groups that an IQM has a model each for."""
    return (INSIDE, OUTSIDE) if of_landmarks(metric) else (ALL,) if metric.nothing is None else (NONE, SOME)


def of_landmarks(metric: Metric) -> bool:
    """Whether an IQM rests on landmarks, which lie in the scan or not."""
    return bool(set(metric.points) - {MIDSAGITTAL})


def circumstances(measurement: Measurement, scene: Scene) -> NDArray[np.float64]:
    """(7,) what the scale of the error of ``measurement``, which has a value, may depend on; in the order of :data:`CIRCUMSTANCES`.

    * spacing: ln(distance of slices / 5 mm); noise: ln(noise / 4 HU); tilt: in 10 deg.
    * artefact: ln(1 + extents of motion and streaks / 10 %); not of these two themselves.
    * beyond: how far the furthest of its landmarks lies outside the scan, in 10 mm.
    * doubt: 1 - the lowest confidence of its landmarks, or of the mid-sagittal plane.
    * size: ln(1 + |value| / limit of the good range).
    """
    iqm, metric, value = IQM_BY_ID[measurement.iqm], METRICS[measurement.iqm], measurement.value
    assert value is not None
    marks = [scene.marks[n] for n in metric.points if n in scene.marks]
    confidences = [m.confidence for m in marks]
    if MIDSAGITTAL in metric.points and scene.plane is not None:
        confidences.append(scene.plane)
    low, high = good_range(iqm.knots)
    noise = scene.noise_hu if scene.noise_hu else _USUAL_NOISE_HU
    return np.array(
        [
            math.log(max(scene.spacing_mm, 0.1) / _USUAL_SPACING_MM),
            math.log(max(noise, 0.1) / _USUAL_NOISE_HU),
            scene.tilt_deg / _TILT_DEG,
            0.0 if metric.of_artefacts else math.log1p(scene.artefact_percent / _ARTEFACT_PERCENT),
            max((m.beyond_mm for m in marks), default=0.0) / _BEYOND_MM,
            1.0 - min(confidences, default=1.0),
            math.log1p(abs(value) / (high if math.isfinite(high) else low)),
        ]
    )


def with_quantiles(
    measurements: Mapping[str, Measurement], scene: Scene, model: ErrorModel | None = None
) -> dict[str, Measurement]:
    """``measurements`` with what the true value can be.

    A bound says that itself, a corrected value is taken for true, and what is not assessable has no value: these have none.
    """
    model = model or error_model()
    return {id_: replace(m, quantiles=_quantiles(m, scene, model)) for id_, m in measurements.items()}


def _quantiles(m: Measurement, scene: Scene, model: ErrorModel) -> tuple[float, ...] | None:
    if m.value is None or m.status != "measured" or m.bound is not None:
        return None
    group = model.iqms.get(m.iqm, {}).get(group_of(m, scene))  # a new IQM has none until one is fitted
    if group is None:
        return None
    scale = group.scale(circumstances(m, scene))
    return tuple(m.value + scale * q for q in group.quantiles)
