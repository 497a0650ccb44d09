"""What the pictures of one report share: the scan, its findings and the record's evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.record.judged import EvidenceEntry, IqmEntry
from HeadCTIQALib.report import views
from HeadCTIQALib.report.boxes import head_box
from HeadCTIQALib.report.canvas import Canvas
from HeadCTIQALib.volume.types import CTVolume, Vector

NOTHING = EvidenceEntry(
    view="axial", slice_index=None, window=(40.0, 80.0), points={}, lines=(), plane=None, masks=(), slices=(), caption=""
)  # fmt: skip


@dataclass
class Scene:
    """What the pictures of one report share."""

    volume: CTVolume
    findings: Findings
    iqms: Mapping[str, IqmEntry] = field(default_factory=dict)

    @cached_property
    def box(self) -> views.Box:
        """The head with a little air around it."""
        return head_box(self.volume, self.findings).grown(8.0)

    def slice_box(self, index: int) -> views.Box:
        """The head in one native slice, with a little air around it."""
        return head_box(self.volume, self.findings, index).grown(8.0)

    def midline(self, through: Vector, box: views.Box) -> views.View:
        """Sagittal view through a RAS point, turned with the head about k where the mid-sagittal plane is known."""
        plane = self.findings.midsagittal
        forward = np.cross(self.volume.k, np.array(plane.normal, float)) if plane else self.volume.a
        if forward @ self.volume.a < 0:
            forward = -forward
        return views.upright_along(self.volume, through, through + forward, box)

    def evidence(self, iqm: str) -> EvidenceEntry:
        """The evidence in the record, :data:`NOTHING` when there is none."""
        entry = self.iqms.get(iqm)
        return NOTHING if entry is None or entry.evidence is None else entry.evidence

    def value(self, iqm: str) -> float | None:
        """What was measured."""
        return self.iqms[iqm].value if iqm in self.iqms else None

    def details(self, iqm: str) -> Mapping[str, float]:
        """Further numbers of the measurement."""
        return self.iqms[iqm].details if iqm in self.iqms else {}

    def bound(self, iqm: str) -> float | None:
        """How many millimetres are missing at least, where no more than that is known of a margin; else None."""
        entry = self.iqms.get(iqm)
        if entry is None or entry.bound != "at_most" or entry.value is None or entry.value >= 0:
            return None
        return -entry.value

    def canvas(self, view: views.View, iqm: str, window: tuple[float, float] | None = None) -> Canvas:
        """An empty picture in the window of the evidence."""
        return Canvas(self.volume, self.findings, view, window or self.evidence(iqm).window)

    def slice_of(self, iqm: str) -> int:
        """The native slice of the evidence, kept inside the scan; the middle one when none is named."""
        index = self.evidence(iqm).slice_index
        count = self.volume.shape[0]
        return count // 2 if index is None else min(index, count - 1)


def lines_of(evidence: EvidenceEntry) -> list[tuple[Vector, Vector]]:
    """Lines of the evidence as pairs of RAS points."""
    return [(np.array(a, float), np.array(b, float)) for a, b in evidence.lines]
