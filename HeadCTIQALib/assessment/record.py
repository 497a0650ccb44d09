"""The assessment record: what ``assessment.json`` holds.

Its form is published in ``Resources/Schema/assessment-1.2.schema.json``.  Numbers are rounded, never NaN, and the
same scan assessed twice gives the same record apart from ``created`` and ``timings``.  It carries no patient
identifiers: of the series UID only a hash, which tells two series apart but leads back to neither.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from HeadCTIQALib import RESEARCH_USE, __version__
from HeadCTIQALib.curve import range_words
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS, Category
from HeadCTIQALib.metrics.advice import Advice, advice
from HeadCTIQALib.metrics.types import Evidence, Measurement
from HeadCTIQALib.metrics.uncertainty import error_model

from .correction import Correction

if TYPE_CHECKING:
    from HeadCTIQALib.findings import Findings, Landmark
    from HeadCTIQALib.metrics.extras import Extra
    from HeadCTIQALib.scoring import Contribution, Profile, Score, Scores, ScoringModel
    from HeadCTIQALib.volume import CTVolume

SCHEMA = "headctiqa-assessment/1.2"
PACKAGES = ("numpy", "scipy", "pydicom", "python-gdcm", "SimpleITK", "pynrrd", "torch", "monai")
DECIMALS = 4
# what is computed with again: measured values, geometry, coefficients, and (to be put back unchanged) what a correction replaced
_FINER = {
    "value": 9, "quantiles": 9, "original": 9, "judged": 9, "read_at": 9, "knots": 9,
    "geometry": 6, "spacing_mm": 6, "coefficient": 6, "motion_index": 12, "definition": 12, "review": 12,
}  # fmt: skip
_OLDEST_AGE = 90.0  # ages above 89 identify people (HIPAA safe harbour) and are all written as 90


def build_record(
    volume: CTVolume,
    findings: Findings,
    measurements: Mapping[str, Measurement],
    extras: Iterable[Extra],
    scores: Scores,
    scoring_model: ScoringModel,
    models: Sequence[Mapping[str, Any]],
    corrections: Sequence[Correction],
    timings: Mapping[str, float],
    review: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The record of one assessment, of JSON types only; ``review`` is what :mod:`.review_record` keeps of corrections.

    Raises:
        ValueError: a number that is not finite reached the record, which is a bug further up.
    """
    record = {
        "schema": SCHEMA,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "research_use": RESEARCH_USE,
        "software": _software(),
        "input": _input(volume),
        **_scored(measurements, scores, scoring_model),
        "extras": [_fields(extra, "id", "title", "value", "unit", "reason", "source") for extra in extras],
        "findings": _findings(findings),
        "corrections": [dataclasses.asdict(c) for c in corrections],
        "models": [dict(model) for model in models],
        "warnings": _warnings(volume),
        "timings": {stage: round(seconds, 2) for stage, seconds in timings.items()},
    }
    if review is not None:
        record["review"] = review
    return plain(record)


def rescored_record(record: Mapping[str, Any], scores: Scores, scoring_model: ScoringModel) -> dict[str, Any]:
    """``record`` with the scores of another model and that model, everything else as it was."""
    again = plain(_scored(measurements_from_record(record), scores, scoring_model))
    return {**record, **_rescored_review(record, scoring_model), **again}


def _scored(measurements: Mapping[str, Measurement], scores: Scores, model: ScoringModel) -> dict[str, Any]:
    """The parts of a record that depend on the scoring model and its profile."""
    return {
        "verdict": _fields(scores.verdict),
        "profile": _fields(model.profile, "id", "name"),
        "overall": _overall(scores.overall),
        "categories": {c.id: _category(c, scores.categories[c.id], model.weights[c.id]) for c in CATEGORIES},
        "iqms": {m.id: iqm_entry(measurements[m.id], model.profile) for m in IQMS},
        "scoring_model": _scoring_model(model),
        "error_model": error_model().version,
    }


def _rescored_review(record: Mapping[str, Any], scoring_model: ScoringModel) -> dict[str, Any]:
    """The kept review with the scores that the measurements before any correction have by another model."""
    from HeadCTIQALib.scoring import score

    review = record.get("review")
    if review is None:
        return {}
    original = review["original"]
    measurements = measurements_from_record({"iqms": {**record["iqms"], **original["iqms"]}})
    again = {
        "iqms": {id_: iqm_entry(measurements[id_], scoring_model.profile) for id_ in original["iqms"]},
        "scores": scores_only(score(measurements, scoring_model)),
    }
    return {"review": {**review, "original": {**original, **plain(again, decimals=_FINER["review"])}}}


def scores_only(scores: Scores) -> dict[str, Any]:
    """Bare numbers: overall and by category, None where withheld."""
    return {
        "overall": _points(scores.overall.score),
        "categories": {c: _points(s.score) for c, s in scores.categories.items()},
    }


def _points(score: float | None) -> float | None:
    """A score to the record's decimals also where all else is kept to more: its last ones change with those of the value."""
    return None if score is None else round(score, DECIMALS)


def _ends(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    """An interval of points to the record's decimals, as :func:`_points`."""
    return None if interval is None else (round(interval[0], DECIMALS), round(interval[1], DECIMALS))


def plain(value: Any, where: str = "record", decimals: int = DECIMALS) -> Any:
    """``value`` in JSON types: tuples and arrays as lists, numbers finite and rounded to ``decimals``.

    Raises:
        ValueError: not a finite number, named by where it stands.
        TypeError: something that has no form in JSON.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic):
        value = value.item()
        return plain(value, where, decimals)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}")
        return round(value, decimals) + 0.0  # no negative zero
    if isinstance(value, Mapping):
        return {str(k): plain(v, f"{where}.{k}", max(decimals, _FINER.get(str(k), 0))) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v, f"{where}[{n}]", decimals) for n, v in enumerate(value)]
    raise TypeError(f"{where} is a {type(value).__name__}")


def measurements_from_record(record: Mapping[str, Any]) -> dict[str, Measurement]:
    """The measurements in a record, e.g. to score them by another model without scan or findings."""
    return {
        id_: Measurement(
            id_,
            value=entry["value"],
            status=entry["status"],
            reason=entry["reason"],
            method=entry["method"],
            details=dict(entry["details"]),
            flags=tuple(entry["flags"]),
            evidence=_evidence(entry["evidence"]),
            bound=entry["bound"],
            judged=entry["judged"],
            ceiling=entry["ceiling"],
            ceiling_reason=entry["ceiling_reason"],
            quantiles=None if entry["quantiles"] is None else tuple(entry["quantiles"]),
        )
        for id_, entry in record["iqms"].items()
    }


def iqm_entry(measurement: Measurement, profile: Profile) -> dict[str, Any]:
    """One measurement as the record keeps it, with the score of its item by ``profile``."""
    from HeadCTIQALib.scoring import item

    iqm, knots = IQM_BY_ID[measurement.iqm], profile.knots[measurement.iqm]
    scored = item(measurement.iqm, measurement, profile)
    told = Advice() if scored.left_out else advice(measurement, knots, scored.judged, profile.baseline_target_deg)
    return {
        "value": measurement.value,
        "interval": measurement.interval,
        "quantiles": measurement.quantiles,
        "unit": iqm.unit,
        "status": measurement.status,
        "reason": measurement.reason,
        "band": scored.band,
        **{name: _points(getattr(scored, name)) for name in ("score", "at_least", "at_most")},
        "score_interval": _ends(scored.interval),
        "scored": not scored.left_out,
        "bound": measurement.bound,
        "judged": measurement.judged,
        "read_at": scored.judged,
        "ceiling": measurement.ceiling,
        "ceiling_reason": measurement.ceiling_reason,
        "advice": _fields(told),
        "knots": knots,
        "method": measurement.method,
        "details": measurement.details,
        "flags": measurement.flags,
        "evidence": None if measurement.evidence is None else _fields(measurement.evidence),
        "title": iqm.title,
        "symbol": iqm.symbol,
        "category": iqm.category,
        "item": iqm.item,
        "item_title": iqm.item_title,
        "direction": iqm.direction,
        "ranges": range_words(knots),
        "definition": iqm.definition,
        "source": iqm.source,
    }


def _category(category: Category, scored: Score, weight: float) -> dict[str, Any]:
    return {"title": category.title, "weight": weight, **_score(scored)}


def _scoring_model(model: ScoringModel) -> dict[str, Any]:
    """The model by name, and in full, so that a corrected assessment is scored by the same one again."""
    from HeadCTIQALib.scoring.storage import to_json

    named = {**_fields(model, "id", "name", "kind"), "provenance": dict(model.provenance)}
    return {**named, "definition": to_json(model)}


def _overall(scored: Score) -> dict[str, Any]:
    by_iqm = [_contribution(c) for c in scored.contributions_by_iqm]
    return {
        **_score(scored),
        "contributions_by_iqm": by_iqm,
        "base_by_iqm": scored.base_by_iqm,
        "limit": _limit(scored),
    }


def _limit(scored: Score) -> dict[str, Any] | None:
    if scored.limit is None:
        return None
    title = IQM_BY_ID[scored.limit.source_id].item_title
    return {
        "points": scored.limit.points,
        "iqm": scored.limit.source_id,
        "sentence": f"Limited by {title[:1].lower()}{title[1:]}.",
    }


def _score(scored: Score) -> dict[str, Any]:
    return {
        "score": scored.score,
        "interval": scored.interval,
        "band": scored.band,
        "withheld_reason": scored.withheld_reason,
        "at_least": scored.at_least,
        "at_most": scored.at_most,
        "base": scored.base,
        "contributions": [_contribution(c) for c in scored.contributions],
    }


def _contribution(contribution: Contribution) -> dict[str, Any]:
    return _fields(contribution, "source_id", "points", "coefficient", "feature", "feature_value")


def _input(volume: CTVolume) -> dict[str, Any]:
    source = volume.source
    uid = source.series_uid
    acquisition = dataclasses.asdict(volume.acquisition)
    age = acquisition["patient_age_years"]
    acquisition["patient_age_years"] = None if age is None else min(float(age), _OLDEST_AGE)
    gaps = np.diff(volume.slice_positions)
    return {
        "kind": source.kind,
        "name": source.name,
        "series_uid_sha256": None if uid is None else hashlib.sha256(uid.encode()).hexdigest()[:16],
        "sha256": source.sha256,
        "chosen_because": source.chosen_because,
        "shape": volume.shape,
        "spacing_mm": {
            "row": volume.pixel_spacing[0],
            "column": volume.pixel_spacing[1],
            "slice_median": float(np.median(gaps)) if len(gaps) else None,
            "slice_min": float(gaps.min()) if len(gaps) else None,
            "slice_max": float(gaps.max()) if len(gaps) else None,
        },
        "geometry": {
            "first_origin_ras": volume.origins[0],
            "last_origin_ras": volume.origins[-1],
            "row_step_ras": volume.row_step,
            "column_step_ras": volume.col_step,
            "normal_ras": volume.k,
            "slice_positions_mm": volume.slice_positions,
        },
        "acquisition": acquisition,
        "lost": [dataclasses.asdict(x) for x in volume.lost],
    }


def _findings(findings: Findings) -> dict[str, Any]:
    from HeadCTIQALib.findings import LANDMARK_TITLES

    def landmark(id_: str, point: Landmark) -> dict[str, Any]:
        return {"title": LANDMARK_TITLES.get(id_, id_), **_fields(point)}

    return {
        "methods": findings.methods,
        "notes": findings.notes,
        "not_assessable": findings.not_assessable,
        "landmarks": {id_: landmark(id_, point) for id_, point in findings.landmarks.items()},
        "midsagittal": None if findings.midsagittal is None else _fields(findings.midsagittal),
        "motion_grades": findings.motion_grades,
        "motion_index": None if findings.motion_index is None else per_slice(findings.motion_index),
        "motion_probability": None if findings.motion_probability is None else per_slice(findings.motion_probability),
        "streak_searched": findings.streak is not None,
    }


def _warnings(volume: CTVolume) -> list[str]:
    from HeadCTIQALib.volume.checks import UNDER_AGE, is_under_age

    told = UNDER_AGE in volume.warnings  # not by check() when the volume comes from 3D Slicer
    return [*volume.warnings, *([UNDER_AGE] if is_under_age(volume) and not told else [])]


def _software() -> dict[str, Any]:
    return {
        "name": "HeadCTIQA",
        "version": __version__,
        "python": platform.python_version(),
        "packages": dict(_packages()),
    }


@functools.cache
def _packages() -> tuple[tuple[str, str], ...]:
    """Versions of what is installed; looking them up takes longer than the rest of a record."""
    packages = []
    for name in PACKAGES:
        try:
            packages.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue  # e.g. no torch where findings are only reviewed
    return tuple(packages)


def _fields(value: Any, *names: str) -> dict[str, Any]:
    """The named attributes of a dataclass instance, all of them by default; not copied."""
    return {name: getattr(value, name) for name in names or [f.name for f in dataclasses.fields(value)]}


def per_slice(values: Iterable[float]) -> list[float | None]:
    """A per-slice list in which a slice without a value is null, as JSON knows no NaN."""
    return [float(x) if math.isfinite(x) else None for x in values]


def _evidence(entry: Mapping[str, Any] | None) -> Evidence | None:
    if entry is None:
        return None
    plane = entry["plane"]
    return Evidence(
        view=entry["view"],
        slice_index=entry["slice_index"],
        window=(entry["window"][0], entry["window"][1]),
        points={name: _point(p) for name, p in entry["points"].items()},
        lines=tuple((_point(a), _point(b)) for a, b in entry["lines"]),
        plane=None if plane is None else (_point(plane[0]), _point(plane[1])),
        masks=tuple(entry["masks"]),
        slices=tuple(entry["slices"]),
        caption=entry["caption"],
    )


def _point(values: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = values
    return x, y, z
