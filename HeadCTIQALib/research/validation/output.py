"""Where an evaluation of the networks may be written, and the real scans that it is given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.writing import is_json, output_error, refuse_foreign, starts_with

ENDINGS = (".nii.gz", ".nii")


def scans_in(folder: Path, only: Sequence[str] = ()) -> dict[str, Path]:
    """Name to path of every scan in ``folder``: folders of DICOM files and NIfTI files.

    Raises:
        InputError: there are none.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        ending = next((e for e in ENDINGS if path.name.endswith(e)), "")
        name = path.name.removesuffix(ending)
        if (path.is_dir() or ending) and (not only or name in only):
            found[name] = path
    if not found:
        raise InputError(
            f"The folder {folder} holds no scans to degrade; give a folder with one DICOM folder, or one NIfTI file, a scan."
        )
    return found


def stored_row(path: Path, **same: Any) -> dict[str, Any] | None:
    """The row that an earlier run wrote to ``path``, where it has the values ``same``; None where there is no such row."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return row if isinstance(row, dict) and all(row.get(key) == value for key, value in same.items()) else None


def check_folder(output: Path, rows: Path, tables: Mapping[str, str]) -> None:
    """Make the folder ``rows`` in ``output``; refuse where files of others lie at the places of ours.

    Args:
        tables: name of a file in ``output`` to words among its first ones.

    Raises:
        OutputError: a file is not ours to replace, or the folder cannot be written.
    """
    try:
        rows.mkdir(parents=True, exist_ok=True)
        foreign = next((p for p in sorted(rows.glob("*.json")) if not is_json(p, lambda row: "format" in row)), None)
    except OSError as error:
        raise output_error(output, error, "The output folder") from error
    if foreign is not None:
        raise OutputError(
            f"{foreign} was not written by an evaluation of the networks, or is damaged; remove it, or choose another folder."
        )
    for name, words in tables.items():
        refuse_foreign(output / name, lambda file, words=words: starts_with(file, words), "a table of an evaluation")  # type: ignore[misc]
