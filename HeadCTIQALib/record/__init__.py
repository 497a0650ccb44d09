"""The typed record of an assessment: what ``assessment.json`` holds, read strictly and written in one call."""

from .measured import measurements_from_record, original_measurements
from .names import LANDMARKS, PLANE, RECORD, REPORT, SEGMENTATION
from .reading import check_record, dump, is_present, read_record, to_json
from .scored import model_of, rescored_record
from .types import SCHEMA, Record

__all__ = [
    "LANDMARKS",
    "PLANE",
    "RECORD",
    "REPORT",
    "SCHEMA",
    "SEGMENTATION",
    "Record",
    "check_record",
    "dump",
    "is_present",
    "measurements_from_record",
    "model_of",
    "original_measurements",
    "read_record",
    "rescored_record",
    "to_json",
]
