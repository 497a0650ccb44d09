"""The hierarchy as a tree in one table, and a section with all facts for every IQM."""

from __future__ import annotations

from HeadCTIQALib.curve import Knots, range_words
from HeadCTIQALib.hierarchy import CATEGORIES, IQM, IQM_BY_ID, iqms_of
from HeadCTIQALib.report.html import Html, join, plain_unit, points, tag, with_unit
from HeadCTIQALib.report.record import (
    Record,
    advice,
    at,
    band_text,
    caption,
    category_points,
    ceiling,
    knots_of,
    limit_row,
    measured,
    overall_points,
    score_and_spread,
    sentences,
)
from HeadCTIQALib.report.strips import band_chip, range_strip, score_bar, status_chip
from HeadCTIQALib.report.summary import plain_words

ORIGIN_NOTE = "The hierarchy is a reconstruction from published quality criteria for head CT; every limit carries its source, or says inference."
_HEAD = ("Category, item, metric", "Score or value", "Range", "Status", "Points in category", "Points overall")


def tree(record: Record) -> Html:
    """Category > item > IQM as a table with score bars, range strips, status and points."""
    bodies = [_category_rows(record, c.id, c.title) for c in CATEGORIES]
    limit = limit_row(record)
    if limit is not None:
        cells = (
            tag("th", limit[2].rstrip("."), scope="row"),
            *(tag("td", "") for _ in range(4)),
            tag("td", points(limit[1]), class_="num"),
        )
        bodies.append(tag("tbody", tag("tr", *cells, class_="sum"), id="limit"))
    head = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in _HEAD)))
    title = tag("caption", "G good, A acceptable, P poor. Points: what each part takes from or adds to the score.")
    return tag(
        "section",
        tag("h2", "Scores and measurements"),
        tag("div", tag("table", title, head, *bodies, class_="tree"), class_="scroll"),
        tag("p", ORIGIN_NOTE, class_="quiet"),
        id="tree",
    )


def _category_rows(record: Record, category: str, title: str) -> Html:
    score, band = at(record, "categories", category, "score"), at(record, "categories", category, "band")
    weight = at(record, "categories", category, "weight")
    reason = at(record, "categories", category, "withheld_reason")
    overall = overall_points(record)
    total = sum(overall.get(m.id, 0.0) for m in iqms_of(category))
    shown = tag(
        "span",
        "withheld" if score is None else score_and_spread(at(record, "categories", category)),
        class_="cat-score" if score is not None else "cat-score none",
    )
    first = tag(
        "tr",
        tag("th", title, tag("small", f" weight {100 * weight:.0f} %") if isinstance(weight, (int, float)) else None, scope="rowgroup"),
        tag("td", shown),
        tag("td", score_bar(None if score is None else float(score), band, 230, 12)),
        tag("td", _chip(at(record, "categories", category, default={})), tag("p", reason, class_="quiet") if reason else None),
        tag("td", ""),
        tag("td", points(total) if overall else "", class_="num"),
        class_="category", id=f"cat-{category}",
    )  # fmt: skip
    return tag("tbody", first, *(row for m in iqms_of(category) for row in _item_rows(record, m, overall)))


def _item_rows(record: Record, iqm: IQM, overall: dict[str, float]) -> tuple[Html, Html]:
    """The item with its score and points, and below it the metric with what was measured."""
    entry = at(record, "iqms", iqm.id, default={})
    reason = entry.get("reason")
    within = category_points(record, iqm.category)
    scored = entry.get("value") is not None and entry.get("scored", True)
    item = tag(
        "tr",
        tag("th", tag("a", iqm.item_title, href=f"#{iqm.id}"), scope="row"),
        tag("td", tag("b", score_and_spread(entry) if scored else "–")),
        tag("td", score_bar(float(entry["score"]) if scored else None, entry.get("band"), 230, 9)),
        tag("td", _item_state(entry), tag("p", ceiling(entry), class_="quiet") if ceiling(entry) else None),
        *(tag("td", points(found[iqm.id]) if iqm.id in found else "", class_="num") for found in (within, overall)),
        class_="item",
    )
    metric = tag(
        "tr",
        tag("th", iqm.title, scope="row"),
        tag("td", _value(iqm, entry), class_="value"),
        tag("td", _strip(iqm, entry, 230)),
        tag("td", status_chip(entry.get("status")), tag("p", reason, class_="quiet") if reason else None),
        tag("td", ""),
        tag("td", ""),
        class_="metric",
    )
    return item, metric


def _item_state(entry: Record) -> Html:
    """Band of an item, or why it has none."""
    if entry.get("value") is None:
        return tag("span", "not assessable", class_="none")
    return _chip(entry) if entry.get("scored", True) else tag("span", "not scored by this profile", class_="none")


def _chip(entry: Record) -> Html:
    """The band, with the one that it is close to in words."""
    band = entry.get("band")
    near = band_text(entry).removeprefix(str(band)).removeprefix(", ") if band else ""
    return join(band_chip(band), tag("span", f" {near}", class_="near") if near else None)


def _value(iqm: IQM, entry: Record) -> Html:
    return tag("span", "no value", class_="none") if entry.get("value") is None else tag("b", measured(entry, iqm))


def _strip(iqm: IQM, entry: Record, width: int) -> Html:
    """The ranges with a marker at the value that was judged."""
    known = entry.get("value") is not None
    words = f"{measured(entry, iqm)}, {entry['band']}" if known else "no value"
    return range_strip(iqm, entry.get("read_at", entry.get("value")), words, width, knots_of(entry, iqm))


def iqm_section(record: Record, iqm: IQM, figures: list[Html]) -> Html:
    """Everything about one IQM: pictures of the evidence, value, ranges, definition, method, source, flags, details."""
    entry = at(record, "iqms", iqm.id, default={})
    value = entry.get("value")
    seen, told = caption(entry, iqm), advice(entry)
    return tag(
        "section",
        tag("h3", tag("span", iqm.item_title), tag("small", f" {iqm.title}")),
        tag("p", _value(iqm, entry), _scored(entry), status_chip(entry.get("status")), class_="headline"),
        tag("p", plain_words(seen), class_="caption") if seen else None,
        tag("p", tag("b", "What to do: "), plain_words(" ".join(told)), class_="todo") if any(told) else None,
        tag("p", tag("b", "Not assessable: " if value is None else "Reason: "), entry.get("reason"), class_="reason") if entry.get("reason") else None,
        tag("ul", *(tag("li", plain_words(f)) for f in sentences(entry.get("flags"))), class_="flags") if entry.get("flags") else None,
        tag("div", *figures, class_="figures") if figures else tag("p", "No picture: there is no evidence to show.", class_="quiet"),
        tag("div", tag("div", _strip(iqm, entry, 330), _ranges(iqm, knots_of(entry, iqm)), class_="facts-left"), _facts(record, iqm), class_="facts"),
        class_="iqm", id=iqm.id,
    )  # fmt: skip


def _scored(entry: Record) -> Html:
    """Score of the item beside its value."""
    if entry.get("value") is None or not entry.get("scored", True):
        return join(" ", _item_state(entry), " ") if entry.get("value") is not None else Html(" ")
    return join(" score ", tag("b", score_and_spread(entry)), " ", _chip(entry))


def _ranges(iqm: IQM, knots: Knots) -> Html:
    found = range_words(knots)
    cells = [tag("td", r.replace("-", "−").replace("<=", "≤").replace(">=", "≥")) for r in found.values()]
    head = tag("tr", *(tag("th", band_chip(b), scope="col") for b in found))
    title = tag("caption", f"Ranges in {plain_unit(iqm.unit)}" if iqm.unit != "1" else "Ranges (ratio)")
    return tag("table", title, tag("thead", head), tag("tbody", tag("tr", *cells)), class_="plain ranges")


def _facts(record: Record, iqm: IQM) -> Html:
    entry = at(record, "iqms", iqm.id, default={})
    pairs: list[tuple[str, object]] = [
        ("Symbol", iqm.symbol),
        ("Definition", plain_words(entry.get("definition") or iqm.definition)),
    ]
    pairs.append(("Method", plain_words(entry.get("method") or "–")))
    origin = entry.get("source") or iqm.source
    pairs.append(
        ("Source of the ranges", plain_words(origin if "inference" in origin else f"reconstruction; {origin}"))
    )
    details = at(entry, "details", default={})
    if details:
        pairs.append(
            (
                "Details",
                join(
                    *(
                        tag("span", f"{detail_words(k)} ", tag("b", detail_value(k, v)), class_="detail")
                        for k, v in details.items()
                    )
                ),
            )
        )
    corrected = [c for c in record.get("corrections") or () if c.get("iqm") == iqm.id]
    pairs += [("Corrected", correction_words(c)) for c in corrected]
    pairs.append(("To correct it in 3D Slicer", iqm.correction))
    rows = [join(tag("dt", name), tag("dd", text)) for name, text in pairs]
    return tag("details", tag("summary", "How it is measured"), tag("dl", *rows))


_DETAIL_UNITS = {
    "deg": "deg", "mm": "mm", "mm2": "mm²", "ml": "mL", "hu": "HU", "percent": "%", "ms": "ms", "s": "s",
}  # fmt: skip


def detail_words(key: str) -> str:
    """A detail's key in words, without its unit suffix."""
    stem, _, suffix = key.rpartition("_")
    return (stem if suffix in _DETAIL_UNITS else key).replace("_", " ")


def detail_value(key: str, value: object) -> str:
    """A detail's value with the unit that its key ends in."""
    suffix = key.rpartition("_")[2]
    if suffix not in _DETAIL_UNITS and isinstance(value, (int, float)) and float(value).is_integer():
        return f"{value:.0f}".replace("-", "−")  # a count
    return with_unit(value, _DETAIL_UNITS.get(suffix, "1"))


def correction_words(c: Record) -> str:
    """Who changed what, when and why."""
    unit = IQM_BY_ID[c["iqm"]].unit if c.get("iqm") in IQM_BY_ID else "1"
    before = with_unit(c.get("original"), unit) if c.get("original") is not None else "not assessable"
    after = (
        with_unit(c.get("value"), unit)
        if c.get("value") is not None
        else f"measured again after an edit of {c.get('finding')}"
    )
    return f"{c.get('corrector')} at {c.get('time')}: {before} → {after}; reason: {c.get('reason')}"
