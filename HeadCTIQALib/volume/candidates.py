"""The series of a study that may be the head CT, and how they are listed for a person to choose from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from .geometry import AXIAL_COSINE
from .grouping import kind
from .headers import Slice
from .identity import Series
from .kernels import known_kernel
from .types import Lost
from .vocabulary import words

_FAR_MM = 1e6  # headers may say anything


@dataclass(frozen=True)
class Candidate:
    """Slices of one series that make one volume: one orientation, matrix, pixel size, kernel, energy, phase and acquisition.

    Attributes:
        label: what ``--series`` knows it by.
        left_out: sentences about slices of the series that do not belong to the volume.
        lost: slices of the series that cannot be placed or decoded.
        aside: slices of the same acquisition and planes that do not fit into the volume, few of them.
        objection: why the series cannot be a head CT volume at all; None when it can.
    """

    series: Series
    slices: tuple[Slice, ...]
    left_out: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()
    aside: tuple[Slice, ...] = ()
    objection: str | None = None
    label: str = field(default="", compare=False)

    @property
    def axial(self) -> bool:
        return self.slices[0].orientation is None or abs(normal(self.slices[0])[2]) >= AXIAL_COSINE

    @property
    def kernel(self) -> str | None:
        """By its vendor's spelling; ``other`` for one that is not known."""
        return known_kernel(self.slices[0].kernel)


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 slice``, ``2 slices``."""
    return f"{count} {one}" if count == 1 else f"{count} {many or one + 's'}"


def normal(s: Slice) -> np.ndarray:
    assert s.orientation is not None
    return np.cross(s.orientation[:3], s.orientation[3:])


def extent_mm(c: Candidate) -> float:
    positions = np.array([s.position or (0, 0, 0) for s in c.slices], float) @ normal(c.slices[0])
    return float(np.nan_to_num(np.ptp(positions), posinf=_FAR_MM).clip(0, _FAR_MM))


def listing_order(c: Candidate) -> tuple[object, ...]:
    first = c.slices[0]
    return (
        c.series.context.number or 0,
        c.series.identity.date,
        c.series.uid,
        first.order,
        first.time,
        first.instance_uid,
    )


def labelled(candidates: list[Candidate]) -> list[Candidate]:
    """With the shortest endings of their UIDs that tell them apart; volumes of one UID get a letter, or a number after z."""
    suffixes = _suffixes([c.series.uid for c in candidates])
    seen: Counter[str] = Counter()
    labels, total = [], Counter(suffixes)
    for suffix in suffixes:
        seen[suffix] += 1
        more = (
            ""
            if suffix and total[suffix] == 1
            else chr(96 + seen[suffix])
            if seen[suffix] <= 26
            else f"z{seen[suffix]}"
        )
        labels.append((suffix or "no-uid-") + more)
    return [replace(c, label=label) for c, label in zip(candidates, labels, strict=True)]


def line(c: Candidate, patients: list[tuple[str, ...]]) -> str:
    first, context = c.slices[0], c.series.context
    details = [
        f"patient {patients.index(c.series.identity.patient) + 1}" if len(patients) > 1 else "",
        c.series.identity.date,
        "" if context.number is None else f"series {context.number}",
        words(context.description) or "no description",
        counted(len(c.slices), "slice"),
        f"kernel {c.kernel or 'unknown'}",
        "" if kind(first) == "original" or c.objection else kind(first),
        f"{first.kvp:g} kV" if first.kvp else "",
        f"acquisition {first.order[0]}" if first.order[0] else "",
        "contrast" if context.contrast else "",
    ]
    return f"{c.label}: {', '.join(d for d in details if d)}" + (f" ({c.objection})" if c.objection else "")


def _suffixes(uids: list[str]) -> list[str]:
    """The shortest endings (8 characters or more) that tell the UIDs apart."""
    length = 8
    while length < 64 and len({u[-length:] for u in uids}) < len(set(uids)):
        length += 1
    return [u[-length:] for u in uids]
