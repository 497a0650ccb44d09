"""The slices of one series to a :class:`CTVolume`: order by true position, decode, rescale, mark padding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from HeadCTIQALib.geometry import LPS_TO_RAS

from ..errors import InputError
from .acquisition import acquisition
from .blank import runs
from .candidates import Candidate, counted
from .dicom_voxels import ImplausibleError, voxels
from .enhanced import flattened
from .geometry import Stack, distinct_order, normal, upright
from .grouping import MIN_SLICES, differences, is_flat, kind
from .headers import Slice
from .limits import refuse_oversized
from .lost import MOST_LOST, by_number, doubts, of_files, set_aside
from .parsing import read_header
from .processing import REFORMATTED
from .tags import integer
from .types import Acquisition, CTVolume, Lost, Source, Vector

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Progress = Callable[[float], None]
_FAR_MM = 1e6
_SLOPES = (1e-3, 1e3)  # of CT values; 1 as a rule
_TOTALS = ("ImagesInAcquisition", "NumberOfSeriesRelatedInstances", "NumberOfSlices")  # how many images there were
HEADERS_SHARE = 0.3  # of the progress bar: reading the headers


def stacked(
    candidate: Candidate, source: Source, notes: list[str], progress: Progress, unread: int = 0, alone: bool = True
) -> CTVolume:
    """The volume of one candidate.  A slice that cannot be decoded is left out and told, not a reason to refuse the scan.

    Args:
        notes: sentences about what was left out before, for ``CTVolume.warnings``.
        unread: files that cannot be read and lie among those of the candidate.
        alone: they can belong to no other series.

    Raises:
        InputError: its slices make no volume, or too many are lost.
    """
    slices, notes = candidate.slices, [*notes, *candidate.left_out]
    notes += dict.fromkeys(s.remark for s in slices if s.remark)
    first = slices[0]
    origins, row_step, col_step = _geometry(slices)
    if np.abs(origins).max() > _FAR_MM:
        raise InputError(f"{source.called} has slices at places where no scanner is; check the slice positions.")
    keep, duplicates = distinct_order(origins, normal(row_step, col_step))
    if len(slices) > 1 and not np.ptp(origins, axis=0).any():
        raise InputError(
            f"{source.called}: all {len(slices)} slices have the same ImagePositionPatient; the positions were lost: export the original series again."
        )
    if len(slices) >= MIN_SLICES and is_flat(slices):
        raise InputError(
            f"{source.called}: ImageOrientationPatient does not fit ImagePositionPatient: by them the slices do not lie above each other; "
            "export the original series again."
        )
    if duplicates:
        notes.append(f"Left out: {counted(len(duplicates), 'slice')} at the same position as another one.")
    slices, origins = tuple(slices[i] for i in keep), origins[keep]
    refuse_oversized(source.called, len(slices), first.rows, first.columns)
    if all(s.lut is None and (s.slope is None or s.intercept is None) for s in slices):
        notes.append("The rescale tags are missing: the stored values were taken as HU.")
    slopes = {s.slope for s in slices if s.lut is None and s.slope is not None}
    if len(slopes) == 1 and not _SLOPES[0] <= max(slopes) <= _SLOPES[1]:
        raise InputError(
            f"{source.called}: RescaleSlope is {max(slopes):g} in every slice, which no CT has; export the scan again."
        )
    hu, padding, failed, repairs = voxels(
        slices, source.called, lambda f: progress(HEADERS_SHARE + (1 - HEADERS_SHARE) * 0.95 * f)
    )
    notes += repairs
    positions = origins @ normal(row_step, col_step)
    unread += sum(x.slices or 0 for x in candidate.lost)
    lost = _lost(slices, positions, failed, unread, alone)
    lost = _set_aside(candidate, slices, positions, lost)
    good = [k for k in range(len(slices)) if k not in failed]
    stack = (
        Stack(hu[good], origins[good], row_step, col_step, None if padding is None else padding[good])
        if failed
        else Stack(hu, origins, row_step, col_step, padding)
    )
    header = _header([slices[k] for k in good])
    context = _told_anywhere(acquisition(header, origins[good]), slices)
    doubtful = [] if unread else _doubts(candidate, slices, positions, header)
    stack, turned = _upright(stack, source.called)
    if turned:
        notes.append(
            "The slices are sagittal or coronal reformats: axes were exchanged, in-plane measures refer to axial planes."
        )
        lost, doubtful = [replace(x, low_mm=None, high_mm=None) for x in lost], []  # planes that cross all axial ones
    volume = stack.volume(context, source, [*notes, *doubtful], lost)
    progress(1.0)
    return volume


def _lost(
    slices: tuple[Slice, ...], positions: Vector, failed: Mapping[int, InputError], unread: int, alone: bool
) -> list[Lost]:
    """What is missing between the slices, and where: damaged ones, gaps in the numbering, files that cannot be read.

    Raises:
        InputError: more slices failed than a scan can lose; that of the first of them.
    """
    if len(failed) > MOST_LOST * len(slices):
        raise next(iter(failed.values()))
    numbers = [s.order[1] for s in slices]
    gaps = by_number(numbers, positions)
    good = [k for k in range(len(slices)) if k not in failed]
    odd = {k for k, error in failed.items() if isinstance(error, ImplausibleError)}
    return [
        *runs(positions, good, failed.keys() - odd, "damaged"),
        *runs(positions, good, odd, "in other units than the slices beside"),
        *gaps,
        *of_files(unread, alone, numbers, positions, gaps),
    ]


def _set_aside(candidate: Candidate, slices: tuple[Slice, ...], positions: Vector, lost: list[Lost]) -> list[Lost]:
    """`lost` and the slices of the scan that were left out of the volume; a gap in the numbers that they explain is told once."""
    if not candidate.aside:
        return lost
    _, row_step, col_step = _geometry(slices)
    places = np.array([s.position for s in candidate.aside], float) * LPS_TO_RAS @ normal(row_step, col_step)
    why = f"another {' and '.join(differences(slices[0], candidate.aside[0]))}"
    aside = set_aside(places.tolist(), positions, why)
    explained = {(x.low_mm, x.high_mm): x.slices or 0 for x in aside}
    return [*aside, *(x for x in lost if (x.slices or 0) > explained.get((x.low_mm, x.high_mm), 0))]


def _doubts(candidate: Candidate, slices: tuple[Slice, ...], positions: Vector, header: Dataset) -> list[str]:
    acquisitions = {s.order[0] for s in slices}
    if slices[0].frame is not None or (len(acquisitions) == 1 and min(acquisitions) > 1):
        return []  # frames are numbered here, and a later acquisition goes on with the numbers of the one before
    own = {s.path for s in slices}
    others = [s.order[1] for s in candidate.series.slices if s.path not in own]
    total = next((n for n in (integer(header, keyword) for keyword in _TOTALS) if n), None)
    return doubts([s.order[1] for s in slices], positions, others, total)


def _geometry(slices: tuple[Slice, ...]) -> tuple[Vector, Vector, Vector]:
    """(K, 3) origins, row step and column step in RAS mm."""
    first = slices[0]
    assert first.orientation is not None
    assert first.spacing is not None
    row, col = np.array(first.orientation[:3]), np.array(first.orientation[3:])
    row_step = row / np.linalg.norm(row) * LPS_TO_RAS * first.spacing[1]
    col_step = col / np.linalg.norm(col) * LPS_TO_RAS * first.spacing[0]
    origins = np.array([s.position for s in slices], float) * LPS_TO_RAS
    return origins, row_step, col_step


def _upright(stack: Stack, name: str) -> tuple[Stack, bool]:
    try:
        return upright(stack)
    except ValueError as error:
        raise InputError(
            f"{name} holds unevenly spaced sagittal or coronal slices only; give the axial series."
        ) from error


def _told_anywhere(context: Acquisition, slices: Sequence[Slice]) -> Acquisition:
    """With what only some of the files tell: contrast medium, and what was done to the images."""
    told = [s.context for s in slices]
    return replace(
        context,
        contrast_agent=any(c.contrast for c in told) or context.contrast_agent,
        lossy_compression=any(c.lossy for c in told) or context.lossy_compression,
        lossy_ratio=max((c.lossy_ratio for c in told if c.lossy_ratio), default=context.lossy_ratio),
        reformatted=any(kind(s) == "reformatted" for s in slices) or context.reformatted,
        processed=next((c.processed for c in told if c.processed and c.processed != REFORMATTED), None),
    )


def _header(slices: Sequence[Slice]) -> Dataset:
    middle = slices[len(slices) // 2]
    ds, _ = read_header(middle.path)
    return ds if middle.frame is None else flattened(ds)
