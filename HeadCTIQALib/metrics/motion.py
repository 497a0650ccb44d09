"""Category "motion": how much of the brain is spoilt by motion, and how badly."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.findings.types import INTRACRANIAL, Findings
from HeadCTIQALib.metrics import instructions
from HeadCTIQALib.metrics.common import slice_areas
from HeadCTIQALib.metrics.lost_slices import missing_brain
from HeadCTIQALib.metrics.metric import MOTION, Metric, register
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.types import CTVolume

MIN_GRADED = 0.5  # fraction of the intracranial area that must have a grade


def motion_extent(volume: CTVolume, findings: Findings) -> Measurement:
    """Motion extent M = 100 * sum(g_s A_s) / (3 sum A_s), %; lower is better.

    g_s in 0..3 is the motion grade of native slice s, A_s its intracranial area in mm^2.  Slices without a grade (-1)
    are left out.  Details: ``slices_with_motion``, ``slices_with_brain``, ``worst_grade``, ``graded_area_percent``.
    Source: inference.
    """
    grades = findings.motion_grades
    if grades is None:
        return not_assessable("motion_extent", "No motion grades exist for this scan.")
    grades = np.asarray(grades, int)
    if grades.shape != (volume.shape[0],) or grades.min() < -1 or grades.max() > 3:
        raise ValueError(f"motion grades must be {volume.shape[0]} values in -1..3")
    areas = slice_areas(volume, findings.tissue, INTRACRANIAL)
    total = float(areas.sum())
    if total == 0:
        return not_assessable("motion_extent", "No intracranial tissue was found in the scan.")
    graded = grades >= 0
    share = float(areas[graded].sum()) / total
    if share < MIN_GRADED:
        return not_assessable(
            "motion_extent", f"Only {100 * share:.0f} % of the intracranial area could be graded for motion."
        )
    value = 100.0 * float(grades[graded] @ areas[graded]) / (3.0 * float(areas[graded].sum()))
    moving = np.flatnonzero((grades > 0) & (areas > 0))
    # the worst slice is the one with the largest share of M: grade times area
    worst = int(np.argmax(np.where(graded, grades, 0) * areas)) if len(moving) else int(np.argmax(areas))
    flags: tuple[str, ...] = ()
    if share < 0.995:  # less would read as 0 %
        flags = (f"{100 * (1 - share):.0f} % of the intracranial area could not be graded and is left out.",)
    lost = missing_brain(volume, areas)
    if lost.length_mm > 0:
        flags = (
            *flags,
            f"About {lost.length_mm:.0f} mm of the brain are missing from the scan and could not be judged.",
        )
    words = (
        f"motion in {len(moving)} slice{'s' if len(moving) > 1 else ''}, worst grade {grades[moving].max()} of 3"
        if len(moving)
        else "no motion seen"
    )
    return Measurement(
        "motion_extent",
        value,
        method=f"area-weighted slice grades ({findings.methods.get('motion', 'grades')})",
        details={
            "slices_with_motion": float(len(moving)),
            "slices_with_brain": float(np.count_nonzero(areas)),
            "worst_grade": float(grades[moving].max()) if len(moving) else 0.0,
            "graded_area_percent": 100.0 * share,
        },
        flags=flags,
        evidence=Evidence(
            slice_index=worst,
            slices=tuple(int(s) for s in moving),
            caption=f"Motion extent {value:.1f} % ({words}).",
        ),
    )


register(
    Metric(
        "motion_extent",
        motion_extent,
        reads=frozenset({MOTION, "intracranial"}),
        instruct=instructions.motion,
        meant_by=(MOTION,),
        within=INTRACRANIAL,
        picture="motion",
        of_artefacts=True,
        nothing=0.0,
    )
)
