"""Everything that an assessment says, from its folder: every number and every sentence, less what changes from run to run."""

from __future__ import annotations

import hashlib
import html
import json
import math
import re
from pathlib import Path
from typing import Any

from HeadCTIQALib.cli.tree import ASCII, as_text
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS
from HeadCTIQALib.record import read_record
from HeadCTIQALib.report.explanation import how, why
from HeadCTIQALib.report.rows import rows
from HeadCTIQALib.report.table_row import table_row

TOLERANCE = 1e-9  # relative, and absolute below 1
_RUN = {
    "created": "",
    "timings": {},
    "software": {},
    "files": {},
}  # what differs from run to run, or from machine to machine
_TIMES = re.compile(r'(<th scope="row">(?:Time taken, s|Software|Packages)</th><td>).*?(</td>)')
_PICTURE = re.compile(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+")


def said(folder: Path) -> dict[str, Any]:
    """The record as it is written, and what table, terminal and panel make of it as it is read back."""
    written = json.loads((folder / "assessment.json").read_text(encoding="utf-8"))
    read = read_record(folder)
    created = written["created"]
    panel = {i: [_run(str(of(read, i)), created) for of in (why, how)] for i in _IDS}
    return {
        "record": {**written, **{key: empty for key, empty in _RUN.items() if key in written}},
        "row": {**table_row(read), "created": ""},
        "terminal": as_text(read, None, ASCII),
        "rows": [[row.id, row.title, row.value, row.rating, row.points, row.reason, row.advice] for row in rows(read)],
        "panel": panel,
    }


_IDS = ("overall", *(c.id for c in CATEGORIES), *(m.id for m in IQMS))


def report(folder: Path) -> str:
    """The report of an assessment, with checksums in the place of its pictures."""
    created = json.loads((folder / "assessment.json").read_text(encoding="utf-8"))["created"]
    text = _TIMES.sub(r"\1\2", (folder / "report.html").read_text(encoding="utf-8"))
    return _run(_PICTURE.sub(lambda m: hashlib.sha256(m[0].encode()).hexdigest(), text), created)


def sentences(page: str) -> list[str]:
    """The texts of a report in their order, without markup, styles and pictures."""
    page = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<img[^>]*>", "", page, flags=re.DOTALL)
    return [" ".join(html.unescape(s).split()) for s in re.split(r"<[^>]+>", page) if s.strip()]


def _run(text: str, created: str) -> str:
    """``text`` without when the assessment was made and by which Python."""
    return re.sub(r"(HeadCTIQA )\d[\w.]*", r"\1", text.replace(created, ""))


def differences(before: Any, after: Any, where: str = "") -> list[str]:
    """Where two values of JSON types differ: numbers by more than :data:`TOLERANCE`, all else at all, the order of keys included."""
    if isinstance(before, dict) and isinstance(after, dict):
        if list(before) != list(after):
            return [f"{where}: keys {list(before)} became {list(after)}"]
        return [d for key in before for d in differences(before[key], after[key], f"{where}.{key}")]
    if isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            return [f"{where}: {len(before)} became {len(after)} entries"]
        return [
            d for n, (a, b) in enumerate(zip(before, after, strict=True)) for d in differences(a, b, f"{where}[{n}]")
        ]
    if isinstance(before, float) and isinstance(after, float):
        same = math.isclose(before, after, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    else:
        same = type(before) is type(after) and before == after
    return [] if same else [f"{where}: {before!r} became {after!r}"]
