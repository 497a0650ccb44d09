"""Files of results, opened as what they must be: regular files of limited size."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import HeadCTIQAError, InputError

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def read_regular(path: str | Path, limit: int, what: str, kind: type[HeadCTIQAError] = InputError) -> bytes:
    """The content of a regular file of at most ``limit`` bytes; a pipe or device in its place is refused and never waited for.

    Args:
        what: names the file in sentences ("The assessment").

    Raises:
        FileNotFoundError: there is none, which means something else to every caller.
        kind: it is a folder, pipe or device, is too large, or cannot be read.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise kind(f"{what} {path} is no ordinary file; choose another one.")
            with open(descriptor, "rb", closefd=False) as stream:  # what was checked is what is read
                data = stream.read(min(status.st_size, limit) + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: no system has a file of such a name
        raise kind(f"{what} {path} cannot be read ({getattr(error, 'strerror', None) or error}); check the path.") from error
    if len(data) > limit:
        raise kind(f"{what} {path} is too large (more than {limit / 1e6:g} MB); choose another file.")
    return data
