"""Which findings feed which IQM: the one table from which a correction knows what to measure again.

A *part* is the smallest piece of the findings that an IQM looks at: a union of tissue labels ("head", "white", ...),
the streak mask, the motion grades, the mid-sagittal plane, or one landmark by its id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, PARENCHYMA, Tissue
from HeadCTIQALib.hierarchy import IQMS

STREAK: Final = "streak"
MOTION: Final = "motion"
MIDSAGITTAL: Final = "midsagittal"

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

#: IQM id to the parts of the findings that its function reads.
INPUTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "symmetry_angle": frozenset({MIDSAGITTAL}),
        # the plane mirrors an ear canal or canthus that is known on one side only
        "baseline_angle": frozenset({"EAM_R", "EAM_L", "CANTHUS_R", "CANTHUS_L", MIDSAGITTAL}),
        # the foramen magnum, or else the lowest intracranial slice, is where the head begins
        "centering_offset": frozenset({"head", "intracranial", "BASION", "OPISTHION"}),
        "vertex_margin": frozenset({"VERTEX", "intracranial"}),
        # what is seen of the brain and how far below the vertex the scan begins say how much is missing where the points are not known
        "foramen_magnum_margin": frozenset({"BASION", "OPISTHION", "VERTEX", "EAM_R", "EAM_L", "intracranial"}),
        "noise": frozenset({"parenchyma", "intracranial", STREAK}),
        "gray_white_cnr": frozenset({"deep_grey", "white", "parenchyma", "intracranial", STREAK, MIDSAGITTAL}),
        "motion_extent": frozenset({MOTION, "intracranial"}),
        "foreign_object_volume": frozenset({"foreign", "EAM_R", "EAM_L"}),  # the ears say where an object lies
        "streak_extent": frozenset({STREAK, "intracranial"}),
    }
)

#: Report-only numbers that read findings themselves; the others follow from measurements or tags.
EXTRA_INPUTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "interpetrous_index": frozenset({"EAM_R", "EAM_L", "parenchyma"}),
        "air_hu": frozenset({"outside"}),
        "csf_hu": frozenset({"csf"}),
        "ring_artefact": frozenset({"parenchyma", "intracranial"}),
        "cupping": frozenset({"parenchyma", "intracranial"}),
        "fov_truncation": frozenset({"head", "intracranial"}),
        "eyes_in_range": frozenset({"GLOBE_R", "GLOBE_L"}),
    }
)

#: Whom an edit of a part most likely meant, the most specific part first.
_MEANT: tuple[tuple[str, str], ...] = (
    ("foreign", "foreign_object_volume"),
    (STREAK, "streak_extent"),
    (MOTION, "motion_extent"),
    ("deep_grey", "gray_white_cnr"),
    ("white", "gray_white_cnr"),
    ("head", "centering_offset"),
    ("parenchyma", "noise"),
    (MIDSAGITTAL, "symmetry_angle"),
)


def fed_by(parts: Collection[str]) -> tuple[str, ...]:
    """The IQMs that read any of ``parts``, in the order of the hierarchy."""
    return tuple(m.id for m in IQMS if INPUTS[m.id].intersection(parts))


def meant(parts: Collection[str], preferred: str | None = None) -> str | None:
    """The IQM that an edit of ``parts`` is filed under: ``preferred`` if they feed it, else the likeliest; None if they feed none."""
    fed = fed_by(parts)
    if preferred in fed:
        return preferred
    return next((iqm for part, iqm in _MEANT if part in parts), fed[0] if fed else None)


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
