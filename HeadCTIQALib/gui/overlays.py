"""The evidence of the selected metric in the slice views, and nothing else; the user's own display comes back on leaving."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk

from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import EvidenceEntry
from HeadCTIQALib.report.focus import Box, focus, is_union, segments, slice_boxes, slice_frame, standard_frame

from . import display_state, hierarchy_items
from .display_state import DisplayState, other_overlays
from .results import KIND, Results, find
from .scan_views import sound_field_of_view
from .session import Session

_UNION_COLOR = (0.20, 0.80, 0.90)
_CLEAR_COLORS = {
    "white": (0.25, 0.85, 1.0),
    "deep_grey": (1.0, 0.55, 0.0),
}  # grey masks on a grey image are hard to see
_LINE_COLORS = ((1.0, 0.85, 0.10), (0.25, 0.95, 0.95))
_PRESETS = ("Axial", "Coronal", "Sagittal")


class Overlays:
    """Shows one IQM at a time.

    Attributes:
        visible: False hides the overlays and leaves the image (before/after).
        masks, markups: which of them are shown.
        opacity: 0..1 of mask fills.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._saved: DisplayState | None = None
        self._of: Results | None = None  # whose display was saved; the session may have turned to another scan since
        self._shown: str | None = None
        self._evidence: list[Any] = []  # nodes that exist for this IQM only
        self.visible = self.masks = self.markups = True
        self.opacity = 0.5

    def show(self, id_: str | None) -> None:
        """Show the evidence of an IQM; for a category or the overall score hide all overlays and keep the views where they are.

        With None the display is the user's own again.
        """
        if id_ is None:
            self.leave()
            return
        results, record = self._session.results, self._session.record
        if self._of is not None and (results is None or results.text is not self._of.text):
            self.leave()  # what it showed is of another scan, or of another place
        if results is None or record is None or not slicer.mrmlScene.IsNodePresent(results.volume):
            self._drop_evidence()
            return
        slicer.app.pauseRender()
        try:
            if self._saved is None:
                self._saved, self._of = DisplayState(results.volume), results
                self._saved.remember(results.text)
            self._shown = id_
            self._drop_evidence()
            for display in other_overlays(results.nodes):
                display.SetVisibility(False)
            evidence = record.iqms[id_].evidence if id_ in IQM_BY_ID else None
            if evidence is not None:
                self._aim(record, id_, evidence)
                self._draw(record, id_, evidence)
            self._apply()
        finally:
            slicer.app.resumeRender()

    def change(
        self,
        *,
        visible: bool | None = None,
        masks: bool | None = None,
        markups: bool | None = None,
        opacity: float | None = None,
    ) -> None:
        """Change what is shown and how."""
        self.visible = self.visible if visible is None else visible
        self.masks = self.masks if masks is None else masks
        self.markups = self.markups if markups is None else markups
        self.opacity = self.opacity if opacity is None else opacity
        if self._saved is not None:
            self._apply()

    def leave(self) -> None:
        """Put the user's views, window and overlays back."""
        self._drop_evidence()
        results = self._of
        there = results is not None and slicer.mrmlScene.IsNodePresent(results.text)
        if results is not None and there and results.segmentation is not None:
            self._color_segments(results.segmentation, (), clear=False)
        if self._saved is not None:
            self._saved.restore()
            if results is not None and there:
                display_state.forget(results.text)
        self._saved = self._of = self._shown = None

    def forget(self) -> None:
        """The scene is gone: there is nothing to put back."""
        self._evidence, self._saved, self._of, self._shown = [], None, None, None

    def _aim(self, record: Record, iqm: str, evidence: EvidenceEntry) -> None:
        """Turn the slice views to the slices of the scan, at the evidence, in its window."""
        node = self._session.volume_node
        centre, width = evidence.window
        display = node.GetDisplayNode()
        if display is None:
            node.CreateDefaultDisplayNodes()
            display = node.GetDisplayNode()
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(width, centre)
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            composite.SetBackgroundVolumeID(node.GetID())
        point = focus(record, iqm)
        assert point is not None  # there is evidence
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            orient(view, record)
            sound_field_of_view(view)
            view.JumpSliceByOffsetting(*point)

    def _draw(self, record: Record, iqm: str, evidence: EvidenceEntry) -> None:
        """Make the points and lines that are not findings of their own."""
        known = set(record.findings.landmarks)
        loose = {name: p for name, p in evidence.points.items() if name not in known}
        if loose:
            node = self._evidence_node("vtkMRMLMarkupsFiducialNode", _LINE_COLORS[0])
            for name, p in loose.items():
                node.AddControlPointWorld(*p, name)
            node.SetLocked(True)
        for n, (start, end) in enumerate(evidence.lines):
            node = self._evidence_node("vtkMRMLMarkupsLineNode", _LINE_COLORS[min(n, 1)])
            for p in (start, end):
                node.AddControlPointWorld(*p, "")
            node.GetDisplayNode().SetPointLabelsVisibility(False)
            node.GetDisplayNode().SetPropertiesLabelVisibility(False)
            node.GetDisplayNode().SetGlyphScale(0.8)
            node.GetDisplayNode().SetLineThickness(0.5)
            node.SetLocked(True)
        if not (evidence.points or evidence.lines or evidence.masks):
            for box in slice_boxes(record, iqm):
                self._draw_box(box)

    def _draw_box(self, box: Box) -> None:
        """Slices concerned, as a box that the upright views show as a band."""
        node = self._evidence_node("vtkMRMLMarkupsROINode", _LINE_COLORS[0])
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = box.axes, box.centre
        node.SetSize(*box.size)
        node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix))
        display = node.GetDisplayNode()
        display.SetPropertiesLabelVisibility(False)
        display.SetHandlesInteractive(False)
        display.SetFillVisibility(False)
        display.SetSliceProjection(False)
        node.SetLocked(True)

    def _evidence_node(self, kind: str, color: tuple[float, float, float]) -> Any:
        node = slicer.mrmlScene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetName("HeadCTIQA evidence")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetAttribute(KIND, "evidence")
        slicer.mrmlScene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetSelectedColor(*color)
        display.SetColor(*color)
        display.SetTextScale(3.0)
        display.SetGlyphScale(2.0)
        display.SetSliceProjection(True)
        display.SetSliceProjectionOpacity(0.8)
        self._evidence.append(node)
        return node

    def _apply(self) -> None:
        """Bring visibility and opacity of all our nodes in line with what is selected and switched on."""
        results, record, iqm = self._session.results, self._session.record, self._shown
        if results is None or record is None:
            return
        entry = record.iqms.get(iqm) if iqm else None
        evidence = entry.evidence if entry else None
        wanted = segments(record, iqm) if iqm and evidence else ()
        union = bool(iqm and evidence and is_union(record, iqm))
        self._color_segments(results.segmentation, wanted if union else ())
        display = results.segmentation.GetDisplayNode()
        with slicer.util.NodeModify(display):
            display.SetVisibility(bool(wanted) and self.visible and self.masks)
            display.SetOpacity2DFill(self.opacity)
            segmentation = results.segmentation.GetSegmentation()
            for n in range(segmentation.GetNumberOfSegments()):
                id_ = segmentation.GetNthSegmentID(n)
                display.SetSegmentVisibility(id_, id_ in wanted)
                display.SetSegmentVisibility2DOutline(id_, not union)
        shown = self.visible and self.markups and evidence is not None
        self._show_landmarks(results.landmarks, set(evidence.points) if shown and evidence else set())
        if results.plane is not None:
            results.plane.GetDisplayNode().SetVisibility(bool(shown and evidence and evidence.plane))
        for node in self._evidence:
            node.GetDisplayNode().SetVisibility(bool(shown))

    def _show_landmarks(self, node: Any, names: set[str]) -> None:
        if node is None:
            return
        with slicer.util.NodeModify(node):
            found = False
            for n in range(node.GetNumberOfControlPoints()):
                wanted = node.GetNthControlPointLabel(n) in names
                node.SetNthControlPointVisibility(n, wanted)
                found |= wanted
        display = node.GetDisplayNode()
        display.SetSliceProjection(True)
        display.SetSliceProjectionOpacity(0.8)
        display.SetVisibility(found)

    def _color_segments(self, node: Any, union: tuple[str, ...], clear: bool = True) -> None:
        """Segments that stand for one mask get one colour; all others their own, or a clearer one."""
        display, segmentation = node.GetDisplayNode(), node.GetSegmentation()
        for n in range(segmentation.GetNumberOfSegments()):
            id_ = segmentation.GetNthSegmentID(n)
            if id_ in union:
                display.SetSegmentOverrideColor(id_, *_UNION_COLOR)
            elif clear and id_ in _CLEAR_COLORS:
                display.SetSegmentOverrideColor(id_, *_CLEAR_COLORS[id_])
            else:
                display.UnsetSegmentOverrideColor(id_)

    def _drop_evidence(self) -> None:
        for node in self._evidence:
            hierarchy_items.remove(node)
        self._evidence = []


def recover(scene: Any) -> None:
    """Put the display back in a scene that was saved while evidence was shown."""
    for results in find(scene):
        if display_state.recover(results.text, results.volume):
            for node in (results.segmentation, results.landmarks, results.plane):
                if node is not None and node.GetDisplayNode() is not None:
                    node.GetDisplayNode().SetVisibility(False)


def orient(view: Any, record: Any) -> None:
    """Turn a slice view to the nearest of axial, coronal and sagittal in the frame of the native slices."""
    normal = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, 2]
    frame = slice_frame(record)
    presets = {}
    for name in _PRESETS:
        matrix = view.GetSliceOrientationPreset(name)
        presets[name] = np.array([[matrix.GetElement(r, c) for c in range(3)] for r in range(3)])
    name = max(_PRESETS, key=lambda p: abs(float(normal @ frame @ presets[p][:, 2])))
    if standard_frame(record):
        if view.GetOrientation() != name:
            view.SetOrientation(name)
        return
    wanted = frame @ presets[name]
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(view.GetSliceToRAS())
    for r in range(3):
        for c in range(3):
            matrix.SetElement(r, c, wanted[r, c])
    view.GetSliceToRAS().DeepCopy(matrix)
    view.UpdateMatrices()
