"""The contact sheet: the whole scan in small axial pictures, the worst slices among them and marked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import INTRACRANIAL
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import EvidenceEntry
from HeadCTIQALib.report import views
from HeadCTIQALib.report.canvas import enlargeable, grey_uri, window_words, windowed
from HeadCTIQALib.report.html import Html, join, tag
from HeadCTIQALib.report.scene import Scene

MOST = 24  # pictures
MOST_WORST = 4  # slices that are there whatever else is
MOST_MARKED = 16  # of them marked; the others show the rest of the scan
MOST_LARGE = 8  # slices with a finding or at an end that counts, which no other picture shows, kept at full size
THUMB_PX = 190  # a small picture is at most so wide
WINDOW = (40.0, 80.0)
STREAKED = 0.1  # of the brain in a slice, from which its streaks are marked
_CELL = re.compile(
    r'<li class="cell( worst| noted)?(?: limiting)?" id="slice-(\d+)">(.*?)(?:<span class="limits">[^<]*</span>)?</li>',
    re.DOTALL,
)


@dataclass(frozen=True)
class Mark:
    """What is wrong in a slice: ``words`` for people, and how bad, 0 to 3."""

    words: str
    severity: float


@dataclass(frozen=True)
class Cell:
    """One slice on the sheet: its index, 0 = lowest, whether it is "worst", "noted" or neither, and its picture with number and marks."""

    index: int
    kind: str
    body: Html


def cells(scene: Scene) -> list[Cell]:
    """The slices of the sheet, from the lowest to the vertex."""
    marks = _marks(scene)
    shown_by = {i: m.id for m in reversed(IQMS) for i in evidence_slices(scene.evidence(m.id))}
    # of slices that are as bad, some from everywhere: multiples of the golden ratio spread evenly
    ranked = sorted(marks, key=lambda i: (-sum(m.severity for m in marks[i]), i * 0.618034 % 1))
    count = scene.volume.shape[0]
    chosen = choose(count, [*ranked[:MOST_WORST], *shown_by, *ranked[:MOST_MARKED]])
    large_at = {i: m.id for m in reversed(IQMS) if (i := scene.evidence(m.id).slice_index) is not None}
    large = [i for i in dict.fromkeys((*shown_by, *ranked)) if i in chosen and i not in large_at][:MOST_LARGE]
    return [_cell(scene, i, marks.get(i, []), large_at.get(i), i in large) for i in chosen]


def choose(count: int, wanted: Iterable[int]) -> list[int]:
    """At most :data:`MOST` of ``count`` slices: the ends, the first ``wanted`` ones, and as evenly as may be between them."""
    first = dict.fromkeys(i for i in (0, count - 1, *wanted) if 0 <= i < count)
    kept = sorted(list(first)[:MOST])
    gaps = [[low, high, 1] for low, high in pairwise(kept)]  # each to be cut into so many parts
    for _ in range(min(MOST, count) - len(kept)):
        widest = max(gaps, key=lambda gap: (gap[1] - gap[0]) / gap[2] if gap[1] - gap[0] > gap[2] else 0.0)
        widest[2] += 1
    return sorted(
        {*kept, *(low + round((high - low) * n / parts) for low, high, parts in gaps for n in range(1, parts))}
    )


def evidence_slices(evidence: EvidenceEntry) -> list[int]:
    """The slices that stand for a measurement: the one shown, or the end that a margin is about."""
    index, slices = evidence.slice_index, evidence.slices
    return [index] if index is not None else list(slices) if len(slices) == 1 else []


def sheet(record: Record, found: list[Cell]) -> Html:
    """The section of the sheet, with the slices of the item that limits the scan marked as such."""
    if not found:
        return Html("")
    limiting = next(iter(record.verdict.limiting), "")
    title = IQM_BY_ID[limiting].item_title if limiting in IQM_BY_ID else ""
    evidence = record.iqms[limiting].evidence if title else None
    of_limit = [] if evidence is None else evidence_slices(evidence)
    items = []
    for cell in found:
        limits = cell.index in of_limit
        words = tag("span", f"limits: {title[:1].lower()}{title[1:]}", class_="limits") if limits else None
        kinds = " ".join(k for k in ("cell", cell.kind, "limiting" if limits else "") if k)
        items.append(tag("li", cell.body, words, class_=kinds, id=f"slice-{cell.index + 1}"))
    count = record.input.shape[0]
    marked = of_limit or any(cell.kind for cell in found)
    told = f"{len(found)} of {count} slices, {window_words(WINDOW)}; slice 1 is the lowest. " + (
        "Framed slices have a finding, named below them." if marked else "No slice has a finding of its own."
    )
    large = tag("span", " A blue number: click for the picture at full size.", class_="on-screen")
    return tag(
        "section",
        tag("h2", "The scan"),
        tag("ol", *items, class_="sheet"),
        tag("p", told, large, class_="quiet"),
        id="sheet",
    )


def kept_cells(report: str) -> list[Cell]:
    """The cells as they stand in ``report``."""
    return [Cell(int(number) - 1, kind.strip(), Html(body)) for kind, number, body in _CELL.findall(report)]


def _marks(scene: Scene) -> dict[int, list[Mark]]:
    """What was found in single slices: motion, streaks, objects, a brain that is cut, slices lost beside them."""
    volume, findings = scene.volume, scene.findings
    found: dict[int, list[Mark]] = {}

    def add(index: int, words: str, severity: float) -> None:
        found.setdefault(index, []).append(Mark(words, severity))

    if (grades := findings.motion_grades) is not None:
        for i in scene.evidence("motion_extent").slices:
            add(i, f"motion, grade {grades[i]} of 3", float(grades[i]))
    if (streak := findings.streak) is not None:
        for i in scene.evidence("streak_extent").slices:
            brain = np.isin(findings.tissue[i], INTRACRANIAL)
            share = float(np.count_nonzero(streak[i] & brain)) / max(1, int(np.count_nonzero(brain)))
            if share >= STREAKED:
                add(i, f"streaks in {100 * share:.0f} % of the brain", 1 + 2 * share)
    objects = scene.evidence("foreign_object_volume")
    for i in objects.slices:
        add(i, "foreign object", 2.0 if i == objects.slice_index else 1.0)
    if scene.details("vertex_margin").get("brain_cut") == 1:
        add(volume.shape[0] - 1, "brain is cut", 3.0)
    z = volume.slice_positions
    for gap in volume.lost:
        if gap.low_mm is not None:
            add(int(np.argmin(np.abs(z - gap.low_mm))), "slices lost above", 3.0)
        if gap.high_mm is not None:
            add(int(np.argmin(np.abs(z - gap.high_mm))), "slices lost below", 3.0)
    return found


def _cell(scene: Scene, index: int, marks: list[Mark], large_at: str | None, large: bool) -> Cell:
    """A small picture; it leads to the picture of the evidence where that is the same slice, or is kept whole and enlarges."""
    view = views.axial(scene.volume, index, scene.box)
    hu = views.cut(scene.volume, view).hu(scene.volume)
    number = tag("b", str(index + 1), class_="number")
    alt = f"Axial slice {index + 1} of {scene.volume.shape[0]}" + (
        f": {', '.join(m.words for m in marks)}" if marks else ""
    )
    small = _picture(_coarser(hu), alt)
    if large:  # the small picture stands on the sheet and on paper, the whole one where it is enlarged
        whole = tag("span", _picture(hu, alt), number, class_="picture whole")
        shown = enlargeable(join(small, number), *view.size[::-1], alt, whole)
    else:
        stacked = tag("span", small, number, class_="picture")
        shown = (
            tag("a", stacked, href=f"#{large_at}", title=f"to the picture of {IQM_BY_ID[large_at].item_title.lower()}")
            if large_at
            else stacked
        )
    words = [tag("span", m.words, class_="found") for m in marks]
    worst = max((m.severity for m in marks), default=0.0)
    return Cell(index, "worst" if worst > 1 else "noted" if marks else "", join(shown, *words))


def _picture(hu: NDArray[np.float32], alt: str) -> Html:
    return tag("img", src=grey_uri(windowed(hu, WINDOW)), alt=alt, width=hu.shape[1], height=hu.shape[0])


def _coarser(hu: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of square blocks of pixels, so many that the picture is small."""
    n = -(-hu.shape[1] // THUMB_PX)
    h, w = (size // n * n for size in hu.shape)
    return np.asarray(hu[:h, :w].reshape(h // n, n, w // n, n).mean(axis=(1, 3)), np.float32) if h and w else hu
