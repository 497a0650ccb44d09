"""The evaluation as tables: what a row says, for the report and for CSV alike."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from HeadCTIQALib import text
from HeadCTIQALib.agreement import Estimate
from HeadCTIQALib.hierarchy import CATEGORY_BY_ID, IQM_BY_ID
from HeadCTIQALib.report.html import Html, join, number, plain_unit, tag

if TYPE_CHECKING:
    from HeadCTIQALib.cohort.evaluation import Agreement, Evaluation


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


def tables(e: Evaluation) -> tuple[Table, ...]:
    """All tables of the evaluation, those without rows left out."""
    made = (_measurements(e), _scores(e), _limits(e), _correlations(e), _between(e), _subgroups(e), _scans(e))
    return tuple(t for t in made if t.rows)


def _measurements(e: Evaluation) -> Table:
    rows = tuple(
        (name_of(a.target), a.part.title, a.n, a.left_out, a.icc, a.mad, a.limits.bias, a.r) for a in e.measurements
    )
    note = "MAD: mean absolute difference, in the unit of the metric. Bias: HeadCTIQA minus the mean of the readers."
    return Table(
        "measurements",
        "Ten metrics against the readers' own measurements",
        ("Metric", "Scans", "n", "left out", "ICC(A,1)", "MAD", "Bias", "Pearson r"),
        rows,
        note,
    )


def _scores(e: Evaluation) -> Table:
    rows = tuple(
        (
            name_of(a.target), a.part.title, a.n, a.left_out, a.icc, a.test.difference, Probability(a.test.p),
            Probability(a.tost.p if a.tost else None), _verdict(a), a.mad, a.mape, a.r,
        )
        for a in e.scores
    )  # fmt: skip
    head = (
        "Score",
        "Scans",
        "n",
        "left out",
        "ICC(A,1)",
        "Difference",
        "p (t)",
        "p (TOST)",
        f"within ±{e.margin:g}",
        "MAE",
        "MAPE, %",
        "Pearson r",
    )
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
        (
            name_of(a.target),
            a.part.title,
            a.n,
            a.limits.bias,
            a.limits.lower_exact,
            a.limits.upper_exact,
            a.calibration,
            a.limits.slope,
            Probability(a.limits.slope_p),
        )
        for a in (*e.scores, *e.measurements)
    )
    note = (
        "Limits of agreement bias ± 1.96 SD with exact intervals (noncentral t). Calibration slope: the readers' mean on HeadCTIQA; 1 is ideal, below 1 HeadCTIQA spreads "
        "scans further than the readers do, above 1 less far. Bland-Altman slope: of the differences on the means; it is below 0 for every model that was fitted by least "
        "squares and does not explain its readers entirely (R² < 1), so that alone it is no proportional bias: that is what a calibration slope whose interval leaves out 1 shows."
    )
    return Table(
        "bland_altman",
        "Bland-Altman analysis",
        (
            "Target",
            "Scans",
            "n",
            "Bias",
            "Lower limit",
            "Upper limit",
            "Calibration slope",
            "Bland-Altman slope",
            "p (Bland-Altman slope)",
        ),
        rows,
        note,
    )


def _correlations(e: Evaluation) -> Table:
    rows = tuple(
        (
            name_of(c.iqm),
            c.part.title,
            name_of(IQM_BY_ID[c.iqm].category),
            c.category.n,
            c.category,
            c.overall.n,
            c.overall,
        )
        for c in e.correlations
    )
    note = "Margins enter as the millimetres outside their best interval, foreign objects on their logarithmic scale."
    return Table(
        "correlations",
        "Metrics and the readers' scores (Pearson r)",
        ("Metric", "Scans", "Category", "n", "with category score", "n overall", "with overall score"),
        rows,
        note,
    )


def _between(e: Evaluation) -> Table:
    kappas = any(b.kappa is not None for b in e.between)
    rows = tuple(
        (
            name_of(b.target), b.part.title, ", ".join(b.readers) or "nobody", b.single.n, b.left_out, b.single, b.consistency, b.mean,
            *_extremes(tuple(b.each.values())), *([b.kappa] if kappas else []),
        )
        for b in e.between
    )  # fmt: skip
    note = (
        "Over the scans that all readers named in the row judged; left out: those that only some of them did. Readers who share no scan stand in rows of their own. "
        "ICC(A,1): a single reader; ICC(C,1): offsets between readers not counted; ICC(A,k): the mean of all. Lowest and highest: ICC(A,1) of single readers with the mean of the others."
    )
    if kappas:
        note += " Weighted kappa: of the steps of the readers' scale, disagreement by the square of the steps between; of more than two readers the mean over all pairs."
    head = (
        "Target",
        "Scans",
        "readers",
        "n",
        "left out",
        "ICC(A,1)",
        "ICC(C,1)",
        "ICC(A,k)",
        "lowest reader",
        "highest reader",
        *(["weighted kappa"] if kappas else []),
    )
    return Table("readers", "Readers among themselves", head, rows, note)


def _extremes(estimates: Sequence[Estimate]) -> tuple[Estimate | None, Estimate | None]:
    known = sorted((e for e in estimates if e.value is not None), key=lambda e: e.value or 0.0)
    return (known[0], known[-1]) if known else (None, None)


def _subgroups(e: Evaluation) -> Table:
    rows = tuple(
        (
            f"{s.group}: {s.value}",
            s.agreement.n,
            s.agreement.left_out,
            s.agreement.icc,
            s.agreement.limits.bias,
            s.agreement.mad,
            Probability(s.agreement.test.p),
        )
        for s in e.subgroups
    )
    note = "Scans that the model was not fitted to. Small subgroups have wide intervals: look at those, not at the numbers."
    return Table(
        "subgroups",
        "Overall score by subgroup",
        ("Subgroup", "n", "left out", "ICC(A,1)", "Bias", "MAE", "p (t)"),
        rows,
        note,
    )


def _scans(e: Evaluation) -> Table:
    """A row a scan, for programs: own value, the readers' mean, how many judged, own minus mean."""
    targets = [t for t, v in e.values.items() if v.judged_by.any()]
    head = (
        "scan",
        "cohort",
        "part",
        *(h for t in targets for h in (t, f"{t}: readers", f"{t}: judged by", f"{t}: difference")),
    )
    part_of = {int(row): p.title for p in reversed(e.parts) for row in p.rows}
    rows = []
    for n, scan in enumerate(e.scans):
        cells: list[Cell] = [scan.name, scan.cohort, part_of[n]]
        for t in targets:
            own, read = (known(v[n]) for v in (e.values[t].own, e.values[t].readers))
            cells += [own, read, int(e.values[t].judged_by[n]), None if own is None or read is None else own - read]
        rows.append(tuple(cells))
    return Table("scans", "Scan by scan", head, tuple(rows))


def known(value: float) -> float | None:
    """A number; None for NaN."""
    return float(value) if math.isfinite(value) else None
