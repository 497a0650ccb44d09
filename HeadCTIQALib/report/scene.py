"""What the pictures of one report share: the scan, its findings and the record's evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.report import views
from HeadCTIQALib.report.canvas import Canvas, Ras
from HeadCTIQALib.volume.types import CTVolume, Vector


@dataclass
class Scene:
    """What the pictures of one report share."""

    volume: CTVolume
    findings: Findings
    iqms: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def box(self) -> views.Box:
        """The head with a little air around it."""
        return views.head_box(self.volume, self.findings).grown(8.0)

    def slice_box(self, index: int) -> views.Box:
        """The head in one native slice, with a little air around it."""
        return views.head_box(self.volume, self.findings, index).grown(8.0)

    def midline(self, through: Vector, box: views.Box) -> views.View:
        """Sagittal view through a RAS point, turned with the head about k where the mid-sagittal plane is known."""
        plane = self.findings.midsagittal
        forward = np.cross(self.volume.k, np.array(plane.normal, float)) if plane else self.volume.a
        if forward @ self.volume.a < 0:
            forward = -forward
        return views.upright_along(self.volume, through, through + forward, box)

    def evidence(self, iqm: str) -> Mapping[str, Any]:
        """The evidence in the record, empty when there is none."""
        return (self.iqms.get(iqm) or {}).get("evidence") or {}

    def bound(self, iqm: str) -> float | None:
        """How many millimetres are missing at least, where no more than that is known of a margin; else None."""
        entry = self.iqms.get(iqm) or {}
        return (
            -float(entry["value"])
            if entry.get("bound") == "at_most" and entry.get("value") is not None and entry["value"] < 0
            else None
        )

    def canvas(self, view: views.View, iqm: str, window: tuple[float, float] | None = None) -> Canvas:
        """An empty picture in the window of the evidence."""
        given = self.evidence(iqm).get("window")
        return Canvas(self.volume, self.findings, view, window or (tuple(given) if given else (40.0, 80.0)))

    def slice_of(self, iqm: str) -> int:
        """The native slice of the evidence, kept inside the scan; the middle one when none is named."""
        index = self.evidence(iqm).get("slice_index")
        count = self.volume.shape[0]
        return count // 2 if index is None else min(max(int(index), 0), count - 1)


def points_of(evidence: Mapping[str, Any]) -> dict[str, Ras]:
    """Named points of the evidence as tuples."""
    return {str(n): (float(p[0]), float(p[1]), float(p[2])) for n, p in (evidence.get("points") or {}).items()}


def lines_of(evidence: Mapping[str, Any]) -> list[tuple[Vector, Vector]]:
    """Lines of the evidence as pairs of RAS points, names resolved."""
    points = points_of(evidence)
    ends = [
        tuple(np.array(points[e] if isinstance(e, str) else e, float) for e in pair)
        for pair in evidence.get("lines") or ()
    ]
    return [(e[0], e[1]) for e in ends]
