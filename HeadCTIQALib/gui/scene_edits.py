"""Watches what 3D Slicer's own tools edit, and tells when a hand has finished.

Events come in bursts, so they only start a timer.  A drag is finished when the button is released, however long the hand
rests on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from .results import Results

REST_MS = 250  # a hand that rests this long has finished a stroke
MASKS, POINTS, PLANE = "masks", "points", "plane"


class SceneEdits(VTKObservationMixin):
    """The nodes of one assessment at a time.

    Args:
        finished: called when something was edited and the hand has finished; ask :meth:`take` what.
        own: whether the program itself is changing the nodes just now, which is no edit.
    """

    def __init__(self, finished: Callable[[], None], own: Callable[[], bool]) -> None:
        VTKObservationMixin.__init__(self)
        self._own = own
        self._waiting: set[str] = set()
        self._dragging = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", finished)

    def forget(self) -> None:
        """Nothing was edited."""
        self._waiting.clear()
        self._dragging = False
        self._timer.stop()

    def take(self) -> set[str]:
        """What was edited since the last call: MASKS, POINTS, PLANE."""
        self._timer.stop()
        waiting, self._waiting = self._waiting, set()
        return waiting

    def watch(self, results: Results | None) -> None:
        """Follow the nodes of ``results`` instead of those before."""
        self.removeObservers()
        if results is None:
            return
        markups, command = slicer.vtkMRMLMarkupsNode, vtk.vtkCommand
        if results.landmarks is not None:
            for event in (markups.PointModifiedEvent, markups.PointRemovedEvent, markups.PointPositionDefinedEvent):
                self.addObserver(results.landmarks, event, self._points_modified)
        if results.plane is not None:
            for event in (markups.PointModifiedEvent, command.ModifiedEvent):
                self.addObserver(results.plane, event, self._plane_modified)
        for node in (n for n in (results.landmarks, results.plane) if n is not None):
            # of control points, and of the handles that turn and shift
            for event in (markups.PointStartInteractionEvent, command.StartInteractionEvent):
                self.addObserver(node, event, self._drag_begins)
            for event in (markups.PointEndInteractionEvent, command.EndInteractionEvent):
                self.addObserver(node, event, self._drag_ends)
        # painting and erasing, segments that come and go, and the editor's Undo and Redo, which tell by the last two alone
        kind = slicer.vtkSegmentation
        for event in (
            kind.SourceRepresentationModified, kind.RepresentationModified,
            kind.SegmentAdded, kind.SegmentRemoved, kind.SegmentModified, kind.SegmentsOrderModified,
        ):  # fmt: skip
            self.addObserver(results.segmentation.GetSegmentation(), event, self._masks_modified)

    def _points_modified(self, _caller: Any, _event: Any) -> None:
        self._wait(POINTS)

    def _plane_modified(self, _caller: Any, _event: Any) -> None:
        self._wait(PLANE)

    def _masks_modified(self, _caller: Any, _event: Any) -> None:
        self._wait(MASKS)

    def _drag_begins(self, _caller: Any, _event: Any) -> None:
        self._dragging = True
        self._timer.stop()

    def _drag_ends(self, _caller: Any, _event: Any) -> None:
        self._dragging = False
        if self._waiting:
            self._timer.start(0)

    def _wait(self, kind: str) -> None:
        if self._own():
            return
        self._waiting.add(kind)
        if not self._dragging:
            self._timer.start(REST_MS)
