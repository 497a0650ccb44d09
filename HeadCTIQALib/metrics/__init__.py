"""The ten image quality metrics: pure functions of a CTVolume and its Findings."""

from .types import Evidence, Measurement, not_assessable

__all__ = ["Evidence", "Measurement", "not_assessable"]
