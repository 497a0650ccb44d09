"""Numbers of a record: finite, and rounded to what they are worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from .types import Record

DECIMALS = 4
# what is computed with again: measured values, geometry, coefficients, and (to be put back unchanged) what a correction replaced
_FINER = {
    "value": 9, "quantiles": 9, "original": 9, "judged": 9, "read_at": 9, "knots": 9,
    "geometry": 6, "spacing_mm": 6, "coefficient": 6, "motion_index": 12, "definition": 12, "review": 12,
}  # fmt: skip


def rounded(record: Record) -> Record:
    """The record as it is written and read again: numbers rounded, tuples and arrays as its types have them.

    Raises:
        ValueError: a number that is not finite reached the record, which is a bug further up.
        msgspec.ValidationError: something in it does not fit its type, which is one as well.
    """
    return msgspec.convert(plain(record), Record)


def plain(value: Any, where: str = "record", decimals: int = DECIMALS) -> Any:
    """``value`` in JSON types: parts as objects, tuples and arrays as lists, numbers finite and rounded to ``decimals``.

    Raises:
        ValueError: not a finite number, named by where it stands.
        TypeError: something that has no form in JSON.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic):
        return plain(value.item(), where, decimals)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}")
        return round(value, decimals) + 0.0  # no negative zero
    if isinstance(value, msgspec.Struct):
        fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
        value = {name: part for name, part in fields if part is not msgspec.UNSET}
    if isinstance(value, Mapping):
        return {str(k): plain(v, f"{where}.{k}", max(decimals, _FINER.get(str(k), 0))) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v, f"{where}[{n}]", decimals) for n, v in enumerate(value)]
    raise TypeError(f"{where} is a {type(value).__name__}")
