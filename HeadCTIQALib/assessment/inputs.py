"""Which IQMs a change of the findings concerns: what a correction has to measure again.

A *part* is the smallest piece of the findings that an IQM looks at (:attr:`HeadCTIQALib.metrics.Metric.reads`): a union of tissue
labels ("head", "white", ...), the streak mask, the motion grades, the mid-sagittal plane, or one landmark by its id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, PARENCHYMA, Tissue
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.metrics.metric import MIDSAGITTAL, MOTION, STREAK

#: Unions of tissue labels that metrics and report-only numbers look at.
LABEL_PARTS: Mapping[str, tuple[Tissue, ...]] = MappingProxyType(
    {
        "outside": (Tissue.OUTSIDE,),
        "head": HEAD,
        "intracranial": INTRACRANIAL,
        "parenchyma": PARENCHYMA,
        "deep_grey": (Tissue.DEEP_GREY,),
        "white": (Tissue.WHITE,),
        "csf": (Tissue.CSF,),
        "foreign": (Tissue.FOREIGN,),
    }
)

#: Parts that only an edit of that very thing changes come first.
_MOST_PARTICULAR = ("foreign", STREAK, MOTION, "deep_grey", "white", "head", "parenchyma", MIDSAGITTAL)


def fed_by(parts: Collection[str]) -> tuple[str, ...]:
    """The IQMs that read any of ``parts``, in the order of the hierarchy."""
    return tuple(m.id for m in IQMS if METRICS[m.id].reads.intersection(parts))


def meant(parts: Collection[str], preferred: str | None = None) -> str | None:
    """The IQM that an edit of ``parts`` is filed under: ``preferred`` if they feed it, else the likeliest; None if they feed none."""
    fed = fed_by(parts)
    if preferred in fed:
        return preferred
    likeliest = (m.id for part in _MOST_PARTICULAR if part in parts for m in METRICS.values() if part in m.meant_by)
    return next(likeliest, fed[0] if fed else None)


def parts_between(pairs: Iterable[tuple[int, int]]) -> frozenset[str]:
    """Label parts whose masks change when labels change as in ``pairs`` of (old, new) values."""
    moves = [(Tissue(a), Tissue(b)) for a, b in pairs]
    return frozenset(
        name for name, labels in LABEL_PARTS.items() if any((a in labels) != (b in labels) for a, b in moves)
    )


def label_pairs(old: NDArray[np.uint8], new: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """The distinct (old, new) values at places where two label arrays of one shape differ."""
    codes = np.unique(old.astype(np.uint16) << 8 | new)
    return [(int(c) >> 8, int(c) & 255) for c in codes if int(c) >> 8 != int(c) & 255]
