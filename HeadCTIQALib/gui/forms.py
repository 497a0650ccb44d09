"""Small pieces that sections made in code are built from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
import slicer

from HeadCTIQALib.report.html import tag
from HeadCTIQALib.text import lines, printable

from .drawing import band_color

_READER = "HeadCTIQA/reader"


def button(text: str, tip: str, slot: Callable[..., object], name: str) -> Any:
    """A push button; ``name`` is its object name."""
    made = qt.QPushButton(text)
    made.setObjectName(name)
    made.setToolTip(tip)
    made.connect("clicked(bool)", slot)
    return made


def row(*widgets: Any) -> Any:
    """A layout with the widgets side by side."""
    layout = qt.QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return layout


def line(name: str, placeholder: str = "") -> Any:
    """A line to type into."""
    made = qt.QLineEdit()
    made.setObjectName(name)
    made.setPlaceholderText(placeholder)
    return made


def words(name: str) -> Any:
    """A label for sentences, which may hold foreign text: no markup in it counts."""
    made = qt.QLabel()
    made.setObjectName(name)
    made.setTextFormat(qt.Qt.PlainText)
    made.setWordWrap(True)
    return made


def notice(name: str) -> Any:
    """A label for sentences about what went wrong."""
    made = words(name)
    made.setStyleSheet(f"color: {band_color('poor')};")
    made.setVisible(False)
    return made


def tell(label: Any, sentence: str) -> None:
    """Show a sentence in a :func:`notice`, or hide it when there is nothing to say."""
    label.setText(lines(sentence))
    label.setVisible(bool(sentence))


def tip(text: str) -> str:
    """Foreign text for a tool tip, which would take markup in it for its own."""
    return str(tag("qt", text)) if "<" in text else lines(text)


def table(name: str, headings: Sequence[str], stretch: int) -> Any:
    """An empty table; the column ``stretch`` takes the room that is left."""
    made = qt.QTableWidget(0, len(headings))
    made.setObjectName(name)
    made.setHorizontalHeaderLabels(list(headings))
    made.verticalHeader().setVisible(False)
    made.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
    made.setAlternatingRowColors(True)
    for column in range(len(headings)):
        mode = qt.QHeaderView.Stretch if column == stretch else qt.QHeaderView.ResizeToContents
        made.horizontalHeader().setSectionResizeMode(column, mode)
    return made


def fill(made: Any, rows: Sequence[Sequence[str]], editable: bool = False, numbers: Sequence[int] = ()) -> None:
    """Put texts into a table; the columns ``numbers`` are aligned right."""
    made.setRowCount(len(rows))
    for n, texts in enumerate(rows):
        for column, text in enumerate(texts):
            item = qt.QTableWidgetItem(printable(text))
            item.setToolTip(tip(text))
            if column in numbers:
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            if not editable:
                item.setFlags(qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
            made.setItem(n, column, item)


def reader_id() -> str:
    """The reader id that was used last on this computer; empty at first."""
    return str(slicer.app.userSettings().value(_READER) or "")


def keep_reader_id(id_: str) -> None:
    """Remember the reader id for the next time."""
    slicer.app.userSettings().setValue(_READER, id_)


def setting(key: str, default: str = "") -> str:
    """A text that was remembered on this computer."""
    return str(slicer.app.userSettings().value(f"HeadCTIQA/{key}") or default)


def keep_setting(key: str, value: str) -> None:
    """Remember a text on this computer."""
    slicer.app.userSettings().setValue(f"HeadCTIQA/{key}", value)


def deferred(act: Callable[[], None]) -> Any:
    """A timer that, however often it is started, acts once in the next turn of the event loop."""
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.setInterval(0)
    timer.connect("timeout()", act)
    return timer


class Waiting:
    """Wait cursor while a block runs, restored whatever happens."""

    def __enter__(self) -> None:
        slicer.app.setOverrideCursor(qt.QCursor(qt.Qt.WaitCursor))

    def __exit__(self, *_exception: object) -> None:
        slicer.app.restoreOverrideCursor()


def ask_table(parent: Any, title: str, name: str) -> str:
    """A new or an existing table, without the question whether to replace it: rows are appended; "" if none is chosen."""
    dialog = qt.QFileDialog(parent, title, name, "CSV (*.csv)")
    dialog.setAcceptMode(qt.QFileDialog.AcceptSave)
    dialog.setOption(qt.QFileDialog.DontConfirmOverwrite, True)
    return str(dialog.selectedFiles()[0]) if dialog.exec_() else ""
