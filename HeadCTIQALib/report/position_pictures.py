"""Pictures of where the head lies: symmetry, baseline, centring."""

from __future__ import annotations

import math

import numpy as np

from HeadCTIQALib.report import svg, views
from HeadCTIQALib.report.boxes import image_box
from HeadCTIQALib.report.canvas import Canvas, slice_words
from HeadCTIQALib.report.html import Html, number, with_unit
from HeadCTIQALib.report.scene import Scene, lines_of
from HeadCTIQALib.volume.types import Vector


def symmetry(scene: Scene, iqm: str) -> list[Html]:
    """The mid-sagittal plane against the rows: in the slice (yaw) and in a coronal reformat (roll)."""
    evidence, volume = scene.evidence(iqm), scene.volume
    plane = evidence.plane
    if plane is None:
        return []
    origin, normal = np.array(plane[0], float), np.array(plane[1], float)
    n = volume.to_slice_frame(normal)
    n = n if n[0] > 0 else -n
    index = scene.slice_of(iqm)
    details = scene.details(iqm)
    yaw = float(details.get("yaw_deg", math.degrees(math.atan2(n[1], n[0]))))
    roll = float(details.get("roll_deg", math.degrees(math.atan2(n[2], math.hypot(n[0], n[1])))))
    ax = scene.canvas(views.axial(volume, index, scene.slice_box(index)), iqm)
    _angle(ax, origin, normal, f"yaw {with_unit(yaw, 'deg', signed=True)}")
    co = scene.canvas(views.coronal(volume, float(origin @ volume.a), scene.box), iqm)
    _angle(co, origin, normal, f"roll {with_unit(roll, 'deg', signed=True)}")
    alt = "the mid-sagittal plane as a dashed line against the square of the image"
    return [
        ax.figure(f"Axial, {slice_words(volume, index)}.", f"Axial slice, {alt}: yaw {number(yaw)} degrees"),
        co.figure("Coronal reformat.", f"Coronal reformat, {alt}: roll {number(roll)} degrees"),
    ]


def _angle(canvas: Canvas, origin: Vector, normal: Vector, words: str) -> None:
    """Trace of a nearly upright plane, the picture's own vertical through it, and the angle between them."""
    trace = canvas.trace(origin, normal)
    if trace is None:
        return
    (x0, y0), (x1, y1) = trace
    h, w = canvas.view.size
    x, y = canvas.view.project(origin)
    y = min(max(y, 0.25 * h), 0.75 * h)
    x = x0 + (x1 - x0) * (y - y0) / (y1 - y0) if abs(y1 - y0) > 1 else x
    up = math.degrees(math.atan2(y0 - y1, x0 - x1))  # of the trace, upwards, clockwise from +x
    radius = 0.36 * h
    canvas.add(
        svg.line((x, 0), (x, h), "reference"), svg.line((0, y), (w, y), "reference faint"), svg.line(*trace, "plane"),
        svg.arc((x, y), radius, -90, up), svg.text((x + 8, max(28.0, y - radius + 16)), words, "start", "value"),
    )  # fmt: skip


def baseline(scene: Scene, iqm: str) -> list[Html]:
    """The orbitomeatal line against the slices, in the upright plane through it and on a lateral projection."""
    evidence, volume = scene.evidence(iqm), scene.volume
    lines, points = lines_of(evidence), evidence.points
    if not lines:
        return []
    ear, canthus = lines[0]
    d = canthus - ear
    theta = math.degrees(math.asin(float(np.clip(d @ volume.k / max(1e-6, float(np.linalg.norm(d))), -1, 1))))
    heights = [float(p @ volume.k) for p in (ear, canthus)]
    box = scene.box.reaching(min(heights) - 10, max(heights) + 10)
    words = f"OM line {with_unit(theta, 'deg', signed=True)}"
    main = [p for p in points if not p.endswith(("_R", "_L"))]
    paired = {name: p for name, p in points.items() if name not in main}
    inner = scene.canvas(views.upright_along(volume, ear, canthus, box), iqm, (40.0, 120.0))
    _baseline_lines(inner, ear, canthus, theta, words)
    inner.add_points({name: points[name] for name in main})
    outer = scene.canvas(views.sagittal(volume, box.middle("r"), box), iqm, (0.0, 1.0))
    outer.hu = views.lateral_projection(volume, outer.cut)
    outer.window = _window_for(outer.hu)
    outer.add(svg.line(outer.view.project(ear), outer.view.project(canthus), "plane"))
    named = [
        (outer.view.project(p), f"{'ear' if 'EAM' in n else 'eye'} {n[-1]}", outer.mark(n, p))
        for n, p in paired.items()
    ]
    outer.add(svg.labels(named, *outer.view.size[::-1]))
    alt = f"the orbitomeatal line lies {number(abs(theta))} degrees off the slice plane"
    return [
        inner.figure("Sagittal reformat through the line.", f"Sagittal reformat: {alt}"),
        outer.figure(
            "Lateral projection.", f"Lateral projection of the whole head with the ear canals and outer canthi: {alt}"
        ),
    ]


def _baseline_lines(canvas: Canvas, ear: Vector, canthus: Vector, theta: float, words: str) -> None:
    h, w = canvas.view.size
    x, y = canvas.view.project(ear)
    x1, y1 = canvas.view.project(canthus)
    long = svg.clipped_line((x, y), (x1 - x, y1 - y), w, h)
    if long:
        canvas.add(svg.line(*long, "plane"))
    canvas.add(svg.line((0, y), (w, y), "reference"), svg.text((w - 26, y - 5), "slice plane", "end", "small"))
    radius = 0.62 * abs(x1 - x)
    canvas.add(svg.arc((x, y), radius, 180, 180 + theta), svg.text((26, min(y, y1) - 14), words, "start", "value"))


def centring(scene: Scene, iqm: str) -> list[Html]:
    """The whole image with the head's outline, its mean centroid, the image centre and the free margins."""
    evidence, volume = scene.evidence(iqm), scene.volume
    index = scene.slice_of(iqm)
    canvas = scene.canvas(views.axial(volume, index, image_box(volume, index)), iqm)
    canvas.add_masks(["head"])
    h, w = canvas.view.size
    canvas.add(svg.line((w / 2, 0), (w / 2, h), "reference"), svg.line((0, h / 2), (w, h / 2), "reference"))
    _free_margins(canvas)
    for start, end in lines_of(evidence)[:1]:
        canvas.add(svg.arrow(canvas.view.project(start), canvas.view.project(end), "arrow strong"))
    canvas.add_points(evidence.points)
    value = with_unit(scene.value(iqm), "mm")
    alt = f"Axial slice over the whole image: the head's mean centroid lies {value} from the image centre"
    return [canvas.figure(f"Axial, {slice_words(volume, index)}, whole image.", alt)]


def _free_margins(canvas: Canvas) -> None:
    """Distances from the head to the four edges of the image."""
    rows, columns = (np.flatnonzero(canvas.mask("head").any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return
    h, w = canvas.view.size
    top, bottom, left, right = (
        float(edge) * canvas.view.scale for edge in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)
    )
    mm = canvas.view.unit_mm
    x, y = 0.72 * w, 0.72 * h
    for a, b, at, anchor, length in (
        ((0.0, y), (left, y), (4.0, y - 5), "start", left), ((w, y), (right, y), (w - 4.0, y - 5), "end", w - right),
        ((x, 0.0), (x, top), (x + 5, 18.0), "start", top), ((x, h), (x, bottom), (x + 5, h - 8.0), "start", h - bottom),
    ):  # fmt: skip
        canvas.add(svg.line(a, b, "extent"), svg.text(at, f"{length * mm:.0f} mm", anchor, "small"))


def _window_for(hu: np.ndarray) -> tuple[float, float]:
    """A window that shows a projection: from air to the densest percent of it."""
    seen = hu[np.isfinite(hu)]
    if not seen.size:
        return 0.0, 1000.0
    low, high = (float(v) for v in np.percentile(seen, (2.0, 99.7)))
    return 0.5 * (low + high), max(1.0, high - low)
