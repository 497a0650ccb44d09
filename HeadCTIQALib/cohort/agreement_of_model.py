"""How a scoring model agrees with readers, scan by scan: what a plot before and after a fit shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.scoring import ScoringModel, score

from .readers import ReaderTable
from .scans import Scan

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ModelAgainstReaders:
    """Scores of one target in the scans that both the model and the readers scored.

    Attributes:
        scans: n names.
        readers, model: (n,) mean reader score and the model's, 0..100.
    """

    target: str
    scans: tuple[str, ...]
    readers: Floats
    model: Floats

    @property
    def mean(self) -> Floats:
        """(n,) mean of both, the abscissa of Bland and Altman's plot."""
        return 0.5 * (self.readers + self.model)

    @property
    def difference(self) -> Floats:
        """(n,) model - readers."""
        return self.model - self.readers


def model_against_readers(
    scans: tuple[Scan, ...], table: ReaderTable, model: ScoringModel, target: str = "overall"
) -> ModelAgainstReaders:
    """The scores of ``scans`` by ``model`` beside the readers' means; scans without one of them are left out.

    Args:
        table: with folder names as scan keys.
        target: "overall" or a category id.
    """
    means = table.mean(target, [s.name for s in scans])
    rows = []
    for scan, mean in zip(scans, means, strict=True):
        scores = score(scan.measurements, model)
        value = scores.overall.score if target == "overall" else scores.categories[target].score
        if value is not None and np.isfinite(mean):
            rows.append((scan.name, float(mean), value))
    return ModelAgainstReaders(
        target, tuple(r[0] for r in rows), np.array([r[1] for r in rows], float), np.array([r[2] for r in rows], float)
    )
