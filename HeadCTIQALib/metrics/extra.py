"""One report-only number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GEOMETRY = "geometry"


@dataclass(frozen=True, slots=True)
class Extra:
    """One report-only number.  ``value`` is None exactly when it is missing, and ``reason`` then says why."""

    id: str
    title: str
    value: float | None
    unit: str
    reason: str
    source: str

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise ValueError(f"{self.id}: a missing value needs a reason")
        if self.value is not None and not np.isfinite(self.value):
            raise ValueError(f"{self.id}: {self.value} is not a finite number")


def missing(id_: str, title: str, unit: str, reason: str, source: str) -> Extra:
    """A number that is not known, and why."""
    return Extra(id_, title, None, unit, reason, source)
