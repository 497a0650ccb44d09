"""Progress of a long step: a callable of (stage, fraction), and the three ways the command line shows it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import IO, Literal, Protocol, Self

from HeadCTIQALib.text import printable

ProgressKind = Literal["text", "json", "none"]
_BAR_WIDTH = 24


class Progress(Protocol):
    """Called as work proceeds; may be called from the working thread only, and as often as is convenient."""

    def __call__(self, stage: str, fraction: float) -> None:
        """``stage`` is what is being done, in words; ``fraction`` is how much of that stage is done, 0..1."""


def silent(stage: str, fraction: float) -> None:
    """Progress that shows nothing."""


def share(tell: Progress, stage: str, n: int, total: int) -> Callable[[float], None]:
    """What tells, of a fraction of the ``n``-th of ``total`` equal parts, the fraction of the whole stage."""

    def part(fraction: float) -> None:
        tell(stage, (n + fraction) / total)

    return part


class TextProgress:
    """One bar on a terminal, rewritten in place; says nothing at all when ``stream`` is not a terminal.

    Within a ``with`` block; the bar is wiped when that ends.
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._active = self._stream.isatty()
        self._shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.clear()

    def __call__(self, stage: str, fraction: float) -> None:
        if not self._active:
            return
        filled = round(_BAR_WIDTH * _clip(fraction))
        line = f"[{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] {printable(stage)}"
        if line != self._shown:
            self._stream.write("\r" + line.ljust(len(self._shown)))
            self._stream.flush()
            self._shown = line

    def clear(self) -> None:
        """Wipe the bar, so that what is printed next starts on a clean line."""
        if self._shown:
            self._stream.write("\r" + " " * len(self._shown) + "\r")
            self._stream.flush()
            self._shown = ""


class JsonProgress:
    """One JSON object a line on ``stream``, for a program that watches (the Slicer module, a batch runner).

    Events: ``{"event": "progress", "stage", "fraction"}``, ``{"event": "result", "folder", "overall", ...}`` and
    ``{"event": "error", "message", "code"}``, for internal errors with ``"trace"``, where they arose, in lines.  Progress within a stage is reported at steps of one hundredth.
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._last: tuple[str, int] | None = None

    def __call__(self, stage: str, fraction: float) -> None:
        key = (stage, round(100 * _clip(fraction)))
        if key != self._last:
            self._last = key
            self.emit("progress", stage=stage, fraction=key[1] / 100)

    def emit(self, event: str, **values: object) -> None:
        """Write one event at once."""
        self._stream.write(json.dumps({"event": event, **values}, allow_nan=False) + "\n")
        self._stream.flush()


def _clip(fraction: float) -> float:
    return min(1.0, max(0.0, fraction)) if math.isfinite(fraction) else 0.0
