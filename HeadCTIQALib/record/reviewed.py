"""What a record keeps of a review: every edit in force, and what it replaced."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .base import IqmId, Part, Point, Points, Text, says
from .found import BareLandmark, PlaneEntry
from .judged import CategoryScores, SomeIqms

Count = Annotated[int, Meta(ge=0)]


class LabelRuns(Part, frozen=True, kw_only=True):
    """New values in runs of the flattened label map."""

    voxels: Count
    runs: Count
    data: Annotated[str, says("zlib, then base64")]


class GradeRanges(Part, frozen=True, kw_only=True):
    """Motion grades of ranges of slices."""

    ranges: Annotated[
        tuple[tuple[int, int, int], ...], Meta(min_length=1), says("first and last native slice from 0, grade")
    ]


class RegionEntry(Part, frozen=True, kw_only=True):
    """A box to measure in."""

    centre: Annotated[Point, says("of the box", "mm, RAS")]
    axes: Annotated[tuple[Point, Point, Point], says("orthogonal unit vectors", "RAS")]
    size_mm: Annotated[Point, says("along each axis", "mm")]


class TypedValue(Part, frozen=True, kw_only=True):
    """A value typed in."""

    value: Annotated[float, says("in the unit of the IQM", "unit")]


Landmarks = dict[str, BareLandmark | None]
Finding = Literal["tissue", "streak", "midsagittal", "landmarks", "motion", "regions", "value"]
#: What an edit of each finding holds.
CHANGES: Mapping[str, Any] = MappingProxyType(
    {
        "tissue": LabelRuns, "streak": LabelRuns, "midsagittal": PlaneEntry, "landmarks": Landmarks, "motion": GradeRanges,
        "regions": dict[str, RegionEntry], "value": TypedValue,
    }
)  # fmt: skip


class EditEntry(Part, frozen=True, kw_only=True):
    """One act of a person."""

    iqm: Annotated[IqmId | None, says("id of the IQM that was being corrected; null for an edit that no IQM reads")]
    reason: Text
    corrector: Text
    time: Annotated[str, says("UTC, ISO 8601")]
    finding: Finding
    change: Annotated[Any, says("what was done, by the finding")]

    def __post_init__(self) -> None:
        try:
            change = msgspec.convert(self.change, CHANGES[self.finding])
        except msgspec.ValidationError as error:
            words = str(error)
            raise ValueError(
                words.replace("`$", "`$.change") if "`$" in words else f"{words} - at `$.change`"
            ) from error
        msgspec.structs.force_setattr(self, "change", change)


class OriginalScores(Part, frozen=True, kw_only=True):
    """Bare scores, null where withheld."""

    overall: Points | None
    categories: CategoryScores


class Original(Part, frozen=True, kw_only=True):
    """What the edits replaced; a finding that none of them touched is absent."""

    iqms: Annotated[SomeIqms, says("measurements of the IQMs that were corrected")]
    scores: OriginalScores
    tissue: LabelRuns | UnsetType = UNSET
    streak: LabelRuns | UnsetType | None = UNSET
    landmarks: Landmarks | UnsetType = UNSET
    midsagittal: PlaneEntry | UnsetType | None = UNSET
    motion_grades: tuple[Annotated[float, Meta(ge=-1, le=3)], ...] | UnsetType | None = UNSET
    not_assessable: dict[str, str] | UnsetType = UNSET


class ReviewEntry(Part, frozen=True, kw_only=True):
    """Kept corrections: every edit in force and what it replaced."""

    edits: tuple[EditEntry, ...]
    original: Original
