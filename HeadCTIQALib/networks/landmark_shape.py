"""Where landmarks lie that were not seen, from the fitted pose and from those that were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .types import Vector

#: Deviations of a head from its fitted pose are a Gaussian process over the template: a shift, a linear part about the
#: skull base, and a smooth part.  Chosen on simulated and real scans with their lower part cut off.
SHIFT_MM, LINEAR, SMOOTH_MM, REACH_MM = 4.0, 0.1, 3.0, 70.0
#: SD of each coordinate by which a landmark deviates on its own, with the error of reading it: no other one tells of that.  In 15
#: planning CTs that the networks were trained on, landmarks lie 1.8 mm from where the others put them, beyond what the process allows.
OWN_MM = 2.0
CENTRE = np.array([0.0, 20.0, 20.0])
ENOUGH = 3


@dataclass(frozen=True)
class Estimate:
    """A place in RAS mm and the standard deviation of its coordinates in mm, with what a landmark deviates by on its own."""

    position: Vector
    sd_mm: float


class HeadShape:
    """Estimates of landmarks in one scan.

    Heads are of several kinds, each with its own mean places of landmarks; the landmarks that were seen tell how likely
    each kind is, and the estimate is the mean of all kinds, weighted by that.

    Args:
        pose: (4, 4) affine, template mm to RAS mm.
        kinds: landmarks in template mm, of each kind of heads.
        seen: landmarks seen in the scan, RAS mm.
    """

    def __init__(self, pose: Vector, kinds: Sequence[Mapping[str, Vector]], seen: Mapping[str, Vector]) -> None:
        self._pose, self._kinds, self.seen = pose, kinds, seen

    def expected(self, name: str, kind: int = 0) -> Vector:
        """Where the pose alone puts a landmark of a kind of heads."""
        return np.asarray(self._pose[:3, :3] @ self._kinds[kind][name] + self._pose[:3, 3])

    def estimate(self, name: str) -> Estimate:
        """Where a landmark must be, given the pose and the other landmarks that were seen (its own sighting apart)."""
        others = [n for n in self.seen if n != name]
        found = [self._of_kind(name, others, kind) for kind in range(len(self._kinds))]
        likelihood = np.array([f[2] for f in found])
        weights = np.exp(likelihood - likelihood.max())
        weights /= weights.sum()
        position = sum((w * f[0] for w, f in zip(weights, found, strict=True)), np.zeros(3))
        variance = sum(w * (f[1] + float(((f[0] - position) ** 2).mean())) for w, f in zip(weights, found, strict=True))
        return Estimate(position, float(np.sqrt(variance)))

    def _of_kind(self, name: str, others: Sequence[str], kind: int) -> tuple[Vector, float, float]:
        """Place, variance of its coordinates, and the log likelihood of the ``others``, for a head of a kind."""
        template = self._kinds[kind]
        at = template[name][None]
        prior = float(covariance(at, at)[0, 0]) + OWN_MM**2
        if len(others) < ENOUGH:
            return self.expected(name, kind), prior, 0.0
        known = np.array([template[n] for n in others])
        gaps = np.array([self.seen[n] - self.expected(n, kind) for n in others])
        cross = covariance(at, known)[0]
        total = covariance(known, known) + OWN_MM**2 * np.eye(len(others))
        weights = np.linalg.solve(total, cross)
        likelihood = -0.5 * float((gaps * np.linalg.solve(total, gaps)).sum()) - 1.5 * float(
            np.linalg.slogdet(total)[1]
        )
        return self.expected(name, kind) + weights @ gaps, prior - float(cross @ weights), likelihood


def covariance(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, M) covariance in mm^2 of one coordinate's deviation at (N, 3) and (M, 3) template points."""
    square = ((a[:, None] - b[None]) ** 2).sum(-1)
    linear = LINEAR**2 * ((a - CENTRE) @ (b - CENTRE).T)
    return np.asarray(SHIFT_MM**2 + linear + SMOOTH_MM**2 * np.exp(-square / (2 * REACH_MM**2)))
