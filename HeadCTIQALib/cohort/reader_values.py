"""Values of readers, checked: what :mod:`.readers` reads and writes, and everything behind it computes with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS
from HeadCTIQALib.scoring.calibration import SCORES
from HeadCTIQALib.text import printable, short

from .panels import weaknesses

COLUMNS = ("scan", "reader", "target", "value")
TARGETS: tuple[str, ...] = (*(m.id for m in IQMS), *SCORES)
ORDER = {target: n for n, target in enumerate(TARGETS)}
_RANGES = {
    "deg": (0.0, 180.0),
    "mm": (0.0, 500.0),
    "HU": (0.0, 500.0),
    "1": (-50.0, 50.0),
    "%": (0.0, 100.0),
    "mL": (0.0, 10_000.0),
}
_LONGEST_NAME = 255  # as of a folder


@dataclass(frozen=True, slots=True)
class ReaderValue:
    """One cell: what ``reader`` said about ``target`` of ``scan``; None where the reader could not judge."""

    scan: str
    reader: str
    target: str
    value: float | None


@dataclass(frozen=True)
class ReaderTable:
    """Checked reader values.

    Attributes:
        values: at most one for each scan, reader and target.
        notes: sentences about how the files were read.
        sha256: of the files that were read, in the order of their names; empty for a table from memory.
        scale: which scale scores were mapped from, and how; empty where they were given as 0-100.
        steps: the scores of the steps of that scale, worst first; empty where it has no few steps.
    """

    values: tuple[ReaderValue, ...]
    notes: tuple[str, ...] = ()
    sha256: str = ""
    scale: str = ""
    steps: tuple[float, ...] = ()

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """The notes, and sentences about what weakens the data: missing cells, one reader, panels that share no scan."""
        return *self.notes, *weaknesses(self)

    @cached_property
    def scans(self) -> tuple[str, ...]:
        """Scan keys, in alphabetical order."""
        return tuple(sorted({v.scan for v in self.values}))

    @cached_property
    def readers(self) -> tuple[str, ...]:
        """Names of the readers, in alphabetical order."""
        return tuple(sorted({v.reader for v in self.values}))

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Targets that anybody judged, in the hierarchy's order."""
        return tuple(sorted({v.target for v in self.values if v.value is not None}, key=ORDER.__getitem__))

    @cached_property
    def _cells(self) -> dict[str, dict[tuple[str, str], float]]:
        cells: dict[str, dict[tuple[str, str], float]] = {}
        for v in self.values:
            if v.value is not None:
                cells.setdefault(v.target, {})[v.scan, v.reader] = v.value
        return cells

    def matrix(
        self, target: str, scans: Sequence[str] | None = None, readers: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """(scans, readers) values of ``target``, NaN where there is none."""
        cells = self._cells.get(target, {})
        rows, columns = self.scans if scans is None else scans, self.readers if readers is None else readers
        return np.array([[cells.get((s, r), math.nan) for r in columns] for s in rows], float).reshape(
            len(rows), len(columns)
        )

    def mean(self, target: str, scans: Sequence[str] | None = None) -> NDArray[np.float64]:
        """(scans,) mean of the readers who judged ``target``, NaN where nobody did."""
        m = self.matrix(target, scans)
        judged = np.isfinite(m)
        count = judged.sum(axis=1)
        return np.where(count > 0, np.where(judged, m, 0.0).sum(axis=1) / np.maximum(count, 1), math.nan)

    def renamed(self, names: Mapping[str, str]) -> ReaderTable:
        """The table with scan keys replaced, e.g. by folder names; scans without a new name are left out."""
        kept = (ReaderValue(names[v.scan], v.reader, v.target, v.value) for v in self.values if v.scan in names)
        return replace(self, values=_unique([("the table", v) for v in kept])[0])


def valid_range(target: str) -> tuple[float, float]:
    """Smallest and largest value that ``target`` can have at all; values outside are typing errors.

    Raises:
        InputError: unknown target.
    """
    if target in SCORES:
        return 0.0, 100.0
    if target not in IQM_BY_ID:
        raise InputError(f'"{target}" is no target of readers; use one of {", ".join(TARGETS)}.')
    low, high = _RANGES[IQM_BY_ID[target].unit]
    return (-high, high) if target.endswith("_margin") else (low, high)


def check_values(values: Iterable[ReaderValue]) -> ReaderTable:
    """Values from memory as a checked table.

    Raises:
        InputError: an unknown target, a value out of range, an empty name, or two different values for one cell.
    """
    return checked([("the table", v) for v in values])


def plain(name: str) -> str:
    """A name as tables hold it: what cannot be printed is a space, and there is none at the ends."""
    return printable(name).strip()


def checked(named: Iterable[tuple[str, ReaderValue]]) -> ReaderTable:
    """As :func:`check_values`, of values each with where it stands, for sentences."""
    cells = [(where, replace(v, scan=plain(v.scan), reader=plain(v.reader))) for where, v in named]
    for where, v in cells:
        _check(where, v)
    values, repeated = _unique(cells)
    return ReaderTable(values, (f"{repeated} rows were repeated word for word and count once.",) if repeated else ())


def _check(where: str, v: ReaderValue) -> None:
    if not v.scan or not v.reader:
        raise InputError(f"{where}: the {'scan' if not v.scan else 'reader'} is empty; fill it in.")
    if max(len(v.scan), len(v.reader)) > _LONGEST_NAME:
        raise InputError(f"{where}: a name has more than {_LONGEST_NAME} characters; shorten it.")
    if v.target not in ORDER:
        raise InputError(f'{where}: "{short(v.target)}" is no target; use one of {", ".join(TARGETS)}.')
    low, high = valid_range(v.target)
    if v.value is not None and not low <= v.value <= high:  # also refuses nan and inf
        raise InputError(
            f"{where}: {v.value:g} is out of range for {v.target} ({low:g} to {high:g}); correct the value."
        )


def _unique(cells: Sequence[tuple[str, ReaderValue]]) -> tuple[tuple[ReaderValue, ...], int]:
    """Every cell once, and how many were repeated; two different values for one cell are refused."""
    found: dict[tuple[str, str, str], tuple[str, ReaderValue]] = {}
    for where, v in cells:
        before = found.setdefault((v.scan, v.reader, v.target), (where, v))
        if before[1].value != v.value:
            raise InputError(
                f"{where}: {v.reader} said two different things about {v.target} of {v.scan} (also in {before[0]}); keep one of the two rows."
            )
    return tuple(v for _, v in found.values()), len(cells) - len(found)
