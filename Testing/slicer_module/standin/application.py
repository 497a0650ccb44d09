"""``slicer.app`` and what hangs on it; loading a scripted module as Slicer does."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import types
from pathlib import Path

import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

from . import python, scene, surface, ui, widgets
from .pythonqt import install

_ENDINGS = {
    ".nrrd": "VolumeFile", ".nhdr": "VolumeFile", ".nii": "VolumeFile", ".gz": "VolumeFile", ".mha": "VolumeFile", ".dcm": "VolumeFile",
    ".mrml": "SceneFile", ".mrb": "SceneFile", ".json": "MarkupsFile", ".csv": "TableFile", ".tsv": "TableFile", ".txt": "TextFile",
}  # fmt: skip


class IOManager(QtCore.QObject):
    """Reads and writes through the logics and storage nodes."""

    def fileType(self, name):
        return (
            "SegmentationFile" if str(name).endswith(".seg.nrrd") else _ENDINGS.get(Path(name).suffix.lower(), "NoFile")
        )

    def fileWriterFileType(self, _node):
        return "NodeFile"

    def loadNodes(self, kind, properties, collection, _messages=None):
        name = properties["fileName"]
        if kind == "SceneFile":
            if properties.get("clear", False):
                slicer.mrmlScene.Clear(False)
            if name.endswith(".mrb"):
                return bool(slicer.mrmlScene.ReadFromMRB(name, False))
            slicer.mrmlScene.SetURL(name)
            return bool(slicer.mrmlScene.Import())
        node = self._load(kind, name, properties.get("name") or Path(name).name.split(".")[0])
        if node:
            collection.AddItem(node)
        return node is not None

    def _load(self, kind, name, title):
        modules = slicer.modules
        if kind == "VolumeFile":
            return modules.volumes.logic().AddArchetypeVolume(name, title, 0)
        if kind == "SegmentationFile":
            return modules.segmentations.logic().LoadSegmentationFromFile(name, True, title)
        if kind == "MarkupsFile":
            return slicer.mrmlScene.GetNodeByID(modules.markups.logic().LoadMarkups(name, title) or "")
        raise NotImplementedError(f"reading a {kind} is in Slicer but not in the stand-in")

    def saveNodes(self, kind, properties, _messages=None):
        name = str(properties["fileName"])
        if kind == "SceneFile":
            if not name.endswith(".mrb"):
                raise NotImplementedError("only .mrb is written by the stand-in")
            return bool(slicer.mrmlScene.WriteToMRB(name))
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        if not node.GetStorageNode():
            node.AddDefaultStorageNode(name)
        node.GetStorageNode().SetFileName(name)
        return bool(node.GetStorageNode().WriteData(node))


class ModuleManager(QtCore.QObject):
    def module(self, name):
        return getattr(slicer.modules, name.lower(), None)


class LayoutManager(QtCore.QObject):
    """Remembers the layout; the views themselves are :mod:`standin.views`."""

    layoutChanged = Signal(int)
    _signatures = {"layoutChanged(int)": "layoutChanged"}  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.layout = 3  # SlicerLayoutFourUpView

    def setLayout(self, layout):
        self.layout = layout
        self.layoutChanged.emit(layout)

    def sliceViewNames(self):
        return tuple(n.GetLayoutName() for n in slicer.util.getNodesByClass("vtkMRMLSliceNode"))


class Application(QtWidgets.QApplication):
    """``slicer.app`` as far as a scripted module needs it."""

    startupCompleted = Signal()
    _signatures = {"startupCompleted()": "startupCompleted"}  # noqa: RUF012

    def __init__(self, mrml):
        super().__init__(sys.argv[:1])
        self.setApplicationName("Slicer")
        self._mrml, self._io, self._modules, self._layouts = mrml, IOManager(), ModuleManager(), LayoutManager()
        self.temporaryPath = self.slicerHome = tempfile.mkdtemp(prefix="Slicer-standin-")
        self.majorVersion, self.minorVersion, self.applicationVersion = 5, 12, "5.12.0-standin"
        settings = os.path.join(self.temporaryPath, "settings.ini")  # noqa: PTH118
        self._settings = QtCore.QSettings(settings, QtCore.QSettings.Format.IniFormat)

    def mrmlScene(self):
        return slicer.mrmlScene

    def applicationLogic(self):
        return self._mrml.logic

    def moduleManager(self):
        return self._modules

    def coreIOManager(self):
        return self._io

    ioManager = coreIOManager

    def layoutManager(self):
        return self._layouts

    def settings(self):
        return self._settings

    userSettings = settings

    def testingEnabled(self):
        return True

    def mainWindow(self):
        return None

    def pauseRender(self):
        pass

    def resumeRender(self):
        pass

    def commandOptions(self):
        return types.SimpleNamespace(testingEnabled=True, noMainWindow=True)


def select_module(name):
    """Leave the open scripted module and enter another; of Slicer's own only what the Segment Editor does to its node."""
    for key, widget in list(vars(slicer.modules).items()):
        if key.endswith("Widget"):
            widget.exit()
    if name != "SegmentEditor":
        return
    node = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
    segmentation = node.GetSegmentationNode().GetSegmentation() if node and node.GetSegmentationNode() else None
    if segmentation is not None and segmentation.GetNumberOfSegments():
        node.SetSelectedSegmentID(segmentation.GetNthSegmentID(0))  # as on every first entry
    if node is not None:
        node.SetOverwriteMode(node.OverwriteAllSegments)


_running = None


def start():
    """The application; made on the first call in a process."""
    global _running
    if _running is not None:
        return _running
    qt = install()
    qt.QUiLoader = ui.UiLoader
    assert widgets  # its classes registered themselves
    _running = Application(scene.start())
    slicer.app = _running
    slicer.util.selectModule = select_module
    ctk = types.ModuleType("ctk")
    for name in surface.MANIFEST:
        setattr(ctk if name.startswith("ctk") else slicer, name, surface.stand_in(name))
    sys.modules["ctk"] = ctk
    python.install()
    slicer.moduleNames = types.SimpleNamespace()
    return _running


def load_module(path):
    """Run a scripted module file as Slicer does; returns (python module, module instance, function that makes its widget)."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, path)
    python_module = importlib.util.module_from_spec(spec)
    sys.modules[name] = python_module
    spec.loader.exec_module(python_module)
    parent = types.SimpleNamespace(path=str(path), title="", icon=None, name=name)
    instance = getattr(python_module, name)(parent)
    setattr(slicer.modules, name.lower(), parent)
    setattr(slicer.modules, f"{name}Instance", instance)
    setattr(slicer.moduleNames, name, name)

    def make_widget():
        holder = surface.stand_in("qSlicerWidget")()
        holder.setLayout(QtWidgets.QVBoxLayout())
        holder.setMRMLScene(slicer.mrmlScene)
        holder.__dict__["reload"] = lambda: fill(holder)  # Slicer's own holder has it, and knows the module's file
        return fill(holder)

    def fill(holder):
        widget = getattr(sys.modules[name], f"{name}Widget")(holder)
        setattr(slicer.modules, f"{name}Widget", widget)
        widget.setup()
        parent.widgetRepresentation = lambda: holder
        return widget

    return python_module, instance, make_widget
