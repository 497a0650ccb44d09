"""Self-tests for a real 3D Slicer: no networks, no download, real assertions; run by ``HeadCTIQATest``."""

# ruff: noqa: PT009  in 3D Slicer, unittest runs these: its assertions say what differs
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.findings import Findings, Landmark, Plane, Tissue
from HeadCTIQALib.findings.markups import write_landmarks, write_plane
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.record import Record
from HeadCTIQALib.volume.types import CTVolume

from .overlays import Overlays
from .results import Results
from .session import Session
from .volumes import volume_from_node

_TURN_DEG = 6.0
_SEMI_AXES = (
    (76, 96, 104, 40, Tissue.SOFT),
    (71, 91, 99, 900, Tissue.BONE),
    (64, 84, 92, 33, Tissue.WHITE),
    (24, 36, 26, 40, Tissue.DEEP_GREY),
)


def geometry(case: Any) -> None:
    """A volume node gives back its voxels at their true places."""
    node, _findings = phantom()
    volume = volume_from_node(node)
    case.assertEqual(volume.shape, (30, 64, 64))
    np.testing.assert_allclose(volume.k, (0, 0, 1), atol=1e-9)
    np.testing.assert_allclose(volume.image_centres.mean(axis=0), (0, 0, 0), atol=1e-6)


def measuring(case: Any) -> None:
    """The phantom's turn and margins are measured as they were made."""
    node, findings = phantom()
    record = evaluate(volume_from_node(node), findings).record
    case.assertAlmostEqual(record.iqms["symmetry_angle"].value, _TURN_DEG, places=2)
    case.assertAlmostEqual(record.iqms["vertex_margin"].value, 14.5 * 7.5 - 104.0, places=2)
    case.assertEqual(set(record.iqms), {m.id for m in IQMS})
    case.assertIn(record.overall.band, ("good", "acceptable", "poor", None))


def scene(case: Any) -> None:
    """Results live in the scene, show their evidence, and survive a state change."""
    node, findings = phantom()
    volume = volume_from_node(node)
    record = evaluate(volume, findings).record
    results = place(node, findings, record)
    session = Session()
    session.set_volume(node)
    case.assertEqual(session.record, record)
    overlays = Overlays(session)
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(77, 11)
    overlays.show("symmetry_angle")
    evidence = record.iqms["symmetry_angle"].evidence
    case.assertEqual(display.GetWindow(), evidence and evidence.window[1])
    case.assertTrue(results.plane.GetDisplayNode().GetVisibility())
    overlays.leave()
    case.assertEqual((display.GetWindow(), display.GetLevel()), (77, 11))
    case.assertFalse(results.plane.GetDisplayNode().GetVisibility())
    turn = np.deg2rad(_TURN_DEG)
    plane = results.read_plane()
    assert plane is not None
    np.testing.assert_allclose(plane.normal, (np.cos(turn), np.sin(turn), 0.0), atol=1e-6)
    case.assertEqual(set(results.read_landmarks()), set(findings.landmarks))


def window(case: Any) -> None:
    """The module's window shows the tree of an assessment."""
    node, findings = phantom()
    record = evaluate(volume_from_node(node), findings).record
    place(node, findings, record)
    slicer.modules.headctiqa.widgetRepresentation()  # makes it, when the module was not opened yet
    controller = slicer.modules.HeadCTIQAWidget.controller
    controller.enter()
    controller.session.set_volume(None)
    controller.session.set_volume(node)
    case.assertEqual(controller.ui.qualityTree.topLevelItemCount, 6)
    controller.session.select("vertex_margin")
    case.assertIn("vertex", controller.ui.whyBrowser.plainText)
    controller.exit()


TESTS = (geometry, measuring, scene, window)


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
    turn = np.deg2rad(_TURN_DEG)
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
    from . import results as scene_results

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
