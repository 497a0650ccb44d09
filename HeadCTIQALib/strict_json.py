"""JSON as every program understands it: finite numbers, text that is text, each key once, of limited depth."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from .errors import HeadCTIQAError, InputError, boundary
from .text import short

MAX_DEPTH = 32  # a record has 9 levels
_LARGEST = 1e12  # nothing that is measured comes near, and sums of squares stay finite


def parse(data: bytes, what: str, remedy: str, kind: type[HeadCTIQAError] = InputError) -> Any:
    """The content of a JSON document, safe to convert, compare, walk through and write again.

    Args:
        data: UTF-8.
        what, remedy: parts of the sentence ("The assessment x.json", "assess the scan again").

    Raises:
        kind: not JSON, NaN or a number out of range, a lone surrogate, a key twice, or more than 32 levels.
    """

    def refuse(reason: str) -> NoReturn:
        raise kind(f"{what} is damaged ({reason}); {remedy}.")

    with boundary(f"{what} is damaged (it is not JSON); {remedy}.", kind):
        try:
            content = json.loads(
                data.decode("utf-8"),
                parse_constant=lambda text: refuse(f"{text} is not a finite number"),
                parse_float=lambda text: _float(text, refuse),
                parse_int=lambda text: _integer(text, refuse),
                object_pairs_hook=lambda pairs: _unique(pairs, refuse),
            )
        except RecursionError:
            refuse("it is nested too deeply")
        _check(content, refuse)
        return content


def _float(text: str, refuse: Callable[[str], NoReturn]) -> float:
    value = float(text)
    return value if abs(value) <= _LARGEST else refuse(f"the number {short(text)} is out of range")


def _integer(text: str, refuse: Callable[[str], NoReturn]) -> int:
    return int(_float(text, refuse))  # exact, as the largest is far below 2**53


def _unique(pairs: list[tuple[str, Any]], refuse: Callable[[str], NoReturn]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [k for k, _ in pairs]
        seen: set[str] = set()
        refuse(f'the key "{short(next(k for k in keys if k in seen or seen.add(k)))}" appears twice')  # type: ignore[func-returns-value]
    return found


def _check(content: Any, refuse: Callable[[str], NoReturn]) -> None:
    """Refuse too many levels, and text that no file can hold; one level after the other, however deep."""
    level = [content]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
                    refuse("it holds half a character")
            elif isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
        if not below:
            return
        level = below
    refuse("it is nested too deeply")
