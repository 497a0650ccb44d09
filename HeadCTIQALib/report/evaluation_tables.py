"""The evaluation as tables: what a row says, for the report and for CSV alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from HeadCTIQALib import text
from HeadCTIQALib.agreement import Estimate
from HeadCTIQALib.hierarchy import CATEGORY_BY_ID, IQM_BY_ID
from HeadCTIQALib.report.html import Html, join, number, plain_unit, tag

if TYPE_CHECKING:
    from HeadCTIQALib.cohort.evaluation import Agreement, Evaluation

Cell = str | int | float | Estimate | None


@dataclass(frozen=True)
class Table:
    """A table of the evaluation.  ``key`` names its CSV file; rows are as long as ``head``."""

    key: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def html(self) -> Html:
        """For the report: numbers short, intervals in brackets, reasons where there is no number."""
        body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", shown(c), class_=None if isinstance(c, str) else "num") for c in row[1:])) for row in self.rows]
        top = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in self.head)))
        inner = tag("table", tag("caption", self.title), top, tag("tbody", *body), class_="plain wide")
        return join(tag("div", inner, class_="scroll"), tag("p", self.note, class_="quiet") if self.note else None)

    def csv(self) -> str:
        """With full precision: an estimate takes the columns value, low, high, n and reason."""
        wide = [any(isinstance(row[k], Estimate) for row in self.rows) for k in range(len(self.head))]
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([name for h, w in zip(self.head, wide, strict=True) for name in (_columns(h) if w else [h])])
        for row in self.rows:
            writer.writerow([v for c, w in zip(row, wide, strict=True) for v in _values(c, w)])
        return out.getvalue()


def _columns(head: str) -> list[str]:
    return [head, f"{head}: low", f"{head}: high", f"{head}: n", f"{head}: reason"]


def _values(cell: Cell, wide: bool) -> list[object]:
    if isinstance(cell, Estimate):
        return [_full(cell.value), _full(cell.low), _full(cell.high), cell.n, _full(cell.reason)]
    return [_full(cell), *([""] * 4 if wide else [])]


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
    if isinstance(cell, float):
        return join(number(cell))
    return join(str(cell)) if cell is not None else join("–")


def probability(p: float | None) -> str:
    """A p-value as printed."""
    return "–" if p is None else "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def title_of(target: str) -> str:
    """Name of a target for people, with its unit where it has one."""
    if target in IQM_BY_ID:
        m = IQM_BY_ID[target]
        return f"{m.title}, {plain_unit(m.unit)}"
    return CATEGORY_BY_ID[target].title if target in CATEGORY_BY_ID else "Overall"


def tables(e: Evaluation) -> tuple[Table, ...]:
    """All tables of the evaluation, those without rows left out."""
    made = (_measurements(e), _scores(e), _limits(e), _correlations(e), _between(e), _subgroups(e))
    return tuple(t for t in made if t.rows)


def _measurements(e: Evaluation) -> Table:
    rows = tuple(
        (title_of(a.target), a.part.title, a.n, a.left_out, a.icc, a.mad, a.limits.bias, a.r) for a in e.measurements
    )
    note = "MAD: mean absolute difference, in the unit of the metric. Bias: HeadCTIQA minus the mean of the readers."
    return Table("measurements", "Ten metrics against the readers' own measurements", ("Metric", "Scans", "n", "left out", "ICC(A,1)", "MAD", "Bias", "Pearson r"), rows, note)


def _scores(e: Evaluation) -> Table:
    rows = tuple(
        (
            title_of(a.target), a.part.title, a.n, a.left_out, a.icc, a.test.difference, probability(a.test.p),
            probability(a.tost.p if a.tost else None), _verdict(a), a.mad, a.mape, a.r,
        )
        for a in e.scores
    )  # fmt: skip
    head = ("Score", "Scans", "n", "left out", "ICC(A,1)", "Difference", "p (t)", "p (TOST)", f"within ±{e.margin:g}", "MAE", "MAPE, %", "Pearson r")
    note = (
        "Differences in points, HeadCTIQA minus the mean of the readers. p (t): paired t-test; a large p is no evidence of agreement. "
        f"p (TOST): two one-sided tests of a mean difference within ±{e.margin:g} points; small means shown to be equivalent. Not corrected for the number of tests."
    )
    return Table("scores", "Scores against the mean of the readers", head, rows, note)


def _verdict(a: Agreement) -> str:
    if a.tost is None or a.tost.equivalent is None:
        return "not tested"
    return "equivalent" if a.tost.equivalent else "not shown"


def _limits(e: Evaluation) -> Table:
    rows = tuple(
        (title_of(a.target), a.part.title, a.n, a.limits.bias, a.limits.lower_exact, a.limits.upper_exact, a.limits.slope, probability(a.limits.slope_p))
        for a in (*e.scores, *e.measurements)
    )
    note = "Limits of agreement bias ± 1.96 SD with exact intervals (noncentral t). Slope: of the differences on the means; away from 0 it is proportional bias."
    return Table("bland_altman", "Bland-Altman analysis", ("Target", "Scans", "n", "Bias", "Lower limit", "Upper limit", "Slope", "p (slope)"), rows, note)


def _correlations(e: Evaluation) -> Table:
    rows = tuple(
        (title_of(c.iqm), c.part.title, CATEGORY_BY_ID[IQM_BY_ID[c.iqm].category].title, c.category.n, c.category, c.overall.n, c.overall) for c in e.correlations
    )
    note = "Margins enter as the millimetres outside their best interval, foreign objects on their logarithmic scale."
    return Table("correlations", "Metrics and the readers' scores (Pearson r)", ("Metric", "Scans", "Category", "n", "with category score", "n overall", "with overall score"), rows, note)


def _between(e: Evaluation) -> Table:
    rows = tuple(
        (title_of(b.target), b.part.title, len(b.readers), b.single.n, b.single, b.consistency, b.mean, *_extremes(tuple(b.each.values()))) for b in e.between
    )
    note = "ICC(A,1): a single reader; ICC(C,1): offsets between readers not counted; ICC(A,k): the mean of all. Lowest and highest: ICC(A,1) of single readers with the mean of the others."
    return Table("readers", "Readers among themselves", ("Target", "Scans", "readers", "n", "ICC(A,1)", "ICC(C,1)", "ICC(A,k)", "lowest reader", "highest reader"), rows, note)


def _extremes(estimates: Sequence[Estimate]) -> tuple[Estimate | None, Estimate | None]:
    known = sorted((e for e in estimates if e.value is not None), key=lambda e: e.value or 0.0)
    return (known[0], known[-1]) if known else (None, None)


def _subgroups(e: Evaluation) -> Table:
    rows = tuple(
        (f"{s.group}: {s.value}", s.agreement.n, s.agreement.left_out, s.agreement.icc, s.agreement.limits.bias, s.agreement.mad, probability(s.agreement.test.p))
        for s in e.subgroups
    )
    note = "Scans that the model was not fitted to. Small subgroups have wide intervals: look at those, not at the numbers."
    return Table("subgroups", "Overall score by subgroup", ("Subgroup", "n", "left out", "ICC(A,1)", "Bias", "MAE", "p (t)"), rows, note)
