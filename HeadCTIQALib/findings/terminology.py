"""How each segment is named, coloured and coded in 3D Slicer.

Codes are SNOMED CT as DICOM uses them (PS3.16 CID 7150 segmentation property category, CID 7153 CNS segmentation
type); where no code fits exactly the segment is plain "Tissue" (85756007), as 3D Slicer does by default.
"""

from __future__ import annotations

from dataclasses import dataclass

from .types import Tissue

STREAK = "streak"

_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_ANATOMIC_CONTEXT = "Anatomic codes - DICOM master list"
_TISSUE = ("85756007", "Tissue")
_ANATOMY = ("123037004", "Anatomical Structure")
_SUBSTANCE = ("91720002", "Body Substance")
_OBJECT = ("260787004", "Physical object")


@dataclass(frozen=True, slots=True)
class SegmentStyle:
    """``id`` is the public segment id; ``color`` is RGB 0..1; ``category`` and ``type`` are (code, meaning)."""

    id: str
    name: str
    color: tuple[float, float, float]
    category: tuple[str, str] = _TISSUE
    type: tuple[str, str] = _TISSUE

    @property
    def tag(self) -> str:
        """The ``TerminologyEntry`` tag that 3D Slicer reads."""
        category, kind = (f"SCT^{code}^{meaning}" for code, meaning in (self.category, self.type))
        return f"TerminologyEntry:{_CONTEXT}~{category}~{kind}~^^~{_ANATOMIC_CONTEXT}~^^~^^|"


STYLES: dict[str, SegmentStyle] = {
    style.id: style
    for style in (
        SegmentStyle("soft", "Soft tissue", (0.69, 0.48, 0.40)),
        SegmentStyle("bone", "Bone", (0.95, 0.84, 0.57), _ANATOMY, ("272673000", "Bone")),
        SegmentStyle("air_cavity", "Air cavities", (0.00, 0.59, 0.81)),
        SegmentStyle("brain", "Brain, not classified further", (0.98, 0.98, 0.88), _ANATOMY, ("12738006", "Brain")),
        SegmentStyle("grey", "Cortical grey matter", (0.78, 0.78, 0.21), _ANATOMY, ("389081007", "Gray Matter")),
        SegmentStyle("white", "White matter", (0.90, 0.90, 0.90), _ANATOMY, ("389080008", "White Matter")),
        SegmentStyle("deep_grey", "Deep grey matter", (0.55, 0.30, 0.65), _ANATOMY, ("389081007", "Gray Matter")),
        SegmentStyle("csf", "Cerebrospinal fluid", (0.33, 0.74, 1.00), _SUBSTANCE, ("65216001", "Cerebrospinal Fluid")),
        SegmentStyle("globe", "Globes of the eyes", (0.76, 0.28, 0.28), _ANATOMY, ("81745001", "Eye")),
        SegmentStyle("holder", "Head holder and couch", (0.30, 0.45, 0.45), _OBJECT, _OBJECT),
        SegmentStyle("foreign", "Removable foreign objects", (1.00, 0.35, 0.00), _OBJECT, _OBJECT),
        SegmentStyle(STREAK, "Streak and dark-band artefact", (1.00, 0.00, 0.70)),
    )
}

SEGMENT_IDS: dict[str, Tissue] = {tissue.name.lower(): tissue for tissue in Tissue if tissue is not Tissue.OUTSIDE}
"""Segment id to the tissue it stands for (the streak segment is a mask of its own)."""
