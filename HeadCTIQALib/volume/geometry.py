"""Putting slices in order: sorting along the normal, dropping duplicates, turning reformats, describing the spacing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import boundary
from .types import Acquisition, CTVolume, Lost, Source, Vector

SAME_POSITION_MM = 0.01
AXIAL_COSINE = 0.7  # slices are called axial when their normal is within 45 degrees of superior


@dataclass(frozen=True)
class Stack:
    """Voxels (K, J, I) with the position of every slice, as in :class:`CTVolume` but not necessarily in its order."""

    voxels: NDArray[np.int16]
    origins: Vector
    row_step: Vector
    col_step: Vector
    padding: NDArray[np.bool_] | None = None

    def volume(
        self, acquisition: Acquisition, source: Source, warnings: Sequence[str], lost: Sequence[Lost] = ()
    ) -> CTVolume:
        """The finished volume without blank parts; fills in the hash of the source.  The slices must already be in order.

        Args:
            lost: slices known to be missing; gaps and blank slices are added.

        Raises:
            InputError: so many slices are lost that the rest is no scan.
        """
        from .blank import trimmed
        from .fill import without_fill
        from .lost import between, refuse_many, told

        filled, notes = without_fill(self)
        found = trimmed(filled)
        stack = found.stack
        missing = (*lost, *found.lost)
        missing = (*missing, *between(stack.origins @ normal(stack.row_step, stack.col_step), missing))
        refuse_many(missing, len(stack.origins), source.called)
        hu = np.ascontiguousarray(stack.voxels)
        digest = fingerprint(hu, stack.origins, stack.row_step, stack.col_step)
        with boundary(
            f"{source.called} has slices at places where no scan can have them; check the image orientation and the slice positions."
        ):
            return CTVolume(
                hu=hu,
                origins=stack.origins,
                row_step=stack.row_step,
                col_step=stack.col_step,
                padding=None if stack.padding is None else np.ascontiguousarray(stack.padding),
                acquisition=acquisition,
                source=replace(source, sha256=digest),
                warnings=(*warnings, *notes, *found.notes, *told(missing)),
                lost=missing,
            )


def normal(row_step: Vector, col_step: Vector) -> Vector:
    """Unit normal of the slices, towards superior (the same rule as :attr:`CTVolume.k`)."""
    n = np.cross(row_step, col_step).astype(np.float64)
    n /= np.linalg.norm(n)
    return n if n[2] > 0 or (n[2] == 0 and n.sum() > 0) else -n


def distinct_order(origins: Vector, k: Vector) -> tuple[list[int], list[int]]:
    """Indices of the slices in increasing order along `k`, and those left out because an earlier one lies there already.

    Args:
        origins: (N, 3) mm; of several slices within 0.01 mm the first in the given order is kept.
    """
    positions = origins @ k
    keep: list[int] = []
    duplicates: list[int] = []
    for index in np.argsort(positions, kind="stable"):
        if keep and positions[index] - positions[keep[-1]] <= SAME_POSITION_MM:
            # a stable sort keeps the given order only among equal positions; nearly equal ones need the comparison
            first, second = sorted((keep[-1], int(index)))
            keep[-1] = first
            duplicates.append(second)
        else:
            keep.append(int(index))
    return keep, sorted(duplicates)


def is_even(origins: Vector, tolerance_mm: float = 0.05) -> bool:
    """True when the slices step by one constant vector (at most `tolerance_mm` off)."""
    if len(origins) < 3:
        return True
    steps = np.diff(origins, axis=0)
    return bool(np.abs(steps - steps.mean(axis=0)).max() <= tolerance_mm)


def upright(stack: Stack) -> tuple[Stack, bool]:
    """Permute and flip whole axes so that the slice axis is the one nearest superior; no resampling.

    Returns:
        The stack with slices increasing along :func:`normal`, and whether axes were exchanged.

    Raises:
        ValueError: the slices are not axial and unevenly spaced, so that no axis exchange gives parallel axial slices.
    """
    if abs(normal(stack.row_step, stack.col_step)[2]) >= AXIAL_COSINE:
        return _increasing(stack), False
    if len(stack.origins) < 2 or not is_even(stack.origins):
        raise ValueError("the slices are not axial and not evenly spaced")
    steps = [_mean_step(stack.origins), stack.col_step, stack.row_step]  # of the array axes 0, 1, 2
    slice_axis = _nearest_axis(steps, superior=True, among=(0, 1, 2))
    rest = tuple(a for a in (0, 1, 2) if a != slice_axis)
    row_axis = _nearest_axis(steps, superior=False, among=rest)  # the row runs along the axis nearest right-left
    col_axis = next(a for a in rest if a != row_axis)
    order = (slice_axis, col_axis, row_axis)
    voxels = stack.voxels.transpose(order)
    padding = None if stack.padding is None else stack.padding.transpose(order)
    count = voxels.shape[0]
    origins = stack.origins[0] + np.arange(count)[:, None] * steps[slice_axis]
    return _increasing(Stack(voxels, origins, steps[row_axis], steps[col_axis], padding)), True


def _increasing(stack: Stack) -> Stack:
    """Reverse the slices when they run against the normal."""
    positions = stack.origins @ normal(stack.row_step, stack.col_step)
    if len(positions) > 1 and positions[-1] < positions[0]:
        padding = None if stack.padding is None else stack.padding[::-1]
        return Stack(stack.voxels[::-1], stack.origins[::-1].copy(), stack.row_step, stack.col_step, padding)
    return stack


def _mean_step(origins: Vector) -> Vector:
    step: Vector = (origins[-1] - origins[0]) / (len(origins) - 1)
    return step


def _nearest_axis(steps: list[Vector], *, superior: bool, among: tuple[int, ...]) -> int:
    world = 2 if superior else 0
    return max(among, key=lambda a: abs(steps[a][world]) / float(np.linalg.norm(steps[a])))


def missing_slices(positions: Vector) -> list[tuple[float, float]]:
    """(mm below, mm above) of every gap that is at least 1.6 times both of its neighbours: slices are missing there.

    A scan that changes its spacing on the way (thin at the base, thick above) has no such gap.
    """
    gaps = np.diff(positions)
    found = []
    for i, gap in enumerate(gaps):
        neighbours = [gaps[n] for n in (i - 1, i + 1) if 0 <= n < len(gaps)]
        # At an end there is one neighbour only; the typical gap of the scan stands in for the other.
        reference = max([*neighbours, *([float(np.median(gaps))] if len(neighbours) < 2 else [])])
        if len(gaps) >= 4 and gap >= 1.6 * reference:
            found.append((float(positions[i]), float(positions[i + 1])))
    return found


def independence(distance: Vector, thickness: float) -> Vector:
    """How little two slices share: 1 from 0.95 of a thickness apart, 0 up to 0.85, in between evenly.

    A limit at the thickness itself would be decided by how the tags are rounded: slices 4.92 mm apart (a tilted gantry)
    are 5 mm thick.

    Args:
        distance: mm between the slices' centres, of any sign; thickness: mm, 0 where unknown.
    """
    if thickness <= 0:
        return np.ones_like(distance)
    return np.asarray(np.clip((np.abs(distance) / thickness - 0.85) / 0.1, 0, 1))


def nearness(distance: Vector, reach: float) -> Vector:
    """1 for slices nearer than ``reach``, 0 for those beyond, changing evenly from 0.5 mm before to 0.5 mm after it."""
    return np.asarray(np.clip(reach + 0.5 - np.abs(distance), 0, 1))


def fingerprint(hu: NDArray[np.int16], origins: Vector, row_step: Vector, col_step: Vector) -> str:
    """SHA-256 over shape, geometry (to 0.0001 mm) and voxels: names the scan without naming the patient."""
    digest = hashlib.sha256(repr(hu.shape).encode())
    geometry = np.concatenate([origins.ravel(), row_step, col_step])
    digest.update(np.rint(geometry * 1e4).astype("<i8").tobytes())
    digest.update(np.ascontiguousarray(hu).astype("<i2", copy=False).data)
    return digest.hexdigest()
