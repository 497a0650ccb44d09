"""What weakens a table of readers: who read which scans, and who shares none with whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .reader_values import ReaderTable

_SHOWN = 6
_FEWEST = 3  # scans of which any statistic of agreement can be made


def weaknesses(table: ReaderTable) -> Iterator[str]:
    """Sentences about one reader alone, missing cells, scans that some readers missed, panels apart, readers who never vary."""
    if len(table.readers) == 1:
        yield f"There is one reader only ({table.readers[0]}): agreement between readers cannot be judged, and the model learns one person's taste."
    yield from _missing(table)
    yield from _apart(_read_by(table))
    never = list(_never_vary(table))
    if never:
        yield f"Some readers never vary: {_some(never, '; ')}. Such columns say nothing about the scans."


def panels(read_by: Mapping[str, set[Any]]) -> tuple[tuple[str, ...], ...]:
    """Readers in groups that share no scan with each other, in alphabetical order.

    Args:
        read_by: reader to the scans that they judged.
    """
    groups: list[tuple[list[str], set[Any]]] = []
    for reader in sorted(read_by):
        joined, scans, rest = [reader], set(read_by[reader]), []
        for group in groups:
            if scans & group[1]:
                joined, scans = [*group[0], *joined], scans | group[1]
            else:
                rest.append(group)
        groups = [*rest, (joined, scans)]
    return tuple(sorted(tuple(sorted(readers)) for readers, _ in groups))


def _read_by(table: ReaderTable) -> dict[str, set[str]]:
    judged: dict[str, set[str]] = {}
    for v in table.values:
        if v.value is not None:
            judged.setdefault(v.reader, set()).add(v.scan)
    return judged


def _missing(table: ReaderTable) -> Iterator[str]:
    missing: Counter[str] = Counter()
    for target in table.targets:
        for reader, column in zip(table.readers, table.matrix(target).T, strict=True):
            judged = int(np.isfinite(column).sum())
            missing[reader] += len(column) - judged if judged else 0
    lacking = [f"{r}: {n}" for r, n in missing.items() if n]
    if lacking:
        yield f"{sum(missing.values())} cells are missing ({_some(lacking, ', ')}); means are of the readers who judged."


def _apart(read_by: Mapping[str, set[str]]) -> Iterator[str]:
    """Scans that not every reader read, panels that share no scan, and pairs of one panel that do not either."""
    if len(read_by) < 2:
        return
    everyone = set.intersection(*read_by.values())
    scans = set.union(*read_by.values())
    if len(everyone) < len(scans):
        some = _some(sorted(scans - everyone)[:3] + (["..."] if len(scans - everyone) > 3 else []), ", ")
        yield f"{len(scans - everyone)} of {len(scans)} scans were not read by every reader ({some}), so that means rest on different readers."
    if len(everyone) < _FEWEST:
        yield f"Only {len(everyone)} scans were read by all {len(read_by)} readers; agreement among all of them needs at least {_FEWEST}."
    groups = panels(read_by)
    if len(groups) > 1:
        named = "; ".join(_some(list(group), ", ") for group in groups[:_SHOWN])
        yield (
            f"The readers are {len(groups)} panels that share no scan ({named}{'; ...' if len(groups) > _SHOWN else ''}): a strict panel cannot be told from poor scans, "
            "and agreement between panels cannot be judged. Let both read some of the same scans."
        )
    pairs = [f"{a} and {b}" for group in groups for a, b in combinations(group, 2) if not read_by[a] & read_by[b]]
    if pairs:
        yield f"Some pairs of readers share no scan, so that their agreement cannot be judged: {_some(pairs, '; ')}."


def _never_vary(table: ReaderTable) -> Iterator[str]:
    for target in table.targets:
        for reader, column in zip(table.readers, table.matrix(target).T, strict=True):
            judged = column[np.isfinite(column)]
            if len(judged) >= _FEWEST and np.ptp(judged) == 0:
                yield f"{reader} gave {judged[0]:g} to every scan for {target}"


def _some(words: list[str], between: str) -> str:
    return between.join(words[:_SHOWN]) + (f"{between}and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")
