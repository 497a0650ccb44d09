"""Statistics as values: never a NaN, and no number without its number of cases."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic with its confidence interval.

    Attributes:
        name: as printed, e.g. "ICC(A,1)".
        value: None when it does not exist for these cases; ``reason`` says why.
        low, high: limits of the two-sided interval; None when there is none (``reason`` says why).
        n: number of cases (scans, or pairs of values).
        confidence: of the interval, 0..1.
        reason: one sentence; empty exactly when value and limits are all there.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    confidence: float = 0.95
    reason: str = ""

    def __post_init__(self) -> None:
        numbers = (self.value, self.low, self.high)
        if any(x is not None and not math.isfinite(x) for x in numbers):
            raise ValueError(f"{self.name}: {numbers} is not finite")
        if (None in numbers) != bool(self.reason) or (self.value is None and numbers != (None, None, None)):
            raise ValueError(f"{self.name}: all three numbers, or a reason why not")


def without_value(name: str, n: int, confidence: float, reason: str) -> Estimate:
    """An :class:`Estimate` that does not exist for these cases."""
    return Estimate(name, None, None, None, n, confidence, reason)


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Paired t-test.  ``difference`` is the mean of x - y; t, df and p are None where there is no test."""

    difference: Estimate
    t: float | None
    df: int | None
    p: float | None

    @property
    def n(self) -> int:
        return self.difference.n


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests (TOST): is the mean difference within +- ``margin``?

    ``difference`` carries the interval at 1 - 2 alpha (90 % for alpha .05), which lies within the margin exactly when
    ``p`` < alpha.  ``p`` is the larger of the two one-sided p-values; p and ``equivalent`` are None without a test.
    """

    difference: Estimate
    margin: float
    p: float | None
    equivalent: bool | None
    alpha: float

    @property
    def n(self) -> int:
        return self.difference.n


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """Bland-Altman analysis of x - y.

    Attributes:
        bias: mean difference.
        sd: standard deviation of the differences; None with fewer than three cases.
        lower, upper: limits of agreement bias -+ 1.96 sd, intervals by the approximation of Bland & Altman 1999.
        lower_exact, upper_exact: the same limits with exact intervals (noncentral t, Carkeet 2015).
        slope: of the differences on the means; ``slope_p`` tests it against zero.  Alone it is no proportional bias.
    """

    bias: Estimate
    sd: float | None
    lower: Estimate
    upper: Estimate
    lower_exact: Estimate
    upper_exact: Estimate
    slope: Estimate
    slope_p: float | None

    @property
    def n(self) -> int:
        return self.bias.n


@dataclass(frozen=True, slots=True)
class DetectableBias:
    """What a paired comparison of ``n`` cases can show, in standard deviations of the differences.

    ``significant``: the smallest observed bias with p < alpha.  ``with_power``: the smallest true bias that is found with
    probability ``power``.
    """

    n: int
    significant: float
    with_power: float
    alpha: float
    power: float

    @property
    def note(self) -> str:
        """The sample-size note of a report."""
        return (
            f"With n = {self.n}, a bias below {self.significant:.2f} SD of the differences cannot be seen (it is not significant at "
            f"{self.alpha:g}), and only a true bias of {self.with_power:.2f} SD or more is found with {100 * self.power:.0f} % probability."
        )
