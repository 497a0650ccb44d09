"""Volume nodes of 3D Slicer as CT volumes with the true position of every slice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.measured import acquisition_of
from HeadCTIQALib.record.scan import Geometry
from HeadCTIQALib.volume.geometry import Stack, normal, upright
from HeadCTIQALib.volume.image_voxels import to_hu
from HeadCTIQALib.volume.types import Acquisition, CTVolume, Lost, Source, Vector

_FLAT_MM = 0.05  # by how much a corner of a slice may be off a parallelogram
_SAME_MM = 0.1  # by how much slices may be off and still be those of the assessed scan


def volume_from_node(node: Any, record: Record | None = None) -> CTVolume:
    """The CT volume in a scalar volume node, its parent transforms applied to the slices.

    3D Slicer shows a tilted or unevenly spaced scan by a transform that moves the slices of a regular grid to where they
    were acquired; that transform is not hardened, so the voxels are the scanner's own.

    Args:
        node: ``vtkMRMLScalarVolumeNode``.
        record: of an assessment of this scan, whose acquisition and name (which the node does not know) are taken over.

    Raises:
        InputError: no voxels, or a transform that bends or turns the slices out of parallel.
    """
    name = node.GetName()
    if node.GetImageData() is None or min(node.GetImageData().GetDimensions()) < 2:
        raise InputError(_("The volume {name} is empty or not a 3-D image; choose another one.").format(name=name))
    array = slicer.util.arrayFromVolume(node)
    if array.ndim != 3:
        raise InputError(_("The volume {name} is a colour image, not CT values; choose another one.").format(name=name))
    origins, row, column = _slices(node, array.shape)
    hu, padding, notes = to_hu(lambda: array, (1.0, 0.0), array.shape, name)
    try:
        stack, _turned = upright(Stack(hu, origins, row, column, padding))
    except ValueError as error:
        raise InputError(_("The volume {name} cannot be used: {error}.").format(name=name, error=error)) from error
    known = None if record is None else record.input
    if known is not None:
        stack = _assessed(stack, known.geometry, known.shape) or stack
    return CTVolume(
        hu=np.ascontiguousarray(stack.voxels),
        origins=stack.origins,
        row_step=stack.row_step,
        col_step=stack.col_step,
        padding=None if stack.padding is None else np.ascontiguousarray(stack.padding),
        acquisition=Acquisition() if known is None else acquisition_of(known.acquisition),
        source=Source("slicer", name)
        if known is None
        else Source(known.kind, known.name, None, known.sha256, known.chosen_because),
        warnings=(record.warnings if record is not None else ()) or tuple(notes),
        lost=tuple(Lost(x.reason, x.low_mm, x.high_mm, x.slices) for x in (known and known.lost) or ()),
    )


def voxel_digest(node: Any) -> str:
    """SHA-256 of the voxels as 3D Slicer holds them; 157 MB take about a tenth of a second."""
    there = node.GetImageData() is not None
    return hashlib.sha256(np.ascontiguousarray(slicer.util.arrayFromVolume(node)).data).hexdigest() if there else ""


def transform_over(node: Any) -> str:
    """Name of the transform that moves the volume in the scene; "" where there is none."""
    transform = node.GetParentTransformNode()
    while transform is not None and transform.GetParentTransformNode() is not None:
        transform = transform.GetParentTransformNode()  # the acquisition transform of a tilted scan is the lowest
    return "" if transform is None else str(transform.GetName())


def is_same_scan(record: Record, node: Any) -> bool:
    """Whether an assessment is of the scan in ``node``: its slices and pixels are among those of the node (within 0.1 mm)."""
    if node.GetImageData() is None or min(node.GetImageData().GetDimensions()) < 2:
        return False
    shape = node.GetImageData().GetDimensions()[::-1]
    try:
        stack, _turned = upright(Stack(np.broadcast_to(np.int16(0), shape), *_slices(node, shape)))
    except (InputError, ValueError):
        return False
    return _assessed(stack, record.input.geometry, record.input.shape) is not None


def _assessed(stack: Stack, geometry: Geometry, shape: Sequence[int]) -> Stack | None:
    """The part of a stack that was assessed (blank slices and margins were left out); None where it is another scan."""
    slices, rows, columns = shape
    if not (
        np.allclose(geometry.row_step_ras, stack.row_step, atol=_SAME_MM / columns)
        and np.allclose(geometry.column_step_ras, stack.col_step, atol=_SAME_MM / rows)
    ):
        return None
    k = normal(stack.row_step, stack.col_step)
    wanted, there = np.asarray(geometry.slice_positions_mm, float), stack.origins @ k
    if len(wanted) != slices:
        return None
    nearest = np.abs(there[:, None] - wanted).argmin(axis=0)
    offset = np.asarray(geometry.first_origin_ras, float) - stack.origins[nearest[0]]
    left, top = (round(float(offset @ step / (step @ step))) for step in (stack.row_step, stack.col_step))
    if min(left, top) < 0 or top + rows > stack.voxels.shape[1] or left + columns > stack.voxels.shape[2]:
        return None
    box = (nearest, slice(top, top + rows), slice(left, left + columns))
    origins = stack.origins[nearest] + left * stack.row_step + top * stack.col_step
    if not (
        np.allclose(there[nearest], wanted, atol=_SAME_MM)
        and np.allclose(origins[0], geometry.first_origin_ras, atol=_SAME_MM)
        and np.allclose(origins[-1], geometry.last_origin_ras, atol=_SAME_MM)
    ):
        return None
    if tuple(shape) == stack.voxels.shape:
        return stack
    padding = None if stack.padding is None else stack.padding[box]
    return Stack(stack.voxels[box], origins, stack.row_step, stack.col_step, padding)


def newest_head_ct(scene: Any) -> Any | None:
    """The volume node to preselect: the last loaded one that looks like CT and, if any is, like a head by its names."""
    nodes = [n for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", scene) if _looks_like_ct(n)]
    heads = [n for n in nodes if any(w in _names(n) for w in ("head", "brain", "skull", "crani", "kopf"))]
    return (heads or nodes or [None])[-1]


def _names(node: Any) -> str:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = hierarchy.GetItemByDataNode(node) if hierarchy else 0
    above = hierarchy.GetItemParent(item) if item else 0
    return f"{node.GetName()} {hierarchy.GetItemName(above) if above else ''}".lower()


def _looks_like_ct(node: Any) -> bool:
    """A single-channel 3-D image that reaches down to the HU of air; label maps do not."""
    image = node.GetImageData()
    if (
        node.IsA("vtkMRMLLabelMapVolumeNode")
        or image is None
        or image.GetNumberOfScalarComponents() != 1
        or min(image.GetDimensions()) < 8
    ):
        return False
    return bool(image.GetScalarRange()[0] <= -500)


def _slices(node: Any, shape: tuple[int, ...]) -> tuple[Vector, Vector, Vector]:
    """(K, 3) first voxel of every slice, row step and column step, in world RAS mm."""
    planes, rows, columns = shape
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    k = np.arange(planes, dtype=float)
    corners = [
        np.stack([np.full(planes, i), np.full(planes, j), k], axis=-1)
        for i, j in ((0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1))
    ]
    ras = np.stack(corners, axis=1) @ to_ras[:3, :3].T + to_ras[:3, 3]  # (K, 4 corners, 3)
    if node.GetParentTransformNode() is not None:
        transform = vtk.vtkGeneralTransform()
        node.GetParentTransformNode().GetTransformToWorld(transform)
        ras = np.array([transform.TransformPoint(p) for p in ras.reshape(-1, 3)]).reshape(ras.shape)
    origins, right, down, far = ras.transpose(1, 0, 2)
    row, column = (right - origins) / (columns - 1), (down - origins) / (rows - 1)
    bent = max(
        float(np.abs(far - (right + down - origins)).max()),
        float(np.abs(row - row.mean(axis=0)).max() * columns),
        float(np.abs(column - column.mean(axis=0)).max() * rows),
    )
    if bent > _FLAT_MM:
        raise InputError(
            _("The transform of the volume {name} bends its slices by {mm:.1f} mm; harden the transform first.").format(
                name=node.GetName(), mm=bent
            )
        )
    return origins, row.mean(axis=0), column.mean(axis=0)
