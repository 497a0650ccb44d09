"""Records of earlier versions: brought to the present form with the intervals that they lack.

Those of version 1.0 are scored anew by the guideline model, as their curves are no longer in use; those of 1.1 by their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from HeadCTIQALib.curve import score_text
from HeadCTIQALib.metrics.uncertainty import Mark, Scene, artefact_of, beyond, spacing_of, tilt_of, with_quantiles

from .record import SCHEMA, measurements_from_record, rescored_record
from .review_record import model_of

FIRST = "headctiqa-assessment/1.0"
EARLIER = (FIRST, "headctiqa-assessment/1.1")
_RANGES = re.compile(r"; (?:good|acceptable) (?:from|up to|below|above) .*?\.(?=\s|$)")
_UNSAID = {"bound": None, "judged": None, "ceiling": 100.0, "ceiling_reason": ""}


def upgraded(record: Mapping[str, Any]) -> dict[str, Any]:
    """A sound record of an :data:`EARLIER` version in the present form; one of version 1.0 with a note about its scores among the warnings.

    Raises:
        ModelError: the description of its scoring model is damaged.
    """
    from HeadCTIQALib.scoring import guideline_model, score

    first = record["schema"] == FIRST
    now = {**record, "schema": SCHEMA, "iqms": _with_new_fields(record["iqms"], first)}
    if first:
        now["warnings"] = [*record["warnings"], _note(record)]
    if "review" in record:
        original = record["review"]["original"]
        now["review"] = {
            **record["review"],
            "original": {**original, "iqms": _with_new_fields(original["iqms"], first)},
        }
    model = guideline_model() if first else model_of(record)
    measured = with_quantiles(measurements_from_record(now), scene_of_record(now))
    for id_, m in measured.items():
        now["iqms"][id_]["quantiles"] = m.quantiles
    return rescored_record(now, score(measured, model), model)


def scene_of_record(record: Mapping[str, Any]) -> Scene:
    """As :func:`HeadCTIQALib.metrics.uncertainty.scene_of`, of a stored assessment."""
    geometry, found = record["input"]["geometry"], record["findings"]
    z, k = np.array(geometry["slice_positions_mm"], float), np.array(geometry["normal_ras"], float)
    marks = {
        name: Mark(mark["confidence"], beyond(float(np.array(mark["position"], float) @ k), z), mark["in_scan"])
        for name, mark in found["landmarks"].items()
    }
    plane = found["midsagittal"]
    values = {i: entry["value"] for i, entry in record["iqms"].items()}
    return Scene(
        spacing_of(z),
        tilt_of(k),
        values["noise"],
        artefact_of(values),
        marks,
        None if plane is None else plane["confidence"],
    )


def _with_new_fields(iqms: Mapping[str, Any], first: bool) -> dict[str, Any]:
    if not first:
        return {id_: {**entry, "quantiles": None} for id_, entry in iqms.items()}
    return {
        id_: {**entry, **_UNSAID, "quantiles": None, "evidence": _without_ranges(entry["evidence"])}
        for id_, entry in iqms.items()
    }


def _without_ranges(evidence: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Evidence whose caption no longer ends with ranges, which were those of the earlier version."""
    return None if evidence is None else {**evidence, "caption": _RANGES.sub(".", evidence["caption"])}


def _note(record: Mapping[str, Any]) -> str:
    overall, model = record["overall"], record["scoring_model"]
    before = "was withheld" if overall["score"] is None else f"was {score_text(overall['score'])}"
    fitted = "" if model["kind"] == "guideline" else f' by the model "{model["name"]}", which has to be fitted again'
    return f"This assessment was made by an earlier version and is scored again by the present guideline model; the overall score {before}{fitted}."
