"""Finding the files of a scan on disk: folders without end, loops, pipes and devices."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import InputError
from .archive import MAX_FILES


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
                raise InputError(
                    f"{folder.name}: the folder cannot be read ({error.strerror}); check its permissions."
                ) from error
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
