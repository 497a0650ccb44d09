"""The evaluation as tables: what a row says, for the report and for CSV alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from HeadCTIQALib.agreement import Estimate
from HeadCTIQALib.hierarchy import IQM_BY_ID

from .evaluation_cells import Cell, Probability, Table, name_of

if TYPE_CHECKING:
    from HeadCTIQALib.cohort.evaluation import Agreement, Evaluation


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
