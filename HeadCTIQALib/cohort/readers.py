"""What readers said, as one tidy table: scan, reader, target, value.

``scan`` is the name of the assessment folder, or the first twelve or more digits of the scan's SHA-256 in its record.
``target`` is an IQM id (value in the IQM's unit), a category id or "overall" (a score of 0-100, higher is better).  An
empty value means that the reader could not judge.  One file a reader, or all in one: reading merges them.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import InputError, boundary
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS
from HeadCTIQALib.scoring.calibration import SCORES
from HeadCTIQALib.text import cell, of_cell, printable, short
from HeadCTIQALib.writing import write_text

COLUMNS = ("scan", "reader", "target", "value")
TARGETS: tuple[str, ...] = (*(m.id for m in IQMS), *SCORES)
_ORDER = {target: n for n, target in enumerate(TARGETS)}
_RANGES = {"deg": (0.0, 180.0), "mm": (0.0, 500.0), "HU": (0.0, 500.0), "1": (-50.0, 50.0), "%": (0.0, 100.0), "mL": (0.0, 10_000.0)}
_MAX_BYTES = 100_000_000
_LONGEST_NAME = 255  # as of a folder
_FEWEST_DIGITS = 12  # of a SHA-256 that stands for a scan


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
        warnings: sentences about what weakens the data (missing cells, one reader, readers who never vary).
        sha256: of the files that were read, in the order of their names; empty for a table from memory.
    """

    values: tuple[ReaderValue, ...]
    warnings: tuple[str, ...] = ()
    sha256: str = ""

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
        return tuple(sorted({v.target for v in self.values if v.value is not None}, key=_ORDER.__getitem__))

    @cached_property
    def _cells(self) -> dict[str, dict[tuple[str, str], float]]:
        cells: dict[str, dict[tuple[str, str], float]] = {}
        for v in self.values:
            if v.value is not None:
                cells.setdefault(v.target, {})[v.scan, v.reader] = v.value
        return cells

    def matrix(self, target: str, scans: Sequence[str] | None = None, readers: Sequence[str] | None = None) -> NDArray[np.float64]:
        """(scans, readers) values of ``target``, NaN where there is none."""
        cells = self._cells.get(target, {})
        rows, columns = self.scans if scans is None else scans, self.readers if readers is None else readers
        return np.array([[cells.get((s, r), math.nan) for r in columns] for s in rows], float).reshape(len(rows), len(columns))

    def mean(self, target: str, scans: Sequence[str] | None = None) -> NDArray[np.float64]:
        """(scans,) mean of the readers who judged ``target``, NaN where nobody did."""
        m = self.matrix(target, scans)
        judged = np.isfinite(m)
        count = judged.sum(axis=1)
        return np.where(count > 0, np.where(judged, m, 0.0).sum(axis=1) / np.maximum(count, 1), math.nan)

    def renamed(self, names: Mapping[str, str]) -> ReaderTable:
        """The table with scan keys replaced, e.g. by folder names; scans without a new name are left out."""
        kept = (ReaderValue(names[v.scan], v.reader, v.target, v.value) for v in self.values if v.scan in names)
        return ReaderTable(_unique([("the table", v) for v in kept])[0], self.warnings, self.sha256)


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
    return (-high, high) if IQM_BY_ID[target].direction == "margin" else (low, high)


def check_values(values: Iterable[ReaderValue]) -> ReaderTable:
    """Values from memory as a checked table.

    Raises:
        InputError: an unknown target, a value out of range, an empty name, or two different values for one cell.
    """
    return _table([("the table", v) for v in values])


def read_readers(*paths: str | Path) -> ReaderTable:
    """Read and merge reader files; a folder stands for the ``*.csv`` in it.

    Raises:
        InputError: one sentence with file and line about the first thing that cannot be used.
    """
    from hashlib import sha256

    files = [file for path in paths for file in _files(Path(path))]
    digest, cells = sha256(), []
    for file in files:
        try:
            content = read_regular(file, _MAX_BYTES, "The reader table")
        except FileNotFoundError:
            raise InputError(f"The reader table {file} cannot be read (there is no such file); check the path.") from None
        with boundary(f"The reader table {file.name} is not UTF-8 text; save it as CSV UTF-8."):
            text = content.decode("utf-8-sig")
        digest.update(content)
        cells += list(_rows(text, file.name))
    if not cells:
        raise InputError(f"{', '.join(f.name for f in files)} holds no reader values; add rows of {', '.join(COLUMNS)}.")
    table = _table(cells)
    return ReaderTable(table.values, table.warnings, digest.hexdigest())


def write_readers(path: str | Path, values: Iterable[ReaderValue]) -> None:
    """Write reader values as CSV in a fixed order, whole or not at all.

    Raises:
        InputError: as :func:`check_values`.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    table = check_values(values)
    rows = sorted(table.values, key=lambda v: (v.scan, v.reader, _ORDER[v.target]))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((cell(v.scan), cell(v.reader), v.target, "" if v.value is None else f"{v.value:.10g}") for v in rows)
    write_text(path, text.getvalue(), "The reader table")


def match_scans(table: ReaderTable, shas: Mapping[str, str | None]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Which assessment every scan key means.

    Args:
        shas: folder name of every assessment to the SHA-256 in its record, or None.

    Returns:
        Scan key to folder name, and the keys that mean none of the folders.

    Raises:
        InputError: a SHA-256 prefix that fits two folders.
    """
    names: dict[str, str] = {}
    folders = {plain(name): name for name in shas}
    for scan in table.scans:
        if scan in folders:
            names[scan] = folders[scan]
        elif len(scan) >= _FEWEST_DIGITS and all(c in "0123456789abcdef" for c in scan.lower()):
            fitting = [name for name, sha in shas.items() if sha and sha.startswith(scan.lower())]
            if len(fitting) > 1:
                raise InputError(f"The scan {scan} of the reader table fits the folders {', '.join(sorted(fitting))}; use folder names instead.")
            if fitting:
                names[scan] = fitting[0]
    return names, tuple(s for s in table.scans if s not in names)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(f for f in path.glob("*.csv") if not f.name.startswith("."))
    if not found:
        raise InputError(f"The folder {path} holds no reader tables (*.csv); choose another folder or a file.")
    return found


def _rows(text: str, name: str) -> Iterator[tuple[str, ReaderValue]]:
    """The cells of one file, each with where it stands; a semicolon as separator brings the decimal comma along."""
    first = text.partition("\n")[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = tuple(h.strip().lower() for h in next(reader, []))
        if sorted(header) != sorted(COLUMNS):
            found = short(", ".join(header), 60) or "none"
            raise InputError(f"{name} must have the columns {', '.join(COLUMNS)}, not {found}; correct its first line.")
        for row in reader:
            where = f"{name}, line {reader.line_num}"
            if not any(c.strip() for c in row):
                continue
            if len(row) != len(COLUMNS):
                raise InputError(f"{where}: {len(row)} cells instead of {len(COLUMNS)}; correct the line.")
            said = dict(zip(header, (c.strip() for c in row), strict=True))
            number = said["value"].replace(",", ".") if separator == ";" else said["value"]
            try:
                value = float(number) if number else None
            except ValueError:
                raise InputError(f'{where}: "{short(said["value"])}" is not a number; write a number, or nothing where the reader could not judge.') from None
            yield where, ReaderValue(of_cell(said["scan"]), of_cell(said["reader"]), said["target"], value)
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num} is not CSV ({error}); save the file again.") from error


def plain(name: str) -> str:
    """A name as tables hold it: what cannot be printed is a space, and there is none at the ends."""
    return printable(name).strip()


def _table(named: Iterable[tuple[str, ReaderValue]]) -> ReaderTable:
    cells = [(where, replace(v, scan=plain(v.scan), reader=plain(v.reader))) for where, v in named]
    for where, v in cells:
        _check(where, v)
    values, repeated = _unique(cells)
    warnings = [f"{repeated} rows were repeated word for word and count once."] if repeated else []
    table = ReaderTable(values)
    return ReaderTable(values, (*warnings, *_weaknesses(table)))


def _check(where: str, v: ReaderValue) -> None:
    if not v.scan or not v.reader:
        raise InputError(f"{where}: the {'scan' if not v.scan else 'reader'} is empty; fill it in.")
    if max(len(v.scan), len(v.reader)) > _LONGEST_NAME:
        raise InputError(f"{where}: a name has more than {_LONGEST_NAME} characters; shorten it.")
    if v.target not in _ORDER:
        raise InputError(f'{where}: "{short(v.target)}" is no target; use one of {", ".join(TARGETS)}.')
    low, high = valid_range(v.target)
    if v.value is not None and not low <= v.value <= high:  # also refuses nan and inf
        raise InputError(f"{where}: {v.value:g} is out of range for {v.target} ({low:g} to {high:g}); correct the value.")


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


def _weaknesses(table: ReaderTable) -> Iterator[str]:
    if len(table.readers) == 1:
        yield f"There is one reader only ({table.readers[0]}): agreement between readers cannot be judged, and the model learns one person's taste."
    missing: Counter[str] = Counter()
    never: list[str] = []
    for target in table.targets:
        m = table.matrix(target)
        for reader, column in zip(table.readers, m.T, strict=True):
            judged = column[np.isfinite(column)]
            missing[reader] += len(column) - len(judged) if len(judged) else 0
            if len(judged) >= 3 and np.ptp(judged) == 0:
                never.append(f"{reader} gave {judged[0]:g} to every scan for {target}")
    lacking = {r: n for r, n in missing.items() if n}
    if lacking:
        yield f"{sum(lacking.values())} cells are missing ({', '.join(f'{r}: {n}' for r, n in lacking.items())}); means are of the readers who judged."
    if never:
        shown = "; ".join(never[:6]) + (f"; and {len(never) - 6} more" if len(never) > 6 else "")
        yield f"Some readers never vary: {shown}. Such columns say nothing about the scans."
