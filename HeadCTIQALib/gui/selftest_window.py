"""Self-tests of the module's window for a real 3D Slicer: what a person does in it, by its own buttons."""

# -*- i18n: disabled -*-  nobody reads these texts but developers

# ruff: noqa: PT009  in 3D Slicer, unittest runs these: its assertions say what differs
from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer

from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.findings import Tissue

from . import dependencies
from .phantom import phantom, place
from .point_labels import landmark_id
from .volumes import volume_from_node

_NARROW_PX = (400, 430, 470, 510, 600)
_PATIENCE_S = 150


def correcting(case: Any) -> None:
    """Each kind of correction counts, is listed, and is taken back."""
    controller, node = opened()
    original = controller.session.record
    section = controller.sections["corrections"]
    slicer.app.processEvents()
    section.reviewing.prepare()
    button(controller, "correctorEdit").setText("AB")
    changes = {
        "symmetry_angle": _turn_plane, "baseline_angle": _move_points, "gray_white_cnr": _paint, "motion_extent": _grade,
        "noise": _type_value,
    }  # fmt: skip
    for iqm, change in changes.items():
        controller.session.select(iqm)
        change(controller)
        section.reviewing.flush()
        record = controller.session.record
        case.assertNotEqual(record.iqms[iqm], original.iqms[iqm], iqm)
        case.assertIn(iqm, {c.iqm for c in record.corrections})
        button(controller, "undoButton").click()
        case.assertEqual(controller.session.record, original, iqm)
    case.assertTrue(button(controller, "redoButton").enabled)
    controller.exit()
    slicer.mrmlScene.RemoveNode(node)


def reader_scores(case: Any) -> None:
    """A reader's scores are entered blinded, kept in the reader's own file, and found again."""
    controller, _node = opened()
    section = controller.sections["readers"]
    reading = section._reading
    before = (reading.reader, reading.folder, reading.blinded)
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        reading.set(reader="AB", folder=Path(folder), blinded=True)
        reading.turn_to(Path(folder) / "scan")
        case.assertFalse(controller.ui.qualityButton.isVisibleTo(controller.widget))
        section.enter_score("motion")
        button(controller, "score_motion").setValue(83)
        case.assertTrue(section.save(), button(controller, "readersNotice").text)
        case.assertEqual(reading.file.scores(*reading.scan)["motion"], 83)
        reading.set(blinded=False)
        case.assertTrue(controller.ui.qualityButton.isVisibleTo(controller.widget))
    reading.turn_to(None)
    reading.reader, reading.folder, reading.blinded = before
    controller.exit()


def work_list(case: Any) -> None:
    """Scans of a folder one after the other; each is shown, and the last one goes."""
    controller, node = opened()
    section = controller.sections["worklist"]
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        for name in ("first", "second"):
            slicer.util.saveNode(node, str(Path(folder) / f"{name}.nrrd"))
        button(controller, "worklistFolderButton").directory = folder
        for _step in range(2):
            section.next()
            case.assertIs(_shown(), controller.session.volume_node)
        section.next()
        case.assertIn("last", button(controller, "worklistNotice").text)
        section.previous()
        case.assertEqual(button(controller, "worklistNotice").text, "")
    controller.exit()


def two_volumes(case: Any) -> None:
    """What is judged is what is shown, whichever scan is chosen, and its verdict alone."""
    controller, first = opened()
    second, _findings = phantom()
    controller.session.select("symmetry_angle")
    for node, assessed in ((second, False), (first, True)):
        controller.ui.inputSelector.setCurrentNode(node)
        slicer.app.processEvents()
        case.assertIs(controller.session.volume_node, node)
        case.assertEqual(controller.session.record is not None, assessed)
        case.assertEqual(controller.ui.qualityTree.topLevelItemCount, 6 if assessed else 0)
        case.assertIs(_shown(), node)
    controller.exit()


def narrow_panel(case: Any) -> None:
    """In a panel of 400 pixels and more nothing is cut off, and nothing lies over anything else."""
    controller, _node = opened()
    widget, window = controller.widget, controller.widget.window()
    was_shown = window.visible
    window.show()
    try:
        for width in _NARROW_PX:
            widget.setFixedWidth(width)
            for _turn in range(10):  # heights follow widths
                widget.layout().activate()
                slicer.app.processEvents()
            case.assertEqual(_overlapping(widget) + _cut(widget), [], f"at {width} pixels")
    finally:
        widget.setMinimumWidth(0)
        widget.setMaximumWidth(16777215)
        window.setVisible(was_shown)
    controller.exit()


def keys(case: Any) -> None:
    """The keys walk through the items, and every control has a name."""
    from .accessible import controls

    controller, _node = opened()
    by_sequence = {key.sequence: key for key in controller.keyboard.keys}
    seen = set()
    for _item in range(10):
        by_sequence["Ctrl+Down"].action()
        seen.add(controller.session.selected)
    case.assertEqual(len(seen), 10)
    case.assertEqual([w.objectName for w in controls(controller.widget) if not w.accessibleName], [])
    controller.exit()


def solid(case: Any) -> None:
    """The skull is in the scene while positioning is looked at, and no longer."""
    controller, _node = opened()
    before = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLModelNode")
    for id_, count in (("symmetry_angle", 5), ("noise", 0)):
        controller.session.select(id_)
        slicer.app.processEvents()
        case.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLModelNode") - before, count)
    controller.exit()


def networks(case: Any) -> None:
    """The simulated head is assessed by the real networks, where they can run; its defects are found."""
    if dependencies.missing():
        return
    from . import sample_data

    controller, _node = opened()
    (node,) = sample_data.load()
    controller.ui.inputSelector.setCurrentNode(node)
    slicer.app.processEvents()
    controller.ui.assessButton.click()
    case.assertTrue(controller.assessing.running, controller.ui.messageLabel.text)
    wait(lambda: not controller.assessing.running)
    record = controller.session.record
    case.assertIsNotNone(record, controller.ui.messageLabel.text)
    case.assertAlmostEqual(record.iqms["symmetry_angle"].value, 7.2, delta=1.5)
    case.assertLess(record.iqms["vertex_margin"].value, 0.0)
    controller.exit()


TESTS = (correcting, reader_scores, work_list, two_volumes, keys, solid, networks)


def opened() -> tuple[Any, Any]:
    """The module's controller in a scene with the phantom and its assessment, and the volume node."""
    node, findings = phantom()
    place(node, findings, evaluate(volume_from_node(node), findings).record)
    slicer.modules.headctiqa.widgetRepresentation()  # makes it, when the module was not opened yet
    controller = slicer.modules.HeadCTIQAWidget.controller
    controller.enter()
    controller.ui.inputSelector.setCurrentNode(node)
    slicer.app.processEvents()
    return controller, node


def button(controller: Any, name: str) -> Any:
    """A widget of a section by its object name."""
    return controller.widget.findChild(qt.QWidget, name)


def wait(done: Callable[[], bool]) -> None:
    """Let the application work until ``done``.

    Raises:
        TimeoutError: that takes too long.
    """
    until = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > until:
            raise TimeoutError("the self-test waited too long")
        slicer.app.processEvents()
        time.sleep(0.02)


def _shown() -> Any:
    """The volume in the slice views, or where there is no view the one that the selector names."""
    from .scan_views import shown_scan

    return shown_scan() or slicer.modules.HeadCTIQAWidget.controller.ui.inputSelector.currentNode()


def _turn_plane(controller: Any) -> None:
    controller.session.results.plane.SetNormalWorld(float(np.cos(0.2)), float(np.sin(0.2)), 0.0)


def _move_points(controller: Any) -> None:
    node = controller.session.results.landmarks
    for n in range(node.GetNumberOfControlPoints()):
        if landmark_id(node.GetNthControlPointLabel(n)).startswith("CANTHUS"):
            node.SetNthControlPointPositionWorld(n, *(np.array(node.GetNthControlPointPositionWorld(n)) + (0, 0, 9)))


def _paint(controller: Any) -> None:
    results = controller.session.results
    name = Tissue.WHITE.name.lower()
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(results.segmentation, name, results.volume).copy()
    mask[:, :, mask.shape[2] // 2 :] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, results.segmentation, name, results.volume)


def _grade(controller: Any) -> None:
    button(controller, "addRangeButton").click()
    table = button(controller, "motionTable")
    for column, text in enumerate(("10", "14", "3")):
        table.item(table.rowCount - 1, column).setText(text)
    button(controller, "applyGradesButton").click()


def _type_value(controller: Any) -> None:
    button(controller, "typedValueEdit").setText("6.5")
    button(controller, "typedReasonEdit").setText("self-test")
    button(controller, "setValueButton").click()


def _overlapping(widget: Any) -> list[str]:
    """Pairs of neighbours that lie over each other, by their names."""
    shown = [c for c in widget.children() if c.isWidgetType() and c.isVisibleTo(widget) and not c.isWindow()]
    found = [
        f"{a.objectName} and {b.objectName}"
        for n, a in enumerate(shown)
        for b in shown[n + 1 :]
        if a.geometry.intersects(b.geometry)
    ]
    inner = [c for c in shown if c.inherits("ctkCollapsibleButton") and not c.collapsed]
    return [*found, *(pair for child in inner for pair in _overlapping(child))]


def _cut(widget: Any) -> list[str]:
    """What reaches beyond the right edge of ``widget``, by name."""
    inside = [c for c in widget.children() if c.isWidgetType() and c.isVisibleTo(widget) and not c.isWindow()]
    found = [c.objectName for c in inside if c.geometry.right() >= widget.width]
    inner = [c for c in inside if c.inherits("ctkCollapsibleButton") and not c.collapsed]
    return [*found, *(name for child in inner for name in _cut(child))]
