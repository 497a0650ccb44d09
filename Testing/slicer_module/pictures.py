"""Pictures of the module for the documentation, made when the environment variable HEADCTIQA_SCREENSHOTS names a folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

GAP = 4
LARGEST = 300_000  # bytes of a picture
COLORS = {"Red": (243, 74, 51), "Green": (110, 176, 75), "Yellow": (237, 213, 76)}


def folder():
    """Where pictures are wanted, or None."""
    name = os.environ.get("HEADCTIQA_SCREENSHOTS")
    if not name:
        return None
    Path(name).mkdir(parents=True, exist_ok=True)
    return Path(name)


def panel(module, size):
    """(height, width, 3) uint8 of the module's widgets."""
    import qt

    holder = module.widget.parent
    holder.resize(*size)
    holder.show()
    for _ in range(5):
        qt.QApplication.processEvents()
    image = holder.grab().toImage().convertToFormat(qt.QImage.Format_RGB888)
    height, width, line = image.height(), image.width(), image.bytesPerLine()
    return (
        np.frombuffer(image.constBits(), np.uint8)
        .reshape(height, line)[:, : 3 * width]
        .reshape(height, width, 3)
        .copy()
    )


def views(shown, size):
    """The three slice views side by side under a stripe in Slicer's colours."""
    parts = []
    for name, view in shown.items():
        view.window.SetSize(*size)
        view.fit_keeping_place()
        pixels = view.pixels()
        stripe = np.empty((5, pixels.shape[1], 3), np.uint8)
        stripe[:] = COLORS[name]
        parts.append(np.vstack([stripe, pixels]))
    return parts


def beside(left, right):
    """Two pictures side by side, on dark ground."""
    height = max(left.shape[0], right.shape[0])
    canvas = np.full((height, left.shape[1] + GAP + right.shape[1], 3), 40, np.uint8)
    canvas[: left.shape[0], : left.shape[1]] = left
    canvas[: right.shape[0], left.shape[1] + GAP :] = right
    return canvas


def stacked(parts):
    """Pictures one above the other."""
    width = max(p.shape[1] for p in parts)
    rows = [np.pad(p, ((0, GAP), (0, width - p.shape[1]), (0, 0)), constant_values=40) for p in parts]
    return np.vstack(rows)


def save(path, pixels):
    """Write a PNG of few colours, which is small."""
    Image.fromarray(pixels).quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)
