"""The pipeline in one screenful, the record that it produces, and the folder that holds it.

A person's corrections are in :mod:`.review`, which is imported by itself because it brings in the metrics.
"""

from HeadCTIQALib.record import SCHEMA, measurements_from_record

from .comparison import Comparison, Difference, compare, uncorrected
from .correction import Correction, CorrectionError, parse_value, value_range
from .pipeline import Assessment, assess, assess_volume, evaluate
from .storage import StoredAssessment, check_output, load_assessment

__all__ = [
    "SCHEMA",
    "Assessment",
    "Comparison",
    "Correction",
    "CorrectionError",
    "Difference",
    "StoredAssessment",
    "assess",
    "assess_volume",
    "check_output",
    "compare",
    "evaluate",
    "load_assessment",
    "measurements_from_record",
    "parse_value",
    "uncorrected",
    "value_range",
]
