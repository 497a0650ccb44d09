"""Where in patient space to look for the evidence of a metric, from the record alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from HeadCTIQALib.findings.terminology import STREAK
from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL
from HeadCTIQALib.record import Record
from HeadCTIQALib.volume.types import Vector

_BOX_SHARE = 0.7  # of the field of view: about the head

_UNIONS = {"head": HEAD, "intracranial": INTRACRANIAL}


def slice_frame(record: Record) -> Vector:
    """(3, 3) RAS unit vectors r, a, k of the slices, as columns."""
    geometry = record.input.geometry
    row, column = np.asarray(geometry.row_step_ras, float), np.asarray(geometry.column_step_ras, float)
    axis = max((row / np.linalg.norm(row), column / np.linalg.norm(column)), key=lambda v: abs(float(v[0])))
    r = axis if axis[0] > 0 else -axis
    k = np.asarray(geometry.normal_ras, float)
    return np.stack([r, np.cross(k, r), k], axis=1)


def slice_centre(record: Record, index: int) -> Vector:
    """(3,) RAS mm of the middle of a native slice, 0 = lowest."""
    geometry, (_, rows, columns) = record.input.geometry, record.input.shape
    first, last = np.asarray(geometry.first_origin_ras, float), np.asarray(geometry.last_origin_ras, float)
    positions = geometry.slice_positions_mm
    span = positions[-1] - positions[0]
    origin = first + (last - first) * ((positions[index] - positions[0]) / span if span else 0.0)
    row, column = np.asarray(geometry.row_step_ras, float), np.asarray(geometry.column_step_ras, float)
    step = 0.5 * (columns - 1) * row + 0.5 * (rows - 1) * column
    return np.asarray(origin + step, float)


def focus(record: Record, iqm: str) -> Vector | None:
    """(3,) RAS mm where the views should meet for an IQM: its first point, moved into the slice shown; None without evidence."""
    evidence = record.iqms[iqm].evidence
    if evidence is None:
        return None
    positions = record.input.geometry.slice_positions_mm
    index = evidence.slice_index
    points = list(evidence.points.values())
    if points:
        point = np.asarray(points[0], float)
    elif evidence.plane is not None:
        point = np.asarray(evidence.plane[0], float)
    else:
        slices = evidence.slices
        middle = index if index is not None else slices[len(slices) // 2] if slices else len(positions) // 2
        return slice_centre(record, int(middle))
    k = slice_frame(record)[:, 2]
    height = float(point @ k)
    # along the normal: a native slice is shown whole, and a point beyond the scan leaves the last slice in view
    wanted = positions[index] if index is not None else min(max(height, positions[0]), positions[-1])
    return np.asarray(point + (wanted - height) * k, float)


@dataclass(frozen=True)
class Box:
    """A box in the frame of the slices: ``centre`` (3,) RAS mm, ``axes`` (3, 3) unit columns, ``size`` in mm along them."""

    centre: Vector
    axes: Vector
    size: tuple[float, float, float]


def slice_boxes(record: Record, iqm: str) -> list[Box]:
    """A box around every run of neighbouring slices that the evidence concerns, as wide as a head."""
    evidence = record.iqms[iqm].evidence
    positions = record.input.geometry.slice_positions_mm
    _, rows, columns = record.input.shape
    spacing = record.input.spacing_mm
    wide = _BOX_SHARE * min(rows * spacing.row, columns * spacing.column)
    half = 0.5 * (spacing.slice_median or 1.0)
    runs: list[list[int]] = []
    for s in () if evidence is None else evidence.slices:
        if runs and s == runs[-1][-1] + 1:
            runs[-1].append(s)
        else:
            runs.append([s])
    found = []
    for run in runs:
        centre = 0.5 * (slice_centre(record, run[0]) + slice_centre(record, run[-1]))
        found.append(Box(centre, slice_frame(record), (wide, wide, positions[run[-1]] - positions[run[0]] + 2 * half)))
    return found


def segments(record: Record, iqm: str) -> tuple[str, ...]:
    """Ids of the segments that make up the masks of an IQM's evidence."""
    found: list[str] = []
    for name in _masks(record, iqm):
        found += [t.name.lower() for t in _UNIONS[name]] if name in _UNIONS else [name]
    return tuple(dict.fromkeys(found))


def is_union(record: Record, iqm: str) -> bool:
    """Whether the evidence is one mask made of several segments, which should look like one."""
    return any(name in _UNIONS for name in _masks(record, iqm))


def standard_frame(record: Record, degrees: float = 0.1) -> bool:
    """Whether the slices lie straight in patient space (no gantry tilt, no oblique reformat)."""
    return bool(np.degrees(np.arccos(np.clip(np.diag(slice_frame(record)), -1, 1))).max() <= degrees)


def mask_names(record: Record, iqm: str) -> tuple[str, ...]:
    """The masks of an IQM's evidence by their names in statistics; streaks are counted in the whole intracranial space."""
    names = _masks(record, iqm)
    return (*names, "intracranial") if STREAK in names else names


def _masks(record: Record, iqm: str) -> tuple[str, ...]:
    evidence = record.iqms[iqm].evidence
    return () if evidence is None else evidence.masks
