"""Slice views drawn off-screen by the real displayable managers."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

_MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager", "vtkMRMLModelSliceDisplayableManager", "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager", "vtkMRMLTransformsDisplayableManager2D",
)  # fmt: skip


class SliceView:
    """One slice view of the scene: ``node`` (vtkMRMLSliceNode), ``logic``, and its pixels."""

    def __init__(self, application_logic, name="Red", orientation="Axial", size=(320, 320)):
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetNumberOfLayers(2)
        self.window.SetAlphaBitPlanes(1)
        self.renderer = vtk.vtkRenderer()
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.window.AddRenderer(self.renderer)
        self.window.SetSize(*size)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.Initialize()
        self._add_image_actor()
        self.group = self._display_managers(application_logic)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application_logic)
        application_logic.GetSliceLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.orientation, self._connection = orientation, None
        self.node = self.logic.AddSliceNode(name)  # a singleton: it stays when the scene is cleared
        self.node.SetLayoutName(name)
        self.node.SetMappedInLayout(1)
        self.group.SetMRMLDisplayableNode(self.node)
        self.reset()
        self.logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._connect_image)

    def reset(self):
        """Empty, in its own orientation."""
        self.logic.GetSliceCompositeNode().SetBackgroundVolumeID(None)
        self.node.SetOrientation(self.orientation)

    def _add_image_actor(self):
        # first in the list of props: it lies at the far end, and would blank segment fills drawn before it
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        self.actor = vtk.vtkActor2D()
        self.actor.SetMapper(mapper)
        self.actor.GetProperty().SetDisplayLocationToBackground()
        self.actor.SetVisibility(0)
        self.renderer.AddViewProp(self.actor)

    def _display_managers(self, application_logic):
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application_logic)
        for name in _MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        group = slicer.vtkMRMLDisplayableManagerGroup()
        group.SetRenderer(self.renderer)
        group.Initialize(factory, self.renderer)
        return group

    def _connect_image(self, *_):
        connection = self.logic.GetImageDataConnection()
        if connection is not self._connection:
            self._connection = connection
            self.actor.GetMapper().SetInputConnection(connection)
            self.actor.SetVisibility(bool(connection))

    def show(self, volume):
        """Make ``volume`` (a volume node) the background and fit the view to it."""
        self.logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID() if volume else None)
        self.fit()

    def fit(self):
        """As the button of the view does."""
        self.logic.ResizeSliceNode(*self.window.GetSize())
        self.logic.FitSliceToBackground()
        self.logic.SnapSliceOffsetToIJK()

    def fit_keeping_place(self):
        """Fill the window after its size changed, at the same slice."""
        at = self.node.GetSliceOffset()
        self.logic.ResizeSliceNode(*self.window.GetSize())
        self.logic.FitSliceToBackground()
        self.node.SetSliceOffset(at)

    def pixels(self):
        """(height, width, 3) uint8, first row at the top."""
        self._connect_image()
        self.window.Render()
        width, height = self.window.GetSize()
        data = vtk.vtkUnsignedCharArray()
        self.window.GetPixelData(0, 0, width - 1, height - 1, 0, data, 0)
        return vtk_to_numpy(data).reshape(height, width, 3)[::-1].copy()

    def project(self, ras):
        """(row, column) of a RAS point, and its distance in mm from the slice."""
        matrix = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), matrix)
        x, y, z, _ = matrix.MultiplyPoint((*map(float, ras), 1.0))
        return round(self.window.GetSize()[1] - 1 - y), round(x), abs(z)

    def color(self, ras, pixels=None):
        """(r, g, b) at a RAS point in the plane of the view; ``pixels`` of an earlier call, if at hand."""
        row, column, _ = self.project(ras)
        found = self.pixels() if pixels is None else pixels
        return tuple(int(v) for v in found[row, column])

    def save(self, path):
        """Write the view as PNG."""
        from PIL import Image

        Image.fromarray(np.ascontiguousarray(self.pixels())).save(path)
