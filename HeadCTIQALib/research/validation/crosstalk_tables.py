"""What the degradations did, as Markdown and CSV: known changes that were followed, and cross-talk."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.text import cell, markdown
from HeadCTIQALib.writing import write_text

from .crosstalk import GEOMETRY, TOLERANCES

Row = dict[str, Any]
MARKDOWN, CSV = "crosstalk.md", "crosstalk.csv"
COLUMNS = ("scan", "degradation", "iqm", "base", "expected", "found", "score_points", "reason")
FILES = {MARKDOWN: "| degradation | metric | error", CSV: ",".join(COLUMNS)}  # and how they begin
#: What each family of degradations is meant to change; the rest must stay put.
MEANT = {
    "yaw": ("symmetry_angle", "vertex_margin", "foramen_magnum_margin", "baseline_angle", "centering_offset"),
    "roll": ("symmetry_angle", "vertex_margin", "foramen_magnum_margin", "baseline_angle", "centering_offset"),
    "pitch": ("baseline_angle", "vertex_margin", "foramen_magnum_margin", "symmetry_angle", "centering_offset"),
    "shift right": ("centering_offset",),
    "shift forwards": ("centering_offset",),
    "cut below": ("foramen_magnum_margin",),
    "cut above": ("vertex_margin",),
    "noise": ("noise", "gray_white_cnr"),
    "slices averaged": ("noise", "gray_white_cnr"),
    "motion": ("motion_extent",),
    "metal": ("streak_extent",),
}
MONOTONIC = {"motion": "motion_extent", "metal": "streak_extent"}


def write(output: Path, rows: Sequence[Row]) -> None:
    """Write both tables into ``output``.

    Raises:
        OutputError: a file cannot be written.
    """
    for name, text in ((MARKDOWN, as_markdown(rows)), (CSV, as_csv(rows))):
        write_text(output / name, text, "The table")


def as_csv(rows: Sequence[Row]) -> str:
    """One row a scan, degradation and metric; empty where nothing is known, or where it was not assessable."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for r in rows:
        for iqm, v in r["iqms"].items():
            numbers = ["" if v[k] is None else f"{v[k]:.4g}" for k in ("base", "expected", "found", "points")]
            writer.writerow([cell(r["scan"]), cell(r["name"]), iqm, *numbers, cell(v["reason"] or "")])
    return out.getvalue()


def as_markdown(rows: Sequence[Row]) -> str:
    """Followed changes by family, monotonic responses, and the cross-talk table."""
    return "\n\n".join([_followed(rows), _responses(rows), _cross_talk(rows)]) + "\n"


def _followed(rows: Sequence[Row]) -> str:
    lines = [
        "| degradation | metric | error, mean of sizes | largest | within tolerance | not assessable |",
        "|---|---|---|---|---|---|",
    ]
    for family, iqms in MEANT.items():
        of = [r for r in rows if r["family"] == family]
        for iqm in (q for q in iqms if q in TOLERANCES and of):
            errors = np.array([error(r, iqm) for r in of if error(r, iqm) is not None], float)
            refused = sum(r["iqms"][iqm]["found"] is None for r in of)
            if len(errors):
                held = np.count_nonzero(errors <= TOLERANCES[iqm])
                lines.append(
                    f"| {family} | {iqm} | {_shown(iqm, errors.mean())} | {_shown(iqm, errors.max())} | {held} of {len(errors)} | {refused} |"
                )
    return "\n".join(lines)


def _responses(rows: Sequence[Row]) -> str:
    lines = [
        "| scan | degradation | metric: found (by definition), from mild to severe | monotonic |",
        "|---|---|---|---|",
    ]
    for family, iqm in MONOTONIC.items():
        for scan in dict.fromkeys(r["scan"] for r in rows):
            of = sorted((r for r in rows if r["scan"] == scan and r["family"] == family), key=lambda r: r["amount"])
            if not of:
                continue
            values = [of[0]["iqms"][iqm]["base"], *(r["iqms"][iqm]["found"] for r in of)]
            cells = [
                _number(values[0]),
                *(f"{_number(r['iqms'][iqm]['found'])} ({_number(r['iqms'][iqm]['expected'])})" for r in of),
            ]
            known = [v for v in values if v is not None]
            rising = all(b >= a - 0.05 for a, b in itertools.pairwise(known)) and len(known) == len(values)
            lines.append(
                f"| {markdown(scan)} | {family} | {iqm}: {' → '.join(cells)} | {'yes' if rising else '**no**'} |"
            )
    return "\n".join(lines)


def _cross_talk(rows: Sequence[Row]) -> str:
    """Mean size of the unwanted change of every metric by every family, and in points of the overall score."""
    names = [m.id for m in IQMS]
    lines = ["| degradation | " + " | ".join(f"{m.id}, {m.unit}" for m in IQMS) + " |", "|---" * (len(names) + 1) + "|"]
    for family in MEANT:
        of = [r for r in rows if r["family"] == family]
        if of:
            lines.append("| " + " | ".join([family, *(_talk(of, family, iqm) for iqm in names)]) + " |")
    return "\n".join(lines)


def _talk(of: Sequence[Row], family: str, iqm: str) -> str:
    if iqm in MEANT[family] and (iqm not in GEOMETRY or family in ("yaw", "roll", "pitch")):
        return "(meant)"
    changes, points = [], []
    for r in of:
        v = r["iqms"][iqm]
        if v["found"] is not None and v["expected"] is not None:
            changes.append(abs(v["found"] - v["expected"]))
            if v["points"] is not None and v["base"] is not None and abs(v["expected"] - v["base"]) < 1e-6:
                points.append(abs(v["points"]))
    if not changes:
        return "unknown"
    score = f" ({np.mean(points):.1f} points)" if points else ""
    return f"{np.mean(changes):.2f}{score}"


def error(row: Row, iqm: str) -> float | None:
    """Size of the difference to what is known, relative for noise; None where one of the two is missing."""
    v = row["iqms"][iqm]
    if v["found"] is None or v["expected"] is None:
        return None
    difference = abs(v["found"] - v["expected"])
    return float(difference / v["expected"]) if iqm == "noise" else float(difference)


def _shown(iqm: str, value: float) -> str:
    unit = next(m.unit for m in IQMS if m.id == iqm)
    return f"{100 * value:.1f} %" if iqm == "noise" else f"{value:.2f} {unit}"


def _number(value: float | None) -> str:
    return "not assessable" if value is None else f"{value:.1f}"
