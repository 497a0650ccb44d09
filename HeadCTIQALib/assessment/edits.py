"""The acts of a person on the findings of one scan, as values that can be replayed, kept in a record and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, get_args

import numpy as np

from HeadCTIQALib.findings.types import LANDMARK_TITLES, Landmark, Plane, Tissue
from HeadCTIQALib.record.base import like
from HeadCTIQALib.record.found import BareLandmark, PlaneEntry
from HeadCTIQALib.record.reviewed import EditEntry, Finding, GradeRanges, LabelRuns, RegionEntry, TypedValue
from HeadCTIQALib.volume.types import CTVolume

from .correction import check_value
from .inputs import MIDSAGITTAL, MOTION, STREAK, parts_between
from .labels import LabelChange
from .placing import check_plane, check_ranges
from .regions import Region, check_regions
from .working import Working


@dataclass(frozen=True)
class TissueChange:
    """Tissue labels painted or erased."""

    labels: LabelChange
    finding: ClassVar[Finding] = "tissue"

    def apply(self, working: Working) -> frozenset[str]:
        """Write the new labels; the parts that changed."""
        return parts_between(working.paint("tissue", self.labels))

    def box(self, shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
        """A small box of a (K, J, I) scan that holds the change, which must not be empty; whole rows where a run goes on in the next."""
        first, last = (
            np.unravel_index(x, shape) for x in (self.labels.starts, self.labels.starts + self.labels.lengths - 1)
        )
        box, runs_on = [], False
        for a, b, count in zip(first, last, shape, strict=True):
            box.append(slice(0, count) if runs_on else slice(int(a.min()), int(b.max()) + 1))
            runs_on = runs_on or bool((a != b).any())
        return box[0], box[1], box[2]

    @classmethod
    def from_record(cls, entry: EditEntry, volume: CTVolume) -> TissueChange:
        """The inverse of :meth:`to_record`; errors as of :meth:`Edit.from_record`."""
        return cls(LabelChange.from_record(entry.change, volume.hu.size, max(Tissue)))

    def to_record(self) -> LabelRuns:
        """The change as a record keeps it."""
        return self.labels.to_record()


@dataclass(frozen=True)
class StreakChange:
    """The streak mask painted or erased; a scan that nobody had searched for streaks gets a mask."""

    labels: LabelChange
    finding: ClassVar[Finding] = STREAK

    def apply(self, working: Working) -> frozenset[str]:
        """Write the new mask; the parts that changed."""
        working.paint(STREAK, self.labels)
        return frozenset({STREAK})

    @classmethod
    def from_record(cls, entry: EditEntry, volume: CTVolume) -> StreakChange:
        """The inverse of :meth:`to_record`; errors as of :meth:`Edit.from_record`."""
        return cls(LabelChange.from_record(entry.change, volume.hu.size, 1))

    def to_record(self) -> LabelRuns:
        """The change as a record keeps it."""
        return self.labels.to_record()


@dataclass(frozen=True)
class PlaneChange:
    """The mid-sagittal plane moved or turned."""

    plane: Plane
    finding: ClassVar[Finding] = MIDSAGITTAL

    def apply(self, working: Working) -> frozenset[str]:
        """Put the new plane; the part that changed."""
        working.put(midsagittal=self.plane)
        return frozenset({MIDSAGITTAL})

    @classmethod
    def from_record(cls, entry: EditEntry, volume: CTVolume) -> PlaneChange:
        """The inverse of :meth:`to_record`; errors as of :meth:`Edit.from_record`."""
        plane = plane_of(entry.change)
        check_plane(volume, plane.origin, plane.normal)
        return cls(plane)

    def to_record(self) -> PlaneEntry:
        """The change as a record keeps it."""
        return like(PlaneEntry, self.plane)


@dataclass(frozen=True)
class LandmarkChange:
    """Landmarks moved, placed, or (None) declared not to be there."""

    landmarks: Mapping[str, Landmark | None]
    finding: ClassVar[Finding] = "landmarks"

    def apply(self, working: Working) -> frozenset[str]:
        """Put the new points; their ids are the parts that changed."""
        points = {**working.findings.landmarks, **self.landmarks}
        working.put(landmarks={id_: p for id_, p in points.items() if p is not None})
        return frozenset(self.landmarks)

    @classmethod
    def from_record(cls, entry: EditEntry, volume: CTVolume) -> LandmarkChange:
        """The inverse of :meth:`to_record`; errors as of :meth:`Edit.from_record`."""
        points = {_known_landmark(id_): None if p is None else landmark_of(p) for id_, p in entry.change.items()}
        return cls(points)

    def to_record(self) -> dict[str, BareLandmark | None]:
        """The change as a record keeps it."""
        return {id_: None if p is None else like(BareLandmark, p) for id_, p in self.landmarks.items()}


@dataclass(frozen=True)
class GradeChange:
    """Motion grades of slice ranges: (first, last, grade), native indices from 0 and both included; -1 is "cannot be graded"."""

    ranges: tuple[tuple[int, int, int], ...]
    finding: ClassVar[Finding] = MOTION

    def apply(self, working: Working) -> frozenset[str]:
        """Put the new grades (slices that nobody graded stay ungraded); the part that changed."""
        old = working.findings.motion_grades
        grades = np.full(working.volume.shape[0], -1, np.int8) if old is None else old.copy()
        for first, last, grade in self.ranges:
            grades[first : last + 1] = grade
        working.put(motion_grades=grades)
        return frozenset({MOTION})

    @classmethod
    def from_record(cls, entry: EditEntry, volume: CTVolume) -> GradeChange:
        """The inverse of :meth:`to_record`; errors as of :meth:`Edit.from_record`."""
        return cls(check_ranges(volume, entry.change.ranges))

    def to_record(self) -> GradeRanges:
        """The change as a record keeps it."""
        return GradeRanges(ranges=self.ranges)


@dataclass(frozen=True)
class RegionChange:
    """Regions of interest placed to measure noise or contrast by hand."""

    regions: Mapping[str, Region]
    finding: ClassVar[Finding] = "regions"

    def apply(self, working: Working) -> frozenset[str]:
        """Nothing: a region takes the place of masks for its own IQM only."""
        return frozenset()

    @classmethod
    def from_record(cls, entry: EditEntry, volume: CTVolume) -> RegionChange:
        """The inverse of :meth:`to_record`; errors as of :meth:`Edit.from_record`."""
        regions = {name: Region.from_record(r) for name, r in entry.change.items()}
        check_regions(volume, str(entry.iqm), regions)
        return cls(regions)

    def to_record(self) -> dict[str, RegionEntry]:
        """The change as a record keeps it."""
        return {name: region.to_record() for name, region in self.regions.items()}


@dataclass(frozen=True)
class ValueChange:
    """A value typed in."""

    value: float
    finding: ClassVar[Finding] = "value"

    def apply(self, working: Working) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    @classmethod
    def from_record(cls, entry: EditEntry, volume: CTVolume) -> ValueChange:
        """The inverse of :meth:`to_record`; errors as of :meth:`Edit.from_record`."""
        return cls(check_value(str(entry.iqm), entry.change.value))

    def to_record(self) -> TypedValue:
        """The change as a record keeps it."""
        return TypedValue(value=self.value)


Change = TissueChange | StreakChange | PlaneChange | LandmarkChange | GradeChange | RegionChange | ValueChange
#: Every kind of change by the name of its finding.
KINDS: Mapping[str, type[Change]] = {kind.finding: kind for kind in get_args(Change)}


@dataclass(frozen=True, eq=False)
class Edit:
    """One act of a person.

    Attributes:
        iqm: the IQM that was being corrected; None for an edit that no IQM reads (e.g. bone painted on scalp).
        reason, corrector, time: as in :class:`~HeadCTIQALib.assessment.correction.Correction`.
        change: what was done.
    """

    iqm: str | None
    reason: str
    corrector: str
    time: str
    change: Change

    def to_record(self) -> EditEntry:
        """The edit as a record keeps it."""
        return EditEntry(
            iqm=self.iqm, reason=self.reason, corrector=self.corrector, time=self.time, finding=self.change.finding,
            change=self.change.to_record(),
        )  # fmt: skip

    @classmethod
    def from_record(cls, entry: EditEntry, volume: CTVolume) -> Edit:
        """The inverse of :meth:`to_record`.

        Raises:
            ValueError: label changes or points that do not fit the scan.
            CorrectionError: what a person could not have entered either.
        """
        return cls(
            entry.iqm, entry.reason, entry.corrector, entry.time, KINDS[entry.finding].from_record(entry, volume)
        )


def _known_landmark(id_: str) -> str:
    if id_ not in LANDMARK_TITLES:
        raise ValueError(f"there is no landmark {id_!r}")
    return id_


def landmark_of(entry: BareLandmark) -> Landmark:
    """A landmark as a record keeps it."""
    return Landmark(entry.position, entry.confidence, entry.in_scan, entry.source, entry.spread_mm)


def plane_of(entry: PlaneEntry) -> Plane:
    """A plane as a record keeps it."""
    return Plane(entry.origin, entry.normal, entry.confidence, entry.source)
