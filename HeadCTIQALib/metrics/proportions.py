"""Whether the head has a person's proportions: a wrong slice spacing or pixel size makes millimetres meaningless.

Measured on the intracranial space, which neither hair, scalp nor a thick skull changes.  Limits lie well outside what
people have: in crania of all populations the basion-bregma height is 0.70 to 0.98 of the geometric mean of length and
breadth (Howells 1973, 1989; Hrdlicka's mean height index), and that mean varies by 4 % (SD) about 157 mm outside, some 12 mm
less inside.  42 scans and 24 simulated heads span 0.80 to 1.01 and 125 to 151 mm.
"""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.findings.types import CONFIDENT, INTRACRANIAL, Findings, Tissue
from HeadCTIQALib.metrics.common import slice_areas
from HeadCTIQALib.volume.checks import is_under_age
from HeadCTIQALib.volume.types import CTVolume

HEIGHT = (0.74, 1.09)  # basion to the top of the brain, over the geometric mean of width and length
ADULT_MM = (112.0, 167.0)  # geometric mean of width and length
EXTREMES = (0.2, 99.8)  # percent: outermost points
WIDEST = 3  # slices


def proportions(volume: CTVolume, findings: Findings) -> tuple[str, ...]:
    """One sentence when the head is taller, flatter, larger or smaller than people's, else none."""
    area = slice_areas(volume, findings.tissue, INTRACRANIAL)
    if not (area > 0).any() or area[[0, -1]].max() > 0.98 * area.max():  # the widest place may lie outside the scan
        return ()
    width, length = _extents(volume, findings, np.argsort(area)[-WIDEST:])
    across = float(np.sqrt(width * length))
    if across > ADULT_MM[1] or (across < ADULT_MM[0] and not is_under_age(volume)):
        large = across > ADULT_MM[1]
        sentence = (
            f"The inside of the skull is {width:.0f} mm wide and {length:.0f} mm long, {'more' if large else 'less'} than an adult's: "
            f"the pixel size seems to be wrong{'' if large else ', or this is a child'}; all lengths may be wrong."
        )
        return (sentence,)
    height = _height(findings)
    if height is None or HEIGHT[0] <= height / across <= HEIGHT[1]:
        return ()
    word, cause = ("tall", "large") if height / across > HEIGHT[1] else ("flat", "small")
    sentence = (
        f"The head is too {word} for its width and length ({height:.0f} mm from the skull base to the top of the brain, "
        f"{width:.0f} x {length:.0f} mm across): the distance between the slices seems to be too {cause} in the file; lengths and angles may be wrong."
    )
    return (sentence,)


def _extents(volume: CTVolume, findings: Findings, slices: np.ndarray) -> tuple[float, float]:
    """(width, length) mm of the intracranial space in some slices, across and along the mid-sagittal plane."""
    points = []
    for s in slices:
        j, i = np.nonzero((findings.tissue[s] >= Tissue.BRAIN) & (findings.tissue[s] <= Tissue.CSF))
        points.append(volume.origins[s] + i[:, None] * volume.row_step + j[:, None] * volume.col_step)
    right = volume.r if findings.midsagittal is None else np.asarray(findings.midsagittal.normal, float)
    forwards = np.cross(volume.k, right)
    forwards /= np.linalg.norm(forwards)
    inside = np.concatenate(points)
    low, high = np.percentile(np.stack([inside @ np.cross(forwards, volume.k), inside @ forwards]), EXTREMES, axis=1)
    return float(high[0] - low[0]), float(high[1] - low[1])


def _height(findings: Findings) -> float | None:
    """Mm from the basion to the top of the brain; None unless both are sure."""
    ends = [findings.landmarks.get(name) for name in ("BASION", "BRAIN_TOP")]
    if any(e is None or e.confidence < CONFIDENT for e in ends):
        return None
    basion, top = (np.asarray(e.position, float) for e in ends if e is not None)
    return float(np.linalg.norm(top - basion))
