"""Reading the assessment record for the report, tolerant of keys that are absent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from HeadCTIQALib.curve import Knots, band_words, passing_words, score_text
from HeadCTIQALib.hierarchy import IQM, IQMS
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.report.html import in_unit
from HeadCTIQALib.scoring.types import LIMIT

Record = Mapping[str, Any]
SHOWN_POINTS = 0.05
MINUS = "\u2212"
SAME = 1e-3  # points, well above the rounding of the record: bounds that lie closer together are one score


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
    return points_by_source(
        c for c in at(record, "overall", "contributions_by_iqm", default=()) if c.get("feature") != LIMIT
    )


def limit_row(record: Record) -> tuple[str, float, str] | None:
    """What the limit above the worst category takes from the overall score: (IQM id, points below zero, sentence); None where that prints as nothing."""
    found = at(record, "overall", "limit")
    return (
        None
        if found is None or abs(found["points"]) < SHOWN_POINTS
        else (found["iqm"], found["points"], found["sentence"])
    )


def knots_of(entry: Record, iqm: IQM) -> Knots:
    """The quality curve that an IQM was judged by."""
    return tuple((x, y) for x, y in entry.get("knots") or iqm.knots)


def measured(entry: Record, iqm: IQM) -> str:
    """What was measured as printed: "at most −20.0 mm", "7.1 HU, judged as 4.4 HU at 5 mm"; never rounded into another band."""
    value = entry["value"]
    sign = "+" if iqm.direction == "margin" and value > 0 else ""
    bound = f"{entry['bound'].replace('_', ' ')} " if entry.get("bound") else ""
    return f"{bound}{in_unit(sign + iqm.text(value, knots_of(entry, iqm)), iqm.unit)}{value_interval(entry, iqm)}{judged_words(entry, iqm, in_unit)}"


def value_interval(entry: Record, iqm: IQM) -> str:
    """ " (7.1 to 9.0)", the 95 % interval of a measured value; "" where it is not known or prints as one number."""
    found = entry.get("interval")
    low, high = (
        ("", "") if found is None else (iqm.text(end, knots_of(entry, iqm)).replace("-", MINUS) for end in found)
    )
    return f" ({low} to {high})" if low != high else ""


def judged_words(entry: Record, iqm: IQM, printed: Callable[[str, str], str]) -> str:
    """ ", judged as 4.4 HU at 5 mm", or "" where the value itself is judged; ``printed`` puts a number and its unit together."""
    judged = entry.get("read_at")
    if judged is None or judged == entry["value"]:
        return ""
    at_5mm = " at 5 mm" if METRICS[iqm.id].of_noise and judged_at_5mm(entry) else ""
    found = entry.get("interval")
    if at_5mm and found is not None and entry["value"]:
        at_5mm += value_interval({**entry, "interval": [end * judged / entry["value"] for end in found]}, iqm)
    wanted = " from the wanted angle" if METRICS[iqm.id].aimed else ""
    return f", judged as {printed(iqm.text(judged, knots_of(entry, iqm)), iqm.unit)}{at_5mm}{wanted}"


def caption(entry: Record, iqm: IQM) -> str:
    """What was seen in plain sentences, with the range that is not poor by the curve in force, and a ceiling's reason."""
    seen = str(at(entry, "evidence", "caption", default=""))
    if entry.get("value") is None or not entry.get("scored", True):
        return seen
    unit = ("" if iqm.unit == "1" else f" {iqm.unit}") + (
        " in 5 mm slices" if METRICS[iqm.id].of_noise and judged_at_5mm(entry) else ""
    )
    elsewhere = METRICS[iqm.id].aimed and entry.get("read_at") not in (None, entry["value"])
    words = (
        ("margin " if iqm.direction == "margin" else "")
        + passing_words(knots_of(entry, iqm), unit)
        + (
            f" from the angle that this profile wants; here {in_unit(iqm.text(entry['read_at'], knots_of(entry, iqm)), iqm.unit)}"
            if elsewhere
            else ""
        )
    )
    return " ".join(s for s in (seen, f"{words[:1].upper()}{words[1:]}.", ceiling(entry)) if s)


def ceiling(entry: Record) -> str:
    """The most that the item can score, and why; "" where that is 100."""
    why = str(entry.get("ceiling_reason") or "")
    return f"{why.rstrip('.')}: at most {score_text(entry['ceiling'])}." if why else ""


def score_words(entry: Record, digits: int = 0) -> str:
    """A score as printed: "59", or "at most 34" where something is known as a bound only; "–" where there is none."""
    score = entry.get("score")
    if score is None:
        return "–"
    least, most = (entry.get(name, score) for name in ("at_least", "at_most"))
    if most - least < SAME:
        return score_text(score, digits)
    low, high = certain_range(entry)
    if most - score < SAME:
        return f"at most {score_text(high, digits)}"
    return f"at least {score_text(low, digits)}" if score - least < SAME else f"about {score_text(score, digits)}"


def certain_range(entry: Record) -> tuple[float, float]:
    """What a score lies between that is withheld or a bound: whatever is unknown, and however far what is known may be off."""
    low, high = entry.get("interval" if "score_interval" not in entry else "score_interval") or (100.0, 0.0)
    return min(entry.get("at_least", 0.0), low), max(entry.get("at_most", 100.0), high)


def score_interval(entry: Record) -> tuple[float, float] | None:
    """The 95 % interval of a score that is known, of an item, a category or the overall one; None of a bound."""
    found = entry.get("score_interval") if "score_interval" in entry else entry.get("interval")
    if found is None or entry.get("score") is None or entry.get("at_most", 0.0) - entry.get("at_least", 0.0) >= SAME:
        return None
    return float(found[0]), float(found[1])


def score_spread(entry: Record, dash: str = "–") -> str:
    """ "54–63", the 95 % interval of a score; "" where it is not known or prints as one number."""
    found = score_interval(entry)
    low, high = ("", "") if found is None else (score_text(end) for end in found)
    return f"{low}{dash}{high}" if low != high else ""


def score_and_spread(entry: Record) -> str:
    """ "59 (54–63)"."""
    spread = score_spread(entry)
    return f"{score_words(entry)} ({spread})" if spread else score_words(entry)


def band_text(entry: Record) -> str:
    """The band of a score in words: "poor, close to acceptable"."""
    return band_words(entry["band"], score_interval(entry))


def judged_at_5mm(entry: Record) -> bool:
    """Whether noise or contrast is judged as that of 5 mm slices, not as it is."""
    return entry.get("judged") is not None and entry.get("read_at") == entry["judged"]


def advice(entry: Record) -> tuple[str, str]:
    """(instruction, what would reach the next band), "" where there is none."""
    return str(at(entry, "advice", "instruction", default="")), str(at(entry, "advice", "counterfactual", default=""))


def category_points(record: Record, category: str) -> dict[str, float]:
    """IQM id to its points in the category's score."""
    return points_by_source(at(record, "categories", category, "contributions"))


def reasons(record: Record) -> list[tuple[str, float]]:
    """The IQMs that cost most, worst first: (id, points below zero).

    Points in the overall score; where that is withheld, points in the categories that do have a score.
    """
    points = overall_points(record)
    if not points and at(record, "overall", "score") is None:
        points = {i: p for m in IQMS for i, p in category_points(record, m.category).items()}
    found = [(m.id, points[m.id]) for m in IQMS if points.get(m.id, 0.0) <= -0.05]
    return sorted(found, key=lambda pair: pair[1])


def simulated(record: Record) -> bool:
    """True when the scan, or its series description, says that it is simulated."""
    kinds = (at(record, "input", "kind", default=""), at(record, "input", "source", "kind", default=""))
    words = (
        at(record, "input", "acquisition", "series_description", default=""),
        at(record, "input", "acquisition", "series", default=""),
    )
    return "simulated" in kinds or any("simulated" in str(w).lower() for w in words)


def scan_name(record: Record) -> str:
    """Name of the scan, without its path."""
    return str(at(record, "input", "name") or at(record, "input", "source", "name") or "unnamed scan")
