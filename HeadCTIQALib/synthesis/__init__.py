"""Simulated head CT with exact truth: anatomy drawn from formulas, scanned with chosen defects.

    simulate(seed, scene=Scene(yaw_deg=5)) -> Simulated(volume, findings, truth, ...)
    demo_scene() -> the scan of the demonstration
    simulate_labels(seed) -> coarse HU, labels and landmarks for training

No atlas or patient data is involved.  The product path never imports this package.
"""

from HeadCTIQALib.synthesis.acquisition import Acquire, Motion, Scene
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.painter import simulate_labels
from HeadCTIQALib.synthesis.scan import Simulated, demo_scene, simulate

__all__ = ["Acquire", "HeadModel", "Motion", "Scene", "Simulated", "demo_scene", "simulate", "simulate_labels"]
