"""Between the scene and the review: what a person edits there becomes a correction, what is undone goes back there.

3D Slicer's own tools edit ordinary nodes (Segment Editor, Markups).  When a hand has finished, the nodes are compared with
what is known, and only real differences become corrections.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HeadCTIQALib.assessment.labels import differing
from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.findings import Findings
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.record import Record

from . import forms
from .scene_edits import MASKS, PLANE, POINTS, SceneEdits
from .session import Event, Session
from .taking import take_masks, take_plane, take_points


class Reviewing(VTKObservationMixin):
    """Keeps one :class:`~HeadCTIQALib.assessment.review.Review` for what the session shows.

    Args:
        session: shows the corrected record and findings.
        corrector: gives the id of the reader at work; may be empty.
        tell: shows a sentence to the user; an empty one clears it.
    """

    def __init__(self, session: Session, corrector: Callable[[], str], tell: Callable[[str], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._session, self._corrector, self._tell = session, corrector, tell
        self._review: Any | None = None
        self._busy = False
        self._preview = False  # whether the record shown still has report-only numbers of an earlier state
        self._edits = SceneEdits(self.flush, lambda: self._busy)
        self._soon = forms.deferred(self._catch_up)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartSaveEvent, self._saving)
        session.observe(self._changed)
        session.pending.append(self.flush)
        self._follow()

    def cleanup(self) -> None:
        """Stop following scene and session."""
        self._edits.forget()
        self._edits.watch(None)
        self._soon.stop()
        self.removeObservers()
        self._session.unobserve(self._changed)
        if self.flush in self._session.pending:
            self._session.pending.remove(self.flush)

    @property
    def corrector(self) -> str:
        """The reader at work, in words where nobody gave an id."""
        return self._corrector().strip() or _("unnamed reader")

    @property
    def known_review(self) -> Any | None:
        """The review if it was made already."""
        return self._review

    @property
    def review(self) -> Any | None:
        """The review of what is shown, made on first use; None without a scan and its assessment in the scene.

        Raises:
            HeadCTIQAError: the assessment cannot be corrected, e.g. its scoring model is not known.
        """
        session = self._session
        if (
            self._review is None
            and session.record is not None
            and session.results is not None
            and session.volume is not None
        ):
            from HeadCTIQALib.assessment.review import Review
            from HeadCTIQALib.assessment.storage import StoredAssessment

            stored = StoredAssessment(Path(session.title()), session.record, session.findings)
            self._review = Review.open(stored, session.volume)
        return self._review

    def prepare(self, *_arguments: Any) -> None:
        """Read masks and points before anybody edits them: afterwards the scene no longer knows what was there."""
        if self._review is not None:
            return
        try:
            review = self.review
        except HeadCTIQAError:
            return  # said when somebody corrects
        if review is not None:
            review.prepare()

    def correct(self, action: Callable[[Any], object]) -> bool:
        """Do ``action(review)`` (a correction, undo, a revert), show the result, and put it into the scene; whether it worked."""
        self.flush()
        try:
            review = self.review
            if review is None:
                self._tell(_("Choose a scan and assess it, or load an assessment with its scan, to correct it."))
                return False
            before = review.findings
            action(review)
        except HeadCTIQAError as error:
            self._tell(str(error))
            return False
        self._into_scene(before, review.findings)
        self._show(review)
        return True

    def flush(self, *_arguments: Any) -> None:
        """Take over at once what was edited in the scene."""
        self._complete()
        waiting = self._edits.take()
        if not waiting or self._busy or self._session.results is None:
            return
        try:
            review = self.review
        except HeadCTIQAError as error:
            self._tell(str(error))
            return
        if review is None:
            return
        count = len(review.edits)
        for kind in (POINTS, PLANE, MASKS):
            if kind in waiting:
                before = review.findings
                try:
                    self._take(kind, review)
                except HeadCTIQAError as error:
                    self._tell(str(error))
                    self._into_scene(None, before, kind)  # what was refused does not stay in the images either
        if len(review.edits) != count:
            self._show(review)

    # from the scene

    def _take(self, kind: str, review: Any) -> None:
        results: Any = self._session.results
        if kind == POINTS:
            take_points(review, results, self.corrector, self._selected())
        elif kind == PLANE:
            take_plane(review, results, self.corrector)
        else:
            take_masks(
                review,
                results,
                self.corrector,
                self._selected(),
                lambda before, after: self._into_scene(before, after, MASKS),
            )

    def _selected(self) -> str | None:
        return self._session.selected if self._session.selected in IQM_BY_ID else None

    # to the scene

    def _show(self, review: Any) -> None:
        """Metrics and scores at once, the report-only numbers as soon as the window has shown them."""
        self._preview = not review.complete
        self._update(review.preview, review.findings)
        self._tell("")
        if self._preview:
            self._soon.start()

    def _catch_up(self, *_arguments: Any) -> None:
        self.prepare()
        self._complete()

    def _complete(self) -> None:
        if self._preview and self._review is not None:
            self._preview = False
            self._update(self._review.record, self._review.findings)

    def _update(self, record: Record, findings: Findings) -> None:
        self._busy = True
        try:
            self._session.update(record, findings)
        finally:
            self._busy = False

    def _into_scene(self, before: Findings | None, after: Findings, only: str | None = None) -> None:
        """Make the nodes show ``after``; ``before``: what they show, where that is known."""
        results, volume = self._session.results, self._session.volume
        if results is None or volume is None:
            return
        self._busy = True
        try:
            if only in (None, POINTS) and (before is None or before.landmarks != after.landmarks):
                results.write_landmarks(after.landmarks)
            if (
                only in (None, PLANE)
                and after.midsagittal is not None
                and (before is None or before.midsagittal != after.midsagittal)
            ):
                results.write_plane(after.midsagittal)
            if only in (None, MASKS) and (before is None or _masks_differ(before, after)):
                self._write_masks(before, after)
        finally:
            self._busy = False
            self._edits.watch(results)  # a point list may be new

    def _write_masks(self, before: Findings | None, after: Findings) -> None:
        from .mask_writing import write_changes

        results: Any = self._session.results
        volume: Any = self._session.volume
        if before is None or not write_changes(results.segmentation, volume, before, after):
            results.write_tissue(volume, after)

    # events

    def _changed(self, event: Event) -> None:
        if event == "assessment" and not self._busy:
            self._follow()

    def _follow(self) -> None:
        self._review = None
        self._preview = False
        self._edits.forget()
        self._edits.watch(self._session.results)
        if self._session.results is not None:
            self._soon.start()

    def _saving(self, _caller: Any, _event: Any) -> None:
        self.flush()
        self._complete()


def _masks_differ(a: Findings, b: Findings) -> bool:
    if differing(a.tissue, b.tissue):
        return True
    if a.streak is None or b.streak is None:
        return a.streak is not b.streak
    return bool(differing(a.streak, b.streak))
