"""The index of a cohort, ``cohort.sqlite``: made from the folders, at any time anew, so that nothing depends on it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from HeadCTIQALib.cohort.scans import find_folders
from HeadCTIQALib.errors import HeadCTIQAError, OutputError
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.record import RECORD, Record, read_record

from .columns import COLUMNS, row

INDEX = "cohort.sqlite"
_FORM = ", ".join(f"{c.name} {c.kind}" for c in COLUMNS)
_WAIT_S = 60.0  # for another process that writes
_LARGEST = 32_000_000
_AT_ONCE = 500  # records between two looks of others


@dataclass(frozen=True)
class Indexed:
    """An index that is up to date.

    Attributes:
        database: rows of ``scans``: ``scan`` (path within the cohort) and :data:`~.columns.COLUMNS`.
        left_out: sentences about records that cannot be read.
    """

    database: sqlite3.Connection
    left_out: tuple[str, ...]


@contextmanager
def indexed(cohort: Path, progress: Progress = silent) -> Iterator[Indexed]:
    """The index of ``cohort`` with all its folders as they are now; in memory where the cohort may not be written.

    Raises:
        InputError: there is no assessment.
        OutputError: the index cannot be written.
    """
    folders = find_folders(cohort)
    database = _open(cohort)
    try:
        left_out = _refresh(database, cohort, folders, progress)
        yield Indexed(database, left_out)
    except sqlite3.Error as error:
        raise OutputError(
            f"The index {cohort / INDEX} cannot be written ({error}); remove it and try again."
        ) from error
    finally:
        database.close()


def _open(cohort: Path) -> sqlite3.Connection:
    try:
        return _prepared(sqlite3.connect(cohort / INDEX, timeout=_WAIT_S, isolation_level=None))
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # no permission, or a disk that is read only or full
            return _prepared(sqlite3.connect(":memory:", isolation_level=None))
        for name in (INDEX, f"{INDEX}-wal", f"{INDEX}-shm"):  # damaged: it is made anew
            (cohort / name).unlink(missing_ok=True)
        return _prepared(sqlite3.connect(cohort / INDEX, timeout=_WAIT_S, isolation_level=None))


def _prepared(database: sqlite3.Connection) -> sqlite3.Connection:
    """With an empty table unless it has one of the present form."""
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    found = [name for _, name, *_ in database.execute("PRAGMA table_info(scans)")]
    if found != ["scan", "stamp", *(c.name for c in COLUMNS)]:
        database.execute("BEGIN IMMEDIATE")
        database.execute("DROP TABLE IF EXISTS scans")
        database.execute(f"CREATE TABLE scans (scan TEXT PRIMARY KEY, stamp TEXT NOT NULL, {_FORM})")
        database.execute("COMMIT")
    return database


def _refresh(database: sqlite3.Connection, cohort: Path, folders: list[Path], progress: Progress) -> tuple[str, ...]:
    """Rows of what is new or changed, and no rows of what is gone."""
    known = dict(database.execute("SELECT scan, stamp FROM scans"))
    left_out: list[str] = []
    marks = ", ".join("?" * (len(COLUMNS) + 2))
    seen: set[str] = set()
    database.execute("BEGIN IMMEDIATE")
    try:
        for n, folder in enumerate(folders):
            scan = folder.relative_to(cohort).as_posix()
            seen.add(scan)
            try:
                status = (folder / RECORD).stat()
                stamp = f"{status.st_size} {status.st_mtime_ns}"
                if known.get(scan) != stamp:
                    values = (scan, stamp, *row(_record(folder)))
                    database.execute(f"INSERT OR REPLACE INTO scans VALUES ({marks})", values)  # noqa: S608  # marks only
            except (HeadCTIQAError, OSError) as error:
                seen.discard(scan)
                left_out.append(str(error))
            if n % _AT_ONCE == _AT_ONCE - 1:
                progress("Indexing the assessments", n / len(folders))
        database.executemany("DELETE FROM scans WHERE scan = ?", [(scan,) for scan in known if scan not in seen])
        database.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise
    return tuple(left_out)


def _record(folder: Path) -> Record:
    """The record, by the short way where it has the present form."""
    try:
        return _DECODER.decode(read_regular(folder / RECORD, _LARGEST, "The assessment"))
    except (msgspec.MsgspecError, UnicodeDecodeError, FileNotFoundError):
        return read_record(folder)  # of an earlier version; or it says what is wrong


_DECODER = msgspec.json.Decoder(Record)
