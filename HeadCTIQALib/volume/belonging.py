"""Does a slice belong between its neighbours?  Another slice, a turned, exchanged or copied one does not.

Slices of a head change steadily: a true slice is nearer to the one below and to the one above than these are to each other.
That ratio needs no scale, thick or thin slices, skull base or vertex: in scans of people it is about 0.5, and 0.75 at most.
Motion raises it as well.  So what a small rigid motion explains, and what has the streaks of motion in the air around the
head, stays in the scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .levels import offset, smoothed
from .likeness import Plane, Slices, difference

FOREIGN, TURNED, EXCHANGED = "unlike the slices beside", "mirrored or turned", "exchanged with another one"
COPY, SHIFTED, SMOOTHED = "a copy of the slice beside", "in other units than most", "smoothed unlike the slices beside"
#: The same of several slices, where it differs.
SEVERAL = {COPY: "copies of the slice beside", EXCHANGED: "exchanged with each other"}
_APART_MM = (
    10.0  # between the neighbours that a slice is measured against: thinner slices differ by noise and motion only
)
_MISFIT = 1.4
_END_MISFIT = 2.0  # times the difference of the next slices, of one that has one neighbour only
_RUINED = 4.0  # no motion makes a slice as unlike its neighbours
_MOST_MM, _MOST_DEG = 16.0, 18.0  # by which a head moves from one slice to the next, and back
_STREAKS = 1.6  # times as much unrest in the air around the head as in the slices beside
_TURNED = 0.8  # of the difference is left when a turned slice is turned back
_EXCHANGED = 0.8  # of the way through all slices is left when two slices are exchanged back
_EXCHANGE = 3  # slices apart; farther ones are misfits by themselves
_COPY = 0.22  # of the difference of slices as near
_SKIPPED = 1.1  # times the step on the other side is the one beside a copy, which takes the place of a slice; at a largest section both are alike
_LONGEST = 3  # slices in a row that belong elsewhere
_LEAST_HU = 3.0  # mean difference of neighbours; smaller ones are noise in air
_FEWEST, _HEAD_CM2 = 12, 50.0  # slices, and patient in the median one
_MOST_FOREIGN = 15  # one in so many slices, or two; where more do not fit, the head moved
_LEAST_CM2 = 15.0  # of patient, for a slice to be compared

_TURNS: tuple[Callable[[Plane], Plane], ...] = (
    lambda p: p[:, ::-1],
    lambda p: p[::-1],
    lambda p: p[::-1, ::-1],
    lambda p: p.T,
    lambda p: np.rot90(p),
    lambda p: np.rot90(p, 3),
    lambda p: p[::-1, ::-1].T,
)


def misplaced(s: Slices) -> dict[str, list[int]]:
    """Slices that do not belong where they are, by what they are (for "1 slice is ..."), by their number in ``s``.

    Nothing is said of few slices, or of images too small for a head.
    """
    found: dict[str, list[int]] = {}
    if len(s) < _FEWEST or np.median(s.body_cm2) < _HEAD_CM2:
        return found
    rest = list(range(len(s)))
    for search in (_in_other_values, _exchanged, _misfits, _copies, _smoothed):
        odd = {rest[n]: what for n, what in search(s.chosen(rest)).items()}
        for n, what in sorted(odd.items()):
            found.setdefault(what, []).append(n)
        rest = [n for n in rest if n not in odd]
    return found


def _in_other_values(s: Slices) -> dict[int, str]:
    return dict.fromkeys(offset(s), SHIFTED)


def _smoothed(s: Slices) -> dict[int, str]:
    return dict.fromkeys(smoothed(s), SMOOTHED)


def _misfits(s: Slices) -> dict[int, str]:
    found: dict[int, str] = {}
    moved: set[int] = set()
    while len(found) <= max(2, len(s) // _MOST_FOREIGN):
        rest = [n for n in range(len(s)) if n not in found]
        worst = max((x for x in _ratios(s, rest) if not moved.issuperset(x[1])), default=None, key=lambda x: x[0])
        if worst is None or worst[0] <= _MISFIT:
            break
        ratio, run, below, above, scale = worst
        for n in run:
            what = _what(s, n, below, above, scale, ratio)
            if what is None:
                moved.add(n)
            else:
                found[n] = what
    else:  # too many: the head moved
        found = {}
    return found | _turned(s, found) | _ends(s, found)


def _ratios(s: Slices, rest: list[int]) -> Iterator[tuple[float, tuple[int, ...], int, int, float]]:
    """For every short run of slices: how far it is from the nearer of the slices beside it, relative to their own difference."""
    for length in range(1, _LONGEST + 1):
        for at in range(1, len(rest) - length):
            run, below, above = tuple(rest[at : at + length]), rest[at - 1], rest[at + length]
            nearer = min(s.unlike(below, run[0]), s.unlike(run[-1], above))
            own = [
                s.unlike(rest[at + m], rest[at + m + 1]) for m in (-2, length) if at + m >= 0 and at + m + 1 < len(rest)
            ]
            scale = max(_LEAST_HU, s.unlike(below, above), *own)
            if nearer <= _MISFIT * scale:
                continue
            low, high = at - 1, at + length
            while s.z[rest[high]] - s.z[rest[low]] < _APART_MM and (low > 0 or high < len(rest) - 1):
                low, high = max(0, low - 1), min(len(rest) - 1, high + 1)
            scale = max(scale, s.unlike(rest[low], rest[high]))
            yield nearer / scale, run, below, above, scale


def _what(s: Slices, n: int, below: int, above: int, scale: float, ratio: float) -> str | None:
    """What a slice that does not fit is; None where motion explains it."""
    if ratio > _RUINED or s.body_cm2[n] < _LEAST_CM2:
        return FOREIGN
    middle = (s.capped[below] + s.capped[above]) / 2
    if _settled(s, n, below, above, middle) <= _MISFIT * scale:
        return None
    return None if _unrest(s, n) > _STREAKS * max(_unrest(s, below), _unrest(s, above)) else FOREIGN


def _settled(s: Slices, n: int, below: int, above: int, middle: Plane) -> float:
    """How unlike the slices beside it a slice is after the rigid motion in the plane that fits best."""
    from scipy import ndimage, optimize

    plane = s.capped[n]
    centre = (np.array(plane.shape) - 1) / 2

    def moved(x: NDArray[np.float64]) -> Plane:
        turn = np.deg2rad(x[0])
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        return np.asarray(
            ndimage.affine_transform(
                plane, matrix, centre - matrix @ centre + x[1:] / s.cell_mm, order=1, mode="nearest"
            )
        )

    def cost(x: NDArray[np.float64]) -> float:
        beyond = max(0.0, abs(x[0]) - _MOST_DEG, float(np.hypot(x[1], x[2])) - _MOST_MM)
        return difference(moved(x), middle) * (1 + beyond)

    starts = [
        np.array([turn, row, column], float) for turn in (-12, 0, 12) for row in (-10, 0, 10) for column in (-10, 0, 10)
    ]
    start = min(starts, key=cost)
    simplex = start + np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 4]])
    best = moved(
        optimize.minimize(cost, start, method="Nelder-Mead", options={"initial_simplex": simplex, "maxfev": 80}).x
    )
    return min(difference(best, s.capped[below]), difference(best, s.capped[above]))


def _unrest(s: Slices, n: int) -> float:
    """HU by which neighbouring cells in the air around the patient differ: streaks reach beyond the head."""
    from scipy import ndimage

    body = s.cells[n] > -700
    air = ndimage.binary_dilation(body, iterations=max(1, round(30 / s.cell_mm))) & ~ndimage.binary_dilation(
        body, iterations=2
    )
    steps = np.abs(np.diff(np.clip(s.cells[n], -1100, -800), axis=1))[air[:, 1:] & air[:, :-1]]
    return float(steps.mean()) + 1.0 if steps.size else 1.0


def _turned(s: Slices, found: dict[int, str]) -> dict[int, str]:
    """Mirrored and turned slices that fit when they are turned back, about the centre of the image as programs do."""
    square = s.cells.shape[1] == s.cells.shape[2]
    rest = [n for n in range(len(s)) if n not in found]
    turned: dict[int, str] = {}
    for at in range(len(rest)):
        beside = [rest[m] for m in (at - 1, at + 1) if 0 <= m < len(rest)]
        n = rest[at]
        if not beside or s.body_cm2[n] < _LEAST_CM2 or min(s.unlike(n, m) for m in beside) < _LEAST_HU:
            continue
        middle = sum((s.capped[m] for m in beside), np.zeros_like(s.capped[n])) / len(beside)
        as_it_is = difference(s.capped[n], middle)
        for turn in _TURNS[: 7 if square else 3]:
            back = turn(s.capped[n])
            if difference(back, middle) >= _TURNED * as_it_is:
                continue
            if all(difference(back, s.capped[m]) < _TURNED * s.unlike(n, m) for m in beside):
                turned[n] = TURNED
    return turned if len(turned) <= len(s) // 4 else {}


def _ends(s: Slices, found: dict[int, str]) -> dict[int, str]:
    """The first and last slice, where the step to it is larger than all that the scan makes nearby."""
    rest = [n for n in range(len(s)) if n not in found]
    ends: dict[int, str] = {}
    if len(rest) < 6:
        return ends
    for order in (rest, rest[::-1]):
        rates = [s.unlike(a, b) / abs(s.z[a] - s.z[b]) for a, b in pairwise(order[:6])]
        least = _LEAST_HU / abs(s.z[order[0]] - s.z[order[1]])
        if rates[0] > _END_MISFIT * max(*rates[1:], least) and s.body_cm2[order[0]] > 0.5 * s.body_cm2[order[1]]:
            ends[order[0]] = FOREIGN
    return ends


def _exchanged(s: Slices) -> dict[int, str]:
    """Pairs of slices after whose exchange the slices change much more steadily."""
    found: dict[int, str] = {}
    for apart in range(_EXCHANGE, 0, -1):
        for n in range(1, len(s) - apart - 1):
            m = n + apart
            if found.keys() & set(range(n - 1, m + 2)) or min(s.body_cm2[n - 1 : m + 2]) < _LEAST_CM2:
                continue
            order = list(range(n - 1, m + 2))
            back = [n - 1, m, *range(n + 1, m), n, m + 1]
            way = _way(s, order)
            if way > _LEAST_HU * len(order) and _way(s, back) < _EXCHANGED * way:
                found |= {n: EXCHANGED, m: EXCHANGED}
    return found


def _way(s: Slices, order: list[int]) -> float:
    return sum(s.unlike(a, b) for a, b in pairwise(order))


def _copies(s: Slices) -> dict[int, str]:
    """Slices that show exactly the anatomy of the one below or above, with other noise."""
    steps = np.array([s.unlike(n, n + 1) for n in range(len(s) - 1)])
    rates = steps / np.diff(s.z)
    usual = np.array(
        [
            np.median(np.r_[rates[max(0, n - 3) : n], rates[n + 1 : n + 4]]) if len(rates) > 1 else 0.0
            for n in range(len(rates))
        ]
    )
    found: dict[int, str] = {}
    for n in np.flatnonzero(steps < _COPY * usual * np.diff(s.z)).tolist():
        if n in found or min(s.body_cm2[n], s.body_cm2[n + 1]) < 4 * _LEAST_CM2:
            continue
        beside = [float(rates[m]) for m in (n - 1, n + 1) if 0 <= m < len(rates)]
        if len(beside) == 1 or max(beside) >= _SKIPPED * min(beside):
            found[n if n == 0 or (len(beside) == 2 and beside[0] > beside[1]) else n + 1] = COPY
    return found
