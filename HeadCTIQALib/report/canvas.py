"""A windowed picture with vector drawings over it, as one ``<figure>``."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, LANDMARK_TITLES, Findings, Tissue
from HeadCTIQALib.report import svg
from HeadCTIQALib.report.html import Html, join, number, tag
from HeadCTIQALib.report.views import Cut, View, cut
from HeadCTIQALib.volume.types import CTVolume

Ras = tuple[float, float, float]

UNSEEN = 44  # grey of what lies outside the scan, unlike air (black)
RULER, RULER_UNITS = (
    (1, 2, 5, 10, 20, 50, 100, 200, 500),
    28.0,
)  # slices from one number to the next: the first that leaves so much room
NEAR_MM = 3.0  # a point farther than this from the picture's plane is said to be projected

# name of a mask in the evidence: words for the legend
MASKS = {
    "head": "head", "intracranial": "intracranial space", "streak": "streak artefact", "foreign": "foreign object",
    "deep_grey": "deep grey matter", "white": "white matter", "grey": "cortical grey matter", "brain": "brain",
    "csf": "CSF", "bone": "bone", "parenchyma": "brain parenchyma",
}  # fmt: skip


def windowed(hu: NDArray[np.float32], window: tuple[float, float]) -> NDArray[np.uint8]:
    """(h, w) grey values 0..255 of HU for a (centre, width) window; NaN becomes :data:`UNSEEN`."""
    centre, width = window
    grey = np.clip((hu - centre) / max(width, 1.0) + 0.5, 0, 1) * 255
    return np.where(np.isfinite(hu), np.rint(np.nan_to_num(grey)), UNSEEN).astype(np.uint8)


def window_words(window: tuple[float, float]) -> str:
    """A (centre, width) window as readers write it: "W 80 L 40"."""
    centre, width = window
    return f"W {number(float(round(width)))} L {number(float(round(centre)))}"


def grey_uri(grey: NDArray[np.uint8]) -> str:
    """A grey picture as a data URI, without loss (PNG)."""
    # runs only: of noise nothing longer repeats, so this is the smallest and takes half of the time
    return _png_uri(Image.fromarray(grey, "L"), compress_level=1, compress_type=zlib.Z_RLE)


def colour_uri(rgba: NDArray[np.uint8]) -> str:
    """A picture of few colours with transparency as a data URI (PNG)."""
    return _png_uri(Image.fromarray(rgba, "RGBA").quantize(32), optimize=True)


def _png_uri(picture: Image.Image, **how: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **how)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def enlargeable(picture: Html, width: float, height: float, alt: str, whole: Html | None = None) -> Html:
    """What fills the window when it is clicked, or by the space bar, and shrinks back by the same: a box to tick, no script.

    Args:
        width, height: in units of drawing.
        whole: what stands in its place while it is enlarged; None: it itself.
    """
    box = tag("input", type="checkbox", class_="zoom", aria_label=f"Enlarge: {alt}")
    shape = f"--wide:{width:g};--tall:{height:g}"
    return tag(
        "label",
        box,
        tag("span", tag("span", picture, class_="picture"), whole, class_="stage"),
        class_="shown",
        style=shape,
    )


@dataclass
class Canvas:
    """One picture in the making: HU through a view, and the shapes drawn over it so far."""

    volume: CTVolume
    findings: Findings
    view: View
    window: tuple[float, float] = (40.0, 80.0)
    hu: NDArray[np.float32] | None = None  # given for a projection; otherwise cut through the volume
    shapes: list[Html] = field(default_factory=list)
    legend: list[str] = field(default_factory=list)
    _cut: Cut | None = None
    _labels: NDArray[np.uint8] | None = None

    @property
    def cut(self) -> Cut:
        """Where the picture's pixels lie in the volume."""
        if self._cut is None:
            self._cut = cut(self.volume, self.view)
        return self._cut

    def mask(self, name: str) -> NDArray[np.bool_]:
        """(h, w) bool of a mask by its name in the evidence; nothing for an unknown name."""
        if self._labels is None:
            self._labels = self.cut.labels(self.findings.tissue)
        inside = np.isin(self._labels, INTRACRANIAL)
        if name == "head":
            return np.isin(self._labels, HEAD)
        if name == "intracranial":
            return inside
        if name == "parenchyma":
            return inside & (self._labels != Tissue.CSF)
        if name == "streak":
            found = self.findings.streak
            return inside & (self.cut.labels(found) > 0) if found is not None else np.zeros_like(inside)
        value = Tissue.__members__.get(name.upper())
        return self._labels == value if value is not None else np.zeros_like(inside)

    def add(self, *shapes: Html | None) -> None:
        """Draw shapes given in units of drawing."""
        self.shapes.extend(s for s in shapes if s)

    def add_masks(self, names: Iterable[str]) -> None:
        """Outline masks and name them in the legend."""
        for name in names:
            if name not in MASKS:
                continue
            drawn = svg.outline(self.mask(name), f"mask m-{name}", self.view.scale)
            if drawn:
                self.add(drawn)
                self.legend.append(name)

    def add_points(self, points: dict[str, Ras], reserved: Sequence[tuple[float, float, float]] = ()) -> None:
        """Mark named RAS points; ids of landmarks become their titles; ``reserved`` as in :func:`svg.labels`.

        What lies outside the scan is an estimate, and drawn and called so.
        """
        placed = []
        for name, ras in points.items():
            mark = self.mark(name, ras)
            said = "estimated" if mark != "point" else "projected" if abs(self.view.depth(ras)) > NEAR_MM else ""
            word = LANDMARK_TITLES.get(name, name)
            placed.append((self.view.project(ras), f"{word} ({said})" if said else word, mark))
        self.add(svg.labels(placed, *self.view.size[::-1], reserved))

    def mark(self, name: str, ras: Ras) -> str:
        """Class of the mark of a point: found, or estimated because it lies outside the scan."""
        known = self.findings.landmarks.get(name)
        ijk = self.volume.ras_to_ijk(np.asarray(ras, float))
        inside = known.in_scan if known is not None else bool((np.abs(ijk - self._middle) <= self._middle + 0.5).all())
        return "point" if inside else "point estimated"

    @property
    def _middle(self) -> NDArray[np.float64]:
        return 0.5 * (np.array(self.volume.shape[::-1]) - 1.0)

    def trace(self, origin: Iterable[float], normal: Iterable[float]) -> tuple[svg.XY, svg.XY] | None:
        """Where a plane through ``origin`` (RAS) cuts the picture, from lower to higher y; None when it does not."""
        o, n = np.array(list(origin), float), np.array(list(normal), float)
        v = self.view
        across, along = float(n @ v.right), float(n @ v.down)
        square = across**2 + along**2
        if square < 1e-6:
            return None
        x, y = v.project(o)
        t = v.depth(o) * float(n @ v.normal) / v.unit_mm / square  # from the projected origin to the trace
        h, w = v.size
        found = svg.clipped_line((x + t * across, y + t * along), (-along, across), w, h)
        return (found[0], found[1]) if found and found[0][1] <= found[1][1] else (found[1], found[0]) if found else None

    def figure(self, title: str, alt: str) -> Html:
        """The finished ``<figure>``: picture, drawing, orientation, slice numbers, scale bar and legend."""
        h, w = self.view.size
        hu = self.cut.hu(self.volume) if self.hu is None else self.hu
        rows, columns = self.view.shape
        picture = tag("img", src=grey_uri(windowed(hu, self.window)), alt=alt, width=columns, height=rows)
        drawing = tag(
            "svg", *self._furniture(), *self.shapes, viewBox=f"0 0 {w:.4g} {h:.4g}", class_="overlay", aria_hidden="true", focusable="false",
        )  # fmt: skip
        keys = [
            tag("span", tag("i", class_=f"swatch s-{name}"), MASKS[name], class_="key")
            for name in dict.fromkeys(self.legend)
        ]
        shown = tag("span", window_words(self.window) + ("" if self.hu is None else ", mean HU"), class_="quiet")
        return tag(
            "figure",
            enlargeable(join(picture, drawing), w, h, alt),
            tag("figcaption", tag("b", title), " ", *keys, shown),
        )

    def _furniture(self) -> list[Html]:
        h, w = self.view.size
        left, right, up, down = self.view.letters()
        bar = 50 / self.view.unit_mm
        parts = [
            svg.text((5, h / 2 + 5), left, "start", "side"), svg.text((w - 5, h / 2 + 5), right, "end", "side"),
            svg.text((w / 2, 15), up, "middle", "side"), svg.text((w / 2, h - 6), down, "middle", "side"), *self._slice_numbers(),
        ]  # fmt: skip
        if bar < 0.6 * w:
            y = h - 8.0
            parts += [svg.line((8, y), (8 + bar, y), "scale"), svg.line((8, y - 4), (8, y + 4), "scale")]
            parts += [
                svg.line((8 + bar, y - 4), (8 + bar, y + 4), "scale"),
                svg.text((8, y - 7), "50 mm", "start", "small"),
            ]
        return parts

    def _slice_numbers(self) -> list[Html]:
        """The number of an axial slice, or a ruler of slice numbers along an upright picture."""
        count = self.volume.shape[0]
        heights = [self.view.project(centre)[1] for centre in self.volume.image_centres]
        if abs(float(self.view.down @ self.volume.k)) < 0.5:
            nearest = int(np.argmin(np.abs(self.volume.slice_positions - self.view.origin @ self.volume.k)))
            return [svg.text((5, 14), f"slice {nearest + 1}", "start", "small")]
        h = self.view.size[0]
        apart = abs(heights[-1] - heights[0]) / max(1, count - 1)
        step = next((s for s in RULER if s * apart >= RULER_UNITS), RULER[-1])
        free = [
            n for n in range(step, count, step) if 30 < heights[n - 1] < h - 34 and abs(heights[n - 1] - h / 2) > 16
        ]
        return [
            part
            for n in free
            for part in (
                svg.line((0, heights[n - 1]), (5, heights[n - 1]), "scale"),
                svg.text((8, heights[n - 1] + 4), str(n), "start", "small"),
            )
        ]


def slice_words(volume: CTVolume, index: int) -> str:
    """Which native slice: its number from the lowest, and its height along the slice normal."""
    return f"slice {index + 1} of {volume.shape[0]}, {number(float(volume.slice_positions[index]), signed=True)} mm"
