"""Small drawings for the panel: score bars whose fill pattern says the band as well as the colour does."""

from __future__ import annotations

from typing import Any

import qt
import slicer

from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD

# colours that colour-blind readers tell apart (after Okabe and Ito), on light and on dark ground, with a pattern each
_STYLES = {
    "good": ("#0f7b4f", "#3fcf8e", "SolidPattern"),
    "acceptable": ("#9a5b00", "#f2a93b", "BDiagPattern"),
    "poor": ("#b3261e", "#ff8a80", "DiagCrossPattern"),
}
_GREY = ("#666666", "#b4b4b4", "SolidPattern")
_TICKS = ("#404040", "#e8e8e8")


def is_dark() -> bool:
    """Whether the application has a dark style."""
    return bool(slicer.app.palette().color(qt.QPalette.Base).lightness() < 128)


def band_color(state: str) -> str:
    """Colour of a state for text and bars: a contrast of at least 4.5 on the ground of the style."""
    return _STYLES.get(state, _GREY)[is_dark()]


def quiet_color() -> str:
    """Colour of words of less weight."""
    return _GREY[is_dark()]


def bar(share: float | None, state: str, width: int, height: int, ticks: bool) -> Any:
    """``QPixmap`` of a bar filled to ``share`` (0..1), or hatched all over where there is none.

    Args:
        ticks: mark the limits of the bands, for scores.
    """
    pixmap = qt.QPixmap(width, height)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter(pixmap)
    painter.setPen(qt.QPen(qt.QColor(quiet_color())))
    painter.drawRect(0, 0, width - 1, height - 1)
    if share is None:
        painter.fillRect(1, 1, width - 2, height - 2, qt.QBrush(qt.QColor(quiet_color()), qt.Qt.BDiagPattern))
    else:
        _fill(painter, state, max(1, round((width - 2) * min(1.0, max(0.0, share)))), height - 2)
        if ticks:
            painter.setPen(qt.QPen(qt.QColor(_TICKS[is_dark()])))
            for limit in (BAND_ACCEPTABLE, BAND_GOOD):
                at = round((width - 1) * limit / 100.0)
                painter.drawLine(at, 0, at, height - 1)
    painter.end()
    return pixmap


def _fill(painter: Any, state: str, length: int, height: int) -> None:
    name, pattern = band_color(state), _STYLES.get(state, _GREY)[2]
    if pattern == "SolidPattern":
        painter.fillRect(1, 1, length, height, qt.QColor(name))
        return
    pale = qt.QColor(name)
    pale.setAlpha(130)
    painter.fillRect(1, 1, length, height, pale)
    painter.fillRect(1, 1, length, height, qt.QBrush(qt.QColor(name), getattr(qt.Qt, pattern)))
