"""Places in the subject hierarchy: the results of a scan lie in one folder beside it, under its study."""

from __future__ import annotations

from typing import Any

import slicer

_FOLDER = "HeadCTIQA"


def place(node: Any, volume_node: Any) -> None:
    """Move ``node`` into the folder of the scan, made when needed."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    parent = _above(hierarchy, volume_node) or hierarchy.GetSceneItemID()
    name = f"{_FOLDER} {volume_node.GetName()}"
    folder = hierarchy.GetItemChildWithName(parent, name) or hierarchy.CreateFolderItem(parent, name)
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(folder, node)
    hierarchy.SetItemParent(item, folder)


def remove(node: Any) -> None:
    """Take ``node`` out of the scene, with what displays and stores it, its place in the hierarchy, and folders of ours left empty."""
    kept: list[Any] = []
    if node.IsA("vtkMRMLDisplayableNode"):
        kept += [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    if node.IsA("vtkMRMLStorableNode"):
        kept += [node.GetNthStorageNode(n) for n in range(node.GetNumberOfStorageNodes())]
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item, above = hierarchy.GetItemByDataNode(node), _above(hierarchy, node)
    if item:
        hierarchy.RemoveItem(item, False, False)
    for gone in (node, *kept):
        if gone is not None and slicer.mrmlScene.IsNodePresent(gone):  # 3D Slicer takes some along with their owner
            slicer.mrmlScene.RemoveNode(gone)
    if above and hierarchy.GetItemName(above).startswith(_FOLDER):
        _remove_empty(hierarchy, above)


def remove_scan(node: Any) -> None:
    """Take a volume out of the scene, with the transform that came with it, and the study and patient that hold nothing else."""
    transform = node.GetParentTransformNode()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    above = _above(hierarchy, node)
    remove(node)
    if transform is not None and not _moves_anything(transform):
        remove(transform)
    _remove_empty(hierarchy, above)


def _above(hierarchy: Any, node: Any) -> int:
    """The item that a node lies under; 0 where the hierarchy does not know the node."""
    item = hierarchy.GetItemByDataNode(node)
    return int(hierarchy.GetItemParent(item)) if item else 0


def _remove_empty(hierarchy: Any, item: int) -> None:
    """Remove a folder, study or patient that holds nothing, and then those above it."""
    while item and item != hierarchy.GetSceneItemID() and not hierarchy.GetNumberOfItemChildren(item):
        above = hierarchy.GetItemParent(item)
        hierarchy.RemoveItem(item)
        item = above


def _moves_anything(transform: Any) -> bool:
    nodes = slicer.util.getNodesByClass("vtkMRMLTransformableNode")
    return any(n.GetParentTransformNode() is transform for n in nodes)
