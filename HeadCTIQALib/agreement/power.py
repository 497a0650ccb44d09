"""What a comparison of n cases can show at all."""

from __future__ import annotations

import math

from scipy import optimize, special, stats

from .types import DetectableBias


def detectable_bias(n: int, alpha: float = 0.05, power: float = 0.8) -> DetectableBias:
    """Smallest bias that a paired t-test of ``n`` cases can show, in standard deviations of the differences.

    Significant from t(1 - alpha/2, n - 1) / sqrt n on; with ``power`` from the effect whose noncentral t exceeds the
    critical t with that probability (Cohen 1988, exact).

    Raises:
        ValueError: fewer than three cases.
    """
    if n < 3:
        raise ValueError("at least three cases are needed")
    critical = float(special.stdtrit(n - 1, 1 - alpha / 2))

    def lacking(effect: float) -> float:
        return float(stats.nct.sf(critical, n - 1, effect * math.sqrt(n))) - power

    # The other tail adds less than alpha/2, and nothing worth naming at this power.
    found = optimize.brentq(lacking, 0.0, 10 * critical / math.sqrt(n))
    return DetectableBias(n, critical / math.sqrt(n), float(found), alpha, power)
