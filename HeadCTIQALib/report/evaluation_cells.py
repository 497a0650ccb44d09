"""Tables of an evaluation: a cell knows how it stands on the page and in a CSV file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from HeadCTIQALib import text
from HeadCTIQALib.agreement import Estimate
from HeadCTIQALib.hierarchy import CATEGORY_BY_ID, IQM_BY_ID
from HeadCTIQALib.report.html import Html, join, number, plain_unit, tag

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Name:
    """What a row is about: ``title`` for people, ``id`` for programs."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Probability:
    """A p-value: "< .001" for people, a number for programs."""

    value: float | None


Cell = str | int | float | Estimate | Name | Probability | None


@dataclass(frozen=True)
class Table:
    """A table of the evaluation.  ``key`` names its CSV file; rows are as long as ``head``."""

    key: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    @property
    def missing(self) -> str:
        """Why numbers or intervals are missing, in which rows; empty when none is."""
        rows: dict[str, dict[str, None]] = {}
        for row in self.rows:
            for c in row:
                if isinstance(c, Estimate) and c.reason:
                    label = ", ".join(w for w in (words_of(row[0]), row[1] if isinstance(row[1], str) else "") if w)
                    rows.setdefault(c.reason.rstrip("."), {})[label] = None
        told = (
            f"{reason} ({'; '.join(list(found)[:4])}{f'; and {len(found) - 4} more' if len(found) > 4 else ''})"
            for reason, found in rows.items()
        )
        return f"Not available: {'. '.join(told)}." if rows else ""

    def html(self) -> Html:
        """For the report: numbers short, intervals in brackets, reasons where there is no number."""
        body = [
            tag(
                "tr",
                tag("th", words_of(row[0]), scope="row"),
                *(tag("td", shown(c), class_=None if isinstance(c, str) else "num") for c in row[1:]),
            )
            for row in self.rows
        ]
        top = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in self.head)))
        inner = tag("table", tag("caption", self.title), top, tag("tbody", *body), class_="plain wide")
        return join(
            tag("div", inner, class_="scroll"), *(tag("p", t, class_="quiet") for t in (self.note, self.missing) if t)
        )

    def csv(self) -> str:
        """With full precision.  An estimate takes the columns value, low, high, n, reason; a name title, id; a p-value number, shown."""
        more = [next((m for row in self.rows if (m := _more(row[k]))), ()) for k in range(len(self.head))]
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            [name for h, names in zip(self.head, more, strict=True) for name in (h, *(f"{h}: {m}" for m in names))]
        )
        for row in self.rows:
            writer.writerow([v for c, names in zip(row, more, strict=True) for v in _values(c, len(names))])
        return out.getvalue()


def _more(cell: Cell) -> tuple[str, ...]:
    """What further columns a cell takes."""
    if isinstance(cell, Estimate):
        return "low", "high", "n", "reason"
    return ("id",) if isinstance(cell, Name) else ("shown",) if isinstance(cell, Probability) else ()


def _values(cell: Cell, more: int) -> list[object]:
    if isinstance(cell, Estimate):
        return [_full(cell.value), _full(cell.low), _full(cell.high), cell.n, _full(cell.reason)]
    if isinstance(cell, Name):
        return [_full(cell.title), _full(cell.id)]
    if isinstance(cell, Probability):
        return [_full(cell.value), "" if cell.value is None else probability(cell.value)]
    return [_full(cell), *[""] * more]


def words_of(cell: Cell) -> str:
    """The text of a cell that names its row."""
    return cell.title if isinstance(cell, Name) else "" if cell is None else str(cell)


def _full(value: str | float | None) -> str:
    if isinstance(value, str):
        return text.cell(value)
    return "" if value is None else f"{value:.8g}" if isinstance(value, float) else str(value)


def shown(cell: Cell) -> Html:
    """A cell as printed."""
    if isinstance(cell, Estimate):
        if cell.value is None:
            return tag("span", "–", title=cell.reason)
        if cell.low is None or cell.high is None:
            return tag("span", f"{number(cell.value)}", title=cell.reason)
        return join(number(cell.value), tag("small", f" ({number(cell.low)} to {number(cell.high)})"))
    if isinstance(cell, Probability):
        return join(probability(cell.value))
    if isinstance(cell, float):
        return join(number(cell))
    return join(words_of(cell)) if cell is not None else join("–")


def probability(p: float | None) -> str:
    """A p-value as printed."""
    return "–" if p is None else "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def title_of(target: str) -> str:
    """Name of a target for people, with its unit where it has one."""
    if target in IQM_BY_ID:
        m = IQM_BY_ID[target]
        return f"{m.title}, {plain_unit(m.unit)}"
    return CATEGORY_BY_ID[target].title if target in CATEGORY_BY_ID else "Overall"


def name_of(target: str) -> Name:
    """Id and title of a target."""
    return Name(target, title_of(target))
