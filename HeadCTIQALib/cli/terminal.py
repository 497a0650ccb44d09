"""All that the commands print goes through here: foreign text in it must not move the cursor, recolour or reverse lines."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterable
from typing import Any

from HeadCTIQALib.text import lines, printable


def show(text: str, stream: Any = None) -> None:
    """Print ``text``: control characters but newlines become spaces, characters that the terminal lacks "?"; never an error."""
    out = stream if stream is not None else sys.stdout
    encoding = getattr(out, "encoding", None) or "utf-8"
    out.write(lines(text).encode(encoding, "replace").decode(encoding))
    out.flush()  # each line at once, in order with what goes to the other stream


def show_left_out(sentences: Iterable[str]) -> None:
    """Why some assessments of a cohort are not in what was written."""
    for sentence in sentences:
        show(f"headctiqa: left out: {printable(sentence)}\n", sys.stderr)


class Parser(argparse.ArgumentParser):
    """A parser whose own messages, which quote the arguments, are shown the same way."""

    def _print_message(self, message: str, file: Any = None) -> None:
        with contextlib.suppress(OSError):  # nobody reads it
            show(message, file if file is not None else sys.stderr)
