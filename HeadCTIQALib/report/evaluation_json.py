"""The evaluation for programs: every number with its n, interval and reason, by ids, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from HeadCTIQALib import RESEARCH_USE, __version__
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.record.rounding import plain
from HeadCTIQALib.report.evaluation_cells import title_of
from HeadCTIQALib.report.evaluation_tables import known

if TYPE_CHECKING:
    from HeadCTIQALib.cohort.evaluation import Agreement, BetweenReaders, Evaluation, Part

FORMAT = "headctiqa-evaluation/1"


def as_json(e: Evaluation) -> str:
    """Everything in ``e`` as JSON text; what does not exist is null, with the reason beside it."""
    power = {p.title: asdict(d) for p, d in e.power}
    content = {
        "format": FORMAT,
        "software": f"HeadCTIQA {__version__}",
        "research_use": RESEARCH_USE,
        "simulated": e.simulated,
        "model": {"id": e.model.id, "name": e.model.name, "kind": e.model.kind, "provenance": dict(e.model.provenance)},
        "readers": e.readers,
        "margin_points": e.margin,
        "notes": e.notes,
        "parts": [
            {
                "title": p.title,
                "role": p.role,
                "judges": p.judges,
                "scans": [e.scans[i].name for i in p.rows],
                "power": power.get(p.title),
            }
            for p in e.parts
        ],
        "measurements": [_agreement(a) for a in e.measurements],
        "scores": [_agreement(a) for a in e.scores],
        "correlations": [
            {"iqm": c.iqm, "part": c.part.title, "category": asdict(c.category), "overall": asdict(c.overall)}
            for c in e.correlations
        ],
        "between_readers": [_between(b) for b in e.between],
        "subgroups": [{"group": s.group, "value": s.value, **_agreement(s.agreement)} for s in e.subgroups],
        "scans": [_scan(e, n) for n in range(len(e.scans))],
    }
    text = json.dumps(
        plain(content, "evaluation", decimals=9), indent=1, allow_nan=False
    )  # ASCII: no name acts on a terminal,
    return text.replace("<", "\\u003c") + "\n"  # and none on a page that the text is put into


def _agreement(a: Agreement) -> dict[str, Any]:
    return {
        **_about(a.target, a.part),
        "n": a.n,
        "left_out": a.left_out,
        "icc_a1": asdict(a.icc),
        "mad": asdict(a.mad),
        "mape_percent": asdict(a.mape),
        "pearson_r": asdict(a.r),
        "paired_t": asdict(a.test),
        "equivalence": None if a.tost is None else asdict(a.tost),
        "bland_altman": asdict(a.limits),
        "calibration_slope": asdict(a.calibration),
    }


def _between(b: BetweenReaders) -> dict[str, Any]:
    return {
        **_about(b.target, b.part),
        "readers": b.readers,
        "left_out": b.left_out,
        "icc_a1": asdict(b.single),
        "icc_ak": asdict(b.mean),
        "icc_c1": asdict(b.consistency),
        "weighted_kappa": None if b.kappa is None else asdict(b.kappa),
        "each_with_the_others": {r: asdict(e) for r, e in b.each.items()},
    }


def _about(target: str, part: Part) -> dict[str, Any]:
    return {
        "target": target,
        "title": title_of(target),
        "unit": IQM_BY_ID[target].unit if target in IQM_BY_ID else "points",
        "part": part.title,
    }


def _scan(e: Evaluation, n: int) -> dict[str, Any]:
    scan = e.scans[n]
    values = {
        t: {"own": known(v.own[n]), "readers": known(v.readers[n]), "judged_by": int(v.judged_by[n])}
        for t, v in e.values.items()
    }
    return {
        "scan": scan.name,
        "cohort": scan.cohort,
        "sha256": scan.sha256,
        "groups": dict(scan.groups),
        "values": values,
    }
