"""Two assessments of one scan side by side: two versions of the networks, two readers, before and after corrections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from HeadCTIQALib.curve import score_band
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import CategoryEntry, IqmEntry, Overall, Scored
from HeadCTIQALib.record.scan import Input

S = TypeVar("S", Overall, CategoryEntry)


@dataclass(frozen=True, slots=True)
class Difference:
    """One line: an IQM, a category or the overall score in both assessments.

    Attributes:
        id, title, unit: of the IQM, or of the score ("points").
        first, second: values; None where not assessable or withheld.
        difference: second - first, None where either is missing.
        status: of both ("measured", "corrected", "not_assessable"; "scored" or "withheld" for a score).
        reason: of both, empty where there is nothing to explain.
    """

    id: str
    title: str
    unit: str
    first: float | None
    second: float | None
    status: tuple[str, str]
    reason: tuple[str, str] = ("", "")

    @property
    def difference(self) -> float | None:
        """second - first, None where either is missing."""
        return None if self.first is None or self.second is None else self.second - self.first


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both assessments of one scan.

    Attributes:
        scan: name of the scan.
        rows: overall, then every category followed by its IQMs, in the order of the hierarchy.
        models: of both: networks with version, and the scoring model.
        correctors: of both: who corrected, in order of the first correction.
        created: of both, UTC.
    """

    scan: str
    rows: tuple[Difference, ...]
    models: tuple[tuple[str, ...], tuple[str, ...]]
    correctors: tuple[tuple[str, ...], tuple[str, ...]]
    created: tuple[str, str]


def compare(first: Record, second: Record) -> Comparison:
    """Compare the records of two assessments of the same scan; needs neither scan nor networks.

    Raises:
        InputError: they are of different scans, or nothing tells whether they are of the same.
    """
    _require_same_scan(first.input, second.input)
    rows = [_score("overall", "Overall", first.overall, second.overall)]
    for c in CATEGORIES:
        rows.append(_score(c.id, c.title, first.categories[c.id], second.categories[c.id]))
        rows += [_iqm(m.id, m.title, m.unit, first.iqms[m.id], second.iqms[m.id]) for m in IQMS if m.category == c.id]
    return Comparison(
        first.input.name, tuple(rows), (_models(first), _models(second)), (_correctors(first), _correctors(second)),
        (first.created, second.created),
    )  # fmt: skip


def uncorrected(record: Record) -> Record:
    """A record as it was before its corrections, as far as :func:`compare` looks at it."""
    if not record.review:
        return record
    old = record.review.original
    by_category = old.scores.categories
    return msgspec.structs.replace(
        record,
        iqms={**record.iqms, **old.iqms},
        categories={id_: _rescored(c, by_category[id_]) for id_, c in record.categories.items()},
        overall=_rescored(record.overall, old.scores.overall),
        corrections=(),
    )


def _rescored(entry: S, score: float | None) -> S:
    band = None if score is None else score_band(score)
    reason = "" if score is not None else entry.withheld_reason or "It was withheld before the corrections."
    return msgspec.structs.replace(entry, score=score, band=band, withheld_reason=reason)


def _require_same_scan(a: Input, b: Input) -> None:
    names = f'"{a.name}" and "{b.name}"'
    if not a.sha256 or not b.sha256:
        raise InputError(
            f"The assessments of {names} do not both say which scan they are of; assess the scan again to compare."
        )
    if a.sha256 != b.sha256:
        raise InputError(f"The assessments of {names} are of different scans; choose two assessments of the same scan.")


def _iqm(id_: str, title: str, unit: str, a: IqmEntry, b: IqmEntry) -> Difference:
    return Difference(id_, title, unit, a.value, b.value, (a.status, b.status), (a.reason, b.reason))


def _score(id_: str, title: str, a: Scored, b: Scored) -> Difference:
    status = tuple("withheld" if s.score is None else "scored" for s in (a, b))
    reasons = (a.withheld_reason, b.withheld_reason)
    return Difference(id_, title, "points", a.score, b.score, (status[0], status[1]), reasons)


def _models(record: Record) -> tuple[str, ...]:
    return (*(f"{m.name} {m.version}" for m in record.models), f"scores: {record.scoring_model.name}")


def _correctors(record: Record) -> tuple[str, ...]:
    return tuple(dict.fromkeys(c.corrector for c in record.corrections if c.corrector))
