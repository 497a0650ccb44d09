"""How a head moves along a scan, and when the scanner looks: all times in turns of the gantry, all poses rigid in three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from HeadCTIQALib.geometry import Vector

Law = Literal["nod", "turn", "step", "drift", "breathing", "tremor", "return"]
LAWS: tuple[Law, ...] = ("nod", "turn", "step", "drift", "breathing", "tremor", "return")
Weighting = Literal["full", "overscan", "half", "helical"]
WEIGHTINGS: tuple[Weighting, ...] = ("full", "overscan", "half", "helical")
#: Turns that an event of each law takes unless told otherwise; turns of about a second.
DURATIONS = {"nod": 0.8, "turn": 0.5, "step": 0.03, "drift": 3.0, "breathing": 4.0, "tremor": 1.5, "return": 0.6}
_GOING = ("nod", "turn", "step", "drift")  # the head stays where it went, until the next event brings it back
TREMOR_PER_TURN, TWITCH_PER_TURN = 5.0, 7.3


@dataclass(frozen=True)
class Pose:
    """Rotation about the pivot, right-handed about the axes (right, forward, up) of the slices, then a shift along them."""

    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    yaw_deg: float = 0.0
    right_mm: float = 0.0
    forward_mm: float = 0.0
    up_mm: float = 0.0

    @property
    def rotation(self) -> Vector:
        """(3,) rad."""
        return np.deg2rad([self.pitch_deg, self.roll_deg, self.yaw_deg])

    @property
    def shift(self) -> Vector:
        """(3,) mm."""
        return np.array([self.right_mm, self.forward_mm, self.up_mm])


@dataclass(frozen=True)
class Motion:
    """Events of one law: at time t the head is ``path(t)`` of the way to ``pose``.

    Attributes:
        onsets: when each event begins, increasing, counted from the beginning of the first turn through the scan.
        duration: of an event, see :data:`DURATIONS`.
        pivot_ras: point that rotations leave in place (between the ears for a nod, below the occiput for a turn).
    """

    law: Law
    pose: Pose
    onsets: tuple[float, ...]
    duration: float
    pivot_ras: tuple[float, float, float]

    def path(self, t: Vector) -> Vector:
        """Where the head is at the times ``t``; odd events of the laws that go and stay bring it back."""
        total = np.zeros(np.shape(t))
        for n, onset in enumerate(self.onsets):
            sign = -1.0 if n % 2 and self.law in _GOING else 1.0
            total += sign * _course(self.law, (np.asarray(t, float) - onset) / self.duration, self.duration)
        return total


@dataclass(frozen=True)
class Timing:
    """Which times enter the image of a slice.

    Attributes:
        weighting: full: one turn; overscan: 1.2 turns, its ends blended; half: half a turn and the fan, its doubly seen rays
            blended (as Parker, Med Phys 1982;9:254); helical: 1.4 turns that fade away from the slice's own time.
        collimation_mm: slices of one axial turn, which share its times; of a helical scan, the feed per turn.
        pause: turns between two axial ones, in which the table moves.
        start: of the first, as a fraction of a turn: where the gantry stood.
        source_mm: from the tube to the axis.
    """

    weighting: Weighting = "full"
    collimation_mm: float = 10.0
    pause: float = 1.3
    start: float = 0.0
    source_mm: float = 540.0

    def begins(self, positions: Vector) -> Vector:
        """(K,) when the data of slices at these mm along the axis begin."""
        along = (np.asarray(positions, float) - positions[0]) / self.collimation_mm
        if self.weighting == "helical":
            return np.asarray(self.start + along - self.length(0.0) / 2)
        return np.asarray(self.start + np.floor(along + 1e-6) * (1 + self.pause))

    def length(self, half_fan: float) -> float:
        """Turns that enter an image, with rays up to ``half_fan`` rad from the middle."""
        return {"full": 1.0, "overscan": 1.2, "helical": 1.4}.get(self.weighting, 0.5 + half_fan / np.pi + 0.02)

    def weights(self, since: Vector, half_fan: float) -> Vector:
        """How much rays measured so many turns after the beginning count, before doubly seen ones are balanced."""
        length = self.length(half_fan)
        inside = (since >= 0) & (since < length)
        if self.weighting == "full":
            return inside.astype(float)
        ramp = (
            length / 2
            if self.weighting == "helical"
            else length - 1
            if self.weighting == "overscan"
            else half_fan / np.pi
        )
        return np.where(
            inside, np.sin(np.pi / 2 * np.clip(np.minimum(since, length - since) / ramp, 1e-3, 1)) ** 2, 0.0
        )


def _course(law: Law, x: Vector, duration: float) -> Vector:
    """A law over its event, x from 0 to 1; before it 0, after it 1 or 0."""
    if law == "nod":
        # a quick lowering that overshoots and settles, as a damped pendulum
        late = np.clip(x, 0, None)
        return np.asarray(1 - np.exp(-5 * late) * np.cos(4.5 * late) - np.exp(-5 * late) * np.sin(4.5 * late) * 5 / 4.5)
    if law == "step":
        return np.asarray(np.clip(x, 0, 1))
    if law in ("turn", "drift"):
        return _minimum_jerk(x)
    inside = (x > 0) & (x < 1)
    if law == "breathing":
        return np.asarray(np.where(inside, np.sin(np.pi * x) ** 4, 0.0))
    if law == "tremor":
        t = x * duration
        shake = 0.6 * np.sin(2 * np.pi * TREMOR_PER_TURN * t) + 0.4 * np.sin(2 * np.pi * TWITCH_PER_TURN * t + 1.0)
        return np.asarray(np.where(inside, np.sin(np.pi * np.clip(x, 0, 1)) * shake, 0.0))
    if law == "return":
        return np.asarray(_minimum_jerk(3 * x) - _minimum_jerk(2 * x - 1))
    raise ValueError(f"no such law of motion: {law!r}")


def _minimum_jerk(x: Vector) -> Vector:
    """From rest to rest (Flash and Hogan, J Neurosci 1985;5:1688)."""
    x = np.clip(x, 0, 1)
    return np.asarray(x**3 * (10 - 15 * x + 6 * x**2))
