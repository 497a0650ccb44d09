"""Fixtures of the Slicer tests: the stand-in application, a fresh scene, slice views, the module itself.

An exception in a Qt slot, a timer or a VTK observer fails the test in which it happens, and so does a VTK error.
"""

from __future__ import annotations

import os
import sys
import traceback
import types
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
ROOT = Path(__file__).resolve().parents[2]


class _VtkErrors:
    """Collects what VTK would print as an error or a warning, which Slicer's own tests count as failures."""

    def __init__(self):
        import vtk

        self.found = []
        window = vtk.vtkOutputWindow()
        window.SetDisplayModeToNever()
        for event in ("ErrorEvent", "WarningEvent"):
            window.AddObserver(event, self._add)
        vtk.vtkOutputWindow.SetInstance(window)
        vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
        self.window = window

    def _add(self, _caller, _event, text=""):
        self.found.append(str(text).strip())

    _add.CallDataType = "string0"


@pytest.fixture(scope="session")
def vtk_errors():
    return _VtkErrors()


@pytest.fixture(scope="session")
def slicer_app(vtk_errors):
    """The stand-in application; ``qt``, ``ctk`` and ``slicer`` can be imported from then on."""
    pytest.importorskip("PySide6", reason="PySide6-Essentials is not installed")
    pytest.importorskip("slicer_core", reason="slicer-core is not installed")
    from standin.application import start

    app = start()
    vtk_errors.found.clear()  # about the application's own resources, which are not here
    return app


@pytest.fixture(autouse=True)
def _no_hidden_errors(slicer_app, vtk_errors, monkeypatch):
    """Exceptions in slots, timers and observers go to ``sys.excepthook``, where nobody would see them."""
    caught = []
    monkeypatch.setattr(sys, "excepthook", lambda *what: caught.append("".join(traceback.format_exception(*what))))
    vtk_errors.found.clear()
    yield
    slicer_app.processEvents()
    assert not caught, "errors in slots or observers:\n" + "\n".join(caught)
    assert not vtk_errors.found, "VTK errors:\n" + "\n".join(vtk_errors.found)


@pytest.fixture
def scene(slicer_app):
    """The MRML scene, empty before and after the test."""
    import slicer

    slicer.mrmlScene.Clear(False)
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(False)


@pytest.fixture
def views(scene, slicer_app):
    """Red (axial), Green (coronal) and Yellow (sagittal) slice views of the scene."""
    from standin.views import SliceView

    kept = getattr(views_kept, "views", None)
    if kept is None:
        orientations = {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}
        kept = views_kept.views = {n: SliceView(slicer_app.applicationLogic(), n, o) for n, o in orientations.items()}
    for view in kept.values():
        view.reset()
    return kept


class views_kept:
    """Views live as long as the process: making one costs a second."""


@pytest.fixture
def module(scene, views):
    """The real module file with its widget set up and entered: ``.controller``, ``.session``, ``.ui``, ``.widget``."""
    from standin.application import load_module

    python_module, _instance, make_widget = load_module(ROOT / "HeadCTIQA" / "HeadCTIQA.py")
    widget = make_widget()
    widget.parent.resize(760, 1000)  # wide enough to say everything
    widget.parent.show()
    widget.enter()
    yield types.SimpleNamespace(
        python=python_module,
        widget=widget,
        controller=widget.controller,
        session=widget.controller.session,
        ui=widget.controller.ui,
    )
    import slicer

    widget.exit()
    widget.cleanup()
    widget.parent.delete()
    del slicer.modules.HeadCTIQAWidget


@pytest.fixture(scope="session")
def assessment_folder(slicer_app, head_volume, tmp_path_factory):
    """The folder of an assessment of ``head_volume``, made once; do not change it."""
    from scans import write_assessment

    return write_assessment(head_volume, tmp_path_factory.mktemp("assessed") / "assessment")[0]


@pytest.fixture
def scan_node(scene, views, head_volume):
    """The ellipsoid head as a volume node, shown in the views."""
    from scans import add_volume

    node = add_volume(head_volume)
    for view in views.values():
        view.show(node)
    return node


@pytest.fixture
def assessed(scan_node, module, assessment_folder):
    """The module with a finished assessment of ``scan_node``, loaded from a folder."""
    module.controller.load(assessment_folder)
    assert module.session.results is not None, module.ui.messageLabel.text
    return module


@pytest.fixture
def alone(slicer_app, monkeypatch):
    """The module without corrections, reader scores, work list and comparison, which have tests of their own."""
    from HeadCTIQALib.gui import controller

    monkeypatch.setattr(controller, "_SECTIONS", {})
