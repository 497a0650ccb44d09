"""What all parts of a record have in common, and the kinds of numbers and words in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta

from HeadCTIQALib.hierarchy import CATEGORIES, IQMS


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a record; immutable, and read strictly: a field that is missing, unknown or of another type is refused."""


class OpenPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part to which later versions may add; what is not known is left out."""


P = TypeVar("P", bound=msgspec.Struct)


class ById(Part, frozen=True, kw_only=True):
    """One part for every public id, in the order of the hierarchy; read as a mapping."""

    def __getitem__(self, id_: str) -> Any:
        value = getattr(self, id_, UNSET) if id_ in self.__struct_fields__ else UNSET
        if value is UNSET:
            raise KeyError(id_)
        return value

    def __iter__(self) -> Iterator[str]:
        return (id_ for id_ in self.__struct_fields__ if getattr(self, id_) is not UNSET)

    def __len__(self) -> int:
        return len(list(iter(self)))

    __contains__, get = Mapping.__contains__, Mapping.get
    keys, items, values = Mapping.keys, Mapping.items, Mapping.values


Mapping.register(ById)

if not TYPE_CHECKING:

    def by_id(name: str, of: object, ids: Sequence[str], optional: bool = False) -> type[ById]:
        """A type with one field of the type ``of`` for every id."""
        fields = [(id_, of | msgspec.UnsetType, UNSET) if optional else (id_, of) for id_ in ids]
        settings = {"frozen": True, "forbid_unknown_fields": True, "kw_only": True}
        return msgspec.defstruct(name, fields, bases=(ById,), module=__name__, **settings)


IQM_IDS = tuple(m.id for m in IQMS)
CATEGORY_IDS = tuple(c.id for c in CATEGORIES)
if TYPE_CHECKING:
    IqmId = str
    CategoryId = str
else:
    IqmId = Literal[IQM_IDS]
    CategoryId = Literal[CATEGORY_IDS]


def says(meaning: str, unit: str = "") -> Meta:
    """The documentation of a field, for the schema and the data dictionary."""
    return Meta(description=meaning, extra_json_schema={"x-unit": unit} if unit else None)


Band = Literal["good", "acceptable", "poor"]
SourceKind = Literal["network", "analytic", "reader", "truth"]
Points = Annotated[float, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
Coordinate = Annotated[float, Meta(ge=-100000, le=100000)]
Point = tuple[Coordinate, Coordinate, Coordinate]
Interval = tuple[float, float]
Text = Annotated[str, Meta(min_length=1)]
Index = Annotated[int, Meta(ge=0)]
AtLeast = Annotated[Points, says("what the score is at least, whatever the value of what is unknown", "points")]
AtMost = Annotated[Points, says("what the score is at most, whatever the value of what is unknown", "points")]


def like(part: type[P], value: object) -> P:
    """A part made of the attributes of ``value`` that are called as its fields; not copied."""
    return part(**{name: getattr(value, name) for name in part.__struct_fields__})


def require(holds: bool, field: str) -> None:
    """Refuse a part whose ``field`` contradicts another one.

    Raises:
        ValueError: it names the field.
    """
    if not holds:
        raise ValueError(f"contradicts itself - at `$.{field}`")
