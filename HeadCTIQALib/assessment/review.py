"""A person's review of one scan: correct findings or values, see measurements and scores at once, undo, revert, keep.

Only what an edit touches is measured again (numpy and scipy, no networks).  Every state is a tuple of edits on the
untouched original, so that undo, redo and reverting a single item are all "another tuple", and nothing is ever lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import boundary
from HeadCTIQALib.findings.types import LANDMARK_TITLES, Findings
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.types import Measurement, Point
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.record import Record, model_of, original_measurements
from HeadCTIQALib.record.build import build_record
from HeadCTIQALib.scoring import ScoringModel, guideline_model
from HeadCTIQALib.volume.limits import refuse_endless

from .correction import CorrectionError, check_value, iqm_of
from .edits import (
    Change,
    Edit,
    GradeChange,
    LandmarkChange,
    PlaneChange,
    RegionChange,
    StreakChange,
    TissueChange,
    ValueChange,
)
from .inputs import meant
from .labels import LabelChange
from .pipeline import Assessment
from .placing import check_landmark, check_plane, check_ranges, check_tissue
from .regions import Region, check_regions
from .remeasure import Remeasure
from .review_record import original_findings, review_block, stored_context, stored_edits, stored_extras
from .steps import Steps

if TYPE_CHECKING:
    from HeadCTIQALib.volume import CTVolume

    from .storage import StoredAssessment

_DEFAULT_REASON = "Edited by the reader."


class Review(Steps):
    """One scan under review; see the module's docstring.

    Args:
        volume: the scan.
        findings: as they were before any correction.
        measurements: of those findings.  None measures all ten.
        edits: corrections made earlier, oldest first.
        scoring_model: None for the guideline model.
        record: the record that all this was read from, whose context (input, networks, timings) is kept.
        now: the clock, UTC.
    """

    def __init__(
        self,
        volume: CTVolume,
        findings: Findings,
        measurements: Mapping[str, Measurement] | None = None,
        *,
        edits: Sequence[Edit] = (),
        scoring_model: ScoringModel | None = None,
        record: Record | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(volume, Remeasure(volume, findings, measurements), edits, scoring_model or guideline_model())
        self._record = record
        self._folder: Path | None = None  # that these corrections are kept in
        self._now = now
        self._built: tuple[tuple[Edit, ...], Assessment] | None = None
        self._stored = None if record is None else self.edits  # while these are in force the record is as it was read
        if record is not None:
            self._work.know_extras(self._state, stored_extras(record))

    @classmethod
    def of(cls, assessment: Assessment, scoring_model: ScoringModel | None = None) -> Review:
        """The review of a fresh assessment.

        Raises:
            CorrectionError: it has corrections of its own.
        """
        if assessment.record.corrections:
            raise CorrectionError("The assessment is already corrected; write it to a folder and open that.")
        return cls(
            assessment.volume, assessment.findings, assessment.measurements,
            scoring_model=scoring_model or model_of(assessment.record), record=assessment.record,
        )  # fmt: skip

    @classmethod
    def open(cls, stored: StoredAssessment, volume: CTVolume, scoring_model: ScoringModel | None = None) -> Review:
        """Carry on with an assessment that was loaded with its ``volume``, earlier corrections included.

        Raises:
            CorrectionError: it was loaded without findings, or its corrections are damaged.
        """
        record = stored.record
        if stored.findings is None:
            raise CorrectionError(
                f"The assessment {stored.folder} was opened without its scan; load the scan to correct it."
            )
        volume = stored_context(volume, record)
        with boundary(f"The corrections in {stored.folder} are damaged; assess the scan again.", CorrectionError):
            edits = stored_edits(record, volume, f"The corrections in {stored.folder}")
            findings = original_findings(record, stored.findings)
        measurements = original_measurements(record)
        review = cls(
            volume, findings, measurements, edits=edits, scoring_model=scoring_model or model_of(record), record=record
        )
        review._folder = stored.folder
        return review

    def prepare(self) -> None:
        """Do now what the first correction would have to wait for; about half a second for a large scan."""
        self._work.prepare()

    # corrections; each returns the IQM that it was filed under (None where no IQM reads what was edited)

    def paint(
        self, tissue: NDArray[np.uint8], *, corrector: str, iqm: str | None = None, reason: str = ""
    ) -> str | None:
        """Take over an edited (K, J, I) label map; ``iqm``: what the person was correcting, where known.

        Raises:
            CorrectionError: not a label map of this scan.
        """
        check_tissue(self.volume, tissue)
        change = LabelChange.between(self.findings.tissue, tissue)
        return self._edit(TissueChange(change), iqm, corrector, reason) if change.size else iqm

    def paint_streak(
        self, streak: NDArray[np.bool_], *, corrector: str, iqm: str | None = None, reason: str = ""
    ) -> str | None:
        """Take over an edited (K, J, I) streak mask.

        Raises:
            CorrectionError: not a mask of this scan.
        """
        check_tissue(self.volume, streak.view(np.uint8) if streak.dtype == bool else streak)
        before = self.findings.streak
        old = np.zeros(self.volume.shape, np.uint8) if before is None else before.view(np.uint8)
        change = LabelChange.between(old, np.asarray(streak, bool).view(np.uint8))
        if not change.size and before is not None:
            return iqm
        return self._edit(StreakChange(change), iqm, corrector, reason)

    def move_plane(self, origin: Point, normal: Point, *, corrector: str, reason: str = "") -> str | None:
        """Move the mid-sagittal plane (RAS mm).

        Raises:
            CorrectionError: a plane without direction, or turned too far.
        """
        return self._edit(PlaneChange(check_plane(self.volume, origin, normal)), "symmetry_angle", corrector, reason)

    def move_points(
        self, positions: Mapping[str, Point | None], *, corrector: str, iqm: str | None = None, reason: str = ""
    ) -> str | None:
        """Move or place landmarks (id to RAS mm; None: the point is not there).

        Raises:
            CorrectionError: unknown points, or positions that are not finite.
        """
        if not positions:
            raise CorrectionError("No point was moved; drag a point first.")
        points = {id_: check_landmark(self.volume, id_, p) for id_, p in positions.items()}
        words = reason or f"Moved: {', '.join(LANDMARK_TITLES[id_] for id_ in points)}."
        return self._edit(LandmarkChange(points), iqm, corrector, words)

    def grade_slices(self, ranges: Sequence[tuple[int, int, int]], *, corrector: str, reason: str = "") -> str | None:
        """Set motion grades of slice ranges (first, last, grade): native slices from 0, grades 0..3 or -1 for "cannot be graded".

        Raises:
            CorrectionError: a range outside the scan, or no such grade.
        """
        return self._edit(
            GradeChange(check_ranges(self.volume, ranges)), "motion_extent", corrector, reason or "Graded by hand."
        )

    def place_regions(self, iqm: str, regions: Mapping[str, Region], *, corrector: str, reason: str = "") -> str | None:
        """Measure ``noise`` in a region "brain", or ``gray_white_cnr`` in regions "deep_grey" and "white".

        Raises:
            CorrectionError: other regions than the IQM needs, or too few pixels of the scan inside.
        """
        check_regions(self.volume, iqm_of(iqm).id, regions)
        return self._edit(RegionChange(dict(regions)), iqm, corrector, reason or "Measured in a region of interest.")

    def type_value(self, iqm: str, value: float, *, corrector: str, reason: str, unit: str | None = None) -> str | None:
        """Put a typed value in the place of what was measured.

        Raises:
            CorrectionError: unknown IQM, value out of range or of another unit, or no reason.
        """
        checked = check_value(iqm, value, unit)
        if not reason.strip():
            raise CorrectionError(f"{IQM_BY_ID[iqm].title}: say why the measured value is replaced.")
        return self._edit(ValueChange(checked), iqm, corrector, reason)

    # keeping

    def use_model(self, model: ScoringModel) -> None:
        """Score by another model from now on."""
        self._model, self._scores, self._built, self._stored = model, None, None, None

    def assessment(self) -> Assessment:
        """Everything about the scan as it stands, with the record; unchanged since it was opened, the record as it was read."""
        if self._built is None or self._built[0] != self.edits:
            self._built = (self.edits, self._build())
        return self._built[1]

    @property
    def record(self) -> Record:
        """The content of ``assessment.json`` as it stands."""
        return self.assessment().record

    @property
    def complete(self) -> bool:
        """Whether ``record`` is at hand; if not, it takes up to half a second for the report-only numbers of a large scan."""
        return self._work.has_extras(self._state)

    @property
    def preview(self) -> Record:
        """``record`` at once, with the report-only numbers of an earlier state where those of this one are not known yet."""
        return self.record if self.complete else self._build(earlier_extras=True).record

    def write(self, folder: str | Path, progress: Progress | None = None) -> Path:
        """Write the assessment folder with corrected masks and landmarks, the originals inside the record.

        The folder that was opened, or written before, may be written again.

        Raises:
            OutputError: see :meth:`~HeadCTIQALib.assessment.pipeline.Assessment.write`.
        """
        from .storage import write_assessment

        self._folder = write_assessment(self.assessment(), Path(folder), progress or silent, mine=self._folder)
        return self._folder

    def _build(self, earlier_extras: bool = False) -> Assessment:
        extras, earlier = self._work.extras(self._state, earlier_extras), self._record
        if self.edits == self._stored and earlier is not None:
            return Assessment(self.volume, self.findings, self.measurements, extras, self.scores, earlier)
        models, timings = ((), {}) if earlier is None else (earlier.models, earlier.timings)
        review = review_block(self._work, self._state, self.original_scores, self._model.profile)
        record = build_record(
            self.volume, self.findings, self.measurements, extras, self.scores, self._model, models, self.corrections, timings, review
        )  # fmt: skip
        if earlier is not None:
            record = msgspec.structs.replace(record, input=earlier.input, warnings=earlier.warnings)
        return Assessment(self.volume, self.findings, self.measurements, extras, self.scores, record)

    def _edit(self, change: Change, iqm: str | None, corrector: str, reason: str) -> str | None:
        if not corrector.strip():
            raise CorrectionError("Enter your reader id first; every correction is kept with its author.")
        time = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        edit = Edit(iqm, reason.strip() or _DEFAULT_REASON, corrector.strip(), time, change)
        painted = [e.change.labels for e in (*self.edits, edit) if isinstance(e.change, (TissueChange, StreakChange))]
        runs, voxels = sum(len(c.starts) for c in painted), sum(c.size for c in painted)
        refuse_endless("The corrections", len(self.edits) + 1, runs, voxels, self.volume.hu.size)
        state = self._work.state((*self.edits, edit), self._state)
        if not isinstance(
            change, (ValueChange, RegionChange)
        ):  # filed under what was meant, as far as what changed tells
            edit = replace(edit, iqm=meant(state.parts[-1], iqm))
            state = replace(state, edits=(*self.edits, edit))
        self._push(state)
        return edit.iqm
