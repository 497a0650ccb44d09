"""What a record must be beyond its types, so that whatever reads it may rely on it: its parts fit one scan."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from HeadCTIQALib.volume.limits import MAX_BYTES, MAX_SLICES

if TYPE_CHECKING:
    from .judged import EvidenceEntry
    from .types import Record

_SMALLEST_STEP_MM = 1e-3
_LONGEST_STEP_MM = 1e3


def contradiction(record: Record) -> str | None:
    """Where a record first contradicts itself ("input.geometry.normal_ras"), or None."""
    return next(_contradictions(record), None)


def _contradictions(record: Record) -> Iterator[str]:
    slices, rows, columns = record.input.shape
    if slices > MAX_SLICES or 2 * slices * rows * columns > MAX_BYTES:
        yield "input.shape"
    geometry = record.input.geometry
    positions = geometry.slice_positions_mm
    if len(positions) != slices or any(b <= a for a, b in pairwise(positions)):
        yield "input.geometry.slice_positions_mm"
    for name, step in (("row_step_ras", geometry.row_step_ras), ("column_step_ras", geometry.column_step_ras)):
        if not _SMALLEST_STEP_MM <= math.hypot(*step) <= _LONGEST_STEP_MM:
            yield f"input.geometry.{name}"
    if not _is_unit(geometry.normal_ras):
        yield "input.geometry.normal_ras"
    findings = record.findings
    for name in ("motion_grades", "motion_index", "motion_probability"):
        values = getattr(findings, name)
        if isinstance(values, tuple) and len(values) != slices:
            yield f"findings.{name}"
    if findings.midsagittal is not None and not _is_unit(findings.midsagittal.normal):
        yield "findings.midsagittal.normal"
    for id_, entry in record.iqms.items():
        if entry.evidence is not None and not _fits(entry.evidence, slices):
            yield f"iqms.{id_}.evidence"
    if record.review:
        old = record.review.original
        if isinstance(old.motion_grades, tuple) and len(old.motion_grades) != slices:
            yield "review.original.motion_grades"
        if old.midsagittal and not _is_unit(old.midsagittal.normal):
            yield "review.original.midsagittal.normal"
        for id_, entry in old.iqms.items():
            if entry.evidence is not None and not _fits(entry.evidence, slices):
                yield f"review.original.iqms.{id_}.evidence"


def _fits(evidence: EvidenceEntry, slices: int) -> bool:
    shown = [*evidence.slices, *([] if evidence.slice_index is None else [evidence.slice_index])]
    return (
        all(s < slices for s in shown)
        and evidence.window[1] > 0
        and (evidence.plane is None or _is_unit(evidence.plane[1]))
    )


def _is_unit(vector: Sequence[float]) -> bool:
    return abs(math.hypot(*vector) - 1) < 1e-2
