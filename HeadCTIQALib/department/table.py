"""A cohort as one table, with a data dictionary beside it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.text import cell
from HeadCTIQALib.writing import whole_file, write_text

from .columns import COLUMNS, dictionary
from .index import indexed

Format = Literal["tsv", "csv", "json", "parquet"]
NAME = "group_headct"
DICTIONARY = f"{NAME}.json"
FILES: dict[str, str] = {
    "tsv": f"{NAME}.tsv",
    "csv": f"{NAME}.csv",
    "json": f"{NAME}.rows.json",
    "parquet": f"{NAME}.parquet",
}
NAMES = ("scan", *(c.name for c in COLUMNS))


def rows(cohort: Path, progress: Progress = silent) -> tuple[list[tuple[Any, ...]], tuple[str, ...]]:
    """``scan`` and :data:`~.columns.COLUMNS` of every assessment, in order of name; and sentences about those left out.

    Raises:
        HeadCTIQAError: see :func:`~.index.indexed`.
    """
    with indexed(cohort, progress) as index:
        found = index.database.execute(f"SELECT {', '.join(NAMES)} FROM scans ORDER BY scan")  # noqa: S608  # our own names
        return found.fetchall(), index.left_out


def write_table(cohort: Path, form: Format, progress: Progress = silent) -> tuple[Path, int, tuple[str, ...]]:
    """Write table and data dictionary into the cohort: the path, the number of rows, and sentences about those left out.

    Raises:
        HeadCTIQAError: see :func:`rows`; or it cannot be written, or pyarrow is missing for Parquet.
    """
    found, left_out = rows(cohort, progress)
    path = cohort / FILES[form]
    if form == "parquet":
        with whole_file(path, "The table") as stream:
            stream.write(_parquet(found))
    elif form == "json":
        write_text(path, json.dumps([dict(zip(NAMES, r, strict=True)) for r in found], indent=0) + "\n", "The table")
    else:
        write_text(path, _text(found, form), "The table")
    write_text(cohort / DICTIONARY, json.dumps(dictionary(), indent=1) + "\n", "The data dictionary")
    return path, len(found), left_out


def _text(found: Sequence[tuple[Any, ...]], form: Format) -> str:
    """TSV with n/a for what is not there, as BIDS has it; CSV with empty cells."""
    out, absent = io.StringIO(), "n/a" if form == "tsv" else ""

    def cells(values: tuple[Any, ...]) -> Iterator[Any]:
        for value in values:
            yield absent if value is None or value == "" else cell(value) if isinstance(value, str) else value

    writer = csv.writer(out, delimiter="\t" if form == "tsv" else ",", lineterminator="\n")
    writer.writerow(NAMES)
    writer.writerows(cells(r) for r in found)
    return out.getvalue()


def _parquet(found: Sequence[tuple[Any, ...]]) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError("Parquet needs pyarrow; install headctiqa[parquet], or choose tsv, csv or json.") from error
    types = {"TEXT": pyarrow.string(), "REAL": pyarrow.float64(), "INTEGER": pyarrow.int64()}
    kinds = [pyarrow.string(), *(types[c.kind] for c in COLUMNS)]
    columns = [pyarrow.array([r[n] for r in found], kind) for n, kind in enumerate(kinds)]
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns, names=list(NAMES)), out)
    return out.getvalue()
