"""``headctiqa batch``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from HeadCTIQALib.department.batch import Plan, Summary, default_jobs, run
from HeadCTIQALib.department.journal import JOURNAL
from HeadCTIQALib.department.pool import Limits
from HeadCTIQALib.department.selection import Selection
from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.text import printable

from .terminal import show

_MOST = 10  # reasons that are listed
_BANDS = ("good", "acceptable", "poor", "withheld")


def plan_of(
    options: argparse.Namespace, inputs: tuple[Path, ...], retry_failed: bool = False, quiet_s: float = 0.0
) -> Plan:
    """What the arguments ask for."""
    return Plan(
        inputs=inputs,
        cohort=options.output,
        series=options.series,
        selection=options.select or Selection(),
        retry_failed=retry_failed,
        quiet_s=quiet_s,
        jobs=options.jobs or default_jobs(options.memory_limit),
        limits=Limits(options.time_limit, options.memory_limit * 1e9),
        scoring=options.scoring,
        profile=options.profile,
        device=options.device,
        engine=options.engine,
    )


def batch(plan: Plan) -> int:
    """Assess what is not assessed yet, and show the summary; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.department.batch.run`.
    """
    with TextProgress() as progress:
        summary = run(plan, progress)
    show("\n".join(told(summary, plan.cohort)) + "\n")
    return 0


def told(summary: Summary, cohort: Path) -> Iterator[str]:
    """The summary of a run, line by line."""
    again = f", of these scored anew: {summary.rescored}" if summary.rescored else ""
    yield f"Scans found: {summary.found}. Assessed now: {summary.assessed}, before: {summary.before}{again}."
    bands = summary.bands
    if bands:
        yield "Verdicts: " + ", ".join(f"{band} {bands[band]}" for band in _BANDS if bands[band]) + "."
    if summary.duplicates:
        yield f"Found in more than one place and assessed once: {summary.duplicates}."
    if summary.arriving:
        yield f"Still arriving: {summary.arriving}."
    if summary.unselected:
        yield f"Not selected: {summary.unselected}."
    if summary.set_aside:
        some = ", ".join(f"{n} {printable(reason)}" for reason, n in summary.set_aside.most_common(_MOST))
        yield f"Series that are no axial head CT: {some}."
    for status, words in (("refused", "Refused"), ("failed", "Failed, to be tried again with --retry failed")):
        reasons = summary.reasons(status)
        if reasons:
            yield f"{words}: {summary.count(status)}"
            yield from (f"  {n} x {printable(reason)}" for reason, n in reasons[:_MOST])
            if len(reasons) > _MOST:
                yield f"  and {len(reasons) - _MOST} more reasons"
    yield f"Cohort: {cohort}. Where each scan was read from: {JOURNAL} there; its paths may name patients."
