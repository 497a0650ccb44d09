"""How the user had the views and overlays, to put them back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import slicer
import vtk

_WINDOW, _VISIBLE = "HeadCTIQA.window", "HeadCTIQA.visible"
_OVERLAYS = ("vtkMRMLSegmentationDisplayNode", "vtkMRMLMarkupsDisplayNode")


class DisplayState:
    """Slice positions, background, window and level, and what was visible, at the time of making."""

    def __init__(self, volume_node: Any) -> None:
        self._restore: list[Callable[[], None]] = []
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            self._keep_slice(node)
        for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            self._keep(node, lambda n, i: n.SetBackgroundVolumeID(i), node.GetBackgroundVolumeID())
        display = volume_node.GetDisplayNode()
        self._window = None
        if display is not None:
            self._window = (display.GetAutoWindowLevel(), display.GetWindow(), display.GetLevel())
            self._keep(display, _set_window, self._window)
        for kind in _OVERLAYS:
            for node in slicer.util.getNodesByClass(kind):
                self._keep(node, lambda n, v: n.SetVisibility(v), node.GetVisibility())

    def restore(self) -> None:
        """Put everything back that is still in the scene."""
        for action in self._restore:
            action()

    def remember(self, node: Any) -> None:
        """Write window and visible overlays into ``node``, in case the scene is saved meanwhile; see :func:`recover`."""
        node.SetAttribute(_WINDOW, json.dumps(self._window))
        for kind in _OVERLAYS:
            for display in slicer.util.getNodesByClass(kind):
                if display.GetVisibility():
                    node.AddNodeReferenceID(_VISIBLE, display.GetID())

    def _keep(self, node: Any, put_back: Callable[[Any, Any], None], value: Any) -> None:
        def action() -> None:
            if slicer.mrmlScene.IsNodePresent(node):
                put_back(node, value)

        self._restore.append(action)

    def _keep_slice(self, node: Any) -> None:
        self._keep(node, set_slice, slice_place(node))


@contextmanager
def slices_kept() -> Iterator[None]:
    """The slice views are after the block where they were before it."""
    places = [(node, slice_place(node)) for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")]
    yield
    for node, place in places:
        set_slice(node, place)


def forget(node: Any) -> None:
    """Take what :meth:`DisplayState.remember` wrote out of ``node`` again."""
    node.RemoveAttribute(_WINDOW)
    node.RemoveNodeReferenceIDs(_VISIBLE)


def recover(node: Any, volume_node: Any) -> bool:
    """Put window and overlays back as ``node`` remembers them; False when it remembers nothing."""
    window = node.GetAttribute(_WINDOW)
    if window is None:
        return False
    display = volume_node.GetDisplayNode()
    if window != "null" and display is not None:
        _set_window(display, json.loads(window))
    for n in range(node.GetNumberOfNodeReferences(_VISIBLE)):
        overlay = node.GetNthNodeReference(_VISIBLE, n)
        if overlay is not None:
            overlay.SetVisibility(True)
    forget(node)
    return True


def other_overlays(ours: list[Any]) -> list[Any]:
    """Display nodes of segmentations and Markups that do not belong to ``ours``."""
    shown = [n.GetDisplayNode() for n in ours if n.IsA("vtkMRMLDisplayableNode")]
    mine = {d.GetID() for d in shown if d is not None}
    return [n for kind in _OVERLAYS for n in slicer.util.getNodesByClass(kind) if n.GetID() not in mine]


def _set_window(node: Any, value: tuple[int, float, float]) -> None:
    automatic, window, level = value
    node.SetAutoWindowLevel(automatic)
    if not automatic:
        node.SetWindowLevel(window, level)


def slice_place(node: Any) -> tuple[Any, tuple[float, float, float]]:
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(node.GetSliceToRAS())
    return matrix, tuple(node.GetFieldOfView())


def set_slice(node: Any, value: tuple[Any, tuple[float, float, float]]) -> None:
    matrix, field = value
    node.GetSliceToRAS().DeepCopy(matrix)
    node.UpdateMatrices()
    node.SetFieldOfView(*field)
