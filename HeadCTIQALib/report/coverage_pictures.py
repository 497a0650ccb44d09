"""Pictures of how far the scan reaches: overview, vertex, foramen magnum."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.report import svg, views
from HeadCTIQALib.report.canvas import Canvas, Ras
from HeadCTIQALib.report.html import Html, with_unit
from HeadCTIQALib.report.scene import Scene
from HeadCTIQALib.volume.types import Vector

Words = tuple[float, float, float]  # left, right and baseline

BONE_WINDOW = (300.0, 1500.0)
ENDS = {
    "vertex_margin": ("vertex", "last"),
    "foramen_magnum_margin": ("foramen magnum", "first"),
}  # the point, and the image plane that should lie beyond it


def coverage(scene: Scene, iqm: str) -> list[Html]:
    """Where the scan begins and ends against the anatomical point, in a coronal and a sagittal reformat."""
    evidence, volume = scene.evidence(iqm), scene.volume
    points = evidence.points
    if not points:
        return []
    at = np.array(next(iter(points.values())), float)
    value, bound = scene.value(iqm), scene.bound(iqm)
    what, end = ENDS[iqm]
    box = _coverage_box(scene, float(at @ volume.k))
    window = evidence.window
    pictures = []
    for name, view in (
        ("Sagittal", scene.midline(at, box)),
        ("Coronal", views.coronal(volume, float(at @ volume.a), box)),
    ):
        canvas = scene.canvas(view, iqm, window)
        words = draw_coverage(canvas)
        if bound is not None:
            _draw_bound(canvas, what, float(at @ volume.k), bound)
            _margin_arrow(canvas, iqm, at, None, [tuple(at)])
        else:
            shown = points if name == "Sagittal" else dict(list(points.items())[:1])
            canvas.add_points(shown, words + _margin_arrow(canvas, iqm, at, value, list(shown.values())))
        margin = (
            _margin_words(iqm, float(value or 0.0)) if bound is None else f"at least {with_unit(bound, 'mm')} missing"
        )
        alt = f"{name} reformat: the {end} image plane against the {what}, margin {margin}"
        pictures.append(canvas.figure(f"{name} reformat.", alt))
    return pictures if evidence.view != "coronal" else pictures[::-1]


def _coverage_box(scene: Scene, *k: float) -> views.Box:
    low, high = scene.volume.slice_positions[[0, -1]]
    return scene.box.reaching(min([low - 12, *(v - 14 for v in k)]), max([high + 12, *(v + 14 for v in k)]))


def draw_coverage(canvas: Canvas) -> list[Words]:
    """First and last image plane as lines, what lies beyond them hatched; returns the places of the words, see :func:`svg.labels`."""
    volume, view = canvas.volume, canvas.view
    h, w = view.size
    words: list[Words] = []
    for index, word in ((-1, f"slice {volume.shape[0]}, last image"), (0, "slice 1, first image")):
        _, y = view.project(volume.image_centres[index])
        top, bottom = (0.0, y) if index else (y, h)
        if bottom > top:
            canvas.add(svg.hatch(0, w, top, bottom))
        at = y + 14 if index else y - 5
        canvas.add(svg.line((0, y), (w, y), "edge"), svg.text((w - 5, at), word, "end", "small"))
        words.append((w - 5 - 6.2 * len(word), w - 5, at))
    return words


def _draw_bound(canvas: Canvas, what: str, height: float, missing_mm: float) -> None:
    """A line at ``height`` mm along the slice normal that an anatomical point lies beyond: it was not found, so no mark stands for it."""
    view, ends = canvas.view, canvas.volume.slice_positions
    _, w = view.size
    top = float(view.origin @ canvas.volume.k)
    y, *edges = (((top - k) / view.mm + 0.5) * view.scale for k in (height, ends[-1], ends[0]))
    # between the line and the scan where there is room, clear of the letter at the edge of the picture
    below = (edges[0] - y > 22) if height > ends[-1] else y - edges[1] <= 22
    canvas.add(
        svg.line((0, y), (w, y), "bound"),
        svg.text(
            (w - 5, y + 15 if below else y - 6), f"{what}: at least {missing_mm:.0f} mm missing", "end", "bound-words"
        ),
    )


def _margin_words(iqm: str, margin: float) -> str:
    """A margin as the captions say it, with its sign where it is spare; what is missing was estimated."""
    length = IQM_BY_ID[iqm].length_text(margin)
    return f"+{length} mm" if margin >= 0 else f"about {length} mm missing"


def _margin_arrow(canvas: Canvas, iqm: str, at: Vector, value: float | None, points: list[Ras]) -> list[Words]:
    """From the image plane to the point: spare millimetres inside the scan, missing ones beyond it; without a value towards a bound.

    Drawn beside the points; returns the place of its words, see :func:`svg.labels`.
    """
    end = ENDS[iqm][1]
    x, y = canvas.view.project(at)
    _, edge = canvas.view.project(canvas.volume.image_centres[-1 if end == "last" else 0])
    aside = max(16.0, min(canvas.view.project(p)[0] for p in points) - 30)
    if value is None:  # at the left, clear of the words at the right
        aside = 0.12 * canvas.view.size[1]
        canvas.add(svg.arrow((aside, edge), (aside, y), "arrow missing bound"))
        return []
    words = _margin_words(iqm, value)
    left = aside > 10.0 * len(words)
    baseline = 0.5 * (y + edge) + 5 if abs(y - edge) > 24 else max(y, edge) + 18 if end == "last" else min(y, edge) - 8
    start = aside - 8 if left else aside + 8
    canvas.add(
        svg.line((aside - 8, y), (x - 10, y), "extent"),
        svg.arrow((aside, edge), (aside, y), "arrow spare" if value >= 0 else "arrow missing"),
        svg.text((start, baseline), words, "end" if left else "start", "value"),
    )
    size = 8.5 * len(words)
    return [(start - size, start, baseline) if left else (start, start + size, baseline)]


def scout(scene: Scene) -> list[Html]:
    """Sagittal mid-line overview with the coverage, the vertex and the foramen magnum; where only bounds are known of them, those."""
    volume, findings = scene.volume, scene.findings
    bounds = {iqm: missing for iqm in ENDS if (missing := scene.bound(iqm)) is not None}
    names = [n for iqm in ENDS if iqm not in bounds for n in METRICS[iqm].points if n in findings.landmarks]
    marks = {n: findings.landmarks[n].position for n in names}
    ends = volume.slice_positions[[0, -1]]
    heights = {iqm: float(ends[1] + mm if iqm == "vertex_margin" else ends[0] - mm) for iqm, mm in bounds.items()}
    box = _coverage_box(scene, *(float(np.array(p) @ volume.k) for p in marks.values()), *heights.values())
    middle = views.from_frame(volume, box.middle("r"), box.middle("a"), box.middle("k"))
    through = np.array(findings.midsagittal.origin, float) if findings.midsagittal else middle
    sagittal = Canvas(volume, findings, scene.midline(through, box), (60.0, 300.0))
    sagittal.add_points(marks, draw_coverage(sagittal))
    for iqm, missing in bounds.items():
        _draw_bound(sagittal, ENDS[iqm][0], heights[iqm], missing)
    return [
        sagittal.figure(
            "Overview, mid-sagittal.",
            "Mid-sagittal reformat with the first and last image plane, vertex and foramen magnum",
        )
    ]
