"""DICOM tags as plain values: an absent, empty or invalid tag is None, never an exception."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..text import printable

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

_MAX_TEXT = 256  # no standard attribute read here is longer


def raw(ds: Dataset, keyword: str) -> Any:
    """The value of a tag, or None when it is absent, empty or cannot be parsed."""
    try:
        value = ds.get(keyword)
        return None if value is None or (hasattr(value, "__len__") and len(value) == 0) else value
    except Exception:  # an element's bytes are parsed when it is asked for, and what parsers raise cannot be listed
        return None


def items(ds: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none where it is absent or cannot be parsed."""
    value = raw(ds, keyword)
    return list(value) if type(value).__name__ == "Sequence" else []


def elements(ds: Dataset) -> Iterator[DataElement]:
    """The elements of a data set without those that cannot be parsed."""
    for tag in list(ds.keys()):
        try:
            element = ds[tag]
        except Exception:  # noqa: S112  one odd private element says nothing about the others
            continue
        yield element


def text(ds: Dataset, keyword: str) -> str | None:
    """The tag as one printable line of at most 256 characters; several values are joined by a backslash as in DICOM."""
    value = raw(ds, keyword)
    if value is None:
        return None
    try:
        parts = (
            [str(v) for v in value]
            if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue"
            else [str(value)]
        )
    except Exception:  # names of people are decoded when they are shown
        return None
    return printable("\\".join(parts).rstrip("\0")).strip()[:_MAX_TEXT] or None


def present(ds: Dataset, keyword: str) -> bool:
    """True when the tag is there and not empty, whether or not its value can be read."""
    if keyword not in ds:
        return False
    return raw(ds, keyword) is not None or bool(_stored_text(ds, keyword))


def numbers(ds: Dataset, keyword: str) -> tuple[float, ...]:
    """The tag's values as finite numbers; empty when it is absent or any of them is none."""
    value = raw(ds, keyword)
    several = list(value) if type(value).__name__ == "MultiValue" or isinstance(value, (list, tuple)) else [value]
    try:
        if value is None:
            values = _with_commas(_stored_text(ds, keyword))
        elif any(
            isinstance(v, str) and not isinstance(v, float) for v in several
        ):  # pydicom's answer to what is no number to it
            values = _with_commas("\\".join(map(str, several)))
        else:
            values = tuple(float(v) for v in several)
    except (TypeError, ValueError, OverflowError):
        return ()
    return values if all(map(math.isfinite, values)) else ()


def vector(ds: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """The tag as exactly `count` finite numbers."""
    values = numbers(ds, keyword)
    return values if len(values) == count else None


def number(ds: Dataset, keyword: str) -> float | None:
    """The tag as one finite number; the first of several."""
    return next(iter(numbers(ds, keyword)), None)


def integer(ds: Dataset, keyword: str) -> int | None:
    """The tag as a whole number."""
    value = number(ds, keyword)
    return None if value is None else int(value)


def values_of(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of a code string such as ImageType, in capitals."""
    return tuple(part.strip().upper() for part in (text(ds, keyword) or "").split("\\") if part.strip())


def padding_range(ds: Dataset) -> tuple[int, int] | None:
    """Range of stored values that are padding; the tag's sign is repaired to fit PixelRepresentation."""
    values = [integer(ds, tag) for tag in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if values[0] is None:
        return None
    bits = integer(ds, "BitsAllocated") or 16
    if not 0 < bits <= 64:
        return None
    signed = integer(ds, "PixelRepresentation") == 1
    fixed = []
    for value in (values[0], values[0] if values[1] is None else values[1]):
        value &= (1 << bits) - 1
        fixed.append(value - (1 << bits) if signed and value >> (bits - 1) else value)
    return min(fixed), max(fixed)


def _stored_text(ds: Dataset, keyword: str) -> str:
    """The bytes of an element that pydicom could not turn into a value."""
    try:
        value = ds.get_item(keyword).value  # type: ignore[union-attr]
        return value.decode("latin-1").strip(" \0") if isinstance(value, bytes) and len(value) <= 4 * _MAX_TEXT else ""
    except Exception:
        return ""


def _with_commas(stored: str) -> tuple[float, ...]:
    """Decimal strings; a comma can only be a decimal comma in them, or the separator where points are there too."""
    if "\\" not in stored and "." in stored:
        stored = stored.replace(",", "\\")
    return tuple(float(part.replace(",", ".")) for part in stored.split("\\")) if stored else ()
