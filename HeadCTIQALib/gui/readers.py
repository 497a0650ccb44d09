"""The section "Reader scores": a reader's own scores of the scan, blinded to the automatic ones if wished."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD
from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.hierarchy import CATEGORIES

from . import forms, reading
from .folder_button import FolderButton
from .session import Event, Session

NOT_GIVEN = -1  # of a score box, shown as a dash


class ReadersSection:
    """Widgets of the section; see :mod:`HeadCTIQALib.cohort.reader_entry` for the files.

    Args:
        session: what is shown.
        parent: the section's collapsible button.
    """

    def __init__(self, session: Session, parent: Any) -> None:
        self._session, self._parent = session, parent
        self._reading = reading.of(session)
        self._filling = False
        self._notice = forms.notice("readersNotice")
        self._saved = forms.words("readersSavedLabel")
        self._reader = forms.line("readerEdit", _("your reader id, e.g. initials"))
        self._reader.connect("editingFinished()", self._reader_changed)
        self._folder = FolderButton(
            "readersFolderButton",
            _("Folder with one file a reader; nobody's file is ever touched by another reader."),
            lambda path: self._reading.set(folder=path),
        )
        self._blinded = qt.QCheckBox(_("Hide the automatic assessment"))
        self._blinded.setObjectName("blindedCheckBox")
        self._blinded.connect("toggled(bool)", self._blinded_changed)
        self._boxes: dict[str, Any] = {}
        self._typed: dict[str, dict[str, int]] = {}  # by scan: entered and not saved yet
        save = forms.button(
            _("Save scores"),
            _("Keep the scores of this scan in your file (Ctrl+Return)."),
            self.save,
            "saveScoresButton",
        )
        self._lay_out(parent.layout(), save)
        self._shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+Return"), parent)
        self._shortcut.connect("activated()", self.save)
        session.observe(self._session_changed)
        self._reading.observe(self._fill)
        self._fill()

    def cleanup(self) -> None:
        """Stop following session and reading; the assessment is shown again."""
        self._session.unobserve(self._session_changed)
        self._reading.unobserve(self._fill)
        reading.hide_assessment(self._parent.parent(), False)

    def enter_score(self, id_: str) -> None:
        """Open the section, with the score of a category or "overall" ready to be typed over."""
        self._parent.collapsed = False
        self._boxes[id_].setFocus()
        self._boxes[id_].selectAll()

    def _lay_out(self, layout: Any, save: Any) -> None:
        form = qt.QFormLayout()
        form.addRow(_("Reader"), self._reader)
        form.addRow(_("Folder"), self._folder.widget)
        layout.addLayout(form)
        layout.addWidget(self._blinded)
        anchors = _(
            "0 to 100, higher is better: from {good:.0f} good, from {acceptable:.0f} acceptable, below poor; - cannot be judged."
        )
        words = qt.QLabel(anchors.format(good=BAND_GOOD, acceptable=BAND_ACCEPTABLE))
        words.setWordWrap(True)
        layout.addWidget(words)
        scores = qt.QFormLayout()
        for id_, title in [*((c.id, c.title) for c in CATEGORIES), ("overall", _("Overall"))]:
            box = qt.QSpinBox()
            box.setObjectName(f"score_{id_}")
            box.setRange(NOT_GIVEN, 100)
            box.setSpecialValueText("-")
            box.setValue(NOT_GIVEN)
            box.connect("valueChanged(int)", self._score_typed)
            scores.addRow(title, box)
            self._boxes[id_] = box
        layout.addLayout(scores)
        layout.addWidget(save)
        layout.addWidget(self._saved)
        layout.addWidget(self._notice)

    def _session_changed(self, event: Event) -> None:
        if event == "volume" and not self._reading.turning:
            self._reading.turn_to(None)  # another scan than the work list's was chosen
        elif event == "assessment":
            self._fill()

    @property
    def _at_work(self) -> str:
        """The scan at work, as long as it is in the scene."""
        node = self._session.volume_node
        return str(self._reading.path or "") if node is None else str(node.GetID())

    def _fill(self) -> None:
        state = self._reading
        self._filling = True
        if self._reader.text != state.reader:
            self._reader.setText(state.reader)
        if state.folder is not None:
            self._folder.show(state.folder)
        if self._blinded.checked != state.blinded:
            self._blinded.setChecked(state.blinded)
        reading.hide_assessment(self._parent.parent(), state.blinded)
        try:
            saved = state.file.scores(*state.scan)
        except HeadCTIQAError:
            saved = {}  # nobody reads yet; said when they save
        shown = {id_: NOT_GIVEN if value is None else round(value) for id_, value in saved.items()}
        typed = self._typed.get(self._at_work, {})
        for id_, box in self._boxes.items():
            box.setValue({**shown, **typed}.get(id_, NOT_GIVEN))
        self._filling = False
        forms.tell(self._notice, "")
        self._tell_saved(_("Scores of this scan are in your file.") if saved else "")

    def _tell_saved(self, sentence: str) -> None:
        self._saved.setText(_("Not saved yet (Ctrl+Return).") if self._typed.get(self._at_work) else sentence)

    def _score_typed(self, *_arguments: Any) -> None:
        if not self._filling:
            self._typed[self._at_work] = {id_: int(box.value) for id_, box in self._boxes.items()}
            self._tell_saved("")

    def _reader_changed(self) -> None:
        if self._filling or self._reader.text.strip() == self._reading.reader:
            return
        if self._reading.reader:
            self._typed.clear()  # of somebody else
        self._reading.set(reader=self._reader.text)

    def _blinded_changed(self, checked: bool) -> None:
        if not self._filling:
            self._reading.set(blinded=bool(checked))

    def save(self, *_arguments: Any) -> bool:
        """Keep the scores in the reader's file; whether that worked.  A dash is kept as "cannot be judged"."""
        given = {id_: None if box.value == NOT_GIVEN else float(box.value) for id_, box in self._boxes.items()}
        if self._reader.text.strip() != self._reading.reader:
            self._reading.set(reader=self._reader.text)  # typed, and confirmed by saving
        try:
            if all(value is None for value in given.values()):
                raise HeadCTIQAError(_("Enter at least one score first."))
            file = self._reading.file
            scan, *earlier = self._reading.scan
            path = file.save(scan, given, earlier)
        except HeadCTIQAError as error:
            forms.tell(self._notice, str(error))
            return False
        self._typed.pop(self._at_work, None)
        self._reading.tell()
        self._tell_saved(_("Saved in {file}.").format(file=path.name))
        return True
