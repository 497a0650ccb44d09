"""Markup by small functions: text is escaped unless it already is :class:`Html`."""

from __future__ import annotations

import html as _html
import math

from HeadCTIQALib.text import lines

_VOID = frozenset({"img", "br", "hr", "meta", "link", "col", "input"})


class Html(str):
    """A string that is markup already; everything else is text and gets escaped."""

    __slots__ = ()


def esc(text: object) -> Html:
    """Text as inert markup that no escape sequence or bidirectional override gets into; :class:`Html` passes unchanged."""
    return text if isinstance(text, Html) else Html(_html.escape(lines(str(text)), quote=True))


def join(*parts: object, sep: str = "") -> Html:
    """Concatenate parts, escaping those that are text and leaving out None and empty ones."""
    return Html(sep.join(esc(p) for p in parts if p is not None and p != ""))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """One element.

    Attribute names take a trailing underscore where Python needs one (``class_``) and ``_`` stands for ``-``;
    None and False leave an attribute out, True writes it bare.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-") if key != "viewBox" else key
        written.append(f" {key}" if value is True else f' {key}="{_html.escape(lines(str(value)), quote=True)}"')
    start = f"<{name}{''.join(written)}>"
    return Html(start) if name in _VOID else Html(f"{start}{join(*children)}</{name}>")


def table(head: tuple[str, ...], rows: list[tuple[object, ...]], caption: str, class_: str = "plain") -> Html:
    """A table with column headers; the first cell of every row is the row's header."""
    body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows]
    top = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in head)))
    return tag("div", tag("table", tag("caption", caption), top, tag("tbody", *body), class_=class_), class_="scroll")


def number(value: object, signed: bool = False) -> str:
    """A number with about three significant figures and a true minus sign; "–" when there is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "–"
    size = abs(value)
    digits = (
        0 if size >= 100 or (float(value).is_integer() and (size >= 10 or size == 0)) else 1 if size >= 9.995 else 2
    )
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if not any(c in "123456789" for c in text):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def points(value: object) -> str:
    """Points of a score: signed, one decimal."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "–"
    return "0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


_UNITS = {"deg": "°", "1": "", "%": " %"}


def with_unit(value: object, unit: str, signed: bool = False) -> str:
    """``number`` followed by the unit as printed (deg becomes a degree sign, dimensionless nothing)."""
    text = number(value, signed)
    return text if text == "–" else text + _UNITS.get(unit, f" {unit}")


def in_unit(text: str, unit: str) -> str:
    """A number that is printed already, followed by the unit as printed."""
    return text.replace("-", "−") + _UNITS.get(unit, f" {unit}")


def plain_unit(unit: str) -> str:
    """A unit as printed on its own."""
    return {"deg": "°", "1": "ratio"}.get(unit, unit)
