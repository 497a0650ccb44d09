"""Figures of landmarks, of margins beyond the scan and of objects in degraded real scans."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from HeadCTIQALib.findings.types import CONFIDENT

from .accuracy import Figure
from .crosstalk import AS_IT_IS
from .heldout.cases import CLEAN
from .scanner_figures import Row, Rows, column, figure, mean, median

FAR_MM = 8.0  # a landmark so far off that was called confident misleads
NEAR_MM = 35.0  # beyond the scan, up to which landmarks and margins are looked at
#: Of the landmarks in the scan: median and 95th percentile of the error, mm; share that misleads.
LANDMARK_TARGETS = (1.5, 5.0, 0.01)
MARGINS = {"cut below": "foramen_magnum_margin", "cut above": "vertex_margin"}
CONSISTENT, READ = "against the scan as it is (consistency)", "against two readers"


def landmark_figures(rows: Sequence[Row], title: str) -> list[Figure]:
    """Landmarks in and just beyond degraded scans, where readers and where the scan as it is put them."""
    out = []
    moved = [r for r in rows if r["family"] != AS_IT_IS]  # against itself, nothing is off
    for key, against, of in (("reader", READ, rows), ("off", CONSISTENT, moved)):
        for place, low, high in (("in the scan", 0.0, 0.0), ("up to 35 mm beyond it", 1e-6, NEAR_MM)):
            name = f"landmarks {place}, {against}"
            all_, sure = (partial(f, key=key, low=low, high=high) for f in (errors, confident))
            middle, most, far = LANDMARK_TARGETS if key == "reader" and not low else (None, None, None)
            out += [
                figure(title, name, "error where confident, median, mm", of, sure, median, middle, "<=", "landmarks"),
                figure(title, name, "error where confident, 95th percentile, mm", of, sure, _percentile95, most, "<=", "landmarks"),
                figure(title, name, "share called confident", of, all_, _confident, None, ">=", "landmarks"),
                figure(title, name, "share called confident but more than 8 mm off", of, all_, _misleading, far, "<=", "landmarks"),
            ]  # fmt: skip
    return [f for f in out if f.n]


def margin_figures(rows: Sequence[Row], title: str) -> list[Figure]:
    """Margins of scans that end 10 to 35 mm before the foramen magnum or the vertex, which the uncut scan shows."""
    out = []
    for family, iqm in MARGINS.items():
        cut = [r for r in rows if r["family"] == family and (r["iqms"][iqm]["base"] or 0.0) > 0.0]
        name = f"{iqm} of what is missing"
        wrong, true = partial(margin_error, iqm=iqm), partial(held, iqm=iqm)
        out += [
            figure(title, name, "told as a number or a bound, share", cut, partial(told, iqm=iqm), mean, None, ">=", "scans"),
            figure(title, name, "error of the numbers, median, mm", cut, wrong, median, None, "<=", "scans"),
            figure(title, name, "error of the numbers, largest, mm", cut, wrong, _largest, None, "<=", "scans"),
            figure(title, name, "inside its 95 % interval, or held by its bound, share", cut, true, mean, 0.95, ">=", "scans"),
        ]  # fmt: skip
    return [f for f in out if f.n]


def object_figures(rows: Sequence[Row], title: str) -> list[Figure]:
    """What is found in the scans as they are, which show no removable objects but those that their table says."""
    clean = [r for r in rows if r.get("family") == CLEAN and "iqms" in r]

    def volume(row: Row) -> Rows:
        found = row["iqms"]["foreign_object_volume"]["found"]
        return column([] if found is None else [found])

    out = [
        figure(title, "scans as they are", "objects, mean, mL", clean, volume, mean, None, "<=", "scans"),
        figure(title, "scans as they are", "objects, largest, mL", clean, volume, _largest, None, "<=", "scans"),
        figure(title, "scans as they are", "more than 0.1 mL of objects, share", clean, volume, lambda x: float((x > 0.1).mean()), None, "<=", "scans"),
    ]  # fmt: skip
    return [f for f in out if f.n]


def errors(row: Row, key: str, low: float, high: float) -> Rows:
    """(n, 2) error in mm and confidence of the landmarks that lie ``low`` to ``high`` mm beyond the scan."""
    return np.array(
        [(m[key], m["confidence"]) for m in row["marks"] if m[key] is not None and low <= m["beyond"] <= high], float
    ).reshape(-1, 2)


def confident(row: Row, key: str, low: float, high: float) -> Rows:
    """(n, 1) errors of those alone that are called confident."""
    x = errors(row, key, low, high)
    return x[x[:, 1] >= CONFIDENT, :1]


def told(row: Row, iqm: str) -> Rows:
    """(1, 1) whether anything is told of a metric."""
    return column([row["iqms"][iqm]["found"] is not None])


def margin_error(row: Row, iqm: str) -> Rows:
    """(1, 1) size of the error of a margin; empty where none is told, or a bound."""
    v = row["iqms"][iqm]
    known = v["found"] is not None and v["expected"] is not None and v["bound"] is None
    return column([abs(v["found"] - v["expected"])] if known else [])


def held(row: Row, iqm: str) -> Rows:
    """(1, 1) whether what was told of a margin is true; empty where nothing was."""
    v = row["iqms"][iqm]
    if v["found"] is None or v["expected"] is None:
        return column([])
    if v["bound"] is not None:
        return column([v["expected"] <= v["found"] if v["bound"] == "at_most" else v["expected"] >= v["found"]])
    if v["interval"] is None:
        return column([])
    low, high = v["interval"]
    return column([low <= v["expected"] <= high])


def _percentile95(x: Rows) -> float:
    return float(np.percentile(x[:, 0], 95))


def _largest(x: Rows) -> float:
    return float(x.max())


def _confident(x: Rows) -> float:
    return float((x[:, 1] >= CONFIDENT).mean())


def _misleading(x: Rows) -> float:
    return float(((x[:, 1] >= CONFIDENT) & (x[:, 0] > FAR_MM)).mean())
