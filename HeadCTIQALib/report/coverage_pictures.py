"""Pictures of how far the scan reaches: overview, vertex, foramen magnum."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.report import svg, views
from HeadCTIQALib.report.canvas import Canvas
from HeadCTIQALib.report.html import Html, with_unit
from HeadCTIQALib.report.scene import Ras, Scene, points_of
from HeadCTIQALib.volume.types import Vector

BONE_WINDOW = (300.0, 1500.0)


def coverage(scene: Scene, iqm: str) -> list[Html]:
    """Where the scan begins and ends against the anatomical point, in a coronal and a sagittal reformat."""
    evidence, volume = scene.evidence(iqm), scene.volume
    points = points_of(evidence)
    if not points:
        return []
    at = np.array(next(iter(points.values())), float)
    value = (scene.iqms.get(iqm) or {}).get("value")
    end = "last" if iqm == "vertex_margin" else "first"
    box = _coverage_box(scene, float(at @ volume.k))
    window = tuple(evidence.get("window") or BONE_WINDOW)
    pictures = []
    for name, view in (("Sagittal", scene.midline(at, box)), ("Coronal", views.coronal(volume, float(at @ volume.a), box))):
        canvas = scene.canvas(view, iqm, window)
        draw_coverage(canvas)
        shown = points if name == "Sagittal" else dict(list(points.items())[:1])
        canvas.add_points(shown, _margin_arrow(canvas, at, end, value, list(shown.values())))
        alt = f"{name} reformat: the {end} image plane against the {'vertex' if end == 'last' else 'foramen magnum'}, margin {with_unit(value, 'mm', True)}"
        pictures.append(canvas.figure(f"{name} reformat.", alt))
    return pictures if evidence.get("view") != "coronal" else pictures[::-1]


def _coverage_box(scene: Scene, *k: float) -> views.Box:
    low, high = scene.volume.slice_positions[[0, -1]]
    return scene.box.reaching(min([low - 12, *(v - 14 for v in k)]), max([high + 12, *(v + 14 for v in k)]))


def draw_coverage(canvas: Canvas) -> None:
    """First and last image plane as lines, what lies beyond them hatched."""
    volume, view = canvas.volume, canvas.view
    h, w = view.shape
    for index, word in ((-1, "last image"), (0, "first image")):
        _, y = view.project(volume.image_centres[index])
        top, tall = (0.0, y) if index else (y, h - y)
        if tall > 0:
            canvas.add(Html(f'<rect x="0" y="{top:.1f}" width="{w}" height="{tall:.1f}" fill="url(#p-none)"/>'))
        canvas.add(svg.line((0, y), (w, y), "edge"), svg.text((w - 5, y - 5 if index else y + 14), word, "end", "small"))


def _margin_arrow(canvas: Canvas, at: Vector, end: str, value: float | None, points: list[Ras]) -> list[tuple[float, float, float]]:
    """From the image plane to the point: spare millimetres inside the scan, missing ones beyond it.

    Drawn beside the points; returns the place of its words, see :func:`svg.labels`.
    """
    if value is None:
        return []
    x, y = canvas.view.project(at)
    _, edge = canvas.view.project(canvas.volume.image_centres[-1 if end == "last" else 0])
    aside = max(16.0, min(canvas.view.project(p)[0] for p in points) - 30)
    words = with_unit(value, "mm", signed=True) if value >= 0 else f"{with_unit(-value, 'mm')} missing"
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
    """Sagittal mid-line and coronal overview with the coverage, the vertex and the foramen magnum."""
    volume, findings = scene.volume, scene.findings
    marks = {n: findings.landmarks[n].position for n in ("VERTEX", "BASION", "OPISTHION") if n in findings.landmarks}
    box = _coverage_box(scene, *(float(np.array(p) @ volume.k) for p in marks.values()))
    middle = views.from_frame(volume, box.middle("r"), box.middle("a"), box.middle("k"))
    through = np.array(findings.midsagittal.origin, float) if findings.midsagittal else middle
    sagittal = Canvas(volume, findings, scene.midline(through, box), (60.0, 300.0))
    draw_coverage(sagittal)
    sagittal.add_points(marks)
    return [sagittal.figure("Overview, sagittal mid-line.", "Sagittal reformat near the mid-line with the first and last image plane, vertex and foramen magnum")]
