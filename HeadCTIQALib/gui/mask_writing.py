"""Putting changed voxels back into the segments of a scene in place: an undo must not rewrite a whole segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from HeadCTIQALib.assessment.labels import differing
from HeadCTIQALib.findings import Findings, Tissue
from HeadCTIQALib.findings.terminology import SEGMENT_IDS, STREAK
from HeadCTIQALib.volume.types import CTVolume

_ON_GRID = 0.02  # by how much of a voxel a label map may be off the slices of the scan
_Index = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Layer:
    """One label map: its ``vtkOrientedImageData`` and voxels [k, j, i], and the native index (k, j, i) of its first voxel."""

    image: Any
    labels: np.ndarray
    first: np.ndarray

    def at(self, native: _Index) -> tuple[_Index, np.ndarray]:
        """Indices of native voxels in the label map, and which of them lie inside it."""
        index = [axis - first for axis, first in zip(native, self.first, strict=True)]
        inside = np.logical_and.reduce([(a >= 0) & (a < n) for a, n in zip(index, self.labels.shape, strict=True)])
        return (index[0][inside], index[1][inside], index[2][inside]), inside


def write_changes(segmentation_node: Any, volume: CTVolume, before: Findings, after: Findings) -> bool:
    """Change the voxels in which ``after`` differs from ``before``, which the segments show now.

    Returns:
        False, with nothing changed, where that cannot be done voxel by voxel: label maps that are not on the grid of the
        scan (uneven slices), or too small for what must be written.
    """
    segmentation = segmentation_node.GetSegmentation()
    layers: dict[int, _Layer] = {}
    of: dict[str, int] = {}
    for id_ in (*SEGMENT_IDS, STREAK):
        segment = segmentation.GetSegment(id_)
        image = segment.GetRepresentation("Binary labelmap") if segment is not None else None
        if image is None or image.IsEmpty():
            continue
        of[id_] = hash(image)
        if of[id_] not in layers:
            layer = _layer(image, volume)
            if layer is None:
                return False
            layers[of[id_]] = layer
    plan = _tissue_plan(segmentation, layers, of, before, after)
    streaks = _streak_plan(segmentation, layers, of, before, after)
    if plan is None or streaks is None:
        return False
    touched = set()
    for key, index, value in (*plan, *streaks):
        layers[key].labels[index] = value
        touched.add(key)
    for key in touched:
        layers[key].image.GetPointData().GetScalars().Modified()
        layers[key].image.Modified()
    return True


_Plan = list[tuple[int, _Index, int]]  # layer, voxels in it, new label


def _tissue_plan(
    segmentation: Any, layers: dict[int, _Layer], of: dict[str, int], before: Findings, after: Findings
) -> _Plan | None:
    changed = differing(before.tissue, after.tissue)
    where = _where([before.tissue[k] != after.tissue[k] for k in changed], changed)
    if not len(where[0]):
        return []
    plan: _Plan = []
    for key in {of[id_] for id_ in SEGMENT_IDS if id_ in of}:
        layer = layers[key]
        ours = [segmentation.GetSegment(id_).GetLabelValue() for id_ in SEGMENT_IDS if of.get(id_) == key]
        index, _ = layer.at(where)
        held = np.isin(layer.labels[index], ours)  # other people's segments stay
        plan.append((key, (index[0][held], index[1][held], index[2][held]), 0))
    new = after.tissue[where]
    for value in np.unique(new):
        if value == Tissue.OUTSIDE:
            continue
        id_ = next(i for i, t in SEGMENT_IDS.items() if t == value)
        if id_ not in of:
            return None
        wanted = new == value
        index, inside = layers[of[id_]].at((where[0][wanted], where[1][wanted], where[2][wanted]))
        if not inside.all():
            return None
        plan.append((of[id_], index, segmentation.GetSegment(id_).GetLabelValue()))
    return plan


def _streak_plan(
    segmentation: Any, layers: dict[int, _Layer], of: dict[str, int], before: Findings, after: Findings
) -> _Plan | None:
    if before.streak is after.streak:
        return []
    if before.streak is None or after.streak is None:
        return None
    plan: _Plan = []
    changed = differing(before.streak, after.streak)
    for new, old, now in ((False, after.streak, before.streak), (True, before.streak, after.streak)):
        where = _where([now[k] & ~old[k] for k in changed], changed)
        if not len(where[0]):
            continue
        if STREAK not in of:
            return None
        index, inside = layers[of[STREAK]].at(where)
        if new and not inside.all():
            return None
        plan.append((of[STREAK], index, segmentation.GetSegment(STREAK).GetLabelValue() if new else 0))
    return plan


def _where(masks: list[np.ndarray], slices: list[int]) -> _Index:
    """Indices (k, j, i) of the True voxels of (J, I) ``masks``, one for each of ``slices``."""
    if not slices:
        return np.empty(0, int), np.empty(0, int), np.empty(0, int)
    n, j, i = np.nonzero(np.stack(masks))
    return np.asarray(slices)[n], j, i


def _layer(image: Any, volume: CTVolume) -> _Layer | None:
    """The label map if its voxels are those of the scan, perhaps of a part of it; None otherwise."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    extent = np.array(image.GetExtent()).reshape(3, 2)
    start = to_ras[:3, 3] + to_ras[:3, :3] @ extent[:, 0]
    shape = image.GetDimensions()[::-1]
    corners = np.array(
        [(i, j, k) for i in (0, shape[2] - 1) for j in (0, shape[1] - 1) for k in range(shape[0])], float
    )
    native = volume.ras_to_ijk(start + corners @ to_ras[:3, :3].T)
    offset = native - corners
    if np.abs(offset - np.rint(offset[0])).max() > _ON_GRID:
        return None
    labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    return _Layer(image, labels, np.rint(offset[0]).astype(int)[::-1])
