"""Heights that follow the width: sentences that wrap, and a tree that takes just its rows.

A collapsible section of 3D Slicer gives a wrapped label the height that it has when wide, so in a narrow panel the next
row would be painted over the last lines.
"""

from __future__ import annotations

from typing import Any

import qt


class Heights(qt.QObject):  # type: ignore[misc]  # of PythonQt
    """Keeps the labels as high as their text at their width."""

    def __init__(self, labels: list[Any]) -> None:
        qt.QObject.__init__(self)
        self._labels = labels
        for label in labels:
            label.installEventFilter(self)

    def eventFilter(self, label: Any, event: Any) -> bool:
        """A label was resized: its height follows."""
        if event.type() == qt.QEvent.Resize:
            fit(label)
        return False


def fit(label: Any) -> None:
    """As high as the text of the label at the width that it has."""
    height = label.heightForWidth(label.width)
    if height > 0 and label.minimumHeight != height:
        label.setMinimumHeight(height)


def fit_tree(tree: Any) -> None:
    """As high as the header and the rows that are open, so that what explains them stands right below."""
    rows = _open_rows(tree.invisibleRootItem())
    row = tree.sizeHintForRow(0) if rows else 0
    header = tree.header().sizeHint.height()
    tree.setFixedHeight(header + max(rows * row, 2 * header) + 2 * tree.frameWidth)


def _open_rows(item: Any) -> int:
    children = [item.child(n) for n in range(item.childCount())]
    return len(children) + sum(_open_rows(c) for c in children if c.isExpanded())
