"""Populations: how the scans of one centre differ, as distributions to draw from.

The numbers are inference from published quality criteria and surveys of head CT, chosen so that most scans are of
ordinary quality while every metric also meets acceptable and poor values.
"""

from __future__ import annotations

from dataclasses import dataclass

# Anatomies are drawn from the seed, so that heads for training, evaluation and study never meet.
TRAINING_SEEDS = range(1_000_000)
EVALUATION_SEEDS = range(1_000_000, 1_100_000)
STUDY_SEEDS = range(2_000_000, 2_100_000)


@dataclass(frozen=True)
class Kernel:
    """A reconstruction kernel: its name, in-plane blur (sigma, mm), overshoot at edges, and noise relative to a standard one."""

    name: str
    blur_mm: float
    edge_gain: float = 0.0
    noise: float = 1.0


@dataclass(frozen=True)
class Scanner:
    """A scanner model: what it writes into the tags and outside the reconstruction circle (None: data everywhere)."""

    manufacturer: str
    model: str
    kernels: tuple[tuple[Kernel, float], ...]  # with weights
    padding_hu: int | None = None
    holders: tuple[str, ...] = ("cup",)


GE = Scanner(
    "GE MEDICAL SYSTEMS", "Simulated GE",
    ((Kernel("STANDARD", 0.46), 0.75), (Kernel("SOFT", 0.62, noise=0.8), 0.2), (Kernel("BONE", 0.27, 0.8, 3.0), 0.05)), -3024, ("cup", "wedges"),
)  # fmt: skip
SIEMENS = Scanner(
    "SIEMENS", "Simulated Siemens",
    ((Kernel("J40s", 0.45), 0.4), (Kernel("H31s", 0.52, noise=0.9), 0.4), (Kernel("Hr38f", 0.42, noise=1.05), 0.15), (Kernel("H60s", 0.28, 0.7, 2.8), 0.05)),
    None, ("trough", "wedges"),
)  # fmt: skip
PHILIPS = Scanner(
    "Philips",
    "Simulated Philips",
    ((Kernel("UB", 0.5), 0.6), (Kernel("UA", 0.6, noise=0.85), 0.35), (Kernel("D", 0.28, 0.7, 2.8), 0.05)),
    -1024,
    ("cup", "couch"),
)
CANON = Scanner(
    "TOSHIBA", "Simulated Toshiba", ((Kernel("FC26", 0.48), 0.6), (Kernel("FC21", 0.55, noise=0.9), 0.35), (Kernel("FC81", 0.28, 0.7, 2.8), 0.05)), -2000, ("trough", "couch")
)  # fmt: skip


@dataclass(frozen=True)
class Population:
    """How the scans of one centre are distributed.

    Attributes:
        name: part of what seeds the draws.
        scanners: with weights.
        thickness_mm: slice thicknesses with weights.
        noise_hu: median noise of an ordinary scan with a standard kernel; noise_spread: SD of its logarithm.
        careless: share of scans with a badly positioned head; pose_deg: SD of yaw and roll of the others.
        baseline_deg: mean and SD of the angle between orbitomeatal line and slices.
        height_mm, height_sd_mm: how far the head lies in front of (+) the isocentre; lateral_sd_mm.
        fov_mm: lowest, typical, highest.
        tilt_share, uneven_share: scans with gantry tilt; with a second spacing in the upper part.
        cut_share: scans that miss anatomy at one end; excess_share: that go far beyond.
        motion_share, foreign_share, metal_share, pathology_share, contrast_share, defaced_share: scans with these.
        age: mean and SD, years.
    """

    name: str = "internal"
    scanners: tuple[tuple[Scanner, float], ...] = ((GE, 0.6), (SIEMENS, 0.25), (PHILIPS, 0.15))
    thickness_mm: tuple[tuple[float, float], ...] = (
        (5.0, 0.70),
        (4.0, 0.10),
        (7.0, 0.06),
        (3.0, 0.08),
        (2.5, 0.04),
        (1.25, 0.02),
    )
    noise_hu: float = 3.9
    noise_spread: float = 0.30
    careless: float = 0.22
    pose_deg: float = 1.7
    baseline_deg: tuple[float, float] = (1.0, 4.5)
    height_mm: float = -5.0
    height_sd_mm: float = 7.0
    lateral_sd_mm: float = 4.0
    fov_mm: tuple[float, float, float] = (205.0, 240.0, 300.0)
    tilt_share: float = 0.18
    uneven_share: float = 0.10
    cut_share: float = 0.16
    excess_share: float = 0.16
    motion_share: float = 0.24
    foreign_share: float = 0.22
    metal_share: float = 0.16
    pathology_share: float = 0.45
    contrast_share: float = 0.06
    defaced_share: float = 0.01
    age: tuple[float, float] = (58.0, 18.0)


INTERNAL = Population()
EXTERNAL = (
    Population(
        "external-a", ((SIEMENS, 1.0),), ((4.8, 0.55), (3.0, 0.25), (5.0, 0.15), (1.5, 0.05)), noise_hu=4.4, baseline_deg=(-3.0, 4.5),
        height_mm=-10.0, fov_mm=(200.0, 230.0, 260.0), tilt_share=0.35, uneven_share=0.2, motion_share=0.3, age=(66.0, 15.0),
    ),
    Population(
        "external-b", ((PHILIPS, 0.6), (CANON, 0.4)), ((5.0, 0.8), (2.5, 0.12), (1.0, 0.02), (6.0, 0.06)), noise_hu=3.4, careless=0.32,
        pose_deg=2.2, height_sd_mm=10.0, fov_mm=(220.0, 250.0, 320.0), tilt_share=0.02, pathology_share=0.6, excess_share=0.25,
    ),
    Population(
        "external-c", ((GE, 0.5), (CANON, 0.5)), ((5.0, 0.6), (3.75, 0.2), (7.0, 0.15), (1.25, 0.05)), noise_hu=4.8, noise_spread=0.36,
        baseline_deg=(4.0, 6.0), foreign_share=0.3, metal_share=0.22, contrast_share=0.12, age=(48.0, 18.0), cut_share=0.22,
    ),
)  # fmt: skip
TRAINING = Population(  # wider than any centre
    "training", ((GE, 1.0), (SIEMENS, 1.0), (PHILIPS, 1.0), (CANON, 1.0)),
    ((5.0, 0.5), (4.0, 0.1), (7.0, 0.1), (3.0, 0.15), (2.5, 0.1), (1.25, 0.03), (0.625, 0.02)),
    noise_hu=4.3, noise_spread=0.45, careless=0.45, pose_deg=2.5, baseline_deg=(0.0, 7.5), height_sd_mm=10.0, lateral_sd_mm=6.0,
    fov_mm=(200.0, 240.0, 350.0), tilt_share=0.25, uneven_share=0.15, cut_share=0.3, excess_share=0.25, motion_share=0.3, foreign_share=0.35,
    metal_share=0.25, pathology_share=0.6, contrast_share=0.1, defaced_share=0.05, age=(58.0, 22.0),
)  # fmt: skip
