"""Everything that is done again and again, without the mouse; ``?`` shows the keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import qt
from slicer.i18n import tr as _

from HeadCTIQALib.hierarchy import CATEGORIES, IQMS

from . import forms
from .session import Session

_ITEMS = tuple(m.id for c in CATEGORIES for m in IQMS if m.category == c.id)  # as the tree has them
_SCORES = (*(c.id for c in CATEGORIES), "overall")


@dataclass(frozen=True)
class Key:
    """A key: its sequence, what it does in words, and the action; None where another part of the module has it."""

    sequence: str
    words: str
    action: Callable[[], object] | None = None


class Keyboard:
    """The keys of the module's window; they work while the module is shown, wherever in 3D Slicer's window the focus is.

    Args:
        widget: the module's.
        session: whose selection the keys move.
        toggle_overlays: shows and hides the evidence.
        readers, worklist: the sections "Reader scores" and "Work list"; None where the module has none.

    Attributes:
        keys: all of them, in the order of the cheat sheet.
    """

    def __init__(
        self, widget: Any, session: Session, toggle_overlays: Callable[[], None], readers: Any, worklist: Any
    ) -> None:
        self._widget, self._session = widget, session
        self._readers, self._worklist = readers, worklist
        self._sheet: Any = None
        self.keys: tuple[Key, ...] = (
            Key("Ctrl+Down", _("Next item"), lambda: self._step(1)),
            Key("Ctrl+Up", _("Previous item"), lambda: self._step(-1)),
            Key("Ctrl+E", _("Show or hide the overlay"), toggle_overlays),
        )
        if readers is not None:
            scores = [*(c.title for c in CATEGORIES), _("Overall")]
            self.keys += tuple(
                Key(f"Alt+{n}", _("Enter the score: {name}").format(name=title), lambda i=id_: readers.enter_score(i))  # type: ignore[misc]
                for n, (id_, title) in enumerate(zip(_SCORES, scores, strict=True), 1)
            )
            self.keys += (
                Key("Ctrl+Return", _("Save the scores")),
                Key("Ctrl+Shift+Return", _("Accept: save the scores and open the next scan"), self._accept),
            )
        if worklist is not None:
            self.keys += (Key("Ctrl+PgDown", _("Next scan")), Key("Ctrl+PgUp", _("Previous scan")))
        self.keys += (Key("?", _("Show or hide this list"), self.toggle_sheet),)
        self._shortcuts = [self._shortcut(key) for key in self.keys if key.action is not None]

    def cleanup(self) -> None:
        """The module goes away."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
        if self._sheet is not None:
            self._sheet.close()

    def toggle_sheet(self, *_arguments: Any) -> None:
        """Show the keys beside the window, or hide them."""
        if self._sheet is None:
            self._sheet = _sheet(self._widget, self.keys)
            closing = qt.QShortcut(qt.QKeySequence("?"), self._sheet)
            closing.connect("activated()", self._sheet.close)
            self._shortcuts.append(closing)
        self._sheet.setVisible(not self._sheet.visible)

    def _shortcut(self, key: Key) -> Any:
        shortcut = qt.QShortcut(qt.QKeySequence(key.sequence), self._widget)
        shortcut.connect("activated()", key.action)
        return shortcut

    def _step(self, by: int) -> None:
        """Select the item after or before the selected one; from a category or nothing, the first or the last."""
        if self._session.record is None:
            return
        selected = self._session.selected
        at = _ITEMS.index(selected) + by if selected in _ITEMS else (0 if by > 0 else len(_ITEMS) - 1)
        if 0 <= at < len(_ITEMS):
            self._session.select(_ITEMS[at])

    def _accept(self) -> None:
        if self._readers.save() and self._worklist is not None:
            self._worklist.next()


def _sheet(parent: Any, keys: tuple[Key, ...]) -> Any:
    """The list of keys in a window of its own, which Escape closes."""
    window = qt.QDialog(parent)
    window.setObjectName("keyboardSheet")
    window.setWindowTitle(_("Keys of Head CT Image Quality"))
    table = forms.table("keyboardTable", [_("Key"), _("What it does")], 1)
    rows = [(str(qt.QKeySequence(key.sequence).toString(qt.QKeySequence.NativeText)), key.words) for key in keys]
    forms.fill(table, rows)
    table.accessibleName = _("Keys of Head CT Image Quality")
    layout = qt.QVBoxLayout()
    layout.addWidget(table)
    window.setLayout(layout)
    window.resize(420, 34 * (len(keys) + 1))
    return window
