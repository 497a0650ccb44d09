"""``headctiqa evaluate-networks``: accuracy on held-out simulated heads, or how degraded real scans answer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from HeadCTIQALib.progress import JsonProgress, Progress, TextProgress, silent
from HeadCTIQALib.writing import check_writable

from .arguments import add_networks, count, seed
from .research import need_research
from .terminal import show

SUMMARY = "Measure the networks' accuracy on held-out simulated heads, or on real scans degraded by known amounts."
Add = Callable[[str, str, Callable[[argparse.Namespace], int]], argparse.ArgumentParser]


def add(command: Add, path: Callable[[str], Path]) -> None:
    """Add the command; ``command`` makes a subparser of (name, summary, run), ``path`` a path of a word."""
    sub = command("evaluate-networks", SUMMARY, _run)
    sub.add_argument(
        "--output",
        "-o",
        metavar="DIR",
        type=path,
        required=True,
        help="folder for the tables; an interrupted evaluation goes on in it",
    )
    sub.add_argument("--heads", metavar="N", type=count, default=200, help="how many simulated heads (default: 200)")
    sub.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="random seed of the first head; the next ones follow (default: 0)",
    )
    sub.add_argument(
        "--real",
        metavar="FOLDER",
        type=path,
        help="degrade the scans in this folder (a DICOM folder or a NIfTI file each) instead of simulating heads",
    )
    sub.add_argument("--scan", metavar="NAME", nargs="+", default=[], help="only these scans of --real")
    add_networks(sub, device="cpu")
    sub.add_argument("--processes", metavar="N", type=count, help="heads at a time (default: one a core)")
    sub.add_argument(
        "--progress",
        choices=("text", "json", "none"),
        default="text",
        help="text: a bar on a terminal; json: one event a line (default: text)",
    )


def _run(options: argparse.Namespace) -> int:
    """Evaluate as the options say; returns 0.

    Raises:
        HeadCTIQAError: research is not installed; or see ``evaluate``, ``scanners.by_scanner`` and ``crosstalk.cross_talk``
            of :mod:`HeadCTIQALib.research.validation`.
    """
    need_research("evaluate-networks")
    check_writable(options.output / "accuracy.md")
    text, events = TextProgress(), JsonProgress()
    progress: Progress = text if options.progress == "text" else events if options.progress == "json" else silent
    try:
        message, table = _real(options, progress) if options.real is not None else _simulated(options, progress)
    finally:
        text.clear()
    if options.progress == "json":
        events.emit("result", folder=str(options.output), table=str(table), summary=message)
    else:
        show(f"{message}\nTable: {table}\n")
    return 0


def _simulated(options: argparse.Namespace, progress: Progress) -> tuple[str, Path]:
    from HeadCTIQALib.research.validation import evaluate, figures

    records = evaluate(
        options.output,
        heads=options.heads,
        seed=options.seed,
        device=options.device,
        engine=options.engine,
        processes=options.processes,
        progress=progress,
    )
    aimed = [f for f in figures(records) if f.reached is not None]
    return (
        f"{len(records)} simulated heads: {sum(bool(f.reached) for f in aimed)} of {len(aimed)} targets reached.",
        options.output / "accuracy.md",
    )


def _real(options: argparse.Namespace, progress: Progress) -> tuple[str, Path]:
    from HeadCTIQALib import networks
    from HeadCTIQALib.research.validation import crosstalk_tables, scanner_tables
    from HeadCTIQALib.research.validation.crosstalk import cross_talk
    from HeadCTIQALib.research.validation.output import check_folder
    from HeadCTIQALib.research.validation.scanners import by_scanner, taught

    check_folder(options.output, options.output / "real", crosstalk_tables.FILES)  # before an hour's work
    networks_by = {"device": options.device, "engine": options.engine}
    artefacts = by_scanner(options.real, options.output, **networks_by, only=options.scan, progress=progress)
    assessed = [r["scan"] for r in artefacts if "slices" in r]
    rows = (
        cross_talk(options.real, options.output, **networks_by, only=list(dict.fromkeys(assessed)), progress=progress)
        if assessed
        else []
    )
    models = {card["name"]: card["sha256"] for card in networks.models_used()}
    scanner_tables.write(options.output, artefacts, rows, taught(), models)
    return f"{len(assessed) + len(rows)} degraded scans.", options.output / "scanners.md"
