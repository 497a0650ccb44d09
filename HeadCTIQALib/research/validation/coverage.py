"""How often intervals hold the truth, and how wide they are: of every IQM, item, category, and the overall score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from HeadCTIQALib.hierarchy import CATEGORIES, IQMS
from HeadCTIQALib.metrics.uncertainty import ErrorModel, with_quantiles
from HeadCTIQALib.scoring import guideline_model, score

from .observations import Observed

OVERALL = "overall"
TOLD_TO = 2.0  # in the unit: what a bound rests on is itself measured
TITLES = {
    **{m.id: f"{m.title}, {m.unit}" for m in IQMS},
    **{c.id: f"{c.title}, points" for c in CATEGORIES},
    OVERALL: "Overall score, points",
}


@dataclass(frozen=True)
class Coverage:
    """Of ``n`` scans, in how many the interval ``held`` the truth; ``width``: mean width, in the unit; of ``bounds`` how many were ``true``."""

    id: str
    n: int
    held: int
    width: float
    bounds: int = 0
    true: int = 0

    @property
    def share(self) -> float:
        """Of intervals that hold the truth."""
        return self.held / self.n if self.n else float("nan")

    @property
    def limits(self) -> tuple[float, float]:
        """Exact 95 % interval of the share (Clopper & Pearson 1934)."""
        found = stats.binomtest(self.held, self.n).proportion_ci(0.95, "exact")
        return float(found.low), float(found.high)


def coverage(scans: Sequence[Observed], model: ErrorModel) -> list[Coverage]:
    """Coverage of every IQM, then of every category and the overall score where all their truths are known."""
    held: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    bounds: dict[str, list[bool]] = defaultdict(list)
    guideline = guideline_model()
    for o in scans:
        measured = with_quantiles(o.measurements, o.scene, model)
        for id_, true in o.truth.items():
            m = measured[id_]
            if m.interval is not None:
                held[id_].append(_held(m.interval, true))
            elif m.bound is not None and m.value is not None:
                bounds[id_].append(true <= m.value + TOLD_TO if m.bound == "at_most" else true >= m.value - TOLD_TO)
        found, truth = score(measured, guideline), score(o.true_measurements(), guideline)
        for id_, a, b in [
            *((c, found.categories[c], truth.categories[c]) for c in found.categories),
            (OVERALL, found.overall, truth.overall),
        ]:
            if a.interval is not None and b.score is not None:
                held[id_].append(_held(a.interval, b.score))
    return [_coverage(id_, held[id_], bounds[id_]) for id_ in TITLES if held[id_] or bounds[id_]]


def _held(interval: tuple[float, float], true: float) -> tuple[bool, float]:
    slack = 1e-3  # a record keeps four decimals
    return interval[0] - slack <= true <= interval[1] + slack, interval[1] - interval[0]


def _coverage(id_: str, rows: Sequence[tuple[bool, float]], bounds: Sequence[bool]) -> Coverage:
    width = float(np.mean([w for _, w in rows])) if rows else float("nan")
    return Coverage(id_, len(rows), sum(h for h, _ in rows), width, len(bounds), sum(bounds))


def table(found: Sequence[Coverage]) -> str:
    """A Markdown table."""
    lines = [
        "| of | n | interval holds the truth | mean width | bounds that are true, to 2 mm |",
        "|---|---:|---:|---:|---:|",
    ]
    for c in found:
        low, high = c.limits if c.n else (0.0, 0.0)
        share = f"{100 * c.share:.1f} % ({100 * low:.1f} to {100 * high:.1f})" if c.n else ""
        lines.append(
            f"| {TITLES[c.id]} | {c.n} | {share} | {f'{c.width:.2g}' if c.n else ''} | {f'{c.true} of {c.bounds}' if c.bounds else ''} |"
        )
    return "\n".join(lines) + "\n"


def card(model: ErrorModel, sources: Mapping[str, Sequence[Observed]], checks: Mapping[str, Sequence[Observed]]) -> str:
    """The card of an error model: what it was fitted to, and its coverage there and elsewhere."""
    parts = [
        f"# Error model {model.version}",
        (
            "How far each measurement can be from the truth: `errors.json` beside this card, made by `python -m HeadCTIQALib.research.validation.error_fit`, which says how. "
            "Below: how often the 95 % intervals held the truth, and how wide they are, in the unit of the metric and in points of the scores. In brackets: 95 % interval "
            "of a share (Clopper and Pearson 1934), as if scans were independent; cases made from one real scan are not. A bound is true where the true value lies on its side, to within 2 in its unit."
        ),
        "For research use only; not a medical device.",
        "## On scans that set none of its parameters",
    ]
    for name, scans in checks.items():
        parts += [f"### {name} ({len(scans)} scans)", table(coverage(scans, model))]
    parts += ["## On the scans that it was fitted to"]
    for name, scans in sources.items():
        parts += [f"### {name} ({len(scans)} scans)", table(coverage(scans, model))]
    return "\n\n".join(p.rstrip("\n") for p in parts) + "\n"
