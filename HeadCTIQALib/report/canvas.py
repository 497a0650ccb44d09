"""A windowed picture with vector drawings over it, as one ``<figure>``."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, LANDMARK_TITLES, Findings, Tissue
from HeadCTIQALib.report import svg
from HeadCTIQALib.report.html import Html, number, tag
from HeadCTIQALib.report.views import Cut, View, cut
from HeadCTIQALib.volume.types import CTVolume

UNSEEN = 44  # grey of what lies outside the scan, unlike air (black)
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
    return np.where(np.isfinite(hu), np.nan_to_num(grey), UNSEEN).astype(np.uint8)


def jpeg_uri(grey: NDArray[np.uint8]) -> str:
    """A grey picture as a data URI (JPEG, quality 80)."""
    buffer = io.BytesIO()
    Image.fromarray(grey, "L").save(buffer, "JPEG", quality=80, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def png_uri(rgba: NDArray[np.uint8]) -> str:
    """A colour picture with transparency as a data URI (PNG)."""
    buffer = io.BytesIO()
    Image.fromarray(rgba, "RGBA").quantize(32).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


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
        """Draw shapes given in picture coordinates."""
        self.shapes.extend(s for s in shapes if s)

    def add_masks(self, names: Iterable[str]) -> None:
        """Outline masks and name them in the legend."""
        for name in names:
            if name not in MASKS:
                continue
            drawn = svg.outline(self.mask(name), f"mask m-{name}")
            if drawn:
                self.add(drawn)
                self.legend.append(name)

    def add_points(self, points: dict[str, tuple[float, float, float]], reserved: Sequence[tuple[float, float, float]] = ()) -> None:
        """Mark named RAS points; ids of landmarks become their titles; ``reserved`` as in :func:`svg.labels`."""
        placed = []
        for name, ras in points.items():
            word = LANDMARK_TITLES.get(name, name)
            far = abs(self.view.depth(ras)) > NEAR_MM
            placed.append((self.view.project(ras), f"{word}{' (projected)' if far else ''}"))
        self.add(svg.labels(placed, *self.view.shape[::-1], reserved))

    def trace(self, origin: Iterable[float], normal: Iterable[float]) -> tuple[svg.XY, svg.XY] | None:
        """Where a plane through ``origin`` (RAS) cuts the picture, from lower to higher y; None when it does not."""
        o, n = np.array(list(origin), float), np.array(list(normal), float)
        v = self.view
        across, along = float(n @ v.right), float(n @ v.down)
        size = across**2 + along**2
        if size < 1e-6:
            return None
        x, y = v.project(o)
        t = v.depth(o) * float(n @ v.normal) / v.mm / size  # from the projected origin to the trace
        h, w = v.shape
        found = svg.clipped_line((x + t * across, y + t * along), (-along, across), w, h)
        return (found[0], found[1]) if found and found[0][1] <= found[1][1] else (found[1], found[0]) if found else None

    def figure(self, title: str, alt: str) -> Html:
        """The finished ``<figure>``: picture, drawing, orientation, scale bar and legend."""
        h, w = self.view.shape
        hu = self.cut.hu(self.volume) if self.hu is None else self.hu
        picture = tag("img", src=jpeg_uri(windowed(hu, self.window)), alt=alt, width=w, height=h)
        drawing = tag(
            "svg", *self._furniture(), *self.shapes, viewBox=f"0 0 {w} {h}", class_="overlay", aria_hidden="true", focusable="false",
        )  # fmt: skip
        keys = [tag("span", tag("i", class_=f"swatch s-{name}"), MASKS[name], class_="key") for name in dict.fromkeys(self.legend)]
        centre, width = self.window
        shown = tag("span", f"W {width:g} L {centre:g}" if self.hu is None else "mean HU, own window", class_="quiet")
        caption = tag("figcaption", tag("b", title), " ", *keys, shown)
        return tag("figure", tag("div", picture, drawing, class_="picture", style=f"max-width:{w}px"), caption)

    def _furniture(self) -> list[Html]:
        h, w = self.view.shape
        left, right, up, down = self.view.letters()
        bar = 50 / self.view.mm
        parts = [
            svg.text((5, h / 2 + 5), left, "start", "side"), svg.text((w - 5, h / 2 + 5), right, "end", "side"),
            svg.text((w / 2, 15), up, "middle", "side"), svg.text((w / 2, h - 6), down, "middle", "side"),
        ]  # fmt: skip
        if bar < 0.6 * w:
            y = h - 8.0
            parts += [svg.line((8, y), (8 + bar, y), "scale"), svg.line((8, y - 4), (8, y + 4), "scale")]
            parts += [svg.line((8 + bar, y - 4), (8 + bar, y + 4), "scale"), svg.text((8, y - 7), "50 mm", "start", "small")]
        return parts


def slice_words(volume: CTVolume, index: int) -> str:
    """Which native slice: its number from the lowest, and its height along the slice normal."""
    return f"slice {index + 1} of {volume.shape[0]}, {number(float(volume.slice_positions[index]), signed=True)} mm"
