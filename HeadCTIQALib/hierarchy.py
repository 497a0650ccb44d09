"""The quality hierarchy as data: 6 categories, 10 items, 10 image quality metrics (IQMs).

Every list of IQMs in the project is derived from :data:`IQMS`; ids are the public contract (JSON keys, CSV
columns, segment and node names).  The hierarchy is a reconstruction: the reference paper (Zhang et al. 2026)
publishes only its shape.  Curves carry their source, or say "inference".
"""

from __future__ import annotations

from dataclasses import dataclass
from math import copysign, log10
from typing import Literal

from HeadCTIQALib.curve import Band, Knots, band_at, good_range, range_words, rounded
from HeadCTIQALib.curve import at as score_at

LIMIT_POINTS = 20.0  # that the overall score may lie above the worst category

Direction = Literal["low", "high", "margin"]


@dataclass(frozen=True, slots=True)
class Category:
    """A category of quality issues; ``weight`` is its share of the overall score in the guideline model."""

    id: str
    title: str
    weight: float


@dataclass(frozen=True, slots=True)
class IQM:
    """One image quality metric and the quality item that it measures.

    Attributes:
        id, symbol, unit: names in the public contract; ``unit`` "1" is dimensionless.
        item, item_title: the quality item that this metric stands for (one metric an item).
        category: id of the category.
        knots: the quality curve, (value, score) in ascending values; linear between, flat outside.  A profile may replace it.
        definition: formula in words, with frame and sign.
        source: where the curve comes from, or "inference".
        correction: how a person corrects it in 3D Slicer.
        log_from: it is drawn and fitted as log10(1 + value / log_from); 0: as it is.
    """

    id: str
    symbol: str
    title: str
    unit: str
    item: str
    item_title: str
    category: str
    knots: Knots
    definition: str
    source: str
    correction: str
    log_from: float = 0.0

    def item_score(self, value: float) -> float:
        """Score of 0-100 of the item at ``value``, by the curve of the default profile."""
        return score_at(self.knots, value)

    def band(self, value: float) -> Band:
        """The band that ``value`` falls into, by the curve of the default profile."""
        return band_at(self.knots, value)

    @property
    def ranges(self) -> tuple[str, str, str]:
        """The good, acceptable and poor ranges of the default profile as printed, without the unit."""
        good, acceptable, poor = range_words(self.knots).values()
        return good, acceptable, poor

    @property
    def direction(self) -> Direction:
        """ "low" is better, "high" is better, or "margin": a signed distance of which there can be too little and too much."""
        first, last, best = self.knots[0][1], self.knots[-1][1], max(y for _, y in self.knots)
        return "margin" if first < best > last else ("high" if first < last else "low")

    def feature(self, value: float) -> float:
        """The scale on which ``value`` is drawn and enters a regression (its logarithm where it has a ``log_from``, else itself)."""
        return log10(1.0 + value / self.log_from) if self.log_from else value

    def folded(self, value: float, knots: Knots | None = None) -> float:
        """The value as a regression takes it: a margin as the millimetres outside its good range, else :meth:`feature`."""
        if self.direction != "margin":
            return self.feature(value)
        low, high = good_range(knots or self.knots)
        return max(low - value, value - high, 0.0)

    def text(self, value: float, knots: Knots | None = None) -> str:
        """``value`` as printed, without the unit: to about three figures, and never rounded into another band."""
        digits = 0 if abs(value) >= 100 else 2 if self.unit in ("1", "mL") else 1
        shown, d = rounded(value, digits, lambda v: band_at(knots or self.knots, v))
        return f"{shown + 0.0:.{d}f}"

    def length_text(self, margin: float, knots: Knots | None = None) -> str:
        """The length of a signed margin in mm as said in a sentence: whole from 10 mm on, and never rounded into another band."""
        curve, sign = knots or self.knots, copysign(1.0, margin)
        shown, d = rounded(abs(margin), 0 if abs(margin) >= 10 else 1, lambda v: band_at(curve, sign * v))
        return f"{shown:.{d}f}"


CATEGORIES: tuple[Category, ...] = (
    Category("positioning", "Positioning", 0.15),
    Category("centering", "Centring", 0.10),
    Category("scan_range", "Scan range", 0.20),
    Category("noise_contrast", "Noise and contrast", 0.20),
    Category("motion", "Motion", 0.20),
    Category("metal_foreign", "Metal and foreign objects", 0.15),
)

IQMS: tuple[IQM, ...] = (
    IQM(
        "symmetry_angle",
        "alpha",
        "Symmetry angle",
        "deg",
        "symmetry",
        "Left-right symmetry",
        "positioning",
        ((0, 100), (3, 80), (8, 60), (25, 50)),
        "Angle between the unit normal n of the mid-sagittal plane (signed so that n.r > 0) and the slice row axis r "
        "towards the patient's right: acos(n.r). Yaw = atan2(n.a, n.r), + nose to the patient's left; "
        "roll = atan2(n.k, hypot(n.r, n.a)), + head towards the left shoulder.",
        "geometry: 3 deg shifts one ear by about 6 mm; prevalence and harm: George, BMC Neurol 2023;23:391",
        "Move the mid-sagittal plane.",
    ),
    IQM(
        "baseline_angle",
        "P",
        "Baseline angle",
        "deg",
        "baseline",
        "Orbitomeatal baseline",
        "positioning",
        ((0, 100), (5, 80), (12, 60), (30, 50)),
        "abs(theta - theta_target); theta is the signed angle between the orbitomeatal line (midpoint of the ear canal "
        "centres to midpoint of the outer canthi) and the slice plane, + when the canthi lie higher along k. "
        "theta_target comes from the profile (default 0: orbitomeatal line in the slice plane).",
        "12 deg: EUR 16262 tilts to -10 to -12; 5 deg: about the SD of Weiss, AJNR 2004;25:233 (6.1 deg)",
        "Move the ear-canal and canthus points.",
    ),
    IQM(
        "centering_offset",
        "D",
        "Centring offset",
        "mm",
        "image_centering",
        "Centring in the image",
        "centering",
        ((0, 100), (10, 80), (20, 60), (60, 40)),
        "In-plane distance from the mean centroid of the head (per slice, skull base to vertex, holder excluded) to the "
        "image centre.",
        "10 mm: Booij 2018 (9.5 mm with camera, 12.2 mm without); 20 mm: dose and noise, Barreto 2019. These are offsets from the isocentre, "
        "not from the image centre",
        "Edit the head mask.",
    ),
    IQM(
        "vertex_margin",
        "m_V",
        "Vertex margin",
        "mm",
        "vertex_coverage",
        "Coverage of the vertex",
        "scan_range",
        ((-40, 0), (-5, 60), (0, 80), (3, 100), (10, 100), (15, 80), (30, 60), (80, 50)),
        "k.(last image plane) - k.(vertex of the scalp); negative means missing millimetres, estimated when the vertex "
        "is not in the scan.",
        "EUR 16262: whole brain; excess: inference (dose)",
        "Move the vertex point.",
    ),
    IQM(
        "foramen_magnum_margin",
        "m_F",
        "Foramen magnum margin",
        "mm",
        "foramen_magnum_coverage",
        "Coverage of the foramen magnum",
        "scan_range",
        ((-40, 0), (-5, 60), (0, 80), (3, 100), (15, 100), (20, 80), (40, 60), (120, 50)),
        "k.(midpoint of basion and opisthion) - k.(first image plane); negative means missing millimetres, estimated "
        "when it is not in the scan.",
        "EUR 16262; AAPM routine head starts at the lamina of C1; excess: inference",
        "Move the basion and opisthion points.",
    ),
    IQM(
        "noise",
        "sigma",
        "Noise",
        "HU",
        "noise",
        "Noise",
        "noise_contrast",
        ((2, 100), (4.5, 80), (6.5, 60), (15, 10), (25, 0)),
        "Global noise: mode of the histogram of local SD in 6-7 mm in-plane windows lying wholly in eroded brain "
        "parenchyma; structure edges, bleeds, calcium and CSF masked. Judged as that of a 5 mm slice.",
        "Ahmad 2021 (2.9 to 10.2 HU in 99 head CTs), Nakamura 2019 (4.0 to 4.2 HU); method after Christianson 2015",
        "Edit the brain mask or place an ROI.",
    ),
    IQM(
        "gray_white_cnr",
        "CNR",
        "Grey-white contrast-to-noise ratio",
        "1",
        "gray_white_contrast",
        "Grey-white contrast",
        "noise_contrast",
        ((0, 0), (0.3, 10), (1.0, 60), (1.6, 80), (2.4, 100)),
        "(median HU deep grey - median HU white) / sqrt((s_G^2 + s_W^2)/2), s the robust noise SD in each. If the sides "
        "differ by more than 3 HU the better side is used and flagged. Judged as that of 5 mm slices.",
        "1.0: ACR accreditation minimum (phantom); 1.6: Nakamura 2019 (difference 7.1 HU, CNR 1.77)",
        "Edit the deep grey and white masks or place ROIs.",
    ),
    IQM(
        "motion_extent",
        "M",
        "Motion extent",
        "%",
        "motion_artifact",
        "Motion artefact",
        "motion",
        ((0, 100), (2, 80), (10, 60), (40, 0)),
        "100 * sum(g_s A_s) / (3 sum A_s); g_s in 0..3 is the motion grade of slice s, A_s its intracranial area.",
        "inference",
        "Edit slice ranges and grades in the table.",
    ),
    IQM(
        "foreign_object_volume",
        "V",
        "Foreign object volume",
        "mL",
        "foreign_object",
        "Removable foreign objects",
        "metal_foreign",
        ((0, 100), (0.05, 80), (0.5, 60), (5, 40), (20, 30)),
        "Volume of removable objects outside the body surface or on it and inside the field of view (clips, earrings, "
        "glasses, electrodes, sensors); holder, couch, blankets and implants are not counted. In a regression log10(1 + V/0.05).",
        "any object is a finding; volumes: inference",
        "Edit the foreign object mask.",
        log_from=0.05,
    ),
    IQM(
        "streak_extent",
        "S",
        "Streak extent",
        "%",
        "streak_artifact",
        "Streak and dark-band artefact",
        "metal_foreign",
        ((0, 100), (2, 80), (8, 60), (40, 0)),
        "Volume of streak and dark-band artefact inside the intracranial space / intracranial volume imaged.",
        "inference; interpetrous bands are near-universal and the range allows for them",
        "Edit the streak mask.",
    ),
)

IQM_BY_ID: dict[str, IQM] = {m.id: m for m in IQMS}
CATEGORY_BY_ID: dict[str, Category] = {c.id: c for c in CATEGORIES}


def iqms_of(category: str) -> tuple[IQM, ...]:
    """The IQMs of one category, in table order."""
    return tuple(m for m in IQMS if m.category == category)
