"""The part of a record that keeps a review: the edits, and what they replaced, so that everything can be taken back later.

"review": {
    "edits":    every edit in force, oldest first (label changes as compressed runs),
    "original": measurements of the corrected IQMs, scores, and every finding that an edit replaced
}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import UNSET, UnsetType

from HeadCTIQALib.findings.types import Findings, Tissue
from HeadCTIQALib.metrics.extras import Extra
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.base import like
from HeadCTIQALib.record.build import per_slice
from HeadCTIQALib.record.found import BareLandmark, PlaneEntry
from HeadCTIQALib.record.measured import acquisition_of, iqm_entry
from HeadCTIQALib.record.reviewed import LabelRuns, Original, ReviewEntry
from HeadCTIQALib.record.scored import scores_only
from HeadCTIQALib.scoring import Profile
from HeadCTIQALib.volume.limits import refuse_endless
from HeadCTIQALib.volume.types import Acquisition, CTVolume

from .edits import Edit, LandmarkChange, StreakChange, TissueChange, landmark_of, plane_of
from .labels import LabelChange

if TYPE_CHECKING:
    from HeadCTIQALib.scoring import Scores

    from .remeasure import Remeasure, State


def review_block(work: Remeasure, state: State, scores: Scores, profile: Profile) -> ReviewEntry | UnsetType:
    """What the record keeps of a review, nothing when nothing is corrected; ``scores`` are those before any edit."""
    if not state.edits:
        return UNSET
    original, now = work.original, state.findings
    concerned = {c.iqm for c in work.corrections(state)}
    changes = [e.change for e in state.edits]
    replaced: dict[str, Any] = {}
    if tissue := [c.labels for c in changes if isinstance(c, TissueChange)]:
        replaced["tissue"] = _back(now.tissue, original.tissue, tissue).to_record()
    if streak := [c.labels for c in changes if isinstance(c, StreakChange)]:
        back = None if original.streak is None else _back(_bytes(now), _bytes(original), streak).to_record()
        replaced["streak"] = back
    if points := {id_ for c in changes if isinstance(c, LandmarkChange) for id_ in c.landmarks}:
        marks = original.landmarks
        replaced["landmarks"] = {
            id_: like(BareLandmark, marks[id_]) if id_ in marks else None for id_ in sorted(points)
        }
    if now.midsagittal != original.midsagittal:
        plane = original.midsagittal
        replaced["midsagittal"] = None if plane is None else like(PlaneEntry, plane)
    if now.motion_grades is not original.motion_grades:
        grades = original.motion_grades
        replaced["motion_grades"] = None if grades is None else per_slice(grades)
    if now.not_assessable != original.not_assessable:
        replaced["not_assessable"] = dict(original.not_assessable)
    iqms = {id_: iqm_entry(m, profile) for id_, m in work.original_measurements.items() if id_ in concerned}
    return ReviewEntry(
        edits=tuple(e.to_record() for e in state.edits),
        original=Original(iqms=iqms, scores=scores_only(scores), **replaced),
    )


def stored_edits(record: Record, volume: CTVolume, name: str) -> tuple[Edit, ...]:
    """The edits in a record; ``name`` is what messages call them.

    Raises:
        ValueError, CorrectionError: they do not fit the scan.
        InputError: they are more than can be replayed while a person waits.
    """
    if not record.review:
        return ()
    entries, old = record.review.edits, record.review.original
    painted = [c for c in (*(e.change for e in entries), old.tissue, old.streak) if isinstance(c, LabelRuns)]
    refuse_endless(name, len(entries), sum(c.runs for c in painted), sum(c.voxels for c in painted), volume.hu.size)
    return tuple(Edit.from_record(e, volume) for e in entries)


def original_findings(record: Record, now: Findings) -> Findings:
    """The findings before any edit, from those with the edits (``now``) and what the record says they replaced.

    Raises:
        ValueError: label changes that do not fit the scan.
    """
    if not record.review:
        return now
    old = record.review.original
    changes: dict[str, Any] = {}
    if old.tissue:
        changes["tissue"] = _put_back(now.tissue, old.tissue, max(Tissue))
    if old.streak is not UNSET:
        changes["streak"] = None if old.streak is None else _put_back(_bytes(now), old.streak, 1).view(bool)
    if old.landmarks is not UNSET:
        marks = dict(now.landmarks)
        for id_, entry in old.landmarks.items():
            marks.pop(id_, None)
            if entry is not None:
                marks[id_] = landmark_of(entry)
        changes["landmarks"] = marks
    if old.midsagittal is not UNSET:
        changes["midsagittal"] = None if old.midsagittal is None else plane_of(old.midsagittal)
    if old.motion_grades is not UNSET:
        changes["motion_grades"] = None if old.motion_grades is None else np.array(old.motion_grades, np.int8)
    if old.not_assessable is not UNSET:
        changes["not_assessable"] = dict(old.not_assessable)
    return now.with_(**changes)


def stored_extras(record: Record) -> tuple[Extra, ...]:
    """The report-only numbers in a record."""
    return tuple(Extra(e.id, e.title, e.value, e.unit, e.reason, e.source) for e in record.extras)


def stored_context(volume: CTVolume, record: Record) -> CTVolume:
    """``volume`` with the acquisition in the record where it brings none itself (a volume in a 3D Slicer scene has no tags)."""
    if volume.acquisition != Acquisition():
        return volume
    return replace(volume, acquisition=acquisition_of(record.input.acquisition))


def _bytes(findings: Findings) -> Any:
    """The streak mask as bytes, empty where there is none."""
    return np.zeros(findings.tissue.shape, np.uint8) if findings.streak is None else findings.streak.view(np.uint8)


def _back(now: Any, original: Any, changes: Sequence[LabelChange]) -> LabelChange:
    """What turns ``now`` into ``original`` again; only slices that ``changes`` painted are compared."""
    painted = [c.slices(now.shape) for c in changes if c.size]
    if not painted:
        return LabelChange.between(now, original, range(0))
    return LabelChange.between(now, original, range(min(s.start for s in painted), max(s.stop for s in painted)))


def _put_back(now: Any, entry: LabelRuns, largest: int) -> Any:
    change = LabelChange.from_record(entry, now.size, largest)
    array = now.copy()
    for piece in change.pieces():
        array.reshape(-1)[piece.indices()] = piece.voxel_values()
    return array
