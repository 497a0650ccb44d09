"""Small drawings for the panel: score bars whose fill pattern says the band as well as the colour does."""

from __future__ import annotations

from typing import Any

import qt

from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD

# colours that colour-blind readers tell apart (after Okabe and Ito), with a pattern each
_STYLES = {
    "good": ("#0f7b4f", "SolidPattern"),
    "acceptable": ("#b36b00", "BDiagPattern"),
    "poor": ("#b3261e", "DiagCrossPattern"),
}
_GREY = "#8a8a8a"


def band_color(state: str) -> str:
    """Colour of a state for text and bars, readable on light and dark grounds."""
    return _STYLES.get(state, (_GREY, ""))[0]


def bar(share: float | None, state: str, width: int, height: int, ticks: bool) -> Any:
    """``QPixmap`` of a bar filled to ``share`` (0..1), or hatched all over where there is none.

    Args:
        ticks: mark the limits of the bands, for scores.
    """
    pixmap = qt.QPixmap(width, height)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter(pixmap)
    painter.setPen(qt.QPen(qt.QColor(_GREY)))
    painter.drawRect(0, 0, width - 1, height - 1)
    if share is None:
        painter.fillRect(1, 1, width - 2, height - 2, qt.QBrush(qt.QColor(_GREY), qt.Qt.BDiagPattern))
    else:
        _fill(painter, state, max(1, round((width - 2) * min(1.0, max(0.0, share)))), height - 2)
        if ticks:
            painter.setPen(qt.QPen(qt.QColor("#404040")))
            for limit in (BAND_ACCEPTABLE, BAND_GOOD):
                at = round((width - 1) * limit / 100.0)
                painter.drawLine(at, 0, at, height - 1)
    painter.end()
    return pixmap


def _fill(painter: Any, state: str, length: int, height: int) -> None:
    name, pattern = _STYLES.get(state, (_GREY, "SolidPattern"))
    if pattern == "SolidPattern":
        painter.fillRect(1, 1, length, height, qt.QColor(name))
        return
    pale = qt.QColor(name)
    pale.setAlpha(130)
    painter.fillRect(1, 1, length, height, pale)
    painter.fillRect(1, 1, length, height, qt.QBrush(qt.QColor(name), getattr(qt.Qt, pattern)))
