"""One DICOM series to a :class:`CTVolume`: order by true position, decode, rescale, mark padding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .acquisition import acquisition
from .choice import Candidate, choose, counted
from .decoding import Decoder, open_file
from .enhanced import flattened
from .files import folder_files, unzipped
from .geometry import LPS_TO_RAS, Stack, distinct_order, normal, upright
from .headers import PRIVATE_TAGS, Scan, Slice, printable, scan_files, scrubbed
from .limits import refuse_oversized
from .padding import padding_in
from .types import CTVolume, Source, Vector

if TYPE_CHECKING:
    from .types import Acquisition

Progress = Callable[[float], None]
_HEADERS_SHARE = 0.3  # of the progress bar


def read_folder(folder: Path, series: str | None, progress: Progress) -> CTVolume:
    """The most suitable series (or the one asked for) of all DICOM files below `folder`."""
    files, unreadable = folder_files(folder)
    if not files:
        raise InputError(f"{folder.name} is empty or unreadable; give a folder with the DICOM files of a head CT.")
    return read_files(files, folder.name, series, progress, unreadable)


def read_archive(archive: Path, series: str | None, progress: Progress) -> CTVolume:
    """As :func:`read_folder`, from a zip archive."""
    with unzipped(archive) as files:
        return read_files(files, archive.name, series, progress, 0)


def read_file(path: Path, series: str | None, progress: Progress) -> CTVolume:
    """The series that a DICOM file belongs to, from the files beside it; a DICOMDIR stands for its folder."""
    scan = scan_files([path])
    if not scan.series and not scan.damaged and scan.other:  # a DICOMDIR: it looked like DICOM and holds no images
        return read_folder(path.parent, series, progress)
    if not scan.series:
        raise InputError(f"{path.name} is damaged or truncated; copy it from the scanner or archive again.")
    uid = series or next(iter(scan.series))
    try:
        beside = sorted(p for p in path.parent.iterdir() if p.is_file())
    except OSError:
        beside = [path]
    return read_files(beside, path.name, uid, progress, 0)


def read_files(files: list[Path], name: str, series: str | None, progress: Progress, unreadable: int) -> CTVolume:
    """Choose a series among `files` and read it.

    Raises:
        InputError: nothing to read, nothing suitable, or a file of the series is damaged.
    """
    scan = scan_files(files, lambda f: progress(f * _HEADERS_SHARE))
    if not scan.series:
        if scan.damaged:
            raise InputError(f"{name}: the DICOM files are damaged or truncated ({_listed(scan.damaged)}); copy the scan again.")
        raise InputError(f"{name} holds no DICOM files; give a folder, archive or image file of a head CT.")
    candidate, because, considered = choose(list(scan.series.values()), name, series)
    # Folders and files are often named after the patient.
    patient = open_file(candidate.slices[0].path, stop_before_pixels=True, specific_tags=list(PRIVATE_TAGS))
    scan.damaged = [scrubbed(printable(file), patient) for file in scan.damaged]
    title = scrubbed(printable(name), patient) or "DICOM series"
    source = Source("dicom", title, candidate.series.uid, None, because, considered)
    return _read_candidate(candidate, source, _scan_notes(scan, unreadable), progress)


def _scan_notes(scan: Scan, unreadable: int) -> list[str]:
    notes = []
    if scan.damaged:
        notes.append(f"Left out: damaged DICOM files ({_listed(scan.damaged)}).")
    if unreadable:
        notes.append(f"Left out: {counted(unreadable, 'file or folder', 'files or folders')} that could not be opened.")
    return notes


def _read_candidate(candidate: Candidate, source: Source, notes: list[str], progress: Progress) -> CTVolume:
    slices, notes = candidate.slices, [*notes, *candidate.left_out]
    first = slices[0]
    origins, row_step, col_step = _geometry(slices)
    keep, duplicates = distinct_order(origins, normal(row_step, col_step))
    if duplicates:
        notes.append(f"Left out: {counted(len(duplicates), 'slice')} at the same position as another one.")
    slices, origins = tuple(slices[i] for i in keep), origins[keep]
    refuse_oversized(source.name, len(slices), first.rows, first.columns)
    if any(s.slope is None or s.intercept is None for s in slices):
        notes.append("The rescale tags are missing: the stored values were taken as HU.")
    hu, padding = _voxels(slices, source.name, progress)
    context = _acquisition(slices, origins)
    stack, turned = _upright(Stack(hu, origins, row_step, col_step, padding), source.name)
    if turned:
        notes.append("The slices are sagittal or coronal reformats: axes were exchanged, in-plane measures refer to axial planes.")
    volume = stack.volume(context, source, notes)
    progress(1.0)
    return volume


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
        raise InputError(f"{name} holds unevenly spaced sagittal or coronal slices only; give the axial series.") from error


def _acquisition(slices: tuple[Slice, ...], origins: Vector) -> Acquisition:
    middle = slices[len(slices) // 2]
    ds = open_file(middle.path, stop_before_pixels=True)
    return acquisition(ds if middle.frame is None else flattened(ds), origins)


def _voxels(slices: tuple[Slice, ...], name: str, progress: Progress) -> tuple[NDArray[np.int16], NDArray[np.bool_] | None]:
    """(K, J, I) HU and padding mask (None when there is none), decoded slice by slice into place."""
    hu = np.empty((len(slices), slices[0].rows, slices[0].columns), np.int16)
    padding = np.zeros(hu.shape, bool)
    decoder = Decoder()
    # One thread: neither pydicom's parser nor GDCM's Python binding lets go of the interpreter lock (measured).
    for k, image in enumerate(slices):
        values = decoder.stored_values(image)
        if values.shape != hu.shape[1:]:
            raise InputError(f"{name}: {image.path.name} is damaged (its image is {values.shape}); copy the scan again.")
        hu[k] = rescaled(values, image.slope, image.intercept)
        padding[k] = padding_in(values, hu[k], image)
        progress(_HEADERS_SHARE + (1 - _HEADERS_SHARE) * 0.95 * (k + 1) / len(slices))
    if not padding.any():
        return hu, None
    hu[padding] = -1024
    return hu, padding


def rescaled(values: NDArray[np.integer], slope: float | None, intercept: float | None) -> NDArray[np.int16]:
    """Stored values to HU, rounded and clipped to int16."""
    slope, intercept = 1.0 if slope is None else slope, 0.0 if intercept is None else intercept
    if slope == 1 and intercept == int(intercept) and abs(intercept) < 2**20:
        wide = values.astype(np.int32)
        wide += int(intercept)
        return np.clip(wide, -32768, 32767, out=wide).astype(np.int16)
    return np.clip(np.rint(values * np.float64(slope) + intercept), -32768, 32767).astype(np.int16)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
