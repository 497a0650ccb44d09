"""The pipeline in one screenful, the record that it produces, and the folder that holds it."""

from .correction import Correction
from .pipeline import Assessment, assess, evaluate
from .record import SCHEMA, measurements_from_record
from .storage import StoredAssessment, check_output, load_assessment

__all__ = [
    "SCHEMA",
    "Assessment",
    "Correction",
    "StoredAssessment",
    "assess",
    "check_output",
    "evaluate",
    "load_assessment",
    "measurements_from_record",
]
