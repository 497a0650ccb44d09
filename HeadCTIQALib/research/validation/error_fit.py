"""The error model of every IQM, fitted to scans whose truth is known: what ``Resources/Uncertainty/errors.json`` holds.

    python -m HeadCTIQALib.research.validation.error_fit --fit NAME=DIR [--fit NAME=DIR ...] [--check NAME=DIR ...] --output Resources/Uncertainty

Folders of one name are one source.  Each DIR holds folders of ``assessment.json`` and ``truth.json`` (:mod:`.observations`).  The scale of an error is fitted by
maximum likelihood of a Laplace distribution, its slopes not negative (what makes a scan harder to measure makes no error
smaller; slice distance alone may go either way) and drawn towards 0.  The quantiles are those of the scaled errors, with the
correction for few scans of split conformal prediction (Vovk 2005; Lei 2018), so that no shape of their distribution is
assumed; then they are widened until they hold 95 % of the errors on scanners and kernels that are left out of the fit.  Every ``--fit`` folder weighs the same, however many scans it holds, unless it holds so few that one of them would
weigh more than :data:`MOST` of another folder.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from HeadCTIQALib.curve import good_range
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.metrics.types import LEVELS, Measurement
from HeadCTIQALib.metrics.uncertainty import (
    CIRCUMSTANCES,
    NONE,
    circumstances,
    from_json,
    group_of,
    groups,
)
from HeadCTIQALib.writing import write_text

from .coverage import card
from .observations import Observed, observed_in

Floats = NDArray[np.float64]
MISSED = 0.03  # of scans in which nothing is found, at least, are counted as having something
WIDEST = 3.0  # times: an interval of errors that are hardly any would else be stretched without end
_TINY = 1e-6
FEWEST = 40  # scans for slopes; with fewer the scale is one number
RIDGE = 0.03
MOST = 4.0
FREE = ("spacing",)
RESOLUTION = 0.01  # of the limit of the good range: smaller errors are alike
TAIL = 0.005  # beyond these levels the ends of a distribution are not told from single scans


@dataclass(frozen=True)
class Rows:
    """Errors of one group: (n, 7) ``x`` circumstances, (n,) ``error`` true minus measured, (n,) ``weight``, (n,) ``scanner``."""

    x: Floats
    error: Floats
    weight: Floats
    scanner: NDArray[np.str_]

    def of(self, chosen: NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        return Rows(self.x[chosen], self.error[chosen], self.weight[chosen], self.scanner[chosen])


def fit(sources: Sequence[Sequence[Observed]]) -> dict[str, Any]:
    """The content of ``errors.json`` without version and dates."""
    found: dict[tuple[str, str], list[list[tuple[Floats, float, str]]]] = defaultdict(lambda: [[] for _ in sources])
    for n, source in enumerate(sources):
        for o in source:
            for m in _told(o):
                assert m.value is not None
                found[m.iqm, group_of(m, o.scene)][n].append(
                    (circumstances(m, o.scene), o.truth[m.iqm] - m.value, o.scanner)
                )
    return {
        "iqms": {
            m.id: {
                g: _group(m.id, _doubted(m.id, g, _weighed(found[m.id, g])))
                for g in groups(METRICS[m.id])
                if any(found[m.id, g])
            }
            for m in IQMS
        }
    }


def _weighed(sources: list[list[tuple[Floats, float, str]]]) -> Rows:
    """All rows; the weights of a source add up to 1, but no row weighs more than MOST of the largest source's."""
    largest = max(len(rows) for rows in sources)
    weight = np.concatenate([np.full(len(rows), min(1 / len(rows), MOST / largest)) for rows in sources if rows])
    rows = [row for rows in sources for row in rows]
    return Rows(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), weight, np.array([r[2] for r in rows]))


def _told(o: Observed) -> list[Measurement]:
    """Measurements whose interval is to hold a truth that is known."""
    return [
        m
        for i, m in o.measurements.items()
        if i in o.truth and m.value is not None and m.bound is None and m.status == "measured"
    ]


def _doubted(iqm: str, group: str, rows: Rows) -> Rows:
    """Where nothing was found, as if at least MISSED of the scans had something: "none" is never certain."""
    high = good_range(IQM_BY_ID[iqm].knots)[1]
    missed = rows.error > RESOLUTION * high
    if group != NONE or not missed.any():
        return rows
    share = float(rows.weight[missed].sum() / rows.weight.sum())
    times = max(1.0, MISSED * (1 - share) / (share * (1 - MISSED)))
    return replace(rows, weight=np.where(missed, rows.weight * times, rows.weight))


@dataclass(frozen=True)
class _Fitted:
    """Intercept and slopes (8,), the range (2, 7) of what was seen, and the quantiles of the scaled error at LEVELS."""

    b: Floats
    seen: Floats
    quantiles: Floats

    def scaled(self, rows: Rows) -> Floats:
        return rows.error / np.exp(self.b[0] + np.clip(rows.x, *self.seen) @ self.b[1:])

    def stretch(self, rows: Rows) -> Floats:
        """(n,) how many times wider about its median the interval must be to hold each error."""
        low, middle, high = self.quantiles[[1, len(LEVELS) // 2, -2]]
        away = self.scaled(rows) - middle
        return np.where(away < 0, away / min(low - middle, -_TINY), away / max(high - middle, _TINY))


def _group(iqm: str, rows: Rows) -> dict[str, Any]:
    fitted = _fit_rows(iqm, rows)
    middle = fitted.quantiles[len(LEVELS) // 2]
    quantiles = middle + _other_scanners(iqm, rows) * (fitted.quantiles - middle)
    return {
        "intercept": round(float(fitted.b[0]), 4),
        "slopes": [round(float(s), 4) for s in fitted.b[1:]],
        "seen": [[round(float(lo), 4), round(float(hi), 4)] for lo, hi in fitted.seen.T],
        "quantiles": [round(float(v), 4) for v in quantiles],
        "n": len(rows.error),
    }


def _fit_rows(iqm: str, rows: Rows) -> _Fitted:
    weight = rows.weight / rows.weight.sum()
    low, high = good_range(IQM_BY_ID[iqm].knots)
    least = RESOLUTION * abs(high if np.isfinite(high) else low)
    b = scale(rows.x, np.abs(rows.error - quantile(rows.error, weight, 0.5)) + least, weight)
    half = _Fitted(b, np.array([rows.x.min(axis=0), rows.x.max(axis=0)]), np.zeros(len(LEVELS)))
    n = 1 / float((weight**2).sum())
    levels = [TAIL, *LEVELS[1:-1], 1 - TAIL]
    widened = [min(1.0, max(0.0, 0.5 + (p - 0.5) * (n + 1) / n)) for p in levels]
    q = half.scaled(rows)
    return replace(half, quantiles=np.maximum.accumulate([quantile(q, weight, p) for p in widened]))


def _other_scanners(iqm: str, rows: Rows) -> float:
    """How many times wider intervals must be to hold 95 % of the errors on scanners that were left out of the fit; 1 at least."""
    stretch, weight = [], []
    for scanner in np.unique(rows.scanner):
        out = rows.scanner == scanner
        if out.all() or np.count_nonzero(~out) < FEWEST:
            continue
        stretch.append(_fit_rows(iqm, rows.of(~out)).stretch(rows.of(out)))
        weight.append(rows.weight[out])
    if not stretch:
        return 1.0
    return min(WIDEST, max(1.0, quantile(np.concatenate(stretch), np.concatenate(weight), 0.95)))


def scale(x: Floats, away: Floats, weight: Floats) -> Floats:
    """(8,) intercept and slopes of the logarithm of the scale of absolute errors ``away`` (n,) in circumstances ``x`` (n, 7)."""
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


def _named(arguments: Sequence[str]) -> dict[str, list[Observed]]:
    """Name to the scans of all folders that have it."""
    found: dict[str, list[Observed]] = defaultdict(list)
    for name, _, root in (a.partition("=") for a in arguments):
        found[name] += observed_in(Path(root))
    return dict(found)


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(description="Fit the error model of every metric to scans whose truth is known.")
    parser.add_argument(
        "--fit",
        action="append",
        required=True,
        metavar="NAME=DIR",
        help="a folder of assessments with their truths; may be repeated",
    )
    parser.add_argument(
        "--check",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="what to count coverage on, for the card; may be repeated",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for errors.json and card.md")
    options = parser.parse_args()
    sources, checks = _named(options.fit), _named(options.check)
    content = {
        "version": datetime.now(UTC).strftime("%Y.%m.%d"),
        "circumstances": CIRCUMSTANCES,
        "levels": LEVELS,
        **fit(list(sources.values())),
    }
    model = from_json(json.loads(json.dumps(content)))
    write_text(options.output / "errors.json", json.dumps(content, indent=1) + "\n", "The error model")
    write_text(options.output / "card.md", card(model, sources, checks), "The card of the error model")


if __name__ == "__main__":
    main()
