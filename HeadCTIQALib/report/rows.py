"""An assessment as the rows of a tree: overall, then category > item > IQM; for any panel that shows one.

Every state has a mark and a word beside its colour, so that colour is never the only signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from HeadCTIQALib.hierarchy import CATEGORIES, IQM, IQM_BY_ID, iqms_of
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import Scored
from HeadCTIQALib.report.html import points
from HeadCTIQALib.report.record import (
    advice,
    band_text,
    caption,
    category_points,
    measured,
    overall_points,
    score_and_spread,
)
from HeadCTIQALib.report.strips import BAND_MARKS
from HeadCTIQALib.report.summary import plain_words

Kind = Literal["overall", "category", "item", "iqm"]
OVERALL = "overall"
WITHHELD, NOT_ASSESSABLE, NOT_SCORED = "withheld", "not assessable", "not scored"
MARKS = {**BAND_MARKS, WITHHELD: "○", NOT_ASSESSABLE: "✕", NOT_SCORED: "–"}
CORRECTED = "✎"


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        id: "overall", or the id of the category or IQM, or "item/" and the id of the item (an item may be called as its IQM is).
        parent: id of the row above in the tree; empty for the topmost rows.
        iqm: the IQM whose evidence the row stands for; empty for the overall score and categories.
        title, value: as printed; the value is a score, or a measured value with its unit.
        share: 0..1, how full the bar is: the score.
        state: "good", "acceptable", "poor", "withheld", "not assessable" or "not scored" (the profile leaves it out).
        corrected: a person had a hand in it.
        points: what it takes from (or adds to) the overall score, printed; empty when there is no such number.
        reason: one sentence in plain words.
        advice: what to do about it and what would reach the next band; empty where it is good, and for scores of several items.
        words: the state in words, where they say more: "poor, close to acceptable".
    """

    id: str
    kind: Kind
    parent: str
    iqm: str
    title: str
    value: str
    share: float | None
    state: str
    corrected: bool
    points: str
    reason: str
    advice: str = ""
    words: str = ""

    @property
    def rating(self) -> str:
        """Mark and words, e.g. ``▲ acceptable, close to good ✎``."""
        return self._marked(f" {self.words or self.state}")

    @property
    def short_rating(self) -> str:
        """Mark and band, e.g. ``▲ acceptable ✎``."""
        return self._marked(f" {self.state}")

    @property
    def mark(self) -> str:
        """The mark alone, e.g. ``▲ ✎``."""
        return self._marked("")

    def _marked(self, words: str) -> str:
        return f"{MARKS[self.state]}{words}" + (f" {CORRECTED}" if self.corrected else "")


def rows(record: Record) -> list[Row]:
    """The overall row and then the tree, parents before their children, in the order of the hierarchy."""
    found = [_score_row(record, OVERALL, "overall", "Overall", record.overall, None)]
    lost = overall_points(record)
    for category in CATEGORIES:
        total = sum(lost.get(m.id, 0.0) for m in iqms_of(category.id)) if lost else None
        entry = record.categories[category.id]
        found.append(_score_row(record, category.id, "category", category.title, entry, total))
        for iqm in iqms_of(category.id):
            found += _iqm_rows(record, iqm, lost.get(iqm.id))
    return found


def reason_of(record: Record, iqm: str) -> str:
    """Why an IQM is what it is, in plain words: the caption of its evidence with the range in force, or why there is no value."""
    entry = record.iqms[iqm]
    if entry.value is None:
        return plain_words(f"Not assessable: {entry.reason}")
    return plain_words(caption(entry, IQM_BY_ID[iqm]))


def points_lost(record: Record, iqm: IQM) -> list[tuple[str, float]]:
    """("category" and "overall", points) of one IQM, those that exist."""
    within, overall = category_points(record, iqm.category), overall_points(record)
    return [(name, found[iqm.id]) for name, found in (("category", within), ("overall", overall)) if iqm.id in found]


def _score_row(record: Record, id_: str, kind: Kind, title: str, entry: Scored, total: float | None) -> Row:
    score = entry.score
    members = [m.id for c in CATEGORIES if kind == "overall" or c.id == id_ for m in iqms_of(c.id)]
    return Row(
        id_, kind, "", "", title,
        score_and_spread(entry),
        None if score is None else score / 100.0,
        WITHHELD if score is None else str(entry.band),
        any(record.iqms[m].status == "corrected" for m in members),
        "" if total is None else points(total),
        plain_words(entry.withheld_reason),
        words=band_text(entry),
    )  # fmt: skip


def _iqm_rows(record: Record, iqm: IQM, lost: float | None) -> list[Row]:
    entry = record.iqms[iqm.id]
    value, score, scored = entry.value, entry.score, entry.scored
    state = NOT_ASSESSABLE if value is None else str(entry.band) if scored else NOT_SCORED
    known = (
        None if score is None or not scored else score / 100.0,
        state,
        entry.status == "corrected",
        "" if lost is None else points(lost),
        reason_of(record, iqm.id),
        plain_words(" ".join(s for s in advice(entry) if s)),
        band_text(entry) if state == entry.band else "",
    )
    return [
        Row(
            f"item/{iqm.item}",
            "item",
            iqm.category,
            iqm.id,
            iqm.item_title,
            score_and_spread(entry) if scored else "–",
            *known,
        ),
        Row(
            iqm.id,
            "iqm",
            f"item/{iqm.item}",
            iqm.id,
            f"{iqm.title} {iqm.symbol}",
            "–" if value is None else measured(entry, iqm),
            *known,
        ),
    ]
