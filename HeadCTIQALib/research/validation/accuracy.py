"""From the records of the heads to figures: each with its number of cases, its 95 % interval and its target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.agreement import icc_agreement, mean_absolute_difference
from HeadCTIQALib.agreement.types import Estimate
from HeadCTIQALib.findings.types import CONFIDENT
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS

Record = dict[str, Any]
Rows = NDArray[np.float64]

RESAMPLES, SEED = 1000, 0
ICC_LOWER_LIMIT = 0.87
DICE_TARGETS = {"head": 0.99, "bone": 0.95, "parenchyma": 0.97, "csf": 0.85}
ICC_TARGETS = {
    "symmetry_angle": 0.99, "orbitomeatal_angle": 0.99, "vertex_margin": 0.98, "foramen_magnum_margin": 0.98,
    "motion_extent": 0.90, "streak_extent": 0.90, "foreign_object_volume": 0.95,
}  # fmt: skip
MAD_TARGETS = {"symmetry_angle": 0.8, "orbitomeatal_angle": 0.8, "vertex_margin": 2.0, "foramen_magnum_margin": 2.0}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the accuracy table.

    Attributes:
        group: heading it stands under; name: what it is of; statistic: which one, with its unit.
        value, low, high: None where it does not exist; ``note`` says why.
        n: cases; of_what: what the cases are.
        target: to be reached or not exceeded, by ``sense``; None where there is none.
    """

    group: str
    name: str
    statistic: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    of_what: str = "heads"
    target: float | None = None
    sense: Literal[">=", "<="] = ">="
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without a target or a value."""
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target if self.sense == ">=" else self.value <= self.target


def figures(records: Sequence[Record]) -> list[Figure]:
    """All figures of the evaluated heads, in the order of the table."""
    heads = [r for r in records if "refused" not in r]
    share = Figure("Heads", "assessed", "share", len(heads) / max(1, len(records)), None, None, len(records))
    return [
        share,
        *_dice(heads),
        *_landmarks(heads),
        *_agreement(heads),
        *_noise(heads),
        *_motion_slices(heads),
        *_withheld(heads),
    ]


def _dice(heads: Sequence[Record]) -> list[Figure]:
    regions = list(dict.fromkeys(region for r in heads for region in r["dice"]))
    out = []
    for region in regions:
        values = [np.array([[r["dice"][region]]]) for r in heads if region in r["dice"]]
        target = DICE_TARGETS.get(region)
        out.append(bootstrap("Segmentation", region, "Dice, mean", values, lambda x: float(x[:, 0].mean()), target))
        out.append(
            bootstrap(
                "Segmentation", region, "Dice, 5th percentile", values, lambda x: float(np.percentile(x[:, 0], 5))
            )
        )
    return out


def _landmarks(heads: Sequence[Record]) -> list[Figure]:
    names = list(dict.fromkeys(name for r in heads for name in r["landmarks"]))
    out = []
    for title, in_scan, chosen in (
        ("all landmarks inside the scan", True, names), ("all landmarks outside the scan", False, names), *((n, True, [n]) for n in names),
    ):  # fmt: skip
        per_head = [
            [r["landmarks"][n] for n in chosen if n in r["landmarks"] and r["landmarks"][n]["in_scan"] == in_scan]
            for r in heads
        ]
        per_head = [marks for marks in per_head if marks]
        count = sum(map(len, per_head))
        trusted = [np.array([[m["error_mm"]] for m in marks if m["confidence"] >= CONFIDENT]) for marks in per_head]
        trusted = [t for t in trusted if len(t)]
        flagged = [np.array([[float(m["confidence"] < CONFIDENT)] for m in marks]) for marks in per_head]
        of = "landmarks" if len(chosen) > 1 else "heads"
        target = (2.0, 5.0) if in_scan else (None, None)
        out += [
            bootstrap(
                "Landmarks", title, "error, median, mm", trusted, lambda x: float(np.median(x)), target[0], "<=", of
            ),
            bootstrap(
                "Landmarks",
                title,
                "error, 95th percentile, mm",
                trusted,
                lambda x: float(np.percentile(x, 95)),
                target[1],
                "<=",
                of,
            ),
        ]
        if count:
            out.append(
                bootstrap(
                    "Landmarks", title, "share flagged as not confident", flagged, lambda x: float(x.mean()), of_what=of
                )
            )
    return out


def _agreement(heads: Sequence[Record]) -> list[Figure]:
    """ICC(A,1) with its lower limit, and MAD, of every metric and of the angles behind them."""
    units = {m.id: m.unit for m in IQMS} | {
        "yaw_deg": "deg",
        "roll_deg": "deg",
        "orbitomeatal_angle": "deg",
        "gray_white_contrast_hu": "HU",
    }
    out = []
    for name, unit in units.items():
        pairs = _pairs(heads, name)
        if len(pairs) < 2:
            continue
        icc, mad = icc_agreement(pairs), mean_absolute_difference(pairs[:, 0], pairs[:, 1])
        out.append(_from_estimate("Agreement with the truth", name, "ICC(A,1)", icc, ICC_TARGETS.get(name)))
        if name in (*ICC_TARGETS, *IQM_BY_ID) and icc.low is not None:
            out.append(
                Figure(
                    "Agreement with the truth",
                    name,
                    "ICC(A,1), lower limit",
                    icc.low,
                    None,
                    None,
                    icc.n,
                    target=ICC_LOWER_LIMIT,
                )
            )
        out.append(_from_estimate("Agreement with the truth", name, f"MAD, {unit}", mad, MAD_TARGETS.get(name), "<="))
        bias = [np.array([[p[1] - p[0]]]) for p in pairs]
        out.append(bootstrap("Agreement with the truth", name, f"bias, {unit}", bias, lambda x: float(x.mean())))
    for name in ("vertex_margin", "foramen_magnum_margin"):
        pairs = _pairs(heads, name)
        cut = pairs[pairs[:, 0] < 0] if len(pairs) else pairs
        if len(cut) >= 2:
            mad = mean_absolute_difference(cut[:, 0], cut[:, 1])
            out.append(_from_estimate("Agreement with the truth", f"{name}, cut scans", "MAD, mm", mad, 2.0, "<="))
    return out


def _noise(heads: Sequence[Record]) -> list[Figure]:
    out = []
    for name, target in (("noise", 0.05), ("gray_white_cnr", None)):
        pairs = _pairs(heads, name)
        relative = [np.array([[p[1] / p[0] - 1]]) for p in pairs if p[0] > 0.1]
        out += [
            bootstrap("Noise and contrast", name, "relative error, median of sizes", relative, lambda x: float(np.median(np.abs(x))), target, "<="),
            bootstrap("Noise and contrast", name, "relative error, median", relative, lambda x: float(np.median(x))),
            bootstrap("Noise and contrast", name, "relative error, 95th percentile of sizes", relative, lambda x: float(np.percentile(np.abs(x), 95))),
        ]  # fmt: skip
    return out


def _motion_slices(heads: Sequence[Record]) -> list[Figure]:
    per_head = []
    for r in heads:
        s = r["slices"]
        scores = s["index"] if any(v is not None for v in s["index"]) else s["found"]
        rows = [(float(g >= 1), float(v)) for g, v in zip(s["grade"], scores, strict=True) if v is not None]
        if rows:
            per_head.append(np.array(rows))
    graded = [np.array([[float(v is not None)] for v in r["slices"]["found"]]) for r in heads if r["slices"]["found"]]
    return [
        bootstrap("Motion", "slices with motion (grade 1 or more) against still ones", "AUC", per_head, lambda x: auc(x[:, 0] > 0.5, x[:, 1]), 0.97, ">=", "slices"),
        bootstrap("Motion", "slices graded", "share", graded, lambda x: float(x.mean()), of_what="slices"),
    ]  # fmt: skip


def _withheld(heads: Sequence[Record]) -> list[Figure]:
    out = []
    for m in IQMS:
        present = [np.array([[float(r["iqms"][m.id]["found"] is None)]]) for r in heads if m.id in r["iqms"]]
        out.append(bootstrap("Not assessable", m.id, "share", present, lambda x: float(x.mean())))
    return out


def auc(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Area under the receiver operating curve: the chance that a positive scores above a negative, ties half; NaN without both."""
    if positive.all() or not positive.any():
        return float("nan")
    _, rank, counts = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - 0.5 * (counts - 1)  # mean rank of tied scores, from 1
    p, n = np.count_nonzero(positive), np.count_nonzero(~positive)
    return float((middle[rank][positive].sum() - p * (p + 1) / 2) / (p * n))


def _pairs(heads: Sequence[Record], name: str) -> Rows:
    """(n, 2) true and found values of a metric or detail where both exist."""
    found = [(r.get("iqms", {}).get(name) or r.get("details", {}).get(name)) for r in heads]
    return np.array([(f["truth"], f["found"]) for f in found if f and f["found"] is not None], float).reshape(-1, 2)


def _from_estimate(
    group: str, name: str, statistic: str, e: Estimate, target: float | None = None, sense: Literal[">=", "<="] = ">="
) -> Figure:
    return Figure(group, name, statistic, e.value, e.low, e.high, e.n, "heads", target, sense, e.reason)


def bootstrap(
    group: str,
    name: str,
    statistic: str,
    per_head: Sequence[Rows],
    of: Callable[[Rows], float],
    target: float | None = None,
    sense: Literal[">=", "<="] = ">=",
    of_what: str = "heads",
) -> Figure:
    """A statistic of the pooled rows with a percentile bootstrap interval; whole heads are drawn, since their rows are not independent."""
    n = sum(map(len, per_head))
    if len(per_head) < 2:
        return Figure(group, name, statistic, None, None, None, n, of_what, target, sense, "Fewer than two heads.")
    value = of(np.concatenate(per_head))
    if not np.isfinite(value):
        return Figure(group, name, statistic, None, None, None, n, of_what, target, sense, "All cases are of one kind.")
    rng = np.random.default_rng(SEED)
    rows, counts = np.concatenate(per_head), np.array([len(h) for h in per_head])
    starts = np.cumsum(counts) - counts
    resamples = np.empty(RESAMPLES)
    for b in range(RESAMPLES):
        drawn = rng.integers(0, len(per_head), len(per_head))
        c = counts[drawn]
        within = np.arange(c.sum()) - np.repeat(np.cumsum(c) - c, c)
        resamples[b] = of(rows[np.repeat(starts[drawn], c) + within])
    low, high = np.percentile(resamples[np.isfinite(resamples)], [2.5, 97.5])
    return Figure(group, name, statistic, value, float(low), float(high), n, of_what, target, sense)
