"""What a person changed, and how it shows in the measurements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.types import Measurement


@dataclass(frozen=True, slots=True)
class Correction:
    """One correction of one IQM; stays in the record with the original value.

    Attributes:
        iqm: id of the IQM concerned.
        reason: why, in the corrector's words.
        corrector: who; a name or initials that the site chooses.
        time: UTC, ISO 8601.
        original: the value before any correction, None where it was not assessable.
        value: a typed-in value in the IQM's unit, or None when a finding was edited and the value measured again.
        finding: what was edited ("landmarks", "midsagittal", "tissue", "streak", "motion"), or "value".
    """

    iqm: str
    reason: str
    corrector: str
    time: str
    original: float | None = None
    value: float | None = None
    finding: str = "value"

    def __post_init__(self) -> None:
        if self.iqm not in IQM_BY_ID:
            raise ValueError(f"unknown IQM {self.iqm!r}")
        if not self.reason:
            raise ValueError(f"{self.iqm}: a correction needs a reason")


def apply_corrections(measurements: Mapping[str, Measurement], corrections: Iterable[Correction]) -> dict[str, Measurement]:
    """``measurements`` with every corrected IQM marked so; a typed-in value replaces what was measured.

    A later correction of the same IQM overrides an earlier one.  An IQM that stays not assessable after its
    finding was edited stays as it is.
    """
    result = dict(measurements)
    for c in corrections:
        measured = measurements[c.iqm]
        value = c.value if c.value is not None else measured.value
        result[c.iqm] = measured if value is None else replace(measured, value=value, status="corrected", reason=c.reason)
    return result
