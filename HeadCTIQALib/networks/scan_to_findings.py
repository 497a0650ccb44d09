"""A scan to its findings: what the networks see, outlined, decided and put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import Findings, Landmark, Tissue
from HeadCTIQALib.volume import CTVolume

from .artefact import artefact_findings, look_beforehand, look_for_artefacts
from .bundles import ANATOMY, FLUID, LANDMARKS, OBJECTS, open_bundle
from .fluid import look_for_fluid
from .landmarks import fine_landmarks
from .masked import masked, reasons, sentences, unsure, without_paint
from .objects import decided_objects, look_for_objects
from .orientation import recognised_anatomy
from .outline import midsagittal_plane, outlined, proposed_objects, turned_to_midline, vertex
from .soft_copy import soft_copy
from .types import CoarseAnatomy, Infer


def found_in(volume: CTVolume, infer: Infer, tell: Callable[[str, float], None]) -> Findings:
    """All findings of one scan on its native grid.

    Args:
        volume: the scan.
        infer: runs a network by the name of its bundle.
        tell: told the step being done and the fraction done.

    Raises:
        InputError: no head was seen, or it lies otherwise than the file says.
        ModelError: a network cannot run.
    """
    volume = soft_copy(volume)
    tell("Looking at the anatomy", 0.0)
    coarse = recognised_anatomy(volume, infer)
    tell("Looking at the anatomy", 1.0)
    return looked_closer(volume, coarse, infer, tell)


def looked_closer(
    volume: CTVolume, coarse: CoarseAnatomy, infer: Infer, tell: Callable[[str, float], None]
) -> Findings:
    """:func:`found_in` once the anatomy is known: four networks look closer while tissue is outlined."""
    looking = ThreadPoolExecutor(4, "networks")
    # Steps that do not need each other share two cores: NumPy, SciPy and the engines let go of the interpreter lock.
    beside = ThreadPoolExecutor(1, "beside")
    try:
        artefacts_seen = looking.submit(look_for_artefacts, volume, coarse, infer)
        objects_seen = looking.submit(look_for_objects, volume, coarse, infer)
        landmarks_seen = looking.submit(fine_landmarks, volume, coarse, infer)

        def search(*shown: NDArray) -> Future[NDArray[np.uint8]]:
            return looking.submit(look_for_fluid, infer, *shown)

        tell("Outlining tissue", 0.0)
        outlines, complete = outlined(volume, coarse, search)
        early = beside.submit(look_beforehand, volume, outlines)
        symmetry = beside.submit(midsagittal_plane, volume, coarse)
        tell("Looking for foreign objects", 0.35)
        proposed = proposed_objects(volume, outlines, coarse)
        tissue = complete()
        foreign = decided_objects(volume, tissue, proposed, objects_seen.result(), coarse)
        tissue[without_paint(volume, foreign)] = Tissue.FOREIGN
        del outlines, complete, proposed, foreign  # as large as the scan
        judged = beside.submit(artefact_findings, volume, tissue, artefacts_seen.result(), early.result())
        tell("Finding the mid-sagittal plane", 0.55)
        plane, details = symmetry.result()
        landmarks: dict[str, Landmark] = {**coarse.landmarks, **landmarks_seen.result()}
        landmarks |= vertex(volume, tissue, coarse)
        hidden = masked(volume, landmarks, coarse)
        landmarks = unsure(landmarks, hidden)
        turned = turned_to_midline(plane, landmarks)
        tell("Looking for motion and streaks", 0.65)
        artefacts = judged.result()
    finally:
        for pool in (looking, beside):
            pool.shutdown(wait=False, cancel_futures=True)  # a refusal or an interruption does not wait
    notes = [details.note] if details.note else []
    notes += sentences(hidden)
    if (top := landmarks.get("VERTEX")) is not None and not top.in_scan:
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
        methods=methods(artefacts.methods, by_midline=turned is not plane),
        notes=tuple(notes),
        not_assessable=reasons(hidden),
    )


def methods(of_artefacts: Mapping[str, str], by_midline: bool) -> dict[str, str]:
    """What made the findings, for the record."""
    title = {name: open_bundle(name).title for name in (ANATOMY, LANDMARKS, OBJECTS, FLUID)}
    return {
        "tissue": f"coarse network + native HU refinement 2, {title[FLUID]}",
        "landmarks": title[LANDMARKS],
        "midsagittal": "mirror-image registration 2" + (", midline landmarks 2" if by_midline else ""),
        **of_artefacts,
        "foreign_object": f"dense objects outside the skin 3, {title[OBJECTS]}",
        "anatomy": title[ANATOMY],
    }
