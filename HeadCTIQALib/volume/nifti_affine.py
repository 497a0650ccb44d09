"""Where a NIfTI image lies: sform, qform, or neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .placing import ORIENTATION_UNSTATED, refuse_impossible
from .types import Vector

_UNITS_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, millimetre, micrometre
_TEMPLATE = 3  # this code and higher ones are spaces of atlases
_SAME_DEG, _SAME_MM, _SAME_SHARE = 1.0, 1.0, 0.01
_SHEARED = 0.005  # cosine

Affine = tuple[Vector, Vector]  # steps in columns, origin


@dataclass(frozen=True)
class Placing:
    """The fields of the header, as they are."""

    pixdim: tuple[float, ...]
    codes: tuple[float, ...]  # qform, sform
    quatern: tuple[float, ...]  # b, c, d and the origin of the qform
    srow: tuple[float, ...]
    units: int


def placed(header: Placing, sizes: tuple[int, int, int], name: str) -> tuple[Vector, Vector, list[str]]:
    """Steps (in columns) and origin in RAS mm, and what the reader must know.

    The sform tells more than the qform can - a gantry tilt shears it - so it is believed first, unless it leads into the space of
    an atlas and the qform into that of the scanner, or it is a placeholder.  An image with neither lies as DICOM stores it.

    Raises:
        InputError: no voxel sizes, or a geometry that no image has.
    """
    scale = _UNITS_MM.get(header.units & 7)
    if scale is None:
        raise InputError(f"{name} gives its lengths in a unit that is not known; export it in millimetres.")
    qcode, scode = header.codes
    voxel = np.array(header.pixdim[1:4], float)
    sized = bool(np.isfinite(voxel).all() and (voxel > 0).all())
    qform = _qform(header) if qcode > 0 and sized else None
    sform = _sform(header) if scode > 0 else None
    notes = []
    if sform is not None and _is_placeholder(sform) and sized and not np.allclose(voxel, 1, rtol=_SAME_SHARE):
        notes.append("The sform of the file is a placeholder (1 mm at the position 0) and was not used.")
        sform = None
    if scode > 0 and sform is None and not notes:
        if qform is None:
            raise InputError(
                f"{name} has an sform that spans no volume (zeros or no numbers in it); export it again with its geometry."
            )
        notes.append("The sform of the file is damaged (zeros or no numbers in it): the qform was used.")
    if sform is not None and qform is not None:
        notes += _contradictions(sform, qform, sizes)
        if scode >= _TEMPLATE > qcode:
            notes = [
                "The sform leads into the space of an atlas: the qform was used, which leads into that of the scanner."
            ]
            sform = None
    elif sform is not None and not sized:
        notes.append(
            f"The voxel sizes (pixdim) of the file are damaged ({_shown(voxel)} mm): those of the sform were used."
        )
    elif sform is not None and not _same_sizes(sform[0], voxel):
        notes.append("The sform and the voxel sizes (pixdim) of the file contradict each other: the sform was used.")
    affine = sform or qform
    if affine is None:
        if not sized:
            raise InputError(
                f"{name} does not say how large its voxels are ({_shown(voxel)} mm); export it again with its voxel sizes."
            )
        if qcode > 0:
            raise InputError(f"{name} has a qform that is no rotation; export it again with its geometry.")
        affine = np.diag([-1.0, -1.0, 1.0]) * voxel, np.zeros(3)
        notes.append(ORIENTATION_UNSTATED)
    elif (qcode if sform is None else scode) >= _TEMPLATE:
        notes.append("The image lies in the space of an atlas: how the head lay in the scanner is not known.")
    steps, origin = scale * affine[0], scale * affine[1]
    refuse_impossible(name, steps, origin)
    return steps, origin, notes


def _shown(voxel: Vector) -> str:
    return " x ".join(f"{v:g}" for v in voxel)


def _sform(header: Placing) -> Affine | None:
    rows = np.array(header.srow, float).reshape(3, 4)
    steps = rows[:, :3]
    if (
        not np.isfinite(rows).all()
        or abs(np.linalg.det(steps)) < 1e-9 * np.prod(np.linalg.norm(steps, axis=0))
        or not steps.any(axis=0).all()
    ):
        return None
    return steps, rows[:, 3]


def _qform(header: Placing) -> Affine | None:
    """Source: nifti1.h, method 2."""
    b, c, d, *origin = header.quatern
    square = b * b + c * c + d * d
    if not np.isfinite(header.quatern).all() or square > 1.01:
        return None
    b, c, d = (v / max(1.0, square**0.5) for v in (b, c, d))
    a = max(0.0, 1 - b * b - c * c - d * d) ** 0.5
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    signs = np.array([1.0, 1.0, -1.0 if header.pixdim[0] < 0 else 1.0])
    return rotation * (np.array(header.pixdim[1:4]) * signs), np.array(origin, float)


def _is_placeholder(affine: Affine) -> bool:
    return np.array_equal(np.abs(affine[0]), np.eye(3)) and not affine[1].any()


def _same_sizes(steps: Vector, voxel: Vector) -> bool:
    """Of the pixels, and of the slices where these are stacked along their normal."""
    axes = 2 if _is_sheared(steps) else 3
    return bool(np.allclose(np.linalg.norm(steps, axis=0)[:axes], voxel[:axes], rtol=_SAME_SHARE))


def _is_sheared(steps: Vector) -> bool:
    unit = steps / np.linalg.norm(steps, axis=0)
    return bool(np.abs(unit.T @ unit - np.eye(3)).max() > _SHEARED)


def _contradictions(sform: Affine, qform: Affine, sizes: tuple[int, int, int]) -> list[str]:
    """A sentence where the two differ by more than what a qform cannot say, the shear of tilted slices."""
    turn = min(_angle(_rotation(sform[0]), _rotation(qform[0])), _in_plane(sform[0], qform[0]))
    centre = 0.5 * (np.array(sizes) - 1)
    shift = (
        0.0 if _is_sheared(sform[0]) else float(np.linalg.norm((sform[0] - qform[0]) @ centre + sform[1] - qform[1]))
    )
    if turn > _SAME_DEG or shift > _SAME_MM or not _same_sizes(sform[0], np.linalg.norm(qform[0], axis=0)):
        return [
            f"The sform and the qform of the file differ (by {turn:.0f} degrees and {shift:.0f} mm): the sform was used."
        ]
    return []


def _rotation(steps: Vector) -> Vector:
    """The nearest orthogonal matrix."""
    u, _, v = np.linalg.svd(steps / np.linalg.norm(steps, axis=0))
    return np.asarray(u @ v, np.float64)


def _angle(first: Vector, second: Vector) -> float:
    """Degrees between two orthogonal matrices; 180 where one of them is a reflection."""
    between = first.T @ second
    return (
        float(np.degrees(np.arccos(np.clip((np.trace(between) - 1) / 2, -1, 1))))
        if np.linalg.det(between) > 0
        else 180.0
    )


def _in_plane(first: Vector, second: Vector) -> float:
    """The larger angle in degrees between the rows and between the columns of two images whose slices rise to the same side."""
    unit = [s / np.linalg.norm(s, axis=0) for s in (first, second)]
    if float(unit[0][:, 2] @ unit[1][:, 2]) < 0:
        return 180.0
    return float(np.degrees(np.arccos(np.clip(np.einsum("ij,ij->j", *unit)[:2], -1, 1))).max())
