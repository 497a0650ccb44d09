"""From the records of degraded real scans to figures, for scans that a network saw and for those that it did not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.agreement import icc_agreement

from .accuracy import Figure, auc, bootstrap
from .heldout.cases import BONE, BULK, CLEAN, METAL, MOTIONS

Row = dict[str, Any]
Rows = NDArray[np.float64]
GRADE1_HU, GRADE2_HU = 2.0, 5.0
STREAKED = 0.02  # of a slice's intracranial area, from which it counts as a slice with streaks
#: Slices found, by family.
FOUND_TARGETS = {"motion 3 mm, 1.5 deg": 0.80, "motion 4-8 mm, 2-4 deg": 0.95}
WITHIN = {"motion_extent": 0.25, "streak_extent": 0.40}
ENOUGH_SCANS = 5  # from which scans are drawn for an interval; of fewer, drawing tells next to nothing
MIN_EXTENT = 0.5  # %: of less, a relative error says nothing


def figures(rows: Sequence[Row], title: str) -> list[Figure]:
    """All figures of some scans; intervals by drawing whole scans, or their cases where there are few scans."""
    rows = [r for r in rows if "slices" in r]
    moved = [r for r in rows if r["family"] in MOTIONS]
    clean = [r for r in rows if r["family"] == CLEAN]
    metal = [r for r in rows if r["family"] == METAL]
    out = []
    for family in MOTIONS:
        of = [r for r in moved if r["family"] == family]
        target = FOUND_TARGETS.get(family)
        out += [
            figure(
                title, family, "slices of 2 HU or more found, share", of, found_slices, mean, target, ">=", "slices"
            ),
            figure(
                title,
                family,
                "extent within 25 % of the truth, share",
                of,
                lambda r: within(r, "motion_extent"),
                mean,
                None,
                ">=",
                "scans",
            ),
            figure(
                title,
                family,
                "extent, found over true, median",
                of,
                lambda r: ratio(r, "motion_extent"),
                median,
                None,
                ">=",
                "scans",
            ),
        ]
    for least, target in ((GRADE1_HU, 0.93), (GRADE2_HU, 0.98)):
        out.append(
            figure(
                title,
                "all motion",
                f"{least:g} HU or more against still slices, AUC",
                [*moved, *clean],
                partial(scores, least=least),
                _auc,
                target,
                ">=",
                "slices",
            )
        )  # type: ignore[misc]
    out.append(_icc(title, "motion extent", [*moved, *clean], "motion_extent", None))
    out.append(figure(title, "clean", "slices called moved, share", clean, called_moved, mean, 0.01, "<=", "slices"))
    out.append(
        figure(
            title,
            "clean",
            "motion extent, largest, %",
            clean,
            lambda r: _value(r, "motion_extent"),
            lambda x: float(x.max()),
            0.5,
            "<=",
            "scans",
        )
    )
    bulk = [r for r in rows if r["family"] == BULK]
    out.append(
        figure(
            title,
            "step of 5 mm between turns",
            "found in a slice beside it, share",
            bulk,
            lambda r: np.array([[float(max(r["jump"]) > 0)]]),
            mean,
            None,
            ">=",
            "scans",
        )
    )
    out += [
        figure(
            title,
            METAL,
            "extent within 40 % of the truth, share",
            metal,
            lambda r: within(r, "streak_extent"),
            mean,
            None,
            ">=",
            "scans",
        ),
        figure(
            title,
            METAL,
            "extent, found over true, median",
            metal,
            lambda r: ratio(r, "streak_extent"),
            median,
            None,
            ">=",
            "scans",
        ),
        _icc(title, "streak extent", [*metal, *clean], "streak_extent", 0.85),
        figure(
            title,
            METAL,
            "area of slices with streaks called moved, share",
            metal,
            streaks_called_motion,
            _share,
            0.15,
            "<=",
            "slices",
        ),
        figure(
            title,
            "all motion",
            "area of moved slices called streaks, share",
            moved,
            motion_called_streaks,
            _share,
            0.15,
            "<=",
            "slices",
        ),
    ]
    bone = [r for r in rows if r["family"] == BONE]
    for iqm, what in (
        ("motion_extent", "motion extent, mean change, %"),
        ("foreign_object_volume", "objects, mean change, mL"),
    ):
        out.append(figure(title, BONE, what, bone, lambda r, iqm=iqm: change(r, iqm), mean, None, "<=", "scans"))  # type: ignore[misc]
    return [f for f in out if f.n]


def found_slices(row: Row) -> Rows:
    """(n, 1): whether each slice of 2 HU or more that was graded is called moved."""
    s = row["slices"]
    return column(float(f > 0) for r, f in zip(s["rms"], s["found"], strict=True) if r >= GRADE1_HU and f >= 0)


def scores(row: Row, least: float) -> Rows:
    """(n, 2): whether a slice moved by at least so much, and its probability; slices between that and stillness are left out."""
    s = row["slices"]
    return np.array(
        [
            (float(r >= least), p)
            for r, p in zip(s["rms"], s["p"], strict=True)
            if p is not None and (r == 0 or r >= least)
        ],
        float,
    ).reshape(-1, 2)


def called_moved(row: Row) -> Rows:
    """(n, 1): whether each still slice is called moved."""
    s = row["slices"]
    return column(float(f > 0) for r, f in zip(s["rms"], s["found"], strict=True) if r == 0 and f >= 0)


def streaks_called_motion(row: Row) -> Rows:
    """(n, 2): area of each slice with added streaks, and how much of it is called moved."""
    s = row["slices"]
    return np.array(
        [(a, a * (f > 0)) for a, n, f in zip(s["area"], s["streak"], s["found"], strict=True) if n >= STREAKED * a],
        float,
    ).reshape(-1, 2)


def motion_called_streaks(row: Row) -> Rows:
    """(n, 2): area of each slice of 2 HU or more, and how much of it is called streak beyond what the clean scan has."""
    s = row["slices"]
    return np.array(
        [(a, n) for a, r, n in zip(s["area"], s["rms"], s["streaks_found"], strict=True) if r >= GRADE1_HU], float
    ).reshape(-1, 2)


def ratio(row: Row, iqm: str) -> Rows:
    """(1, 1) found over true extent, 0 where it was not assessed; empty where the truth is too small to tell."""
    truth = row["iqms"][iqm]["truth"]
    return column([(row["iqms"][iqm]["found"] or 0.0) / truth] if truth is not None and truth >= MIN_EXTENT else [])


def within(row: Row, iqm: str) -> Rows:
    """(1, 1): whether the extent is right within :data:`WITHIN`."""
    return column(float(abs(x - 1) <= WITHIN[iqm]) for x in ratio(row, iqm)[:, 0])


def change(row: Row, iqm: str) -> Rows:
    """(1, 1) by which a metric differs from the clean scan's; empty where one of them is not assessable."""
    v = row["iqms"][iqm]
    return column([] if v["found"] is None or v["base"] is None else [abs(v["found"] - v["base"])])


def _value(row: Row, iqm: str) -> Rows:
    found = row["iqms"][iqm]["found"]
    return column([] if found is None else [found])


def column(values: Any) -> Rows:
    """(n, 1) of some values."""
    return np.array(list(values), float).reshape(-1, 1)


def mean(x: Rows) -> float:
    """Mean of the first column."""
    return float(x[:, 0].mean())


def median(x: Rows) -> float:
    """Median of the first column."""
    return float(np.median(x[:, 0]))


def _share(x: Rows) -> float:
    return float(x[:, 1].sum() / x[:, 0].sum())


def _auc(x: Rows) -> float:
    return auc(x[:, 0] > 0.5, x[:, 1])


def figure(
    group: str, name: str, statistic: str, rows: Sequence[Row], of: Callable[[Row], Rows], reduce: Callable[[Rows], float],
    target: float | None, sense: Any, of_what: str,
) -> Figure:  # fmt: skip
    """``reduce`` of what ``of`` takes from every row; the interval by drawing whole scans, or their cases where there are few."""
    values = [(r, v) for r, v in ((r, of(r)) for r in rows) if len(v)]
    whole = len({r["scan"] for r, _ in values}) >= ENOUGH_SCANS
    drawn: dict[tuple[str, ...], list[Rows]] = {}
    for r, v in values:
        drawn.setdefault((r["scan"],) if whole else (r["scan"], r["key"]), []).append(v)
    clusters = [np.concatenate(d) for d in drawn.values()]
    if len(clusters) == 1:
        value = reduce(clusters[0])
        return Figure(
            group,
            name,
            statistic,
            value if np.isfinite(value) else None,
            None,
            None,
            len(clusters[0]),
            of_what,
            target,
            sense,
            "One case.",
        )
    return bootstrap(group, name, statistic, clusters, reduce, target, sense, of_what)


def _icc(group: str, name: str, rows: Sequence[Row], iqm: str, target: float | None) -> Figure:
    """ICC(A,1) of found and true; what was not assessed is left out."""
    pairs = np.array(
        [
            (v["truth"], v["found"])
            for v in (r["iqms"][iqm] for r in rows)
            if v["truth"] is not None and v["found"] is not None
        ],
        float,
    ).reshape(-1, 2)
    if len(pairs) < 3:
        return Figure(group, name, "ICC(A,1)", None, None, None, 0, "scans", target)
    e = icc_agreement(pairs)
    return Figure(group, name, "ICC(A,1)", e.value, e.low, e.high, e.n, "scans", target, ">=", e.reason)
