"""Reasons by their number."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def counted(sentences: Iterable[str]) -> list[tuple[str, int]]:
    """Sentences with their number, the most frequent first; those that differ in numbers only count as one."""
    found: dict[str, list[str]] = {}
    for sentence in sentences:
        found.setdefault(_NUMBER.sub("#", sentence), []).append(sentence)
    return sorted(((texts[0], len(texts)) for texts in found.values()), key=lambda r: (-r[1], r[0]))
