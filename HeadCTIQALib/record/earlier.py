"""Records of earlier versions: brought to the present form with the intervals that they lack.

Those of version 1.0 are scored anew by the guideline model, as their curves are no longer in use; those of 1.1 by their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from msgspec import convert

from HeadCTIQALib.curve import score_text
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.metrics.uncertainty import Mark, Scene, artefact_of, beyond, spacing_of, tilt_of, with_quantiles
from HeadCTIQALib.scoring import guideline_model, score
from HeadCTIQALib.scoring.storage import from_json

from .found import FindingsEntry
from .judged import EvidenceEntry
from .measured import evidence_of, iqm_entry
from .rounding import plain
from .scan import Input
from .scored import scored_parts, scores_only
from .types import SCHEMA, Record

FIRST = "headctiqa-assessment/1.0"
EARLIER = (FIRST, "headctiqa-assessment/1.1")
_RANGES = re.compile(r"; (?:good|acceptable) (?:from|up to|below|above) .*?\.(?=\s|$)")
_OF_REVIEW = 12  # decimals


def upgraded(content: Mapping[str, Any]) -> Record:
    """A sound record of an :data:`EARLIER` version in the present form; one of version 1.0 with a note about its scores among the warnings.

    Raises:
        ModelError: the description of its scoring model is damaged.
        msgspec.ValidationError: what all versions have in common is not sound.
    """
    first = content["schema"] == FIRST
    model = guideline_model() if first else from_json(content["scoring_model"]["definition"])
    known = {id_: _measurement(id_, entry, first) for id_, entry in content["iqms"].items()}
    measured = with_quantiles(
        known, _scene(convert(content["input"], Input), convert(content["findings"], FindingsEntry), known)
    )
    now = {**content, "schema": SCHEMA, **plain(scored_parts(measured, score(measured, model), model))}
    if first:
        now["warnings"] = [*content["warnings"], _note(content)]
    if "review" in content:
        old = content["review"]["original"]
        before = measured | {id_: _measurement(id_, entry, first) for id_, entry in old["iqms"].items()}
        again = {
            "iqms": {id_: iqm_entry(before[id_], model.profile) for id_ in old["iqms"]},
            "scores": scores_only(score(before, model)),
        }
        now["review"] = {**content["review"], "original": {**old, **plain(again, decimals=_OF_REVIEW)}}
    return convert(now, Record)


def scene_of_record(record: Record) -> Scene:
    """As :func:`HeadCTIQALib.metrics.uncertainty.scene_of`, of a stored assessment."""
    return _scene(record.input, record.findings, record.iqms)


def _scene(known: Input, found: FindingsEntry, measured: Mapping[str, Any]) -> Scene:
    z, k = np.array(known.geometry.slice_positions_mm, float), np.array(known.geometry.normal_ras, float)
    marks = {
        name: Mark(mark.confidence, beyond(float(np.array(mark.position, float) @ k), z), mark.in_scan)
        for name, mark in found.landmarks.items()
    }
    values = {id_: m.value for id_, m in measured.items()}
    plane = None if found.midsagittal is None else found.midsagittal.confidence
    return Scene(spacing_of(z), tilt_of(k), values["noise"], artefact_of(values), marks, plane)


def _measurement(id_: str, entry: Mapping[str, Any], first: bool) -> Measurement:
    """What was measured; version 1.0 knew no bounds, and evidence that ends with ranges, which were those of that version."""
    evidence = entry["evidence"] and evidence_of(convert(entry["evidence"], EvidenceEntry))
    if first and evidence:
        evidence = replace(evidence, caption=_RANGES.sub(".", evidence.caption))
    common = {name: entry[name] for name in ("value", "status", "reason", "method")}
    newer = {} if first else {name: entry[name] for name in ("bound", "judged", "ceiling", "ceiling_reason")}
    return Measurement(
        id_, **common, **newer, details=dict(entry["details"]), flags=tuple(entry["flags"]), evidence=evidence
    )


def _note(record: Mapping[str, Any]) -> str:
    overall, model = record["overall"], record["scoring_model"]
    before = "was withheld" if overall["score"] is None else f"was {score_text(overall['score'])}"
    fitted = "" if model["kind"] == "guideline" else f' by the model "{model["name"]}", which has to be fitted again'
    return f"This assessment was made by an earlier version and is scored again by the present guideline model; the overall score {before}{fitted}."
