"""How much of the head is missing at least, from the cross-sections of the intracranial space in the slices that there are.

Where the last slice still shows brain, skull and scalp close over it further up; where the first slice shows the cranial cavity
wide, the foramen magnum lies further down.  How far is not known, but how far *at least* is: no adult's vault is flatter, and no
adult's head lower, than what stands here in units of R, the radius of a disc as large as the widest cross-section (66 to 78 mm).

Checked on whole real heads and on simulated ones, pitched by -20 to +30 deg and rolled by up to 12 deg, cut by 5 to 80 mm.  In a
head with the chin further down the foramen magnum, which lies below and behind the middle of the brain, comes up along the slice
normal: of what is missing below, only what geometry leaves is certain then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from HeadCTIQALib.findings.types import INTRACRANIAL, Findings
from HeadCTIQALib.metrics.common import slice_areas
from HeadCTIQALib.volume.types import CTVolume, Vector

CUT_MM2 = 100.0  # intracranial area in an end slice from which the brain counts as cut, not as a stray label
COVER_MM = 8.0  # least thickness of skull and scalp over the brain at the vertex (inference)
FLATTEST = 0.75  # height of the flattest vault above its widest cross-section, in R, as an ellipsoid
LOWEST = 1.65  # least height of the vertex over the foramen magnum, in R
USUAL_MM = 72.0  # R at least, where the widest cross-section may lie outside the scan
#: Cross-section of the first slice as a fraction of the widest, and how far below it the foramen magnum lies at least, in R.
BELOW = ((0.4, 0.0), (0.6, 0.05), (0.8, 0.13), (0.9, 0.19), (0.95, 0.24), (1.0, 0.3))
USUAL_DEG = 20.0  # chin down by no more, all of the above holds
FORAMEN_BELOW, FORAMEN_BEHIND = (
    0.8,
    0.25,
)  # where the foramen magnum lies from the middle of the brain, in R (inference from simulated heads)
TRUSTED_MM = 15.0  # missing length up to which the vault's curvature tells its top to about 1 mm
DOUBTED = 0.55  # beyond, the share of the estimate that is certain


@dataclass(frozen=True)
class Vault:
    """``areas``: (K,) mm^2, the intracranial cross-sections of a scan."""

    areas: Vector

    @property
    def above_cut(self) -> bool:
        """The brain reaches the last slice."""
        return bool(self.areas[-1] >= CUT_MM2)

    def share(self, s: int) -> float:
        """The cross-section of slice ``s`` as a fraction of the widest of the scan."""
        return float(self.areas[s] / max(float(self.areas.max()), 1.0))

    @property
    def _widest(self) -> int:
        return int(np.argmax(self.areas))

    @property
    def _radius(self) -> float:
        """R; where the widest cross-section may lie outside the scan a usual one, unless what is seen is larger."""
        radius = float(np.sqrt(self.areas.max() / np.pi))
        return radius if 0 < self._widest < len(self.areas) - 1 else max(radius, USUAL_MM)

    def _full(self, s: int, beyond: int) -> float:
        """As :meth:`share`, but of R's disc where the widest cross-section is that of the end slice ``beyond``, so a wider one may follow."""
        return float(self.areas[s] / (np.pi * self._radius**2)) if self._widest == beyond else self.share(s)

    def missing_above(self) -> float:
        """Millimetres that are missing up to the vertex of the scalp at least; 0 where the brain is not cut."""
        if not self.above_cut:
            return 0.0
        return float(COVER_MM + FLATTEST * self._radius * (1 - np.sqrt(1 - self._full(-1, beyond=0))))

    def missing_below(self, vertex_at_most_mm: float | None, chin_down_deg: float = 0.0) -> float:
        """Millimetres that are missing down to the foramen magnum at least; 0 where nothing is certain.

        Args:
            vertex_at_most_mm: the vertex lies no higher above the first slice; None where nothing is known of it.
            chin_down_deg: by how much the chin is down, the orbitomeatal line against the slices.
        """
        if self.areas[0] < CUT_MM2:
            return 0.0
        share, depth = np.array(BELOW).T
        # cross-sections that fall from the first slice on: it lies above the widest
        by_area = float(
            np.interp(1.0 if self._widest == 0 else self._full(0, beyond=len(self.areas) - 1), share, depth)
        )
        by_height = 0.0 if vertex_at_most_mm is None else LOWEST - vertex_at_most_mm / self._radius
        if chin_down_deg > USUAL_DEG:
            usual, down = np.deg2rad([USUAL_DEG, chin_down_deg])
            risen = FORAMEN_BELOW * (np.cos(usual) - np.cos(down)) + FORAMEN_BEHIND * (np.sin(down) - np.sin(usual))
            return float(self._radius * max(0.0, by_area - risen))
        return self._radius * max(0.0, by_area, by_height)


def vault(volume: CTVolume, findings: Findings) -> Vault:
    """The cross-sections of a scan."""
    return Vault(slice_areas(volume, findings.tissue, INTRACRANIAL))


def certain(estimate_mm: float) -> float:
    """How much of an estimated missing length above the scan is certain."""
    return estimate_mm if estimate_mm <= TRUSTED_MM else TRUSTED_MM + DOUBTED * (estimate_mm - TRUSTED_MM)


def at_most(estimate_mm: float) -> float:
    """No more than this is missing above a scan where so much is estimated: the vault is never much taller than it promises."""
    return 1.12 * estimate_mm + 1.0
