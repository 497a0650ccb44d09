"""Text files written whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from HeadCTIQALib.errors import OutputError


def write_text(path: Path, text: str, what: str) -> None:
    """Write ``text`` (UTF-8, line ends as they are) under a temporary name and rename it; ``what`` names it in errors.

    Raises:
        OutputError: the file cannot be written; an older one is as it was.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{what} {path} cannot be written ({error.strerror or error}); choose another place.") from error
    finally:  # also when interrupted; gone already when all went well
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
