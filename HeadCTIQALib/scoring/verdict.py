"""The verdict in words: the band that holds whatever is unknown, and the item that limits it first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from HeadCTIQALib.curve import BAND_GOOD, Band, band_words, good_range, score_band, score_text
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.scoring.items import Item
from HeadCTIQALib.scoring.profile import Profile
from HeadCTIQALib.scoring.types import Score, Verdict

_COVERAGE = ("vertex_margin", "foramen_magnum_margin")
_MOST_ALSO = 2
_COSTS = 1.0  # points: less is not worth a word
_KNOWN = 1e-6  # points: bounds that lie closer together are one score
_BOUNDS = {None: "", "at_most": "at most ", "at_least": "at least "}
_OPPOSITE = {None: "", "at_most": "at least ", "at_least": "at most "}


def verdict(
    overall: Score,
    found: Mapping[str, Item],
    measurements: Mapping[str, Measurement],
    profile: Profile,
    costs: Mapping[str, float] | None = None,
) -> Verdict:
    """What can be said of a scan with certainty; arguments as :func:`HeadCTIQALib.scoring.score` makes them.

    Args:
        costs: IQM id to the points that its item takes, the most first (:func:`.costs.costs`); None for the guideline model,
            which follows the curves.
    """
    counted = [i for i in found.values() if not i.left_out]
    worse = sorted((i for i in counted if i.score is not None and i.score < BAND_GOOD), key=lambda i: i.score or 0.0)
    below = worse if costs is None else [found[i] for i, points in costs.items() if points >= _COSTS]
    at_least, at_most = certain_range(overall)
    least, most = score_band(at_least), score_band(at_most)
    known = least if least == most else None
    head = _head(overall, at_least, at_most, beside=below[0].band if below else known)
    clauses = []
    if below:
        clauses.append(_limiting(below, measurements, profile, known, fitted=costs is not None))
    elif overall.score is not None:
        clauses.append(_nothing_below(worse, overall.base_by_iqm))
    if unknown := [_lower(IQM_BY_ID[i.iqm].item_title) for i in counted if i.score is None]:
        clauses.append(f"{_listed(unknown)} could not be measured")
    complete = _brain_complete(measurements)
    sentence = f"{head}: {'; '.join(clauses)}." + (" The brain is complete." if complete else "")
    if complete is False and not any(i.iqm in _COVERAGE for i in below):
        passes = "scoring model" if any(i.iqm in _COVERAGE for i in worse) else "profile"
        sentence += f" The brain is cut, which this {passes} lets pass."
    return Verdict(known, at_least, at_most, tuple(i.iqm for i in below), sentence, complete)


def item_words(measurement: Measurement, profile: Profile) -> str:
    """A value as the verdict says it, e.g. "brain is cut, at least 20 mm missing" or "7.2 HU at 5 mm"."""
    iqm, knots = IQM_BY_ID[measurement.iqm], profile.knots[measurement.iqm]
    judged = profile.judged(measurement)
    assert judged is not None
    if iqm.direction == "margin":
        low, high = good_range(knots)
        cut = ["brain is cut"] if measurement.details.get("brain_cut") == 1 else []
        what, bound = ("missing", _OPPOSITE) if judged < 0 else ("spare", _BOUNDS)
        if low <= judged <= high and cut:
            return cut[0]
        about = bound[measurement.bound] or ("about " if what == "missing" else "")  # what is missing is estimated
        words = ", ".join([*cut, f"{about}{iqm.length_text(judged, knots)} mm {what}"])
    else:
        unit = "" if iqm.unit == "1" else f" {iqm.unit}"
        metric = METRICS[measurement.iqm]
        as_5mm = " at 5 mm" if metric.of_noise and judged == measurement.judged else ""
        wanted = " from the wanted angle" if metric.aimed and judged != measurement.value else ""
        words = f"{_BOUNDS[measurement.bound]}{iqm.text(judged, knots)}{unit}{as_5mm}{wanted}"
    return f"{words}; {_lower(measurement.ceiling_reason.rstrip('.'))}" if measurement.ceiling < 100 else words


def certain_range(scored: Score) -> tuple[float, float]:
    """What a score lies between: of a known one itself; else whatever is unknown, and however far what is known may be off."""
    least, most = scored.at_least, scored.at_most
    if scored.interval is None or (scored.score is not None and most - least < _KNOWN):
        return least, most
    return min(least, scored.interval[0]), max(most, scored.interval[1])


def _head(overall: Score, least: float, most: float, beside: Band | None) -> str:
    """The band, or what is known of it; as that of the whole scan where it stands ``beside`` an item of another band."""
    score = overall.score
    low, high = score_band(least), score_band(most)
    if score is not None and most - least < _KNOWN:
        near = band_words(high, overall.interval).removeprefix(high)
        return f"{high.capitalize()}{'' if beside == high else ' overall'}{near}"
    if low == high:
        kept = {"poor": f"at most {score_text(most)}", "good": f"at least {score_text(least)}"}
        return f"{high.capitalize()}, {kept.get(high, f'between {score_text(least)} and {score_text(most)}')}"
    if high != "good" or (score is not None and most - score < _KNOWN):
        return f"{high.capitalize()} at best, at most {score_text(most)}"
    if low != "poor" or (score is not None and score - least < _KNOWN):
        return f"{low.capitalize()} or better, at least {score_text(least)}"
    return f"No verdict, between {score_text(least)} ({low}) and {score_text(most)} ({high})"


def _limiting(
    below: Sequence[Item], measurements: Mapping[str, Measurement], profile: Profile, known: Band | None, fitted: bool
) -> str:
    """The items that limit a scan in words, the first of them with its value.

    Only after "Poor" does a poor item stand alone: after another band that is ``known`` of the scan, its name would read as if it
    had that band.
    """
    worst = below[0]
    title, value = _lower(IQM_BY_ID[worst.iqm].item_title), item_words(measurements[worst.iqm], profile)
    same, also_is = worst.band == known, "also"
    if same and worst.band == "poor":
        words = f"{title} ({value})"
    elif fitted:
        words = f"most is lost by {title} ({value})" + ("" if same else f", which is {worst.band}")
    else:
        also_is = "also below good:"
        words = f"{title} is poor ({value})" if worst.band == "poor" else f"weakest is {title} ({value})"
        words += "" if same or worst.band == "poor" else f", {worst.band}"
    also = [_lower(IQM_BY_ID[i.iqm].item_title) for i in below[1 : 1 + _MOST_ALSO]]
    if more := len(below) - 1 - len(also):
        also.append(f"{more} more")
    return f"{words}; {also_is} {_listed(also)}" if also else words


def _nothing_below(worse: Sequence[Item], faultless: float) -> str:
    """Why a scan has its band where nothing takes a point from it; readers may give less than 80 to a ``faultless`` scan, too."""
    words = "no item costs a point" if worse else "every item is good"
    if faultless >= BAND_GOOD:
        return f"{words} by this scoring model" if worse else words
    return f"{words}, but this scoring model gives a scan without defects {score_text(max(0.0, faultless))}"


def _brain_complete(measurements: Mapping[str, Measurement]) -> bool | None:
    """Whether the scan reaches from the foramen magnum to the vertex; None where that is not known or nearly so."""
    values = []
    for iqm in _COVERAGE:
        m = measurements.get(iqm)
        if (
            m is not None
            and m.value is not None
            and (m.details.get("brain_cut") == 1 or (m.bound == "at_most" and m.value < 0))
        ):
            return False
        values.append(math.nan if m is None or m.value is None or m.bound == "at_most" else m.value)
    return True if all(v >= 0 for v in values) else None


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _listed(titles: Sequence[str]) -> str:
    return titles[0] if len(titles) == 1 else ", ".join(titles[:-1]) + " and " + titles[-1]
