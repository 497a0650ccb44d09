"""The report as one self-contained HTML document."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.record import Record
from HeadCTIQALib.report.appendix import appendix
from HeadCTIQALib.report.coverage_pictures import scout
from HeadCTIQALib.report.html import Html, join, tag
from HeadCTIQALib.report.pictures import pictures
from HeadCTIQALib.report.scene import Scene
from HeadCTIQALib.report.sheet import Cell, cells, kept_cells, sheet
from HeadCTIQALib.report.strips import DEFS
from HeadCTIQALib.report.summary import header
from HeadCTIQALib.report.tree import iqm_section, tree
from HeadCTIQALib.resources import resource
from HeadCTIQALib.text import printable
from HeadCTIQALib.volume.types import CTVolume

# Nothing may be fetched: only styles and pictures within the file.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render(record: Record, volume: CTVolume, findings: Findings) -> str:
    """The report of one assessment: one HTML document without external resources or scripts.

    Args:
        record: content of ``assessment.json``.
        volume, findings: the scan and what was seen in it, for the pictures.

    Returns:
        The document; the same input gives the same text.

    Raises:
        ValueError: ``findings`` are of another grid than ``volume``.
    """
    if findings.tissue.shape != volume.shape:
        raise ValueError(f"findings of shape {findings.tissue.shape} do not fit a volume of shape {volume.shape}")
    scene = Scene(volume, findings, record.iqms)
    return _page(record, scout(scene), cells(scene), _evidence(record, {m.id: pictures(scene, m.id) for m in IQMS}))


def _evidence(record: Record, figures: Mapping[str, list[Html]]) -> Html:
    sections = [iqm_section(record, m, figures[m.id]) for m in IQMS]
    return tag("section", tag("h2", "Evidence"), _conventions(), *sections, id="evidence")


def rescored(record: Record, report: str) -> str:
    """``report`` of the same findings and measurements with other scores: its pictures are kept, all else is drawn anew.

    Args:
        record: the record with its new scores.
        report: what :func:`render` made of the record before.

    Raises:
        ValueError: ``report`` does not have the parts that :func:`render` writes.
    """
    picture = _between(report, '<div class="scout">', '</div></div><ul class="tiles">')
    return _page(
        record, [Html(picture)], kept_cells(report), _evidence(record, {m.id: _figures(report, m.id) for m in IQMS})
    )


def _figures(report: str, iqm: str) -> list[Html]:
    """The pictures of an IQM as they stand in ``report``."""
    section = _between(report, f'<section class="iqm" id="{iqm}">', "</section>")
    found = '<div class="figures">' in section
    return [Html(_between(section, '<div class="figures">', '</div><div class="facts">'))] if found else []


def _between(report: str, start: str, end: str) -> str:
    _, found, rest = report.partition(start)
    inside, closed, _ = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"no {start} in the report")
    return inside


def _page(record: Record, picture: list[Html], slices: list[Cell], evidence: Html) -> str:
    body = tag(
        "body",
        DEFS,
        tag("a", "Skip to the measurements", href="#tree", class_="skip"),
        header(record, picture, sheet(record, slices)),
        tag("main", tree(record), evidence, appendix(record)),
    )
    title = f"HeadCTIQA: {record.input.name}"
    return document(title, body, f"@page {{ @top-left {{ content: {css_string(title)}; }} }}")


def document(title: str, body: Html, style: str = "", script: str = "") -> str:
    """A whole HTML document in the style of all reports, which fetches nothing; ``script`` alone runs, after the body."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"{POLICY}; script-src 'sha256-{digest}'" if script else POLICY
    after = tag("script", Html(script)) if script else ""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Html(_style() + style)),
    )
    return join("", Html("<!DOCTYPE html>\n"), tag("html", head, body, after, lang="en"), Html("\n"))


def css_string(text: str) -> str:
    """Any text as a string of a style sheet: whatever is no letter, digit, space or colon stands by its number."""
    return (
        '"'
        + "".join(c if c.isascii() and (c.isalnum() or c in " :") else f"\\{ord(c):x} " for c in printable(text))
        + '"'
    )


@cache
def _style() -> str:
    return resource("Report", "report.css").read_text(encoding="utf-8")


def _conventions() -> Html:
    return tag(
        "p",
        "The patient's right is on the left side of axial and coronal pictures; anterior is up in axial and left in sagittal ones. "
        "Reformats follow the true slice geometry: native slices lie horizontal, also when the gantry was tilted. "
        "Hatched areas were not scanned.",
        class_="quiet",
    )
