"""Regular files only: a named pipe blocks for ever, a device never ends.

A file is opened without waiting for it, and what was opened is what is checked: in between, another may take its place.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, cast

from .errors import HeadCTIQAError, InputError
from .text import printable

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_OTHER = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class _OtherKindError(Exception):
    """What was opened is no regular file; its mode is the argument."""


def is_folder(path: Path, name: str | None = None) -> bool:
    """Whether ``path`` is a folder rather than a regular file; nothing is opened.

    Args:
        name: what messages call it, if not by its own name.

    Raises:
        InputError: neither, not there, or not to be looked at.
    """
    name = name or printable(path.name or str(path))
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{name} does not exist; check the path.") from error
    except OSError as error:
        raise InputError(f"{name} cannot be opened ({error.strerror}); check its permissions.") from error
    except ValueError as error:  # a NUL byte
        raise InputError(f"{str(path)!r} is not a path; check it.") from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise InputError(_no_file(name, mode))
    return stat.S_ISDIR(mode)


def open_regular(path: Path, name: str) -> BinaryIO:
    """A regular file of a scan, opened for reading.

    Args:
        name: what messages call it.

    Raises:
        InputError: as :func:`is_folder`, or a folder, or no permission.
    """
    if is_folder(path, name):  # to open a device may already move it
        raise InputError(_no_file(name, stat.S_IFDIR))
    try:
        return _opened(path)
    except _OtherKindError as error:
        raise InputError(_no_file(name, error.args[0])) from error
    except OSError as error:
        raise InputError(f"{name} cannot be opened ({error.strerror}); check its permissions.") from error


def read_regular(path: str | Path, limit: int, what: str, kind: type[HeadCTIQAError] = InputError) -> bytes:
    """The content of a regular file of at most ``limit`` bytes; a pipe or device in its place is refused and never waited for.

    Args:
        what: names the file in sentences ("The assessment").

    Raises:
        FileNotFoundError: there is none, which means something else to every caller.
        kind: it is a folder, pipe or device, is too large, or cannot be read.
    """
    try:
        with _opened(path) as stream:
            data = stream.read(min(os.fstat(stream.fileno()).st_size, limit) + 1)
    except FileNotFoundError:
        raise
    except _OtherKindError as error:
        raise kind(f"{what} {path} is no ordinary file; choose another one.") from error
    except (OSError, ValueError) as error:  # ValueError: no system has a file of such a name
        raise kind(
            f"{what} {path} cannot be read ({getattr(error, 'strerror', None) or error}); check the path."
        ) from error
    if len(data) > limit:
        raise kind(f"{what} {path} is too large (more than {limit / 1e6:g} MB); choose another file.")
    return data


def _opened(path: str | Path) -> BinaryIO:
    descriptor = os.open(path, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _OtherKindError(mode)
        return cast("BinaryIO", os.fdopen(descriptor, "rb"))
    except BaseException:
        os.close(descriptor)
        raise


def _no_file(name: str, mode: int) -> str:
    what = next((words for test, words in _OTHER if test(mode)), "no file")
    return f"{name} is {what}, not a file; give a file or folder of a head CT."
