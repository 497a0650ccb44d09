"""What was seen in the scan, as far as it is kept in the record itself."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from .base import Part, Point, Share, SourceKind, says

Grade = Annotated[int, Meta(ge=-1, le=3)]


class BareLandmark(Part, frozen=True, kw_only=True):
    """A landmark without its title."""

    position: Annotated[Point, says("where it is", "mm, RAS")]
    confidence: Share
    in_scan: Annotated[bool, says("false: estimated, beyond an end of the scan")]
    source: SourceKind
    spread_mm: Annotated[Annotated[float, Meta(ge=0)] | None, says("standard deviation of the network's answer", "mm")]


class LandmarkEntry(Part, frozen=True, kw_only=True):
    """A landmark."""

    title: str
    position: Annotated[Point, says("where it is", "mm, RAS")]
    confidence: Share
    in_scan: Annotated[bool, says("false: estimated, beyond an end of the scan")]
    source: SourceKind
    spread_mm: Annotated[Annotated[float, Meta(ge=0)] | None, says("standard deviation of the network's answer", "mm")]


class PlaneEntry(Part, frozen=True, kw_only=True):
    """A plane."""

    origin: Annotated[Point, says("a point in it", "mm, RAS")]
    normal: Annotated[Point, says("unit normal", "RAS")]
    confidence: Share
    source: SourceKind


class FindingsEntry(Part, frozen=True, kw_only=True):
    """Findings that are no files of their own; masks, landmarks and plane lie beside the record for 3D Slicer."""

    methods: Annotated[dict[str, str], says("how each was found")]
    notes: tuple[str, ...]
    not_assessable: Annotated[dict[str, str], says("id of an IQM to the reason why its finding does not exist")]
    landmarks: dict[str, LandmarkEntry]
    midsagittal: PlaneEntry | None
    motion_grades: Annotated[tuple[Grade, ...] | None, says("per slice, lowest first; -1 where it could not be graded")]
    motion_index: Annotated[tuple[float | None, ...] | None, says("per slice")]
    motion_probability: Annotated[
        tuple[Share | None, ...] | UnsetType | None, says("per slice: probability of motion grade 1 or more, from the artefact network; null without one", "1")
    ] = UNSET  # fmt: skip
    streak_searched: bool
