"""An assessment as a tree for the terminal: categories, metrics, contributions, reasons and warnings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BAR = 20
_TITLE = 34


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters that a tree is drawn with."""

    branch: str
    last: str
    stem: str
    full: str
    empty: str


UNICODE = Glyphs("├─ ", "└─ ", "│  ", "█", "░")
ASCII = Glyphs("|- ", "`- ", "|  ", "#", ".")


def glyphs_for(encoding: str | None) -> Glyphs:
    """Line-drawing characters if ``encoding`` has them, else ASCII."""
    try:
        "".join((UNICODE.branch, UNICODE.last, UNICODE.stem, UNICODE.full, UNICODE.empty)).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def as_text(record: Mapping[str, Any], folder: Path | None = None, glyphs: Glyphs | None = None) -> str:
    """The record of one assessment as a tree, with where its report is."""
    g = glyphs or glyphs_for(sys.stdout.encoding)
    points: dict[str, float] = {}
    for contribution in (c for entry in record["categories"].values() for c in entry["contributions"]):
        source = contribution["source_id"]  # a metric may enter by several features
        points[source] = points.get(source, 0.0) + contribution["points"]
    lines = [f"{record['input']['name']}   scored by: {record['scoring_model']['name']}", "", _score_line("Overall", record["overall"], g)]
    lines += _withheld(record["overall"], "")
    categories = list(record["categories"].items())
    for n, (id_, category) in enumerate(categories):
        at_end = n == len(categories) - 1
        stem = "   " if at_end else g.stem
        lines.append((g.last if at_end else g.branch) + _score_line(category["title"], category, g, _TITLE - 3))
        lines += _withheld(category, stem)
        iqms = [(i, m) for i, m in record["iqms"].items() if m["category"] == id_]
        for k, (iqm, entry) in enumerate(iqms):
            lines += _iqm_lines(entry, points.get(iqm), stem, g.last if k == len(iqms) - 1 else g.branch, "   " if k == len(iqms) - 1 else g.stem)
    told = dict.fromkeys([*record["warnings"], *record["findings"]["notes"]])
    if told:
        lines += ["", "Warnings", *(f"  - {sentence}" for sentence in told)]
    lines.append("")
    if folder is not None:
        lines.append(f"Report: {folder / 'report.html'}")
    return "\n".join([*lines, record["research_use"]]) + "\n"


def format_value(value: float, unit: str) -> str:
    """A measured value with its unit, to about three significant digits."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text if unit == "1" else f"{text} {unit}"


def _score_line(title: str, entry: Mapping[str, Any], g: Glyphs, width: int = _TITLE) -> str:
    score = entry["score"]
    if score is None:
        return f"{title:<{width}}  withheld"
    filled = round(_BAR * score / 100)
    return f"{title:<{width}} {score:6.1f}  {g.full * filled}{g.empty * (_BAR - filled)}  {entry['band']}"


def _withheld(entry: Mapping[str, Any], indent: str) -> list[str]:
    return [f"{indent}   withheld: {entry['withheld_reason']}"] if entry["score"] is None and entry["withheld_reason"] else []


def _iqm_lines(entry: Mapping[str, Any], points: float | None, stem: str, branch: str, below: str) -> list[str]:
    """The line of one metric, and below it its reason and flags."""
    title = f"{stem}{branch}{entry['title']}"
    if entry["value"] is None:
        return [f"{title:<{_TITLE + 6}} not assessable: {entry['reason']}"]
    line = f"{title:<{_TITLE + 6}} {format_value(entry['value'], entry['unit']):>10}  {entry['band']:<10}"
    if points is not None:
        line += f"  {points + 0.0:+.1f} points" if round(points, 1) else "  no points lost"
    if entry["status"] == "corrected":
        line += f"  corrected: {entry['reason']}"
    return [line.rstrip(), *(f"{stem}{below}  ! {flag}" for flag in entry["flags"])]
