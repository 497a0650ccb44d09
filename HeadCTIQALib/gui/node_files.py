"""Nodes of 3D Slicer to files of findings and back, through its own readers and writers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from HeadCTIQALib.findings.segmentation import onto_native
from HeadCTIQALib.volume.types import CTVolume


def native(image: Any, volume: CTVolume) -> np.ndarray:
    """(K, J, I) labels of a ``vtkOrientedImageData`` on the native grid."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    extent, shape = image.GetExtent(), image.GetDimensions()[::-1]
    labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    start = to_ras[:3, 3] + to_ras[:3, :3] @ np.array(extent[::2], float)
    return onto_native(labels[..., None], start, to_ras[:3, :3].T, volume)[..., 0]


def through_file(node: Any, name: str, read: Any) -> Any:
    """What ``read`` makes of the node as 3D Slicer writes it: one way to read Markups, in the scene and on disk."""
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        path = Path(folder) / name
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        storage.SetFileName(str(path))
        storage.WriteData(node)
        return read(path)


def load_node(kind: str, name: str, write: Any) -> Any:
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        path = Path(folder) / name
        write(path)
        return slicer.util.loadMarkups(str(path)) if kind == "markups" else slicer.util.loadSegmentation(str(path))


def replace_markup(node: Any, name: str, write: Any) -> None:
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        path = Path(folder) / name
        write(path)
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        storage.SetFileName(str(path))
        storage.ReadData(node)


def forget_file(node: Any) -> None:
    """The file that a node came from is temporary: saving the scene must write the node anew."""
    storage = node.GetStorageNode()
    if storage is not None and slicer.mrmlScene.IsNodePresent(storage):
        slicer.mrmlScene.RemoveNode(storage)
