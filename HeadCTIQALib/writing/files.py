"""One file, whole or not at all; and whether a file that is there may be replaced."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from HeadCTIQALib.errors import HeadCTIQAError, OutputError

from .names import hidden, new_name
from .system import claim, held_signals, release, sync, taken_over

_LOOK_AT = 2000  # first characters that tell what a file is
_MAX_JSON = 50_000_000


def write_text(path: Path, text: str, what: str) -> None:
    """Write ``text`` (UTF-8, line ends as they are); ``what`` names it in errors.  Folders above are made.

    Raises:
        OutputError: the file cannot be written; an older one is as it was.
    """
    with held_signals(), whole_file(path, what) as stream:
        stream.write(text.encode("utf-8", "replace"))


@contextmanager
def whole_file(path: Path, what: str) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file ``path`` when the block ends well; ``what`` names it in errors.

    A link is followed: the file that it points to is replaced.

    Raises:
        OutputError: the file cannot be written; an older one is as it was.
    """
    part = lock = None
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        make_room(target)
        while lock is None:  # else a cleaning process was faster
            part = new_name(target)
            part.touch(exist_ok=False)
            lock = claim(part)
        assert part is not None
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        with held_signals():
            if target.exists():
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            part.replace(target)
            sync(target.parent)
    except OSError as error:
        raise output_error(path, error, what) from error
    finally:
        with held_signals():
            if part is not None:
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)
            release(lock)


def make_room(target: Path) -> None:
    """Remove what killed runs left of ``target``, a file."""
    for entry in hidden(target):
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours to remove
            if entry.role == "new" and stat.S_ISREG(entry.path.lstat().st_mode):
                with taken_over(entry.path) as gone:
                    if gone:
                        entry.path.unlink()


def adopt(target: Path, is_whole: Callable[[Path], bool]) -> None:
    """As :func:`make_room`, but what ``is_whole`` accepts becomes ``target``: a killed run was about to put it there."""
    for entry in hidden(target):
        with contextlib.suppress(OSError), taken_over(entry.path) as gone:  # an OSError: not ours to change
            if gone and is_whole(entry.path):
                entry.path.replace(target)
    make_room(target)


def refuse_foreign(path: Path, is_ours: Callable[[Path], bool], what: str) -> None:
    """Refuse to replace a file unless ``is_ours`` says that the program wrote it; ``what`` names what is to be written.

    Raises:
        OutputError: it is something else, or a folder.
    """
    try:
        if os.path.lexists(path) and not (path.is_file() and is_ours(path)):
            raise OutputError(
                f"{path} exists and is not {what} written by HeadCTIQA, so it is not replaced; choose another file."
            )
    except OSError as error:
        raise output_error(path, error) from error


def is_json(path: Path, test: Callable[[Any], Any]) -> bool:
    """Whether a file is JSON whose content passes ``test``; what cannot be read does not."""
    try:
        if path.stat().st_size > _MAX_JSON:
            return False
        return bool(test(json.loads(path.read_text(encoding="utf-8"))))
    except Exception:  # whatever a foreign file makes of the parser or the test: it is not ours
        return False


def starts_with(path: Path, words: str) -> bool:
    """Whether ``words`` are among the first characters of a text file."""
    try:
        with path.open(encoding="utf-8") as stream:
            return words in stream.read(_LOOK_AT)
    except (OSError, ValueError):
        return False


def output_error(path: Path, error: OSError, what: str = "The output") -> HeadCTIQAError:
    """The sentence about a file or folder that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"The disk is full, so {path} was not written; free some space or choose another disk.")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return OutputError(f"{what} {path} may not be written; choose a place that you may write to.")
    return OutputError(f"{what} {path} cannot be written ({error.strerror or error}); choose another place.")
