"""Tables of an evaluation as Markdown, for documentation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from HeadCTIQALib import text
from HeadCTIQALib.agreement import Estimate
from HeadCTIQALib.report.evaluation_cells import Cell, Name, Probability, Table, probability, words_of
from HeadCTIQALib.report.html import number


def markdown(t: Table, scans: Collection[str] | None = None, targets: Collection[str] | None = None) -> str:
    """A table with its note.

    Args:
        scans: only rows of these cohorts (column "Scans"); None for all.
        targets: only rows that start with these; None for all.
    """
    where = t.head.index("Scans") if "Scans" in t.head else None
    rows = [
        r
        for r in t.rows
        if (targets is None or words_of(r[0]) in targets) and (scans is None or where is None or r[where] in scans)
    ]
    shown = replace(t, rows=tuple(rows))
    return "\n\n".join(part for part in (rows_as_markdown(t.head, rows), t.note, text.markdown(shown.missing)) if part)


def rows_as_markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under column titles; the first column is text, numbers stand to the right."""
    rows = [list(r) for r in rows]
    right = [
        k > 0 and bool(rows) and all(isinstance(r[k], (int, float, Estimate)) for r in rows) for k in range(len(head))
    ]
    lines = [list(head), ["---:" if r else "---" for r in right], *([_cell(c) for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(str(c) for c in line)} |" for line in lines)


def _cell(cell: Cell | object) -> str:
    if isinstance(cell, Estimate):
        if cell.value is None:
            return "–"
        limits = "" if cell.low is None or cell.high is None else f" ({number(cell.low)} to {number(cell.high)})"
        return f"{number(cell.value)}{limits}"
    if isinstance(cell, float):
        return number(cell)
    if isinstance(cell, Probability):
        return probability(cell.value)
    return "–" if cell is None else text.markdown(cell.title if isinstance(cell, Name) else str(cell))
