"""What was found in degraded real scans, as Markdown and CSV: scans that no network saw first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from HeadCTIQALib.text import markdown
from HeadCTIQALib.writing import write_text

from .accuracy import Figure
from .heldout.cases import FAMILIES, MOTIONS
from .reliability import reliability_figures
from .scanner_figures import called_moved, figures, found_slices
from .scanner_geometry import landmark_figures, margin_figures, object_figures
from .tables import COLUMNS, as_csv, groups

Row = dict[str, Any]
MARKDOWN, CSV = "scanners.md", "scanners.csv"
BEGINS = "Real scans, degraded independently of training"
FILES = {MARKDOWN: BEGINS, CSV: ",".join(COLUMNS)}  # and how they begin
LEFT_OUT, TAUGHT = "not taught on", "taught on"
ANATOMY, LANDMARKS, ARTEFACT, OBJECTS = "anatomy", "landmarks", "artefact", "objects"  # networks
#: What is measured, the networks that see it (of which none was taught on a scan that is left out), and whether it is of turned
#: and cut scans, or of those with motion and metal.
PARTS: tuple[tuple[str, tuple[str, ...], bool, Callable[[Sequence[Row], str], list[Figure]]], ...] = (
    ("Motion and streaks", (ARTEFACT,), False, figures),
    ("Calibration of the motion probability", (ARTEFACT,), False, reliability_figures),
    ("Landmarks", (ANATOMY, LANDMARKS), True, landmark_figures),
    ("Margins", (ANATOMY, LANDMARKS), True, margin_figures),
    ("Objects", (OBJECTS,), False, object_figures),
)


def write(
    output: Path,
    rows: Sequence[Row],
    turned: Sequence[Row],
    taught: Mapping[str, Sequence[str]],
    models: Mapping[str, str],
) -> None:
    """Write both tables into ``output``.

    Args:
        rows: of scans with motion and metal, see :func:`.scanners.by_scanner`.
        turned: of scans turned and cut, see :func:`.crosstalk.cross_talk`.
        taught: network to the names of the scans that it saw.

    Raises:
        OutputError: a file cannot be written.
    """
    found = all_figures(rows, turned, taught)
    trained = ", ".join(f"{name} {checksum[:12]}" for name, checksum in models.items())
    lines = [
        f"{BEGINS}: {len({r['scan'] for r in rows if 'slices' in r})} scans, {sum('slices' in r for r in rows)} cases with motion, metal or a kernel, {len(turned)} turned or cut.  Networks (SHA-256): {trained}.",
        "Square brackets: 95 % interval (ICC: McGraw and Wong; the others: bootstrap over scans or, where a figure is of fewer than five, over their cases: of those scans then, not of others).",
        *groups(found),
        "",
        "### Scan by scan",
        "",
        *_by_scan(rows, taught),
        *_refused(rows),
    ]
    for name, text in ((MARKDOWN, "\n".join(lines) + "\n"), (CSV, as_csv(found))):
        write_text(output / name, text, "The table")


def all_figures(rows: Sequence[Row], turned: Sequence[Row], taught: Mapping[str, Sequence[str]]) -> list[Figure]:
    """Figures of all parts, first of the scans that the networks concerned were not taught on."""
    out = []
    for left_out in (True, False):
        for what, networks, by_pose, figures_of in PARTS:
            saw = {scan for network in networks for scan in taught.get(network, ())}
            names = " or ".join(f"the {network}" for network in networks) + " network"
            title = f"{what}: scans that {names} was {LEFT_OUT if left_out else TAUGHT}"
            out += figures_of([r for r in (turned if by_pose else rows) if (r["scan"] in saw) != left_out], title)
    return out


def _by_scan(rows: Sequence[Row], taught: Mapping[str, Sequence[str]]) -> list[str]:
    lines = [
        "| scan | scanner | networks taught on it | degradation | cases | moved slices found | still slices called moved | motion, true → found, % | streaks, true → found, % | objects, mL |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for scan in dict.fromkeys(r["scan"] for r in rows):
        by = ", ".join(network for network, heads in taught.items() if scan in heads) or "none"
        for family in FAMILIES:
            of = [r for r in rows if r["scan"] == scan and r.get("family") == family and "slices" in r]
            if of:
                cells = [
                    scan,
                    of[0]["scanner"],
                    by,
                    family,
                    str(len(of)),
                    _count(of, found_slices),
                    _count(of, called_moved),
                    *_extents(of, family),
                ]
                lines.append("| " + " | ".join(markdown(c) for c in cells) + " |")
    return lines


def _count(rows: Sequence[Row], of: Any) -> str:
    told = np.concatenate([of(r)[:, 0] for r in rows])
    return f"{int(told.sum())} of {len(told)}" if len(told) else ""


def _extents(rows: Sequence[Row], family: str) -> tuple[str, str, str]:
    motion, streak = (", ".join(_pair(r["iqms"][m]) for r in rows) for m in ("motion_extent", "streak_extent"))
    objects = ", ".join(
        "?"
        if r["iqms"]["foreign_object_volume"]["found"] is None
        else f"{r['iqms']['foreign_object_volume']['found']:.2f}"
        for r in rows
    )
    return motion, "" if family in MOTIONS else streak, objects


def _pair(v: Mapping[str, Any]) -> str:
    return " → ".join("not assessable" if v[k] is None else f"{v[k]:.1f}" for k in ("truth", "found"))


def _refused(rows: Sequence[Row]) -> list[str]:
    refused = [r for r in rows if "refused" in r]
    return (
        ["", *(f"- {markdown(r['scan'])} {r.get('key', '')}: {markdown(r['refused'])}" for r in refused)]
        if refused
        else []
    )
