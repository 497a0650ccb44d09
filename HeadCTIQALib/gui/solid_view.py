"""Positioning and scan range in the 3D view: the skull with the mid-sagittal plane, the orbitomeatal line, first and last slice."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.record import Record
from HeadCTIQALib.volume.types import CTVolume, Vector

from . import forms, hierarchy_items
from .results import KIND
from .session import Event, Session
from .skull_surface import skull_surface

CATEGORIES = ("positioning", "scan_range")
SKULL, PLANE, LINE, FIRST, LAST = "skull", "midsagittal", "orbitomeatal", "first slice", "last slice"
_LOOKS = {  # colour and opacity
    SKULL: ((0.93, 0.90, 0.82), 0.35),  # the line runs inside
    PLANE: ((1.00, 0.85, 0.10), 0.3),
    LINE: ((0.00, 0.75, 0.75), 1.0),
    FIRST: ((1.00, 0.50, 0.00), 0.4),
    LAST: ((0.20, 0.50, 1.00), 0.4),
}
_FACE_MM = 260.0  # of the plane
_TUBE_MM = 2.0
_BEYOND_MM = 40.0  # by which the orbitomeatal line is longer, so that both its ends leave the skull
_DISTANCE_MM = 620.0
_FROM = (0.62, 0.72, 0.32)  # where the camera stands, seen from the middle: at the patient's right, in front and above


class SolidView:
    """Shown while a metric of positioning or scan range is selected and the box is ticked; nothing of it stays in the scene.

    Args:
        session: what is selected.
        box: the check box "3D view".
    """

    def __init__(self, session: Session, box: Any) -> None:
        self._session, self._box = session, box
        self._nodes: dict[str, Any] = {}
        self._surface: tuple[int, Any] | None = None  # made once for the findings of that id
        self._cameras: list[tuple[Any, tuple[Vector, Vector, Vector]]] = []
        self._entered = False
        self._overlays = True
        self._soon = forms.deferred(self.update)  # the slices answer first
        box.connect("toggled(bool)", self._later)
        session.observe(self._changed)

    def enter(self) -> None:
        """The user opens the module."""
        self._entered = True
        self._later()

    def exit(self) -> None:
        """The 3D view is the user's again."""
        self._entered = False
        self._soon.stop()
        self._clear()

    def cleanup(self) -> None:
        """The module goes away."""
        self.exit()
        self._session.unobserve(self._changed)

    def forget(self) -> None:
        """The scene is gone: there is nothing to put back."""
        self._nodes, self._cameras, self._surface = {}, [], None
        self._soon.stop()

    def show_overlays(self, shown: bool) -> None:
        """Follow the box "Overlay"."""
        if shown != self._overlays:
            self._overlays = shown
            self._later()

    def update(self) -> None:
        """Bring the 3D view in line with what is selected."""
        wanted = self._entered and self._overlays and bool(self._box.checked) and concerns(self._session.selected)
        session = self._session
        if not wanted or session.record is None or session.results is None or session.volume is None:
            self._clear()
            return
        shapes = _shapes(session.record, session.volume)
        shapes[SKULL] = self._skull()
        fresh = not self._nodes
        for name in [n for n in self._nodes if n not in shapes]:
            hierarchy_items.remove(self._nodes.pop(name))
        for name, shape in shapes.items():
            if name not in self._nodes:
                self._nodes[name] = _model(name)
            self._nodes[name].SetAndObservePolyData(shape)
        if fresh:
            self._aim(session.volume)

    def _changed(self, event: Event) -> None:
        if event != "selection" and self._session.results is None:
            self._clear()  # of a scan that is shown no more
        self._later()

    def _later(self, *_arguments: Any) -> None:
        self._soon.start()

    def _skull(self) -> Any:
        findings, volume = self._session.findings, self._session.volume
        assert findings is not None  # there are results
        assert volume is not None
        if self._surface is None or self._surface[0] != id(findings):
            self._surface = (id(findings), skull_surface(volume, findings.mask(Tissue.BONE)))
        return self._surface[1]

    def _aim(self, volume: CTVolume) -> None:
        """Look at the middle of the scan from in front, and remember from where the user looked."""
        middle = volume.ijk_to_ras((np.asarray(volume.shape[::-1], float) - 1.0) / 2.0)
        away = np.asarray(_FROM) / np.linalg.norm(_FROM)
        for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
            place = (camera.GetPosition(), camera.GetFocalPoint(), camera.GetViewUp())
            self._cameras.append((camera, place))
            _set_camera(camera, (middle + _DISTANCE_MM * away, middle, np.array([0.0, 0.0, 1.0])))

    def _clear(self) -> None:
        for node in self._nodes.values():
            if slicer.mrmlScene.IsNodePresent(node):
                hierarchy_items.remove(node)
        for camera, place in self._cameras:
            if slicer.mrmlScene.IsNodePresent(camera):
                _set_camera(camera, place)
        self._nodes, self._cameras = {}, []


def concerns(id_: str | None) -> bool:
    """Whether an IQM or a category is about how the head lies in the scan, which is three-dimensional."""
    return id_ in CATEGORIES or (id_ in IQM_BY_ID and IQM_BY_ID[id_ or ""].category in CATEGORIES)


def _shapes(record: Record, volume: CTVolume) -> dict[str, Any]:
    """What is drawn beside the skull: a name to its ``vtkPolyData``."""
    planes, rows, columns = volume.shape
    corners = np.array([[0, 0, 0], [columns - 1, 0, 0], [columns - 1, rows - 1, 0], [0, rows - 1, 0]], float)
    shapes = {FIRST: _quad(volume.ijk_to_ras(corners)), LAST: _quad(volume.ijk_to_ras(corners + [0, 0, planes - 1]))}
    plane, evidence = record.findings.midsagittal, record.iqms["baseline_angle"].evidence
    if plane is not None:
        shapes[PLANE] = _quad(_face(np.asarray(plane.origin, float), np.asarray(plane.normal, float)))
    if evidence is not None and evidence.lines:
        shapes[LINE] = _tube(*(np.asarray(p, float) for p in evidence.lines[0]))
    return shapes


def _face(origin: Vector, normal: Vector) -> Vector:
    """(4, 3) corners of a square in a plane that stands upright."""
    front = np.cross(normal, (0.0, 0.0, 1.0))
    front /= np.linalg.norm(front)
    up = np.cross(front, normal)
    half = _FACE_MM / 2.0
    return np.asarray([origin + half * (a * front + b * up) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])


def _quad(corners: Vector) -> Any:
    """A face with four corners, (4, 3) RAS mm in turn."""
    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(corners, np.float32), deep=True))
    cells = vtk.vtkCellArray()
    cells.InsertNextCell(4, (0, 1, 2, 3))
    shape = vtk.vtkPolyData()
    shape.SetPoints(points)
    shape.SetPolys(cells)
    return shape


def _tube(ear: Vector, canthus: Vector) -> Any:
    """The line through the ear canals and the outer canthi, a little beyond both."""
    along = (canthus - ear) / np.linalg.norm(canthus - ear)
    line = vtk.vtkLineSource()
    line.SetPoint1(*(ear - _BEYOND_MM * along))
    line.SetPoint2(*(canthus + _BEYOND_MM * along))
    tube = vtk.vtkTubeFilter()
    tube.SetInputConnection(line.GetOutputPort())
    tube.SetRadius(_TUBE_MM)
    tube.SetNumberOfSides(16)
    tube.Update()
    return tube.GetOutput()


def _model(name: str) -> Any:
    """A model node that only 3D views show, and that is neither listed nor saved."""
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLModelNode")
    node.UnRegister(None)
    node.SetName(f"HeadCTIQA {name}")
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetSelectable(False)
    node.SetAttribute(KIND, "solid")
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    color, opacity = _LOOKS[name]
    display.SetSaveWithScene(False)
    display.SetColor(*color)
    display.SetOpacity(opacity)
    display.SetBackfaceCulling(False)
    display.SetVisibility2D(False)
    display.SetLighting(name == SKULL)  # a plane seen along the light would be black
    return node


def _set_camera(camera: Any, place: tuple[Any, Any, Any]) -> None:
    position, focal_point, up = place
    camera.SetPosition(*position)
    camera.SetFocalPoint(*focal_point)
    camera.SetViewUp(*up)
    camera.ResetClippingRange()
