"""The error model of every IQM, fitted to scans whose truth is known: what ``Resources/Uncertainty/errors.json`` holds.

    python -m HeadCTIQALib.validation.error_fit --fit SIMULATED [--fit REAL ...] [--check NAME=DIR ...] --output Resources/Uncertainty

Each DIR holds folders of ``assessment.json`` and ``truth.json`` (:mod:`.observations`).  The scale of an error is fitted by
maximum likelihood of a Laplace distribution, its slopes not negative (what makes a scan harder to measure makes no error
smaller; slice distance alone may go either way) and drawn towards 0.  The quantiles are those of the scaled errors, with the
correction for few scans of split conformal prediction (Vovk 2005; Lei 2018), so that no shape of their distribution is
assumed.  Every ``--fit`` folder weighs the same, however many scans it holds, unless it holds so few that one of them would
weigh more than :data:`MOST` of another folder.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from HeadCTIQALib.curve import good_range
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS
from HeadCTIQALib.metrics.types import LEVELS, Measurement
from HeadCTIQALib.metrics.uncertainty import (
    ALL,
    CIRCUMSTANCES,
    INSIDE,
    NONE,
    NOTHING,
    OUTSIDE,
    READ_FROM,
    SOME,
    circumstances,
    from_json,
    group_of,
)
from HeadCTIQALib.writing import write_text

from .coverage import card
from .observations import Observed, observed_in

Floats = NDArray[np.float64]
FEWEST = 40  # scans for slopes; with fewer the scale is one number
RIDGE = 0.03
MOST = 4.0
FREE = ("spacing",)
RESOLUTION = 0.01  # of the limit of the good range: smaller errors are alike
TAIL = 0.005  # beyond these levels the ends of a distribution are not told from single scans


def fit(sources: Sequence[Sequence[Observed]]) -> dict[str, Any]:
    """The content of ``errors.json`` without version and dates; every source weighs the same."""
    found: dict[tuple[str, str], list[list[tuple[Floats, float]]]] = defaultdict(lambda: [[] for _ in sources])
    for n, source in enumerate(sources):
        for o in source:
            for m in _told(o):
                assert m.value is not None
                found[m.iqm, group_of(m, o.scene)][n].append((circumstances(m, o.scene), o.truth[m.iqm] - m.value))
    return {"iqms": {m.id: {g: _group(m.id, _weighed(found[m.id, g])) for g in groups(m.id) if any(found[m.id, g])} for m in IQMS}}


def _weighed(sources: list[list[tuple[Floats, float]]]) -> list[tuple[Floats, float, float]]:
    """All rows (circumstances, error) with weights: those of a source add up to 1, but no row weighs more than MOST of the largest source's."""
    largest = max(len(rows) for rows in sources)
    return [(x, error, min(1 / len(rows), MOST / largest)) for rows in sources if rows for x, error in rows]


def groups(iqm: str) -> tuple[str, ...]:
    """The groups of an IQM that have a model each."""
    return (INSIDE, OUTSIDE) if iqm in READ_FROM else (NONE, SOME) if iqm in NOTHING else (ALL,)


def _told(o: Observed) -> list[Measurement]:
    """Measurements whose interval is to hold a truth that is known."""
    return [m for i, m in o.measurements.items() if i in o.truth and m.value is not None and m.bound is None and m.status == "measured"]


def _group(iqm: str, rows: list[tuple[Floats, float, float]]) -> dict[str, Any]:
    x = np.array([r[0] for r in rows])
    error, weight = np.array([r[1] for r in rows]), np.array([r[2] for r in rows])
    weight /= weight.sum()
    low, high = good_range(IQM_BY_ID[iqm].knots)
    least = RESOLUTION * abs(high if np.isfinite(high) else low)
    away = np.abs(error - quantile(error, weight, 0.5)) + least
    b = scale(x, away, weight)
    q = error / np.exp(b[0] + np.clip(x, x.min(axis=0), x.max(axis=0)) @ b[1:])
    n = 1 / float((weight**2).sum())
    levels = [TAIL, *LEVELS[1:-1], 1 - TAIL]
    widened = [0.5 + (p - 0.5) * (n + 1) / n for p in levels]
    quantiles = np.maximum.accumulate([quantile(q, weight, min(1.0, max(0.0, p))) for p in widened])
    return {
        "intercept": round(float(b[0]), 4),
        "slopes": [round(float(s), 4) for s in b[1:]],
        "seen": [[round(float(lo), 4), round(float(hi), 4)] for lo, hi in zip(x.min(axis=0), x.max(axis=0), strict=True)],
        "quantiles": [round(float(v), 4) for v in quantiles],
        "n": len(rows),
    }


def scale(x: Floats, away: Floats, weight: Floats) -> Floats:
    """(7,) intercept and slopes of the logarithm of the scale of absolute errors ``away`` (n,) in circumstances ``x`` (n, 6)."""
    start = np.r_[np.log(float(weight @ away)), np.zeros(x.shape[1])]
    if len(away) < FEWEST:
        return start

    def loss(b: Floats) -> tuple[float, Floats]:
        log = b[0] + x @ b[1:]
        relative = weight * away * np.exp(-log)
        gradient = np.r_[(weight - relative).sum(), x.T @ (weight - relative) + 2 * RIDGE * b[1:]]
        return float(weight @ log + relative.sum() + RIDGE * b[1:] @ b[1:]), gradient

    bounds = [(None, None), *((None if c in FREE else 0.0, 4.0) for c in CIRCUMSTANCES)]
    return np.asarray(optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def quantile(values: Floats, weight: Floats, level: float) -> float:
    """Weighted quantile, linear between the middles of the weights."""
    order = np.argsort(values, kind="stable")
    w = weight[order]
    return float(np.interp(level * w.sum(), np.cumsum(w) - w / 2, values[order]))


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(description="Fit the error model of every metric to scans whose truth is known.")
    parser.add_argument("--fit", type=Path, action="append", required=True, help="a folder of assessments with their truths; may be repeated")
    parser.add_argument("--check", action="append", default=[], metavar="NAME=DIR", help="what to count coverage on, for the card; may be repeated")
    parser.add_argument("--output", type=Path, required=True, help="folder for errors.json and card.md")
    options = parser.parse_args()
    sources = [observed_in(root) for root in options.fit]
    content = {"version": datetime.now(UTC).strftime("%Y.%m.%d"), "circumstances": CIRCUMSTANCES, "levels": LEVELS, **fit(sources)}
    checks = {name: observed_in(Path(root)) for name, _, root in (c.partition("=") for c in options.check)}
    model = from_json(json.loads(json.dumps(content)))
    write_text(options.output / "errors.json", json.dumps(content, indent=1) + "\n", "The error model")
    write_text(options.output / "card.md", card(model, sources, checks), "The card of the error model")


if __name__ == "__main__":
    main()
