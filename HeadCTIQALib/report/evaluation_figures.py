"""The drawings of an evaluation, by file name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from HeadCTIQALib.agreement import Estimate
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.report.evaluation_cells import title_of
from HeadCTIQALib.report.html import Html, plain_unit
from HeadCTIQALib.report.plots import bland_altman_plot, forest, scatter

if TYPE_CHECKING:
    from HeadCTIQALib.cohort.evaluation import Evaluation, Part

_ICC = "ICC(A,1) with the readers (95 % CI)"


def figures(e: Evaluation) -> dict[str, Html]:
    """Drawings by file name; none of what has no number."""
    made: dict[str, Html] = {}
    judging = [p for p in e.parts if p.judges]
    if len(judging) > 1:
        overall = [(a.part.title, a) for p in judging for a in e.scores if a.part == p and a.target == "overall"]
        points = f"HeadCTIQA − readers, points (95 % CI; dashed: ±{e.margin:g})"
        icc, bias = [(t, a.icc) for t, a in overall], [(t, a.limits.bias) for t, a in overall]
        made |= _forest("cohorts-icc", icc, "Overall score by cohort", _ICC, low=min(0.5, *_lows(icc)), high=1.0)
        made |= _forest(
            "cohorts-bias", bias, "Bias of the overall score by cohort", points, marks=(-e.margin, 0.0, e.margin)
        )
    for p in judging:
        made |= _icc_of_part(e, p)
    for p in judging:
        made |= _pairs_of_part(e, p)
    groups = [(f"{s.group}: {s.value}", s.agreement.limits.bias) for s in e.subgroups]
    return made | _forest(
        "subgroups-bias",
        groups,
        "Bias of the overall score by subgroup",
        "HeadCTIQA − readers, points (95 % CI)",
        marks=(0.0,),
    )


def _forest(
    key: str,
    rows: list[tuple[str, Estimate]],
    title: str,
    x_title: str,
    low: float | None = None,
    high: float | None = None,
    marks: tuple[float, ...] = (),
) -> dict[str, Html]:
    if all(estimate.value is None for _, estimate in rows):
        return {}
    return {key: forest(rows, title, x_title, f"{title}: {x_title}", low, high, marks)}


def _icc_of_part(e: Evaluation, p: Part) -> dict[str, Html]:
    made: dict[str, Html] = {}
    for key, found, heading in (("metrics", e.measurements, "Metrics"), ("scores", e.scores, "Scores")):
        rows = [(title_of(a.target).split(",")[0], a.icc) for a in found if a.part == p]
        made |= _forest(
            f"{key}-icc-{file_name(p.title)}", rows, f"{heading}, {p.title}", _ICC, low=min(0.5, *_lows(rows)), high=1.0
        )
    return made


def _pairs_of_part(e: Evaluation, p: Part) -> dict[str, Html]:
    made: dict[str, Html] = {}
    name = file_name(p.title)
    for a in e.scores:
        if a.part == p and a.n and (a.target == "overall" or p.role in ("test", "all")):
            title = f"{title_of(a.target)}\n{p.title}, n = {a.n}"
            made[f"scatter-{a.target}-{name}"] = scatter(a.own, a.readers, title, "points", "Scatter plot")
            made[f"bland-altman-{a.target}-{name}"] = bland_altman_plot(
                a.own, a.readers, a.limits, title, "points", "Bland-Altman plot"
            )
    for a in e.measurements:
        if a.part == p and a.n and p.role in ("test", "all"):
            m = IQM_BY_ID[a.target]
            title = f"{m.item_title}\n{p.title}, n = {a.n}"
            made[f"metrics-bland-altman-{a.target}-{name}"] = bland_altman_plot(
                a.own, a.readers, a.limits, title, plain_unit(m.unit), "Bland-Altman plot"
            )
    return made


def _lows(rows: list[tuple[str, Estimate]]) -> list[float]:
    return [e.low for _, e in rows if e.low is not None] or [0.5]


def file_name(title: str) -> str:
    """A title as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "scans"
