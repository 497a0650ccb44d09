"""Where the files that ship with the library are, however it was installed."""

from __future__ import annotations

from pathlib import Path

from HeadCTIQALib.errors import ModelError

_PACKAGE = Path(__file__).resolve().parent

ROOTS: tuple[Path, ...] = (_PACKAGE / "Resources", _PACKAGE.parent / "Resources")
"""Candidate resource folders, first match wins: inside the package (wheel), or beside it (source tree, 3D Slicer)."""


def resource(*parts: str) -> Path:
    """Path of a shipped file or folder, e.g. ``resource("Schema", "assessment-1.2.schema.json")``.

    Raises:
        ModelError: when no installation layout has it, which means that the installation is incomplete.
    """
    for root in ROOTS:
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise ModelError(
        f"The file Resources/{'/'.join(parts)} is missing from this installation; install HeadCTIQA again."
    )
