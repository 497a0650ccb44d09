"""The one kind of error that a user sees as a sentence, and the boundary at which other errors become it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class HeadCTIQAError(Exception):
    """Something the user can act on: one sentence that names the file and what to do.

    Every room raises a subclass (or this class) for input that it refuses; only the command line and the
    Slicer module catch it.  Anything else that escapes is a bug and keeps its traceback.
    """


class InputError(HeadCTIQAError):
    """The input cannot be read as a head CT at all (exit code 3)."""


class OutputError(HeadCTIQAError):
    """The result cannot be written (exit code 4)."""


class ModelError(HeadCTIQAError):
    """A model bundle or scoring model is missing, damaged or does not fit (exit code 5)."""


@contextmanager
def boundary(sentence: str, kind: type[HeadCTIQAError] = InputError) -> Iterator[None]:
    """Whatever a file format's code raises inside the block becomes ``kind`` with ``sentence``; the cause is kept.

    There is one for every format, at the place where its bytes are handed to the code that reads them: what parsers raise
    on damaged files cannot be listed.  Errors of ours pass with their own sentence, and so does :class:`MemoryError`,
    since what a file may cost was checked before (:mod:`HeadCTIQALib.volume.limits`).
    """
    try:
        yield
    except (HeadCTIQAError, MemoryError):
        raise
    except Exception as error:
        raise kind(sentence) from error
