"""Which scans are assessed, by what their headers say: ``kernel in soft and thickness <= 5``.

A condition is FIELD OPERATOR VALUE; conditions are joined by ``and``.  Operators: ``in`` and ``not in`` (one value or
several with commas) and, for numbers, ``<``, ``<=``, ``>``, ``>=``.  What a header does not say meets no condition.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume.finding import FoundScan

#: What can be asked for: texts of a scan in small letters, any of which may be meant, or a number.
TEXTS: Mapping[str, Callable[[FoundScan], set[str]]] = {
    "kernel": lambda s: {s.kernel, (s.kernel_name or "unknown").lower()},
    "contrast": lambda s: {"unknown" if s.contrast is None else "yes" if s.contrast else "no"},
    "description": lambda s: set(s.description.lower().split()),
}
NUMBERS: Mapping[str, Callable[[FoundScan], float | None]] = {
    "thickness": lambda s: s.thickness_mm,
    "slices": lambda s: s.slices or None,
}
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION = re.compile(r"\s*(?P<field>[a-z]+)\s*(?P<operator>not\s+in\b|in\b|<=|>=|<|>)\s*(?P<value>.+?)\s*")
FORM = f"FIELD in VALUE,VALUE or FIELD <= NUMBER, joined by and; fields: {', '.join((*TEXTS, *NUMBERS))}"


@dataclass(frozen=True)
class Condition:
    """One condition of a selection; ``value`` holds texts in small letters for ``in`` and ``not in``, else a number."""

    field: str
    operator: str
    value: frozenset[str] | float

    def __call__(self, scan: FoundScan) -> bool:
        """Whether the scan meets it."""
        if isinstance(self.value, float):
            number = NUMBERS[self.field](scan)
            return number is not None and _COMPARED[self.operator](number, self.value)
        return bool(TEXTS[self.field](scan) & self.value) == (self.operator == "in")


@dataclass(frozen=True)
class Selection:
    """Conditions that a scan must meet, all of them; without any, every scan is meant."""

    conditions: tuple[Condition, ...] = ()

    def __call__(self, scan: FoundScan) -> bool:
        """Whether the scan is meant."""
        return all(condition(scan) for condition in self.conditions)


def parse_selection(text: str) -> Selection:
    """The selection that ``text`` describes.

    Raises:
        InputError: it is none; the sentence says how one looks.
    """
    return Selection(tuple(_condition(part) for part in re.split(r"\sand\s", text)))


def _condition(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise InputError(f'"{text.strip()}" is no condition; write {FORM}.')
    field, how, value = match["field"], " ".join(match["operator"].split()), match["value"]
    if how in _COMPARED and field in NUMBERS:
        try:
            return Condition(field, how, float(value))
        except ValueError:
            raise InputError(f'"{value}" is no number; write {FORM}.') from None
    if how not in _COMPARED and field in TEXTS:
        return Condition(field, how, frozenset(v.strip().lower() for v in value.split(",")))
    raise InputError(f'"{field} {how}" cannot be asked; write {FORM}.')
