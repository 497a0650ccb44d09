"""What became of every scan: one JSON object a line, each written to the disk before the next scan begins.

The journal alone knows paths, which may hold names of patients; so it is called private, and only its owner may read it.
Nothing else in a cohort repeats them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.writing import output_error

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

JOURNAL = "sources.private.jsonl"
Status = Literal["assessed", "refused", "failed", "duplicate"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one scan.

    Attributes:
        fingerprint: of its files, see :class:`~HeadCTIQALib.volume.finding.FoundScan`.
        path, series: where it was read from.
        status: assessed; refused (it is no head CT that can be assessed); failed (crash, time, memory, a bug); duplicate
            (the same voxels were read from another place).
        folder: name of its assessment folder in the cohort, "" where there is none.
        sha256: of voxels and geometry, as in the record; None when it was not read.
        band: of the verdict, None without one.
        reason: why it was refused or failed, without names of files and folders.
        by: version of the program and its networks.
        time: UTC, ISO 8601.
        seconds: it took.
    """

    fingerprint: str
    path: str
    series: str | None = None
    status: Status
    folder: str = ""
    sha256: str | None = None
    band: str | None = None
    reason: str = ""
    by: str
    time: str
    seconds: float = 0.0


class Journal:
    """The journal of a cohort that this process alone writes to; see :func:`writing`."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self._path = descriptor, path
        self.last = {o.fingerprint: o for o in read(path.parent)}

    def add(self, outcome: Outcome) -> None:
        """Append an outcome; it is on the disk when this returns.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            os.write(self._descriptor, msgspec.json.encode(outcome) + b"\n")
            os.fsync(self._descriptor)
        except OSError as error:
            raise output_error(self._path, error, "The journal") from error
        self.last[outcome.fingerprint] = outcome


@contextmanager
def writing(cohort: Path) -> Iterator[Journal]:
    """The journal of ``cohort`` while the block runs, for one process at a time.

    Raises:
        OutputError: another process is writing to the cohort, or it may not be written.
    """
    path = cohort / JOURNAL
    try:
        cohort.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise output_error(path, error, "The journal") from error
    try:
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OutputError(
                    f"Another run is writing to the cohort {cohort}; wait for it or choose another folder."
                ) from error
            except OSError:  # a file system without locks
                pass
        _end_line(descriptor)
        yield Journal(descriptor, path)
    finally:
        os.close(descriptor)


def read(cohort: Path) -> list[Outcome]:
    """All outcomes, oldest first; lines that a full disk or a killed machine cut short are passed over."""
    found: list[Outcome] = []
    try:
        lines = (cohort / JOURNAL).read_bytes().splitlines()
    except OSError:
        return found
    decoder = msgspec.json.Decoder(Outcome)
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            found.append(decoder.decode(line))
    return found


def current(cohort: Path) -> list[Outcome]:
    """The last outcome of every scan."""
    return list({o.fingerprint: o for o in read(cohort)}.values())


def _end_line(descriptor: int) -> None:
    """A line that was cut short must not spoil the next one."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size:
        os.lseek(descriptor, size - 1, os.SEEK_SET)
        if os.read(descriptor, 1) != b"\n":
            os.write(descriptor, b"\n")
