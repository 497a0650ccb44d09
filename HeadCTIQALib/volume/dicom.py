"""Which files and which series: from a folder, an archive or a file to one candidate; :mod:`.stacking` makes it a volume."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..text import printable
from .choice import choose, counted
from .decoding import open_file
from .files import folder_files, unzipped
from .headers import PRIVATE_TAGS, Scan, scan_files, scrubbed
from .lost import unread
from .stacking import HEADERS_SHARE, Progress, stacked
from .types import CTVolume, Source


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
    scan = scan_files(files, lambda f: progress(f * HEADERS_SHARE))
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
    used = [s.path for series in scan.series.values() for s in series.slices]
    return stacked(candidate, source, _scan_notes(scan, unreadable), progress, unread(files, used, candidate.slices), len(scan.series) == 1)


def _scan_notes(scan: Scan, unreadable: int) -> list[str]:
    notes = []
    if scan.damaged:
        notes.append(f"Left out: damaged DICOM files ({_listed(scan.damaged)}).")
    if unreadable:
        notes.append(f"Left out: {counted(unreadable, 'file or folder', 'files or folders')} that could not be opened.")
    return notes


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
