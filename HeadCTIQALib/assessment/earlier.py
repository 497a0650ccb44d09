"""Records of an earlier version: brought to the present form, and scored anew, as their curves are no longer in use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from HeadCTIQALib.curve import score_text

from .record import SCHEMA, measurements_from_record, rescored_record

EARLIER = "headctiqa-assessment/1.0"
_RANGES = re.compile(r"; (?:good|acceptable) (?:from|up to|below|above) .*?\.(?=\s|$)")
_UNSAID = {"bound": None, "judged": None, "ceiling": 100.0, "ceiling_reason": ""}


def upgraded(record: Mapping[str, Any]) -> dict[str, Any]:
    """A sound record of version 1.0 in the present form, scored by the guideline model, with a note about it among the warnings."""
    from HeadCTIQALib.scoring import guideline_model, score

    now = {**record, "schema": SCHEMA, "iqms": _with_new_fields(record["iqms"]), "warnings": [*record["warnings"], _note(record)]}
    if "review" in record:
        original = record["review"]["original"]
        now["review"] = {**record["review"], "original": {**original, "iqms": _with_new_fields(original["iqms"])}}
    model = guideline_model()
    return rescored_record(now, score(measurements_from_record(now), model), model)


def _with_new_fields(iqms: Mapping[str, Any]) -> dict[str, Any]:
    return {id_: {**entry, **_UNSAID, "evidence": _without_ranges(entry["evidence"])} for id_, entry in iqms.items()}


def _without_ranges(evidence: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Evidence whose caption no longer ends with ranges, which were those of the earlier version."""
    return None if evidence is None else {**evidence, "caption": _RANGES.sub(".", evidence["caption"])}


def _note(record: Mapping[str, Any]) -> str:
    overall, model = record["overall"], record["scoring_model"]
    before = "was withheld" if overall["score"] is None else f"was {score_text(overall['score'])}"
    fitted = "" if model["kind"] == "guideline" else f' by the model "{model["name"]}", which has to be fitted again'
    return f"This assessment was made by an earlier version and is scored again by the present guideline model; the overall score {before}{fitted}."
