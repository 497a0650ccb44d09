"""What the entries of a record read like: values with units and intervals, scores, captions, points."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from HeadCTIQALib.curve import band_words, passing_words, score_text
from HeadCTIQALib.hierarchy import IQM, IQMS
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import CategoryEntry, ContributionEntry, IqmEntry, Overall
from HeadCTIQALib.report.html import in_unit
from HeadCTIQALib.scoring.types import LIMIT

AnyScored = IqmEntry | CategoryEntry | Overall
SHOWN_POINTS = 0.05
MINUS = "\u2212"
SAME = 1e-3  # points, well above the rounding of the record: bounds that lie closer together are one score


def points_by_source(contributions: Iterable[ContributionEntry]) -> dict[str, float]:
    """Points of every contribution by its source, added up where a source has several features."""
    total: dict[str, float] = {}
    for c in contributions:
        total[c.source_id] = total.get(c.source_id, 0.0) + c.points
    return total


def overall_points(record: Record) -> dict[str, float]:
    """IQM id to its points in the overall score; empty where the overall score has none."""
    return points_by_source(c for c in record.overall.contributions_by_iqm if c.feature != LIMIT)


def limit_row(record: Record) -> tuple[str, float, str] | None:
    """What the limit above the worst category takes from the overall score: (IQM id, points below zero, sentence); None where that prints as nothing."""
    found = record.overall.limit
    return None if found is None or abs(found.points) < SHOWN_POINTS else (found.iqm, found.points, found.sentence)


def notes(record: Record) -> list[str]:
    """Warnings about the scan and notes about its findings, each once."""
    return list(dict.fromkeys((*record.warnings, *record.findings.notes)))


def measured(entry: IqmEntry, iqm: IQM) -> str:
    """What was measured as printed: "at most −20.0 mm", "7.1 HU, judged as 4.4 HU at 5 mm"; never rounded into another band."""
    value = entry.value
    if value is None:
        return "–"
    sign = "+" if iqm.direction == "margin" and value > 0 else ""
    bound = f"{entry.bound.replace('_', ' ')} " if entry.bound else ""
    return f"{bound}{in_unit(sign + iqm.text(value, entry.knots), iqm.unit)}{value_interval(entry, iqm)}{judged_words(entry, iqm, in_unit)}"


def value_interval(entry: IqmEntry, iqm: IQM) -> str:
    """ " (7.1 to 9.0)", the 95 % interval of a measured value; "" where it is not known or prints as one number."""
    found = entry.interval
    low, high = ("", "") if found is None else (iqm.text(end, entry.knots).replace("-", MINUS) for end in found)
    return f" ({low} to {high})" if low != high else ""


def judged_words(entry: IqmEntry, iqm: IQM, printed: Callable[[str, str], str]) -> str:
    """ ", judged as 4.4 HU at 5 mm", or "" where the value itself is judged; ``printed`` puts a number and its unit together."""
    judged, value, found = entry.read_at, entry.value, entry.interval
    if judged is None or judged == value:
        return ""
    at_5mm = " at 5 mm" if METRICS[iqm.id].of_noise and judged_at_5mm(entry) else ""
    if at_5mm and found is not None and value:
        ends = (found[0] * judged / value, found[1] * judged / value)
        at_5mm += value_interval(msgspec.structs.replace(entry, interval=ends), iqm)
    wanted = " from the wanted angle" if METRICS[iqm.id].aimed else ""
    return f", judged as {printed(iqm.text(judged, entry.knots), iqm.unit)}{at_5mm}{wanted}"


def caption(entry: IqmEntry, iqm: IQM) -> str:
    """What was seen in plain sentences, with the range that is not poor by the curve in force, and a ceiling's reason."""
    seen = "" if entry.evidence is None else entry.evidence.caption
    if entry.read_at is None or not entry.scored:
        return seen
    unit = ("" if iqm.unit == "1" else f" {iqm.unit}") + (
        " in 5 mm slices" if METRICS[iqm.id].of_noise and judged_at_5mm(entry) else ""
    )
    elsewhere = METRICS[iqm.id].aimed and entry.read_at not in (None, entry.value)
    words = (
        ("margin " if iqm.direction == "margin" else "")
        + passing_words(entry.knots, unit)
        + (
            f" from the angle that this profile wants; here {in_unit(iqm.text(entry.read_at, entry.knots), iqm.unit)}"
            if elsewhere
            else ""
        )
    )
    return " ".join(s for s in (seen, f"{words[:1].upper()}{words[1:]}.", ceiling(entry)) if s)


def ceiling(entry: IqmEntry) -> str:
    """The most that the item can score, and why; "" where that is 100."""
    why = entry.ceiling_reason
    return f"{why.rstrip('.')}: at most {score_text(entry.ceiling)}." if why else ""


def score_words(entry: AnyScored, digits: int = 0) -> str:
    """A score as printed: "59", or "at most 34" where something is known as a bound only; "–" where there is none."""
    score, least, most = entry.score, entry.at_least, entry.at_most
    if score is None:
        return "–"
    if most - least < SAME:
        return score_text(score, digits)
    low, high = certain_range(entry)
    if most - score < SAME:
        return f"at most {score_text(high, digits)}"
    return f"at least {score_text(low, digits)}" if score - least < SAME else f"about {score_text(score, digits)}"


def certain_range(entry: AnyScored) -> tuple[float, float]:
    """What a score lies between that is withheld or a bound: whatever is unknown, and however far what is known may be off."""
    low, high = entry.score_interval or (100.0, 0.0)
    return min(entry.at_least, low), max(entry.at_most, high)


def score_interval(entry: AnyScored) -> tuple[float, float] | None:
    """The 95 % interval of a score that is known, of an item, a category or the overall one; None of a bound."""
    return None if entry.score is None or entry.at_most - entry.at_least >= SAME else entry.score_interval


def score_spread(entry: AnyScored, dash: str = "–") -> str:
    """ "54–63", the 95 % interval of a score; "" where it is not known or prints as one number."""
    found = score_interval(entry)
    low, high = ("", "") if found is None else (score_text(end) for end in found)
    return f"{low}{dash}{high}" if low != high else ""


def score_and_spread(entry: AnyScored) -> str:
    """ "59 (54–63)"."""
    spread = score_spread(entry)
    return f"{score_words(entry)} ({spread})" if spread else score_words(entry)


def band_text(entry: AnyScored) -> str:
    """The band of a score in words: "poor, close to acceptable"; "" where there is none."""
    return "" if entry.band is None else band_words(entry.band, score_interval(entry))


def judged_at_5mm(entry: IqmEntry) -> bool:
    """Whether noise or contrast is judged as that of 5 mm slices, not as it is."""
    return entry.judged is not None and entry.read_at == entry.judged


def advice(entry: IqmEntry) -> tuple[str, str]:
    """(instruction, what would reach the next band), "" where there is none."""
    return entry.advice.instruction, entry.advice.counterfactual


def category_points(record: Record, category: str) -> dict[str, float]:
    """IQM id to its points in the category's score."""
    return points_by_source(record.categories[category].contributions)


def reasons(record: Record) -> list[tuple[str, float]]:
    """The IQMs that cost most, worst first: (id, points below zero).

    Points in the overall score; where that is withheld, points in the categories that do have a score.
    """
    points = overall_points(record)
    if not points and record.overall.score is None:
        points = {i: p for m in IQMS for i, p in category_points(record, m.category).items()}
    found = [(m.id, points[m.id]) for m in IQMS if points.get(m.id, 0.0) <= -0.05]
    return sorted(found, key=lambda pair: pair[1])
