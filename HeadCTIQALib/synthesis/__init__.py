"""Simulated head CT with exact truth: anatomy drawn from formulas, scanned with chosen defects.

    simulate(seed, scene=Scene(yaw_deg=5)) -> Simulated(volume, findings, truth, ...)
    random_scene(seed, population) -> Scene of one centre's scans; simulate(seed, scene=...) scans it
    demo_scene() -> the scan of the demonstration
    simulate_labels(seed) -> coarse HU, labels and landmarks for training

No atlas or patient data is involved.  The product path never imports this package.
"""

from HeadCTIQALib.synthesis.acquisition import Acquire, Motion, Scene
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.objects import Removable
from HeadCTIQALib.synthesis.painter import simulate_labels
from HeadCTIQALib.synthesis.pathology import Lesion, Pathology, SkullHole
from HeadCTIQALib.synthesis.population import (
    EVALUATION_SEEDS,
    EXTERNAL,
    INTERNAL,
    STUDY_SEEDS,
    TRAINING,
    TRAINING_SEEDS,
    Population,
)
from HeadCTIQALib.synthesis.random_scene import random_head, random_scene
from HeadCTIQALib.synthesis.scan import Simulated, demo_scene, simulate

__all__ = [
    "EVALUATION_SEEDS",
    "EXTERNAL",
    "INTERNAL",
    "STUDY_SEEDS",
    "TRAINING",
    "TRAINING_SEEDS",
    "Acquire",
    "HeadModel",
    "Lesion",
    "Motion",
    "Pathology",
    "Population",
    "Removable",
    "Scene",
    "Simulated",
    "SkullHole",
    "demo_scene",
    "random_head",
    "random_scene",
    "simulate",
    "simulate_labels",
]
