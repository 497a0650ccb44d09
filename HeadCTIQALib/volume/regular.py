"""Regular files only: a named pipe blocks for ever, a device never ends."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import InputError
from ..text import printable

_OTHER = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))


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
    """A regular file, opened for reading.

    Args:
        name: what messages call it.

    Raises:
        InputError: as :func:`is_folder`, or a folder, or no permission.
    """
    if is_folder(path, name):
        raise InputError(_no_file(name, stat.S_IFDIR))
    try:
        return cast(BinaryIO, path.open("rb"))
    except OSError as error:
        raise InputError(f"{name} cannot be opened ({error.strerror}); check its permissions.") from error


def _no_file(name: str, mode: int) -> str:
    what = next((words for test, words in _OTHER if test(mode)), "no file")
    return f"{name} is {what}, not a file; give a file or folder of a head CT."
