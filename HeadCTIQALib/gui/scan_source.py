"""Where the scan in a volume node came from, so that the module and the command line read the same and measure the same."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import slicer

from HeadCTIQALib.volume.exchange import write_exchange

from .volumes import volume_from_node

INSTANCES = "DICOM.instanceUIDs"  # attribute of a volume node that was loaded from DICOM
FOLDER = "HeadCTIQA.folder"  # attribute of a volume node: where its DICOM files lie, if in no database
_IMAGES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_LONGEST = 64  # letters of a name


def prepare(node: Any, folder: Path) -> Path:
    """What the networks read of the scan in ``node``: its DICOM files or its image file, else its voxels and true geometry.

    Args:
        folder: for links to the files, or for the voxels, named after the volume.

    Raises:
        InputError: the volume cannot be used.
        OSError: no space for it.
    """
    files = dicom_files(node)
    if not files:
        path = image_file(node)
        if path is None:
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


def dicom_files(node: Any) -> list[Path]:
    """The DICOM files that a volume node was loaded from, in the order of their names; empty when any is gone."""
    uids = (node.GetAttribute(INSTANCES) or "").split()
    if not uids:
        return []
    files = [_in_database(uid) for uid in uids]
    if None in files:
        beside = _in_folder(Path(node.GetAttribute(FOLDER) or os.devnull))
        files = [beside.get(uid) for uid in uids]
    found = [file for file in files if file is not None]
    return sorted(found) if len(found) == len(uids) else []


def image_file(node: Any) -> Path | None:
    """The image file that holds exactly what the volume node shows, or None."""
    storage = node.GetStorageNode()
    name = str(storage.GetFileName() or "") if storage is not None else ""
    if not name.lower().endswith(_IMAGES) or not Path(name).is_file():
        return None
    changed = node.GetModifiedSinceRead() or node.GetParentTransformNode() is not None
    return None if changed else Path(name)


def folder_name(node: Any) -> str:
    """The name of the volume as every file system takes it."""
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", node.GetName() or "")
    return " ".join(plain.split())[:_LONGEST].strip(" .") or "scan"


def _in_database(uid: str) -> Path | None:
    database = getattr(slicer, "dicomDatabase", None)
    name = str(database.fileForInstance(uid) or "") if database is not None else ""
    if database is None or not name:
        return None
    path = Path(name)  # what was copied into the database may be told from its folder on
    path = path if path.is_absolute() else Path(str(database.databaseDirectory), name)
    return path if path.is_file() else None


def _in_folder(folder: Path) -> dict[str, Path]:
    """SOP Instance UID to file, for the DICOM files below ``folder``."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
        except (InvalidDicomError, OSError, ValueError):
            continue
        if "SOPInstanceUID" in header:
            found[str(header.SOPInstanceUID)] = path
    return found
