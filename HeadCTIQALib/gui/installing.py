"""What the networks lack is offered for installation: when a scan shall be assessed, and under Advanced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.errors import HeadCTIQAError

from . import dependencies, forms


class Installing:
    """Asks, installs, and says what went wrong.

    Args:
        ui: the widgets by name.
        tell: shows a sentence to the user.
    """

    def __init__(self, ui: Any, tell: Callable[[str], None]) -> None:
        self._ui, self._tell = ui, tell
        ui.fromFolderButton.connect("clicked(bool)", self._from_folder)
        ui.torchButton.connect("clicked(bool)", self._torch)

    @property
    def complete(self) -> bool:
        """Whether the networks lack nothing."""
        return not dependencies.missing()

    def ready(self) -> bool:
        """Whether the networks can run; offers to install what they lack."""
        lacking = ", ".join(dependencies.missing())
        if not lacking:
            return True
        question = _(
            "The networks need {names}, which 3D Slicer does not have yet. Install now? Everything else works without."
        )
        if not self._confirmed(question.format(names=lacking)):
            self._tell(
                _("Not assessed: {names} missing. Assessments made elsewhere can be loaded.").format(names=lacking)
            )
            return False
        return self._try(dependencies.install)

    def _from_folder(self, *_arguments: Any) -> None:
        """For computers without internet: the packages lie in a folder."""
        folder = qt.QFileDialog.getExistingDirectory(self._ui.fromFolderButton, _("Folder of packages (wheels)"))
        if folder and self._try(lambda: dependencies.install(Path(str(folder)))):
            self._tell(_("The packages are installed."))

    def _torch(self, *_arguments: Any) -> None:
        """For computers with a graphics card."""
        question = _("PyTorch runs the networks on a graphics card. It takes some gigabytes. Install it now?")
        if self._confirmed(question) and self._try(dependencies.install_torch):
            self._tell(_("PyTorch is installed; restart 3D Slicer to use it."))

    @staticmethod
    def _confirmed(question: str) -> bool:
        return bool(slicer.util.confirmOkCancelDisplay(question, windowTitle="HeadCTIQA"))

    def _try(self, install: Callable[[], None]) -> bool:
        self._tell("")
        with forms.Waiting():
            try:
                install()
            except HeadCTIQAError as error:
                self._tell(str(error))
                return False
        return True
