"""Which column of a reader table means what, by its title alone; a column of unknown title is never read as scores.

Long form: scan, reader, target, value; a row a value.  Wide form: scan, reader and a column for each target; or scan and a
column for each reader ("R1", "Reader 2", "reader: Ann", with a target before or behind it if not overall).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS
from HeadCTIQALib.text import short

from .reader_values import COLUMNS

_SCAN = (
    "scan", "scan_id", "scan_name", "case", "case_id", "study", "study_id", "exam", "examination", "image", "image_id", "folder", "path", "file", "filename",
    "file_name", "id",
)  # fmt: skip
_READER = ("reader", "reader_id", "rater", "rater_id", "radiologist", "observer", "reviewer")
_TARGET = ("target", "category", "criterion", "item")
_VALUE = ("value", "score", "rating", "grade")
_PERSON = re.compile(
    r"(?:reader|rater|radiologist|observer|reviewer)\s*(?::\s*(?P<name>\S.*)|[ _#-]*(?:\d{1,3}|[A-Z]))|R[ _-]?\d{1,3}|(?:dr|prof)\b\.?[ _-]*\S.*",
    re.IGNORECASE,
)
_UNIT = re.compile(r"(?P<title>.+?)\s*[(\[](?P<unit>[^)\]]*)[)\]]")
_UNITS = {
    "hu": "HU",
    "mm": "mm",
    "%": "%",
    "percent": "%",
    "ml": "mL",
    "°": "deg",
    "deg": "deg",
    "degrees": "deg",
    "1": "1",
}
_SCORE_UNIT = re.compile(r"points?|score|-?\d+\s*(-|–|to)\s*-?\d+|[a-z]\s*(-|–|to)\s*[a-z]|", re.IGNORECASE)
_FILLERS = {"score", "rating", "grade", "points"}


def _key(title: str) -> str:
    return re.sub(r"[\s\-./:]+", "_", title.strip().lower()).strip("_")


_NAMES: dict[str, str] = {
    **{name: m.id for m in IQMS for name in (m.id, _key(m.title))},
    **{name: c.id for c in CATEGORIES for name in (c.id, _key(c.title))},
    **dict.fromkeys(
        ("overall", "overall_score", "overall_quality", "overall_image_quality", "image_quality"), "overall"
    ),
}
_AMBIGUOUS = "noise"  # a metric in HU by its id, but as likely the title of a column of scores
_SPOKEN = "|".join(n.replace("_", r"[\s_-]+") for n in sorted(_NAMES, key=len, reverse=True))
_TARGET_FIRST = re.compile(rf"(?P<target>{_SPOKEN})[\s_:/-]+(?P<rest>.+)", re.IGNORECASE)
_TARGET_LAST = re.compile(rf"(?P<rest>.+?)[\s_:/-]+(?P<target>{_SPOKEN})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """A column of values.  ``reader`` and ``target`` are empty where other columns, or the file, say them."""

    index: int
    title: str
    reader: str = ""
    target: str = ""


@dataclass(frozen=True)
class Columns:
    """What the columns of a table mean.

    Attributes:
        scan: index of the column of scans.
        reader, target: of those columns; None where there is none.
        values: in the order of the table.
        unread: titles of the others.
        wide: whether a row may hold several values.
        assumed: whether no title names a target, so that all are overall scores.
    """

    scan: int
    reader: int | None
    target: int | None
    values: tuple[ValueColumn, ...]
    unread: tuple[str, ...]
    wide: bool
    assumed: bool = False


def target_named(text: str) -> str:
    """The id of a target by its id or title in any case; ``text`` itself where it is none."""
    return _NAMES.get(_key(text), text)


def names_scans(titles: Sequence[str]) -> bool:
    """Whether one of the titles is that of a column of scans."""
    return any(_key(t) in _SCAN for t in titles)


def columns_of(titles: Sequence[str], where: str) -> Columns:
    """The meaning of the columns with these titles.

    Args:
        where: the first line, for sentences.

    Raises:
        InputError: no column of scans or of values, or two that mean the same.
    """
    keys = [_key(t) for t in titles]
    scan, reader, target, value = (_first(keys, names, where) for names in (_SCAN, _READER, _TARGET, _VALUE))
    if scan is not None and target is not None and value is not None:
        known = {scan, reader, target, value}
        unread = tuple(t for n, t in enumerate(titles) if n not in known and t)
        return Columns(scan, reader, target, (ValueColumn(value, titles[value]),), unread, wide=False)
    found = [
        c
        for n, title in enumerate(titles)
        if n not in (scan, reader) and (c := _value_column(n, title, where)) is not None
    ]
    if scan is None or not found:
        shown = ", ".join(f'"{short(t, 20)}"' for t in titles[:6] if t) or "none"
        raise InputError(
            f"{where}: a reader table must have the columns {', '.join(COLUMNS)}; or scan, reader and one for each target (overall, motion, ...); or scan and one for each "
            f'reader ("R1", "reader: Ann"), but these are {shown}; correct the titles.'
        )
    people = [c for c in found if c.reader]
    if people and (reader is not None or len(people) < len(found)):
        other = titles[reader] if reader is not None else next(c.title for c in found if not c.reader)
        raise InputError(
            f'{where}: "{short(people[0].title)}" is a column of one reader, but "{short(other)}" is not; give every column its reader, or none.'
        )
    titled = any(c.target for c in found)
    if titled:
        target = None
    if target is None:
        found = [replace(c, target=c.target or "overall") for c in found]
    meanings = [(c.reader, c.target) for c in found]
    twice = next((c.title for c in found if meanings.count((c.reader, c.target)) > 1), None)
    if twice is not None:
        raise InputError(f'{where}: two columns mean the same as "{short(twice)}"; keep one of them.')
    known = {scan, reader, target, *(c.index for c in found)}
    return Columns(
        scan,
        reader,
        target,
        tuple(found),
        tuple(t for n, t in enumerate(titles) if n not in known and t),
        wide=True,
        assumed=target is None and not titled,
    )


def _first(keys: Sequence[str], names: Sequence[str], where: str) -> int | None:
    """Index of the column with the first of ``names`` that is there."""
    name = next((n for n in names if n in keys), None)
    if name is None:
        return None
    if keys.count(name) > 1:
        raise InputError(f'{where}: two columns are called "{name}"; rename one of them.')
    return keys.index(name)


def _value_column(index: int, title: str, where: str) -> ValueColumn | None:
    """The column as one of values; None where its title does not say that it is."""
    if person := _person(title):
        return ValueColumn(index, title, person)
    if target := _target(title, where):
        return ValueColumn(index, title, target=target)
    for pattern in (_TARGET_FIRST, _TARGET_LAST):
        if found := pattern.fullmatch(title.strip()):
            if person := _person(found["rest"]):
                return ValueColumn(index, title, person, _target(found["target"], where))
            if _key(found["rest"]) in _FILLERS:
                return ValueColumn(index, title, target=_target(found["target"], where))
    return None


def _person(title: str) -> str:
    found = _PERSON.fullmatch(title.strip())
    return (found["name"] or title).strip() if found else ""


def _target(title: str, where: str) -> str:
    """The target that a title means, its unit checked; empty where it means none."""
    found = _UNIT.fullmatch(title.strip())
    base, unit = (found["title"], found["unit"].strip()) if found else (title, None)
    target = _NAMES.get(_key(base), "")
    if target in IQM_BY_ID:
        right = IQM_BY_ID[target].unit
        if target == _AMBIGUOUS and unit is None:
            raise InputError(
                f'{where}: "{short(title)}" may be a score or a measurement in HU; call the column noise_contrast, or noise (HU).'
            )
        if unit is not None and _UNITS.get(unit.lower()) != right:
            raise InputError(f'{where}: "{short(title)}" must be in {right}; convert the values and correct the title.')
    elif target and unit is not None and not _SCORE_UNIT.fullmatch(unit):
        return ""
    return target
