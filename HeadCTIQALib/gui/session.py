"""The scan that is looked at: its volume node, its assessment, what is selected; tells observers when they change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HeadCTIQALib.assessment.storage import findings_of
from HeadCTIQALib.errors import HeadCTIQAError, InputError
from HeadCTIQALib.findings import Findings
from HeadCTIQALib.record import Record, read_record
from HeadCTIQALib.record.found import FindingsEntry
from HeadCTIQALib.volume.types import CTVolume

from . import results as scene_results
from .results import Results
from .volumes import is_same_scan, transform_over, volume_from_node

Event = Literal["volume", "assessment", "selection"]


class Session(VTKObservationMixin):
    """State shared by all sections of the module; follows what happens to the volume node.

    Attributes:
        volume_node: chosen ``vtkMRMLScalarVolumeNode``, or None.
        record: the assessment shown, or None; ``original`` is the same as the networks gave it.
        extra: JSON-able state of the corrections, readers and so on; saved with the scene by :meth:`save_state`.
        pending: called before what is shown is kept, sent out or exchanged, to take over what was edited and not counted yet.
        scratch: temporary folders that go with the module.
        folder: assessment folder that holds exactly ``original``, or None.
        selected: "overall", a category id, an IQM id, or None.
    """

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self.volume_node: Any = None
        self.record: Record | None = None
        self.original: Record | None = None
        self.extra: dict[str, Any] = {}
        self.pending: list[Callable[[], None]] = []
        self.scratch: list[Path] = []
        self._results: Results | None = None
        self.folder: Path | None = None
        self.selected: str | None = None
        self._moved = False  # whether the scan lies elsewhere now than where it was assessed
        self._volume: CTVolume | None = None
        self._findings: Findings | None = None
        self._observers: list[Callable[[Event], None]] = []

    @property
    def results(self) -> Results | None:
        """The nodes of the assessment; None without one, where its scan is not in the scene, or elsewhere, or its masks were deleted."""
        results = self._results
        gone = (
            results is None
            or self._moved
            or not slicer.mrmlScene.IsNodePresent(results.text)
            or results.segmentation is None
            or results.volume is None
        )
        return None if gone else results

    @property
    def unseen(self) -> str:
        """Why the evidence of the assessment cannot be shown, as a sentence; "" where it can, or where there is no assessment."""
        if self.record is None or self.results is not None:
            return ""
        if not self._moved:
            return str(_("The scan of this assessment is not in the scene; load the scan to see the evidence."))
        if name := transform_over(self.volume_node):
            words = _(
                "The transform {name} moves the scan away from where it was assessed; take the scan out of it to see the evidence."
            )
            return str(words.format(name=name))
        return str(_("The scan was moved after it was assessed; assess it again to see the evidence."))

    @property
    def corrected(self) -> bool:
        """Whether what is shown differs from what the networks gave."""
        return self.record is not None and self.record != self.original

    @property
    def volume(self) -> CTVolume | None:
        """The scan with its true geometry, built on first use (about half a second for 300 slices).

        Raises:
            InputError: the volume node cannot be used; see :func:`volume_from_node`.
        """
        if self._volume is None and self.volume_node is not None:
            self._volume = volume_from_node(self.volume_node, self.record)
        return self._volume

    @property
    def findings(self) -> Findings | None:
        """The findings shown, read from the scene on first use; None without an assessment or its scan."""
        if self._findings is None and self.results is not None and self.record is not None and self.volume is not None:
            self._findings = _findings(self.results, self.record.findings, self.volume)
        return self._findings

    def set_volume(self, node: Any) -> None:
        """Turn to another scan, and to the newest assessment of it in the scene."""
        if node is self.volume_node:
            return
        self.settle()
        self.volume_node = node
        self._show(_latest(node))
        self._tell("volume")
        self._tell("assessment")

    def adopt(self, folder: Path, node: Any) -> None:
        """Take over a fresh assessment of ``node`` from ``folder`` in place of an earlier one.

        Raises:
            InputError: the folder is no assessment, or the scan is not in the scene any more.
            RuntimeError: 3D Slicer cannot read a file in it.
        """
        if not slicer.mrmlScene.IsNodePresent(node):
            raise InputError(_("The scan was taken out of the scene; load it again to see its assessment."))
        record = read_record(folder)
        self.settle()
        earlier = scene_results.find(slicer.mrmlScene, node)
        fresh = scene_results.load(folder, node, record)
        for old in earlier:
            old.remove()
        self.volume_node = node
        self._show(fresh)
        self.folder = folder
        self._tell("volume")
        self._tell("assessment")

    def is_of_scan(self, folder: Path) -> bool:
        """Whether ``folder`` holds an assessment of the scan that is looked at, which loading would replace."""
        try:
            return self.volume_node is not None and is_same_scan(read_record(folder), self.volume_node)
        except HeadCTIQAError:
            return False

    def load(self, folder: Path) -> None:
        """Open an assessment folder, on the volume in the scene that it is of; without one, scores and reasons only.

        Raises:
            InputError: the folder is no assessment.
            RuntimeError: 3D Slicer cannot read a file in it.
        """
        record = read_record(folder)
        nodes = [
            n for n in [self.volume_node, *slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")] if n is not None
        ]
        node = next((n for n in nodes if is_same_scan(record, n)), None)
        if node is not None:
            self.adopt(folder, node)
            return
        self.settle()
        self._show(None)
        self.record = self.original = record
        self.folder = folder
        self._tell("assessment")

    def update(self, record: Record, findings: Findings | None = None) -> None:
        """Show a corrected record; ``findings`` are given when they changed.  Masks and points in the scene stay as they are."""
        self.record = record
        if findings is not None:
            self._findings = findings
        self.save_state()
        self._tell("assessment")

    def save_state(self) -> None:
        """Remember record and ``extra`` in the scene."""
        if self.results is not None and self.record is not None and self.original is not None:
            self.results.keep(self.record, self.original, self.extra)

    def settle(self) -> None:
        """Let what is pending be counted: an edit in the scene becomes a correction only when the hand rests."""
        for action in list(self.pending):
            action()

    def cleanup(self) -> None:
        """Stop following the volume node; leave nothing in the temporary folder."""
        self.removeObservers()
        self._leave_folder()
        for folder in self.scratch:
            shutil.rmtree(folder, ignore_errors=True)

    def select(self, id_: str | None) -> None:
        """Choose what is explained and shown in the images."""
        if id_ != self.selected:
            self.selected = id_
            self._tell("selection")

    def scene_changed(self) -> None:
        """Start over after the scene was closed or another one opened."""
        node, self.volume_node = self.volume_node, None
        alive = node is not None and slicer.mrmlScene.IsNodePresent(node)
        self._show(None)
        if alive:
            self.set_volume(node)
        else:
            self._tell("volume")
            self._tell("assessment")

    def observe(self, callback: Callable[[Event], None]) -> None:
        """Call ``callback(event)`` on every change from now on."""
        self._observers.append(callback)

    def unobserve(self, callback: Callable[[Event], None]) -> None:
        """Stop calling ``callback``."""
        if callback in self._observers:
            self._observers.remove(callback)

    def title(self) -> str:
        """Name of the scan for people."""
        if self.volume_node is not None:
            return str(self.volume_node.GetName())
        return self.record.input.name if self.record else _("no scan")

    def _leave_folder(self) -> None:
        """Forget the assessment folder; the one that Assess made, with its masks, lies in a temporary folder and goes."""
        folder, self.folder = self.folder, None
        if folder is not None and folder.parent.parent == Path(slicer.app.temporaryPath):
            shutil.rmtree(folder.parent, ignore_errors=True)

    def _follow(self) -> None:
        self.removeObservers()
        if self.volume_node is not None:
            for event in (slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, self.volume_node.TransformModifiedEvent):
                self.addObserver(self.volume_node, event, self._scan_modified)

    def _scan_modified(self, _caller: Any, _event: Any) -> None:
        """Another frame of a sequence, or another place: the assessment goes with the scan that it is of, and comes back with it."""
        latest, shown = _latest(self.volume_node), self._results
        if (latest and latest.text) is not (shown and shown.text):
            self._show(latest)
        elif self._moved == self._is_moved():
            return
        self._volume = self._findings = None
        self._moved = self._is_moved()
        self._tell("assessment")

    def _is_moved(self) -> bool:
        return self._results is not None and self.record is not None and not is_same_scan(self.record, self.volume_node)

    def _show(self, results: Results | None) -> None:
        self._leave_folder()
        self._results = results
        self._volume = self._findings = None
        try:
            state = results.state() if results is not None else {}
        except InputError:  # of a scene file that is damaged: masks and points are there, scores are not
            state = {}
        self.record, self.original, self.extra = state.get("record"), state.get("original"), state.get("extra", {})
        self._moved = self._is_moved()
        self._follow()
        if self.selected is not None:
            self.selected = None
            self._tell("selection")

    def _tell(self, event: Event) -> None:
        for callback in list(self._observers):
            callback(event)


def _latest(node: Any) -> Results | None:
    """The newest assessment in the scene of what ``node`` holds."""
    found = scene_results.find(slicer.mrmlScene, node) if node is not None else []
    return found[-1] if found else None


def _findings(results: Results, stored: FindingsEntry, volume: CTVolume) -> Findings:
    """What the scene and the record together say, on the grid of ``volume``."""
    return findings_of(stored, *results.read_tissue(volume), results.read_landmarks(), results.read_plane())
