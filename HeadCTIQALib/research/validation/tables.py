"""The accuracy table as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from HeadCTIQALib.text import cell
from HeadCTIQALib.writing import write_text

from .accuracy import Figure, Record, figures

MARKDOWN, CSV = "accuracy.md", "accuracy.csv"
COLUMNS = ("group", "name", "statistic", "value", "low_95", "high_95", "n", "cases", "target", "reached", "note")
FILES = {MARKDOWN: "simulated heads that no network was trained on", CSV: ",".join(COLUMNS)}  # and how they begin


def write(output: Path, records: Sequence[Record], models: Mapping[str, str]) -> None:
    """Write both tables into ``output``.

    Raises:
        OutputError: a file cannot be written.
    """
    found = figures(records)
    for name, text in ((MARKDOWN, as_markdown(found, len(records), models)), (CSV, as_csv(found))):
        write_text(output / name, text, "The table")


def as_markdown(found: Sequence[Figure], heads: int, models: Mapping[str, str]) -> str:
    """A heading and a table for every group of figures."""
    trained = ", ".join(f"{name} {checksum[:12]}" for name, checksum in models.items())
    lines = [
        f"{heads} simulated heads that no network was trained on.  Networks (SHA-256): {trained}.",
        "Square brackets: 95 % interval (ICC: McGraw and Wong; MAD: see `headctiqa evaluate`; the others: bootstrap over heads).",
        *groups(found),
    ]
    return "\n".join(lines) + "\n"


def groups(found: Sequence[Figure]) -> list[str]:
    """Lines of Markdown: a heading and a table for every group of figures."""
    lines: list[str] = []
    group = ""
    for f in found:
        if f.group != group:
            group = f.group
            lines += [
                "",
                f"### {group}",
                "",
                "| of | statistic | value [95 % CI] | n | target | reached |",
                "|---|---|---|---|---|---|",
            ]
        target = "" if f.target is None else f"{'≥' if f.sense == '>=' else '≤'} {f.target:g}"
        reached = {True: "yes", False: "**no**", None: ""}[f.reached]
        lines.append(f"| {f.name} | {f.statistic} | {_value(f)} | {f.n} {f.of_what} | {target} | {reached} |")
    return lines


def as_csv(found: Sequence[Figure]) -> str:
    """One row a figure; empty where there is no number."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for f in found:
        numbers = ["" if x is None else f"{x:.6g}" for x in (f.value, f.low, f.high)]
        target = "" if f.target is None else f"{f.sense} {f.target:g}"
        reached = {True: "yes", False: "no", None: ""}[f.reached]
        writer.writerow(
            [cell(f.group), cell(f.name), f.statistic, *numbers, f.n, f.of_what, target, reached, cell(f.note)]
        )
    return out.getvalue()


def _value(f: Figure) -> str:
    if f.value is None:
        return f"none ({f.note.rstrip('.').lower()})"
    share = "share" in f.statistic or "relative" in f.statistic

    def shown(x: float) -> str:
        return (
            f"{100 * x:.1f} %"
            if share
            else f"{x:.3f}"
            if f.statistic.startswith(("ICC", "Dice", "AUC"))
            else f"{x:.2f}"
        )

    interval = f" [{shown(f.low)}, {shown(f.high)}]" if f.low is not None and f.high is not None else ""
    return shown(f.value) + interval
