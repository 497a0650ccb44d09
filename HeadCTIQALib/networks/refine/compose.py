"""From coarse network output to Findings on the native grid."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import Findings, Landmark, Tissue
from HeadCTIQALib.networks.masked import masked, reasons, sentences, unsure, without_paint
from HeadCTIQALib.networks.second_stage import SecondStage
from HeadCTIQALib.networks.types import Artefacts, Beforehand, CoarseAnatomy, Infer
from HeadCTIQALib.progress import silent
from HeadCTIQALib.volume import CTVolume

from .foreign import proposed_objects
from .midline import turned_to_midline
from .motion_grades import motion
from .steps import slice_steps
from .streaks import dark_bands, streak
from .symmetry import midsagittal_plane
from .tissue import outlined
from .tops import vertex

METHODS = {
    "tissue": "coarse network + native HU refinement 2",
    "landmarks": "coarse network heatmaps; vertex from native HU 1",
    "midsagittal": "mirror-image registration 2",
    "motion": "air ring and slice steps 2",
    "streak": "HU bounds and metal slices 3",
    "foreign_object": "dense objects outside the skin 3",
}
MIDLINE = ", midline landmarks 2"


def refine(
    volume: CTVolume,
    coarse: CoarseAnatomy,
    progress: Callable[[str, float], None] | None = None,
    infer: Infer | None = None,
) -> Findings:
    """All findings of one scan on its native grid.

    Args:
        volume: the scan.
        coarse: what the anatomy network saw in it.
        progress: told the step being done and the fraction done.
        infer: runs the other networks, see :mod:`HeadCTIQALib.networks.second_stage`; None for analytic steps only.

    Raises:
        InputError: the network saw no head.
        ModelError: a network cannot run.
    """
    tell = progress or silent
    # Steps that do not need each other share two cores: NumPy and SciPy let go of the interpreter lock.
    with ThreadPoolExecutor(1, "refine") as beside, SecondStage(volume, coarse, infer) as closer:
        tell("Outlining tissue", 0.0)
        outlines, complete = outlined(volume, coarse, closer.fluid)
        early = beside.submit(look_beforehand, volume, outlines)
        symmetry = beside.submit(midsagittal_plane, volume, coarse)
        tell("Looking for foreign objects", 0.35)
        proposed = proposed_objects(volume, outlines, coarse)
        tissue = complete()
        foreign = without_paint(volume, closer.objects(tissue, proposed))
        tissue[foreign] = Tissue.FOREIGN
        del outlines, complete, proposed  # as large as the scan
        search = beside.submit(
            closer.artefacts if closer.sees_artefacts else partial(analytic_artefacts, volume), tissue, early.result()
        )
        tell("Finding the mid-sagittal plane", 0.55)
        plane, details = symmetry.result()
        landmarks: dict[str, Landmark] = {**closer.landmarks(), **vertex(volume, tissue, coarse)}
        hidden = masked(volume, landmarks, coarse)
        landmarks = unsure(landmarks, hidden)
        turned = turned_to_midline(plane, landmarks)
        tell("Looking for motion and streaks", 0.65)
        artefacts = search.result()
    notes = [details.note] if details.note else []
    notes += sentences(hidden)
    inside = (tissue >= Tissue.BRAIN) & (tissue <= Tissue.CSF)
    ungraded = int(np.count_nonzero((artefacts.motion_grades < 0) & inside.any(axis=(1, 2))))
    if ungraded and artefacts.motion_probability is None:  # a network grades all but slices with next to no brain
        notes.append(
            f"{ungraded} slices through the brain could not be graded for motion (metal, hair, cloth, or air that was clipped or masked)."
        )
    top = landmarks.get("VERTEX")
    if top is not None and not top.in_scan:
        notes.append("The vertex lies above the scan; its position is estimated.")
    tell("Looking for motion and streaks", 1.0)
    return Findings(
        tissue=tissue,
        landmarks=landmarks,
        midsagittal=turned,
        streak=artefacts.streak,
        motion_grades=artefacts.motion_grades,
        motion_index=artefacts.motion_index,
        motion_probability=artefacts.motion_probability,
        methods={**closer.methods(METHODS), **artefacts.methods}
        | ({} if turned is plane else {"midsagittal": METHODS["midsagittal"] + MIDLINE}),
        notes=tuple(notes),
        not_assessable=reasons(hidden),
    )


def look_beforehand(volume: CTVolume, outlines: NDArray[np.uint8]) -> Beforehand:
    """What a tissue map tells of artefacts while fluid is not yet told from brain in it."""
    return Beforehand(slice_steps(volume, outlines), dark_bands(volume, outlines))


def analytic_artefacts(volume: CTVolume, tissue: NDArray[np.uint8], beforehand: Beforehand) -> Artefacts:
    """Motion and streaks without a network."""
    grades, index = motion(volume, tissue, beforehand.steps)
    return Artefacts(grades, index, None, streak(volume, tissue, beforehand.dark), {})
