"""What belongs to an IQM beside its row in the hierarchy: one :class:`Metric`, registered beside the function that measures it.

Everything that treats IQMs differently asks here, so a new one is a row in :mod:`HeadCTIQALib.hierarchy`, a function with its
registration, and a test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from HeadCTIQALib.findings.types import Tissue
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.types import Measurement

if TYPE_CHECKING:
    from HeadCTIQALib.synthesis.truth import Drawn

#: Parts of the findings beside landmarks (by their ids) and unions of tissue labels: see :attr:`Metric.reads`.
STREAK: Final = "streak"
MOTION: Final = "motion"
MIDSAGITTAL: Final = "midsagittal"
#: Kinds of pictures that the report can draw.
Picture = Literal["symmetry", "baseline", "centring", "coverage", "noise", "motion", "masks", "masks and bare", "whole"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One IQM.

    Attributes:
        id: in :data:`HeadCTIQALib.hierarchy.IQM_BY_ID`.
        measure: from a CTVolume and its Findings; and from a memory of earlier measurements of the scan where it ``remembers``.
        reads: the parts of the findings that it looks at: a change of any other part leaves it as it is.  A part is a union of
            tissue labels ("head", "white"), :data:`STREAK`, :data:`MOTION`, :data:`MIDSAGITTAL` or a landmark's id.
        instruct: what the technologist can do about it, from the measurement and the angle that the profile wants.
        points: landmarks, or the plane, on which its value rests: their doubts are its own.
        meant_by: parts whose change is most likely meant for this IQM.
        within: it reads nothing outside the box of these labels, but slices up to 12 mm above and below; empty: it may.
        segment: the segment that is edited first to correct it; regions: boxes in which a person can measure it instead.
        picture: how its evidence is drawn.
        of_noise: it follows the noise: with dose and with thicker slices, and processed images do not tell it.
        of_artefacts: it tells how much artefact the scan has, which makes other values less certain.
        aimed: its value is the distance from a wanted angle, which a profile may move.
        nothing: up to this value nothing was found; None where that has no meaning.
        truth: its exact value in a simulated scan, None where the scan does not define it; the ten of the hierarchy have theirs
            in :mod:`HeadCTIQALib.synthesis.truth`, apart from the code that they test.
    """

    id: str
    measure: Callable[..., Measurement]
    reads: frozenset[str]
    instruct: Callable[[Measurement, float], str]
    remembers: bool = False
    points: tuple[str, ...] = ()
    meant_by: tuple[str, ...] = ()
    within: tuple[Tissue, ...] = ()
    segment: str = ""
    regions: tuple[str, ...] = ()
    picture: Picture = "masks"
    of_noise: bool = False
    of_artefacts: bool = False
    aimed: bool = False
    nothing: float | None = None
    truth: Callable[[Drawn], float | None] | None = None


#: Every registered IQM by its id.
METRICS: dict[str, Metric] = {}


def register(metric: Metric) -> None:
    """Make an IQM known.

    Raises:
        ValueError: the hierarchy has no such row, or it is known already.
    """
    if metric.id not in IQM_BY_ID or metric.id in METRICS:
        raise ValueError(f'an IQM "{metric.id}" needs one row in the hierarchy and one registration')
    METRICS[metric.id] = metric


def following_noise() -> tuple[str, ...]:
    """Ids of the IQMs that follow the noise, in the order of the hierarchy."""
    return tuple(id_ for id_ in IQM_BY_ID if METRICS[id_].of_noise)
