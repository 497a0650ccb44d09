"""A button that chooses a folder, and knows whether one was chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctk
from slicer.i18n import tr as _


class FolderButton:
    """``ctkDirectoryButton`` starts at the current directory as if that had been chosen; this one starts at none.

    Args:
        name: object name of the widget.
        tip: its tool tip.
        chosen: called with every folder that the user chooses.

    Attributes:
        widget: the button.
        path: the folder, None until one is chosen.
    """

    def __init__(self, name: str, tip: str = "", chosen: Callable[[Path], None] = lambda path: None) -> None:
        self._tip, self._chosen = tip, chosen
        self.path: Path | None = None
        self.widget: Any = ctk.ctkDirectoryButton()
        self.widget.setObjectName(name)
        self.widget.setToolTip(tip)
        self.widget.text = _("Choose folder...")
        self.widget.connect("directoryChanged(QString)", self._picked)
        self.widget.connect("directorySelected(QString)", self._picked)  # the current directory is no change

    def show(self, path: Path) -> None:
        """Take over a folder that was chosen elsewhere."""
        if path != self.path:
            self._take(path)
            self.widget.directory = str(path)

    def _picked(self, directory: str) -> None:
        path = Path(str(directory))
        if directory and path != self.path:
            self._take(path)
            self._chosen(path)

    def _take(self, path: Path) -> None:
        self.path = path
        self.widget.text = path.name or str(path)
        self.widget.setToolTip("\n".join(t for t in (str(path), self._tip) if t))
