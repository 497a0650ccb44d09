"""Where an evaluation of the networks may be written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.writing import is_json, output_error, refuse_foreign, starts_with


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
        raise OutputError(f"{foreign} was not written by an evaluation of the networks, or is damaged; remove it, or choose another folder.")
    for name, words in tables.items():
        refuse_foreign(output / name, lambda file, words=words: starts_with(file, words), "a table of an evaluation")  # type: ignore[misc]
