"""The first screen: overall score, why, the six categories, the scan, warnings."""

from __future__ import annotations

import re

from HeadCTIQALib import RESEARCH_USE
from HeadCTIQALib.curve import score_text
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID
from HeadCTIQALib.report.html import Html, join, number, points, tag, with_unit
from HeadCTIQALib.report.record import Record, at, limit_row, reasons, scan_name, sentences, simulated
from HeadCTIQALib.report.strips import BAND_MARKS, band_chip, score_bar

EVEN_SHARE = 0.05  # of the typical distance: slices that differ by less are evenly spaced

def header(record: Record, scout: list[Html]) -> Html:
    """Everything a reader needs in the first seconds."""
    use = str(at(record, "research_use", default=RESEARCH_USE))
    banner = tag("p", "SIMULATED: this scan was made by a computer and shows no patient.", class_="banner simulated", role="note")
    return tag(
        "header",
        banner if simulated(record) else None,
        tag("p", tag("b", "HeadCTIQA"), " head CT image quality report", class_="brand"),
        tag("h1", scan_name(record)),
        tag("p", context_line(record), class_="context"),
        tag("div", tag("div", _overall(record), _why(record), class_="verdict"), tag("div", *scout, class_="scout"), class_="hero"),
        tag("ul", *(_tile(record, c.id, c.title) for c in CATEGORIES), class_="tiles"),
        _warnings(record),
        tag("p", use, class_="banner use", role="note"),
    )


def _overall(record: Record) -> Html:
    score, band = at(record, "overall", "score"), at(record, "overall", "band")
    if score is None:
        reason = at(record, "overall", "withheld_reason", default="The overall score is withheld.")
        known = at(record, "verdict", "band")
        return join(
            tag("p", "Overall score", class_="eyebrow"),
            tag("p", tag("span", "withheld", class_="big none"), band_chip(known) if known else None, class_="score"),
            score_bar(None, None, 400, 18), tag("p", verdict(record), class_="sentence"), tag("p", reason, class_="quiet"),
        )  # fmt: skip
    return join(
        tag("p", "Overall score", class_="eyebrow"),
        tag("p", tag("span", score_text(score), class_="big"), tag("span", " / 100 ", class_="of"), band_chip(band), class_="score"),
        score_bar(float(score), band, 400, 18),
        tag("p", verdict(record), class_="sentence"),
        tag("p", f"Scored by: {at(record, 'scoring_model', 'name', default='')}; profile: {at(record, 'profile', 'name', default='')}", class_="quiet"),
    )


def verdict(record: Record) -> str:
    """The verdict in one sentence: what limits the scan first."""
    return plain_words(str(at(record, "verdict", "sentence", default="")))


def _why(record: Record) -> Html:
    found = reasons(record)
    unclear = [m for m in IQM_BY_ID.values() if at(record, "iqms", m.id, "status") == "not_assessable"]
    if not found and not unclear:
        return Html("")
    scale = max((-p for _, p in found), default=1.0)
    rows = []
    for iqm, lost in found:
        caption = at(record, "iqms", iqm, "evidence", "caption") or IQM_BY_ID[iqm].title
        bar = tag("span", class_="loss", style=f"width:{max(3.0, -100 * lost / scale):.0f}%")
        rows.append(
            tag(
                "li",
                tag("span", points(lost), tag("small", " points"), class_="points"),
                tag("span", tag("a", IQM_BY_ID[iqm].item_title, href=f"#{iqm}"), tag("br"), plain_words(caption), bar),
            )
        )
    for m in unclear:
        reason = at(record, "iqms", m.id, "reason", default="")
        rows.append(tag("li", tag("span", "?", class_="points"), tag("span", tag("a", m.item_title, href=f"#{m.id}"), tag("br"), f"Not assessable: {reason}")))
    if limit := limit_row(record):
        link = tag("a", "Limit above the worst category", href=f"#{limit[0]}")
        bar = tag("span", class_="loss", style=f"width:{min(100.0, max(3.0, -100 * limit[1] / scale)):.0f}%")
        rows.append(tag("li", tag("span", points(limit[1]), tag("small", " points"), class_="points"), tag("span", link, tag("br"), limit[2], bar)))
    heading = "What is missing" if not found else "What costs points" if at(record, "overall", "score") is not None else "What costs points, in the category"
    return join(tag("h2", heading), tag("ul", *rows, class_="why"))


def plain_words(caption: str) -> str:
    """A caption for people: degree signs, and true minus signs before digits."""
    words = re.sub(r"(?<=\d)\.\.(?=-?\d)", " to ", caption)
    return re.sub(r"(?<=\d) deg\b", "°", words).replace(" -", " −")


def _tile(record: Record, category: str, title: str) -> Html:
    score, band = at(record, "categories", category, "score"), at(record, "categories", category, "band")
    shown = "–" if score is None else score_text(score)
    mark = BAND_MARKS.get(str(band), "○")
    word = band if score is not None else "withheld"
    return tag(
        "li",
        tag("a", title, href=f"#cat-{category}"),
        tag("span", shown, class_="tile-score"),
        tag("span", tag("span", mark, aria_hidden="true"), f" {word}", class_=f"word w-{word}"),
        score_bar(None if score is None else float(score), band, 130, 8),
    )


def context_line(record: Record) -> str:
    """Scanner and acquisition in one line; only what is known."""
    a = at(record, "input", "acquisition", default={})
    parts = [
        " ".join(str(a[k]) for k in ("manufacturer", "model") if a.get(k)),
        f"kernel {a['kernel']}" if a.get("kernel") else "",
        _slices(record),
        f"{a['kvp']:.0f} kVp" if a.get("kvp") else "",
        f"CTDIvol {with_unit(a['ctdi_vol_mgy'], 'mGy')}" if a.get("ctdi_vol_mgy") else "",
        f"gantry tilt {with_unit(a['gantry_tilt_deg'], 'deg')}" if abs(a.get("gantry_tilt_deg") or 0.0) > 0.05 else "",
        f"assessed {record['created']}" if record.get("created") else "",
    ]
    return " · ".join(p for p in parts if p)


def _slices(record: Record) -> str:
    """How many slices, and how far apart: one distance, or from which to which."""
    shape, spacing = at(record, "input", "shape"), at(record, "input", "spacing_mm", default={})
    if not shape:
        return ""
    typical = spacing.get("slice_median") or at(record, "input", "acquisition", "slice_thickness_mm")
    low, high = spacing.get("slice_min"), spacing.get("slice_max")
    if low and high and high - low > EVEN_SHARE * typical:
        return f"{shape[0]} slices {number(low)} to {with_unit(high, 'mm')} apart"
    return f"{shape[0]} slices" + (f" every {with_unit(typical, 'mm')}" if typical else "")


def _warnings(record: Record) -> Html:
    found = list(dict.fromkeys(sentences(record.get("warnings")) + sentences(at(record, "findings", "notes"))))
    if not found:
        return Html("")
    return tag("aside", tag("h2", "Please note"), tag("ul", *(tag("li", plain_words(w)) for w in found)), class_="warnings")
