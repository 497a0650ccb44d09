"""``headctiqa trends``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import msgspec

from HeadCTIQALib.department.events import read_events
from HeadCTIQALib.department.table import rows
from HeadCTIQALib.department.trends import Chart, changes, told, trends
from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.text import printable
from HeadCTIQALib.writing import write_text

from .terminal import show

CHARTS = "trends.json"
_MOST = 40  # changes that are printed


def run(cohort: Path, events: Path | None) -> int:
    """Draw the charts of a cohort, write them, and show the alarms; returns 0.

    Raises:
        HeadCTIQAError: there are no assessments, the events cannot be read, or the result cannot be written.
    """
    happened = read_events(events) if events else ()
    with TextProgress() as progress:
        charts = trends(rows(cohort, progress)[0], happened)
    content = msgspec.json.format(msgspec.json.encode({"charts": [asdict(c) for c in charts]}), indent=1)
    write_text(cohort / CHARTS, content.decode() + "\n", "The charts")
    show(summary(charts))
    show(f"Charts: {cohort / CHARTS}\n")
    return 0


def summary(charts: list[Chart]) -> str:
    """Numbers of charts and signals, and a sentence for every lasting change, the latest first."""
    found = changes(charts)
    notices = sum(s.level == "notice" for c in charts for s in c.signals)
    waiting = sum(c.baseline is None for c in charts)
    lines = [
        f"Strata: {len({c.stratum for c in charts})}. Charts: {len(charts) - waiting}, too few or equal values for: {waiting}.",
        f"Lasting changes: {len(found)}. Notices: {notices}.",
        *(f"  {printable(told(change))}" for change in found[:_MOST]),
    ]
    return "\n".join(lines) + "\n"
