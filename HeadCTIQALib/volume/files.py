"""Finding the files of a scan on disk: folders without end, loops, and zip archives that mean harm."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from .headers import looks_like_dicom

MAX_FILES = 100_000
MAX_UNZIPPED_BYTES = 6 << 30


def folder_files(folder: Path) -> tuple[list[Path], int]:
    """All regular files below `folder` in a stable order, and how many entries could not be looked at.

    Links are followed, but no folder is entered twice; pipes and devices are never opened.

    Raises:
        InputError: the folder itself cannot be listed, or holds more than 100,000 files.
    """
    files: list[Path] = []
    unreadable = 0
    seen: set[tuple[int, int]] = set()
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(current), key=lambda e: e.name)
        except OSError as error:
            if current == folder:
                raise InputError(f"{folder.name}: the folder cannot be read ({error.strerror}); check its permissions.") from error
            unreadable += 1
            continue
        for entry in entries:
            try:
                mode = entry.stat().st_mode
            except OSError:  # a broken link, a loop of links, or no permission
                unreadable += 1
                continue
            if stat.S_ISDIR(mode):
                pending.append(Path(entry.path))
            elif stat.S_ISREG(mode):
                files.append(Path(entry.path))
        if len(files) > MAX_FILES:
            raise InputError(f"{folder.name} holds more than {MAX_FILES:,} files; give the folder of one study.")
    return sorted(files), unreadable


@contextmanager
def unzipped(archive: Path) -> Iterator[list[Path]]:
    """The DICOM files of a zip archive in a temporary folder that is removed afterwards.

    Names inside the archive are never used as paths, and the bytes written are counted, so that neither ``../`` names
    nor zip bombs reach the disk.

    Raises:
        InputError: not a zip archive, damaged, encrypted, or too large when unpacked.
    """
    with tempfile.TemporaryDirectory(prefix="headctiqa-") as folder:
        try:
            with zipfile.ZipFile(archive) as z:
                files = _extract(z, Path(folder), archive.name)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
            raise InputError(f"{archive.name} is damaged or not a zip archive; make it again.") from error
        except RuntimeError as error:  # how zipfile reports encryption
            raise InputError(f"{archive.name} is protected by a password; unpack it first.") from error
        except OSError as error:
            raise InputError(f"{archive.name} cannot be unpacked ({error.strerror or error}).") from error
        yield files


def _extract(archive: zipfile.ZipFile, folder: Path, name: str) -> list[Path]:
    members = [m for m in archive.infolist() if not m.is_dir()]
    limit = min(MAX_UNZIPPED_BYTES, shutil.disk_usage(folder).free // 2)
    if len(members) > MAX_FILES:
        raise InputError(f"{name} holds more than {MAX_FILES:,} files; give the archive of one study.")
    total, files = 0, []
    for index, member in enumerate(members):
        with archive.open(member) as source:
            head = source.read(132)
            if not looks_like_dicom(head):
                continue
            path = folder / f"{index:06d}.dcm"
            with path.open("wb") as target:
                block = head
                while block:
                    total += len(block)
                    if total > limit:
                        raise InputError(f"{name} is too large when unpacked (over {limit >> 20} MB); give the archive of one study.")
                    target.write(block)
                    block = source.read(1 << 20)
        files.append(path)
    return files
