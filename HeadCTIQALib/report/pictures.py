"""The picture of the evidence for every IQM: one function per kind, chosen in :data:`PICTURES`.

Points, lines and slices come from the record's evidence, masks from the findings, the image from the volume; what
the record lacks is left out of the picture, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.metrics.metric import Picture
from HeadCTIQALib.report import svg, views
from HeadCTIQALib.report.boxes import image_box
from HeadCTIQALib.report.canvas import slice_words
from HeadCTIQALib.report.coverage_pictures import coverage
from HeadCTIQALib.report.heat import noise_heat
from HeadCTIQALib.report.html import Html
from HeadCTIQALib.report.position_pictures import baseline, centring, symmetry
from HeadCTIQALib.report.scene import NOTHING, Scene
from HeadCTIQALib.report.strips import grade_chart


def noise(scene: Scene, iqm: str) -> list[Html]:
    """The slice with the parenchyma in which noise is measured, and the local SD in it."""
    evidence, volume = scene.evidence(iqm), scene.volume
    index = scene.slice_of(iqm)
    view = views.axial(volume, index, scene.slice_box(index))
    plain = scene.canvas(view, iqm)
    plain.add_masks(evidence.masks or ("parenchyma",))
    plain.add_points(evidence.points)
    heat = scene.canvas(view, iqm)
    drawn = noise_heat(volume, scene.findings, index, heat.cut)
    heat.add(*drawn)
    where = slice_words(volume, index)
    figures = [plain.figure(f"Axial, {where}.", f"Axial slice with the brain parenchyma outlined; {where}")]
    if drawn:
        figures.append(
            heat.figure(
                "Local SD in the parenchyma.",
                "Axial slice with the local standard deviation in the brain as colour, 2 to 12 HU",
            )
        )
    return figures


def axial_masks(scene: Scene, iqm: str) -> list[Html]:
    """A native slice with the masks and points of the evidence."""
    evidence, volume = scene.evidence(iqm), scene.volume
    index = scene.slice_of(iqm)
    kind = METRICS[iqm].picture
    whole = kind == "whole"
    box = image_box(volume, index) if whole else scene.slice_box(index)
    figures = []
    names = list(evidence.masks)
    if names == ["streak"]:
        names = ["intracranial", "streak"]  # of which it is a share
    for overlay in (True, False) if kind == "masks and bare" and names else (True,):
        canvas = scene.canvas(views.axial(volume, index, box), iqm)
        if overlay:
            canvas.add_masks(names)
            if whole:  # a cross would hide a small object
                canvas.add(*(svg.ring(canvas.view.project(p), 16) for p in evidence.points.values()))
            else:
                canvas.add_points(evidence.points)
        where = slice_words(volume, index)
        alt = f"Axial slice, {where}" + (f": {evidence.caption}" if overlay else ", without drawings")
        figures.append(
            canvas.figure(
                f"Axial, {where}{', whole image' if whole else '' if overlay else ', without drawings'}.", alt
            )
        )
    return figures


def motion(scene: Scene, iqm: str) -> list[Html]:
    """The worst slice beside the grades of all slices."""
    volume, grades = scene.volume, scene.findings.motion_grades
    index = scene.slice_of(iqm)
    figures = axial_masks(scene, iqm)
    if grades is not None and len(grades) == volume.shape[0]:
        figures.append(grade_chart([int(g) for g in grades], [float(p) for p in volume.slice_positions], index))
    return figures


PICTURES: Mapping[Picture, Callable[[Scene, str], list[Html]]] = {
    "symmetry": symmetry,
    "baseline": baseline,
    "centring": centring,
    "coverage": coverage,
    "noise": noise,
    "motion": motion,
    "masks": axial_masks,
    "masks and bare": axial_masks,
    "whole": axial_masks,
}


def pictures(scene: Scene, iqm: str) -> list[Html]:
    """The pictures of one IQM; none when the record has no evidence for it."""
    return PICTURES[METRICS[iqm].picture](scene, iqm) if scene.evidence(iqm) is not NOTHING else []
