"""Degradations of real scans for evaluation only, independent of those that the networks are trained on.

Another projector (polar Fourier samples, fan-beam timing), other laws of motion (rigid motion in three dimensions along the
course of the whole scan), another model of metal (seven energies, analytic chords) and other kernels than
:mod:`HeadCTIQALib.synthesis`.  Only the definitions of the truth are shared: motion grade and streak mask.

    move(volume, tissue, motion, timing) -> Moved: the scan, with grade and RMS of every slice
    add_metal(volume, tissue, parts, rng) -> WithMetal: the scan, with its true streaks
    sharpened(volume), ringed(volume), cupped(volume) -> CTVolume: other ways to look different
"""

from .kernel import cupped, ringed, sharpened
from .laws import LAWS, Law, Motion, Pose, Timing
from .metal import Part, WithMetal, add_metal
from .moving import Moved, move

__all__ = [
    "LAWS",
    "Law",
    "Motion",
    "Moved",
    "Part",
    "Pose",
    "Timing",
    "WithMetal",
    "add_metal",
    "cupped",
    "move",
    "ringed",
    "sharpened",
]
