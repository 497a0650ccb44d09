"""The cells of a reader table, whatever program saved it: separated text in any Unicode encoding, or an Excel workbook."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from HeadCTIQALib.errors import InputError, boundary
from HeadCTIQALib.text import printable, short
from HeadCTIQALib.volume.limits import refuse_large_table

SEPARATORS = ("\t", ";", ",", "|")
ENDINGS = (".csv", ".tsv", ".xlsx")
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"  # of old Excel files, and of workbooks under a password
_SAVE = "save it as CSV UTF-8"


@dataclass(frozen=True)
class Sheet:
    """One table of a file.

    Attributes:
        name: how sentences call it.
        label: a name for its reader where it names none.
        rows: number (of line or row) and cells, without spaces at their ends; rows without text are left out.
        unit: what the numbers count: "line" or "row".
        separator: between cells; "" in a workbook.
        part: whether the file has other sheets, so that this one need not be a table of readers.
    """

    name: str
    label: str
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    unit: str = "line"
    separator: str = ""
    part: bool = False

    def where(self, number: int) -> str:
        """A row, for sentences."""
        return f"{self.name}, {self.unit} {number}"


def sheets(data: bytes, name: str) -> tuple[Sheet, ...]:
    """The tables in the bytes of a file; several only in a workbook.

    Args:
        name: of the file.

    Raises:
        InputError: neither text in UTF-8 or UTF-16 nor an Excel workbook, or damaged.
    """
    label = name.rpartition(".")[0] or name
    if data.startswith(b"PK\x03\x04"):
        return tuple(_workbook(data, name, label))
    if data.startswith(_OLD_OFFICE):
        raise InputError(
            f"{name} is an old Excel file or is under a password; save it as .xlsx without a password, or as CSV UTF-8."
        )
    return (_text_sheet(_decoded(data, name), name, label),)


def _decoded(data: bytes, name: str) -> str:
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in data[:200]:  # UTF-16 without a mark: every other byte of plain letters is 0
        encoding = "utf-16-le" if data[1:200:2].count(0) >= data[0:200:2].count(0) else "utf-16-be"
    with boundary(f"The reader table {name} is neither UTF-8 nor UTF-16 text; {_SAVE}."):
        return data.decode(encoding)


def _text_sheet(text: str, name: str, label: str) -> Sheet:
    lines = text.splitlines()
    declared = re.fullmatch(r"sep=(.)", lines[0].strip("\n\r")) if lines else None  # a line that Excel writes and hides
    first = next(
        (line for line in lines[1 if declared else 0 :] if line.strip() and not line.lstrip().startswith("#")), ""
    )
    separator = declared[1] if declared else max(SEPARATORS, key=lambda s: len(_split(first, s)))
    if len(_split(first, separator)) < 2:
        separator = ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        for n, row in enumerate(reader):
            cells = tuple(c.strip() for c in row)
            comment = not rows and bool(cells) and cells[0].startswith("#")
            if any(cells) and not comment and not (declared and n == 0):
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num} is not CSV ({error}); save the file again.") from error
    return Sheet(name, label, tuple(rows), separator=separator)


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _workbook(data: bytes, name: str, label: str) -> Iterator[Sheet]:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise InputError(
            f"{name} is an Excel workbook, for which the Python package openpyxl is needed; install it (pip install openpyxl), or {_SAVE}."
        ) from error
    with boundary(f"{name} is no Excel workbook (.xlsx), or is damaged; save it again, or {_SAVE}."):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            refuse_large_table(name, sum(entry.file_size for entry in archive.infolist()))
        # Twice: once what the formulas came to when the file was saved, and once which cells are formulas.
        shown, written = (load_workbook(io.BytesIO(data), read_only=True, data_only=only) for only in (True, False))
        visible = [s.title for s in shown.worksheets if s.sheet_state == "visible"]
        cells = 0
        for title in visible:
            called = f'{name}, sheet "{short(title)}"' if len(visible) > 1 else name
            rows: list[tuple[int, tuple[str, ...]]] = []
            for sheet in (shown[title], written[title]):
                sheet.reset_dimensions()  # what the file says of its size need not be true
            for number, (values, formulas) in enumerate(
                zip(shown[title].iter_rows(), written[title].iter_rows(), strict=True), start=1
            ):
                cells += 1 + len(values)
                refuse_large_table(name, 0, cells)
                row = tuple(_shown(v, f, f"{called}, row {number}") for v, f in zip(values, formulas, strict=True))
                if any(row) and not (not rows and row[0].startswith("#")):
                    rows.append((number, row))
            if rows:
                yield Sheet(called, title if len(visible) > 1 else label, tuple(rows), "row", part=len(visible) > 1)


def _shown(cell: Any, formula: Any, where: str) -> str:
    """A cell of a workbook as text."""
    value = cell.value
    if value is None:
        if formula.data_type == "f":
            raise InputError(
                f"{where}: a formula has no stored result; open the file in Excel and save it, or write the number."
            )
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        percent = "%" in (cell.number_format or "")  # 85 % is kept as 0.85
        return f"{100 * value:.10g}%" if percent else f"{value:.10g}"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return printable(str(value)).strip()
