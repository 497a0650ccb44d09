"""Self-tests for a real 3D Slicer: no networks, no download, real assertions; run by ``HeadCTIQATest``."""

# -*- i18n: disabled -*-  nobody reads these texts but developers

# ruff: noqa: PT009  in 3D Slicer, unittest runs these: its assertions say what differs
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.record import check_record, dump, measurements_from_record, rescored_record, to_json
from HeadCTIQALib.scoring import guideline_model, score

from . import selftest_window
from .overlays import Overlays
from .phantom import TURN_DEG, phantom, place
from .selftest_window import button, opened
from .session import Session
from .volumes import volume_from_node


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
    case.assertAlmostEqual(record.iqms["symmetry_angle"].value, TURN_DEG, places=2)
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
    turn = np.deg2rad(TURN_DEG)
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


def tilted(case: Any) -> None:
    """A gantry tilt that is not hardened: slices, points and plane are where they were scanned, and the views can show them."""
    node, findings = phantom()
    tilt = np.eye(4)
    tilt[1, 2] = np.tan(np.deg2rad(15.0))  # slices stay upright and are shifted, as by 3D Slicer's DICOM reader
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "acquisition transform")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(tilt))
    node.SetAndObserveTransformNodeID(transform.GetID())
    volume = volume_from_node(node)
    np.testing.assert_allclose(volume.ijk_to_ras(np.array([0.0, 0.0, 29.0])) - volume.origins[-1], 0.0, atol=1e-6)
    step = volume.origins[1] - volume.origins[0]
    case.assertAlmostEqual(step[1] / step[2], tilt[1, 2], places=4)
    place(node, findings, evaluate(volume, findings).record)
    session = Session()
    session.set_volume(node)
    overlays = Overlays(session)
    for iqm in ("symmetry_angle", "baseline_angle", "vertex_margin"):
        overlays.show(iqm)
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            case.assertGreater(view.GetFieldOfView()[2], 0.0)
            case.assertNotEqual(view.GetXYToRAS().Determinant(), 0.0)
    overlays.leave()


def round_trip(case: Any) -> None:
    """A saved scene brings assessment and correction back, and the display as the user had it."""
    controller, node = opened()
    controller.session.select("noise")
    for name, text in (("typedValueEdit", "6.5"), ("typedReasonEdit", "self-test")):
        button(controller, name).setText(text)
    button(controller, "setValueButton").click()
    slicer.app.processEvents()
    record = controller.session.record
    case.assertEqual(record.iqms["noise"].value, 6.5)
    name = node.GetName()
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        path = str(Path(folder) / "scene.mrb")
        case.assertTrue(slicer.util.saveScene(path))
        slicer.mrmlScene.Clear(0)
        case.assertIsNone(controller.session.record)
        slicer.util.loadScene(path)
        slicer.app.processEvents()
        case.assertEqual(controller.session.title(), name)
        case.assertEqual(controller.session.record, record)
        case.assertNotEqual(controller.session.original, record)
        button(controller, "undoButton").click()
        case.assertNotEqual(controller.session.record.iqms["noise"].value, 6.5)
    controller.exit()


def calibrating(case: Any) -> None:
    """A scoring model is fitted to the scores of readers who are stricter than the guideline."""
    controller, _node = opened()
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        _write_cohort(controller.session.record, Path(folder))
        button(controller, "calibrationAssessmentsButton").directory = str(Path(folder) / "assessments")
        button(controller, "calibrationReadersButton").directory = str(Path(folder) / "readers")
        button(controller, "fitButton").click()
        case.assertEqual(button(controller, "calibrationNotice").text, "")
        case.assertGreater(button(controller, "calibrationTable").rowCount, 5)
        button(controller, "revertModelButton").click()
    controller.exit()


TESTS = (geometry, measuring, scene, tilted, window, round_trip, calibrating, *selftest_window.TESTS)


def _write_cohort(template: Any, root: Path, count: int = 24) -> None:
    """Assessments with random values, and one reader who gives 15 points less than the guideline."""
    from HeadCTIQALib.cohort.readers import ReaderValue, write_readers

    rng, model, values = np.random.default_rng(5), guideline_model(), []
    for n in range(count):
        plain = to_json(template)
        for m in IQMS:
            good, poor = (next(x for x, y in m.knots[::-1] if y == limit) for limit in (80, 60))
            value = float(rng.uniform(min(good, 2 * poor - good), max(good, 2 * poor - good)))
            known = {
                "value": value,
                "read_at": value,
                "band": "good",
                "score": 80.0,
                "status": "measured",
                "reason": "",
            }
            plain["iqms"][m.id].update(**known, judged=None, bound=None, quantiles=None)
        record = check_record(plain, "self-test")
        record = rescored_record(record, score(measurements_from_record(record), model), model)
        folder = root / "assessments" / f"s{n:02d}"
        folder.mkdir(parents=True)
        (folder / "assessment.json").write_text(dump(record), encoding="utf-8")
        scores = {c: entry.score for c, entry in record.categories.items()} | {"overall": record.overall.score}
        values += [
            ReaderValue(f"s{n:02d}", "AB", target, float(np.clip(value - 15 + rng.normal(0, 3), 0, 100)))
            for target, value in scores.items()
            if value is not None
        ]
    write_readers(root / "readers" / "all.csv", values)
