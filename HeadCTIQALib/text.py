"""Foreign text - names of files, readers, models, tags - made safe for where it is shown."""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_MARKDOWN = re.compile(r"([\\|`\[\]])")


def printable(text: str) -> str:
    """``text`` with a space for what must not reach terminals, reports and windows.

    That is control characters and escape sequences, bidirectional overrides, line separators and bytes that are no text.
    """
    if text.isprintable():  # nearly all text, and the pictures of a report, which have millions of characters
        return text
    return "".join(c if c.isprintable() else " " for c in text)


def short(text: str, most: int = 40) -> str:
    """:func:`printable` for a sentence: its first ``most`` characters."""
    return printable(text[:most]) + ("..." if len(text) > most else "")


def lines(text: str) -> str:
    """:func:`printable` for text of several lines, which stay lines."""
    return "\n".join(printable(line) for line in text.split("\n"))


def markdown(text: str) -> str:
    """``text`` on one line of Markdown, where it makes no markup, links, cells or code."""
    return _MARKDOWN.sub(r"\\\1", printable(text)).replace("<", "&lt;")


def cell(text: str) -> str:
    """``text`` for a CSV cell: printable, and with an apostrophe in front where a spreadsheet would run it as a formula.

    Source: OWASP, CSV injection.
    """
    clean = printable(text)
    return f"'{clean}" if _runs(clean) or text.startswith(_FORMULA) else clean


def of_cell(text: str) -> str:
    """The printable text that :func:`cell` was given."""
    return text[1:] if text.startswith("'") and _runs(text[1:]) else text


def _runs(text: str) -> bool:
    """Whether it is a formula, or one with apostrophes in front, which need another so that :func:`of_cell` can tell."""
    return text.lstrip("' ").startswith(_FORMULA)
