"""Where the scan in a volume node came from, so that the module and the command line read the same and measure the same."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from HeadCTIQALib.volume.exchange import write_exchange

from .volumes import dicom_files, volume_from_node

_LONGEST = 64  # letters of a name


def prepare(node: Any, folder: Path) -> Path:
    """What the networks read, named after the volume: links to the DICOM files of the scan, or else its voxels and true geometry.

    Raises:
        InputError: the volume cannot be used.
        OSError: no space for it.
    """
    files = dicom_files(node)
    if not files:
        path = folder / "scan.nrrd"
        write_exchange(path, volume_from_node(node))
        return path
    scan = folder / "scan" / folder_name(node)
    scan.mkdir(parents=True)
    for n, file in enumerate(files):
        target = scan / f"{n:05d}.dcm"
        try:
            os.link(file, target)
        except OSError:  # another disk, or one that knows no links
            shutil.copyfile(file, target)
    return scan


def folder_name(node: Any) -> str:
    """The name of the volume as every file system takes it."""
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", node.GetName() or "")
    return " ".join(plain.split())[:_LONGEST].strip(" .") or "scan"
