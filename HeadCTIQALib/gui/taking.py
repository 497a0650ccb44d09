"""What a person edited in the nodes of an assessment, taken over into the review: only real differences become corrections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from HeadCTIQALib.assessment.labels import differing
from HeadCTIQALib.findings import LANDMARK_TITLES, Findings

from .results import Results

_SAME_MM = 0.01  # less than a hand can move anything; scaling handles shift a plane by rounding errors
_SAME_DEG = 0.01


def take_points(review: Any, results: Results, corrector: str, iqm: str | None) -> None:
    """Points that were moved, placed or deleted; ``iqm``: what the person was correcting, where known.

    Raises:
        CorrectionError: see :meth:`~HeadCTIQALib.assessment.review.Review.move_points`.
    """
    placed = {id_: p.position for id_, p in results.read_landmarks().items() if id_ in LANDMARK_TITLES}
    known = {id_: p.position for id_, p in review.findings.landmarks.items()}
    moved: dict[str, Any] = {
        id_: p for id_, p in placed.items() if id_ not in known or np.abs(np.subtract(p, known[id_])).max() > _SAME_MM
    }
    moved |= dict.fromkeys(set(known) - set(placed))
    if moved:
        review.move_points(moved, corrector=corrector, iqm=iqm)


def take_plane(review: Any, results: Results, corrector: str) -> None:
    """The mid-sagittal plane if it was turned, or moved along its normal.

    Raises:
        CorrectionError: see :meth:`~HeadCTIQALib.assessment.review.Review.move_plane`.
    """
    plane, known = results.read_plane(), review.findings.midsagittal
    if plane is None:
        return
    if known is not None:
        turned = np.degrees(np.arcsin(min(1.0, float(np.linalg.norm(np.cross(plane.normal, known.normal))))))
        shifted = abs(float(np.dot(np.subtract(plane.origin, known.origin), known.normal)))
        if turned < _SAME_DEG and shifted < _SAME_MM:
            return
    review.move_plane(plane.origin, plane.normal, corrector=corrector, reason=_("Moved the mid-sagittal plane."))


def take_masks(
    review: Any, results: Results, corrector: str, iqm: str | None, put_back: Callable[[Findings, Findings], None]
) -> None:
    """What was painted or erased.

    Args:
        put_back: called with the findings that the scene shows and those that it should show, where a streak was only
            painted over: the Segment Editor erases what it paints over, but streaks lie over tissue and stay.

    Raises:
        CorrectionError: see :meth:`~HeadCTIQALib.assessment.review.Review.paint`.
    """
    tissue, streak = results.read_tissue(review.volume)
    known, reason = review.findings, _("Edited in the Segment Editor.")
    if streak is None and known.streak is not None:
        streak = np.zeros_like(known.streak)  # the segment was deleted
    edited = streak is not None
    if streak is not None and known.streak is not None:
        changed = differing(streak, known.streak)
        before, now = known.streak[changed], streak[changed]
        gone = before & ~now
        edited = bool((gone & (tissue[changed] == known.tissue[changed])).any() or (now & ~before).any())
        if changed and not edited:
            put_back(known.with_(tissue=tissue, streak=streak), known.with_(tissue=tissue))
    review.paint(tissue, corrector=corrector, iqm=iqm, reason=reason)
    if edited:
        review.paint_streak(streak, corrector=corrector, iqm=iqm, reason=reason)
