"""A MRML scene with the logics that Slicer would have loaded, on slicer-core."""

from __future__ import annotations

import tempfile
import types

import slicer
import slicer.util
import vtk

# module name -> (logic class, key in the application logic)
_LOGICS = {
    "volumes": ("vtkSlicerVolumesLogic", "Volumes"),
    "segmentations": ("vtkSlicerSegmentationsModuleLogic", "Segmentations"),
    "markups": ("vtkSlicerMarkupsLogic", "Markups"),
    "subjecthierarchy": ("vtkSlicerSubjectHierarchyModuleLogic", "SubjectHierarchy"),
    "tables": ("vtkSlicerTablesLogic", "Tables"),
    "transforms": ("vtkSlicerTransformLogic", "Transforms"),
    "texts": ("vtkSlicerTextsLogic", "Texts"),
    "units": ("vtkSlicerUnitsLogic", "Units"),
}


class LoadedModule:
    """Stand-in of a loadable module: name, title and logic."""

    def __init__(self, name, logic):
        self.name = self.title = name
        self._logic = logic

    def logic(self):
        return self._logic


def start():
    """Make ``slicer.mrmlScene`` and ``slicer.modules``; returns what must stay alive."""
    scene = slicer.vtkMRMLScene()
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    for name in ("Selection", "Interaction"):
        scene.AddNode(getattr(slicer, f"vtkMRML{name}Node")())
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    colors = application.GetColorLogic()
    colors.SetMRMLScene(scene)
    colors.SetMRMLApplicationLogic(application)
    colors.AddDefaultColorNodes()
    application.SetModuleLogic("Colors", colors)
    application.SetSliceLogics(vtk.vtkCollection())
    application.SetViewLogics(vtk.vtkCollection())
    slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(application)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    slicer.modules = types.SimpleNamespace()
    for name, (cls, key) in _LOGICS.items():
        logic = getattr(slicer, cls)()
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
        application.SetModuleLogic(key, logic)
        setattr(slicer.modules, name, LoadedModule(key, logic))
    slicer.mrmlScene = scene
    scene.AddObserver(scene.NodeRemovedEvent, _displays_go_along)
    return types.SimpleNamespace(logic=application, io=_bundles(scene, application))


@vtk.calldata_type(vtk.VTK_OBJECT)
def _displays_go_along(scene, _event, node):
    """In Slicer the display nodes of a node go with it: removing them again is a warning."""
    if not node.IsA("vtkMRMLDisplayableNode") or scene.IsClosing():
        return
    for display in [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]:
        if display is not None and scene.IsNodePresent(display):
            scene.RemoveNode(display)


def _bundles(scene, application):
    """What reading and writing .mrb needs."""
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.SetMRMLApplicationLogic(application)
    remote.GetCacheManager().SetRemoteCacheDirectory(tempfile.mkdtemp(prefix="slicer-cache-"))
    data = slicer.vtkDataIOManagerLogic()
    data.SetMRMLScene(scene)
    data.SetMRMLApplicationLogic(application)
    data.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    return remote, data
