"""The data that a scoring model is fitted to, the split into calibration and test, and the parts of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.curve import at
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS
from HeadCTIQALib.scoring.profile import DEFAULT, Profile
from HeadCTIQALib.scoring.types import ScoringModel

Floats = NDArray[np.float64]
Mode = Literal["paper", "robust"]
MODES: tuple[Mode, ...] = ("paper", "robust")
MIN_SCANS = 8  # fewer cannot tell a model from chance, whatever the arithmetic says
SCORES: tuple[str, ...] = (*(c.id for c in CATEGORIES), "overall")


@dataclass(frozen=True)
class CalibrationSet:
    """What was measured in n scans, and what readers said on average.

    Attributes:
        scans: n names, for messages.
        iqms: (n, 10) values as the profile judges them, in the order of the hierarchy; NaN where not assessable.
        scores: (n, 7) mean reader scores, six categories and overall; NaN where nobody judged.
        items: (n, 10) item scores; None reads them off the profile's curves at ``iqms``.
        profile: what the scans are judged by.
    """

    scans: tuple[str, ...]
    iqms: Floats
    scores: Floats
    items: Floats | None = None
    profile: Profile = DEFAULT

    def __post_init__(self) -> None:
        n = len(self.scans)
        if self.iqms.shape != (n, len(IQMS)) or self.scores.shape != (n, len(SCORES)):
            raise ValueError(f"{n} scans, but values {self.iqms.shape} and scores {self.scores.shape}")
        if self.items is not None and self.items.shape != self.iqms.shape:
            raise ValueError(f"values {self.iqms.shape}, but item scores {self.items.shape}")

    @property
    def item_scores(self) -> Floats:
        """(n, 10) item scores, NaN where not assessable."""
        if self.items is not None:
            return self.items
        rows = [
            [at(self.profile.knots[m.id], v) if np.isfinite(v) else np.nan for m, v in zip(IQMS, row, strict=True)]
            for row in self.iqms.tolist()
        ]
        return np.array(rows, float).reshape(self.iqms.shape)

    def of(self, rows: Sequence[int] | NDArray[np.int64]) -> CalibrationSet:
        """The scans of ``rows`` only."""
        index = np.asarray(rows, int)
        items = None if self.items is None else self.items[index]
        return CalibrationSet(
            tuple(self.scans[i] for i in index), self.iqms[index], self.scores[index], items, self.profile
        )


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One number of the model as it is used, after shrinkage, with its interval.

    ``term`` is an IQM or category id, or "intercept": in a category the score of an ideal scan.
    """

    term: str
    feature: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Errors of predicting scans that took no part in the fit, in points, against the guideline model's on the same scans.

    Repeated k-fold; shrinkage is chosen anew inside every fold.
    """

    n: int
    rmse: float
    mae: float
    guideline_rmse: float
    guideline_mae: float
    folds: int
    repeats: int

    @property
    def better(self) -> bool:
        return self.rmse < self.guideline_rmse

    @property
    def used(self) -> float:
        """RMSE of what is used of the two."""
        return min(self.rmse, self.guideline_rmse)


@dataclass(frozen=True)
class CategoryFit:
    """How one category was fitted.

    Attributes:
        n: scans with all of its IQMs and a reader score.
        coefficients: intercept first, as they are in the model; empty when the category keeps the guideline.
        shrinkage: 0 is the fit alone, 1 the guideline alone, moved to the readers' mean unless it is kept as it is.
        vif: IQM id to variance inflation factor.
        influential: scans that pull the fit (Cook's distance over 0.5), or stand far out (leverage over 3 p / n), in words.
        cross_validation: None when the category could not be fitted.
        r_squared, residual_sd: of the fit to its own scans.
        notes: sentences a site should read before it uses the fit.
    """

    category: str
    n: int
    coefficients: tuple[Coefficient, ...] = ()
    shrinkage: float = 1.0
    vif: Mapping[str, float] | None = None
    influential: tuple[str, ...] = ()
    cross_validation: CrossValidation | None = None
    r_squared: float | None = None
    residual_sd: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def keeps_guideline(self) -> bool:
        """Whether the model has the guideline for this category, unchanged."""
        return self.cross_validation is None or not self.cross_validation.better


@dataclass(frozen=True)
class LimitTrial:
    """The overall score fitted with a limit above the worst category, or without one (None), to the same calibration scans.

    Attributes:
        model: the whole model as it is with this limit.
        cross_validation: of its overall score; None with too few scans.
    """

    limit: float | None
    model: ScoringModel
    cross_validation: CrossValidation | None


@dataclass(frozen=True)
class Fit:
    """A scoring model fitted to readers, with the reasons to trust and to distrust it.

    Attributes:
        weights: intercept and weights of the overall score as they are in the model, with bootstrap intervals; empty where
            the guideline's are kept.
        weight_shrinkage: as :attr:`CategoryFit.shrinkage`.
        overall: cross-validation of the overall score.
        limits: the overall score with the limit above the worst category and without, whichever of the two ``model`` has.
        reasons_not_to_use: plain sentences; empty when the model is better than the guideline throughout.
    """

    model: ScoringModel
    mode: Mode
    scans: tuple[str, ...]
    categories: Mapping[str, CategoryFit]
    weights: tuple[Coefficient, ...]
    weight_shrinkage: float
    overall: CrossValidation | None
    limits: tuple[LimitTrial, LimitTrial]
    reasons_not_to_use: tuple[str, ...]
    seed: int


def folds(stratum: Floats, count: int, seed: int) -> NDArray[np.int64]:
    """(n,) fold numbers 0..count-1: cases are sorted by ``stratum`` and every run of ``count`` is dealt out at random.

    Cases without a stratum (NaN) come last, so that they are spread evenly as well.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(stratum + 0.0, kind="stable")
    result = np.empty(len(stratum), np.int64)
    for start in range(0, len(order), count):
        run = order[start : start + count]
        result[run] = rng.permutation(count)[: len(run)]
    return result


def split(scores: Floats, seed: int = 0, test_share: float = 0.2) -> NDArray[np.bool_]:
    """(n,) True for the test scans: the default 80/20 split, stratified by the mean score and reproducible by its seed.

    Args:
        scores: (n, 7) mean reader scores; stratified by the overall score, by the mean of the categories where it is missing.

    Raises:
        ValueError: a share outside 0..1.
    """
    if not 0 < test_share < 1:
        raise ValueError(f"the test share {test_share} is not between 0 and 1")
    n = len(scores)
    known = np.isfinite(scores[:, :-1])
    mean = np.where(known, scores[:, :-1], 0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    stratum = np.where(np.isfinite(scores[:, -1]), scores[:, -1], mean)
    wanted = round(n * test_share)
    # One scan of every run of neighbours in score is a test scan; runs are spread so that exactly ``wanted`` are.
    rng = np.random.default_rng(seed)
    order = np.argsort(stratum, kind="stable")
    test = np.zeros(n, bool)
    for run in np.array_split(order, wanted) if wanted else ():
        test[rng.choice(run)] = True
    return test
