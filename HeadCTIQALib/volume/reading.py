"""`read`: any supported path to a :class:`CTVolume`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import InputError, boundary
from ..files import is_folder, open_regular
from ..text import printable
from .types import CTVolume


def read(
    path: Path | str,
    series: str | None = None,
    progress: Callable[[float], None] | None = None,
    keep_name: bool = False,
    files: Sequence[Path] = (),
) -> CTVolume:
    """Read a head CT.

    Args:
        path: a folder with DICOM files (nested, mixed with other series and other files) or one image, one of its files or its
            DICOMDIR, a .zip archive of it, or a .nii, .nii.gz, .hdr, .nrrd, .nhdr, .mha or .mhd image in HU.
        series: SeriesInstanceUID, or a unique ending of it, when not the most suitable series is wanted (DICOM only).
        progress: called with fractions from 0 to 1.
        keep_name: name the volume, and damaged files, after the files and folders, although their names may be a patient's.
        files: the DICOM files below the folder ``path`` that are looked at; empty: all of them.

    Returns:
        The volume, slices in order towards the vertex; ``warnings`` tell what was left out or turned on the way.
        :func:`check` tells whether it is a head CT at all.

    Raises:
        InputError: the path cannot be read as a CT volume.
    """
    path = Path(path)
    report = progress or (lambda fraction: None)
    if is_folder(path):
        from .dicom import read_files, read_folder

        if files:
            return read_files(files, printable(path.name), series, report, keep_name)
        return read_folder(path.resolve() if not path.name else path, series, report, keep_name)
    return _read_file(path, series, report, keep_name)


def _read_file(path: Path, series: str | None, report: Callable[[float], None], keep_name: bool) -> CTVolume:
    from .images import image_kind, read_image
    from .parsing import looks_like_dicom

    name = printable(path.name)
    with open_regular(path, name) as stream, boundary(f"{name} cannot be read; give a file or folder of a head CT."):
        head = stream.read(132)
    if not head:
        raise InputError(f"{name} is an empty file; copy it again.")
    if image_kind(path):
        if series is not None:
            raise InputError(f"{name} holds a single image: leave out --series {series}.")
        volume = read_image(path, keep_name)
        report(1.0)
        return volume
    if looks_like_dicom(head):
        from .dicom import read_file

        return read_file(path, series, report, keep_name)
    if head[:2] == b"PK" or path.suffix.lower() == ".zip":
        from .dicom import read_archive

        return read_archive(path, series, report, keep_name)
    raise InputError(
        f"{name} is in no known format; give DICOM files, a .zip of them, or a NIfTI, NRRD or MetaImage file."
    )
