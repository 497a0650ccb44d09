"""From what the rooms found to the record.

Numbers are rounded, never NaN, and the same scan assessed twice gives the same record apart from ``created`` and
``timings``.  It carries no patient identifiers: of the series UID only a hash, which tells two series apart but leads
back to neither.
"""

from __future__ import annotations

import functools
import hashlib
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from HeadCTIQALib import RESEARCH_USE, __version__
from HeadCTIQALib.geometry import point

from .base import like
from .found import FindingsEntry, LandmarkEntry, PlaneEntry
from .rounding import rounded
from .scan import AcquisitionEntry, Geometry, Input, LostEntry, Software, Spacing
from .scored import scored_parts
from .types import SCHEMA, CorrectionEntry, ExtraEntry, Network, Record

if TYPE_CHECKING:
    from HeadCTIQALib.findings import Findings
    from HeadCTIQALib.metrics.extras import Extra
    from HeadCTIQALib.metrics.types import Measurement
    from HeadCTIQALib.scoring import Scores, ScoringModel
    from HeadCTIQALib.volume import CTVolume

    from .reviewed import ReviewEntry

PACKAGES = ("numpy", "scipy", "pydicom", "python-gdcm", "SimpleITK", "pynrrd", "onnxruntime", "torch", "monai")
_OLDEST_AGE = 90.0  # ages above 89 identify people (HIPAA safe harbour) and are all written as 90


def build_record(
    volume: CTVolume,
    findings: Findings,
    measurements: Mapping[str, Measurement],
    extras: Iterable[Extra],
    scores: Scores,
    scoring_model: ScoringModel,
    models: Sequence[Network],
    corrections: Sequence[object],
    timings: Mapping[str, float],
    review: ReviewEntry | UnsetType = UNSET,
) -> Record:
    """The record of one assessment.

    Args:
        corrections: :class:`~HeadCTIQALib.assessment.correction.Correction` of every correction in force.
        review: what is kept of corrections, so that they can be taken back.

    Raises:
        ValueError: a number that is not finite reached the record, which is a bug further up.
    """
    record = Record(
        schema=SCHEMA,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        research_use=RESEARCH_USE,
        software=_software(),
        input=_input(volume),
        **scored_parts(measurements, scores, scoring_model),
        extras=tuple(like(ExtraEntry, extra) for extra in extras),
        findings=_findings(findings),
        corrections=tuple(like(CorrectionEntry, c) for c in corrections),
        models=tuple(models),
        warnings=_warnings(volume),
        timings={stage: round(seconds, 2) for stage, seconds in timings.items()},
        review=review,
    )
    return rounded(record)


def networks_of(models: Iterable[Mapping[str, Any]]) -> tuple[Network, ...]:
    """What is kept of the networks that took part, from their descriptions."""
    return tuple(msgspec.convert(dict(model), Network) for model in models)


def per_slice(values: Iterable[float]) -> tuple[float | None, ...]:
    """A per-slice list in which a slice without a value is null, as JSON knows no NaN."""
    return tuple(float(x) if math.isfinite(x) else None for x in values)


def _input(volume: CTVolume) -> Input:
    source, acquisition = volume.source, volume.acquisition
    uid, age = source.series_uid, acquisition.patient_age_years
    known = {name: getattr(acquisition, name) for name in AcquisitionEntry.__struct_fields__}
    known["patient_age_years"] = None if age is None else min(float(age), _OLDEST_AGE)
    gaps = np.diff(volume.slice_positions)
    return Input(
        kind=source.kind,
        name=source.name,
        series_uid_sha256=None if uid is None else hashlib.sha256(uid.encode()).hexdigest()[:16],
        sha256=source.sha256,
        chosen_because=source.chosen_because,
        shape=volume.shape,
        spacing_mm=Spacing(
            row=volume.pixel_spacing[0],
            column=volume.pixel_spacing[1],
            slice_median=float(np.median(gaps)) if len(gaps) else None,
            slice_min=float(gaps.min()) if len(gaps) else None,
            slice_max=float(gaps.max()) if len(gaps) else None,
        ),
        geometry=Geometry(
            first_origin_ras=point(volume.origins[0]),
            last_origin_ras=point(volume.origins[-1]),
            row_step_ras=point(volume.row_step),
            column_step_ras=point(volume.col_step),
            normal_ras=point(volume.k),
            slice_positions_mm=tuple(map(float, volume.slice_positions)),
        ),
        acquisition=AcquisitionEntry(**known),
        lost=tuple(like(LostEntry, lost) for lost in volume.lost),
    )


def _findings(findings: Findings) -> FindingsEntry:
    from HeadCTIQALib.findings import LANDMARK_TITLES

    def landmark(id_: str, point: object) -> LandmarkEntry:
        known = {name: getattr(point, name) for name in LandmarkEntry.__struct_fields__ if name != "title"}
        return LandmarkEntry(title=LANDMARK_TITLES.get(id_, id_), **known)

    grades, index, probability = findings.motion_grades, findings.motion_index, findings.motion_probability
    return FindingsEntry(
        methods=dict(findings.methods),
        notes=findings.notes,
        not_assessable=dict(findings.not_assessable),
        landmarks={id_: landmark(id_, point) for id_, point in findings.landmarks.items()},
        midsagittal=None if findings.midsagittal is None else like(PlaneEntry, findings.midsagittal),
        motion_grades=None if grades is None else tuple(map(int, grades)),
        motion_index=None if index is None else per_slice(index),
        motion_probability=None if probability is None else per_slice(probability),
        streak_searched=findings.streak is not None,
    )


def _warnings(volume: CTVolume) -> tuple[str, ...]:
    from HeadCTIQALib.volume.checks import UNDER_AGE, is_under_age

    told = UNDER_AGE in volume.warnings  # not by check() when the volume comes from 3D Slicer
    return (*volume.warnings, *([UNDER_AGE] if is_under_age(volume) and not told else []))


def _software() -> Software:
    packages = dict(_packages())
    return Software(name="HeadCTIQA", version=__version__, python=platform.python_version(), packages=packages)


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
