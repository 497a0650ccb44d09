"""Places in the subject hierarchy: the results of a scan lie in one folder beside it, under its study."""

from __future__ import annotations

from typing import Any

import slicer

_FOLDER = "HeadCTIQA"


def place(node: Any, volume_node: Any) -> None:
    """Move ``node`` into the folder of the scan, made when needed."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume_node))
    if not parent:
        parent = hierarchy.GetSceneItemID()
    name = f"{_FOLDER} {volume_node.GetName()}"
    folder = hierarchy.GetItemChildWithName(parent, name) or hierarchy.CreateFolderItem(parent, name)
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(folder, node)
    hierarchy.SetItemParent(item, folder)


def remove(node: Any) -> None:
    """Take ``node`` out of the scene, with its display nodes and its place in the hierarchy."""
    displayed = node.IsA("vtkMRMLDisplayableNode")
    displays = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())] if displayed else []
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False, False)
    for gone in (node, *displays):
        if gone is not None:
            slicer.mrmlScene.RemoveNode(gone)


def remove_empty_folder(volume_node: Any) -> None:
    """Take the folder of the scan away when nothing is in it any more."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    if volume_node is None:
        return
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume_node)) or hierarchy.GetSceneItemID()
    folder = hierarchy.GetItemChildWithName(parent, f"{_FOLDER} {volume_node.GetName()}")
    if folder and not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder)
