"""Quality curves: piecewise linear from a value to a score of 0-100, and everything that is read off them.

Bands, printed ranges and printed numbers all come from the curve, so that no two of them can disagree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

Band = Literal["good", "acceptable", "poor"]
Knots = tuple[tuple[float, float], ...]  # (value, score), values ascending; outside them the curve is flat

BANDS: tuple[Band, ...] = ("good", "acceptable", "poor")
BAND_GOOD = 80.0
BAND_ACCEPTABLE = 60.0


def score_band(score: float) -> Band:
    """Band of a 0-100 score: good from 80, acceptable from 60, poor below."""
    return "good" if score >= BAND_GOOD else ("acceptable" if score >= BAND_ACCEPTABLE else "poor")


def band_words(band: Band, interval: tuple[float, float] | None) -> str:
    """A band as said of a score that lies in ``interval``: "poor", "poor, close to acceptable" or "acceptable, may be good or poor"."""
    if interval is None:
        return band
    best, worst = (BANDS.index(score_band(end)) for end in reversed(interval))
    others = [b for b in BANDS[best : worst + 1] if b != band]
    if not others:
        return band
    return f"{band}, close to {others[0]}" if len(others) == 1 else f"{band}, may be {' or '.join(others)}"


def check_knots(knots: Knots) -> None:
    """Refuse what is no quality curve.

    Raises:
        ValueError: says in words what is wrong.
    """
    if len(knots) < 2:
        raise ValueError("a curve needs two knots or more")
    if not all(math.isfinite(x) and 0.0 <= y <= 100.0 for x, y in knots):
        raise ValueError("every knot is a finite value with a score from 0 to 100")
    if any(b <= a for (a, _), (b, _) in pairwise(knots)):
        raise ValueError("the values of the knots must ascend")
    steps = [math.copysign(1.0, b - a) for (_, a), (_, b) in pairwise(knots) if a != b]
    if steps != sorted(steps, reverse=True):
        raise ValueError("a curve may rise and then fall, but not fall and then rise")


def at(knots: Knots, value: float) -> float:
    """Score of ``value``: linear between the knots, flat outside them."""
    if value <= knots[0][0]:
        return float(knots[0][1])
    for (x0, y0), (x1, y1) in pairwise(knots):
        if value <= x1:
            return float(y1) if value == x1 else y0 + (y1 - y0) * (value - x0) / (x1 - x0)
    return float(knots[-1][1])


def band_at(knots: Knots, value: float) -> Band:
    """Band of ``value``."""
    return score_band(at(knots, value))


def extremes(knots: Knots, low: float, high: float) -> tuple[float, float]:
    """Lowest and highest score of the values from ``low`` to ``high``; either may be infinite."""
    scores = [at(knots, low), at(knots, high), *(y for x, y in knots if low <= x <= high)]
    return min(scores), max(scores)


@dataclass(frozen=True, slots=True)
class Range:
    """Values of one band that lie together; an end belongs to it where ``low_in`` or ``high_in`` says so."""

    band: Band
    low: float
    high: float
    low_in: bool
    high_in: bool

    def __str__(self) -> str:
        if self.low == self.high:
            return _plain(self.low)
        if math.isinf(self.low):
            return "any" if math.isinf(self.high) else f"{'<=' if self.high_in else '<'} {_plain(self.high)}"
        if math.isinf(self.high):
            return f"{'>=' if self.low_in else '>'} {_plain(self.low)}"
        return f"{'' if self.low_in else '> '}{_plain(self.low)} to {'' if self.high_in else '< '}{_plain(self.high)}"


def ranges(knots: Knots) -> tuple[Range, ...]:
    """The ranges from the lowest values to the highest; neighbours are of different bands and leave no gap."""
    cuts = sorted({*_crossings(knots)})
    found: list[Range] = []
    edges = [-math.inf, *(x for x, _ in cuts), math.inf]
    for k, (low, high) in enumerate(pairwise(edges)):
        middle = (
            low + (high - low) / 2
            if math.isfinite(high - low)
            else high - 1
            if math.isfinite(high)
            else low + 1
            if math.isfinite(low)
            else 0.0
        )
        found.append(Range(band_at(knots, middle), low, high, False, False))
        if k < len(cuts):
            found.append(Range(cuts[k][1], high, high, True, True))
    merged = []
    for band, together in groupby(found, key=lambda r: r.band):
        parts = list(together)
        merged.append(Range(band, parts[0].low, parts[-1].high, parts[0].low_in, parts[-1].high_in))
    return tuple(merged)


def range_words(knots: Knots) -> dict[Band, str]:
    """The ranges of every band as printed, without the unit; "never" where a band has none."""
    all_ranges = ranges(knots)
    return {band: " or ".join(str(r) for r in all_ranges if r.band == band) or "never" for band in BANDS}


def passing_words(knots: Knots, unit: str = "") -> str:
    """What is not poor, in words: "acceptable up to 8 deg", "good from 0 to 15 mm, acceptable from -5 to 30 mm"."""
    passing = [r for r in ranges(knots) if r.band != "poor"]
    if not passing:
        return "never acceptable"
    low, high = passing[0].low, passing[-1].high
    if math.isinf(low) and math.isinf(high):
        return "always acceptable"
    if math.isinf(low):
        return f"acceptable up to {_plain(high)}{unit}"
    if math.isinf(high):
        return f"acceptable from {_plain(low)}{unit}"
    best = next((r for r in passing if r.band == "good"), None)
    good = "" if best is None else f"good from {_plain(best.low)} to {_plain(best.high)}{unit}, "
    return f"{good}acceptable from {_plain(low)} to {_plain(high)}{unit}"


def good_range(knots: Knots) -> tuple[float, float]:
    """Smallest and largest value of the good range; of the best score where nothing is good."""
    good = [r for r in ranges(knots) if r.band == "good"]
    if good:
        return good[0].low, good[-1].high
    best = max(y for _, y in knots)
    values = [x for x, y in knots if y == best]
    return values[0], values[-1]


def rounded(value: float, digits: int, of: Callable[[float], object]) -> tuple[float, int]:
    """``value`` as printed, and its decimals: rounded the other way, or less, where it would leave what ``of`` says of it."""
    for d in range(digits, digits + 6):
        scaled = value * 10.0**d
        if not math.isfinite(scaled):
            break
        for whole in (round(scaled), math.floor(scaled), math.ceil(scaled)):
            if of(shown := round(whole / 10.0**d, d)) == of(value):
                return shown, d
    return value, digits + 6


def score_text(score: float, digits: int = 0) -> str:
    """A score as printed, which never reads as one of another band: 79.96 is 79, not 80."""
    shown, d = rounded(score, digits, score_band)
    return f"{shown:.{d}f}"


def _crossings(knots: Knots) -> Iterator[tuple[float, Band]]:
    """Values at which the curve meets a limit of the bands, and the band that such a value is in."""
    for (x0, y0), (x1, y1) in pairwise(knots):
        for limit in (BAND_ACCEPTABLE, BAND_GOOD):
            if y0 == limit:
                yield x0, score_band(limit)
            if y1 == limit:
                yield x1, score_band(limit)
            if min(y0, y1) < limit < max(y0, y1):
                yield x0 + (limit - y0) * (x1 - x0) / (y1 - y0), score_band(limit)


def _plain(value: float) -> str:
    return f"{value + 0.0:.6g}"
