"""Motion of the head during the rotation, computed in the projections of a slice.

As the other artefacts it is the *difference* of two reconstructions, see :mod:`HeadCTIQALib.synthesis.artefacts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.synthesis.artefacts import GRID, VIEWS, Image, from_grid, to_grid
from HeadCTIQALib.synthesis.tomography import Spectrum, back_project_spectrum, project, view_frequencies, view_spectrum

Course = Literal["jerk", "step", "drift", "tremor", "jolt"]
Window = Literal["full", "overscan", "half", "helical"]
WINDOWS: tuple[Window, ...] = ("full", "overscan", "half", "helical")
COURSES: tuple[Course, ...] = ("jerk", "step", "drift", "tremor", "jolt")


@dataclass(frozen=True)
class Movement:
    """Rigid motion of the head while an image is measured, about where the image shows it.

    A turn of the gantry has 2 * VIEWS instants; an image takes the T of :func:`view_weights`.

    The still slice to compare with shows the head in the pose in which it appears in the moved one: the difference is
    then artefact (double contours, blur, streaks) and not merely the same picture at another place.

    Attributes:
        turn_rad: (T,) rotation about the image centre, columns towards rows.
        column_mm, row_mm: (T,) in-plane shift.
        lift: (T,) through-plane motion as a fraction of the way to the slice above (below where negative).
        start: view at which the gantry starts, 0..2 * VIEWS - 1.
        window: what enters the image, see :func:`view_weights`.
    """

    turn_rad: NDArray[np.float64]
    column_mm: NDArray[np.float64]
    row_mm: NDArray[np.float64]
    lift: NDArray[np.float64]
    start: int = 0
    window: Window = "full"


def random_movement(
    rng: np.random.Generator,
    degrees: float,
    mm: float,
    *,
    course: Course = "jerk",
    lift: float = 0.0,
    window: Window = "full",
) -> Movement:
    """Motion by up to about ``degrees`` and ``mm``, and ``lift`` (of the gap to the next slice) through the plane.

    jerk: a smooth turn of the head, then settling; step: the head is elsewhere from one view to the next; drift: slow
    and steady; tremor: 3 to 9 periods a turn; jolt: away and back again.
    """
    t = np.linspace(0, 1, len(view_weights(window)), endpoint=False)
    centre, width = rng.uniform(0.3, 0.7), rng.uniform(0.03, 0.08)
    if course == "jerk":
        path = (
            rise(t, centre, width)
            - 0.35 * np.clip(t - centre, 0, None)
            + 0.1 * np.sin(2 * np.pi * (2 * t + rng.random()))
        )
    elif course == "step":
        path = rise(t, rng.uniform(0.15, 0.85), 0.006)
    elif course == "drift":
        path = t + 0.3 * rng.uniform(-1, 1) * t**2
    elif course == "tremor":
        path = (
            0.5
            * np.sin(2 * np.pi * (rng.uniform(3, 9) * t + rng.random()))
            * (1 + 0.4 * np.sin(2 * np.pi * (t + rng.random())))
        )
    elif course == "jolt":
        path = rise(t, centre, 0.3 * width) - rise(t, min(0.97, centre + rng.uniform(0.06, 0.3)), 0.3 * width)
    else:
        raise ValueError(f"no such course of motion: {course!r}")
    direction, sign, start = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0]), int(rng.integers(2 * VIEWS))
    turn, shift = np.deg2rad(degrees) * sign * path, mm * np.stack([np.cos(direction) * path, np.sin(direction) * path])
    return centred(Movement(turn, shift[0], shift[1], lift * path, start, window))


def centred(m: Movement) -> Movement:
    """The same movement about the pose in which the head appears in the image.

    A view shows only the shift across it, n . u(t); the shift u0 that the image shows is the one that fits all views best.
    """
    weight = view_weights(m.window)
    theta = np.pi * ((np.arange(len(weight)) + m.start) % (2 * VIEWS)) / VIEWS
    n = np.stack([np.cos(theta), np.sin(theta)])
    u = np.stack([m.column_mm, m.row_mm])
    shown = np.linalg.solve((n * weight) @ n.T, (n * weight) @ (n * u).sum(axis=0))
    return replace(
        m,
        turn_rad=m.turn_rad - np.average(m.turn_rad, weights=weight),
        column_mm=m.column_mm - shown[0],
        row_mm=m.row_mm - shown[1],
        lift=m.lift - np.average(m.lift, weights=weight),
    )


def view_weights(window: Window) -> NDArray[np.float64]:
    """(T,) how much every instant enters the image, before rays that were seen twice are balanced.

    full: one turn; overscan: 1.2 turns, whose ends fade; half: half a turn with a blended overlap, so that its two ends do
    not match; helical: 1.4 turns that fade away from the slice's own time, as interpolation between turns of the table's feed.
    """
    if window == "half":
        t = np.arange(2 * VIEWS) / VIEWS
        return np.clip(10 * (1.1 - t), 0, 1) * np.clip(10 * t, 1e-3, 1)
    length, ramp = {"full": (1.0, 0.0), "overscan": (1.2, 0.2), "helical": (1.4, 0.7)}[window]
    t = (np.arange(round(2 * VIEWS * length)) + 0.5) / (2 * VIEWS)
    return np.ones(len(t)) if ramp == 0 else np.clip(np.minimum(t, length - t) / ramp, 0, 1)


def rise(t: NDArray[np.float64], at: float, width: float) -> NDArray[np.float64]:
    """From 0 to 1 about ``at``."""
    return np.asarray(1 / (1 + np.exp(-np.clip((t - at) / width, -40, 40))))


def motion_difference(
    hu: Image,
    pixel_mm: float,
    rng: np.random.Generator,
    degrees: float,
    mm: float,
    *,
    course: Course = "jerk",
    lift: float = 0.0,
    beside: tuple[Image, Image] | None = None,
    window: Window = "full",
) -> Image:
    """HU change of a slice (J, I) when the head turns by up to ``degrees`` and slides by up to ``mm`` during the turn.

    ``beside`` are the slices below and above (or the same slice with the head in other poses), towards which the head
    moves by ``lift`` of the way.  See :func:`random_movement` and :func:`moved_difference`.
    """
    movement = random_movement(rng, degrees, mm, course=course, lift=lift if beside is not None else 0.0, window=window)
    return moved_difference(hu, pixel_mm, movement, beside)


def moved_difference(
    hu: Image, pixel_mm: float, movement: Movement, beside: tuple[Image, Image] | None = None
) -> Image:
    """HU change of a slice through a :class:`Movement`; ``beside`` as in :func:`motion_difference`."""
    small, mm_per_pixel = to_grid(hu, pixel_mm)
    slope = None
    if beside is not None and movement.lift.any():
        slope = project(
            np.asarray((to_grid(beside[1], pixel_mm)[0] - to_grid(beside[0], pixel_mm)[0]) / 2, np.float32), VIEWS
        )
    change = moved_spectrum(project(small, VIEWS), mm_per_pixel, movement, slope)
    return from_grid(back_project_spectrum(change, GRID) * 1000, hu.shape)


def moved_spectrum(still: Image, mm_per_pixel: float, movement: Movement, slope: Image | None = None) -> Spectrum:
    """(VIEWS, F) change of the view spectra of a (VIEWS, GRID) sinogram through a :class:`Movement`.

    In-plane rigid motion is a resampling of the sinogram: p'(theta, s) = p(theta - phi(t), s - tx cos theta -
    ty sin theta), with theta the gantry angle at time t; shifts are exact in the Fourier domain of a view, turns are
    interpolated between views by cubic splines.  Through-plane motion adds ``slope``, the sinogram's change per unit
    of lift.
    """
    weight = view_weights(movement.window)
    view = (np.arange(len(weight)) + movement.start) % (2 * VIEWS)
    theta = np.pi * view / VIEWS
    at = np.mod(view - movement.turn_rad * VIEWS / np.pi, 2 * VIEWS)
    spectrum = _between_views(still, at)
    if slope is not None:
        spectrum = spectrum + movement.lift[:, None].astype(np.float32) * _between_views(slope, at)
    shift = (movement.column_mm * np.cos(theta) + movement.row_mm * np.sin(theta)) / mm_per_pixel
    spectrum = spectrum * np.exp(np.float32(-2 * np.pi) * 1j * view_frequencies(GRID) * shift[:, None]).astype(
        np.complex64
    )
    # views from the opposite side show the same rays; a half scan lacks them but for an overlap that is blended
    opposite = view >= VIEWS
    spectrum[opposite] = spectrum[opposite].conj()
    total = np.zeros((VIEWS, spectrum.shape[1]), np.complex64)
    share = np.zeros(VIEWS)
    for begin in range(0, len(weight), VIEWS):
        part = slice(begin, begin + VIEWS)
        total[view[part] % VIEWS] += spectrum[part] * weight[part, None]
        share[view[part] % VIEWS] += weight[part]
    return np.asarray(total / share[:, None] - view_spectrum(still), np.complex64)


def _between_views(half: Image, at: NDArray[np.float64]) -> Spectrum:
    """Spectra at the views ``at`` (0 .. 2 VIEWS, fractions allowed) of a sinogram of half a turn."""
    spectrum = view_spectrum(half)
    turn = np.concatenate([spectrum, spectrum.conj()])
    if np.allclose(at, np.rint(at), atol=1e-9):
        return np.asarray(turn[np.rint(at).astype(int) % (2 * VIEWS)])
    # B-spline coefficients along the (periodic) views, by division in their own Fourier domain
    gain = (4 + 2 * np.cos(2 * np.pi * np.arange(2 * VIEWS) / (2 * VIEWS))) / 6
    knots = np.fft.ifft(np.fft.fft(turn, axis=0) / gain[:, None], axis=0).astype(np.complex64)
    low = np.floor(at).astype(int)
    u = (at - low)[:, None].astype(np.float32)
    weights = ((1 - u) ** 3 / 6, (3 * u**3 - 6 * u**2 + 4) / 6, (-3 * u**3 + 3 * u**2 + 3 * u + 1) / 6, u**3 / 6)
    out = np.zeros((len(at), turn.shape[1]), turn.dtype)
    for n, w in enumerate(weights):
        out += w * knots[(low - 1 + n) % (2 * VIEWS)]
    return out
