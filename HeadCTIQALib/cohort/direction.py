"""Whether readers' scores rise with quality at all: on many scales of radiology 1 is best.

Nobody turns a scale round unasked: readers who clearly go against the guideline's scores are refused with the option that
says which end is best, and those who only seem to are named.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.agreement import complete_pairs, pearson
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.scoring import Profile, guideline_model
from HeadCTIQALib.scoring.calibration import SCORES

from .evaluation import scores_of
from .readers import ReaderTable
from .scales import HUNDRED, Scale
from .scans import Scan

Floats = NDArray[np.float64]
_FEWEST = 5  # scans of which a direction can be told
_CLEARLY = -0.3  # correlation below which a reader is taken for one on a reversed scale, if its interval leaves out 0


@dataclass(frozen=True, slots=True)
class Against:
    """A reader whose scores fall where the guideline's rise: correlation over ``n`` scans, and whether that is clear."""

    reader: str
    r: float
    n: int
    clear: bool


def against_the_guideline(scans: Sequence[Scan], table: ReaderTable, profile: Profile) -> tuple[Against, ...]:
    """The readers whose scores fall where those of the guideline model rise.

    Args:
        scans, table: matched, see :func:`.scans.matched`.
    """
    guideline = scores_of(scans, guideline_model(profile))
    found = []
    for reader in table.readers:
        read = {t: table.matrix(t, [s.name for s in scans], [reader])[:, 0] for t in SCORES}
        r, n = _correlation([(guideline[t], read[t]) for t in SCORES])
        if n >= _FEWEST and r < 0:
            high = math.tanh(math.atanh(max(r, -1 + 1e-12)) + 1.96 / math.sqrt(n - 3))
            found.append(Against(reader, r, n, r < _CLEARLY and high < 0))
    return tuple(found)


def check_direction(
    scans: Sequence[Scan], table: ReaderTable, profile: Profile, scale: Scale | None
) -> tuple[str, ...]:
    """Sentences about readers who seem to go the other way; arguments as :func:`against_the_guideline`.

    Raises:
        InputError: a reader clearly does.
    """
    found = against_the_guideline(scans, table, profile)
    clear = [a for a in found if a.clear]
    if clear:
        raise InputError(_sentence(clear, len(table.readers), scale))
    return tuple(doubts(found))


def doubts(found: Sequence[Against]) -> Iterator[str]:
    """A sentence for every reader who seems to go the other way."""
    for a in found:
        yield (
            f"The scores of {a.reader} {'fall' if a.clear else 'rather fall'} where the guideline's rise (r = {a.r:.2f}, n = {a.n}); make sure that the scale "
            "was not read the wrong way round."
        )


def _sentence(clear: Sequence[Against], readers: int, scale: Scale | None) -> str:
    worst = min(clear, key=lambda a: a.r)
    names = ", ".join(a.reader for a in clear[:3]) + (f" and {len(clear) - 3} more" if len(clear) > 3 else "")
    turned = (scale or HUNDRED).reversed_name
    if not turned:
        remedy = "look whether scans and rows were mixed up"
    elif len(clear) == readers:
        remedy = (
            f"if it was, choose the scale {turned} (--scale {turned}), else look whether scans and rows were mixed up"
        )
    else:
        remedy = f"turn them round in the table (the scale {turned} is meant), or leave these readers out"
    return f"The scores of {names} fall where the guideline's rise (r = {worst.r:.2f}, n = {worst.n}), as if the scale was read the wrong way round; {remedy}."


def _correlation(pairs: Sequence[tuple[Floats, Floats]]) -> tuple[float, int]:
    """Mean correlation of the targets that vary, weighed by their scans, and the scans of the largest."""
    known = [complete_pairs(a, b)[:2] for a, b in pairs]
    each = [(e.value, e.n) for a, b in known if len(a) >= _FEWEST and (e := pearson(a, b)).value is not None]
    if not each:
        return 0.0, 0
    return sum(r * n for r, n in each if r is not None) / sum(n for _, n in each), max(n for _, n in each)
