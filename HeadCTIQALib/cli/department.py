"""Arguments of the commands for a department: batch, table, trends, group and watch.  Nothing heavy is imported here."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from HeadCTIQALib.errors import InputError

from .arguments import PROFILE, add_networks, count, profile
from .cohort import path

Add = Callable[[str, str, Callable[[argparse.Namespace], int]], argparse.ArgumentParser]

_SELECT = 'only scans whose headers meet all conditions: FIELD in VALUE,VALUE, FIELD not in VALUE, FIELD <= NUMBER (<, >, >=), joined by "and"; fields: kernel (soft, sharp, unclassified, or its name), contrast (yes, no, unknown), description (a word), thickness (mm), slices'


def _number(low: float, high: float) -> Callable[[str], float]:
    def number(value: str) -> float:
        try:
            found = float(value)
        except ValueError:
            found = -1.0
        if not low <= found <= high:
            raise argparse.ArgumentTypeError(f"give a number from {low:g} to {high:g}")
        return found

    return number


def _selection(value: str) -> object:
    from HeadCTIQALib.department.selection import parse_selection

    try:
        return parse_selection(value)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add(command: Add) -> None:
    """Add the commands; ``command`` makes a subparser of (name, summary, run)."""
    batch = command("batch", "Assess every head CT below some folders into a cohort; run it again to carry on.", _batch)
    batch.add_argument(
        "input",
        metavar="INPUT",
        type=path,
        nargs="+",
        help="folder of any depth, .zip archive, or image; several may be given",
    )
    _assessing(batch)
    batch.add_argument("--retry", choices=("failed",), help="assess again what crashed or was stopped before")

    table = command("table", "One table of a cohort, with a data dictionary beside it.", _table)
    _cohort(table)
    table.add_argument(
        "--format", choices=("tsv", "csv", "json", "parquet"), default="tsv", help="default: tsv; parquet needs pyarrow"
    )

    trends = command("trends", "Control charts of every scanner, protocol, kernel and thickness, and alarms.", _trends)
    _cohort(trends)
    _events(trends)

    group = command("group", "The report of a cohort, one page that works offline.", _group)
    _cohort(group)
    group.add_argument("--output", "-o", metavar="FILE", type=path, required=True, help="page to write (HTML)")

    watch = command(
        "watch", "Assess what arrives in a folder, and tell when a scanner drifts; ends with Ctrl+C.", _watch
    )
    watch.add_argument("input", metavar="FOLDER", type=path, help="folder into which scans arrive")
    _assessing(watch)
    _events(watch)
    watch.add_argument(
        "--quiet",
        metavar="S",
        type=_number(1, 1e5),
        default=60.0,
        help="a scan is complete when no file of it has changed for S seconds (default: 60)",
    )
    watch.add_argument(
        "--hook",
        metavar="COMMAND",
        default="",
        help="started for new alarms, which it gets on standard input, one JSON object a line",
    )


def _events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--events",
        metavar="CSV",
        type=path,
        help="services and the like, after which a baseline begins anew (columns date, scanner, event)",
    )


def _cohort(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cohort", metavar="COHORT", type=path, help="folder of assessment folders, at any depth")


def _assessing(parser: argparse.ArgumentParser) -> None:
    """What batch and watch have in common."""
    parser.add_argument(
        "--output",
        "-o",
        metavar="COHORT",
        type=path,
        required=True,
        help="folder of assessment folders, made or added to",
    )
    parser.add_argument(
        "--series", choices=("all", "best"), default="all",
        help="all: every axial head series; best: the most suitable one of every study (default: all)",
    )  # fmt: skip
    parser.add_argument("--select", metavar="CONDITIONS", type=_selection, help=_SELECT)
    parser.add_argument(
        "--jobs", metavar="N", type=count, help="scans at a time (default: one for every core, as memory allows)"
    )
    parser.add_argument(
        "--time-limit",
        metavar="S",
        type=_number(1, 1e6),
        default=900.0,
        help="seconds that a scan may take (default: 900)",
    )
    parser.add_argument(
        "--memory-limit",
        metavar="GB",
        type=_number(0.1, 1e4),
        default=8.0,
        help="memory that a scan may take (default: 8)",
    )
    add_networks(parser)
    parser.add_argument("--scoring", metavar="FILE", type=path, help="scoring model (default: the guideline model)")
    parser.add_argument("--profile", metavar="NAME|FILE", type=profile, help=PROFILE)


def _batch(options: argparse.Namespace) -> int:
    from .batch import batch, plan_of

    return batch(plan_of(options, tuple(options.input), options.retry == "failed"))


def _table(options: argparse.Namespace) -> int:
    from .table import table

    return table(options.cohort, options.format)


def _trends(options: argparse.Namespace) -> int:
    from .trends import run

    return run(options.cohort, options.events)


def _group(options: argparse.Namespace) -> int:
    from .group import group

    return group(options.cohort, options.output)


def _watch(options: argparse.Namespace) -> int:
    from .batch import plan_of
    from .watch import watch

    return watch(plan_of(options, (options.input,), quiet_s=options.quiet), options.events, options.hook)
