"""The columns of a cohort's table, made from the hierarchy and the types of the record; so is what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Meta

from HeadCTIQALib.hierarchy import CATEGORIES, IQM, IQMS
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.scan import AcquisitionEntry
from HeadCTIQALib.volume.kernels import sharpness_word

Value = str | float | int | None
Kind = Literal["TEXT", "REAL", "INTEGER"]
Part = Callable[[Record], Any]
_STATUSES = ("measured", "corrected", "not_assessable")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: in tables and in SQL.
        kind: type in SQL; 0 and 1 stand for no and yes.
        of: its value in a record.
        levels: what a text can be, where that is known.
    """

    name: str
    kind: Kind
    meaning: str
    of: Callable[[Record], Value]
    unit: str = ""
    levels: tuple[str, ...] = ()


def _columns() -> Iterator[Column]:
    bands = ("good", "acceptable", "poor")
    yield Column("sha256", "TEXT", "SHA-256 of voxels and geometry", lambda r: r.input.sha256)
    yield Column(
        "verdict", "TEXT", "band that is certain; empty where withheld", lambda r: r.verdict.band, levels=bands
    )
    yield Column("limiting", "TEXT", "IQMs below good, the worst first", lambda r: " ".join(r.verdict.limiting))
    yield from _score("overall", "overall score", lambda r: r.overall)
    for category in CATEGORIES:
        yield from _score(category.id, f"score of {category.title.lower()}", _category(category.id))
    for m in IQMS:
        yield from _iqm(m)
    yield from _acquisition()
    yield Column(
        "sharpness",
        "TEXT",
        "of the kernel",
        lambda r: sharpness_word(r.input.acquisition.kernel),
        levels=("soft", "sharp", "unclassified"),
    )
    yield Column("slices", "INTEGER", "number of slices", lambda r: r.input.shape[0])
    yield Column(
        "spacing_mm", "REAL", "median distance between slices", lambda r: r.input.spacing_mm.slice_median, "mm"
    )
    yield Column("simulated", "INTEGER", "made by a computer, as far as it says so", lambda r: int(r.input.simulated))
    yield Column("profile", "TEXT", "what the scan was judged by", lambda r: r.profile.id)
    yield Column("scoring_model", "TEXT", "what it was scored by", lambda r: r.scoring_model.id)
    yield Column("software", "TEXT", "version of HeadCTIQA", lambda r: r.software.version)
    yield Column(
        "networks", "TEXT", "names and versions", lambda r: " ".join(f"{m.name}-{m.version}" for m in r.models)
    )
    yield Column("corrections", "INTEGER", "corrections by persons that are in force", lambda r: len(r.corrections))
    yield Column("reviewer", "TEXT", "who corrected", lambda r: ", ".join(sorted({c.corrector for c in r.corrections})))
    yield Column("warnings", "INTEGER", "sentences of caution in the record", lambda r: len(r.warnings))


def _iqm(m: IQM) -> Iterator[Column]:
    def entry(r: Record) -> Any:
        return r.iqms[m.id]

    yield Column(m.id, "REAL", m.definition, _field(entry, "value"), m.unit)
    yield Column(f"{m.id}_status", "TEXT", f"of {m.title.lower()}", _field(entry, "status"), levels=_STATUSES)
    bound = "the true value is at most, or at least, the value; empty: it is the value"
    yield Column(f"{m.id}_bound", "TEXT", bound, _field(entry, "bound"), levels=("at_most", "at_least"))
    for n, end in enumerate(("low", "high")):
        words = f"{end} end of the 95 % interval of the true value"
        yield Column(f"{m.id}_{end}", "REAL", words, _end(entry, "interval", n), m.unit)
    yield Column(f"{m.id}_score", "REAL", f"score of {m.item_title.lower()}", _field(entry, "score"), "points")
    yield Column(f"{m.id}_points", "REAL", "what it adds to the overall score", lambda r: _points(r, m.id), "points")


def _score(name: str, meaning: str, part: Part) -> Iterator[Column]:
    yield Column(f"{name}_score", "REAL", f"{meaning}; empty where withheld", _field(part, "score"), "points")
    for field in ("at_least", "at_most"):
        words = f"{meaning}, {field.replace('_', ' ')}, whatever is unknown"
        yield Column(f"{name}_{field}", "REAL", words, _field(part, field), "points")
    for n, end in enumerate(("low", "high")):
        words = f"{end} end of the 95 % interval of the {meaning}"
        yield Column(f"{name}_score_{end}", "REAL", words, _end(part, "interval", n), "points")


def _category(id_: str) -> Part:
    return lambda r: r.categories[id_]


def _field(part: Part, name: str) -> Callable[[Record], Value]:
    return lambda r: _plain(getattr(part(r), name))


def _end(part: Part, name: str, n: int) -> Callable[[Record], Value]:
    return lambda r: (getattr(part(r), name) or (None, None))[n]


def _acquisition() -> Iterator[Column]:
    """Every tag of the acquisition that is one value, as the type of the record has it."""
    for name, hint in get_type_hints(AcquisitionEntry, include_extras=True).items():
        meta = next((m for m in get_args(hint)[1:] if isinstance(m, Meta)), Meta())
        bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        types = set(get_args(bare)) - {type(None)} if get_origin(bare) in (Union, UnionType) else {bare}
        kind: Kind | None = (
            "TEXT" if types == {str} else "REAL" if types == {float} else "INTEGER" if types == {bool} else None
        )
        if kind is None:
            continue
        unit = str((meta.extra_json_schema or {}).get("x-unit", ""))
        yield Column(name, kind, meta.description or name.replace("_", " "), _field(_tags, name), unit)


def _tags(record: Record) -> AcquisitionEntry:
    return record.input.acquisition


def _plain(value: Any) -> Value:
    return int(value) if isinstance(value, bool) else value


def _points(record: Record, iqm: str) -> float | None:
    """Points of the overall score that an IQM takes, the limit above the worst category included."""
    overall = record.overall
    if overall.score is None:
        return None
    taken = sum(c.points for c in overall.contributions_by_iqm if c.source_id == iqm)
    return round(taken, 3)


COLUMNS: tuple[Column, ...] = tuple(_columns())


def row(record: Record) -> tuple[Value, ...]:
    """The values of a record, in the order of the columns."""
    return tuple(column.of(record) for column in COLUMNS)


def dictionary() -> dict[str, dict[str, Any]]:
    """What is said of every column, in the form of a BIDS data dictionary."""
    scan = {"Description": "path of the assessment folder within the cohort"}
    told = {
        c.name: {
            "Description": c.meaning,
            **({"Units": c.unit} if c.unit else {}),
            **({"Levels": {level: level.replace("_", " ") for level in c.levels}} if c.levels else {}),
        }
        for c in COLUMNS
    }
    return {"scan": scan, **told}
