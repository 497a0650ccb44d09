"""The section "Calibration": fit the scores to a site's own readers, look at before and after, accept or revert."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.cohort.scales import HUNDRED, USUAL, parse_scale
from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.text import lines

from . import forms
from .calibration_words import account, before_and_after, coefficient_rows
from .folder_button import FolderButton
from .plots import AgreementPlots
from .session import Session

_MODES = (
    ("paper", _("Least squares on the metrics (as in the paper)")),
    ("robust", _("Non-negative, no defect raises a score")),
)


class CalibrationSection:
    """Widgets of the section; the fit is :func:`HeadCTIQALib.cohort.calibrate.calibrate`, which needs no networks.

    Args:
        session: scored again by an accepted model.
        parent: the section's collapsible button.
        choose_file: asks where the model shall be saved; tests put their own in.
    """

    def __init__(self, session: Session, parent: Any, choose_file: Callable[[], str] | None = None) -> None:
        self._session, self._parent = session, parent
        self._choose_file = choose_file or self._ask_file
        self._result: Any | None = None
        self._before: tuple[str, Any] | None = None
        self._plots = AgreementPlots()
        self._notice = forms.notice("calibrationNotice")
        self._assessments, self._readers = (
            FolderButton("calibrationAssessmentsButton"),
            FolderButton("calibrationReadersButton"),
        )
        self._mode = qt.QComboBox()
        self._mode.setObjectName("calibrationMode")
        for _id, title in _MODES:
            self._mode.addItem(title)
        self._scale = qt.QComboBox()
        self._scale.setObjectName("calibrationScale")
        self._scale.setToolTip(
            _("The scale of the readers' scores; steps are mapped to the band of their word, e.g. 4 of 5 to 85, good.")
        )
        for name in USUAL:
            self._scale.addItem(_scale_title(name))
        self._plot = qt.QComboBox()
        self._plot.setObjectName("calibrationPlot")
        self._plot.addItem(_("Model against readers"))
        self._plot.addItem(_("Bland-Altman"))
        self._plot.connect("currentIndexChanged(int)", self._turn_plot)
        self._fit = forms.button(
            _("Fit"),
            _("Fit a scoring model to the readers; nothing changes until you accept it."),
            self._fit_clicked,
            "fitButton",
        )
        self._accept = forms.button(
            _("Accept"), _("Save the model and score by it from now on."), self._accept_clicked, "acceptModelButton"
        )
        self._revert = forms.button(
            _("Revert"), _("Back to the model before."), self._revert_clicked, "revertModelButton"
        )
        self._words = qt.QTextBrowser()
        self._words.setObjectName("calibrationWords")
        self._words.accessibleName = _("Result of the calibration")
        self._words.setMinimumHeight(120)
        self._table = forms.table(
            "calibrationTable", [_("Term"), _("Guideline"), _("New model"), _("95 % interval")], 0
        )
        self._table.setMinimumHeight(150)
        self._lay_out(parent.layout())
        self._enable()

    def exit(self) -> None:
        """The user turns to another module: the arrangement of views is theirs again."""
        self._plots.leave()

    def cleanup(self) -> None:
        """Take the plots out of the scene."""
        self._plots.remove()

    def _lay_out(self, layout: Any) -> None:
        form = qt.QFormLayout()
        form.setRowWrapPolicy(qt.QFormLayout.WrapLongRows)  # for narrow panels
        form.addRow(_("Assessments"), self._assessments.widget)
        form.addRow(_("Reader scores"), self._readers.widget)
        form.addRow(_("Scale of the scores"), self._scale)
        form.addRow(_("Method"), self._mode)
        layout.addLayout(form)
        layout.addLayout(forms.row(self._fit, self._accept, self._revert))
        for widget in (self._notice, self._words, self._table):
            layout.addWidget(widget)
        below = qt.QFormLayout()
        below.addRow(_("Plot"), self._plot)
        layout.addLayout(below)

    def _enable(self) -> None:
        self._accept.setEnabled(self._result is not None)
        self._plot.setEnabled(self._result is not None)
        self._revert.setEnabled(self._result is not None or self._before is not None)

    def _fit_clicked(self, *_arguments: Any) -> None:
        from HeadCTIQALib.cohort.calibrate import calibrate
        from HeadCTIQALib.record import model_of
        from HeadCTIQALib.scoring import DEFAULT

        assessments, readers = self._assessments.path, self._readers.path
        forms.tell(self._notice, "")
        if assessments is None or readers is None:
            forms.tell(
                self._notice, _("Choose the folder of the assessments and the folder of the reader scores first.")
            )
            return
        slicer.app.setOverrideCursor(qt.QCursor(qt.Qt.WaitCursor))
        try:
            record = self._session.record  # whose profile judges the scans of the fit, too
            profile = DEFAULT if record is None else model_of(record).profile
            mode, name = _MODES[self._mode.currentIndex][0], USUAL[self._scale.currentIndex]
            scale = (
                None if name == HUNDRED.name else parse_scale(name)
            )  # None: of 0-100, but refused where scores can hardly be
            self._result = calibrate(assessments, [readers], mode, scale=scale, profile=profile)  # type: ignore[arg-type]
        except HeadCTIQAError as error:
            self._result = None
            forms.tell(self._notice, str(error))
        finally:
            slicer.app.restoreOverrideCursor()
        self._show()
        self._enable()

    def _show(self) -> None:
        if self._result is None:
            self._words.setPlainText("")
            forms.fill(self._table, ())
            self._plots.remove()
            return
        self._words.setPlainText(lines("\n".join(account(self._result))))
        forms.fill(self._table, coefficient_rows(self._result.fit), numbers=(1, 2))
        self._plots.show(*before_and_after(self._result))
        self._turn_plot()

    def _turn_plot(self, *_arguments: Any) -> None:
        self._plots.turn_to((self._plots.scatter, self._plots.bland_altman)[self._plot.currentIndex])

    def _accept_clicked(self, *_arguments: Any) -> None:
        if self._result is None:
            return
        path = self._choose_file()
        if not path:
            return
        try:
            self._result.save(Path(path))
        except HeadCTIQAError as error:
            forms.tell(self._notice, str(error))
            return
        edit = self._scoring_edit()
        self._before = ("" if edit is None else str(edit.currentPath or ""), self._session.record)
        if edit is not None:
            edit.currentPath = path
        self._score_shown(self._result.fit.model)
        forms.tell(self._notice, "")
        self._enable()

    def _revert_clicked(self, *_arguments: Any) -> None:
        """Forget the fit, and what was accepted: path and scores are as before; the saved file stays."""
        before, self._before, self._result = self._before, None, None
        if before is not None:
            edit = self._scoring_edit()
            if edit is not None:
                edit.currentPath = before[0]
            if before[1] is not None and self._session.record is not None:
                from HeadCTIQALib.record import model_of

                self._score_shown(model_of(before[1]))
        self._show()
        self._enable()

    def _score_shown(self, model: Any) -> None:
        from HeadCTIQALib.record import measurements_from_record, rescored_record
        from HeadCTIQALib.scoring import score

        record = self._session.record
        if record is not None:
            self._session.update(rescored_record(record, score(measurements_from_record(record), model), model))

    def _scoring_edit(self) -> Any | None:
        """Where the module keeps the file of the scoring model."""
        window = self._parent.parent()
        return None if window is None else window.findChild(qt.QWidget, "scoringEdit")

    def _ask_file(self) -> str:
        return str(
            qt.QFileDialog.getSaveFileName(
                self._parent, _("Save the scoring model"), "scoring-model.json", "JSON (*.json)"
            )
            or ""
        )


def _scale_title(name: str) -> str:
    """A scale in the selector, with its best end unless its words say it."""
    scale = parse_scale(name)
    if not scale.reversed_name:
        return name
    best = f"{max(scale.numbers, key=lambda knot: knot[1])[0]:g}" if scale.numbers else scale.words[-1][0].upper()
    return str(_("{scale} ({best} is best)").format(scale=name, best=best))
