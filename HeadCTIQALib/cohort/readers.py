"""What readers said, read from tables as people make them and written as one tidy table: scan, reader, target, value.

``scan`` is the name of the assessment folder, a path that ends in it, or the first twelve or more digits of the scan's
SHA-256 in its record.  ``target`` is an IQM id (value in the IQM's unit), a category id or "overall" (a score of 0-100,
higher is better, or on another scale that is named).  An empty value means that the reader could not judge.  One file a
reader, or all in one: reading merges them.  Other forms: :mod:`.reader_columns`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.scoring.calibration import SCORES
from HeadCTIQALib.text import cell
from HeadCTIQALib.writing import write_text

from .reader_cells import ENDINGS, sheets
from .reader_columns import names_scans
from .reader_layout import values_of_sheet
from .reader_values import COLUMNS, ORDER, TARGETS, ReaderTable, ReaderValue, check_values, checked, plain, valid_range
from .scales import HUNDRED, LARGEST_ASKED, OPTIONS, Scale, looks_like_another

__all__ = [
    "COLUMNS",
    "TARGETS",
    "ReaderTable",
    "ReaderValue",
    "check_values",
    "plain",
    "read_readers",
    "valid_range",
    "write_readers",
]

_MAX_BYTES = 100_000_000


def read_readers(*paths: str | Path, scale: Scale | None = None) -> ReaderTable:
    """Read and merge reader files; a folder stands for the tables (CSV, TSV, xlsx) in it.

    Args:
        scale: that scores were given on; where there is none they are of 0-100, and refused where they hardly can be.

    Raises:
        InputError: one sentence with file and line about the first thing that cannot be used.
    """
    from hashlib import sha256

    files = [file for path in paths for file in _files(Path(path))]
    digest, cells, notes = sha256(), list[tuple[str, ReaderValue]](), list[str]()
    for file in files:
        try:
            content = read_regular(file, _MAX_BYTES, "The reader table")
        except FileNotFoundError:
            raise InputError(
                f"The reader table {file} cannot be read (there is no such file); check the path."
            ) from None
        digest.update(content)
        found = sheets(content, file.name)
        tables = [s for s in found if not s.part or names_scans(s.rows[0][1])] or found[:1]
        notes += [f"{s.name} has no column of scans and was not read." for s in found if s not in tables]
        for sheet in tables:
            values, said = values_of_sheet(sheet, scale)
            cells += values
            notes += said
    if not cells:
        raise InputError(
            f"{', '.join(f.name for f in files)} holds no reader values; add rows of {', '.join(COLUMNS)}."
        )
    table = checked(cells)
    if scale is None:
        _ask_scale(table)
    else:
        notes += _mapped(table, scale)
    return replace(
        table,
        notes=(*notes, *table.notes),
        sha256=digest.hexdigest(),
        scale="" if scale is None else scale.account,
        steps=() if scale is None else scale.steps,
    )


def _ask_scale(table: ReaderTable) -> None:
    """Refuse scores of 0-100 that all lie within 0..10: of a reader, or of a reader for one target.

    Raises:
        InputError: see above.
    """
    for reader in table.readers:
        said = [v for v in table.values if v.reader == reader and v.target in SCORES and v.value is not None]
        for target in (None, *SCORES):
            values = [v.value for v in said if v.value is not None and target in (None, v.target)]
            if values and looks_like_another(values, target is not None):
                about = "scores" if target is None else f"scores for {target}"
                raise InputError(
                    f"All {len(values)} {about} of {reader} lie between {min(values):g} and {max(values):g}, so they are hardly of 0-{100:g}; "
                    f"say which scale they are on: {OPTIONS}."
                )


def _mapped(table: ReaderTable, scale: Scale) -> Iterable[str]:
    if scale.numbers == HUNDRED.numbers:
        return
    yield f"Scores were mapped to 0-100 from the scale {scale.account}."
    scores = [v.value for v in table.values if v.target in SCORES and v.value is not None]
    if scores and scale.numbers and max(scores) <= 50.0 and len(scores) >= LARGEST_ASKED:
        yield f"No score reaches the better half of the scale {scale.name}; make sure that it is the right one."


def write_readers(path: str | Path, values: Iterable[ReaderValue]) -> None:
    """Write reader values as CSV in a fixed order, whole or not at all.

    Raises:
        InputError: as :func:`check_values`.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    table = check_values(values)
    rows = sorted(table.values, key=lambda v: (v.scan, v.reader, ORDER[v.target]))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (cell(v.scan), cell(v.reader), v.target, "" if v.value is None else f"{v.value:.10g}") for v in rows
    )
    write_text(path, text.getvalue(), "The reader table")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(
        f for f in path.glob("*") if f.suffix.lower() in ENDINGS and not f.name.startswith((".", "~$"))
    )  # ~$: Excel's lock
    if not found:
        raise InputError(
            f"The folder {path} holds no reader tables (*{', *'.join(ENDINGS)}); choose another folder or a file."
        )
    return found
