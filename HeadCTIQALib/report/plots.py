"""Vector figures of agreement: scatter, Bland-Altman and forest plots, drawn alike in the report and in files of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.agreement import BlandAltman, Estimate
from HeadCTIQALib.report.html import Html, join, number, tag

Floats = NDArray[np.float64]

STYLE = """
.fig text { font: 11px system-ui, "Segoe UI", sans-serif; fill: var(--ink, #17202a); } .fig .ft { font-weight: 600; font-size: 12px; }
.fig .fq { fill: var(--quiet, #55606c); } .fig .fa { stroke: var(--ink, #17202a); fill: none; } .fig .fg { stroke: var(--rule, #d5dbe1); fill: none; }
.fig .fp { fill: var(--link, #0b5394); fill-opacity: .45; stroke: var(--link, #0b5394); stroke-width: .7; }
.fig .fl { stroke: var(--ink, #17202a); stroke-dasharray: 5 4; fill: none; } .fig .fb { stroke: var(--poor, #b3261e); stroke-width: 1.6; fill: none; }
.fig .fw { fill: var(--poor, #b3261e); fill-opacity: .13; } .fig .fm { stroke: var(--link, #0b5394); stroke-width: 1.8; fill: none; }
.fig .fs { fill: var(--link, #0b5394); }
"""


@dataclass(frozen=True)
class Axes:
    """A rectangle of the drawing in which data are placed."""

    x: tuple[float, float]
    y: tuple[float, float]
    left: float = 52.0
    top: float = 40.0
    width: float = 250.0
    height: float = 210.0

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Data to drawing coordinates, y upwards in data."""
        px = self.left + self.width * (x - self.x[0]) / (self.x[1] - self.x[0])
        return px, self.top + self.height * (self.y[1] - y) / (self.y[1] - self.y[0])

    def frame(self, x_title: str, y_title: str, title: str) -> Html:
        """Grid, ticks, titles; a second line of ``title`` is smaller."""
        first, _, second = title.partition("\n")
        parts = [
            tag("text", first, x=self.left, y=self.top - 24, class_="ft"),
            tag("text", second, x=self.left, y=self.top - 9, class_="fq"),
        ]
        bottom = self.top + self.height
        for t in ticks(*self.x):
            px = self.at(t, self.y[0])[0]
            parts.append(tag("path", d=f"M{px:.1f} {self.top}V{bottom}", class_="fg"))
            parts.append(tag("text", f"{t:g}".replace("-", "−"), x=f"{px:.1f}", y=bottom + 15, text_anchor="middle"))
        for t in ticks(*self.y):
            py = self.at(self.x[0], t)[1]
            parts.append(tag("path", d=f"M{self.left} {py:.1f}H{self.left + self.width}", class_="fg"))
            parts.append(tag("text", f"{t:g}".replace("-", "−"), x=self.left - 6, y=f"{py + 4:.1f}", text_anchor="end"))
        parts.append(tag("rect", x=self.left, y=self.top, width=self.width, height=self.height, class_="fa"))
        parts.append(
            tag("text", x_title, x=self.left + self.width / 2, y=bottom + 31, text_anchor="middle", class_="fq")
        )
        middle = self.top + self.height / 2
        parts.append(
            tag(
                "text", y_title, x=12, y=middle, text_anchor="middle", class_="fq", transform=f"rotate(-90 12 {middle})"
            )
        )
        return join(*parts)

    def points(self, x: Floats, y: Floats) -> Html:
        """One disc a case."""
        places = (self.at(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True))
        return join(*(tag("circle", cx=f"{a:.1f}", cy=f"{b:.1f}", r="3", class_="fp") for a, b in places))

    def level(self, y: float, class_: str) -> Html:
        """A horizontal line."""
        py = self.at(self.x[0], y)[1]
        return tag("path", d=f"M{self.left} {py:.1f}H{self.left + self.width}", class_=class_)

    def band(self, low: float, high: float) -> Html:
        """A horizontal band, e.g. an interval, cut to the frame."""
        top, bottom = (self.at(self.x[0], min(self.y[1], max(self.y[0], v)))[1] for v in (high, low))
        return tag(
            "rect", x=self.left, y=f"{top:.1f}", width=self.width, height=f"{max(0.0, bottom - top):.1f}", class_="fw"
        )


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from ``low`` to ``high``."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(m for m in (1, 2, 5, 10, 20) if (high - low) / (step * m) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]


def scatter(own: Floats, readers: Floats, title: str, unit: str, caption: str) -> Html:
    """Own values over the readers' means, with the line of identity."""
    limits = spread(np.r_[own, readers])
    axes = Axes(limits, limits)
    a, b = axes.at(limits[0], limits[0]), axes.at(limits[1], limits[1])
    identity = tag("path", d=f"M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}", class_="fl")
    frame = axes.frame(f"mean of readers, {unit}", f"HeadCTIQA, {unit}", title)
    return figure(join(frame, identity, axes.points(readers, own)), 312, 286, f"{caption} of {title}")


def bland_altman_plot(own: Floats, readers: Floats, limits: BlandAltman, title: str, unit: str, caption: str) -> Html:
    """Differences over means with bias, limits of agreement and their exact intervals."""
    d = own - readers
    drawn = [e for e in (limits.bias, limits.lower_exact, limits.upper_exact) if e.value is not None]
    ends = [v for e in drawn for v in (e.value, e.low, e.high) if v is not None]
    axes = Axes(spread((own + readers) / 2), spread(np.r_[d, ends, 0.0]))
    parts = [axes.frame(f"mean of both, {unit}", f"HeadCTIQA − readers, {unit}", title), axes.level(0, "fl")]
    for e in drawn:
        if e.low is not None and e.high is not None:
            parts.append(axes.band(e.low, e.high))
        if e.value is not None:
            parts.append(axes.level(e.value, "fb"))
    return figure(join(*parts, axes.points((own + readers) / 2, d)), 312, 286, f"{caption} of {title}")


def forest(
    rows: Sequence[tuple[str, Estimate]], title: str, x_title: str, caption: str, low: float | None = None, high: float | None = None,
    marks: Sequence[float] = (),
) -> Html:  # fmt: skip
    """Estimates with their intervals, one a row; a row without a value says so.  ``marks`` are drawn as dashed lines."""
    ends = [v for _, e in rows for v in (e.value, e.low, e.high) if v is not None] + list(marks)
    limits = spread(np.array(ends or [0.0, 1.0]))
    axes = Axes(
        (limits[0] if low is None else low, limits[1] if high is None else high),
        (0, 1),
        left=196,
        top=26,
        width=230,
        height=20.0 * len(rows) + 6,
    )
    parts = [tag("text", title, x=8, y=16, class_="ft")]
    bottom = axes.top + axes.height
    for t in ticks(*axes.x):
        px = axes.at(t, 0)[0]
        parts.append(tag("path", d=f"M{px:.1f} {axes.top}V{bottom}", class_="fg"))
        parts.append(tag("text", f"{t:g}".replace("-", "−"), x=f"{px:.1f}", y=bottom + 15, text_anchor="middle"))
    for mark in marks:
        parts.append(tag("path", d=f"M{axes.at(mark, 0)[0]:.1f} {axes.top}V{bottom}", class_="fl"))
    for k, (name, e) in enumerate(rows):
        y = axes.top + 13 + 20 * k
        parts.append(tag("text", name, x=axes.left - 8, y=y + 4, text_anchor="end"))
        words = f"n = {e.n}" if e.value is None else f"{number(e.value)}, n = {e.n}"
        parts.append(tag("text", words, x=axes.left + axes.width + 8, y=y + 4, class_="fq"))
        if e.low is not None and e.high is not None:
            ends_x = [axes.at(min(axes.x[1], max(axes.x[0], v)), 0)[0] for v in (e.low, e.high)]
            parts.append(tag("path", d=f"M{ends_x[0]:.1f} {y}H{ends_x[1]:.1f}", class_="fm"))
        if e.value is not None:
            px = axes.at(min(axes.x[1], max(axes.x[0], e.value)), 0)[0]
            parts.append(tag("rect", x=f"{px - 3.5:.1f}", y=y - 3.5, width="7", height="7", class_="fs"))
    parts.append(tag("text", x_title, x=axes.left + axes.width / 2, y=bottom + 31, text_anchor="middle", class_="fq"))
    return figure(join(*parts), 550, bottom + 40, caption)


def spread(values: Floats) -> tuple[float, float]:
    """Limits of an axis that holds ``values`` with a little room."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low) or max(1.0, 0.1 * abs(high))
    return low - room, high + room


def figure(content: Html, width: float, height: float, label: str) -> Html:
    """One drawing; ``label`` says in words what it shows."""
    label = label.replace("\n", ", ")
    return tag(
        "svg",
        content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        class_="fig",
        role="img",
        aria_label=label,
    )


def standalone(drawing: Html) -> str:
    """A drawing as an SVG file, with its style inside and a white ground."""
    start, end = drawing.split(">", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{start}><style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{end}\n'
