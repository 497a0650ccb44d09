"""Scans and assessments for the Slicer tests: volume nodes as Slicer itself would make them, findings with known defects."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from assessment_stand_in import MODELS, find
from vtkmodules.util.numpy_support import numpy_to_vtk

from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.findings import Landmark, Plane, Tissue

EARRING = (80.0, 0.0, -30.0)  # RAS mm, middle of the removable object
STREAK = (20.0, 30.0, 20.0)  # RAS mm, middle of the streak


def add_volume(volume, name="head"):
    """A volume node of ``volume``; a tilted or uneven stack gets a transform that is not hardened, as from Slicer's DICOM import."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    planes = len(volume.origins)
    step = (volume.origins[-1] - volume.origins[0]) @ volume.k / (planes - 1) * volume.k
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.stack([volume.row_step, volume.col_step, step], axis=1), volume.origins[0]
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    slicer.util.updateVolumeFromArray(node, volume.hu.copy())
    node.CreateDefaultDisplayNodes()
    regular = volume.origins[0] + np.arange(planes)[:, None] * step
    if np.abs(regular - volume.origins).max() > 0.01:
        node.SetAndObserveTransformNodeID(_acquisition_transform(volume, matrix, regular).GetID())
    return node


def _acquisition_transform(volume, matrix, regular):
    """A grid transform of 2 x 2 x K displacements at the corners of the slices."""
    planes, rows, columns = volume.shape
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    image = vtk.vtkImageData()
    image.SetDimensions(2, 2, planes)
    image.SetOrigin(*matrix[:3, 3])
    image.SetSpacing(spacing[0] * (columns - 1), spacing[1] * (rows - 1), spacing[2])
    shift = np.repeat((volume.origins - regular)[:, None], 4, axis=1).reshape(-1, 3)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(shift), deep=True))
    direction = vtk.vtkMatrix4x4()
    for r in range(3):
        for c in range(3):
            direction.SetElement(r, c, matrix[r, c] / spacing[c])
    grid = slicer.vtkOrientedGridTransform()
    grid.SetDisplacementGridData(image)
    grid.SetGridDirectionMatrix(direction)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "acquisition transform")
    node.SetAndObserveTransformFromParent(grid.GetInverse()) if False else node.SetAndObserveTransformToParent(grid)
    return node


def blob(volume, centre, radius):
    """(K, J, I) bool ball."""
    k, j, i = volume.shape
    index = np.stack(np.meshgrid(np.arange(k), np.arange(j), np.arange(i), indexing="ij"), -1)[..., ::-1]
    points = volume.ijk_to_ras(index.reshape(-1, 3).astype(float)).reshape(k, j, i, 3)
    return ((points - np.array(centre)) ** 2).sum(-1) < radius**2


def defects(volume):
    """Findings of the ellipsoid head with a turned plane, an earring, a streak and motion; VERTEX as it is."""
    plain = find(volume)
    tissue = plain.tissue.copy()
    tissue[blob(volume, EARRING, 7.0)] = Tissue.FOREIGN
    grades = plain.motion_grades.copy()
    grades[len(grades) // 2 : len(grades) // 2 + 3] = 2
    turn = np.deg2rad(7.2)
    return plain.with_(
        tissue=tissue,
        streak=blob(volume, STREAK, 16.0),
        motion_grades=grades,
        midsagittal=Plane((0.0, 0.0, 0.0), (float(np.cos(turn)), float(np.sin(turn)), 0.0), 0.95),
        landmarks={**plain.landmarks, "SEPTUM": Landmark((0.0, 20.0, 10.0), 0.9)},
    )


def write_assessment(volume, folder, findings=None):
    """An assessment folder of ``volume`` with a one-line report; returns (folder, findings)."""
    from HeadCTIQALib import report

    findings = defects(volume) if findings is None else findings
    assessment = evaluate(volume, findings, models=MODELS)
    draw, report.render = report.render, lambda *_: "<html>report</html>"
    try:
        assessment.write(folder)
    finally:
        report.render = draw
    return folder, findings
