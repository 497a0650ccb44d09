"""Slice views and the scan that is judged: what stands in the panel is what stands in the views."""

from __future__ import annotations

from typing import Any

import slicer


def show_scan(node: Any) -> None:
    """Make ``node`` (``vtkMRMLScalarVolumeNode``) the image in every slice view, alone, and fit the views to it.

    Views that show it already stay where they are.
    """
    changed = False
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        if composite.GetBackgroundVolumeID() == node.GetID():
            continue
        composite.SetBackgroundVolumeID(node.GetID())
        composite.SetForegroundVolumeID(None)  # of another scan, over this one
        composite.SetLabelVolumeID(None)
        changed = True
    if not changed:
        sound_fields_of_view()
        return
    application = slicer.app.applicationLogic()
    application.GetSelectionNode().SetActiveVolumeID(node.GetID())
    logics = application.GetSliceLogics()
    for n in range(logics.GetNumberOfItems()):
        logic = logics.GetItemAsObject(n)
        logic.FitSliceToBackground()
        sound_field_of_view(logic.GetSliceNode())
        logic.SnapSliceOffsetToIJK()


def shown_scan() -> Any | None:
    """The scalar volume that is the image in all slice views; None where they show several, none, or something else."""
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    shown = {c.GetBackgroundVolumeID() for c in composites} - {None}
    if len(shown) != 1:
        return None
    node = slicer.mrmlScene.GetNodeByID(shown.pop())
    return node if node is not None and node.GetClassName() == "vtkMRMLScalarVolumeNode" else None


def sound_fields_of_view() -> None:
    """:func:`sound_field_of_view` of every slice view."""
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        sound_field_of_view(view)


def sound_field_of_view(view: Any) -> None:
    """Give the view of a tilted scan the depth that 3D Slicer's fit leaves at 0 mm, where every point falls into one corner."""
    across, up, deep = view.GetFieldOfView()
    if deep <= 0:
        view.SetFieldOfView(across, up, 1.0)
        view.UpdateMatrices()
