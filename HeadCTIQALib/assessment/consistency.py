"""What a record must be beyond its schema, so that whatever reads it may rely on it: its parts fit one scan."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from HeadCTIQALib.volume.limits import MAX_BYTES, MAX_SLICES

from .schema import misfit, record_schema

_SMALLEST_STEP_MM = 1e-3
_LONGEST_STEP_MM = 1e3


def fault(record: Any, version: str) -> str | None:
    """Where a record of ``version`` ("1.2") first contradicts its schema or itself ("iqms.noise.value"), or None."""
    schema = record_schema(version)
    return misfit(record, schema, schema) or next(_contradictions(record), None)


def _contradictions(record: Mapping[str, Any]) -> Iterator[str]:
    known = record["input"]
    slices, rows, columns = known["shape"]
    if slices > MAX_SLICES or 2 * slices * rows * columns > MAX_BYTES:
        yield "input.shape"
    geometry = known["geometry"]
    positions = geometry["slice_positions_mm"]
    if len(positions) != slices or any(b <= a for a, b in pairwise(positions)):
        yield "input.geometry.slice_positions_mm"
    yield from (
        f"input.geometry.{n}"
        for n in ("row_step_ras", "column_step_ras")
        if not _SMALLEST_STEP_MM <= _length(geometry[n]) <= _LONGEST_STEP_MM
    )
    if not _is_unit(geometry["normal_ras"]):
        yield "input.geometry.normal_ras"
    findings, old = record["findings"], record.get("review", {}).get("original", {})
    for name in ("motion_grades", "motion_index", "motion_probability"):
        if findings.get(name) is not None and len(findings[name]) != slices:
            yield f"findings.{name}"
    if old.get("motion_grades") is not None and len(old["motion_grades"]) != slices:
        yield "review.original.motion_grades"
    for where, plane in (("findings", findings["midsagittal"]), ("review.original", old.get("midsagittal"))):
        if plane is not None and not _is_unit(plane["normal"]):
            yield f"{where}.midsagittal.normal"
    scored = [("overall", record["overall"]), *((f"categories.{c}", s) for c, s in record["categories"].items())]
    for where, interval in [(w, s.get("interval")) for w, s in scored] + [
        (f"iqms.{i}", e.get(name)) for i, e in record["iqms"].items() for name in ("interval", "score_interval")
    ]:
        if interval is not None and interval[1] < interval[0]:
            yield f"{where}.interval"
    for where, iqms in (("iqms", record["iqms"]), ("review.original.iqms", old.get("iqms", {}))):
        for id_, entry in iqms.items():
            quantiles = entry.get("quantiles")
            if quantiles is not None and (entry["value"] is None or any(b < a for a, b in pairwise(quantiles))):
                yield f"{where}.{id_}.quantiles"
            if entry["evidence"] is not None and not _fits(entry["evidence"], slices):
                yield f"{where}.{id_}.evidence"


def _fits(evidence: Mapping[str, Any], slices: int) -> bool:
    shown = [*evidence["slices"], *([] if evidence["slice_index"] is None else [evidence["slice_index"]])]
    plane = evidence["plane"]
    return all(s < slices for s in shown) and evidence["window"][1] > 0 and (plane is None or _is_unit(plane[1]))


def _length(vector: Sequence[float]) -> float:
    return math.hypot(*vector)


def _is_unit(vector: Sequence[float]) -> bool:
    return abs(_length(vector) - 1) < 1e-2
