"""Which files and which series: from a folder, an archive or a file to one candidate; :mod:`.stacking` makes it a volume."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..text import printable
from .archive import Location, archived
from .candidates import Candidate, counted
from .choice import choose
from .files import folder_files
from .grouping import kind
from .headers import Scan, head_of, scan_files
from .stacking import HEADERS_SHARE, Progress, stacked
from .types import CTVolume, Source

TITLE = "DICOM series"  # instead of the name of a file or folder, which may be the patient's
_DIGITS = re.compile(r"\d+")
_SUFFIXES = ("", ".dcm", ".dicom", ".ima", ".img")  # of files that hold slices


def read_folder(folder: Path, series: str | None, progress: Progress, keep_name: bool = False) -> CTVolume:
    """The most suitable series (or the one asked for) of all DICOM files below `folder`; without any, the one image in it."""
    files, unreadable = folder_files(folder)
    if not files:
        raise InputError(f"{folder.name} is empty or unreadable; give a folder with the DICOM files of a head CT.")
    scan = scan_files(files, lambda f: progress(f * HEADERS_SHARE))
    if not scan.images and not scan.damaged:
        return _read_other(folder.name, files, series, progress, keep_name)
    return _read(scan, folder.name, series, progress, unreadable, keep_name)


def read_files(
    files: Sequence[Path], name: str, series: str | None, progress: Progress, keep_name: bool = False
) -> CTVolume:
    """As :func:`read_folder`, from these files alone, however large the folders are in which they lie."""
    return _read(scan_files(files, lambda f: progress(f * HEADERS_SHARE)), name, series, progress, 0, keep_name)


def read_archive(archive: Path, series: str | None, progress: Progress, keep_name: bool = False) -> CTVolume:
    """As :func:`read_folder`, from a zip archive; what is in it is never unpacked onto the disk."""
    with archived(archive) as files:
        scan = scan_files(files, lambda f: progress(f * HEADERS_SHARE))
        if not scan.images and not scan.damaged:
            return _read_other(archive.name, files, series, progress, keep_name)
        return _read(scan, archive.name, series, progress, 0, keep_name)


def read_file(path: Path, series: str | None, progress: Progress, keep_name: bool = False) -> CTVolume:
    """The series that a DICOM file belongs to, from the files beside it; a DICOMDIR stands for its folder."""
    alone = scan_files([path])
    if alone.directories:
        return read_folder(path.parent, series, progress, keep_name)
    if not alone.images:
        raise next(
            iter(alone.damaged.values()), InputError(f"{path.name} holds no image; give the files of a head CT.")
        )
    try:
        beside = sorted(p for p in path.parent.iterdir() if p.is_file())
    except OSError:
        beside = [path]
    scan = scan_files(beside, lambda f: progress(f * HEADERS_SHARE))
    return _read(scan, path.name, series, progress, 0, keep_name, None if series else path)


def _read(
    scan: Scan,
    name: str,
    series: str | None,
    progress: Progress,
    unreadable: int,
    keep_name: bool,
    beside: Path | None = None,
) -> CTVolume:
    """Choose a series and read it.

    Raises:
        InputError: nothing to read, nothing suitable, or a file of the series is damaged.
    """
    if not scan.images:
        raise _all_damaged(scan, name)
    candidate, because, considered = choose(scan.images, name, series, beside)
    damaged = [*scan.damaged, *_former_slices(scan, candidate)]
    notes = _notes(damaged, unreadable, keep_name)
    unread = sum(_may_be_slice(p, scan, candidate) for p in damaged)
    source = Source(
        "dicom",
        printable(name) if keep_name else TITLE,
        candidate.series.uid or None,
        None,
        because,
        considered,
        printable(name),
    )
    return stacked(candidate, source, notes, progress, unread, len(considered) == 1)


def _all_damaged(scan: Scan, name: str) -> InputError:
    if not scan.damaged:
        return InputError(f"{name} holds no DICOM files; give a folder, archive or image file of a head CT.")
    first = next(iter(scan.damaged.values()))
    if len(scan.damaged) == 1:
        return first
    error = InputError(f"{name}: none of {len(scan.damaged)} DICOM files can be read; the first one: {first}")
    error.__cause__ = first
    return error


def _former_slices(scan: Scan, candidate: Candidate) -> list[Location]:
    """Files that are no longer DICOM (empty, zeros, noise) and lie among the slices under names like theirs."""
    places = {(s.path.parent, s.path.suffix.lower()) for s in candidate.slices}
    found = [p for p in scan.not_dicom if (p.parent, p.suffix.lower()) in places and p.suffix.lower() in _SUFFIXES]
    return [p for p in found if p.suffix or not head_of(p, 132).strip(b"\0")]


def _may_be_slice(path: Location, scan: Scan, candidate: Candidate) -> bool:
    """Whether a file that cannot be read may be a slice of the candidate: by its header where that is whole, else by its name."""
    first = candidate.slices[0]
    if path.parent not in {s.path.parent for s in candidate.slices} or path.name.upper() == "DICOMDIR":
        return False
    header = scan.headers.get(path)
    if header is not None:
        uids = {header.context.series_uid, first.context.series_uid}
        return (len(uids) == 1 or "" in uids) and kind(header) == kind(first)
    names = {_DIGITS.sub("0", s.path.name.lower()) for s in candidate.slices}
    return _DIGITS.sub("0", path.name.lower()) in names or len(names) > max(
        3, len(candidate.slices) // 4
    )  # names without a system


def _notes(damaged: Sequence[Location], unreadable: int, keep_name: bool) -> list[str]:
    notes = []
    if damaged:
        names = f" ({_listed([printable(p.name) for p in damaged])})" if keep_name else ""
        notes.append(f"Left out: {counted(len(damaged), 'damaged DICOM file')}{names}.")
    if unreadable:
        notes.append(f"Left out: {counted(unreadable, 'file or folder', 'files or folders')} that could not be opened.")
    return notes


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


# ---- no DICOM at all ---------------------------------------------------------------------------------------------------


def _read_other(
    name: str, files: Sequence[Location], series: str | None, progress: Progress, keep_name: bool
) -> CTVolume:
    """The one image in a folder or archive without DICOM, or what is in the one archive there."""
    from .images import image_kind, read_image

    images = [p for p in files if image_kind(p)]
    archives = [p for p in files if isinstance(p, Path) and p.suffix.lower() == ".zip"]
    if len(images) == 1:
        if series is not None:
            raise InputError(f"{name} holds a single image: leave out --series {series}.")
        volume = read_image(images[0], keep_name)
        progress(1.0)
        return volume
    if len(archives) == 1 and not images:
        return read_archive(archives[0], series, progress, keep_name)
    raise _no_dicom(name, files)


def _no_dicom(name: str, files: Sequence[Location]) -> InputError:
    from .images import image_kind

    images = [p.name for p in files if image_kind(p)]
    if images:
        return InputError(
            f"{name} holds {len(images)} image files and no DICOM files; give one of them by its own path: {_listed(images)}."
        )
    return InputError(f"{name} holds no DICOM files; give a folder, archive or image file of a head CT.")
