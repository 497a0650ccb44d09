"""From the cells of a reader table to values: every one a number on a known scale, or a sentence that names the line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.scoring.calibration import SCORES
from HeadCTIQALib.text import of_cell, short

from .reader_cells import Sheet
from .reader_columns import Columns, columns_of, target_named
from .reader_values import ReaderValue
from .scales import Scale, suggestion

_MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "–", "—", "."}
_NUMBER = re.compile(r"[-+−]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d{1,3})?")
_THOUSAND = re.compile(r"[-+−]?[1-9]\d{0,2},\d{3}")
_COMMENT = re.compile(r"(comment|remark|note)s?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Said:
    """One cell before it is understood."""

    where: str
    scan: str
    reader: str
    target: str
    text: str


def values_of_sheet(sheet: Sheet, scale: Scale | None) -> tuple[list[tuple[str, ReaderValue]], list[str]]:
    """Values of one table, each with where it stands, and sentences about how it was read.

    Args:
        scale: that scores were given on; None for 0-100.

    Raises:
        InputError: the first thing that is not understood.
    """
    number, titles = sheet.rows[0] if sheet.rows else (1, ())
    columns = columns_of(titles, sheet.where(number))
    said = list(_cells(sheet, columns))
    commas = _decimal_commas(said, sheet.separator)
    values = [(s.where, ReaderValue(s.scan, s.reader, s.target, _value(s, commas, scale))) for s in said]
    return values, list(_notes(sheet, columns, values))


def _cells(sheet: Sheet, columns: Columns) -> Iterator[_Said]:
    head = sheet.rows[0][1]
    for number, row in sheet.rows[1:]:
        where = sheet.where(number)
        cells = _fitted(row, len(head), where, sheet.separator)
        texts = [cells[c.index] for c in columns.values]
        named = of_cell(cells[columns.reader]) if columns.reader is not None else ""
        if columns.wide and columns.reader is not None and not named and all(_missing(t) for t in texts):
            continue  # a row of a template that nobody has filled in
        for c, text in zip(columns.values, texts, strict=True):
            reader = c.reader or (named if columns.reader is not None else sheet.label)
            target = c.target or target_named(cells[columns.target] if columns.target is not None else "")
            after = cells[c.index + 1] if c.index + 1 < len(head) and _COMMENT.fullmatch(head[c.index + 1]) else ""
            if sheet.separator == "," and re.fullmatch(r"\d+", text) and re.fullmatch(r"\d{1,2}", after):
                raise InputError(
                    f'{where}: {text},{after} may be one number with a decimal comma or two cells; put such numbers in quotes ("{text},{after}").'
                )
            yield _Said(where, of_cell(cells[columns.scan]), reader, target, text)


def _fitted(row: Sequence[str], count: int, where: str, separator: str) -> Sequence[str]:
    """The row with as many cells as there are titles; a workbook has no cells behind the last that is filled."""
    extra = [c for c in row[count:] if c]
    if extra or (separator and len(row) < count):
        hint = "; numbers with a decimal comma need quotes" if extra and separator == "," else ""
        raise InputError(f"{where}: {len(row)} cells instead of {count}{hint}; correct the line.")
    return [*row[:count], *[""] * (count - len(row))]


def _missing(text: str) -> bool:
    return text.lower() in _MISSING


def _decimal_commas(said: Sequence[_Said], separator: str) -> bool:
    """Whether commas are decimal; refuses a table in which that cannot be told."""
    numbers = [s for s in said if _NUMBER.fullmatch(s.text)]
    commas = [s for s in numbers if "," in s.text]
    if not commas:
        return False
    if separator != ";" and all(_THOUSAND.fullmatch(s.text) for s in commas):
        first = commas[0]
        raise InputError(
            f'{first.where}: "{first.text}" may mean thousands or a decimal comma; write it without a comma, or with a decimal point.'
        )
    point = next((s for s in numbers if "." in s.text), None)
    if point is not None:
        raise InputError(
            f'{point.where}: "{point.text}" has a decimal point, but "{commas[0].text}" ({commas[0].where}) a decimal comma; write all numbers alike.'
        )
    return True


def _value(s: _Said, commas: bool, scale: Scale | None) -> float | None:
    if _missing(s.text):
        return None
    score = s.target in SCORES
    text = s.text
    if text.endswith("%") and (
        (score and scale is None) or (s.target in IQM_BY_ID and IQM_BY_ID[s.target].unit == "%")
    ):
        text = text[:-1].rstrip()
    number = float(text.replace("−", "-").replace(",", "." if commas else ",")) if _NUMBER.fullmatch(text) else None
    if not score or scale is None:
        if number is None:
            remedy = (
                suggestion(text)
                if score and scale is None
                else "write a number, or nothing where the reader could not judge"
            )
            raise InputError(f'{s.where}: "{short(s.text)}" is not a number; {remedy}.')
        return number
    found = scale.of_word(text)
    if found is None and number is not None:
        found = scale.of_number(number)
    if found is None:
        raise InputError(
            f'{s.where}: "{short(s.text)}" is not on the scale {scale.name}; correct the value, or give another --scale.'
        )
    return found


def _notes(sheet: Sheet, columns: Columns, values: Sequence[tuple[str, ReaderValue]]) -> Iterator[str]:
    if columns.unread:
        shown = ", ".join(f'"{short(t, 20)}"' for t in columns.unread[:6]) + (
            ", ..." if len(columns.unread) > 6 else ""
        )
        yield f"{sheet.name}: not read, as their titles name no target and no reader: {shown}."
    if columns.reader is None and not any(c.reader for c in columns.values):
        yield f'{sheet.name} names no reader; its values count as those of one reader, "{sheet.label}".'
    if columns.assumed:
        yield f"{sheet.name} names no target; its values count as overall scores."
    measured = sorted({v.target for _, v in values if v.target in IQM_BY_ID}) if columns.wide else []
    if measured:
        yield f"{sheet.name}: read as measurements, not as scores: {', '.join(f'{t} ({IQM_BY_ID[t].unit})' for t in measured)}."
