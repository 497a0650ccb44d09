"""Small drawings of numbers: score bars, range strips, slice grades.  Colour is never the only signal."""

from __future__ import annotations

import math

from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD, Knots, range_words, ranges, score_text
from HeadCTIQALib.hierarchy import IQM
from HeadCTIQALib.report.html import Html, join, number, tag

BAND_MARKS = {"good": "●", "acceptable": "▲", "poor": "■"}
BAND_LETTERS = {"good": "G", "acceptable": "A", "poor": "P"}
DEFS = tag(
    "svg",
    tag(
        "defs",
        tag("pattern", tag("rect", width="8", height="8", class_="z-good"), id="p-good", width="8", height="8", patternUnits="userSpaceOnUse"),
        tag(
            "pattern", tag("rect", width="6", height="6", class_="z-acceptable"), tag("path", d="M-1 7L7 -1M-1 1L1 -1M5 7L7 5", class_="z-ink"),
            id="p-acceptable", width="6", height="6", patternUnits="userSpaceOnUse",
        ),
        tag(
            "pattern", tag("rect", width="5", height="5", class_="z-poor"), tag("path", d="M0 0L5 5M5 0L0 5", class_="z-ink"),
            id="p-poor", width="5", height="5", patternUnits="userSpaceOnUse",
        ),
        tag(
            "pattern", tag("path", d="M-2 12L12 -2M-2 2L2 -2M8 12L12 8", class_="z-none"),
            id="p-none", width="10", height="10", patternUnits="userSpaceOnUse",
        ),
    ),
    class_="defs", aria_hidden="true", width="0", height="0",
)  # fmt: skip


def band_chip(band: object) -> Html:
    """The band as mark, word and colour; "withheld" when there is none."""
    word = band if band in BAND_MARKS else "withheld"
    return tag("span", tag("span", BAND_MARKS.get(word, "○"), aria_hidden="true"), f" {word}", class_=f"chip b-{word}")


def status_chip(status: object) -> Html:
    """Measured, corrected or not assessable."""
    word = str(status or "measured")
    mark = {"measured": "✓", "corrected": "✎", "not_assessable": "✕"}.get(word, "?")
    known = word if word in ("measured", "corrected", "not_assessable") else "other"
    return tag("span", tag("span", mark, aria_hidden="true"), f" {word.replace('_', ' ')}", class_=f"chip st-{known}")


def score_bar(score: float | None, band: object, width: int = 200, height: int = 14) -> Html:
    """A bar from 0 to 100 with ticks at the limits of the bands."""
    at = width / 100.0
    fill = f"url(#p-{band})" if band in BAND_MARKS and score is not None else "url(#p-none)"
    length = width if score is None else max(1.0, min(100.0, max(0.0, score)) * at)
    parts = [
        tag("rect", x="0", y="0", width=width, height=height, rx="3", class_="rail"),
        tag("rect", x="0", y="0", width=f"{length:.1f}", height=height, rx="3", fill=fill),
        *(tag("path", d=f"M{limit * at:.1f} 0v{height}", class_="tick") for limit in (BAND_ACCEPTABLE, BAND_GOOD)),
    ]
    words = "score withheld" if score is None else f"score {score_text(score, 1)} of 100"
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width} {height}",
        preserveAspectRatio="none",
        class_="bar",
        role="img",
        aria_label=words,
    )


def _zones(iqm: IQM, knots: Knots) -> tuple[list[tuple[float, float, str]], list[float]]:
    """Ranges (low, high, band) on the drawing scale (``IQM.feature``), and the limits to write out in the unit."""
    found = ranges(knots)
    limits = [r.high for r in found[:-1]] or [knots[0][0], knots[-1][0]]
    first, last = iqm.feature(limits[0]), iqm.feature(limits[-1])
    room = 0.35 * (last - first if last > first else abs(last) or 1.0)
    low = first - room if iqm.direction == "margin" else 0.0
    high = last + (room if iqm.direction == "margin" else 0.6 * last or room)
    zones = [
        (low if math.isinf(r.low) else iqm.feature(r.low), high if math.isinf(r.high) else iqm.feature(r.high), str(r.band)) for r in found
    ]  # fmt: skip
    return zones, limits


def range_strip(
    iqm: IQM, value: float | None, words: str = "no value", width: int = 230, knots: Knots | None = None
) -> Html:
    """The good, acceptable and poor ranges in colour, pattern and letter, with a marker at the value that is judged.

    Args:
        words: value and band as printed.
        knots: the quality curve; None for that of the default profile.
    """
    knots = knots or iqm.knots
    zones, limits = _zones(iqm, knots)
    low, high, pad, top, depth = zones[0][0], zones[-1][1], 8.0, 12.0, 13.0

    def x(v: float) -> float:
        return pad + (width - 2 * pad) * (v - low) / (high - low)

    parts = []
    for start, end, band in zones:
        parts.append(
            tag(
                "rect",
                x=f"{x(start):.1f}",
                y=top,
                width=f"{x(end) - x(start):.1f}",
                height=depth,
                fill=f"url(#p-{band})",
            )
        )
        parts.append(
            tag(
                "text",
                BAND_LETTERS[band],
                x=f"{0.5 * (x(start) + x(end)):.1f}",
                y=top + 10,
                class_="letter",
                text_anchor="middle",
            )
        )
    for limit in limits:
        at = f"{x(iqm.feature(limit)):.1f}"
        parts.append(tag("path", d=f"M{at} {top}v{depth + 3}", class_="tick"))
        parts.append(
            tag("text", f"{limit:g}".replace("-", "−"), x=at, y=top + depth + 13, class_="limit", text_anchor="middle")
        )
    if value is not None:
        v = iqm.feature(value)
        at_x = x(min(high, max(low, v)))
        parts.append(tag("path", d=f"M{at_x:.1f} {top + depth}V2M{at_x - 5:.1f} 1h10l-5 9z", class_="marker"))
        if v > high or v < low:  # beyond the strip: say so by an arrow
            sign = 1 if v > high else -1
            parts.append(
                tag("path", d=f"M{at_x + sign * 1:.1f} {top + 2}l{sign * 7} 4.5l{-sign * 7} 4.5z", class_="marker")
            )
    label = f"{iqm.title}: {words}; " + ", ".join(f"{band} {text}" for band, text in range_words(knots).items())
    return tag("svg", *parts, viewBox=f"0 0 {width} 40", class_="strip", role="img", aria_label=label)


def grade_chart(grades: list[int], positions: list[float], shown: int | None, width: int = 440) -> Html:
    """Motion grade 0..3 of every slice from the lowest to the vertex; slices without a grade are hatched."""
    left, base, unit = 30.0, 92.0, 24.0
    step = (width - left - 8) / max(1, len(grades))
    parts = []
    for g in range(4):
        y = base - g * unit
        parts.append(tag("path", d=f"M{left} {y}H{width - 8}", class_="grid"))
        parts.append(tag("text", str(g), x=left - 6, y=y + 4, class_="limit", text_anchor="end"))
    for n, grade in enumerate(grades):
        x = f"{left + n * step:.2f}"
        w = f"{max(0.8, step * 0.86):.2f}"
        if grade < 0:
            parts.append(tag("rect", x=x, y=base - 3 * unit, width=w, height=3 * unit, fill="url(#p-none)"))
        else:
            tall = max(2.0, grade * unit)
            parts.append(tag("rect", x=x, y=base - tall, width=w, height=tall, class_=f"g{min(3, grade)}"))
    if shown is not None and 0 <= shown < len(grades):
        x0 = left + (shown + 0.5) * step
        parts.append(tag("path", d=f"M{x0:.1f} {base + 3}l-5 9h10z", class_="marker"))
    ends = (
        [f"slice 1 ({number(positions[0])} mm)", f"slice {len(grades)} ({number(positions[-1])} mm)"]
        if grades
        else ["", ""]
    )
    parts.append(tag("text", ends[0], x=left, y=base + 24, class_="limit"))
    parts.append(tag("text", ends[1], x=width - 8, y=base + 24, class_="limit", text_anchor="end"))
    counts = ", ".join(f"{grades.count(g)} slices of grade {g}" for g in range(4) if grades.count(g))
    ungraded = sum(g < 0 for g in grades)
    label = f"Motion grade of every slice: {counts}" + (f", {ungraded} not graded" if ungraded else "")
    chart = tag("svg", *parts, viewBox=f"0 0 {width} 120", class_="chart", role="img", aria_label=label)
    return tag(
        "figure",
        chart,
        tag("figcaption", join(tag("b", "Motion grade by slice"), " 0 none to 3 severe; ▲ the slice shown")),
    )
