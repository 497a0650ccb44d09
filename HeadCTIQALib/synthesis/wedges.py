"""Motion of the head during the rotation, composed in the Fourier plane of a slice: quick enough to be drawn anew for every training example.

By the central slice theorem the view at angle theta is the line through the origin of the image's Fourier plane at that
angle.  A head that takes one pose after another while the gantry turns therefore gives the image whose plane is cut
into wedges, each from the head in the pose of its time; views from opposite sides lie on the same line and are averaged.
Unlike :mod:`.movement` nothing is projected, and movements of any size cost the same.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from HeadCTIQALib.synthesis.artefacts import VIEWS, Image
from HeadCTIQALib.synthesis.movement import Movement, Window, centred, rise, view_weights

STEP_MM = 0.35  # poses nearer to each other than this at the skin are one
RADIUS_MM = 90.0  # of a head, to compare turns with shifts
MOST_POSES = 14
ROOM = 2.25  # sides of the image in which streaks may run on before they come back from the other side ...
REACH = 0.55  # ... and softness of the wedges, samples of the plane, which fades them out before


def any_movement(
    rng: np.random.Generator, degrees: float, mm: float, lift: float = 0.0, window: Window = "full"
) -> Movement:
    """A movement by up to about ``degrees``, ``mm`` and ``lift``: a step or a few, a slow rise, a drift, there and back, a tremor, or wandering."""
    times = len(view_weights(window))
    t = np.linspace(0, 1, times, endpoint=False)
    kind = rng.integers(6)
    if kind == 0:
        path = np.zeros(times)
        for at in rng.uniform(-0.1, 1.1, rng.integers(1, 4)):
            path = path + rng.choice([-1.0, 1.0]) * rise(t, float(at), 0.004)
    elif kind == 1:
        path = rise(t, rng.uniform(-0.1, 1.1), float(np.exp(rng.uniform(np.log(0.01), np.log(0.15)))))
    elif kind == 2:
        path = np.abs(t - rng.choice([0.0, rng.uniform(0, 1)])) ** rng.uniform(0.6, 2.0)
    elif kind == 3:
        at, width = rng.uniform(0.0, 0.8), rng.uniform(0.003, 0.04)
        path = rise(t, at, width) - rise(t, at + rng.uniform(0.05, 0.5), width)
    elif kind == 4:
        path = (
            0.5
            * np.sin(2 * np.pi * (rng.uniform(0.7, 8) * t + rng.random()))
            * np.exp(-(((t - rng.random()) / rng.uniform(0.2, 2.0)) ** 2))
        )
    else:
        path = ndimage.gaussian_filter1d(rng.standard_normal(times).cumsum(), rng.uniform(2, 25) * times / 360)
    path = path / max(float(np.ptp(path)), 1e-6)
    direction, sign = rng.uniform(0, 2 * np.pi), float(rng.choice([-1.0, 1.0]))
    other = np.roll(path, rng.integers(0, times // 9)) if rng.random() < 0.3 else path
    turn = np.deg2rad(degrees) * sign * path
    return centred(
        Movement(
            turn,
            mm * np.cos(direction) * path,
            mm * np.sin(direction) * other,
            lift * other,
            int(rng.integers(2 * VIEWS)),
            window,
        )
    )


def shares(window: Window) -> NDArray[np.float64]:
    """(T,) of every instant in the image; those that see the same rays, half turns apart, sum to 1."""
    w = view_weights(window)
    view = np.arange(len(w)) % VIEWS
    return np.asarray(w / np.bincount(view, w)[view])


def moved_difference(
    hu: Image, pixel_mm: float, movement: Movement, body: NDArray[np.bool_], gradient: Image | None = None
) -> Image:
    """HU change of a slice (N, N) through a movement of what lies in ``body``; the rest stays still.

    Args:
        hu: the slice; pixel_mm: size of its square pixels; body: (N, N) what moves.
        gradient: (N, N) HU of the slice above minus the slice below, for through-plane motion.
    """
    n = len(hu)
    at = np.stack([movement.turn_rad * RADIUS_MM, movement.column_mm, movement.row_mm, movement.lift * 3.0])
    labels, chosen = _groups(at)
    density = np.where(body, np.maximum(hu, -1000) + 1000, 0).astype(np.float32)
    slope = (
        None
        if gradient is None or not np.any(movement.lift)
        else np.where(body, gradient * np.float32(0.5), 0).astype(np.float32)
    )
    spline = ndimage.spline_filter(density, order=3, output=np.float32)
    size = fft.next_fast_len(int(ROOM * n), real=True)
    w = shares(movement.window).astype(np.float32)
    time = np.floor(_views(size) - movement.start).astype(np.intp) % VIEWS
    total = -fft.rfft2(density, (size, size))
    rows, columns = (-2j * np.pi * f(size) / pixel_mm for f in (np.fft.fftfreq, np.fft.rfftfreq))
    middle = (n - 1) / 2
    for j, instant in enumerate(chosen):
        seen = np.where(labels == j, w, np.float32(0))
        per_view = np.bincount(np.arange(len(w)) % VIEWS, seen, VIEWS).astype(np.float32)
        share = ndimage.gaussian_filter(per_view[time], REACH, mode="nearest", truncate=3)
        turn, lift = float(movement.turn_rad[instant]), float(movement.lift[instant])
        image = spline if slope is None else spline + np.float32(lift) * slope
        c, s = np.cos(turn), np.sin(turn)
        matrix = np.array([[c, -s], [s, c]])
        shown = ndimage.affine_transform(
            image, matrix, middle - matrix @ [middle, middle], order=3, prefilter=False, output=np.float32
        )
        spectrum = fft.rfft2(shown, (size, size))
        spectrum *= np.exp(rows * movement.row_mm[instant]).astype(np.complex64)[:, None]
        spectrum *= np.exp(columns * movement.column_mm[instant]).astype(np.complex64)
        total += share * spectrum
    return np.asarray(fft.irfft2(total, (size, size))[:n, :n], np.float32)


@lru_cache(maxsize=2)
def _views(size: int) -> NDArray[np.float64]:
    """(size, size // 2 + 1) view at which every point of the Fourier plane is seen, -VIEWS..VIEWS."""
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    return np.asarray(np.arctan2(fy, fx) * (VIEWS / np.pi))


def _groups(at: NDArray[np.float64]) -> tuple[NDArray[np.intp], list[int]]:
    """Instants in runs of nearly the same pose, at most :data:`MOST_POSES`: label of each, and one instant of each."""
    step = STEP_MM
    while True:
        labels, chosen, last = np.empty(at.shape[1], np.intp), [0], at[:, 0]
        for t in range(at.shape[1]):
            if np.linalg.norm(at[:, t] - last) > step:
                near = [float(np.linalg.norm(at[:, c] - at[:, t])) for c in chosen]
                if min(near) > step / 2:
                    chosen.append(t)
                    labels[t] = len(chosen) - 1
                else:
                    labels[t] = int(np.argmin(near))
                last = at[:, chosen[labels[t]]]
            else:
                labels[t] = labels[t - 1] if t else 0
        if len(chosen) <= MOST_POSES:
            return labels, chosen
        step *= 1.4
