"""What lost slices forbid to measure: motion and coverage are not scored as if nothing were missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, Findings
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.common import slice_areas
from HeadCTIQALib.volume.types import CTVolume, Lost, Vector

VERTEX, FORAMEN, MOTION = "vertex_margin", "foramen_magnum_margin", "motion_extent"
_LEAST_MM2 = 100.0  # intracranial area of a slice from which it shows brain, not a stray label
_ADVICE = "copy the scan again."


@dataclass(frozen=True)
class Missing:
    """Brain that lost slices would have shown.

    Attributes:
        length_mm: along the slice normal.
        area_mm2: intracranial area, summed over the slices.
    """

    length_mm: float = 0.0
    area_mm2: float = 0.0


def coverage(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Reasons why a margin of the scan range cannot be told."""
    if not volume.lost:
        return {}
    areas, z = slice_areas(volume, findings.tissue, INTRACRANIAL), volume.slice_positions
    brain = np.flatnonzero(areas >= _LEAST_MM2)
    head = np.flatnonzero(slice_areas(volume, findings.tissue, HEAD) >= _LEAST_MM2)
    reasons: dict[str, str] = {}
    for x in volume.lost:
        told = x.reason[0].upper() + x.reason[1:]
        if x.low_mm is None and x.high_mm is None:
            reasons |= dict.fromkeys(
                (VERTEX, FORAMEN), f"{told}, which may have been slices at this end of the scan; {_ADVICE}"
            )
        elif x.high_mm is None:
            reasons[VERTEX] = f"{told} at the upper end of the scan, so how far it reached is unknown; {_ADVICE}"
        elif x.low_mm is None:
            reasons[FORAMEN] = f"{told} at the lower end of the scan, so how far it reached is unknown; {_ADVICE}"
        elif len(brain) and x.high_mm > z[brain[0]] and x.low_mm < z[head[-1]]:
            half = 0.5 * _usual_gap(volume)
            low, high = x.low_mm + half, x.high_mm - half
            nearer = VERTEX if z[head[-1]] - high < low - z[brain[0]] else FORAMEN
            reasons.setdefault(
                nearer,
                f"{high - low:.0f} mm of the head, from {low:.0f} to {high:.0f} mm, were not assessed ({x.reason}); {_ADVICE}",
            )
    return reasons


def motion(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """The reason why motion cannot be told: its range would be another one if the lost part of the brain had moved."""
    if findings.motion_grades is None or not volume.lost:
        return {}
    areas = slice_areas(volume, findings.tissue, INTRACRANIAL)
    lost = missing_brain(volume, areas)
    if lost.area_mm2 <= 0 or areas.sum() <= 0:
        return {}
    grades = np.asarray(findings.motion_grades)
    graded = grades >= 0
    whole = float(areas[graded].sum()) + lost.area_mm2
    seen = float(grades[graded] @ areas[graded])
    still, moved = 100 * seen / (3 * whole), 100 * (seen + 3 * lost.area_mm2) / (3 * whole)
    if IQM_BY_ID[MOTION].band(still) == IQM_BY_ID[MOTION].band(moved):
        return {}
    what = ", ".join(dict.fromkeys(x.reason for x in volume.lost))
    return {
        MOTION: f"About {100 * lost.area_mm2 / whole:.0f} % of the brain was not assessed ({what}): it may have moved ({still:.0f} to {moved:.0f} %); {_ADVICE}"
    }


def missing_brain(volume: CTVolume, areas: Vector) -> Missing:
    """How much brain the lost slices of ``volume`` would have shown, by what the slices beside them show.

    Args:
        areas: (K,) mm2 of intracranial tissue in every slice.
    """
    parts = [_missing_part(volume, areas, x) for x in volume.lost]
    return Missing(sum(p.length_mm for p in parts), sum(p.area_mm2 for p in parts))


def _missing_part(volume: CTVolume, areas: Vector, x: Lost) -> Missing:
    z, gap = volume.slice_positions, _usual_gap(volume)
    if x.low_mm is not None and x.high_mm is not None:
        count = x.slices or max(1, round((x.high_mm - x.low_mm) / gap) - 1)
        area = float(np.interp(0.5 * (x.low_mm + x.high_mm), z, areas))
    elif x.low_mm is not None or x.high_mm is not None:
        count, area = x.slices or 1, float(areas[-1 if x.low_mm is not None else 0])
    else:
        count, area = x.slices or 1, float(areas.max())
    return Missing(count * gap, count * area) if area >= _LEAST_MM2 else Missing()


def _usual_gap(volume: CTVolume) -> float:
    return float(np.median(np.diff(volume.slice_positions)))
