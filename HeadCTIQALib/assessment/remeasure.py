"""Measuring again after an edit, and only what the edit touched.

A measurement depends on the edits that changed the parts of the findings that it reads (:mod:`.inputs`) and on nothing
else, so those edits are the key under which it is remembered: undo and redo cost no measuring at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS
from HeadCTIQALib.metrics import METRICS, Measurement, Memory, measure
from HeadCTIQALib.metrics.extra import Extra
from HeadCTIQALib.metrics.extras import extras as measure_extras
from HeadCTIQALib.metrics.extras_of_findings import OF_FINDINGS
from HeadCTIQALib.metrics.metric import following_noise
from HeadCTIQALib.metrics.uncertainty import scene_of, with_quantiles
from HeadCTIQALib.record.rounding import DECIMALS
from HeadCTIQALib.volume.types import CTVolume

from .correction import Correction, apply_corrections
from .cropping import Box, Cropping, crop, uncropped
from .edits import Edit, RegionChange, ValueChange, Working
from .regions import measure_in_regions


@dataclass(frozen=True, eq=False)
class State:
    """The edits in force, the findings that they make, and the parts that each of them changed."""

    edits: tuple[Edit, ...]
    findings: Findings
    parts: tuple[frozenset[str], ...]

    def decider(self, iqm: str) -> Edit | None:
        """The last edit filed under an IQM: a typed value or a region decides it, anything else leaves it to the findings."""
        return next((e for e in reversed(self.edits) if e.iqm == iqm), None)

    def relevant(self, iqm: str) -> tuple[Edit, ...]:
        """The edits that the measurement of an IQM depends on."""
        return tuple(
            e for e, parts in zip(self.edits, self.parts, strict=True) if e.iqm == iqm or parts & METRICS[iqm].reads
        )

    def touching(self, inputs: frozenset[str]) -> tuple[Edit, ...]:
        """The edits that changed any of the parts ``inputs``."""
        return tuple(e for e, parts in zip(self.edits, self.parts, strict=True) if parts & inputs)


class Remeasure:
    """Measurements of every state of one scan's findings, each made once.

    Args:
        volume, original: the scan and its findings before any edit.
        measurements: of the original; None measures them.
    """

    def __init__(
        self, volume: CTVolume, original: Findings, measurements: Mapping[str, Measurement] | None = None
    ) -> None:
        self.volume = volume
        self.original = original
        self._measured: dict[tuple[str, tuple[Edit, ...]], Measurement] = {}
        self._extras: dict[tuple[str, tuple[Edit, ...]], Extra] = {}
        self._cropping = Cropping(volume, original)
        self._memory: tuple[Box | None, Memory] = (None, {})  # of the scan cut to that box
        self.original_measurements: Mapping[str, Measurement] = dict(measurements or measure(volume, original))

    def state(self, edits: Sequence[Edit], near: State | None = None) -> State:
        """The findings after ``edits``, replayed on the original or, where it is on the way, on the state ``near``."""
        edits = tuple(edits)
        n = len(near.edits) if near is not None and edits[: len(near.edits)] == near.edits else 0
        working = Working(near.findings if near is not None and n else self.original, self.volume)
        parts = list(near.parts[:n]) if near is not None else []
        for edit in edits[n:]:
            parts.append(edit.change.apply(working))
            if edit.iqm is not None and edit.iqm in working.not_assessable and parts[-1] & METRICS[edit.iqm].reads:
                # the finding that was missing exists now
                working.put(not_assessable={k: v for k, v in working.not_assessable.items() if k != edit.iqm})
        return State(edits, working.findings, tuple(parts))

    def measurements(self, state: State) -> dict[str, Measurement]:
        """The ten measurements of a state, corrected ones marked so."""
        measured = self._measurements(state)
        return apply_corrections(
            with_quantiles(measured, scene_of(self.volume, state.findings, measured)), self.corrections(state)
        )

    def _measurements(self, state: State) -> dict[str, Measurement]:
        keys = {m.id: state.relevant(m.id) for m in IQMS}
        missing = [id_ for id_, edits in keys.items() if edits and (id_, edits) not in self._measured]
        if missing:
            self._measured |= {(id_, keys[id_]): m for id_, m in self._measure(state, missing).items()}
        return {
            id_: self._measured[id_, edits] if edits else self.original_measurements[id_] for id_, edits in keys.items()
        }

    def _measure(self, state: State, iqms: Sequence[str]) -> dict[str, Measurement]:
        self._cropping.follow(state.edits)

        def one(iqm: str) -> Measurement:
            edit = state.decider(iqm)
            if edit is not None and isinstance(edit.change, RegionChange):
                return measure_in_regions(self.volume, state.findings, iqm, edit.change.regions)
            if edit is not None and isinstance(edit.change, ValueChange) and not state.touching(METRICS[iqm].reads):
                return self.original_measurements[iqm]  # the typed value goes on top
            return self._measure_one(state.findings, iqm)

        with ThreadPoolExecutor(2, "measure") as pool:  # numpy works outside Python's lock
            return dict(zip(iqms, pool.map(one, iqms), strict=True))

    def _measure_one(self, findings: Findings, iqm: str) -> Measurement:
        box = self._cropping.box(iqm)
        if box is None:
            return measure(self.volume, findings, only={iqm})[iqm]
        if METRICS[iqm].remembers and self._memory[0] != box:
            self._memory = (box, {})
        return uncropped(measure(*crop(self.volume, findings, box), only={iqm}, memory=self._memory[1])[iqm], box)

    def prepare(self) -> None:
        """Do what the first correction of a mask or of the plane would have to wait for: tables that are made once, and memories."""
        for iqm in following_noise():
            self._measure_one(self.original, iqm)

    def corrections(self, state: State) -> tuple[Correction, ...]:
        """The edits of a state as the record lists them: under the IQM they were made for, then under others that followed."""
        if not state.edits:
            return ()
        measured = self._measurements(state)
        last = {m.id: (state.touching(METRICS[m.id].reads) or (None,))[-1] for m in IQMS if state.decider(m.id) is None}
        listed = []
        for edit, parts in zip(state.edits, state.parts, strict=True):
            if edit.iqm is not None:
                listed.append(self._correction(edit.iqm, edit, edit.reason))
            for m in IQMS:
                follows = m.id != edit.iqm and last.get(m.id) is edit
                if (
                    follows
                    and parts & METRICS[m.id].reads
                    and not _same(measured[m.id], self.original_measurements[m.id])
                ):
                    of = IQM_BY_ID[edit.iqm].title if edit.iqm else "the masks"
                    listed.append(self._correction(m.id, edit, f"Follows from the correction of {of}: {edit.reason}"))
        return tuple(listed)

    def _correction(self, iqm: str, edit: Edit, reason: str) -> Correction:
        value = edit.change.value if isinstance(edit.change, ValueChange) else None
        original = self.original_measurements[iqm].value
        return Correction(iqm, reason, edit.corrector, edit.time, original, value, edit.change.finding)

    def extras(self, state: State, earlier: bool = False) -> tuple[Extra, ...]:
        """The report-only numbers of a state; those whose findings did not change are not computed again.

        Args:
            earlier: take numbers that were computed for an earlier state rather than compute any.
        """
        keys = {id_: (id_, state.touching(inputs)) for id_, (_, inputs) in OF_FINDINGS.items()}
        known = {id_: self._extras[key] for id_, key in keys.items() if key in self._extras}
        if earlier:
            known = {id_: e for (id_, _), e in self._extras.items()} | known
            return measure_extras(self.volume, state.findings, self.measurements(state), known)
        found = measure_extras(self.volume, state.findings, self.measurements(state), known)
        self.know_extras(state, found)
        return found

    def has_extras(self, state: State) -> bool:
        """Whether the report-only numbers of a state are known already."""
        return all((id_, state.touching(inputs)) in self._extras for id_, (_, inputs) in OF_FINDINGS.items())

    def know_extras(self, state: State, extras: Iterable[Extra]) -> None:
        """Remember report-only numbers that were computed for ``state``."""
        self._extras |= {(e.id, state.touching(OF_FINDINGS[e.id][1])): e for e in extras if e.id in OF_FINDINGS}


def _same(a: Measurement, b: Measurement) -> bool:
    """Whether a record would show the same value."""
    if a.value is None or b.value is None:
        return a.value is b.value
    return round(a.value, DECIMALS) == round(b.value, DECIMALS)
