"""3D views drawn off-screen by the real displayable managers."""

from __future__ import annotations

import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

_MANAGERS = (
    "vtkMRMLCameraDisplayableManager", "vtkMRMLViewDisplayableManager", "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D", "vtkMRMLMarkupsDisplayableManager",
)  # fmt: skip


_kept = []  # a view lives as long as the process, as in the application


def three_d_view(application_logic):
    """The 3D view of the application, made on the first call."""
    if not _kept:
        _kept.append(ThreeDView(application_logic))
    return _kept[0]


class ThreeDView:
    """One 3D view of the scene: ``node`` (vtkMRMLViewNode), ``camera`` (vtkMRMLCameraNode), and its pixels."""

    def __init__(self, application_logic, name="1", size=(400, 400)):
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self.window.SetSize(*size)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.Initialize()
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application_logic)
        for manager in _MANAGERS:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        self.group.Initialize(factory, self.renderer)
        self.logic = slicer.vtkMRMLViewLogic()
        self.logic.SetMRMLApplicationLogic(application_logic)
        application_logic.GetViewLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.node = self.logic.AddViewNode(name)
        self.node.SetMappedInLayout(1)
        self.group.SetMRMLDisplayableNode(self.node)

    @property
    def camera(self):
        """The camera node of this view."""
        return slicer.util.getNodesByClass("vtkMRMLCameraNode")[0]

    def pixels(self):
        """(height, width, 3) uint8, first row at the top."""
        self.window.Render()
        width, height = self.window.GetSize()
        data = vtk.vtkUnsignedCharArray()
        self.window.GetPixelData(0, 0, width - 1, height - 1, 0, data, 0)
        return vtk_to_numpy(data).reshape(height, width, 3)[::-1].copy()

    def at(self, ras):
        """(row, column) where a RAS point is drawn."""
        self.renderer.SetWorldPoint(*map(float, ras), 1.0)
        self.renderer.WorldToDisplay()
        x, y, _ = self.renderer.GetDisplayPoint()
        return round(self.window.GetSize()[1] - 1 - y), round(x)
