"""Vector shapes drawn over pictures, and the outlines of masks.

Coordinates are units of drawing (:class:`.views.View`) from the upper left corner of the picture, x to the right and y down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.report.html import Html, join, tag

XY = tuple[float, float]
HATCH = 10.0  # from line to line
#: Class of a text: its size in units of drawing, as in the style sheet, and the mean width of a letter as a share of it.
EMS = {
    "label": (12.0, 0.62),
    "side": (15.0, 0.7),
    "small": (11.0, 0.56),
    "value": (15.0, 0.62),
    "bound-words": (13.0, 0.62),
}


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def line(a: XY, b: XY, class_: str = "line") -> Html:
    """A straight line."""
    return tag("line", x1=_n(a[0]), y1=_n(a[1]), x2=_n(b[0]), y2=_n(b[1]), class_=class_)


def text(at: XY, words: str, anchor: str = "start", class_: str = "label") -> Html:
    """Text with a dark outline, legible on any grey; on paper a dark plate takes the place of the outline, which prints as a drawing of every letter."""
    size, wide = EMS.get(class_, EMS["label"])
    width = size * wide * len(words)
    left = at[0] - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * width
    plate = tag(
        "rect", x=_n(left - 1), y=_n(at[1] - 0.82 * size), width=_n(width + 2), height=_n(1.08 * size), class_="plate"
    )
    return join(plate, tag("text", words, x=_n(at[0]), y=_n(at[1]), text_anchor=anchor, class_=class_))


def cross(at: XY, class_: str = "point") -> Html:
    """A small open cross with a ring, its centre left free for the anatomy."""
    x, y = _n(at[0]), _n(at[1])
    return join(
        tag("circle", cx=x, cy=y, r="5", class_=class_),
        tag("path", d=f"M{x} {y}m-9 0h6m6 0h6m-9 -9v6m0 6v6", class_=class_),
    )


def ring(at: XY, radius: float, class_: str = "point") -> Html:
    """A circle around something that must stay visible."""
    return tag("circle", cx=_n(at[0]), cy=_n(at[1]), r=_n(radius), class_=class_)


def arrow(a: XY, b: XY, class_: str = "arrow") -> Html:
    """A line from ``a`` to ``b`` with a head at ``b``; only the line when it is shorter than its head."""
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    if length < 4:
        return line(a, b, class_)
    ux, uy, s = (b[0] - a[0]) / length, (b[1] - a[1]) / length, min(9.0, length)
    wings = [(b[0] - s * ux + w * s * 0.45 * uy, b[1] - s * uy - w * s * 0.45 * ux) for w in (1, -1)]
    d = f"M{_n(a[0])} {_n(a[1])}L{_n(b[0])} {_n(b[1])}M{_n(wings[0][0])} {_n(wings[0][1])}L{_n(b[0])} {_n(b[1])}L{_n(wings[1][0])} {_n(wings[1][1])}"
    return tag("path", d=d, class_=class_)


def arc(centre: XY, radius: float, from_deg: float, to_deg: float, class_: str = "arc") -> Html:
    """Arc between two directions in degrees, counted from +x clockwise as drawn."""
    steps = np.radians(np.linspace(from_deg, to_deg, 24))
    xy = [(centre[0] + radius * math.cos(t), centre[1] + radius * math.sin(t)) for t in steps]
    return tag("path", d="M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in xy), class_=class_)


def clipped_line(through: XY, direction: XY, width: float, height: float) -> tuple[XY, XY] | None:
    """Where the endless line through a point enters and leaves the picture, or None when it misses it."""
    low, high = -math.inf, math.inf
    for p, d, size in ((through[0], direction[0], width), (through[1], direction[1], height)):
        if abs(d) < 1e-12:
            if not 0 <= p <= size:
                return None
            continue
        t = sorted((-p / d, (size - p) / d))
        low, high = max(low, t[0]), min(high, t[1])
    if low >= high or not math.isfinite(low + high):
        return None
    return (through[0] + low * direction[0], through[1] + low * direction[1]), (
        through[0] + high * direction[0],
        through[1] + high * direction[1],
    )


def labels(
    points: list[tuple[XY, str, str]], width: float, height: float, reserved: Sequence[tuple[float, float, float]] = ()
) -> Html:
    """Points (place, name, class of the mark) with their names, which are moved apart so that none lies on another.

    ``reserved`` are (left, right, baseline) of other words in the picture, to be kept clear of.
    """
    drawn = [cross(at, class_) for at, _, class_ in points]
    taken = [(x - 9, x + 9, y + 4) for (x, y), *_ in points] + list(reserved)
    for (x, y), name, _ in sorted(points, key=lambda p: (p[0][1], p[0][0], p[1])):
        size = 6.8 * len(name)
        places = [(right, y + 4 + dy) for dy in (0, 15, -15, 28, -28, 41) for right in (True, False)]
        right, y0 = next((p for p in places if _free(x, size, *p, taken, width, height)), (x < width / 2, y + 4))
        x0 = x + 12 if right else x - 12 - size
        taken.append((x0, x0 + size, y0))
        drawn.append(text((x + 12 if right else x - 12, y0), name, "start" if right else "end"))
    return join(*drawn)


def _free(
    x: float, size: float, right: bool, y0: float, taken: list[tuple[float, float, float]], width: float, height: float
) -> bool:
    """Whether a name beside a point at ``x`` stays inside the picture and clear of all that is there already."""
    x0 = x + 12 if right else x - 12 - size
    clear = all(abs(y0 - ty) >= 13 or x0 >= tx1 or tx0 >= x0 + size for tx0, tx1, ty in taken)
    return clear and x0 >= 2 and x0 + size <= width - 2 and 12 <= y0 <= height - 4


def hatch(left: float, right: float, top: float, bottom: float, class_: str = "hatch") -> Html:
    """A rectangle filled with slanting lines, which browsers print as lines: a pattern they print as a picture."""
    tall, wide = bottom - top, right - left
    ends = [(max(0.0, c - tall), min(wide, c), c) for c in np.arange(HATCH, wide + tall, HATCH)]
    return tag(
        "path",
        d="".join(f"M{_n(left + x0)} {_n(top + c - x0)}L{_n(left + x1)} {_n(top + c - x1)}" for x0, x1, c in ends),
        class_=class_,
    )


def outline(mask: NDArray[np.bool_] | NDArray[np.uint8], class_: str, scale: float = 1.0) -> Html:
    """The outline of a mask as one path, ``scale`` units of drawing per pixel; empty for an empty mask."""
    d = "".join(_path(c * scale) for c in contours(mask))
    return tag("path", d=d, class_=class_, fill_rule="evenodd") if d else Html("")


def _path(xy: NDArray[np.float64]) -> str:
    kept = _thinned(xy)
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in kept) + "Z"


def _thinned(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the points that lie within 0.15 px of the straight line between their neighbours, twice over."""
    for _ in range(3):
        if len(xy) < 8:
            break
        before, after = np.roll(xy, 1, axis=0), np.roll(xy, -1, axis=0)
        d = after - before
        off = np.abs(d[:, 0] * (xy - before)[:, 1] - d[:, 1] * (xy - before)[:, 0]) / np.maximum(np.hypot(*d.T), 1e-9)
        drop = (off < 0.2) & (np.arange(len(xy)) % 2 == 1)
        xy = xy[~drop]
    return xy


def contours(mask: NDArray[np.bool_] | NDArray[np.uint8], smooth_px: float = 0.8) -> list[NDArray[np.float64]]:
    """Closed outlines of a (h, w) mask by marching squares at one half, each (n, 2) in pixels from the upper left corner.

    Smoothing takes the stairs off; objects too small to survive it are kept by smoothing less.
    """
    flat = np.pad(np.asarray(mask, bool), 2).astype(np.float32)
    if not flat.any():
        return []
    field = ndimage.gaussian_filter(flat, smooth_px) if smooth_px else flat
    kept = ndimage.maximum_filter(field > 0.5, 3)
    field = np.where(kept, field, np.maximum(field, 0.7 * flat))
    return [xy - 1.5 for xy in _marching_squares(field)]  # 2 px of padding, centres at one half


# For the 16 corner patterns (upper left 1, upper right 2, lower right 4, lower left 8): pairs of cell edges
# (0 top, 1 right, 2 bottom, 3 left), directed so that the inside lies on one side all along.
_CELLS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),), 2: ((0, 1),), 3: ((3, 1),), 4: ((1, 2),), 5: ((3, 0), (1, 2)), 6: ((0, 2),), 7: ((3, 2),),
    8: ((2, 3),), 9: ((2, 0),), 10: ((0, 1), (2, 3)), 11: ((2, 1),), 12: ((1, 3),), 13: ((1, 0),), 14: ((0, 3),),
}  # fmt: skip


def _marching_squares(field: NDArray[np.float32]) -> list[NDArray[np.float64]]:
    high = field > 0.5
    code = high[:-1, :-1] + 2 * high[:-1, 1:] + 4 * high[1:, 1:] + 8 * high[1:, :-1].astype(np.int64)
    follow: dict[tuple[int, int, int], tuple[int, int, int]] = {}
    for y, x in zip(*(axis.tolist() for axis in np.nonzero((code > 0) & (code < 15))), strict=True):
        names = ((0, y, x), (1, y, x + 1), (0, y + 1, x), (1, y, x))  # an edge is horizontal (0) or vertical (1)
        for a, b in _CELLS[int(code[y, x])]:
            follow[names[a]] = names[b]
    loops = []
    while follow:
        first, at = follow.popitem()
        loop = [first]
        while at != first:
            loop.append(at)
            at = follow.pop(at)
        loops.append(np.array([_crossing(field, *edge) for edge in loop]))
    return loops


def _crossing(field: NDArray[np.float32], vertical: int, y: int, x: int) -> XY:
    """(x, y) where one half is crossed between two neighbouring pixels."""
    v0 = float(field[y, x])
    v1 = float(field[y + 1, x] if vertical else field[y, x + 1])
    t = (0.5 - v0) / (v1 - v0)
    return (x, y + t) if vertical else (x + t, y)


def heat_key(low: str, high: str, at: XY, stops: tuple[str, ...]) -> Html:
    """A small colour key of equal steps with its ends written out."""
    x, y = at
    boxes = [tag("rect", x=_n(x + 14 * n), y=_n(y), width="14", height="8", fill=c) for n, c in enumerate(stops)]
    return join(
        *boxes, text((x, y - 3), low, "start", "small"), text((x + 14 * len(stops), y - 3), high, "end", "small")
    )
