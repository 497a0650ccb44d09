"""The findings of a scan while a person's acts are replayed on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.volume.types import CTVolume

from .inputs import label_pairs
from .labels import LabelChange


class Working:
    """Findings while edits are replayed on them; large arrays are copied before they are first written."""

    def __init__(self, findings: Findings, volume: CTVolume) -> None:
        self._findings = findings
        self._painted: dict[str, Any] = {}
        self.volume = volume

    def paint(self, name: str, change: LabelChange) -> list[tuple[int, int]]:
        """Write into ``tissue`` or ``streak`` (which begins empty where there was none); the (old, new) values that occurred."""
        if name not in self._painted:
            old = getattr(self._findings, name)
            self._painted[name] = np.zeros(self.volume.shape, bool) if old is None else old.copy()
        flat = self._painted[name].reshape(-1)
        pairs: set[tuple[int, int]] = set()
        for piece in change.pieces():
            where, new = piece.indices(), piece.voxel_values()
            pairs.update(label_pairs(flat[where].view(np.uint8), new))
            flat[where] = new
        return sorted(pairs)

    def put(self, **parts: object) -> None:
        """Replace small parts of the findings."""
        self._findings = self._findings.with_(**parts)

    @property
    def not_assessable(self) -> Mapping[str, str]:
        """IQM id to the reason why its finding does not exist, so far."""
        return self._findings.not_assessable

    @property
    def findings(self) -> Findings:
        """The findings so far."""
        if self._painted:
            self._findings, self._painted = self._findings.with_(**self._painted), {}
        return self._findings
