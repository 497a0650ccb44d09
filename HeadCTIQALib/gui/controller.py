"""The module's window: builds the sections, hands them their collaborators, and answers the buttons."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.resources import resource
from HeadCTIQALib.text import lines

from . import files, forms
from .accessible import name_controls
from .assessing import Assessing
from .installing import Installing
from .keyboard import Keyboard
from .overlays import Overlays, recover
from .panel import Panel
from .process import Process
from .profiles import ProfileChoice
from .progress_bar import ProgressBar
from .scan_choice import ScanChoice
from .session import Event, Session
from .solid_view import SolidView

# section button in the .ui -> module and class that fills it
_SECTIONS = {
    "correctionsButton": ("corrections", "CorrectionsSection"),
    "readersButton": ("readers", "ReadersSection"),
    "worklistButton": ("worklist", "WorklistSection"),
    "comparisonButton": ("comparison", "ComparisonSection"),
    "calibrationButton": ("calibration", "CalibrationSection"),
}


class Controller:
    """Everything behind the module's widgets.

    Args:
        layout: where the widgets go.
        logic: the module's logic, for its parameter node.
        start: makes the process of an assessment; None for one that stands by with the networks loaded.

    Attributes:
        ui: the widgets by name.
        session, overlays, solid, panel, assessing, profiles, progress, scan, keyboard: see their classes.
        sections: name of the section's module to the section.
    """

    def __init__(self, layout: Any, logic: Any, start: Callable[[list[str]], Process] | None = None) -> None:
        self.widget = slicer.util.loadUI(str(resource("UI", "HeadCTIQA.ui")))
        layout.addWidget(self.widget)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self.session = Session()
        self.overlays = Overlays(self.session)
        self.solid = SolidView(self.session, self.ui.solidCheckBox)
        self.panel = Panel(self.ui, self.session, self._toggle_overlays)
        self.progress = ProgressBar(self.ui.progressBar)
        self.assessing = Assessing(self.session, self.progress.show, self._assess_ended, start)
        self.installing = Installing(self.ui, self._message)
        self.profiles = ProfileChoice(self.ui.profileBox, self.session, self._message)
        self.scan = ScanChoice(self.ui, logic, self.session, lambda: self.assessing.running, self._scan_gone)
        self._entered = False
        self._connect()
        self.sections = self._sections()
        readers, worklist = self.sections.get("readers"), self.sections.get("worklist")
        self.keyboard = Keyboard(self.widget, self.session, self._toggle_overlays, readers, worklist)
        self.ui.keysButton.connect("clicked(bool)", self.keyboard.toggle_sheet)
        name_controls(self.widget)
        self.session.observe(self._changed)
        self._changed("assessment")
        self._message("")

    def enter(self) -> None:
        """The user opens the module: follow the scene, preselect a scan."""
        self._entered = True
        if self.installing.complete:
            self.assessing.warm_up()
        self.scan.enter()
        self.profiles.follow(self.scan.parameters)
        self._set_overlays()
        self.overlays.show(self.session.selected)
        self.solid.enter()

    def exit(self) -> None:
        """The user turns to another module: the display is theirs again."""
        self._entered = False
        self.overlays.leave()
        self.solid.exit()
        for name in ("calibration", "comparison"):
            if name in self.sections:
                self.sections[name].exit()
        self.scan.exit()

    def cleanup(self) -> None:
        """The module goes away."""
        self.assessing.cleanup()
        self.overlays.leave()
        for part in (*self.sections.values(), self.panel, self.profiles, self.scan, self.solid, self.keyboard):
            part.cleanup()
        self.session.unobserve(self._changed)
        self.session.cleanup()

    def scene_closing(self) -> None:
        """Let go of everything in the scene."""
        self.assessing.cancel()
        self.overlays.forget()
        self.solid.forget()
        self.scan.exit()

    def scene_closed(self) -> None:
        """Start over in the empty, or newly opened, scene."""
        self.overlays.forget()
        self.solid.forget()
        recover(slicer.mrmlScene)
        self.session.scene_changed()
        if self._entered:
            self.enter()

    def _connect(self) -> None:
        ui = self.ui
        ui.assessButton.connect("clicked(bool)", self._assess_or_cancel)
        ui.loadButton.connect("clicked(bool)", self._load)
        ui.reportButton.connect("clicked(bool)", self._open_report)
        ui.csvButton.connect("clicked(bool)", self._export)
        ui.saveButton.connect("clicked(bool)", self._save)
        ui.overallButton.connect("clicked(bool)", self._select_overall)
        for box in (ui.overlaysCheckBox, ui.masksCheckBox, ui.markupsCheckBox):
            box.connect("toggled(bool)", self._set_overlays)
        ui.opacitySlider.connect("valueChanged(double)", self._set_overlays)

    def _sections(self) -> dict[str, Any]:
        """The sections that other files fill, each into its collapsible button."""
        built = {}
        for button, (name, cls) in _SECTIONS.items():
            holder = getattr(self.ui, button)
            module = f"{__package__}.{name}"
            found = importlib.util.find_spec(module) is not None
            holder.setVisible(found)
            holder.layout().setContentsMargins(4, 4, 4, 4)
            if found:
                built[name] = getattr(importlib.import_module(module), cls)(self.session, holder)
        return built

    def _changed(self, event: Event) -> None:
        """Bring widgets and overlays in line with the session."""
        if event == "selection":
            if self._entered:
                self.overlays.show(self.session.selected)
            return
        there = self.session.record is not None
        for button in (self.ui.reportButton, self.ui.csvButton, self.ui.saveButton, self.ui.overallButton):
            button.setEnabled(there)
        self.ui.assessButton.setEnabled(self.session.volume_node is not None or self.assessing.running)
        if event == "volume":
            self._message("")
        elif self._entered:
            self.overlays.show(self.session.selected)
            self._message(self.session.unseen)

    def _scan_gone(self) -> None:
        if self.assessing.running:
            self.assessing.cancel()
            self._message(_("The scan was taken out of the scene; the assessment was stopped."))

    def _assess_or_cancel(self, *_arguments: Any) -> None:
        if self.assessing.running:
            self.assessing.cancel()
            return
        self._message("")
        if not self._may_replace() or not self.installing.ready():
            return
        self.progress.restart()
        with forms.Waiting():
            try:
                self.assessing.start(
                    self.session.volume_node,
                    self.scan.parameters.device,
                    str(self.ui.scoringEdit.currentPath or ""),
                    self.profiles.current,
                )
            except (HeadCTIQAError, OSError) as error:
                self._message(str(error))
        self._show_running()

    def _may_replace(self) -> bool:
        """Whether what is shown may make way for another assessment of the scan; asks where a person's work would go with it."""
        self.session.settle()
        record = self.session.record
        count = len({c.iqm for c in record.corrections}) if record else 0
        if not count or self.session.results is None:
            return True
        question = _(
            "The assessment of this scan carries corrections ({count} of 10 metrics) and will be replaced. To keep them, cancel and save the folder."
        )
        return bool(slicer.util.confirmOkCancelDisplay(question.format(count=count), windowTitle="HeadCTIQA"))

    def _show_running(self) -> None:
        running = self.assessing.running
        self.ui.assessButton.setText(_("Cancel") if running else _("Assess"))
        self.ui.progressBar.setVisible(running)
        for widget in (self.ui.inputSelector, self.ui.loadButton):
            widget.setEnabled(not running)

    def _assess_ended(self, how: str, sentence: str, details: list[str]) -> None:
        self._show_running()
        if how == "failed":
            self._message(sentence, details)
        elif how == "cancelled":
            self._message(_("Cancelled; nothing was changed."))
        else:
            self._message(self.session.unseen)
            self.session.select("overall")

    def _message(self, sentence: str, details: list[str] | None = None) -> None:
        """One sentence for the user, the rest in a fold."""
        self.ui.messageLabel.setText(lines(sentence))
        self.ui.messageLabel.setVisible(bool(sentence))
        self.ui.detailsBox.setVisible(bool(details))
        self.ui.detailsBox.collapsed = True
        self.ui.detailsText.setPlainText(lines("\n".join(details or ())))

    def _load(self, *_arguments: Any) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self.widget, _("Assessment folder"))
        if folder and (not self.session.is_of_scan(Path(str(folder))) or self._may_replace()):
            self.load(Path(str(folder)))

    def load(self, folder: Path) -> None:
        """Open an assessment folder; what is wrong with it is shown as a sentence."""
        self._message("")
        self._try(lambda: self.session.load(folder))

    def _open_report(self, *_arguments: Any) -> None:
        self._try(lambda: qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(files.report(self.session)))))

    def _export(self, *_arguments: Any) -> None:
        if path := forms.ask_table(self.widget, _("Append to table"), "headctiqa.csv"):
            self._try(lambda: self._exported(Path(path)))

    def _exported(self, path: Path) -> None:
        files.export_row(self.session, path)
        self._message(_("Appended to {path}").format(path=path))

    def _save(self, *_arguments: Any) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self.widget, _("Empty folder for the assessment"))
        if folder:
            save = partial(files.save, self.session, Path(str(folder)))
            self._try(lambda: self._message(_("Saved in {folder}").format(folder=save())))

    def _try(self, action: Callable[[], Any]) -> None:
        """Run ``action``; what the user can act on becomes the message."""
        with forms.Waiting():
            try:
                action()
            except (HeadCTIQAError, RuntimeError) as error:
                self._message(str(error))

    def _select_overall(self, *_arguments: Any) -> None:
        self.session.select("overall")

    def _set_overlays(self, *_arguments: Any) -> None:
        ui = self.ui
        self.overlays.change(
            visible=bool(ui.overlaysCheckBox.checked), masks=bool(ui.masksCheckBox.checked),
            markups=bool(ui.markupsCheckBox.checked), opacity=float(ui.opacitySlider.value),
        )  # fmt: skip
        self.solid.show_overlays(bool(ui.overlaysCheckBox.checked))

    def _toggle_overlays(self) -> None:
        self.ui.overlaysCheckBox.checked = not self.ui.overlaysCheckBox.checked
