"""Names of points: in words, and in some of the views only, as in all of them they would pile up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from HeadCTIQALib.findings import LANDMARK_TITLES

_IDS = {title: id_ for id_, title in LANDMARK_TITLES.items()}


def landmark_id(label: str) -> str:
    """Id of the landmark whose title, or id, a control point has for its label."""
    return _IDS.get(label, label)


def title_points(node: Any) -> None:
    """People read "basion" in the views, files "BASION"."""
    with slicer.util.NodeModify(node):
        for n in range(node.GetNumberOfControlPoints()):
            label = node.GetNthControlPointLabel(n)
            if label in LANDMARK_TITLES:
                node.SetNthControlPointLabel(n, LANDMARK_TITLES[label])


def show(node: Any, views: Sequence[str]) -> Any:
    """A second display node of a point list, which writes the names in ``views`` (ids) alone; the first writes none."""
    first = node.GetDisplayNode()
    labels = slicer.mrmlScene.CreateNodeByClass(first.GetClassName())
    labels.UnRegister(None)
    labels.Copy(first)
    labels.SetSaveWithScene(False)
    labels.SetPointLabelsVisibility(True)
    for view in views:
        labels.AddViewNodeID(view)
    first.SetPointLabelsVisibility(False)
    slicer.mrmlScene.AddNode(labels)
    node.AddAndObserveDisplayNodeID(labels.GetID())
    return labels


def remove(labels: Any) -> None:
    """Take the names away again; the point list is as it was."""
    node = labels.GetDisplayableNode()
    if slicer.mrmlScene.IsNodePresent(labels):
        slicer.mrmlScene.RemoveNode(labels)
    if node is not None and node.GetDisplayNode() is not None:
        node.GetDisplayNode().SetPointLabelsVisibility(True)
