"""The states of a review: what is to be seen in each, and the way back and forth between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.scoring import Scores, ScoringModel, score

from .correction import Correction, CorrectionError, iqm_of
from .edits import Edit
from .history import History
from .remeasure import Remeasure, State

if TYPE_CHECKING:
    from HeadCTIQALib.volume import CTVolume


class Steps:
    """One scan with the edits in force, every step of which can be taken back.

    Args:
        volume: the scan.
        work: measures its findings, edited or not.
        edits: corrections made earlier, oldest first.
        scoring_model: by which the measurements are scored.
    """

    def __init__(self, volume: CTVolume, work: Remeasure, edits: Sequence[Edit], scoring_model: ScoringModel) -> None:
        self.volume = volume
        self._work = work
        self._model = scoring_model
        self._history = History(edits)
        self._state = work.state(self._history.now)
        self._scores: tuple[State, Scores] | None = None

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits in force, oldest first."""
        return self._state.edits

    @property
    def findings(self) -> Findings:
        """The findings with the edits in force."""
        return self._state.findings

    @property
    def original_findings(self) -> Findings:
        """The findings before any edit."""
        return self._work.original

    @property
    def measurements(self) -> Mapping[str, Measurement]:
        """The ten measurements, corrected ones marked so."""
        return self._work.measurements(self._state)

    @property
    def original_measurements(self) -> Mapping[str, Measurement]:
        """The ten measurements before any edit."""
        return self._work.original_measurements

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """The edits in force, as the record lists them by IQM."""
        return self._work.corrections(self._state)

    @property
    def corrected(self) -> tuple[str, ...]:
        """Ids of the IQMs that a correction concerns, in the order of the hierarchy."""
        concerned = {c.iqm for c in self.corrections}
        return tuple(id_ for id_ in IQM_BY_ID if id_ in concerned)

    @property
    def scoring_model(self) -> ScoringModel:
        """The model in use."""
        return self._model

    @property
    def scores(self) -> Scores:
        """The scores of ``measurements``."""
        if self._scores is None or self._scores[0] is not self._state:
            self._scores = (self._state, score(self.measurements, self._model))
        return self._scores[1]

    @property
    def original_scores(self) -> Scores:
        """The scores before any edit."""
        return score(self.original_measurements, self._model)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether an undone step can be made again."""
        return self._history.can_redo

    def undo(self) -> None:
        """Take back the last step: a correction or a revert.

        Raises:
            CorrectionError: there is none.
        """
        self._state = self._work.state(self._history.undo(), self._state)

    def redo(self) -> None:
        """Make the last undone step again.

        Raises:
            CorrectionError: there is none.
        """
        self._state = self._work.state(self._history.redo(), self._state)

    def revert(self, iqm: str) -> None:
        """Drop every edit filed under ``iqm``; where there is none, the edits of others that its value followed from.

        A step that can be undone.

        Raises:
            CorrectionError: unknown IQM, or nothing of it was corrected.
        """
        title = iqm_of(iqm).title
        filed = {e for e in self.edits if e.iqm == iqm} or set(self._state.relevant(iqm))
        if iqm not in self.corrected or not filed:
            raise CorrectionError(f"{title} was not corrected, so there is nothing to revert.")
        self._push(self._work.state(tuple(e for e in self.edits if e not in filed), self._state))

    def revert_all(self) -> None:
        """Back to the original, as one step that can be undone.

        Raises:
            CorrectionError: nothing was corrected.
        """
        if not self.edits:
            raise CorrectionError("Nothing was corrected, so there is nothing to revert.")
        self._push(self._work.state((), self._state))

    def _push(self, state: State) -> None:
        self._history.push(state.edits)
        self._state = state
