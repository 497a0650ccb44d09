"""Where an error arose, without what it quotes: messages of other people's code may hold values of tags, and so a patient's name."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator

from HeadCTIQALib.errors import HeadCTIQAError

_HEAD = "Traceback (most recent call last; messages of libraries are left out, since they may quote the scan):"


def kind(error: BaseException) -> str:
    """Type and place of an error in a few words."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""  # noqa: PTH119
    return type(error).__name__ + place


def trace(error: BaseException) -> str:
    """Files and lines of an error and of all that caused it, in the order in which they arose; only our own sentences."""
    return "\n\n".join("\n".join(_one(e)) for e in reversed(list(_chain(error)))) + "\n"


def _one(error: BaseException) -> Iterator[str]:
    yield _HEAD
    yield from (
        f'  File "{f.filename}", line {f.lineno}, in {f.name}'
        for f in traceback.extract_tb(error.__traceback__, limit=-60)
    )
    yield type(error).__name__ + (f": {error}" if isinstance(error, HeadCTIQAError) else "")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
