"""Whose images, of which study and series, by identifiers that may be absent, constant, or made up for every file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .grouping import MIN_SLICES, kind, one_each, same_pixels, same_plane
from .headers import Context, Slice

_SAME_AGE_YEARS = 1  # a birthday may lie between two images
_SHIFT_MM = 1.0  # of slices beside the line on which they are stacked
_SAME_GAP, _JITTER_MM = 0.05, 0.05
MADE_UP = (
    "Every image has a patient or a date of its own, as some programs write that remove identities: they were taken for one scan "
    "because they are stacked like one."
)


@dataclass(frozen=True)
class Identity:
    """Whose images, of which study; empty where no file tells."""

    patient: tuple[str, ...]  # PatientID, birth date, name, sex, age where that tells patients apart
    study: tuple[str, ...]  # StudyInstanceUID, date

    @property
    def date(self) -> str:
        """YYYY-MM-DD, or ``date unknown``."""
        date = self.study[1]
        return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else "date unknown"


@dataclass(frozen=True)
class Series:
    """The images that share a SeriesInstanceUID (where that is absent: a SeriesNumber), a patient and a study."""

    uid: str
    identity: Identity
    context: Context  # of the first image
    slices: tuple[Slice, ...]
    notes: tuple[str, ...] = ()


def grouped(images: Sequence[Slice]) -> list[Series]:
    """All images by series.

    Anonymisers remove identifiers, make them constant, or give every file its own; so an absent one is taken from the
    images of the same series or input when those agree, and one that differs in every file says nothing.
    """
    keys = _series_keys(images)
    by_series = _indices(keys)
    columns = [
        list(column)
        for column in zip(*((*s.context.patient, s.context.age, *s.context.study) for s in images), strict=True)
    ]
    *_, ages, uids, _date = columns
    made_up: set[int] = set()
    for members in by_series.values():
        if not _differ_in_age([ages[i] for i in members]):
            _blank(ages, members)
        if one_each([uids[i] for i in members]):
            _blank(uids, members)
        false = [column for column in columns if one_each([column[i] for i in members])]
        if false and is_stack([images[i] for i in members]):
            made_up.update(members)
            for column in false:
                _blank(column, members)
    for column in columns:
        for members in by_series.values():
            _fill(column, members)
        _fill(column, range(len(images)))
    identities = [Identity(values[:-2], values[-2:]) for values in zip(*columns, strict=True)]
    groups = _indices(list(zip(keys, identities, strict=True)))
    return [
        Series(
            uid=str(key[0]),
            identity=identity,
            context=images[members[0]].context,
            slices=tuple(images[i] for i in members),
            notes=(MADE_UP,) if made_up.intersection(members) else (),
        )
        for (key, identity), members in groups.items()
    ]


def is_stack(slices: Sequence[Slice]) -> bool:
    """Whether images lie on each other as those of one scan do: parallel, alike, in few distances, on one line."""
    placed = [s for s in slices if kind(s) != "localizer" and not s.problems]
    first = next(iter(placed), None)
    alike = [
        s
        for s in placed
        if first
        and same_plane(first, s)
        and same_pixels(first, s)
        and (s.rows, s.columns) == (first.rows, first.columns)
    ]
    if first is None or len(alike) < max(MIN_SLICES, 0.8 * len(slices)):
        return False
    origins = np.array([s.position for s in alike], float)
    along = origins @ np.cross(*np.array(first.orientation, float).reshape(2, 3))
    gaps = np.sort(np.diff(np.sort(along)))
    if gaps[0] <= _JITTER_MM:
        return False
    sizes = 1 + int((np.diff(gaps) > _SAME_GAP * gaps[1:] + _JITTER_MM).sum())
    line = np.stack([along, np.ones_like(along)], axis=1)
    beside = origins - line @ np.linalg.lstsq(line, origins, rcond=None)[0]
    return sizes <= max(3, len(alike) // 5) and bool(np.abs(beside).max() <= _SHIFT_MM)


def _series_keys(images: Sequence[Slice]) -> list[tuple[Hashable, ...]]:
    """(UID, SeriesNumber, modality, SOP class) of every image; without UID where each of many images has its own."""
    contexts = [s.context for s in images]
    count = Counter(c.series_uid for c in contexts)
    rest = [(c.number, c.modality, c.sop_class) for c in contexts]
    alone = [i for i, c in enumerate(contexts) if count[c.series_uid] == 1]
    joined = {
        i
        for lot in _indices([(rest[i], contexts[i].patient[0]) for i in alone]).values()
        if len(lot) >= MIN_SLICES
        for i in lot
    }
    joined = {alone[i] for i in joined}
    for lot in _indices([rest[i] for i in alone]).values():
        if is_stack([images[alone[i]] for i in lot]):
            joined |= {alone[i] for i in lot}
    return [("" if i in joined else c.series_uid, *r) for i, (c, r) in enumerate(zip(contexts, rest, strict=True))]


def _indices(keys: Sequence[Any]) -> dict[Any, list[int]]:
    groups: dict[Any, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        groups[key].append(index)
    return groups


def _differ_in_age(ages: Sequence[str]) -> bool:
    known = {int(a) for a in ages if a}
    return bool(known) and max(known) - min(known) > _SAME_AGE_YEARS


def _blank(column: list[str], members: Iterable[int]) -> None:
    for i in members:
        column[i] = ""


def _fill(column: list[str], members: Iterable[int]) -> None:
    """Absent values become the one that the other members agree on."""
    members = list(members)
    known = {column[i] for i in members} - {""}
    if len(known) == 1:
        (value,) = known
        for i in members:
            column[i] = value
