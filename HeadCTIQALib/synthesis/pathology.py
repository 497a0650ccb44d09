"""What may be wrong with a simulated head, as data; :mod:`lesions` paints it.

Positions are canonical mm (see :mod:`head_model`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from HeadCTIQALib.synthesis.shapes import Point

LesionKind = Literal[
    "haemorrhage", "infarct", "old_infarct", "tumour", "calcification", "subdural", "epidural", "subarachnoid", "oedema"
]
HoleKind = Literal["craniectomy", "craniotomy", "burr_hole"]


@dataclass(frozen=True)
class Lesion:
    """One lesion.

    Attributes:
        kind: what it is; "oedema" is loss of grey-white contrast in a region.
        centre: canonical mm; of a collection (subdural, epidural) the point of the inner table where it is thickest.
        radii_mm: half axes; of a collection (thickness, half extent along y, half extent along z).
        hu: of its core.
        texture: which noise shapes its border.
    """

    kind: LesionKind
    centre: Point
    radii_mm: Point
    hu: float
    texture: int = 0


@dataclass(frozen=True)
class SkullHole:
    """Missing bone (or, of a craniotomy, the saw cut around a replaced flap) within ``radius_mm`` of ``centre``."""

    kind: HoleKind
    centre: Point
    radius_mm: float


@dataclass(frozen=True)
class Pathology:
    """Everything pathological or post-operative in one head; the default is a healthy one.

    Attributes:
        lesions, holes: see their classes.
        shift_mm: of the midline structures to the patient's right (mass effect).
        vessel_hu: blood in arteries and sinuses; above about 70 there is contrast medium in it.
        shunt_side: +1 or -1 with a ventricular catheter, 0 without.
    """

    lesions: tuple[Lesion, ...] = ()
    holes: tuple[SkullHole, ...] = ()
    shift_mm: float = 0.0
    vessel_hu: float = 42.0
    shunt_side: int = 0

    @property
    def contrast(self) -> bool:
        """Whether contrast medium was given."""
        return self.vessel_hu > 70
