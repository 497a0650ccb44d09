"""Rigid motion of the head during a scan, carried through to every slice in its views.

As rays of a fan are measured at times of their own, every ray sees the head in its own pose.  In-plane motion is a
resampling of the views, exactly; through-plane motion takes them from what the slice shows with the head that much higher
or lower, between its neighbours.  Only the difference to the still head is reconstructed and added: resolution and noise
of the scan stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import INTRACRANIAL
from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.synthesis.artefacts import inner_part, motion_grade, undisplaced
from HeadCTIQALib.volume.types import CTVolume

from . import projector
from .grid import HeadGrid
from .laws import Motion, Timing

HU_RANGE = (-1024, 3071)
MIN_RANGE_MM = 0.02  # less motion at the skin is none
KEY_MM = 1.0  # through-plane motion between two slices that are projected
MAX_KEYS = 7
RADIUS_MM = 90.0  # of a head, where motion is told


@dataclass(frozen=True)
class Moved:
    """A scan that moved.

    Attributes:
        volume: the scan.
        grades, rms: (K,) by the definition, 0 where nothing moved.
        shown: (K,) along the motion's path, the pose in which every slice shows the head.
        tissue: (K, J, I) the label map, in those poses.
    """

    volume: CTVolume
    grades: NDArray[np.int8]
    rms: Vector
    shown: Vector
    tissue: NDArray[np.uint8]


def move(volume: CTVolume, tissue: NDArray[np.uint8], motion: Motion, timing: Timing) -> Moved:
    """The scan, had the head moved.

    Args:
        volume: a scan without motion.
        tissue: (K, J, I) label map of it: what moves (the head, not its holder) and where the truth is measured.
        motion, timing: the head's, and the scanner's.
    """
    moving = _Moving(volume, tissue, motion, timing)
    k = volume.shape[0]
    hu, labels = volume.hu.copy(), np.array(tissue)
    grades, rms, shown = np.zeros(k, np.int8), np.zeros(k), np.zeros(k)
    for s in range(k):
        done = moving.slice(s)
        if done is not None:
            plane, labels[s], grades[s], rms[s], shown[s] = done
            hu[s] = plane if volume.padding is None else np.where(volume.padding[s], hu[s], plane)
    return Moved(replace(volume, hu=hu), grades, rms, shown, labels)


class _Moving:
    """One motion of one scan."""

    def __init__(self, volume: CTVolume, tissue: NDArray[np.uint8], motion: Motion, timing: Timing) -> None:
        self.volume, self.tissue, self.motion, self.timing = volume, tissue, motion, timing
        self.grid = HeadGrid(volume, tissue)
        axes = np.stack([volume.r, volume.a, volume.k])
        self.rotation, self.shift = motion.pose.rotation @ axes, motion.pose.shift @ axes  # RAS
        self.pivot = np.asarray(motion.pivot_ras, float)
        self.size_mm = float(np.linalg.norm(self.rotation) * RADIUS_MM + np.linalg.norm(self.shift))
        self.begins = timing.begins(volume.slice_positions)
        reach = projector.N // 2 + 24
        self.cells = np.arange(projector.CELLS // 2 - reach, projector.CELLS // 2 + reach + 1)
        self.theta = np.pi * np.arange(2 * projector.VIEWS)[:, None] / projector.VIEWS
        along = (self.cells - projector.CELLS / 2)[None, :] * self.grid.pixel_mm
        x, y = self.grid.from_axis_mm
        fan = np.arcsin(
            np.clip((along + x * np.cos(self.theta) + y * np.sin(self.theta)) / timing.source_mm, -0.9, 0.9)
        )
        self.half_fan = float(np.abs(fan).max())
        self.time = (self.theta - fan) / (2 * np.pi)  # of the parallel ray, in turns

    def slice(self, s: int) -> tuple[NDArray[np.int16], NDArray[np.uint8], int, float, float] | None:
        """HU, labels, grade, RMS and shown pose of a slice; None where it stays as it is."""
        begin, length = self.begins[s], self.timing.length(self.half_fan)
        path = self.motion.path(begin + np.linspace(0, length, 200))
        if not self.grid.head[s].any() or np.abs(path).max() * self.size_mm < MIN_RANGE_MM:
            return None
        if np.ptp(path) * self.size_mm < MIN_RANGE_MM:  # elsewhere, but at rest
            hu, labels = self._posed(s, float(path.mean()))
            return _whole(hu), labels, 0, 0.0, float(path.mean())
        views = _Views(self, s, float(path.min()), float(path.max()))
        seen, poses, weights = self._measured(views, begin, length)
        results = []
        for pose in self._candidates(views, poses, weights):
            change = self.grid.to_native(projector.reconstruct(seen - views.at_rest(pose)) * 1000, s)
            hu, labels = self._posed(s, pose)
            inside = np.isin(labels, [int(t) for t in INTRACRANIAL])
            pixel = float(np.mean(self.volume.pixel_spacing))
            # the nearest of these poses is not quite the one that the image shows
            grade, rms = motion_grade(
                undisplaced(change, np.asarray(hu, np.float32), inner_part(inside, pixel)), inside, pixel
            )
            results.append((rms, pose, grade, labels, hu + change))
        rms, pose, grade, labels, moved = min(results, key=lambda r: r[:2])
        return _whole(moved), labels, grade, rms, pose

    def _measured(self, views: _Views, begin: float, length: float) -> tuple[Vector, Vector, Vector]:
        """(VIEWS, CELLS) of what was measured, rays that were seen twice balanced; poses and weights of the rays of a full turn."""
        total, weights, poses = (np.zeros(self.time.shape) for _ in range(3))
        for m in range(int(np.floor(begin - self.time.max())), int(np.ceil(begin + length - self.time.min())) + 1):
            weight = self.timing.weights(self.time + m - begin, self.half_fan)
            if weight.any():
                pose = self.motion.path(self.time + m)
                total += weight * views.of(pose, weight > 0)
                weights += weight
                poses += weight * pose
        balanced = projector.folded(self.spread(total)) / np.maximum(projector.folded(self.spread(weights)), 1e-9)
        return np.asarray(balanced), poses / np.maximum(weights, 1e-9), weights

    def spread(self, part: Vector) -> Vector:
        """(n, CELLS) of the cells that can see the head, 0 elsewhere."""
        out = np.zeros((len(part), projector.CELLS))
        out[:, self.cells] = part
        return out

    def _candidates(self, views: _Views, poses: Vector, weights: Vector) -> list[float]:
        """Poses in which the image may show the head: mean and median over its rays, and the mean of those that see the shift."""
        across = np.cos(self.theta) * views.shift_px[0] + np.sin(self.theta) * views.shift_px[1]
        p, w, u = (x.ravel()[::7] for x in (poses, weights, weights * across**2))
        order = np.argsort(p)
        summed = np.cumsum(w[order])
        found = [float(np.average(p, weights=w)), float(p[order][np.searchsorted(summed, summed[-1] / 2)])]
        if u.sum() > 0:
            found.append(float(np.average(p, weights=u)))
        return [pose for n, pose in enumerate(found) if all(abs(pose - other) > 0.03 for other in found[:n])]

    def _posed(self, s: int, pose: float) -> tuple[NDArray[np.floating], NDArray[np.uint8]]:
        """The native slice and its labels with the head at rest in a pose."""
        if abs(pose) * self.size_mm < MIN_RANGE_MM:
            return self.volume.hu[s], self.tissue[s]
        return self.grid.posed(s, pose * self.rotation, pose * self.shift, self.pivot)


class _Views:
    """Rays of one slice, each with the head in a pose of its own."""

    def __init__(self, moving: _Moving, s: int, low: float, high: float) -> None:
        grid, k = moving.grid, moving.volume.k
        self._moving, ex, ey = moving, grid.ex, grid.ey
        centre = grid.centre(s)
        tilt = moving.rotation - (moving.rotation @ k) * k
        across = np.cross(tilt, ((centre - moving.pivot) @ k) * k) + moving.shift
        self.turn = float(moving.rotation @ np.cross(ex, ey))  # columns towards rows
        self.shift_px = float(across @ ex) / grid.pixel_mm, float(across @ ey) / grid.pixel_mm
        self._pivot_px = tuple(float((moving.pivot - centre) @ axis) / grid.pixel_mm for axis in (ex, ey))
        lift = (np.cross(moving.rotation, grid.points(s) - moving.pivot) + moving.shift) @ k
        largest = float(np.abs(lift).max())
        count = min(MAX_KEYS, 1 + int(np.ceil((high - low) * largest / KEY_MM))) if largest > MIN_RANGE_MM else 1
        self._keys = np.linspace(low, high, count) if count > 1 else np.zeros(1)
        images = np.stack([grid.lifted(s, key * lift) for key in self._keys])
        self._knots = [
            ndimage.spline_filter(projector.full_turn(view), order=3, output=np.float32, mode="grid-wrap")
            for view in projector.project(images)
        ]

    def at_rest(self, pose: float) -> Vector:
        """(VIEWS, CELLS) with the head at rest in a pose."""
        half = np.zeros(self._moving.time.shape, bool)
        half[: projector.VIEWS] = True
        return self._moving.spread(self.of(np.full(half.shape, pose), half)[: projector.VIEWS])

    def of(self, pose: Vector, wanted: NDArray[np.bool_]) -> Vector:
        """(2 VIEWS, cells) line integrals in pixels, of the wanted rays alone.

        p'(theta, s) = p(theta - phi, s - n . (c + u - R c)) when the head turns by phi about c and shifts by u.
        """
        v, c = np.nonzero(wanted)
        at, theta, cell = pose[v, c], self._moving.theta[v, 0], self._moving.cells[c]
        phi, (px, py) = at * self.turn, self._pivot_px
        x = at * self.shift_px[0] + px - np.cos(phi) * px + np.sin(phi) * py
        y = at * self.shift_px[1] + py - np.sin(phi) * px - np.cos(phi) * py
        where = np.stack([(theta - phi) * projector.VIEWS / np.pi, cell - x * np.cos(theta) - y * np.sin(theta)])
        last = len(self._keys) - 1
        level = np.clip((at - self._keys[0]) / (self._keys[1] - self._keys[0]), 0, last) if last else np.zeros(len(at))
        values = np.zeros(len(v))
        for n, knots in enumerate(self._knots):
            share = 1 - np.abs(level - n)
            used = share > 0
            if used.any():
                values[used] += share[used] * ndimage.map_coordinates(
                    knots, where[:, used], order=3, mode="grid-wrap", prefilter=False
                )
        out = np.zeros(pose.shape)
        out[v, c] = values
        return out


def _whole(hu: NDArray[np.floating]) -> NDArray[np.int16]:
    return np.clip(np.rint(hu), *HU_RANGE).astype(np.int16)
