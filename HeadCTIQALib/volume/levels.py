"""Slices whose values lie higher or lower than those of the others, or that were smoothed.

Air, tissue and bone of neighbouring slices say so together: anatomy changes one of them, an offset all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .likeness import SOFT_HU, Plane, Slices
from .types import Vector

_AIR_HU = -850
_FLAT_HU = 60  # cells whose neighbours differ by more are edges
_STEP_HU = 12.0  # more than noise, hardening and contrast change air and tissue by
_SAME = 0.35  # by which the steps of two tissues may differ
_LEAST_CELLS = 30
_SMOOTHED = 0.6  # times the noise of the slices on both sides
_BESIDE = 3  # slices on each side
_LEAST_CM2 = 30.0


def offset(s: Slices) -> list[int]:
    """Slices whose values are all too high or too low, against most of the scan."""
    if len(s) < 3:
        return []
    steps = np.array([_step(s.cells[n], s.cells[n + 1]) for n in range(len(s) - 1)])
    level = np.r_[0.0, np.cumsum(steps)]
    near = np.abs(level[:, None] - level[None]) < _STEP_HU / 2
    usual = float(np.median(level[near[near.sum(axis=1).argmax()]]))
    return np.flatnonzero(np.abs(level - usual) >= _STEP_HU).tolist()


def _step(a: Plane, b: Plane) -> float:
    """HU by which all that two slices show differs; 0 where air and tissue do not agree."""
    up, down = _change(a, b), _change(b, a)  # air that was raised is no air any more: one of the two knows it
    return up if abs(up) >= abs(down) else -down


def _change(a: Plane, b: Plane) -> float:
    flat = (np.abs(np.diff(a, axis=0, append=a[-1:])) < _FLAT_HU) & (
        np.abs(np.diff(a, axis=1, append=a[:, -1:])) < _FLAT_HU
    )
    air, tissue = _median(b - a, flat & (a < _AIR_HU)), _median(b - a, flat & (a > SOFT_HU[0]) & (a < SOFT_HU[1]))
    agree = (
        air is not None
        and tissue is not None
        and min(abs(air), abs(tissue)) >= _STEP_HU
        and abs(air - tissue) <= max(_STEP_HU / 2, _SAME * abs(tissue))
    )
    return tissue if agree and tissue is not None else 0.0


def _median(change: Plane, mask: NDArray[np.bool_]) -> float | None:
    values = change[mask]
    return float(np.median(values)) if values.size >= _LEAST_CELLS else None


def smoothed(s: Slices) -> list[int]:
    """Slices with far less noise than those on both sides."""
    noise: Vector = np.where(s.body_cm2 >= _LEAST_CM2, s.noise, np.nan)
    found = []
    for n in range(len(s)):
        sides = [x[np.isfinite(x)] for x in (noise[max(0, n - _BESIDE) : n], noise[n + 1 : n + 1 + _BESIDE])]
        if all(len(x) >= 2 for x in sides) and noise[n] < _SMOOTHED * min(float(np.median(x)) for x in sides):
            found.append(n)
    return found
