"""The artefact network at work: native slices to motion grades and a streak mask.

Slices through the coarse intracranial space, averaged to about 1 mm, go to the network while the tissue map is being
refined; what comes back is then read inside the refined map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.volume import CTVolume

from .artefact_grid import ArtefactGrid, artefact_grid, expand, sample_slice
from .bundles import ARTEFACT, open_bundle
from .outline.air_ring import ring_index
from .outline.steps import STEP_LIMITS, slice_steps
from .outline.streaks import dark_bands, metal_slices, streak
from .outline.workgrid import head_probability
from .types import Artefacts, Beforehand, CoarseAnatomy, Infer

MIN_GAP_MM = 1.9  # thinner slices take the answer of the nearest one looked at: they share a rotation with it
BATCH = 8  # slices that the network is shown at once
MARGIN_MM = 6.0  # the coarse intracranial space may end this far too early
MIN_AREA_MM2 = 100.0  # less intracranial space says nothing about motion
# Probability from which a slice has a grade by itself, and from which it has that of slices beside it: who moves in one slice mostly
# moves in the next, which makes the same picture more likely motion there than elsewhere.
LIMIT, BESIDE_LIMIT = 0.5, 0.3
MOVED = 2  # grade from which streaks are the motion's
RING_SLICES = 12  # of which the air ring is read, as a companion to the grades that needs no network


@dataclass(frozen=True)
class Seen:
    """What the network answered.

    Attributes:
        grid: of the slices it saw; slices: (N,) their indices, increasing.
        grades: (N, 3) probability that the motion grade is at least 1, 2, 3.
        streak: (N, SIDE, SIDE) uint8 probability of streak, in 1/255.
    """

    grid: ArtefactGrid
    slices: NDArray[np.intp]
    grades: NDArray[np.float32]
    streak: NDArray[np.uint8]


def look_for_artefacts(volume: CTVolume, coarse: CoarseAnatomy, infer: Infer) -> Seen:
    """Show the network the slices through the brain.

    Raises:
        ModelError: the network cannot run.
    """
    head = coarse_points(coarse, head_probability(coarse))
    inside = coarse_points(coarse, coarse.probabilities[Tissue.BRAIN : Tissue.CSF + 1].sum(axis=0))
    grid = artefact_grid(volume, head if len(head) else volume.image_centres)
    slices = chosen_slices(volume.slice_positions, inside @ volume.k)
    hu = (
        np.stack([sample_slice(volume, grid, int(k)) for k in slices])
        if len(slices)
        else np.empty((0, 32, 32), np.float32)
    )
    return Seen(grid, slices, *graded_slices(infer, np.rint(hu).astype(np.int16)))


def graded_slices(infer: Infer, hu: NDArray[np.int16]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """(N, 3) probabilities of grade >= 1, 2, 3 and (N, H, W) probabilities of streak in 1/255, of (N, H, W) HU on an :class:`ArtefactGrid`.

    Raises:
        ModelError: the network cannot run.
    """
    grades, streaks = np.empty((len(hu), 3), np.float32), np.empty(hu.shape, np.uint8)
    for n in range(0, len(hu), BATCH):
        grades[n : n + BATCH], streaks[n : n + BATCH] = infer(ARTEFACT, hu[n : n + BATCH])
    return np.minimum.accumulate(grades, axis=1), streaks  # grade >= 2 is never likelier than grade >= 1


def look_beforehand(volume: CTVolume, outlines: NDArray[np.uint8]) -> Beforehand:
    """What a tissue map tells of artefacts while fluid is not yet told from brain in it."""
    return Beforehand(slice_steps(volume, outlines), dark_bands(volume, outlines))


def artefact_findings(volume: CTVolume, tissue: NDArray[np.uint8], seen: Seen, beforehand: Beforehand) -> Artefacts:
    """Grades and streaks of every native slice.

    A sudden in-plane shift between neighbouring slices leaves no trace within them; it is looked for in the outlines
    (:func:`HeadCTIQALib.networks.outline.slice_steps`) and counts as motion in both.  Slices without intracranial space are not graded.
    The motion index is that of the air ring, read in every few slices.  For streaks see :func:`streak`; slices with strong
    motion and without metal have none.

    Args:
        volume: the scan; tissue: (K, J, I) its refined tissue map; seen: the network's answer; beforehand: what its outlines told.
    """
    inside = (tissue >= Tissue.BRAIN) & (tissue <= Tissue.CSF)
    pixel = volume.pixel_spacing[0] * volume.pixel_spacing[1]
    area = np.array([np.count_nonzero(s) for s in inside]) * pixel
    grades, probability = np.full(len(area), -1, np.int8), np.full(len(area), np.nan)
    nearest: dict[int, int] = {}
    if len(seen.slices):
        gaps = np.abs(volume.slice_positions[:, None] - volume.slice_positions[seen.slices][None, :])
        known = np.flatnonzero((area > MIN_AREA_MM2) & (gaps.min(axis=1) < max(MIN_GAP_MM, MARGIN_MM)))
        nearest = {int(k): int(gaps[k].argmin()) for k in known}
        shown = list(nearest.values())
        grades[known] = motion_grades(np.asarray(seen.grades))[shown]
        probability[known] = seen.grades[shown, 0]
    plane: tuple[int, int] = volume.shape[1:]
    steps = beforehand.steps
    stripes = streak(
        volume,
        tissue,
        beforehand.dark,
        lambda k: expand(seen.grid, seen.streak[nearest[k]], plane) if k in nearest else None,
    )
    for s in np.flatnonzero(steps > STEP_LIMITS[0]):
        both = grades[s : s + 2]
        both[both >= 0] = np.maximum(both[both >= 0], np.digitize(steps[s], STEP_LIMITS))
    # motion draws streaks as well, which count as motion; only metal in the slice makes others
    if (moved := grades >= MOVED).any():
        stripes[moved & ~metal_slices(volume, tissue)] = False
    companions = np.flatnonzero(grades >= 0)
    companions = companions[:: max(1, len(companions) // RING_SLICES)]
    index = ring_index(volume, tissue, [int(k) for k in companions])
    title = open_bundle(ARTEFACT).title
    return Artefacts(
        grades,
        index,
        probability,
        stripes,
        {"motion": f"{title}, slice steps 2", "streak": f"{title}, HU bounds and metal slices 3"},
    )


def motion_grades(probabilities: NDArray[np.floating]) -> NDArray[np.int8]:
    """(N,) grades 0..3 of slices in their order, from (N, 3) probabilities of grade >= 1, 2, 3.

    A grade is given from :data:`LIMIT` on, and from :data:`BESIDE_LIMIT` on in a run of slices that leads to one of that grade.
    """
    held = [ndimage.binary_propagation(p > LIMIT, mask=p > BESIDE_LIMIT) for p in probabilities.T]
    return np.asarray(np.cumprod(held, axis=0).sum(axis=0), np.int8)


def chosen_slices(positions: NDArray[np.float64], brain: NDArray[np.float64]) -> NDArray[np.intp]:
    """(N,) slices within :data:`MARGIN_MM` of the brain's range, at least :data:`MIN_GAP_MM` apart.

    Args:
        positions: (K,) mm along the slices' normal, increasing; brain: (M,) those of points of the coarse brain.
    """
    if not len(brain):
        return np.empty(0, np.intp)
    low, high = brain.min() - MARGIN_MM, brain.max() + MARGIN_MM
    out: list[int] = []
    for k in np.flatnonzero((positions >= low) & (positions <= high)):
        if not out or positions[k] - positions[out[-1]] >= MIN_GAP_MM:
            out.append(int(k))
    return np.array(out, np.intp)


def coarse_points(coarse: CoarseAnatomy, probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 3) RAS mm of the coarse voxels whose probability exceeds one half."""
    index = np.argwhere(probability > 0.5)
    return np.asarray(coarse.origin + coarse.spacing * index[:, ::-1], np.float64)
