"""The whole evaluation against readers: measurements, scores, readers among themselves, cohorts and subgroups.

Every comparison is "own minus the mean of the readers".  Scans that a model was fitted to form a part of their own and
never enter a claim about how well it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.agreement import (
    BlandAltman,
    DetectableBias,
    Equivalence,
    Estimate,
    PairedTest,
    bland_altman,
    calibration_slope,
    complete_pairs,
    detectable_bias,
    equivalence,
    icc_agreement,
    mean_absolute_difference,
    mean_absolute_percentage_error,
    paired_t,
    pearson,
)
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import CATEGORIES, IQM, IQMS
from HeadCTIQALib.scoring import ScoringModel, score
from HeadCTIQALib.scoring.calibration import SCORES

from .between import BetweenReaders, between_readers
from .readers import ReaderTable
from .scans import Scan, values_of

Floats = NDArray[np.float64]
Role = Literal["calibration", "test", "external", "all"]
SUBGROUPS = ("scanner", "kernel", "slice thickness")


@dataclass(frozen=True)
class Part:
    """Scans that are judged together.  ``role``: fitted to, kept apart, from elsewhere, or (without a fit) just all."""

    title: str
    role: Role
    rows: NDArray[np.int64]

    @property
    def judges(self) -> bool:
        """Whether results on this part say something about new scans."""
        return self.role != "calibration"


@dataclass(frozen=True)
class Agreement:
    """Own values against the mean of the readers, for one target in one part.

    Attributes:
        target: IQM id, category id or "overall".
        own, readers: (n,) the pairs themselves.
        left_out: scans of the part without either value (not assessable, withheld, or not judged).
        tost: for scores only.
        calibration: slope of the readers on own values; 1 is ideal.
    """

    target: str
    part: Part
    own: Floats
    readers: Floats
    left_out: int
    icc: Estimate
    mad: Estimate
    mape: Estimate
    r: Estimate
    test: PairedTest
    tost: Equivalence | None
    limits: BlandAltman
    calibration: Estimate

    @property
    def n(self) -> int:
        return len(self.own)


@dataclass(frozen=True)
class Correlation:
    """Pearson's r of an IQM (on its folded scale) with the readers' score of its category and overall."""

    iqm: str
    part: Part
    category: Estimate
    overall: Estimate


@dataclass(frozen=True)
class Subgroup:
    """The overall score's agreement within one subgroup of the parts that judge."""

    group: str
    value: str
    agreement: Agreement


@dataclass(frozen=True)
class ScanValues:
    """One target in every scan: (n,) own values and means of the readers, NaN where there is none; how many readers judged."""

    own: Floats
    readers: Floats
    judged_by: NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """Everything that the report shows; see the members' types.  ``values``: of ``scans``, by target."""

    model: ScoringModel
    parts: tuple[Part, ...]
    scans: tuple[Scan, ...]
    values: Mapping[str, ScanValues]
    readers: tuple[str, ...]
    margin: float
    measurements: tuple[Agreement, ...]
    scores: tuple[Agreement, ...]
    correlations: tuple[Correlation, ...]
    between: tuple[BetweenReaders, ...]
    subgroups: tuple[Subgroup, ...]
    power: tuple[tuple[Part, DetectableBias], ...]
    notes: tuple[str, ...]

    @property
    def simulated(self) -> bool:
        """Whether any scan is simulated."""
        return any(s.simulated for s in self.scans)


def evaluate_cohort(
    scans: Sequence[Scan], table: ReaderTable, model: ScoringModel, *, fitted: tuple[set[str], set[str]] | None = None, margin: float = 5.0, notes: Sequence[str] = ()
) -> Evaluation:  # fmt: skip
    """Compare the measurements of ``scans``, and their scores by ``model``, with readers.

    Args:
        scans, table: matched, see :func:`HeadCTIQALib.cohort.scans.matched`.
        fitted: names and SHA-256 of the scans that ``model`` was fitted to; None when it was fitted to none or nobody knows.
        margin: difference in points that does not matter.
        notes: sentences about the data, for the report.

    Raises:
        InputError: fewer than three scans have reader values.
    """
    judged = set(table.scans)
    scans = tuple(s for s in scans if s.name in judged)
    if len(scans) < 3:
        raise InputError(f"Only {len(scans)} assessed scans have reader values; an evaluation needs at least three.")
    names = [s.name for s in scans]
    parts = make_parts(scans, fitted)
    own = {m.id: column for m, column in zip(IQMS, values_of(scans).T, strict=True)} | scores_of(scans, model)
    read = {t: table.mean(t, names) for t in own}
    matrices = {t: table.matrix(t, names) for t in own if t in table.targets}
    counts = {t: np.isfinite(table.matrix(t, names)).sum(axis=1) for t in own}
    judging = np.concatenate([p.rows for p in parts if p.judges] or [np.array([], np.int64)])
    return Evaluation(
        model=model,
        parts=parts,
        scans=scans,
        values={t: ScanValues(own[t], read[t], counts[t]) for t in own},
        readers=table.readers,
        margin=margin,
        measurements=tuple(
            compare(m.id, p, own[m.id], read[m.id]) for m in IQMS if m.id in table.targets for p in parts
        ),
        scores=tuple(compare(t, p, own[t], read[t], margin) for t in SCORES if t in table.targets for p in parts),
        correlations=tuple(_correlation(m, p, own[m.id], read) for m in IQMS for p in parts),
        between=tuple(b for t, matrix in matrices.items() for p in parts for b in between_readers(t, p, matrix, table))
        if len(table.readers) > 1
        else (),
        subgroups=tuple(_subgroups(scans, judging, own["overall"], read["overall"], margin)),
        power=tuple((p, detectable_bias(len(p.rows))) for p in parts if p.judges and len(p.rows) >= 3),
        notes=tuple(notes),
    )


def make_parts(scans: Sequence[Scan], fitted: tuple[set[str], set[str]] | None) -> tuple[Part, ...]:
    """Calibration and test scans of the cohorts that the model was fitted in, then every other cohort; or all cohorts alike."""
    names, shas = fitted or (set(), set())
    used = np.array([s.sha256 in shas if s.sha256 else s.name in names for s in scans], bool)
    cohorts = np.array([s.cohort for s in scans], object)
    inside = (
        np.isin(cohorts, np.array(sorted(set(cohorts[used])), object)) if used.any() else np.zeros(len(scans), bool)
    )
    parts = []
    if used.any():
        parts = [
            Part("Calibration", "calibration", np.flatnonzero(used)),
            Part("Test", "test", np.flatnonzero(inside & ~used)),
        ]
    for cohort in sorted(set(cohorts[~inside])):
        title = cohort or ("Other scans" if used.any() else "All scans")
        parts.append(Part(title, "external" if used.any() else "all", np.flatnonzero(~inside & (cohorts == cohort))))
    if sum(p.role == "external" for p in parts) > 1:
        parts.append(Part("All external", "external", np.flatnonzero(~inside)))
    return tuple(p for p in parts if len(p.rows))


def compare(target: str, part: Part, own: Floats, readers: Floats, margin: float | None = None) -> Agreement:
    """All agreement statistics of one target in one part, over the scans that have both values."""
    a, b, left_out = complete_pairs(own[part.rows], readers[part.rows])
    return Agreement(
        target=target,
        part=part,
        own=a,
        readers=b,
        left_out=left_out,
        icc=icc_agreement(np.column_stack([a, b])),
        mad=mean_absolute_difference(a, b),
        mape=mean_absolute_percentage_error(a, b),
        r=pearson(a, b),
        test=paired_t(a, b),
        tost=None if margin is None else equivalence(a, b, margin),
        limits=bland_altman(a, b),
        calibration=calibration_slope(a, b),
    )


def scores_of(scans: Sequence[Scan], model: ScoringModel) -> dict[str, Floats]:
    """Scores by target, (n,), NaN where withheld."""
    rows = []
    for s in scans:
        scored = score(s.measurements, model)
        values = (*(scored.categories[c.id].score for c in CATEGORIES), scored.overall.score)
        rows.append([np.nan if v is None else v for v in values])
    return dict(zip(SCORES, np.array(rows, float).T, strict=True))


def _correlation(iqm: IQM, part: Part, values: Floats, read: Mapping[str, Floats]) -> Correlation:
    folded = np.array([iqm.folded(v) if np.isfinite(v) else np.nan for v in values[part.rows].tolist()], float)
    category, overall = (pearson(*complete_pairs(folded, read[t][part.rows])[:2]) for t in (iqm.category, "overall"))
    return Correlation(iqm.id, part, category, overall)


def _subgroups(
    scans: Sequence[Scan], rows: NDArray[np.int64], own: Floats, readers: Floats, margin: float
) -> list[Subgroup]:
    rows = np.unique(rows)
    found = []
    for group in SUBGROUPS:
        values = np.array([scans[i].groups[group] for i in rows], object)
        for value in sorted(set(values)):
            part = Part(f"{group}: {value}", "all", rows[values == value])
            found.append(Subgroup(group, value, compare("overall", part, own, readers, margin)))
    return found
