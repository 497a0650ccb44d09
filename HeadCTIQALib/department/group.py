"""The report of a cohort: one page that works offline, for ten to ten thousand scans."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from HeadCTIQALib import RESEARCH_USE, __version__
from HeadCTIQALib.curve import ranges
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.record import REPORT
from HeadCTIQALib.report.document import document
from HeadCTIQALib.report.html import Html, join, plain_unit, table, tag
from HeadCTIQALib.resources import resource
from HeadCTIQALib.volume.candidates import counted as number_of
from HeadCTIQALib.writing import check_writable, refuse_foreign, starts_with, write_text

from .journal import current
from .reasons import counted
from .spc import robust_baseline
from .table import NAMES, rows
from .trends import Chart, changes, scanner_of, stratum, told, trends

_MARK = "HeadCTIQA: cohort of"
_FEWEST, _FAR = 20, 4.0  # scans of a stratum, and robust SDs from its centre, from which on a value is an outlier
_MOST = 30  # reasons and alarms
_DIMENSIONS = {"verdict": "Verdict", "scanner": "Scanner", "kernel": "Kernel", "thickness": "Slice thickness"}
_VERDICTS = ("good", "acceptable", "poor", "withheld")


def write_group(cohort: Path, output: Path, progress: Progress = silent) -> tuple[Path, int, tuple[str, ...]]:
    """Write the page: its path, the number of scans, and sentences about those left out.

    Raises:
        HeadCTIQAError: see :func:`~.table.rows`; or ``output`` is a file of others or cannot be written.
    """
    check_writable(output)
    refuse_foreign(output, lambda path: starts_with(path, _MARK), "a report of a cohort")
    found, left_out = rows(cohort, progress)
    progress("Drawing the report", 0.0)
    write_text(output, page(cohort, output, found), "The report of the cohort")
    return output, len(found), left_out


def page(cohort: Path, output: Path, found: Sequence[tuple[Any, ...]]) -> str:
    """The document; paths in it lead from ``output`` to the reports of the scans."""
    scans = [dict(zip(NAMES, values, strict=True)) for values in found]
    data = json.dumps(_data(cohort, output, scans), separators=(",", ":")).replace("<", "\\u003c")
    body = tag(
        "body",
        _header(cohort, scans),
        tag(
            "main",
            _controls(scans),
            _overview(),
            _plots(),
            _outliers(),
            _alarms(trends(found)),
            _refused(cohort),
            _list(),
        ),
        tag("script", Html(data), type="application/json", id="data"),
    )
    style = resource("Report", "group.css").read_text(encoding="utf-8")
    script = resource("Report", "group.js").read_text(encoding="utf-8")
    return document(f"{_MARK} {len(scans)} scans", body, style, script)


def _data(cohort: Path, output: Path, scans: Sequence[dict[str, Any]]) -> dict[str, Any]:
    keys = {m.id: m.id for m in IQMS} | {"overall": "overall_score", "ctdi": "ctdi_vol_mgy"}
    values = {key: [_short(s[column]) for s in scans] for key, column in keys.items()}
    return {
        "scan": [s["scan"] for s in scans],
        "base": quote(os.path.relpath(cohort.resolve(), output.resolve().parent)) + "/",
        "report": [f"{quote(s['scan'])}/{REPORT}" if (cohort / s["scan"] / REPORT).is_file() else None for s in scans],
        "date": [s["acquired"] or s["study_date"] or "" for s in scans],
        "limiting": [s["limiting"] for s in scans],
        "dims": {name: _coded([_level(name, s) for s in scans]) for name in _DIMENSIONS},
        "values": values,
        "points": {m.id: [_short(s[f"{m.id}_points"]) for s in scans] for m in IQMS},
        "axes": _axes(values),
        "outliers": _far(scans),
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _level(name: str, scan: dict[str, Any]) -> str:
    thickness = scan["slice_thickness_mm"] or scan["spacing_mm"]
    return {
        "verdict": scan["verdict"] or "withheld",
        "scanner": scanner_of(scan),
        "kernel": scan["kernel"] or "unknown",
        "thickness": f"{thickness:.3g} mm" if thickness else "unknown",
    }[name]


def _coded(levels: Sequence[str]) -> dict[str, Any]:
    known = [v for v in _VERDICTS if v in levels] if set(levels) <= set(_VERDICTS) else sorted(set(levels))
    number = {level: n for n, level in enumerate(known)}
    return {"levels": known, "codes": [number[level] for level in levels]}


def _axes(values: dict[str, list[float | None]]) -> dict[str, dict[str, Any]]:
    """What plots need to know of every number: title, unit, ends, logarithm, and the bands of the default profile."""
    axes: dict[str, dict[str, Any]] = {
        "overall": {"title": "Overall score", "unit": "", "log": 0, "low": 0, "high": 100, "bands": [[0, 60, "poor"], [60, 80, "acceptable"], [80, 100, "good"]]},
        "ctdi": {"title": "CTDIvol", "unit": "mGy", "log": 0, "bands": []},
    }  # fmt: skip
    for m in IQMS:
        axes[m.id] = {
            "title": m.title,
            "unit": plain_unit(m.unit) if m.unit != "1" else "",
            "log": m.log_from,
            "bands": [],
        }
    for key, axis in axes.items():
        known = [v for v in values[key] if v is not None]
        if "low" not in axis:
            low, high = (min(known), max(known)) if known else (0.0, 1.0)
            low = min(low, 0.0) if low < 0.3 * high else low
            axis["low"], axis["high"] = low, high if high > low else low + 1
    for m in IQMS:
        ends = axes[m.id]["low"], axes[m.id]["high"]
        axes[m.id]["bands"] = [[max(r.low, ends[0]), min(r.high, ends[1]), r.band] for r in ranges(m.knots)]
    return axes


def _far(scans: Sequence[dict[str, Any]]) -> list[tuple[int, str, float]]:
    """(scan, IQM, robust SDs from the centre of its stratum) of every outlier, the farthest first."""
    members: dict[str, list[int]] = defaultdict(list)
    for n, scan in enumerate(scans):
        members[stratum(scan)].append(n)
    found: list[tuple[int, str, float]] = []
    for numbers in members.values():
        for m in IQMS:
            own = [n for n in numbers if scans[n][m.id] is not None]
            values = np.array([m.feature(scans[n][m.id]) for n in own])
            base = robust_baseline(values.tolist()) if len(own) >= _FEWEST else None
            if base is not None and base.sigma > 0:
                z = (values - base.centre) / base.sigma
                found += [(own[k], m.id, round(float(z[k]), 2)) for k in np.flatnonzero(np.abs(z) > _FAR)]
    return sorted(found, key=lambda f: -abs(f[2]))


def _header(cohort: Path, scans: Sequence[dict[str, Any]]) -> Html:
    days = sorted(str(d)[:8] for s in scans if (d := s["acquired"] or s["study_date"]))
    days = [f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in dict.fromkeys(days[:1] + days[-1:])]
    between = f", {' to '.join(days)}" if days else ""
    made = Counter(f"HeadCTIQA {s['software']}" for s in scans)
    simulated = sum(bool(s["simulated"]) for s in scans)
    banner = (
        tag("p", f"{simulated} of {len(scans)} scans are simulated.", class_="banner simulated") if simulated else None
    )
    return tag(
        "header",
        tag("p", f"HeadCTIQA {__version__}. {RESEARCH_USE}", class_="brand"),
        tag("h1", f"{len(scans)} scans of {cohort.resolve().name}{between}"),
        tag("p", f"Assessed by {', '.join(f'{name} ({n})' for name, n in made.most_common(4))}.", class_="context"),
        banner,
    )


def _controls(scans: Sequence[dict[str, Any]]) -> Html:
    def options(name: str) -> list[Html]:
        levels = _coded([_level(name, s) for s in scans])["levels"]
        return [tag("option", "all", value=""), *(tag("option", level, value=n) for n, level in enumerate(levels))]

    colour = [tag("option", title, value=name, selected=name == "scanner") for name, title in _DIMENSIONS.items()]
    return tag(
        "div",
        tag("label", "Colour", tag("select", *colour, id="colour")),
        *(tag("label", title, tag("select", *options(name), data_dim=name)) for name, title in _DIMENSIONS.items()),
        tag("label", "Scan", tag("input", id="words", type="search")),
        tag("button", "Show all", id="clear", type="button"),
        tag("button", "Save as work list", id="export", type="button"),
        tag("span", id="shown", class_="shown", role="status"),
        class_="controls", role="group", aria_label="Filter",
    )  # fmt: skip


def _overview() -> Html:
    return join(
        tag("ul", id="legend", class_="legend", aria_label="Colours"),
        tag("h2", "Verdicts"), tag("ul", id="verdicts", class_="counts"),
        tag("h2", "What costs points"),
        tag("p", "Points of the overall score that each metric takes, on average over the scans shown; choose a scanner to see what costs it most.", class_="quiet"),
        tag("ul", id="costs", class_="costs"),
    )  # fmt: skip


def _plots() -> Html:
    def strip(key: str, title: str, unit: str) -> Html:
        label = f"{title}{f' ({unit})' if unit else ''}"
        ends = [
            tag("input", type="number", step="any", data_range=key, aria_label=f"{title} {word}")
            for word in ("from", "to")
        ]
        return tag(
            "figure",
            tag("figcaption", label, tag("span", "from ", ends[0], " to ", ends[1], class_="range")),
            tag("canvas", data_x=key, role="img", aria_label=f"{label}, a point for every scan; the fields above it choose a range"),
        )  # fmt: skip

    strips = [strip(m.id, m.title, "" if m.unit == "1" else plain_unit(m.unit)) for m in IQMS]
    dose = tag(
        "figure",
        tag("figcaption", "Noise (HU) against CTDIvol (mGy)"),
        tag("canvas", data_x="ctdi", data_y="noise", role="img", aria_label="Noise against CTDIvol, a point for every scan"),
        class_="two",
    )  # fmt: skip
    words = "Drag over a plot to choose scans, in all plots and tables; click to choose all again. Shades: good, acceptable and poor by the default profile."
    return join(
        tag("h2", "Metrics"), tag("p", words, class_="quiet"),
        tag("div", strip("overall", "Overall score", ""), *strips, dose, class_="plots"),
    )  # fmt: skip


def _rows(id_: str, head: tuple[str, ...], caption: str) -> Html:
    top = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in head)))
    inside = tag("table", tag("caption", caption), top, tag("tbody", id=id_), class_="plain rows")
    return tag("div", inside, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _outliers() -> Html:
    words = f"More than {_FAR:g} robust SDs from the other scans of the same scanner, protocol, kernel and thickness (at least {_FEWEST})"
    head = ("Scan", "Metric", "Value", "SDs", "Scanner")
    return join(tag("h2", "Outliers"), _rows("outliers", head, words))


def _list() -> Html:
    head = ("Scan", "Date", "Verdict", "Overall", "Below good, the worst first")
    return join(tag("h2", "Scans"), tag("p", id="more", class_="quiet"), _rows("scans", head, "The worst first"))


def _alarms(charts: Sequence[Chart]) -> Html:
    found, charted = changes(charts), sum(c.baseline is not None for c in charts)
    said = [tag("li", told(change)) for change in found[:_MOST]]
    words = f"{number_of(len(found), 'lasting change')} on {number_of(charted, 'control chart')}; headctiqa trends tells more."
    return join(tag("h2", "Trends"), tag("p", words), tag("ul", *said) if said else None)


def _refused(cohort: Path) -> Html:
    outcomes = current(cohort)
    found: list[tuple[object, ...]] = [
        (reason, status, n)
        for status in ("refused", "failed")
        for reason, n in counted(o.reason for o in outcomes if o.status == status)
    ]
    body = (
        table(("Reason", "What became of it", "Scans"), found[:_MOST], "Scans without an assessment")
        if found
        else tag("p", "None is known.")
    )
    return join(tag("h2", "Refused and failed"), body)
