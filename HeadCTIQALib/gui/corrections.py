"""The section "Corrections": whatever the networks got wrong, put right by hand; every step can be taken back."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.hierarchy import IQM, IQM_BY_ID
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.metrics.metric import MOTION
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import IqmEntry
from HeadCTIQALib.report.html import in_unit, join, plain_unit, tag

from . import forms
from .display_state import slices_kept
from .motion_table import MotionTable
from .regions import RegionTools
from .reviewing import Reviewing
from .session import Event, Session


class CorrectionsSection:
    """Widgets of the section; the work is done by :class:`~HeadCTIQALib.gui.reviewing.Reviewing`.

    Args:
        session: what is shown.
        parent: the section's collapsible button.
    """

    def __init__(self, session: Session, parent: Any) -> None:
        self._session = session
        self._notice = forms.notice("correctionsNotice")
        self._reader = forms.line("correctorEdit", _("your reader id, e.g. initials"))
        self._reader.setText(forms.reader_id())
        self._reader.connect("editingFinished()", self._reader_changed)
        self.reviewing = Reviewing(session, lambda: self._reader.text, self._tell)
        self._hint = qt.QLabel()
        self._hint.setObjectName("correctionHint")
        self._hint.setWordWrap(True)
        self._editor = forms.button(
            _("Edit masks"), _("Open the Segment Editor with the masks of this scan; what you paint is measured again at once."),
            self._open_editor, "editMasksButton",
        )  # fmt: skip
        self._regions = RegionTools(session, self.reviewing, self._tell)
        self._motion = MotionTable(session, self.reviewing)
        self._make_value()
        self._make_steps()
        self._list = forms.table("correctionsTable", [_("Metric"), _("Was"), _("Now"), _("By"), _("Reason")], 4)
        self._list.setMinimumHeight(110)
        self._list.connect("cellClicked(int,int)", self._list_clicked)
        self._listed: list[str] = []
        self._lay_out(parent.layout())
        session.observe(self._changed)
        self._fill()

    def cleanup(self) -> None:
        """Stop following the session, and leave no tools in the scene."""
        self._session.unobserve(self._changed)
        self._regions.cleanup()
        self.reviewing.cleanup()

    def _make_value(self) -> None:
        self._value, self._reason = (
            forms.line("typedValueEdit", _("value")),
            forms.line("typedReasonEdit", _("why the measured value is replaced")),
        )
        self._unit = qt.QLabel()
        tip = _("Put this value in the place of what was measured; the measured one stays in the record.")
        self._set = forms.button(_("Set value"), tip, self._set_value, "setValueButton")
        self._reason.connect("returnPressed()", self._set_value)

    def _make_steps(self) -> None:
        self._undo = forms.button(_("Undo"), _("Take back the last step."), self._undo_clicked, "undoButton")
        self._redo = forms.button(_("Redo"), _("Make the step again."), self._redo_clicked, "redoButton")
        self._revert = forms.button(
            _("Revert metric"),
            _("Back to what was measured, for the selected metric."),
            self._revert_clicked,
            "revertButton",
        )
        self._revert_all = forms.button(
            _("Revert all"), _("Back to what the networks found."), self._revert_all_clicked, "revertAllButton"
        )

    def _lay_out(self, layout: Any) -> None:
        reader = forms.row(qt.QLabel(_("Reader")), self._reader)
        value = forms.row(self._value, self._unit, self._reason, self._set)
        layout.addLayout(reader)
        layout.addWidget(self._hint)
        layout.addLayout(forms.row(self._editor, *self._regions.widgets))
        layout.addWidget(self._motion.widget)
        layout.addLayout(value)
        layout.addLayout(forms.row(self._undo, self._redo, self._revert, self._revert_all))
        layout.addWidget(self._notice)
        layout.addWidget(self._list)

    # what is shown

    def _tell(self, sentence: str) -> None:
        forms.tell(self._notice, sentence)

    def _changed(self, event: Event) -> None:
        self._fill()
        if event == "selection":
            self._tell("")

    @property
    def _iqm(self) -> IQM | None:
        return IQM_BY_ID.get(self._session.selected or "")

    def _fill(self) -> None:
        record, iqm = self._session.record, self._iqm
        correctable = record is not None and self._session.results is not None
        chosen = correctable and iqm is not None
        for widget in (self._value, self._reason, self._set):
            widget.setEnabled(bool(chosen))
        self._editor.setEnabled(correctable)
        self._hint.setText(self._words(record, iqm, correctable))
        self._unit.setText("" if iqm is None or iqm.unit == "1" else plain_unit(iqm.unit))
        self._regions.show(iqm.id if iqm is not None and chosen and METRICS[iqm.id].regions else None)
        self._motion.widget.setVisible(bool(chosen and iqm is not None and MOTION in METRICS[iqm.id].reads))
        self._fill_list(record)
        self._enable_steps(record, iqm)

    def _words(self, record: Record | None, iqm: IQM | None, correctable: bool) -> str:
        if record is None:
            return str(_("Nothing to correct yet."))
        if not correctable:
            return str(_("Load the scan of this assessment to correct it."))
        if iqm is None:
            return str(_("Select a metric above to correct it; moved points, planes and masks count at once."))
        return str(join(tag("b", iqm.title), f": {shown_value(record.iqms[iqm.id], iqm)}. {iqm.correction}"))

    def _fill_list(self, record: Record | None) -> None:
        latest = {c.iqm: c for c in (record.corrections if record else ())}  # the last one of every metric
        self._listed = [id_ for id_ in IQM_BY_ID if id_ in latest]
        rows = []
        for id_, entry in record.iqms.items() if record else ():
            if id_ not in latest:
                continue
            iqm, c = IQM_BY_ID[id_], latest[id_]
            now = shown_value(entry, iqm, status=False)
            rows.append((iqm.title, _number(c.original, iqm), now, c.corrector, c.reason))
        forms.fill(self._list, rows, numbers=(1, 2))

    def _enable_steps(self, record: Record | None, iqm: IQM | None) -> None:
        review = self.reviewing.known_review
        kept = bool(record and record.review)
        self._undo.setEnabled(review.can_undo if review else kept)
        self._redo.setEnabled(bool(review and review.can_redo))
        self._revert.setEnabled(iqm is not None and iqm.id in self._listed)
        self._revert_all.setEnabled(kept)

    # what is done

    def _reader_changed(self) -> None:
        forms.keep_reader_id(self._reader.text.strip())

    def _set_value(self, *_arguments: Any) -> None:
        from HeadCTIQALib.assessment import parse_value

        iqm = self._iqm
        if iqm is None:
            return
        text, reason = self._value.text, self._reason.text
        done = self.reviewing.correct(
            lambda review: review.type_value(
                iqm.id, parse_value(iqm.id, text), corrector=self.reviewing.corrector, reason=reason
            )
        )
        if done:
            self._value.clear()
            self._reason.clear()

    def _undo_clicked(self, *_arguments: Any) -> None:
        self.reviewing.correct(lambda review: review.undo())

    def _redo_clicked(self, *_arguments: Any) -> None:
        self.reviewing.correct(lambda review: review.redo())

    def _revert_clicked(self, *_arguments: Any) -> None:
        iqm = self._iqm
        if iqm is not None:
            self.reviewing.correct(lambda review: review.revert(iqm.id))

    def _revert_all_clicked(self, *_arguments: Any) -> None:
        self.reviewing.correct(lambda review: review.revert_all())

    def _list_clicked(self, row: int, _column: int) -> None:
        if row < len(self._listed):
            self._session.select(self._listed[row])

    def _open_editor(self, *_arguments: Any) -> None:
        results = self._session.results
        if results is None:
            return
        segment = METRICS[selected].segment if (selected := self._session.selected) in METRICS else "brain"
        open_segment_editor(results.segmentation, results.volume, segment)


def open_segment_editor(segmentation: Any, volume: Any, segment: str) -> None:
    """Turn to 3D Slicer's Segment Editor with ``segment`` selected, at the slices that are shown.

    Painting a tissue takes the place of others; streaks lie over them.
    """
    node = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
        node.UnRegister(None)
        node.SetSingletonTag("SegmentEditor")
        node = slicer.mrmlScene.AddNode(node)
    node.SetAndObserveSegmentationNode(segmentation)
    node.SetAndObserveSourceVolumeNode(volume)
    with slices_kept():  # leaving our module puts the user's views back, and with them the evidence out of sight
        slicer.util.selectModule("SegmentEditor")
    # only now: on entry the editor takes over its node and chooses a segment and a mode of its own
    node.SetAndObserveSegmentationNode(segmentation)
    node.SetAndObserveSourceVolumeNode(volume)
    node.SetSelectedSegmentID(segment)
    node.SetOverwriteMode(node.OverwriteNone if segment == "streak" else node.OverwriteAllSegments)
    # our own overlays went with our module; now the masks are the editor's
    segmentation.GetDisplayNode().SetVisibility(True)
    segmentation.GetDisplayNode().SetSegmentVisibility(segment, True)


def shown_value(entry: IqmEntry, iqm: IQM, status: bool = True) -> str:
    """A value of the record for people, with its status."""
    if entry.value is None:
        return str(_("not assessable")) if not status else _("not assessable ({reason})").format(reason=entry.reason)
    words = {"measured": _("measured"), "corrected": _("corrected")}[entry.status]
    return _number(entry.value, iqm) + (f" ({words})" if status else "")


def _number(value: float | None, iqm: IQM) -> str:
    if value is None:
        return str(_("not assessable"))
    return in_unit(f"{value:.2f}", iqm.unit)
