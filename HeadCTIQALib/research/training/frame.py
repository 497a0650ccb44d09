"""The head frame of a labelled head, from its landmarks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

PAIRED = ("EAM", "CANTHUS", "GLOBE")


def canonical_frame(marks: Mapping[str, tuple[float, float, float]]) -> NDArray[np.float64]:
    """(4, 4) RAS -> template: origin between the ear canals, x right, the orbitomeatal plane horizontal."""
    p = {k: np.asarray(v, float) for k, v in marks.items()}
    origin = 0.5 * (p["EAM_R"] + p["EAM_L"])
    pairs = [p[f"{n}_R"] - p[f"{n}_L"] for n in PAIRED]
    x = sum(v / np.linalg.norm(v) for v in pairs)
    x /= np.linalg.norm(x)
    y = 0.5 * (p["CANTHUS_R"] + p["CANTHUS_L"]) - origin
    y -= (y @ x) * x
    y /= np.linalg.norm(y)
    rotation = np.stack([x, y, np.cross(x, y)])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, -rotation @ origin
    return matrix
