"""The section "Work list": scans of a folder one after the other, to be scored; carries on where the reader stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.errors import HeadCTIQAError, InputError
from HeadCTIQALib.record import Record

from . import forms, hierarchy_items, reading
from . import results as scene_results
from .folder_button import FolderButton
from .scan_source import FOLDER
from .session import Session

_SHORTCUTS = {"next": "Ctrl+PgDown", "previous": "Ctrl+PgUp"}


class WorklistSection:
    """Widgets of the section.

    Args:
        session: turned to the scan at work.
        parent: the section's collapsible button.
        load_scan: puts the scan at a path into the scene and returns its volume node; tests put their own in.
    """

    def __init__(self, session: Session, parent: Any, load_scan: Callable[[Path], Any] | None = None) -> None:
        self._session, self._reading = session, reading.of(session)
        self._load_scan = load_scan or load_volume
        self._scans: tuple[Path, ...] = ()
        self._at: int | None = None
        self._node: Any | None = None
        self._notice = forms.notice("worklistNotice")
        self._folder = FolderButton(
            "worklistFolderButton", _("Folder of scans: image files or DICOM folders."), self._folder_changed
        )
        self._assessments = FolderButton(
            "worklistAssessmentsButton",
            _("Folder of their assessments by the same names, where there are any."),
            lambda path: self._list(),
        )
        self._keys: list[tuple[str, ...]] = []
        self._count = forms.words("worklistCount")
        self._table = forms.table("worklistTable", [_("Scan"), _("Scored")], 0)
        self._table.setMinimumHeight(120)
        self._table.connect("cellDoubleClicked(int,int)", self._double_clicked)
        self._buttons = (
            forms.button(_("Resume"), _("Open the first scan that you have not scored."), self.resume, "resumeButton"),
            forms.button(_("Previous"), _("The scan before (Ctrl+PgUp)."), self.previous, "previousButton"),
            forms.button(
                _("Next"),
                _("The next scan (Ctrl+PgDown); save the scores first (Ctrl+Return)."),
                self.next,
                "nextButton",
            ),
        )
        self._shortcuts = []
        for name, slot in (("next", self.next), ("previous", self.previous)):
            shortcut = qt.QShortcut(qt.QKeySequence(_SHORTCUTS[name]), parent.parent() or parent)
            shortcut.connect("activated()", slot)
            self._shortcuts.append(shortcut)
        self._lay_out(parent.layout())
        self._reading.observe(self._fill)
        self._fill()

    def cleanup(self) -> None:
        """Stop following; the scan at work stays in the scene."""
        self._reading.unobserve(self._fill)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)

    def _lay_out(self, layout: Any) -> None:
        form = qt.QFormLayout()
        form.addRow(_("Scans"), self._folder.widget)
        form.addRow(_("Assessments"), self._assessments.widget)
        layout.addLayout(form)
        layout.addWidget(self._table)
        layout.addWidget(self._count)
        layout.addLayout(forms.row(*self._buttons))
        layout.addWidget(self._notice)

    # the list

    def _folder_changed(self, folder: Path) -> None:
        from HeadCTIQALib.cohort.reader_entry import list_scans

        self._scans, self._at = (), None
        try:
            self._scans = list_scans(folder)
        except (HeadCTIQAError, OSError) as error:
            self._tell(str(error))
        else:
            self._tell("")
        self._list()

    def _list(self) -> None:
        """What the scans are called in the readers' files; those with an assessment also by their checksums."""
        from HeadCTIQALib.cohort.reader_entry import scan_keys

        self._keys = [scan_keys(path, _record(self._assessment(path))) for path in self._scans]
        self._fill()

    def _assessment(self, path: Path) -> Path:
        """Where the assessment of a scan lies, if there is one."""
        from HeadCTIQALib.cohort.reader_entry import scan_key

        above = self._assessments.path
        return path if above is None or _is_assessment(path) else above / scan_key(path, None)

    def _fill(self) -> None:
        scored = self._scored()
        done = [not scored.isdisjoint(keys) for keys in self._keys]
        names = [keys[-1] for keys in self._keys]
        rows = [(("▶ " if n == self._at else "") + name, "✓" if done[n] else "") for n, name in enumerate(names)]
        forms.fill(self._table, rows)
        if self._at is not None:
            self._table.selectRow(self._at)
        self._count.setText(_("{done} of {all} scored").format(done=sum(done), all=len(names)) if names else "")
        for button in self._buttons:
            button.setEnabled(bool(names))

    def _scored(self) -> frozenset[str]:
        try:
            return self._reading.file.scored()
        except HeadCTIQAError:
            return frozenset()  # nobody reads yet

    def _tell(self, sentence: str) -> None:
        forms.tell(self._notice, sentence)

    # going through it

    def resume(self, *_arguments: Any) -> None:
        """Open the first scan without a score of this reader."""
        from HeadCTIQALib.cohort.reader_entry import resume_at

        if self._scans:
            self._open(resume_at(self._keys, self._scored()))

    def next(self, *_arguments: Any) -> None:
        """Open the next scan."""
        self._step(1)

    def previous(self, *_arguments: Any) -> None:
        """Open the scan before."""
        self._step(-1)

    def _step(self, by: int) -> None:
        if not self._scans:
            return
        wanted = 0 if self._at is None else self._at + by
        if not 0 <= wanted < len(self._scans):
            self._tell(_("This is the last scan of the list.") if by > 0 else _("This is the first scan of the list."))
            return
        self._open(wanted)

    def _double_clicked(self, row: int, _column: int) -> None:
        if row < len(self._scans):
            self._open(row)

    def _open(self, n: int) -> None:
        path = self._scans[n]
        try:
            node = self._load_scan(path) if not _is_assessment(path) else None
            self._leave()
            self._turn(path, node)
        except (HeadCTIQAError, RuntimeError) as error:
            self._tell(_("{scan} was not opened: {error}").format(scan=path.name, error=error))
            return
        self._at, self._node = n, node
        self._tell("")
        self._fill()

    def _turn(self, path: Path, node: Any | None) -> None:
        with self._reading.at(path):
            if node is None:
                self._session.load(path)
                return
            self._session.set_volume(node)
            if _is_assessment(folder := self._assessment(path)):
                self._session.load(folder)

    def _leave(self) -> None:
        """Take the last scan out of the scene, unless its assessment was corrected: nothing is lost by going on."""
        self._session.settle()
        node, self._node = self._node, None
        if node is None or slicer.mrmlScene.GetNodeByID(node.GetID()) is not node or self._session.corrected:
            return
        for result in scene_results.find(slicer.mrmlScene, node):
            result.remove()
        self._session.set_volume(None)
        hierarchy_items.remove_scan(node)


def _is_assessment(path: Path) -> bool:
    return (path / "assessment.json").is_file()


def _record(folder: Path) -> Record | None:
    """The record in a folder; None where there is none that can be read."""
    from HeadCTIQALib.record import read_record

    try:
        return read_record(folder) if _is_assessment(folder) else None
    except HeadCTIQAError:
        return None  # said when it is opened


def load_volume(path: Path) -> Any:
    """Load a scan as 3D Slicer does: a file through its readers, a folder through the DICOM module.

    Raises:
        InputError: no volume in it.
        RuntimeError: 3D Slicer cannot read it.
    """
    if path.is_file():
        return slicer.util.loadVolume(str(path))
    from DICOMLib import DICOMUtils

    before = set(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
    with DICOMUtils.TemporaryDICOMDatabase() as database:
        DICOMUtils.importDicom(str(path), database)
        for patient in database.patients():
            DICOMUtils.loadPatientByUID(patient)
    loaded = [n for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if n not in before]
    if not loaded:
        raise InputError(_("The folder {name} holds no DICOM volume.").format(name=path.name))
    # of several series (e.g. a scout) the one with most slices is the scan
    node = max(loaded, key=lambda n: n.GetImageData().GetDimensions()[2])
    node.SetAttribute(FOLDER, str(path.resolve()))  # the database that knew the files is gone
    return node
