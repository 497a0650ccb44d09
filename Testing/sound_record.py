"""Records for tests that care about a few fields only: what is not given is filled in, and everything is read as from a file."""

from __future__ import annotations

import copy
from typing import Any

from HeadCTIQALib.curve import range_words
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS
from HeadCTIQALib.record import SCHEMA, Record, check_record
from HeadCTIQALib.record.build import _input
from HeadCTIQALib.record.rounding import plain
from HeadCTIQALib.volume.types import CTVolume

EVIDENCE = {
    "view": "axial", "slice_index": None, "window": [40.0, 80.0], "points": {}, "lines": [], "plane": None, "masks": [], "slices": [], "caption": "",
}  # fmt: skip
LANDMARK = {"title": "A point", "confidence": 0.9, "in_scan": True, "source": "network", "spread_mm": None}
CONTRIBUTION = {"coefficient": 1.0, "feature": "item below 100", "feature_value": 0.0}


def sound(content: dict[str, Any], volume: CTVolume | None = None) -> Record:
    """The record with ``content``, of which only sound values are needed; ``volume`` gives the geometry, where it is not given.

    Raises:
        InputError: it contradicts itself or the types.
    """
    given = copy.deepcopy(content)
    record: dict[str, Any] = {
        "schema": SCHEMA, "created": "2026-01-01T00:00:00Z", "research_use": "For research use only.",
        "software": {"name": "HeadCTIQA", "version": "0", "python": "3", "packages": {}}, "error_model": "1", "extras": [],
        "corrections": [], "models": [], "warnings": [], "timings": {}, **given,
    }  # fmt: skip
    known = {} if volume is None else plain(_input(volume))
    scan = {**known, **given.get("input", {})}
    record["input"] = {**scan, "acquisition": {**known.get("acquisition", {}), **scan.get("acquisition", {})}}
    record["verdict"] = {
        "band": None,
        "limiting": [],
        "sentence": "A verdict.",
        "brain_complete": None,
        **_ends(given.get("verdict", {}), None),
    }
    record["profile"] = {"id": "default", "name": "Default", **given.get("profile", {})}
    model = {"id": "guideline", "name": "Guideline model", "kind": "guideline", "provenance": {}, "definition": {}}
    record["scoring_model"] = {**model, **given.get("scoring_model", {})}
    overall = {"contributions_by_iqm": [], "base_by_iqm": 100.0, "limit": None, **given.get("overall", {})}
    overall["contributions_by_iqm"] = _contributions(overall["contributions_by_iqm"])
    record["overall"] = _score(overall)
    categories = given.get("categories", {})
    record["categories"] = {
        c.id: _score({"title": c.title, "weight": c.weight, **categories.get(c.id, {})}) for c in CATEGORIES
    }
    record["iqms"] = {m.id: _iqm(m, given.get("iqms", {}).get(m.id, {})) for m in IQMS}
    found = {
        "methods": {}, "notes": [], "not_assessable": {}, "midsagittal": None, "motion_grades": None, "motion_index": None,
        "streak_searched": True, "landmarks": {}, **given.get("findings", {}),
    }  # fmt: skip
    record["findings"] = {**found, "landmarks": {n: {**LANDMARK, **p} for n, p in found["landmarks"].items()}}
    return check_record(plain(record, decimals=12), "of a test")


def _iqm(m: Any, entry: dict[str, Any]) -> dict[str, Any]:
    value = entry.get("value")
    knots = entry.get("knots") or [list(k) for k in m.knots]
    filled = {
        "value": None, "interval": None, "quantiles": None, "unit": m.unit, "status": "not_assessable" if value is None else "measured",
        "reason": "" if value is not None else "Nothing was seen.", "band": None, "score": None, "score_interval": None, "scored": True,
        "bound": None, "judged": None, "read_at": value, "ceiling": 100.0, "ceiling_reason": "",
        "advice": {"instruction": "", "counterfactual": ""}, "knots": knots, "method": "", "details": {}, "flags": [], "title": m.title,
        "symbol": m.symbol, "category": m.category, "item": m.item, "item_title": m.item_title, "direction": m.direction,
        "ranges": range_words(tuple((x, y) for x, y in knots)), "definition": m.definition, "source": m.source, **_ends(entry, entry.get("score")),
    }  # fmt: skip
    evidence = entry.get("evidence")
    return {**filled, "evidence": None if evidence is None else {**EVIDENCE, **evidence}}


def _score(entry: dict[str, Any]) -> dict[str, Any]:
    score = entry.get("score")
    reason = "It is withheld." if score is None else ""
    filled = {
        "score": None,
        "interval": None,
        "band": None,
        "withheld_reason": reason,
        "base": 100.0,
        "contributions": [],
        **_ends(entry, score),
    }
    return {
        **filled,
        "withheld_reason": filled["withheld_reason"] or reason,
        "contributions": _contributions(filled["contributions"]),
    }


def _ends(entry: dict[str, Any], score: float | None) -> dict[str, Any]:
    low, high = (0.0, 100.0) if score is None else (score, score)
    return {"at_least": low, "at_most": high, **entry}


def _contributions(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**CONTRIBUTION, **part} for part in parts]
