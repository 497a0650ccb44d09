"""Whether a result can be written, found out before it is computed; no file system tells how much space there will be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from HeadCTIQALib.errors import OutputError

_LONGEST = 255  # bytes of a name, on every usual file system


def check_writable(path: Path) -> None:
    """Refuse a file or folder that cannot be made or replaced; changes nothing.

    Raises:
        OutputError: a file is in the way, the folder may not be written, or the name is too long.
    """
    try:
        above = next(p for p in path.absolute().parents if p.exists())
        if not above.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{above.name} is a file")
        if not os.access(above, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, f"the folder {above.name or above} may not be written")
        if len(os.fsencode(path.name)) > _LONGEST:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    except OSError as error:
        raise OutputError(
            f"The output {path} cannot be written ({error.strerror or error}); choose another place."
        ) from error
