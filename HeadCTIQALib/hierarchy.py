"""The quality hierarchy as data: 6 categories, 10 items, 10 image quality metrics (IQMs).

Every list of IQMs in the project is derived from :data:`IQMS`; ids are the public contract (JSON keys, CSV
columns, segment and node names).  The hierarchy is a reconstruction: the reference paper (Zhang et al. 2026)
publishes only its shape.  Thresholds carry their source, or say "inference".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["low", "high", "margin"]
Band = Literal["good", "acceptable", "poor"]

BAND_GOOD = 80.0
BAND_ACCEPTABLE = 60.0


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
        direction: "low" is better, "high" is better, or "margin" (a signed distance with a best interval).
        good, poor: limits of the good and the poor range for "low" and "high".
            For "margin": ``good`` is the largest good excess and ``poor`` the excess beyond which it is poor.
        poor_deficit: for "margin", how many missing millimetres are poor (a positive number).
        definition: formula in words, with frame and sign.
        source: where the range comes from, or "inference".
        correction: how a person corrects it in 3D Slicer.
    """

    id: str
    symbol: str
    title: str
    unit: str
    item: str
    item_title: str
    category: str
    direction: Direction
    good: float
    poor: float
    definition: str
    source: str
    correction: str
    poor_deficit: float = 0.0

    def hinge(self, value: float) -> float:
        """Badness of ``value`` in 0..1: 0 inside the good range, 1 at the poor limit and beyond.

        For a margin, ``max(deficit hinge, 0.5 * excess hinge)``: too much is half as bad as too little.
        The volume of foreign objects is folded as log10(1 + V/0.05 mL) first.
        """
        if self.direction == "margin":
            deficit = _clip01(-value / self.poor_deficit)
            excess = _clip01((value - self.good) / (self.poor - self.good))
            return max(deficit, 0.5 * excess)
        if self.direction == "high":
            return _clip01((self.good - value) / (self.good - self.poor))
        return _clip01((self.feature(value) - self.feature(self.good)) / (self.feature(self.poor) - self.feature(self.good)))

    def feature(self, value: float) -> float:
        """The scale on which ``value`` enters a regression (log for foreign object volume, else itself)."""
        from math import log10

        return log10(1.0 + value / 0.05) if self.id == "foreign_object_volume" else value

    def band(self, value: float) -> Band:
        """The range that ``value`` falls into, exactly as the table prints it."""
        if self.direction == "margin":
            if value < -self.poor_deficit or value > self.poor:
                return "poor"
            return "good" if 0.0 <= value <= self.good else "acceptable"
        if self.direction == "high":
            return "good" if value >= self.good else ("acceptable" if value >= self.poor else "poor")
        if self.id == "streak_extent":
            return "good" if value < self.good else ("acceptable" if value <= self.poor else "poor")
        if self.id == "foreign_object_volume":
            return "good" if value <= self.good else ("acceptable" if value < self.poor else "poor")
        return "good" if value <= self.good else ("acceptable" if value <= self.poor else "poor")

    @property
    def ranges(self) -> tuple[str, str, str]:
        """The good, acceptable and poor ranges as printed, without the unit."""
        g, p = f"{self.good:g}", f"{self.poor:g}"
        if self.direction == "margin":
            d = f"{self.poor_deficit:g}"
            return f"0..{g}", f"-{d}..0 or {g}..{p}", f"< -{d} or > {p}"
        if self.direction == "high":
            return f">= {g}", f"{p}..{g}", f"< {p}"
        if self.id == "streak_extent":
            return f"< {g}", f"{g}..{p}", f"> {p}"
        if self.id == "foreign_object_volume":
            return g, f"< {p}", f">= {p}"
        return f"<= {g}", f"{g}..{p}", f"> {p}"


def _clip01(x: float) -> float:
    return min(1.0, max(0.0, x))


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
        "symmetry_angle", "alpha", "Symmetry angle", "deg", "symmetry", "Left-right symmetry", "positioning", "low", 3.0, 8.0,
        "Angle between the unit normal n of the mid-sagittal plane (signed so that n.r > 0) and the slice row axis r "
        "towards the patient's right: acos(n.r). Yaw = atan2(n.a, n.r), + nose to the patient's left; "
        "roll = atan2(n.k, hypot(n.r, n.a)), + head towards the left shoulder.",
        "geometry: 3 deg shifts one ear by about 6 mm; inference for 8 deg",
        "Move the mid-sagittal plane.",
    ),
    IQM(
        "baseline_angle", "P", "Baseline angle", "deg", "baseline", "Orbitomeatal baseline", "positioning", "low", 5.0, 12.0,
        "abs(theta - theta_target); theta is the signed angle between the orbitomeatal line (midpoint of the ear canal "
        "centres to midpoint of the outer canthi) and the slice plane, + when the canthi lie higher along k. "
        "theta_target defaults to 0 (orbitomeatal line in the slice plane).",
        "inference; EUR 16262 and AAPM head protocols tilt up to -10..-12 deg",
        "Move the ear-canal and canthus points.",
    ),
    IQM(
        "centering_offset", "D", "Centring offset", "mm", "image_centering", "Centring in the image", "centering", "low", 10.0, 25.0,
        "In-plane distance from the mean centroid of the head (per slice, skull base to vertex, holder excluded) to the "
        "image centre.",
        "Booij et al. 2018: median 12 mm off isocentre; inference for the limits",
        "Edit the head mask.",
    ),
    IQM(
        "vertex_margin", "m_V", "Vertex margin", "mm", "vertex_coverage", "Coverage of the vertex", "scan_range", "margin", 15.0, 30.0,
        "k.(last image plane) - k.(vertex of the scalp); negative means missing millimetres, estimated when the vertex "
        "is not in the scan.",
        "inference from EUR 16262 (whole brain visualised) and dose economy",
        "Move the vertex point.", poor_deficit=5.0,
    ),
    IQM(
        "foramen_magnum_margin", "m_F", "Foramen magnum margin", "mm", "foramen_magnum_coverage",
        "Coverage of the foramen magnum", "scan_range", "margin", 15.0, 40.0,
        "k.(midpoint of basion and opisthion) - k.(first image plane); negative means missing millimetres, estimated "
        "when it is not in the scan.",
        "inference from EUR 16262 (scan from the foramen magnum) and dose economy",
        "Move the basion and opisthion points.", poor_deficit=5.0,
    ),
    IQM(
        "noise", "sigma", "Noise", "HU", "noise", "Noise", "noise_contrast", "low", 4.5, 6.5,
        "Global noise: mode of the histogram of local SD in 6-7 mm in-plane windows lying wholly in eroded brain "
        "parenchyma; structure edges, bleeds, calcium and CSF masked.",
        "after Christianson et al. 2015; head range of Ahmad et al. 2021 (2.9-10.2 HU in 99 head CTs)",
        "Edit the brain mask or place an ROI.",
    ),
    IQM(
        "gray_white_cnr", "CNR", "Grey-white contrast-to-noise ratio", "1", "gray_white_contrast", "Grey-white contrast",
        "noise_contrast", "high", 1.6, 1.0,
        "(median HU deep grey - median HU white) / sqrt((s_G^2 + s_W^2)/2), s the robust noise SD in each. If the sides "
        "differ by more than 3 HU the better side is used and flagged.",
        "Nakamura et al. 2019: difference 7.1 HU, CNR 1.77; inference for 1.0",
        "Edit the deep grey and white masks or place ROIs.",
    ),
    IQM(
        "motion_extent", "M", "Motion extent", "%", "motion_artifact", "Motion artefact", "motion", "low", 2.0, 10.0,
        "100 * sum(g_s A_s) / (3 sum A_s); g_s in 0..3 is the motion grade of slice s, A_s its intracranial area.",
        "inference",
        "Edit slice ranges and grades in the table.",
    ),
    IQM(
        "foreign_object_volume", "V", "Foreign object volume", "mL", "foreign_object", "Removable foreign objects",
        "metal_foreign", "low", 0.0, 0.5,
        "Volume of removable objects outside the body surface or on it and inside the field of view (clips, earrings, "
        "glasses, electrodes, sensors); holder, couch, blankets and implants are not counted. Scored as log10(1 + V/0.05).",
        "inference",
        "Edit the foreign object mask.",
    ),
    IQM(
        "streak_extent", "S", "Streak extent", "%", "streak_artifact", "Streak and dark-band artefact", "metal_foreign",
        "low", 2.0, 8.0,
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


def score_band(score: float) -> Band:
    """Display band of a 0-100 score: good from 80, acceptable from 60, poor below."""
    return "good" if score >= BAND_GOOD else ("acceptable" if score >= BAND_ACCEPTABLE else "poor")
