"""A head of nested ellipsoids with exact findings, and its assessment in the scene, for the self-tests."""

# -*- i18n: disabled -*-  nobody reads these texts but developers

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from HeadCTIQALib.findings import Findings, Landmark, Plane, Tissue
from HeadCTIQALib.findings.markups import write_landmarks, write_plane
from HeadCTIQALib.record import Record
from HeadCTIQALib.volume.types import CTVolume

from . import results as scene_results
from .results import Results
from .volumes import volume_from_node

TURN_DEG = 6.0
_SEMI_AXES = (
    (76, 96, 104, 40, Tissue.SOFT),
    (71, 91, 99, 900, Tissue.BONE),
    (64, 84, 92, 33, Tissue.WHITE),
    (24, 36, 26, 40, Tissue.DEEP_GREY),
)


def phantom() -> tuple[Any, Findings]:
    """A volume node of nested ellipsoids, 30 x 64 x 64 voxels, and exact findings with a head turned by 6 degrees."""
    step = (-3.6, -3.6, 7.5)
    index = np.stack(np.meshgrid(np.arange(30), np.arange(64), np.arange(64), indexing="ij"), -1)[..., ::-1]
    points = (index - np.array([31.5, 31.5, 14.5])) * step
    hu, tissue = np.full((30, 64, 64), -1000, np.int16), np.zeros((30, 64, 64), np.uint8)
    for *axes, value, label in _SEMI_AXES:
        inside = ((points / np.array(axes)) ** 2).sum(-1) < 1
        hu[inside], tissue[inside] = value, label
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Head phantom")
    slicer.util.updateVolumeFromArray(node, hu)
    node.SetSpacing(3.6, 3.6, 7.5)
    node.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    node.SetOrigin(*(-np.array([31.5, 31.5, 14.5]) * step))
    node.CreateDefaultDisplayNodes()
    turn = np.deg2rad(TURN_DEG)
    marks = {"EAM_R": (52, -2, -30), "EAM_L": (-52, -2, -30), "CANTHUS_R": (45, 70, -24), "CANTHUS_L": (-45, 70, -24), "BASION": (0, 5, -90), "OPISTHION": (0, -30, -92), "VERTEX": (0, 0, 104)}  # fmt: skip
    return node, Findings(
        tissue,
        landmarks={name: Landmark((float(x), float(y), float(z)), 0.9) for name, (x, y, z) in marks.items()},
        midsagittal=Plane((0.0, 0.0, 0.0), (float(np.cos(turn)), float(np.sin(turn)), 0.0), 0.9),
        streak=np.zeros(tissue.shape, bool),
        motion_grades=np.zeros(30, np.int8),
    )


def place(node: Any, findings: Findings, record: Record) -> Results:
    """Put an assessment into the scene without packages that a plain 3D Slicer lacks."""
    volume: CTVolume = volume_from_node(node)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Masks")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(node)
    for label in (Tissue.BONE, Tissue.WHITE):
        id_ = segmentation.GetSegmentation().AddEmptySegment(label.name.lower(), label.name.title())
        slicer.util.updateSegmentBinaryLabelmapFromArray(findings.mask(label).astype(np.uint8), segmentation, id_, node)
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        write_landmarks(Path(folder) / "landmarks.mrk.json", findings.landmarks)
        assert findings.midsagittal is not None
        write_plane(Path(folder) / "midsagittal.mrk.json", findings.midsagittal)
        landmarks, plane = (
            slicer.util.loadMarkups(str(Path(folder) / n)) for n in ("landmarks.mrk.json", "midsagittal.mrk.json")
        )
    assert volume.shape == findings.tissue.shape
    return scene_results.adopt(node, segmentation, landmarks, plane, record)
