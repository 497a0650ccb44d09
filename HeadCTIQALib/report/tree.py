"""The hierarchy as a tree in one table, and a section with all facts for every IQM."""

from __future__ import annotations

import msgspec

from HeadCTIQALib.hierarchy import CATEGORIES, IQM, IQM_BY_ID, iqms_of
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import IqmEntry, Ranges
from HeadCTIQALib.record.types import CorrectionEntry
from HeadCTIQALib.report.html import Html, join, plain_unit, points, tag, with_unit
from HeadCTIQALib.report.record import (
    AnyScored,
    advice,
    band_text,
    caption,
    category_points,
    ceiling,
    limit_row,
    measured,
    overall_points,
    score_and_spread,
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
    entry = record.categories[category]
    score, reason = entry.score, entry.withheld_reason
    overall = overall_points(record)
    total = sum(overall.get(m.id, 0.0) for m in iqms_of(category))
    shown = tag(
        "span",
        "withheld" if score is None else score_and_spread(entry),
        class_="cat-score" if score is not None else "cat-score none",
    )
    first = tag(
        "tr",
        tag("th", title, tag("small", f" weight {100 * entry.weight:.0f} %"), scope="rowgroup"),
        tag("td", shown),
        tag("td", score_bar(score, entry.band, 230, 12)),
        tag("td", _chip(entry), tag("p", reason, class_="quiet") if reason else None),
        tag("td", ""),
        tag("td", points(total) if overall else "", class_="num"),
        class_="category", id=f"cat-{category}",
    )  # fmt: skip
    return tag("tbody", first, *(row for m in iqms_of(category) for row in _item_rows(record, m, overall)))


def _item_rows(record: Record, iqm: IQM, overall: dict[str, float]) -> tuple[Html, Html]:
    """The item with its score and points, and below it the metric with what was measured."""
    entry = record.iqms[iqm.id]
    reason = entry.reason
    within = category_points(record, iqm.category)
    scored = entry.value is not None and entry.scored
    item = tag(
        "tr",
        tag("th", tag("a", iqm.item_title, href=f"#{iqm.id}"), scope="row"),
        tag("td", tag("b", score_and_spread(entry) if scored else "–")),
        tag("td", score_bar(entry.score if scored else None, entry.band, 230, 9)),
        tag("td", _item_state(entry), tag("p", ceiling(entry), class_="quiet") if ceiling(entry) else None),
        *(tag("td", points(found[iqm.id]) if iqm.id in found else "", class_="num") for found in (within, overall)),
        class_="item",
    )
    metric = tag(
        "tr",
        tag("th", iqm.title, scope="row"),
        tag("td", _value(iqm, entry), class_="value"),
        tag("td", _strip(iqm, entry, 230)),
        tag("td", status_chip(entry.status), tag("p", reason, class_="quiet") if reason else None),
        tag("td", ""),
        tag("td", ""),
        class_="metric",
    )
    return item, metric


def _item_state(entry: IqmEntry) -> Html:
    """Band of an item, or why it has none."""
    if entry.value is None:
        return tag("span", "not assessable", class_="none")
    return _chip(entry) if entry.scored else tag("span", "not scored by this profile", class_="none")


def _chip(entry: AnyScored) -> Html:
    """The band, with the one that it is close to in words."""
    band = entry.band
    near = band_text(entry).removeprefix(str(band)).removeprefix(", ") if band else ""
    return join(band_chip(band), tag("span", f" {near}", class_="near") if near else None)


def _value(iqm: IQM, entry: IqmEntry) -> Html:
    return tag("span", "no value", class_="none") if entry.value is None else tag("b", measured(entry, iqm))


def _strip(iqm: IQM, entry: IqmEntry, width: int) -> Html:
    """The ranges with a marker at the value that was judged."""
    words = "no value" if entry.value is None else f"{measured(entry, iqm)}, {entry.band}"
    return range_strip(iqm, entry.read_at, words, width, entry.knots)


def iqm_section(record: Record, iqm: IQM, figures: list[Html]) -> Html:
    """Everything about one IQM: pictures of the evidence, value, ranges, definition, method, source, flags, details."""
    entry = record.iqms[iqm.id]
    value = entry.value
    seen, told = caption(entry, iqm), advice(entry)
    return tag(
        "section",
        tag("h3", tag("span", iqm.item_title), tag("small", f" {iqm.title}")),
        tag("p", _value(iqm, entry), _scored(entry), status_chip(entry.status), class_="headline"),
        tag("p", plain_words(seen), class_="caption") if seen else None,
        tag("p", tag("b", "What to do: "), plain_words(" ".join(told)), class_="todo") if any(told) else None,
        tag("p", tag("b", "Not assessable: " if value is None else "Reason: "), entry.reason, class_="reason") if entry.reason else None,
        tag("ul", *(tag("li", plain_words(f)) for f in entry.flags), class_="flags") if entry.flags else None,
        tag("div", *figures, class_="figures") if figures else tag("p", "No picture: there is no evidence to show.", class_="quiet"),
        tag("div", tag("div", _strip(iqm, entry, 330), _ranges(iqm, entry.ranges), class_="facts-left"), _facts(record, iqm), class_="facts"),
        class_="iqm", id=iqm.id,
    )  # fmt: skip


def _scored(entry: IqmEntry) -> Html:
    """Score of the item beside its value."""
    if entry.value is None or not entry.scored:
        return join(" ", _item_state(entry), " ") if entry.value is not None else Html(" ")
    return join(" score ", tag("b", score_and_spread(entry)), " ", _chip(entry))


def _ranges(iqm: IQM, ranges: Ranges) -> Html:
    found = msgspec.structs.asdict(ranges)
    cells = [tag("td", r.replace("-", "−").replace("<=", "≤").replace(">=", "≥")) for r in found.values()]
    head = tag("tr", *(tag("th", band_chip(b), scope="col") for b in found))
    title = tag("caption", f"Ranges in {plain_unit(iqm.unit)}" if iqm.unit != "1" else "Ranges (ratio)")
    return tag("table", title, tag("thead", head), tag("tbody", tag("tr", *cells)), class_="plain ranges")


def _facts(record: Record, iqm: IQM) -> Html:
    entry = record.iqms[iqm.id]
    pairs: list[tuple[str, object]] = [
        ("Symbol", iqm.symbol),
        ("Definition", plain_words(entry.definition)),
    ]
    pairs.append(("Method", plain_words(entry.method or "–")))
    origin = entry.source
    pairs.append(
        ("Source of the ranges", plain_words(origin if "inference" in origin else f"reconstruction; {origin}"))
    )
    details = entry.details
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
    corrected = [c for c in record.corrections if c.iqm == iqm.id]
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


def correction_words(c: CorrectionEntry) -> str:
    """Who changed what, when and why."""
    unit = IQM_BY_ID[c.iqm].unit
    before = with_unit(c.original, unit) if c.original is not None else "not assessable"
    after = with_unit(c.value, unit) if c.value is not None else f"measured again after an edit of {c.finding}"
    return f"{c.corrector} at {c.time}: {before} → {after}; reason: {c.reason}"
