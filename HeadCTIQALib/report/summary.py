"""The first screen: verdict, overall score, what to do, what costs points, the six categories, the scan, warnings."""

from __future__ import annotations

import re

from HeadCTIQALib.curve import score_text
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID
from HeadCTIQALib.record import Record
from HeadCTIQALib.report.html import Html, join, number, points, tag, with_unit
from HeadCTIQALib.report.record import (
    advice,
    band_text,
    caption,
    limit_row,
    notes,
    reasons,
    score_spread,
    score_words,
)
from HeadCTIQALib.report.strips import BAND_MARKS, band_chip, score_bar

EVEN_SHARE = 0.05  # of the typical distance: slices that differ by less are evenly spaced
MOST = 4  # rows of a list that are not folded


def header(record: Record, scout: list[Html], sheet: Html | None = None) -> Html:
    """Everything a reader needs in the first seconds, with the overview and, below, the contact sheet."""
    banner = tag(
        "p", "SIMULATED: this scan was made by a computer and shows no patient.", class_="banner simulated", role="note"
    )
    return tag(
        "header",
        banner if record.input.simulated else None,
        tag("p", tag("b", "HeadCTIQA"), " head CT image quality report", class_="brand"),
        tag("h1", record.input.name),
        tag("p", context_line(record), class_="context"),
        tag(
            "div",
            tag("div", _overall(record), _advice(record), _why(record), class_="verdict"),
            tag("div", *scout, class_="scout"),
            class_="hero",
        ),
        tag("ul", *(_tile(record, c.id, c.title) for c in CATEGORIES), class_="tiles"),
        _warnings(record),
        sheet,
        tag("p", record.research_use, class_="banner use", role="note"),
    )


def _overall(record: Record) -> Html:
    """The verdict in a sentence, then the score, and whose it is."""
    overall = record.overall
    score, band = overall.score, overall.band
    by = f"Scored by: {record.scoring_model.name}; profile: {record.profile.name}"
    if overall.interval is not None:
        by += f". In brackets and small print: 95 % intervals (error model {record.error_model})"
    if score is None:
        known = record.verdict.band
        number_ = [
            tag("span", "withheld ", class_="big none"),
            band_chip(known) if known else None,
            tag("span", f" {known_range(record)}", class_="of"),
        ]
    else:
        *bound, shown = score_words(overall).split(" ")
        number_ = [
            tag("span", " ".join(bound), class_="of") if bound else None,
            tag("span", shown, class_="big"),
            tag("span", " / 100 ", class_="of"),
            tag("span", f"({spread}) ", class_="of") if (spread := score_spread(overall)) else None,
            band_chip(band),
        ]
    return join(
        tag("p", verdict(record), class_="sentence"),
        tag("p", *number_, class_="score"),
        score_bar(score, band, 400, 18),
        tag("p", overall.withheld_reason, class_="quiet") if score is None else None,
        tag("p", by, class_="quiet"),
    )


def known_range(record: Record) -> str:
    """What the overall score lies between though it is withheld: "at most 34"; "" where nothing is known."""
    least, most, band = record.verdict.at_least, record.verdict.at_most, record.verdict.band
    if most < 100 and (band == "poor" or least <= 0):
        return f"at most {score_text(most)}"
    if least > 0 and (band == "good" or most >= 100):
        return f"at least {score_text(least)}"
    return f"between {score_text(least)} and {score_text(most)}" if least > 0 else ""


def verdict(record: Record) -> str:
    """The verdict in one sentence: what limits the scan first."""
    return plain_words(record.verdict.sentence)


def _advice(record: Record) -> Html:
    """What the technologist can do about the items below good, the worst first."""
    told = [(IQM_BY_ID[i], *advice(record.iqms[i])) for i in record.verdict.limiting]
    rows = [
        tag("li", tag("a", m.item_title, href=f"#{m.id}"), ": ", tag("b", plain_words(do)), " ", tag("span", plain_words(would), class_="quiet"))
        for m, do, would in told if do or would
    ]  # fmt: skip
    if not rows:
        return Html("")
    return join(tag("h2", "What to do"), *_folded(rows, f"and {len(rows) - MOST} more", "advice"))


def _why(record: Record) -> Html:
    found, limit = reasons(record), limit_row(record)
    unclear = [m for m in IQM_BY_ID.values() if record.iqms[m.id].status == "not_assessable"]
    if not found and not unclear:
        return Html("")
    losses = [(lost, i, IQM_BY_ID[i].item_title, caption(record.iqms[i], IQM_BY_ID[i])) for i, lost in found]
    if limit:
        most = record.scoring_model.limit
        losses.append(
            (
                limit[1],
                limit[0],
                limit[2].rstrip("."),
                f"The overall score lies at most {most:g} points above the worst category.",
            )
        )
    losses.sort(key=lambda row: row[0])
    scale = max((-lost for lost, *_ in losses), default=1.0)
    rows = [
        tag(
            "li",
            tag("span", points(lost), tag("small", " points"), class_="points"),
            tag("span", tag("a", title, href=f"#{iqm}"), tag("br"), plain_words(text), tag("span", class_="loss", style=f"width:{max(3.0, -100 * lost / scale):.0f}%")),
        )
        for lost, iqm, title, text in losses
    ]  # fmt: skip
    unknown = [
        tag("li", tag("span", "?", class_="points"), tag("span", tag("a", m.item_title, href=f"#{m.id}"), tag("br"), f"Not assessable: {record.iqms[m.id].reason}"))
        for m in unclear
    ]  # fmt: skip
    heading = (
        "What is missing"
        if not found
        else "What costs points"
        if record.overall.score is not None
        else "What costs points, in the category"
    )
    rest = f"and {len(rows) - MOST} smaller: {points(sum(lost for lost, *_ in losses[MOST:]))}"
    return join(tag("h2", heading), *_folded(rows, rest, "why"), tag("ul", *unknown, class_="why") if unknown else None)


def _folded(rows: list[Html], rest: str, class_: str) -> list[Html]:
    """The first rows as a list, and the others in one that opens."""
    if len(rows) <= MOST:
        return [tag("ul", *rows, class_=class_)] if rows else []
    return [
        tag("ul", *rows[:MOST], class_=class_),
        tag("details", tag("summary", rest), tag("ul", *rows[MOST:], class_=class_), class_="rest"),
    ]


def plain_words(sentence: str) -> str:
    """A caption for people: degree signs, and true minus signs before digits."""
    words = re.sub(r"(?<=\d)\.\.(?=-?\d)", " to ", sentence)
    return re.sub(r"(?<=\d) deg\b", "°", words).replace(" -", " −")


def _tile(record: Record, category: str, title: str) -> Html:
    entry = record.categories[category]
    score, band, shown, spread = entry.score, entry.band, score_words(entry), score_spread(entry)
    mark = BAND_MARKS.get(str(band), "○")
    word = band if score is not None else "withheld"
    return tag(
        "li",
        tag("a", title, href=f"#cat-{category}"),
        tag("span", shown, tag("small", f" {spread}") if spread else None, class_="tile-score"),
        tag(
            "span",
            tag("span", mark, aria_hidden="true"),
            f" {word if score is None else band_text(entry)}",
            class_=f"word w-{word}",
        ),
        score_bar(score, band, 130, 8),
    )


def context_line(record: Record) -> str:
    """Scanner and acquisition in one line; only what is known."""
    a = record.input.acquisition
    parts = [
        " ".join(name for name in (a.manufacturer, a.model) if name),
        f"kernel {a.kernel}" if a.kernel else "",
        _slices(record),
        f"{a.kvp:.0f} kVp" if a.kvp else "",
        f"CTDIvol {with_unit(a.ctdi_vol_mgy, 'mGy')}" if a.ctdi_vol_mgy else "",
        f"gantry tilt {with_unit(a.gantry_tilt_deg, 'deg')}" if abs(a.gantry_tilt_deg or 0.0) > 0.05 else "",
        f"assessed {record.created}",
    ]
    return " · ".join(p for p in parts if p)


def _slices(record: Record) -> str:
    """How many slices, and how far apart: one distance, or from which to which."""
    count, spacing = record.input.shape[0], record.input.spacing_mm
    typical = spacing.slice_median or record.input.acquisition.slice_thickness_mm
    low, high = spacing.slice_min, spacing.slice_max
    if low and high and typical and high - low > EVEN_SHARE * typical:
        return f"{count} slices {number(low)} to {with_unit(high, 'mm')} apart"
    return f"{count} slices" + (f" every {with_unit(typical, 'mm')}" if typical else "")


def _warnings(record: Record) -> Html:
    found = notes(record)
    if not found:
        return Html("")
    return tag(
        "aside", tag("h2", "Please note"), tag("ul", *(tag("li", plain_words(w)) for w in found)), class_="warnings"
    )
