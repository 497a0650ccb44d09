"""Simulated readers: what five people who see the truth of a scan would measure and score.

They know the exact value of every metric, never what HeadCTIQA measured, and add errors of their own:

* measuring: a bias of each reader and a random error of the size of manual measuring (:data:`MEASURING`);
* scoring: from each metric's badness b (0 at the good limit, 1 at the poor one, not cut off) a loss 1/(1 + exp(-6 (b - c)))
  with each reader's own threshold c, combined over the category by the root of the mean square (the worst item counts
  most), taken from 100 in a reader's own severity, with an offset and a random error that grows with the loss, in steps
  of five points;
* overall: a reader's own weights of the categories, less a quarter of what the worst category lacks to 70.

So neither scoring model of HeadCTIQA is the truth of these readers.  The sizes are assumptions, set so that single
readers of one department agree well on scores (ICC about 0.7 to 0.9, "moderate" to "good" by Koo & Li 2016) and very well
on measurements.  Reports of radiologists who judge image quality range widely, and some agree far less: 31 of them had a
Fleiss kappa of 0.12 on distorted MR images (BMC Med Imaging 2020, doi:10.1186/s12880-020-00505-z).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.cohort.readers import ReaderValue
from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD
from HeadCTIQALib.hierarchy import CATEGORIES, IQM, IQM_BY_ID, IQMS, iqms_of

# IQM id to (SD of a reader's bias, SD of a single measurement, the same as a share of the value).
MEASURING: dict[str, tuple[float, float, float]] = {
    "symmetry_angle": (0.3, 0.8, 0.0),
    "baseline_angle": (0.5, 1.2, 0.0),
    "centering_offset": (0.5, 1.5, 0.0),
    "vertex_margin": (0.5, 1.5, 0.0),
    "foramen_magnum_margin": (0.7, 2.0, 0.0),
    "noise": (0.1, 0.2, 0.03),
    "gray_white_cnr": (0.05, 0.08, 0.04),
    "motion_extent": (0.0, 0.3, 0.12),
    "foreign_object_volume": (0.0, 0.0, 0.12),
    "streak_extent": (0.0, 0.3, 0.15),
}
_UNSEEN_MM = 3.0  # further error of a margin whose anatomy is not in the scan and has to be imagined
_SLOPE, _STEP = 6.0, 5.0


@dataclass(frozen=True)
class Reader:
    """One simulated reader; see the module."""

    name: str
    bias: Mapping[str, float]
    threshold: Mapping[str, float]
    severity: float
    offset: float
    noise: float
    weights: NDArray[np.float64]


def make_readers(count: int, seed: int) -> tuple[Reader, ...]:
    """Readers whose traits are drawn around common ones."""
    made = []
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        weights = np.array([c.weight for c in CATEGORIES]) * np.exp(rng.normal(0, 0.2, len(CATEGORIES)))
        made.append(
            Reader(
                name=f"Reader {k + 1}",
                bias={m.id: float(rng.normal(0, MEASURING[m.id][0])) for m in IQMS},
                threshold={m.id: float(rng.normal(0.55, 0.10)) for m in IQMS},
                severity=float(rng.normal(62, 6)),
                offset=float(rng.normal(-2, 2)),
                noise=float(rng.uniform(4, 6)),
                weights=weights / weights.sum(),
            )
        )
    return tuple(made)


def read_scan(reader: Reader, scan: str, truth: Mapping[str, float], seed: int) -> list[ReaderValue]:
    """Everything that ``reader`` says about a scan; None where the truth does not define it.

    Args:
        truth: IQM id to exact value, from the simulation.
        seed: of the reader's random errors about this scan.
    """
    rng = np.random.default_rng([seed, int(reader.name.split()[-1])])
    said = [ReaderValue(scan, reader.name, m.id, _measured(reader, m, truth.get(m.id), rng)) for m in IQMS]
    scores: list[float | None] = []
    for category in CATEGORIES:
        ids = [m.id for m in iqms_of(category.id)]
        error = float(rng.normal(0, reader.noise))  # drawn also when not used, so that scans do not shift each other
        scores.append(_category(reader, {i: truth[i] for i in ids}, error) if all(i in truth for i in ids) else None)
    said += [ReaderValue(scan, reader.name, c.id, None if s is None else _stepped(s)) for c, s in zip(CATEGORIES, scores, strict=True)]
    known = [s for s in scores if s is not None]
    overall = None
    if len(known) == len(CATEGORIES):
        gestalt = float(reader.weights @ known) - 0.25 * max(0.0, 70.0 - min(known))
        overall = _stepped(gestalt + float(rng.normal(0, 0.6 * reader.noise)))
    return [*said, ReaderValue(scan, reader.name, "overall", overall)]


def _measured(reader: Reader, m: IQM, value: float | None, rng: np.random.Generator) -> float | None:
    _, fixed, share = MEASURING[m.id]
    error = float(rng.normal(0, 1))
    if value is None:
        return None
    spread = math.hypot(fixed, share * abs(value))
    if m.direction == "margin":
        return value + reader.bias[m.id] + error * (math.hypot(spread, _UNSEEN_MM) if value < 0 else spread)
    if m.id in ("motion_extent", "foreign_object_volume") and value == 0:
        return 0.0  # nobody sees what is not there
    return min(max(0.0, value + reader.bias[m.id] + error * spread), 100.0 if m.unit == "%" else math.inf)


def _category(reader: Reader, truth: Mapping[str, float], error: float) -> float:
    losses = [1 / (1 + math.exp(-_SLOPE * (badness(i, v) - reader.threshold[i]))) for i, v in truth.items()]
    loss = math.sqrt(sum(x * x for x in losses) / len(losses))
    return 100 + reader.offset - reader.severity * loss + error * (0.8 + 1.2 * loss)  # good scans are easiest to agree on


def badness(iqm: str, value: float) -> float:
    """0 at the good limit, 1 at the poor one, running on beyond both as far as the quality curve goes."""
    return min(3.0, (BAND_GOOD - IQM_BY_ID[iqm].item_score(value)) / (BAND_GOOD - BAND_ACCEPTABLE))


def _stepped(score: float) -> float:
    return float(min(100.0, max(0.0, _STEP * round(score / _STEP))))
