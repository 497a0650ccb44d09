"""Which scans readers should read next: those that tell a linear model most (D-optimal design)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.scoring.calibration import SCORES
from HeadCTIQALib.scoring.profile import DEFAULT, Profile

from .readers import ReaderTable
from .scans import Scan, judged_of

Floats = NDArray[np.float64]

_RIDGE = 1e-6  # of the information of one scan: with fewer scans than terms the determinant would be 0 for every choice
_STARTS = 8
_GAIN = 1e-9  # relative, below which an exchange is rounding


@dataclass(frozen=True)
class Suggestion:
    """What to read next.

    Attributes:
        scans: names, the most telling first.
        read: how many scans readers have scored.
        candidates: how many are left to choose from.
        unusable: how many have an item that could not be assessed, so that no model is fitted to them.
    """

    scans: tuple[str, ...]
    read: int
    candidates: int
    unusable: int


def suggest(scans: Sequence[Scan], table: ReaderTable | None, count: int, profile: Profile = DEFAULT) -> Suggestion:
    """Which ``count`` scans to read next, so that a fit on all items learns most.

    Args:
        table: what has been read, with folder names as scan keys; None for nothing.
        profile: that the items are scored by.

    Raises:
        InputError: no scan is left.
    """
    features = item_features(scans, profile)
    usable = np.flatnonzero(np.isfinite(features).all(axis=1))
    names = [scans[int(i)].name for i in usable]
    scored = (
        {v.scan for v in table.values if v.value is not None and v.target in SCORES} if table is not None else set()
    )
    read = [n for n, name in enumerate(names) if name in scored]
    if len(read) == len(names):
        raise InputError(
            f"All {len(names)} assessed scans in which every item was measured have been read; assess more scans first."
        )
    chosen = d_optimal(features[usable], count, read)
    return Suggestion(tuple(names[i] for i in chosen), len(read), len(names) - len(read), len(scans) - len(usable))


def item_features(scans: Sequence[Scan], profile: Profile = DEFAULT) -> Floats:
    """(n, 10) item scores, which models are fitted to; NaN where an item could not be assessed."""
    return judged_of(tuple(scans), profile)[1]


def d_optimal(features: ArrayLike, count: int, read: Sequence[int] = ()) -> tuple[int, ...]:
    """The rows that, with those in ``read``, give a linear model with intercept the largest determinant of information.

    Greedy from several starts, then Fedorov's exchange of one row against another until none gains (Theory of Optimal
    Experiments, 1972; Cook & Nachtsheim, Technometrics 1980;22:315-324).  Features are centred and scaled to unit spread, which changes
    no determinant's order; those that never vary count for nothing.  The same features give the same rows.

    Args:
        features: (n, p) finite numbers, a row a scan.
        count: rows wanted; fewer are returned where fewer are left.
        read: rows that have been read.

    Returns:
        Rows in the order of what they add.
    """
    x = np.asarray(features, float)
    free = [i for i in range(len(x)) if i not in set(read)]
    count = min(count, len(free))
    if count == 0:
        return ()
    spread = x.std(axis=0)
    varying = spread > 1e-12 * np.maximum(1.0, np.abs(x).max(axis=0, initial=0.0))
    rows = np.column_stack([np.ones(len(x)), (x[:, varying] - x[:, varying].mean(axis=0)) / spread[varying]])
    known = rows[list(read)].T @ rows[list(read)] + _RIDGE * np.eye(rows.shape[1])
    # The first start is plainly greedy; the others are made to begin with rows spread over the order of what one row adds.
    order = sorted(free, key=lambda i: (-float(rows[i] @ np.linalg.solve(known, rows[i])), i))
    firsts = [order[k] for k in np.unique(np.linspace(0, len(order) - 1, _STARTS).astype(int))]
    found = [_exchanged(rows, known, _greedy(rows, known, free, [first], count), free) for first in firsts]
    best = max(
        found, key=lambda chosen: (round(_information(rows, known, chosen), 9), tuple(-i for i in sorted(chosen)))
    )
    return tuple(_greedy(rows, known, sorted(best), [], count))


def _greedy(rows: Floats, known: Floats, free: Sequence[int], chosen: Sequence[int], count: int) -> list[int]:
    """``chosen`` and the rows of ``free`` that add most, one after the other: det(M + x x') = det(M) (1 + x' M^-1 x)."""
    chosen = list(chosen)
    while len(chosen) < count:
        inverse = np.linalg.inv(known + rows[chosen].T @ rows[chosen])
        rest = [i for i in free if i not in chosen]
        chosen.append(rest[int(np.argmax(np.einsum("ij,jk,ik->i", rows[rest], inverse, rows[rest])))])
    return chosen


def _exchanged(rows: Floats, known: Floats, chosen: list[int], free: Sequence[int]) -> list[int]:
    """``chosen`` after all exchanges of one row that gain; each step takes the best, so that it ends."""
    while rest := [i for i in free if i not in chosen]:
        inverse = np.linalg.inv(known + rows[chosen].T @ rows[chosen])
        inside, outside = rows[chosen], rows[rest]
        d_in, d_out = (np.einsum("ij,jk,ik->i", r, inverse, r) for r in (inside, outside))
        gain = (1 - d_in)[:, None] * (1 + d_out)[None] + (
            inside @ inverse @ outside.T
        ) ** 2  # factor of the determinant
        out, into = np.unravel_index(int(np.argmax(gain)), gain.shape)
        if gain[out, into] <= 1 + _GAIN:
            break
        chosen = [*chosen[:out], *chosen[out + 1 :], rest[int(into)]]
    return chosen


def _information(rows: Floats, known: Floats, chosen: Sequence[int]) -> float:
    return float(np.linalg.slogdet(known + rows[list(chosen)].T @ rows[list(chosen)])[1])
