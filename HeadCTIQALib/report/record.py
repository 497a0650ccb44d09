"""Reading the assessment record for the report, tolerant of keys that are absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from HeadCTIQALib.hierarchy import IQMS

Record = Mapping[str, Any]


def at(record: Any, *keys: str, default: Any = None) -> Any:
    """The value under nested keys; ``default`` where a key is absent or holds None."""
    for key in keys:
        record = record.get(key) if isinstance(record, Mapping) else None
        if record is None:
            return default
    return record


def sentences(value: Any) -> list[str]:
    """A list of sentences from a list, one string or nothing."""
    if isinstance(value, str):
        return [value] if value else []
    return [str(v) for v in value] if isinstance(value, Iterable) else []


def points_by_source(contributions: Any) -> dict[str, float]:
    """Points of every contribution by its source, added up where a source has several features."""
    total: dict[str, float] = {}
    for c in contributions or ():
        total[str(c.get("source_id"))] = total.get(str(c.get("source_id")), 0.0) + float(c.get("points") or 0.0)
    return total


def overall_points(record: Record) -> dict[str, float]:
    """IQM id to its points in the overall score; empty where the overall score has none."""
    return points_by_source(at(record, "overall", "contributions_by_iqm"))


def category_points(record: Record, category: str) -> dict[str, float]:
    """IQM id to its points in the category's score."""
    return points_by_source(at(record, "categories", category, "contributions"))


def reasons(record: Record, most: int = 4) -> list[tuple[str, float]]:
    """The IQMs that cost most, worst first: (id, points below zero).

    Points in the overall score; where that is withheld, points in the categories that do have a score.
    """
    points = overall_points(record)
    if not points and at(record, "overall", "score") is None:
        points = {i: p for m in IQMS for i, p in category_points(record, m.category).items()}
    found = [(m.id, points[m.id]) for m in IQMS if points.get(m.id, 0.0) <= -0.05]
    return sorted(found, key=lambda pair: pair[1])[:most]


def simulated(record: Record) -> bool:
    """True when the scan, or its series description, says that it is simulated."""
    kinds = (at(record, "input", "kind", default=""), at(record, "input", "source", "kind", default=""))
    words = (at(record, "input", "acquisition", "series_description", default=""), at(record, "input", "acquisition", "series", default=""))
    return "simulated" in kinds or any("simulated" in str(w).lower() for w in words)


def scan_name(record: Record) -> str:
    """Name of the scan, without its path."""
    return str(at(record, "input", "name") or at(record, "input", "source", "name") or "unnamed scan")
