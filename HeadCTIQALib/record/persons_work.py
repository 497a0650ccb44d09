"""What a person did in an assessment folder: corrections, files saved from 3D Slicer, reader scores."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec

from .names import LANDMARKS, PLANE, RECORD, SEGMENTATION
from .types import Record

_FOR_SLICER = (SEGMENTATION, LANDMARKS, PLANE)
_READER_COLUMNS = ("scan", "reader", "target", "value")
_PATIENCE_S = 2.0  # by which files of one run differ in age


def with_checksums(record: Record, folder: Path) -> Record:
    """``record`` with the SHA-256 of the files in ``folder`` that 3D Slicer may save again."""
    files = {name: _sha256(folder / name) for name in _FOR_SLICER if (folder / name).exists()}
    return msgspec.structs.replace(record, files=files)


def persons_work(folder: Path) -> str:
    """What a person did in an assessment folder, in words; empty when nothing, or when it is no such folder."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except Exception:  # whatever foreign bytes make of the parser
        record = None
    if isinstance(record, dict):
        if record.get("corrections") or record.get("review"):
            return "corrections by a person"
        saved = [
            name for name in _FOR_SLICER if (folder / name).is_file() and _is_changed(folder, name, record.get("files"))
        ]
        if saved:
            return f"{', '.join(saved)} changed since the assessment, as by saving from 3D Slicer"
    tables = sorted(
        p.relative_to(folder).as_posix()
        for pattern in ("*.csv", "*/*.csv")
        for p in folder.glob(pattern)
        if _is_reader_table(p)
    )
    return f"reader scores ({', '.join(tables)})" if tables else ""


def _is_changed(folder: Path, name: str, known: object) -> bool:
    if isinstance(known, dict):
        return known.get(name) != _sha256(folder / name)
    # written before records had checksums
    return (folder / name).stat().st_mtime > (folder / RECORD).stat().st_mtime + _PATIENCE_S


def _is_reader_table(path: Path) -> bool:
    """By its name, or by the columns in its first line."""
    if path.name.lower().startswith("readers"):
        return True
    try:
        with path.open(encoding="utf-8-sig") as stream:
            first = stream.readline(1000)
    except (OSError, ValueError):
        return False
    return sorted(c.strip().strip('"').lower() for c in first.replace(";", ",").split(",")) == sorted(_READER_COLUMNS)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
