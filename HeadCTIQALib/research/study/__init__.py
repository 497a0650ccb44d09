"""The evaluation protocol rerun on simulated scans with simulated readers, from scan to report.

Like the training it imports the simulation.
"""

from .design import PRESETS, Centre, Design
from .run import run_study

__all__ = ["PRESETS", "Centre", "Design", "run_study"]
