"""Simulated readers: what five people who see the truth of a scan would measure and score.

They know the exact value of every metric, never what HeadCTIQA measured, and add errors of their own:

* measuring: a bias of each reader and a random error of the size of manual measuring (:data:`MEASURING`);
* scoring: categories and overall score as :mod:`.judging` says, none by a formula of HeadCTIQA, with an offset of the reader and
  a random error that grows with the loss, in steps of five points.

So neither scoring model of HeadCTIQA is the truth of these readers.  The sizes are assumptions, set so that single
readers of one department agree on scores about as raters do (ICC about 0.6 to 0.9, "moderate" to "good" by Koo & Li 2016) and
very well on measurements.  Reports of radiologists who judge image quality range widely, and some agree far less: 31 of them had a
Fleiss kappa of 0.12 on distorted MR images (BMC Med Imaging 2020, doi:10.1186/s12880-020-00505-z).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from HeadCTIQALib.cohort.readers import ReaderValue
from HeadCTIQALib.hierarchy import CATEGORIES, IQM, IQMS, iqms_of

from .judging import Judge, draw_judge

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
_STEP = 5.0


@dataclass(frozen=True)
class Reader:
    """One simulated reader; see the module."""

    name: str
    bias: Mapping[str, float]
    offset: float
    noise: float
    judge: Judge


def make_readers(count: int, seed: int) -> tuple[Reader, ...]:
    """Readers whose traits are drawn around common ones."""
    made = []
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        weights = np.array([c.weight for c in CATEGORIES]) * np.exp(rng.normal(0, 0.2, len(CATEGORIES)))
        bias = {m.id: float(rng.normal(0, MEASURING[m.id][0])) for m in IQMS}
        offset, noise = float(rng.normal(-1, 2)), float(rng.uniform(4, 6))
        made.append(Reader(f"Reader {k + 1}", bias, offset, noise, draw_judge(rng, weights / weights.sum(), k)))
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
    said += [
        ReaderValue(scan, reader.name, c.id, None if s is None else _stepped(s))
        for c, s in zip(CATEGORIES, scores, strict=True)
    ]
    known = [s for s in scores if s is not None]
    overall = None
    if len(known) == len(CATEGORIES):
        overall = _stepped(reader.judge.overall(np.clip(known, 0, 100)) + float(rng.normal(0, 0.6 * reader.noise)))
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
    loss = reader.judge.loss(truth)
    return 98 + reader.offset - 100 * loss + error * (0.8 + 1.2 * loss)  # good scans are easiest to agree on


def _stepped(score: float) -> float:
    return float(min(100.0, max(0.0, _STEP * round(score / _STEP))))
