"""The part of a record that keeps a review: the edits, and what they replaced, so that everything can be taken back later.

"review": {
    "edits":    every edit in force, oldest first (label changes as compressed runs),
    "original": measurements of the corrected IQMs, scores, and every finding that an edit replaced
}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from HeadCTIQALib.findings.types import Findings, Tissue
from HeadCTIQALib.metrics import Measurement
from HeadCTIQALib.metrics.extras import Extra
from HeadCTIQALib.scoring import Profile, ScoringModel
from HeadCTIQALib.scoring.storage import from_json
from HeadCTIQALib.volume.limits import refuse_endless
from HeadCTIQALib.volume.types import Acquisition, CTVolume

from .edits import Edit, LandmarkChange, StreakChange, TissueChange, landmark_from_json, plane_of
from .inputs import STREAK
from .labels import LabelChange
from .record import iqm_entry, measurements_from_record, per_slice, scores_only

if TYPE_CHECKING:
    from HeadCTIQALib.scoring import Scores

    from .remeasure import Remeasure, State


def review_block(work: Remeasure, state: State, scores: Scores, profile: Profile) -> dict[str, Any] | None:
    """What the record keeps of a review, or None when nothing is corrected; ``scores`` are those before any edit."""
    if not state.edits:
        return None
    original, now = work.original, state.findings
    concerned = {c.iqm for c in work.corrections(state)}
    block: dict[str, Any] = {
        "iqms": {id_: iqm_entry(m, profile) for id_, m in work.original_measurements.items() if id_ in concerned},
        "scores": scores_only(scores),
    }
    changes = [e.change for e in state.edits]
    if tissue := [c.labels for c in changes if isinstance(c, TissueChange)]:
        block["tissue"] = _back(now.tissue, original.tissue, tissue).to_json()
    if streak := [c.labels for c in changes if isinstance(c, StreakChange)]:
        block["streak"] = None if original.streak is None else _back(_bytes(now), _bytes(original), streak).to_json()
    points = {id_ for c in changes if isinstance(c, LandmarkChange) for id_ in c.landmarks}
    if points:
        block["landmarks"] = {
            id_: asdict(original.landmarks[id_]) if id_ in original.landmarks else None for id_ in sorted(points)
        }
    if now.midsagittal != original.midsagittal:
        block["midsagittal"] = None if original.midsagittal is None else asdict(original.midsagittal)
    if now.motion_grades is not original.motion_grades:
        block["motion_grades"] = None if original.motion_grades is None else per_slice(original.motion_grades)
    if now.not_assessable != original.not_assessable:
        block["not_assessable"] = dict(original.not_assessable)
    return {"edits": [e.to_json() for e in state.edits], "original": block}


def stored_edits(record: Mapping[str, Any], volume: CTVolume, name: str) -> tuple[Edit, ...]:
    """The edits in a record; ``name`` is what messages call them.

    Raises:
        ValueError, CorrectionError: they do not fit the scan.
        InputError: they are more than can be replayed while a person waits.
    """
    review = record.get("review")
    if review is None:
        return ()
    entries, old = review["edits"], review["original"]
    painted = [e["change"] for e in entries if e["finding"] in ("tissue", STREAK)] + [
        old[n] for n in ("tissue", STREAK) if old.get(n)
    ]
    refuse_endless(
        name, len(entries), sum(c["runs"] for c in painted), sum(c["voxels"] for c in painted), volume.hu.size
    )
    return tuple(Edit.from_json(e, volume) for e in entries)


def original_findings(record: Mapping[str, Any], now: Findings) -> Findings:
    """The findings before any edit, from those with the edits (``now``) and what the record says they replaced.

    Raises:
        ValueError: label changes that do not fit the scan.
    """
    if record.get("review") is None:
        return now
    old = record["review"]["original"]
    changes: dict[str, Any] = {}
    if "tissue" in old:
        changes["tissue"] = _put_back(now.tissue, old["tissue"], max(Tissue))
    if "streak" in old:
        changes["streak"] = None if old["streak"] is None else _put_back(_bytes(now), old["streak"], 1).view(bool)
    if "landmarks" in old:
        marks = dict(now.landmarks)
        for id_, entry in old["landmarks"].items():
            marks.pop(id_, None)
            if entry is not None:
                marks[id_] = landmark_from_json(entry)
        changes["landmarks"] = marks
    if "midsagittal" in old:
        changes["midsagittal"] = None if old["midsagittal"] is None else plane_of(old["midsagittal"])
    if "motion_grades" in old:
        changes["motion_grades"] = None if old["motion_grades"] is None else np.array(old["motion_grades"], np.int8)
    if "not_assessable" in old:
        changes["not_assessable"] = dict(old["not_assessable"])
    return now.with_(**changes)


def original_measurements(record: Mapping[str, Any]) -> dict[str, Measurement]:
    """The ten measurements before any edit."""
    review = record.get("review")
    return measurements_from_record(
        record if review is None else {"iqms": {**record["iqms"], **review["original"]["iqms"]}}
    )


def stored_extras(record: Mapping[str, Any]) -> tuple[Extra, ...]:
    """The report-only numbers in a record."""
    return tuple(Extra(**entry) for entry in record["extras"])


def stored_context(volume: CTVolume, record: Mapping[str, Any]) -> CTVolume:
    """``volume`` with the acquisition in the record where it brings none itself (a volume in a 3D Slicer scene has no tags)."""
    if volume.acquisition != Acquisition():
        return volume
    names = {f.name for f in fields(Acquisition)}  # another version may have kept more
    known = {name: value for name, value in record["input"]["acquisition"].items() if name in names}
    if known.get("isocentre_ras") is not None:
        known["isocentre_ras"] = tuple(known["isocentre_ras"])
    return replace(volume, acquisition=Acquisition(**known))


def model_of(record: Mapping[str, Any]) -> ScoringModel:
    """The scoring model that a record was scored by, as the record itself describes it.

    Raises:
        ModelError: the description is damaged.
    """
    return from_json(record["scoring_model"]["definition"])


def _bytes(findings: Findings) -> Any:
    """The streak mask as bytes, empty where there is none."""
    return np.zeros(findings.tissue.shape, np.uint8) if findings.streak is None else findings.streak.view(np.uint8)


def _back(now: Any, original: Any, changes: Sequence[LabelChange]) -> LabelChange:
    """What turns ``now`` into ``original`` again; only slices that ``changes`` painted are compared."""
    painted = [c.slices(now.shape) for c in changes if c.size]
    if not painted:
        return LabelChange.between(now, original, range(0))
    return LabelChange.between(now, original, range(min(s.start for s in painted), max(s.stop for s in painted)))


def _put_back(now: Any, entry: Mapping[str, Any], largest: int) -> Any:
    change = LabelChange.from_json(entry, now.size, largest)
    array = now.copy()
    for piece in change.pieces():
        array.reshape(-1)[piece.indices()] = piece.voxel_values()
    return array
