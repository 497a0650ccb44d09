"""Two assessments of one scan in two linked slice views: one as it is shown anyway, the other drawn beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer

from HeadCTIQALib.findings import Findings
from HeadCTIQALib.findings.segmentation import write_segmentation
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import EvidenceEntry
from HeadCTIQALib.report.focus import focus, segments

from . import forms, hierarchy_items
from .display_state import set_slice, slice_place
from .node_files import forget_file, load_node
from .overlays import orient
from .results import KIND
from .scan_views import sound_field_of_view
from .session import Session

LEFT, RIGHT = "Red", "Yellow"  # the views of 3D Slicer's layout with two slices side by side
_COLOR = (1.0, 0.45, 0.85)  # of the other assessment's points and lines
_FACE_MM = 240.0


@dataclass(frozen=True)
class Other:
    """The assessment that is not shown by itself: its record and findings, and the view for it."""

    record: Record
    findings: Findings
    view: str


class SideBySide:
    """Shows the selected metric of both; the user's views come back on leaving."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._other: Other | None = None
        self._nodes: list[Any] = []  # of the other assessment, for the selected metric
        self._masks: Any = None  # its segmentation, made once
        self._kept: list[tuple[Any, Any]] = []  # slice views and where they were
        self._links: list[tuple[Any, tuple[int, int]]] = []
        self._layout: int | None = None
        self._soon = forms.deferred(self.update)  # after the overlays of what is shown were drawn anew

    @property
    def shown(self) -> bool:
        """Whether two assessments are in the views."""
        return self._other is not None

    def show(self, other: Other) -> None:
        """Put ``other`` beside what is shown.

        Raises:
            RuntimeError: 3D Slicer cannot read its masks.
        """
        self.leave()
        volume = self._session.volume
        assert volume is not None  # there is an assessment with its scan
        findings = other.findings
        self._masks = load_node("segmentation", "other.seg.nrrd", lambda p: write_segmentation(p, volume, findings))
        forget_file(self._masks)
        self._hide_from_user(self._masks, other.view)
        self._other = other
        self._remember()
        self._arrange()
        self.update()

    def update(self) -> None:
        """Bring both views in line with what is selected."""
        other, results, id_ = self._other, self._session.results, self._session.selected
        if other is None:
            return
        if results is None or not slicer.mrmlScene.IsNodePresent(self._masks):
            self.leave()
            return
        self._drop()
        self._limit_own((LEFT, RIGHT)[other.view == LEFT])
        evidence = other.record.iqms[id_].evidence if id_ in IQM_BY_ID else None
        wanted = segments(other.record, id_) if evidence is not None and id_ is not None else ()
        display = self._masks.GetDisplayNode()
        display.SetVisibility(bool(wanted))
        for n in range(self._masks.GetSegmentation().GetNumberOfSegments()):
            segment = self._masks.GetSegmentation().GetNthSegmentID(n)
            display.SetSegmentVisibility(segment, segment in wanted)
        if evidence is not None and id_ is not None:
            self._draw(evidence)
            self._aim(other.record, id_, evidence)

    def follow(self) -> None:
        """The selection changed: follow as soon as the rest of the module did."""
        if self.shown:
            self._soon.start()

    def leave(self) -> None:
        """Put the user's views back, and take what was drawn out of the scene."""
        self._soon.stop()
        self._drop()
        if self._masks is not None and slicer.mrmlScene.IsNodePresent(self._masks):
            hierarchy_items.remove(self._masks)
        if self._other is not None:
            self._limit_own(None)
            if self._layout is not None:
                slicer.app.layoutManager().setLayout(self._layout)
            for composite, (linked, hot) in self._links:
                if slicer.mrmlScene.IsNodePresent(composite):
                    composite.SetLinkedControl(linked)
                    composite.SetHotLinkedControl(hot)
            for view, place in self._kept:
                if slicer.mrmlScene.IsNodePresent(view):
                    set_slice(view, place)
        self._other = self._masks = self._layout = None
        self._kept, self._links = [], []

    def _remember(self) -> None:
        self._kept = [(view, slice_place(view)) for view in slicer.util.getNodesByClass("vtkMRMLSliceNode")]
        composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        self._links = [(c, (c.GetLinkedControl(), c.GetHotLinkedControl())) for c in composites]
        manager = slicer.app.layoutManager()
        self._layout = None if manager is None else int(manager.layout)

    def _arrange(self) -> None:
        """Two slice views, linked: scrolling, panning and zooming one moves the other."""
        for composite, _before in self._links:
            composite.SetLinkedControl(True)
            composite.SetHotLinkedControl(True)
        if self._layout is not None:
            slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView)

    def _aim(self, record: Record, iqm: str, evidence: EvidenceEntry) -> None:
        """Both views to the same slice, which is the one that shows this evidence best."""
        point = focus(self._session.record or record, iqm)
        if point is None:
            point = focus(record, iqm)
        logics = slicer.app.applicationLogic().GetSliceLogics()
        for n in range(logics.GetNumberOfItems()):
            logic = logics.GetItemAsObject(n)
            view = logic.GetSliceNode()
            if view is None or view.GetLayoutName() not in (LEFT, RIGHT):
                continue
            view.SetOrientation(evidence.view.capitalize())
            logic.FitSliceToBackground()
            sound_field_of_view(view)
            orient(view, record)
            if point is not None:
                view.JumpSliceByOffsetting(*point)

    def _limit_own(self, name: str | None) -> None:
        """Show what belongs to the shown assessment in one view only; None: everywhere, as before."""
        results = self._session.results
        ours = [] if results is None else [results.segmentation, results.landmarks, results.plane]
        loose = [n for n in slicer.util.getNodesByClass("vtkMRMLMarkupsNode") if n.GetAttribute(KIND) == "evidence"]
        for node in (*ours, *loose):
            display = None if node is None else node.GetDisplayNode()
            if display is None:
                continue
            display.RemoveAllViewNodeIDs()
            if name is not None:
                display.AddViewNodeID(f"vtkMRMLSliceNode{name}")

    def _draw(self, evidence: EvidenceEntry) -> None:
        if evidence.points:
            node = self._markup("vtkMRMLMarkupsFiducialNode")
            for name, p in evidence.points.items():
                node.AddControlPointWorld(*p, name)
        for start, end in evidence.lines:
            node = self._markup("vtkMRMLMarkupsLineNode")
            for p in (start, end):
                node.AddControlPointWorld(*p, "")
            node.GetDisplayNode().SetPointLabelsVisibility(False)
            node.GetDisplayNode().SetGlyphScale(0.8)
            node.GetDisplayNode().SetLineThickness(0.5)
        if evidence.plane is not None:
            node = self._markup("vtkMRMLMarkupsPlaneNode")
            origin, normal = evidence.plane
            node.SetOriginWorld(*origin)
            node.SetNormalWorld(*normal)
            node.SetSize(_FACE_MM, _FACE_MM)
            node.GetDisplayNode().SetOutlineVisibility(False)
            node.GetDisplayNode().SetFillOpacity(0.4)
            node.GetDisplayNode().SetSliceProjection(False)

    def _markup(self, kind: str) -> Any:
        assert self._other is not None
        node = slicer.mrmlScene.CreateNodeByClass(kind)
        node.UnRegister(None)
        slicer.mrmlScene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSelectedColor(*_COLOR)
        display.SetColor(*_COLOR)
        display.SetTextScale(3.0)
        display.SetGlyphScale(2.0)
        display.SetPropertiesLabelVisibility(False)
        display.SetHandlesInteractive(False)
        display.SetSliceProjection(True)
        node.SetLocked(True)
        self._hide_from_user(node, self._other.view)
        self._nodes.append(node)
        return node

    def _hide_from_user(self, node: Any, view: str) -> None:
        """Neither listed nor saved, and drawn in one view alone."""
        node.SetName("HeadCTIQA other assessment")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetAttribute(KIND, "other")
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.AddViewNodeID(f"vtkMRMLSliceNode{view}")

    def _drop(self) -> None:
        for node in self._nodes:
            if slicer.mrmlScene.IsNodePresent(node):
                hierarchy_items.remove(node)
        self._nodes = []
