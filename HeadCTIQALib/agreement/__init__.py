"""How well two measurers, or several readers, agree: every statistic with its number of cases and its interval.

Pure functions of numbers (numpy and scipy only).  Each returns a small frozen value; where a statistic does not exist
(too few cases, a column that never varies) its value is None and ``reason`` says why in one sentence.  Missing cells
(NaN) are refused: :func:`complete_pairs` and :func:`complete_rows` leave them out and say how many they were.
"""

from .bland_altman import bland_altman
from .cases import complete_pairs, complete_rows
from .correlation import pearson
from .deviation import mean_absolute_difference, mean_absolute_error, mean_absolute_percentage_error
from .icc import icc_agreement, icc_agreement_mean, icc_consistency, icc_consistency_mean, icc_one_way, icc_one_way_mean
from .kappa import weighted_kappa
from .paired import equivalence, paired_t
from .power import detectable_bias
from .regression import calibration_slope
from .types import BlandAltman, DetectableBias, Equivalence, Estimate, PairedTest

__all__ = [
    "BlandAltman", "DetectableBias", "Equivalence", "Estimate", "PairedTest", "bland_altman", "calibration_slope", "complete_pairs", "complete_rows",
    "detectable_bias", "equivalence", "icc_agreement", "icc_agreement_mean", "icc_consistency", "icc_consistency_mean", "icc_one_way",
    "icc_one_way_mean", "mean_absolute_difference", "mean_absolute_error", "mean_absolute_percentage_error", "paired_t", "pearson",
    "weighted_kappa",
]  # fmt: skip
