"""What a person changed, and how it shows in the measurements."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from HeadCTIQALib.curve import good_range
from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.hierarchy import IQM, IQM_BY_ID
from HeadCTIQALib.metrics.types import Measurement

_LARGEST = {
    "deg": 90.0,
    "mm": 500.0,
    "HU": 200.0,
    "%": 100.0,
    "mL": 5000.0,
    "1": 100.0,
}  # by unit; beyond is a slip of the pen
_EXAMPLE = {"low": 1, "high": 0, "margin": 1}  # end of the good range that makes an example of a value
_NUMBER = re.compile(r"\s*([-+\u2212]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")
_UNIT_WORDS = {"\u00b0": "deg", "degrees": "deg", "ml": "mL", "hu": "HU", "percent": "%"}


class CorrectionError(HeadCTIQAError):
    """A correction that cannot be right, e.g. a value out of range; one sentence that says what to do."""


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
        finding: what was edited ("landmarks", "midsagittal", "tissue", "streak", "motion", "regions"), or "value".
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


def apply_corrections(
    measurements: Mapping[str, Measurement], corrections: Iterable[Correction]
) -> dict[str, Measurement]:
    """``measurements`` with every corrected IQM marked so; a typed-in value replaces what was measured.

    A later correction of the same IQM overrides an earlier one.  An IQM that stays not assessable after its
    finding was edited stays as it is.
    """
    result = dict(measurements)
    for c in corrections:
        measured = measurements[c.iqm]
        if c.value is not None:
            result[c.iqm] = _typed(measured, c)
        else:
            result[c.iqm] = (
                measured
                if measured.value is None
                else replace(measured, status="corrected", reason=c.reason, quantiles=None)
            )
    return result


def _typed(measured: Measurement, c: Correction) -> Measurement:
    """The typed-in value in place of ``measured``, whose details and flags were about another value."""
    iqm = IQM_BY_ID[c.iqm]
    unit = "" if iqm.unit == "1" else f" {iqm.unit}"
    evidence = measured.evidence and replace(
        measured.evidence, caption=f"{iqm.title} {c.value:g}{unit}, typed in by {c.corrector or 'a reader'}."
    )
    return replace(
        measured, value=c.value, status="corrected", reason=c.reason, method="typed in by a reader", details={}, flags=(), evidence=evidence,
        bound=None, judged=None, quantiles=None,
    )  # fmt: skip


def iqm_of(iqm: str) -> IQM:
    """The IQM with that id.

    Raises:
        CorrectionError: there is none.
    """
    if iqm not in IQM_BY_ID:
        raise CorrectionError(f'There is no image quality metric "{iqm}"; choose one of {", ".join(IQM_BY_ID)}.')
    return IQM_BY_ID[iqm]


def value_range(iqm: str) -> tuple[float, float]:
    """The smallest and largest value that may be typed in for an IQM, in its unit."""
    m = iqm_of(iqm)
    largest = _LARGEST[m.unit]
    # a distance to an end of the scan has a sign, and grey matter may measure darker than white
    return (-largest if m.direction == "margin" or m.direction == "high" else 0.0), largest


def check_value(iqm: str, value: float, unit: str | None = None) -> float:
    """``value`` if it may be typed in for ``iqm``; ``unit``, where given, must be the IQM's.

    Raises:
        CorrectionError: unknown IQM, not a finite number, another unit, or out of range.
    """
    m = iqm_of(iqm)
    if unit is not None and unit != m.unit:
        raise CorrectionError(f"{m.title} is given in {_in_words(m.unit)}, not in {unit}; convert the value.")
    low, high = value_range(iqm)
    if isinstance(value, bool) or not math.isfinite(value) or not low <= value <= high:
        raise CorrectionError(
            f"{m.title} must lie between {low:g} and {high:g} {_in_words(m.unit)}; {value:g} does not."
        )
    return float(value)


def parse_value(iqm: str, text: str) -> float:
    """The number in what a person typed for ``iqm``, e.g. "5.5", "5,5" or "5.5 HU".

    Raises:
        CorrectionError: no number, another unit, or out of range.
    """
    m = iqm_of(iqm)
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise CorrectionError(
            f'"{text.strip()}" is not a number; type the {m.title.lower()} in {_in_words(m.unit)}, e.g. {good_range(m.knots)[_EXAMPLE[m.direction]]:g}.'
        )
    unit = _UNIT_WORDS.get(match[2].lower(), match[2]) or None
    return check_value(iqm, float(match[1].replace(",", ".").replace("\u2212", "-")), unit)


def _in_words(unit: str) -> str:
    return "(no unit)" if unit == "1" else unit
