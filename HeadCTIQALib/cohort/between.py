"""Readers among themselves: agreement of the readers of a panel about one target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.agreement import (
    Estimate,
    complete_rows,
    icc_agreement,
    icc_agreement_mean,
    icc_consistency,
    weighted_kappa,
)
from HeadCTIQALib.agreement.cases import MIN_CASES
from HeadCTIQALib.agreement.types import without_value
from HeadCTIQALib.scoring.calibration import SCORES

from .panels import panels
from .readers import ReaderTable

if TYPE_CHECKING:
    from .evaluation import Part

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BetweenReaders:
    """How well the readers of a panel agree about one target, over the scans that all of them judged.

    Attributes:
        readers: of the panel; everyone, unless groups of readers share no scan.
        left_out: scans that some of the panel judged, and some did not.
        each: reader to ICC(A,1) with the mean of the others; the measure that an automatic value has to stand up to.
        kappa: quadratically weighted, of scores on a scale of few steps; None for others.
    """

    target: str
    part: Part
    readers: tuple[str, ...]
    left_out: int
    single: Estimate
    mean: Estimate
    consistency: Estimate
    each: Mapping[str, Estimate]
    kappa: Estimate | None


def between_readers(target: str, part: Part, matrix: Floats, table: ReaderTable) -> Iterator[BetweenReaders]:
    """One for every panel of readers; panels that share no scan have nothing to compare.

    Args:
        matrix: (scans, readers) values, NaN where there is none.
    """
    m, readers = matrix[part.rows], table.readers
    read_by = {r: set(np.flatnonzero(np.isfinite(column)).tolist()) for r, column in zip(readers, m.T, strict=True)}
    for names in panels({r: rows for r, rows in read_by.items() if rows}) or ((),):
        yield _of_panel(
            target, part, m[:, [readers.index(r) for r in names]], names, table.steps if target in SCORES else ()
        )


def _of_panel(target: str, part: Part, m: Floats, names: tuple[str, ...], steps: tuple[float, ...]) -> BetweenReaders:
    judged = int(np.isfinite(m).any(axis=1).sum())
    rows = complete_rows(m)[0] if len(names) > 1 else np.empty((0, 2))
    few = (
        f"Only {len(rows)} of {judged} scans were judged by all {len(names)} readers; at least {MIN_CASES} are needed."
        if len(names) > 1
        else "No second reader judged any of these scans."
    )

    def said(estimate: Estimate) -> Estimate:
        return replace(estimate, reason=few) if estimate.n < MIN_CASES else estimate

    others = (rows.sum(axis=1, keepdims=True) - rows) / (rows.shape[1] - 1)
    each = (
        {r: said(icc_agreement(np.column_stack([rows[:, k], others[:, k]]))) for k, r in enumerate(names)}
        if len(names) > 1
        else {}
    )
    single, mean, consistency = (said(of(rows)) for of in (icc_agreement, icc_agreement_mean, icc_consistency))
    return BetweenReaders(
        target,
        part,
        names,
        judged - len(rows),
        single,
        mean,
        consistency,
        each,
        said(_kappa(rows, steps)) if steps else None,
    )


def _kappa(rows: Floats, steps: tuple[float, ...]) -> Estimate:
    """Weighted kappa of (n, readers) scores, each one of ``steps`` (worst first)."""
    apart = np.abs(rows[:, :, None] - np.array(steps))
    if len(rows) and apart.min(axis=2).max() > 1e-6:
        return without_value("Weighted kappa", len(rows), 0.95, "Some scores lie between the steps of the scale.")
    return weighted_kappa(apart.argmin(axis=2))
