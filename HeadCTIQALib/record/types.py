"""The record as a whole: what ``assessment.json`` holds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from HeadCTIQALib.hierarchy import LIMIT_POINTS

from .base import IqmId, OpenPart, Part, Text, require, says
from .consistency import contradiction
from .found import FindingsEntry
from .judged import Categories, Iqms, Overall, ProfileEntry, VerdictEntry
from .reviewed import ReviewEntry
from .scan import Input, Software

SCHEMA: Literal["headctiqa-assessment/1.2"] = "headctiqa-assessment/1.2"


class ExtraEntry(Part, frozen=True, kw_only=True):
    """A report-only number, never in the score."""

    id: str
    title: str
    value: float | None
    unit: str
    reason: Annotated[str, says("why there is no value; empty otherwise")]
    source: str

    def __post_init__(self) -> None:
        require(self.value is not None or self.reason != "", "reason")


class CorrectionEntry(Part, frozen=True, kw_only=True):
    """One correction of one IQM."""

    iqm: IqmId
    reason: Text
    corrector: str
    time: Annotated[str, says("UTC, ISO 8601")]
    original: Annotated[float | None, says("value before any correction, null where it was not assessable", "unit")]
    value: Annotated[
        float | None,
        says("value that was typed in; null where a finding was edited and the value measured again", "unit"),
    ]
    finding: Annotated[str, says("what was edited, or value")]


class Network(OpenPart, frozen=True, kw_only=True, omit_defaults=True):
    """A network that took part in the findings."""

    name: str
    version: str
    intended_use: str | UnsetType = UNSET
    data_source: Annotated[str | UnsetType, says("what it was trained on")] = UNSET
    license: str | UnsetType | None = UNSET
    sha256: Annotated[str, says("of all its files")]
    engine: Annotated[str | UnsetType, says("what ran it, with its version and device")] = UNSET


class ScoringModelEntry(Part, frozen=True, kw_only=True):
    """The scoring model by name, and in full, so that a corrected assessment is scored by the same one again."""

    id: str
    name: str
    kind: str
    provenance: dict[str, str]
    definition: Annotated[dict[str, Any], says("the model in full, as in a scoring model file")]

    @property
    def limit(self) -> float | None:
        """Points that the overall score may lie above the worst category; None: no limit."""
        found: float | None = self.definition.get("limit", LIMIT_POINTS)
        return found


class Record(Part, frozen=True, kw_only=True):
    """The content of assessment.json. Coordinates are patient RAS millimetres. No patient identifiers. For research use only; not a medical device."""

    schema: Literal["headctiqa-assessment/1.2"]
    created: Annotated[
        str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z"), says("UTC, ISO 8601")
    ]
    research_use: str
    software: Software
    input: Input
    verdict: VerdictEntry
    profile: ProfileEntry
    overall: Overall
    categories: Categories
    iqms: Iqms
    scoring_model: ScoringModelEntry
    error_model: Annotated[str, says("version of the error model that the intervals come from (Resources/Uncertainty)")]
    extras: tuple[ExtraEntry, ...]
    findings: FindingsEntry
    corrections: tuple[CorrectionEntry, ...]
    models: tuple[Network, ...]
    warnings: tuple[str, ...]
    timings: Annotated[dict[str, Annotated[float, Meta(ge=0)]], says("of each stage", "s")]
    review: Annotated[ReviewEntry | UnsetType, says("absent when nothing is corrected")] = UNSET
    files: Annotated[
        dict[str, Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]] | UnsetType,
        says(
            "SHA-256 of the files beside the record when they were written, by name: they tell what was saved there since"
        ),
    ] = UNSET

    def __post_init__(self) -> None:
        where = contradiction(self)
        require(where is None, str(where))
