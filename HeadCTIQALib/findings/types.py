"""Findings: what the networks saw in a scan and what a person may correct."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray


class Tissue(IntEnum):
    """Values of the exclusive tissue label map (0 is everything else: room air, padding)."""

    OUTSIDE = 0
    SOFT = 1  # scalp, face, muscle, fat, dura: head outside the intracranial space that is not bone, air or globe
    BONE = 2
    AIR_CAVITY = 3  # sinuses, mastoid, nasal cavity, pharynx
    BRAIN = 4  # parenchyma not further classified: hindbrain, lesions, whatever is not clearly grey or white
    GREY = 5  # cortical grey matter
    WHITE = 6  # clean white matter, as a reader would place a region of interest
    DEEP_GREY = 7  # clean parts of thalamus, caudate and lentiform nucleus
    CSF = 8  # ventricles and subarachnoid space
    GLOBE = 9
    HOLDER = 10  # head holder, couch, blankets, straps: never part of the head
    FOREIGN = 11  # removable objects


HEAD = (
    Tissue.SOFT,
    Tissue.BONE,
    Tissue.AIR_CAVITY,
    Tissue.BRAIN,
    Tissue.GREY,
    Tissue.WHITE,
    Tissue.DEEP_GREY,
    Tissue.CSF,
    Tissue.GLOBE,
)
INTRACRANIAL = (Tissue.BRAIN, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY, Tissue.CSF)
PARENCHYMA = (Tissue.BRAIN, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY)

LANDMARK_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "EAM_R": "right external auditory canal",
        "EAM_L": "left external auditory canal",
        "CANTHUS_R": "right outer canthus",
        "CANTHUS_L": "left outer canthus",
        "GLOBE_R": "centre of the right globe",
        "GLOBE_L": "centre of the left globe",
        "NASION": "nasion",
        "BASION": "basion",
        "OPISTHION": "opisthion",
        "SELLA": "sella",
        "CRISTA": "crista galli",
        "IOP": "internal occipital protuberance",
        "SEPTUM": "septum pellucidum",
        "PINEAL": "pineal gland",
        "VERTEX": "vertex of the scalp",
        "SKULL_TOP": "top of the skull",
        "BRAIN_TOP": "top of the brain",
    }
)


@dataclass(frozen=True, slots=True)
class Landmark:
    """A point in RAS mm.

    ``confidence`` is 0..1; below :data:`CONFIDENT` a metric that needs the point is not assessable.
    ``in_scan`` is False when the point was extrapolated beyond the imaged range or field of view.
    ``spread_mm`` is the expected error in mm where the method can tell, else None.
    """

    position: tuple[float, float, float]
    confidence: float = 1.0
    in_scan: bool = True
    source: Literal["network", "analytic", "reader", "truth"] = "network"
    spread_mm: float | None = None


CONFIDENT = 0.5


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane through ``origin`` (RAS mm) with unit ``normal``; the mid-sagittal plane's normal points right."""

    origin: tuple[float, float, float]
    normal: tuple[float, float, float]
    confidence: float = 1.0
    source: Literal["network", "analytic", "reader", "truth"] = "analytic"


@dataclass(frozen=True)
class Findings:
    """Everything seen in one scan, on the native grid of its :class:`CTVolume`.

    Attributes:
        tissue: (K, J, I) uint8 of :class:`Tissue` values, read-only.
        streak: (K, J, I) bool, streak and dark-band artefact, or None when nothing looked for it.
        landmarks: id (see :data:`LANDMARK_TITLES`) to :class:`Landmark`; an absent id was not found.
        midsagittal: mid-sagittal plane, or None.
        motion_grades: (K,) int8, 0..3 for every slice, -1 where a slice could not be graded; or None.
        motion_index: (K,) HU, SD of the smoothed air around the head, NaN where it was not read; or None.
        motion_probability: (K,) 0..1, how surely a slice has grade 1 or more, NaN where unknown; None without a network.
        methods: what produced each part ("tissue", "landmarks", "midsagittal", "motion", "streak",
            "foreign_object") to a readable "name version" string.
        notes: sentences about what was seen that a reader should know (e.g. mirror and network disagree).
        not_assessable: IQM id to the reason why its finding does not exist in this scan, where known up front.
    """

    tissue: NDArray[np.uint8]
    landmarks: Mapping[str, Landmark] = field(default_factory=dict)
    midsagittal: Plane | None = None
    streak: NDArray[np.bool_] | None = None
    motion_grades: NDArray[np.int8] | None = None
    motion_index: NDArray[np.float64] | None = None
    motion_probability: NDArray[np.float64] | None = None
    methods: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    not_assessable: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tissue.flags.writeable = False

    def mask(self, *tissues: Tissue) -> NDArray[np.bool_]:
        """(K, J, I) bool, True where the label is one of ``tissues``."""
        lut = np.zeros(256, bool)
        lut[list(tissues)] = True
        return lut[self.tissue]

    def with_(self, **changes: object) -> Findings:
        """A copy with some parts replaced; how every correction is made."""
        return replace(self, **changes)  # type: ignore[arg-type]
