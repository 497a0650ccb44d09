"""Foreign text - names of files, readers, models, tags - made safe for where it is shown."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    """``text`` with a space for what must not reach terminals, reports and windows.

    That is control characters and escape sequences, bidirectional overrides, line separators and bytes that are no text.
    """
    return "".join(c if c.isprintable() else " " for c in text)


def cell(text: str) -> str:
    """``text`` for a CSV cell: printable, and with an apostrophe in front where a spreadsheet would run it as a formula.

    Source: OWASP, CSV injection.
    """
    clean = printable(text)
    return f"'{clean}" if text.startswith(_FORMULA) or clean.lstrip().startswith(_FORMULA) else clean
