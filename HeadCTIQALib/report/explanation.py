"""Why a score or value is what it is, and how it was made, as short markup for a panel (the subset that Qt shows)."""

from __future__ import annotations

import msgspec

from HeadCTIQALib.hierarchy import CATEGORY_BY_ID, IQM, IQM_BY_ID, iqms_of
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import EvidenceEntry, Scored
from HeadCTIQALib.report.appendix import term, title, words
from HeadCTIQALib.report.html import Html, join, number, points, tag, with_unit
from HeadCTIQALib.report.record import (
    advice,
    limit_row,
    notes,
    overall_points,
    points_by_source,
    reasons,
)
from HeadCTIQALib.report.rows import points_lost, reason_of
from HeadCTIQALib.report.statistics import MaskStatistic
from HeadCTIQALib.report.strips import BAND_MARKS
from HeadCTIQALib.report.summary import context_line, plain_words
from HeadCTIQALib.report.tree import correction_words, detail_value, detail_words


def why(record: Record, id_: str) -> Html:
    """Plain reasons and contributions in points of "overall", a category or an IQM."""
    if id_ in IQM_BY_ID:
        return _why_iqm(record, IQM_BY_ID[id_])
    if id_ in CATEGORY_BY_ID:
        return _why_category(record, id_)
    return _why_overall(record)


def how(record: Record, id_: str) -> Html:
    """Formula, sources, networks, acquisition and corrections behind "overall", a category or an IQM."""
    pairs = _how_iqm(record, IQM_BY_ID[id_]) if id_ in IQM_BY_ID else _how_score(record, id_)
    pairs.append(("Networks", _networks(record)))
    pairs.append(("Acquisition", context_line(record) or "not known"))
    software = record.software
    by = f"{software.name} {software.version}; record {record.schema}, {record.created}"
    pairs.append(("Software", by))
    return _pairs(pairs)


def masks(statistics: list[MaskStatistic], marked: tuple[str, ...] = ()) -> Html:
    """Statistics as a table; the masks of the evidence come first and bold."""
    ordered = sorted(statistics, key=lambda s: s.id not in marked)
    head = tag(
        "tr",
        *(
            tag("th", h, align=a)
            for h, a in (("Mask", "left"), ("Volume", "right"), ("Mean HU", "right"), ("SD HU", "right"))
        ),
    )
    lines = [head]
    for s in ordered:
        title: object = tag("b", s.title) if s.id in marked else s.title
        cells = (with_unit(s.volume_ml, "mL"), number(s.mean_hu), number(s.sd_hu))
        lines.append(tag("tr", tag("td", title), *(tag("td", c, align="right") for c in cells)))
    return tag("table", *lines, cellspacing="0", cellpadding="3", width="100%")


def _why_overall(record: Record) -> Html:
    score = record.overall.score
    limit = limit_row(record)
    found = reasons(record)
    heading = "What costs points" if score is not None else "What costs points, in its category"
    parts: list[object] = []
    if score is None:
        parts.append(tag("p", plain_words(record.overall.withheld_reason)))
    todo = [(IQM_BY_ID[i].item_title, advice(record.iqms[i])[0]) for i in record.verdict.limiting]
    if any(do for _, do in todo):
        parts += [
            tag("p", tag("b", "What to do")),
            tag("ul", *(tag("li", tag("b", title), ": ", plain_words(do)) for title, do in todo if do)),
        ]
    if found:
        lines = [(points(p), IQM_BY_ID[i].item_title, reason_of(record, i)) for i, p in found]
        lines += [(points(limit[1]), "Limit above the worst category", limit[2])] if limit else []
        parts += [tag("p", tag("b", heading)), _lines(lines)]
    unclear = [m for m in IQM_BY_ID.values() if record.iqms[m.id].status == "not_assessable"]
    if unclear:
        parts += [
            tag("p", tag("b", "Not assessable")),
            _lines([("✕", m.item_title, record.iqms[m.id].reason) for m in unclear]),
        ]
    if told := notes(record):
        parts += [tag("p", tag("b", "Please note")), tag("ul", *(tag("li", plain_words(n)) for n in told))]
    return join(*parts)


def _why_category(record: Record, id_: str) -> Html:
    entry = record.categories[id_]
    parts: list[object] = []
    if entry.score is None:
        parts.append(tag("p", tag("b", "Withheld: "), plain_words(entry.withheld_reason)))
    lost = points_by_source(entry.contributions)
    parts.append(
        _lines(
            [(points(lost[m.id]) if m.id in lost else "–", m.item_title, reason_of(record, m.id)) for m in iqms_of(id_)]
        )
    )
    if entry.score is not None:
        parts.append(
            tag(
                "p",
                f"{number(entry.base)} "
                + " ".join(points(p) for p in lost.values())
                + f" = {number(entry.score)} of 100",
            )
        )
    return join(*parts)


def _why_iqm(record: Record, iqm: IQM) -> Html:
    entry = record.iqms[iqm.id]
    parts: list[object] = [tag("p", reason_of(record, iqm.id))]
    if told := " ".join(s for s in advice(entry) if s):
        parts.append(tag("p", tag("b", "What to do: "), plain_words(told)))
    lost = points_lost(record, iqm)
    if lost:
        parts.append(
            tag("p", tag("b", "Points: "), ", ".join(f"{points(p)} in the {where} score" for where, p in lost))
        )
    if entry.status == "corrected":
        parts.append(tag("p", tag("b", "✎ Corrected: "), entry.reason))
    if entry.flags:
        parts.append(tag("ul", *(tag("li", plain_words(f)) for f in entry.flags)))
    return join(*parts)


def _how_iqm(record: Record, iqm: IQM) -> list[tuple[str, object]]:
    entry = record.iqms[iqm.id]
    by_band = msgspec.structs.asdict(entry.ranges)
    ranges = ", ".join(f"{BAND_MARKS[b]} {b} {plain_words(r)}" for b, r in by_band.items())
    unit = "" if iqm.unit == "1" else f" ({iqm.unit})"
    pairs: list[tuple[str, object]] = [
        ("Formula", plain_words(entry.definition)),
        ("Measured by", plain_words(entry.method or "–")),
        (f"Curve{unit}", plain_words(", ".join(f"{x:g}: {y:g}" for x, y in entry.knots))),
        (f"Ranges{unit}", ranges),
        ("Source", plain_words(entry.source if "inference" in entry.source else f"reconstruction; {entry.source}")),
    ]
    if entry.details:
        told = ", ".join(f"{detail_words(k)} {detail_value(k, v)}" for k, v in entry.details.items())
        pairs.append(("Details", told))
    if entry.evidence is not None:
        pairs.append(("Evidence", _evidence_words(entry.evidence)))
    pairs += [("Corrected", correction_words(c)) for c in record.corrections if c.iqm == iqm.id]
    pairs.append(("To correct it", iqm.correction))
    return pairs


def _evidence_words(evidence: EvidenceEntry) -> str:
    slices = evidence.slices
    parts = [f"{evidence.view} view"]
    if evidence.slice_index is not None:
        parts.append(f"slice {evidence.slice_index + 1} from below")
    if slices:
        parts.append(
            f"{len(slices)} slice{'s' if len(slices) > 1 else ''} concerned ({slices[0] + 1} to {slices[-1] + 1})"
            if len(slices) > 1
            else f"slice {slices[0] + 1} concerned"
        )
    if evidence.masks:
        parts.append(f"masks {', '.join(m.replace('_', ' ') for m in evidence.masks)}")
    if evidence.points:
        parts.append(f"{len(evidence.points)} points")
    return "; ".join(parts)


def _how_score(record: Record, id_: str) -> list[tuple[str, object]]:
    model = record.scoring_model
    pairs: list[tuple[str, object]] = [("Scoring model", f"{model.name} ({model.kind})")]
    pairs.append(("Profile", record.profile.name))
    pairs += [(k.replace("_", " ").capitalize(), words(v)) for k, v in model.provenance.items()]
    entry: Scored = record.categories[id_] if id_ in CATEGORY_BY_ID else record.overall
    terms = [
        join(
            points(t.points),
            " ",
            title(t.source_id),
            term(t),
            Html("<br>"),
        )
        for t in entry.contributions
    ]
    pairs.append(("Formula", join(f"base {number(entry.base)} + sum of coefficient × feature", Html("<br>"), *terms)))
    if id_ in CATEGORY_BY_ID:
        pairs.append(("Weight in overall", number(record.categories[id_].weight)))
    elif overall_points(record):
        pairs.append(
            ("Read back to metrics", ", ".join(f"{title(i)} {points(p)}" for i, p in overall_points(record).items()))
        )
    return pairs


def _networks(record: Record) -> Html | str:
    if not record.models:
        return "none took part"
    return join(
        *(
            join(
                f"{m.name} {m.version}, SHA-256 ",
                tag("code", m.sha256[:16] + "…"),
                Html("<br>"),
            )
            for m in record.models
        )
    )


def _lines(lines: list[tuple[str, str, str]]) -> Html:
    rows = [
        tag(
            "tr",
            tag("td", tag("b", amount), align="right"),
            tag("td", tag("b", title), Html("<br>"), plain_words(text)),
        )
        for amount, title, text in lines
    ]
    return tag("table", *rows, cellspacing="0", cellpadding="3")


def _pairs(pairs: list[tuple[str, object]]) -> Html:
    rows = [tag("tr", tag("td", tag("b", name)), tag("td", text)) for name, text in pairs]
    return tag("table", *rows, cellspacing="0", cellpadding="3", width="100%")
