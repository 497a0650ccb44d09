"""The bone mask as a surface that turns smoothly in a 3D view."""

from __future__ import annotations

import numpy as np
import vtk
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from HeadCTIQALib.volume.types import CTVolume

_GRID_MM = 1.8  # of the mask that the surface is made of: finer shows no more, coarser closes thin bone
_TRIANGLES = 120_000
_SMOOTHING = 12  # passes


def skull_surface(volume: CTVolume, bone: NDArray[np.bool_]) -> vtk.vtkPolyData:
    """The surface of a (K, J, I) bool mask on the grid of ``volume``, in RAS mm; empty where the mask is.

    It is found on a coarser grid, decimated, and follows tilted and unevenly spaced slices.
    """
    if not bone.any():
        return vtk.vtkPolyData()
    low, high = zip(*((int(h.min()), int(h.max()) + 1) for h in np.nonzero(bone)), strict=True)
    steps = [max(1, round(_GRID_MM / d)) for d in _voxel_mm(volume)]
    share = _block_means(bone[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], steps)
    image = vtk.vtkImageData()
    image.SetDimensions(*(n + 2 for n in share.shape[::-1]))
    image.GetPointData().SetScalars(numpy_to_vtk(np.pad(share, 1).ravel(), deep=True))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.4)  # thin bone fills less than half of a coarse voxel
    contour.ComputeNormalsOff()
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(contour.GetOutputPort())
    smooth.SetNumberOfIterations(_SMOOTHING)
    decimate = vtk.vtkDecimatePro()
    decimate.SetInputConnection(smooth.GetOutputPort())
    smooth.Update()
    decimate.SetTargetReduction(max(0.0, 1.0 - _TRIANGLES / max(1, smooth.GetOutput().GetNumberOfCells())))
    decimate.Update()
    surface = vtk.vtkPolyData()
    surface.ShallowCopy(decimate.GetOutput())
    ijk = vtk_to_numpy(surface.GetPoints().GetData()).astype(float) - 1.0
    ijk = (ijk + 0.5) * steps[::-1] - 0.5 + np.asarray(low[::-1])
    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(volume.ijk_to_ras(ijk).astype(np.float32), deep=True))
    surface.SetPoints(points)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputData(surface)
    normals.SplittingOff()
    normals.Update()
    return normals.GetOutput()


def _voxel_mm(volume: CTVolume) -> tuple[float, float, float]:
    """Distances of neighbouring voxels along k, j and i."""
    gap = np.diff(volume.slice_positions)
    return (
        float(np.median(gap)) if len(gap) else _GRID_MM,
        float(np.linalg.norm(volume.col_step)),
        float(np.linalg.norm(volume.row_step)),
    )


def _block_means(mask: NDArray[np.bool_], steps: list[int]) -> NDArray[np.float32]:
    """Share of set voxels in blocks of ``steps`` voxels; blocks at the far ends are filled up with nothing."""
    full = np.pad(mask, [(0, -n % s) for n, s in zip(mask.shape, steps, strict=True)])
    k, j, i = (n // s for n, s in zip(full.shape, steps, strict=True))
    blocks = full.reshape(k, steps[0], j, steps[1], i, steps[2])
    return blocks.mean(axis=(1, 3, 5), dtype=np.float32)
