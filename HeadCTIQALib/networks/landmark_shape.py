"""Where landmarks lie that were not seen, from the fitted pose and from those that were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .types import Vector

#: Deviations of a head from its fitted pose are a Gaussian process over the template: a shift, a linear part about the
#: skull base, and a smooth part.  Chosen on simulated and real scans with their lower part cut off.
SHIFT_MM, LINEAR, SMOOTH_MM, REACH_MM, NOISE_MM = 4.0, 0.1, 3.0, 70.0, 1.5
CENTRE = np.array([0.0, 20.0, 20.0])
ENOUGH = 3


@dataclass(frozen=True)
class Estimate:
    """A place in RAS mm and the standard deviation of its coordinates in mm."""

    position: Vector
    sd_mm: float


class HeadShape:
    """Estimates of landmarks in one scan.

    Args:
        pose: (4, 4) affine, template mm to RAS mm.
        template: landmarks in template mm.
        seen: landmarks seen in the scan, RAS mm.
    """

    def __init__(self, pose: Vector, template: Mapping[str, Vector], seen: Mapping[str, Vector]) -> None:
        self._pose, self._template, self.seen = pose, template, seen

    def expected(self, name: str) -> Vector:
        """Where the pose alone puts a landmark."""
        return np.asarray(self._pose[:3, :3] @ self._template[name] + self._pose[:3, 3])

    def estimate(self, name: str) -> Estimate:
        """Where a landmark must be, given the pose and the other landmarks that were seen (its own sighting apart)."""
        others = [n for n in self.seen if n != name]
        at = self._template[name][None]
        if len(others) < ENOUGH:
            return Estimate(self.expected(name), float(np.sqrt(covariance(at, at)[0, 0])))
        known = np.array([self._template[n] for n in others])
        gaps = np.array([self.seen[n] - self.expected(n) for n in others])
        cross = covariance(at, known)[0]
        weights = np.linalg.solve(covariance(known, known) + NOISE_MM**2 * np.eye(len(others)), cross)
        variance = covariance(at, at)[0, 0] - cross @ weights
        return Estimate(self.expected(name) + weights @ gaps, float(np.sqrt(max(variance, 0.0))))


def covariance(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, M) covariance in mm^2 of one coordinate's deviation at (N, 3) and (M, 3) template points."""
    square = ((a[:, None] - b[None]) ** 2).sum(-1)
    linear = LINEAR**2 * ((a - CENTRE) @ (b - CENTRE).T)
    return np.asarray(SHIFT_MM**2 + linear + SMOOTH_MM**2 * np.exp(-square / (2 * REACH_MM**2)))
