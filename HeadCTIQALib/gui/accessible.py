"""A name for every control, which screen readers say."""

from __future__ import annotations

from typing import Any

import qt

#: What a person operates or reads as a unit; the parts inside one of these have its name.
CONTROLS = (
    "QAbstractButton", "QLineEdit", "QAbstractSpinBox", "QComboBox", "QAbstractItemView", "QAbstractSlider", "QTextEdit",
    "QPlainTextEdit", "QProgressBar", "QTabWidget", "QTabBar", "qMRMLNodeComboBox", "ctkSliderWidget", "ctkPathLineEdit",
    "ctkDirectoryButton",
)  # fmt: skip


def name_controls(root: Any) -> None:
    """Name every control in ``root`` that has no name: by its label, its own text, or the first sentence of its tool tip; tables by their section."""
    labels = {id(label.buddy()): label.text for label in _all(root) if label.inherits("QLabel") and label.buddy()}
    _name(root, labels, "")


def is_control(widget: Any) -> bool:
    """Whether a screen reader stops at ``widget``."""
    return any(widget.inherits(kind) for kind in CONTROLS)


def controls(root: Any) -> list[Any]:
    """Everything in ``root`` at which a screen reader stops."""
    return [widget for widget in _all(root) if is_control(widget)]


def _all(widget: Any) -> list[Any]:
    """``widget`` and all widgets in it."""
    children = [c for c in widget.children() if c.isWidgetType()]
    return [widget, *(inner for child in children for inner in _all(child))]


def _name(widget: Any, labels: dict[int, str], outer: str, section: str = "") -> None:
    """Name ``widget`` and what is in it; ``outer``: of the control that it is a part of; ``section``: whose table it may be."""
    if is_control(widget):
        if not widget.accessibleName:
            table = section if widget.inherits("QAbstractItemView") else ""
            widget.accessibleName = _plain(labels.get(id(widget), "")) or _own_words(widget) or outer or table
        if widget.inherits("ctkCollapsibleButton"):
            section = widget.accessibleName
        else:
            outer = widget.accessibleName
    for child in widget.children():
        if child.isWidgetType():
            _name(child, labels, outer, section)


def _own_words(widget: Any) -> str:
    for name in ("text", "placeholderText", "toolTip"):
        if name == "text" and not widget.inherits("QAbstractButton"):
            continue  # what was typed
        words = _plain(str(widget.property(name) or ""))
        if words:
            return words.split(". ")[0].rstrip(".")
    return ""


def _plain(text: str) -> str:
    """Words without the mark of a key, the colon of a label and markup."""
    document = qt.QTextDocument()
    document.setHtml(text)
    return str(document.toPlainText()).replace("&", "").strip().rstrip(":").strip()
