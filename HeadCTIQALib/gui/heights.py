"""Heights that follow the width: sentences that wrap, and a tree that takes just its rows.

A collapsible section of 3D Slicer gives a wrapped label the height that it has when wide, so in a narrow panel the next
row would be painted over the last lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt


class Resized(qt.QObject):  # type: ignore[misc]  # of PythonQt
    """Tells when a widget has another width."""

    def __init__(self, widget: Any, act: Callable[[Any], None]) -> None:
        qt.QObject.__init__(self)
        self._act, self._width = act, -1
        widget.installEventFilter(self)

    def eventFilter(self, widget: Any, event: Any) -> bool:
        """Let every event pass; act on the new width, once."""
        if event.type() == qt.QEvent.Resize and widget.width != self._width:
            self._width = widget.width
            self._act(widget)
        return False


def fit(label: Any) -> None:
    """As high as the text of the label at the width that it has."""
    label.setMinimumHeight(0)  # or the answer is never less than what it was before
    label.setMinimumHeight(max(0, label.heightForWidth(label.width)))


def fit_tree(tree: Any) -> None:
    """As high as the header and the rows that are open, so that what explains them stands right below."""
    rows = _open_rows(tree.invisibleRootItem())
    row = tree.sizeHintForRow(0) if rows else 0
    header = tree.header().sizeHint.height()
    tree.setFixedHeight(header + max(rows * row, 2 * header) + 2 * tree.frameWidth)


def _open_rows(item: Any) -> int:
    children = [item.child(n) for n in range(item.childCount())]
    return len(children) + sum(_open_rows(c) for c in children if c.isExpanded())
