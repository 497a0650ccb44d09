"""Real scans degraded by known amounts: turned, shifted, cut, noisier, thicker, moved during the rotation, with metal.

Every degradation is a new :class:`CTVolume` with what is known of the change, so that the change of every metric can be
held against it.  The network has to find everything anew in the degraded scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, PARENCHYMA, Findings, Tissue
from HeadCTIQALib.synthesis.artefacts import STREAK_SIGMAS, correlated_noise, metal_difference, motion_grade, smooth3
from HeadCTIQALib.synthesis.movement import motion_difference
from HeadCTIQALib.volume.types import CTVolume

Vector = NDArray[np.float64]
AIR_HU = -1000
HU_RANGE = (-1024, 3071)
COVERED = 0.97  # of the head in a slice must come from the scan, not from beyond its ends
SURROUNDINGS_PX = 4.0  # SD of the Gaussian that tells the local mean of white matter
CLIP_HU = 12000.0  # what the metal of an aneurysm clip adds to tissue


@dataclass(frozen=True)
class Degraded:
    """A degraded scan.

    Attributes:
        family: "yaw", "noise", ...; amount: in ``unit``, larger is worse (or signed, for turns and shifts).
        volume: the scan.
        turn, shift: a point p (RAS mm) of the original scan now lies at turn @ p + shift.
        truth: IQM id to what it must be now by its definition, where that does not follow from the geometry.
        free: IQMs about which nothing is known in the degraded scan.
    """

    family: str
    amount: float
    unit: str
    volume: CTVolume
    turn: Vector = field(default_factory=lambda: np.eye(3))
    shift: Vector = field(default_factory=lambda: np.zeros(3))
    truth: Mapping[str, float] = field(default_factory=dict)
    free: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As printed."""
        return (
            f"{self.family} {self.amount:+g} {self.unit}"
            if self.amount < 0 or self.unit == "deg"
            else f"{self.family} {self.amount:g} {self.unit}"
        )


def binned(volume: CTVolume, pixel_mm: float = 0.9) -> CTVolume:
    """The scan with blocks of pixels averaged up to about ``pixel_mm``: what the degradations start from, to save time."""
    f = max(1, round(pixel_mm / max(volume.pixel_spacing)))
    k, j, i = volume.shape
    rows, columns = j // f, i // f
    hu = volume.hu[:, : rows * f, : columns * f].reshape(k, rows, f, columns, f).mean(axis=(2, 4))
    padding = volume.padding
    if padding is not None:
        padding = padding[..., : rows * f : f, : columns * f : f]
    origins = volume.origins + (volume.row_step + volume.col_step) * (f - 1) / 2
    return replace(
        volume,
        hu=np.rint(hu).astype(np.int16),
        origins=origins,
        row_step=volume.row_step * f,
        col_step=volume.col_step * f,
        padding=padding,
    )


def turned(volume: CTVolume, findings: Findings, axis: str, degrees: float) -> Degraded:
    """The head turned about its centre by ``degrees``: "yaw" about k, "roll" about a, "pitch" about r.

    The scan is resampled by cubic splines onto its own slices.  Slices that would need tissue from beyond the scan's
    ends are left out.  Resampling smooths, so that noise and contrast to noise are free.
    """
    about = {"yaw": volume.k, "roll": volume.a, "pitch": volume.r}[axis]
    turn = _rotation(about, degrees)
    centre = head_points(volume, findings, HEAD, 400).mean(axis=0)
    shift = centre - turn @ centre
    head = np.isin(findings.tissue, [int(t) for t in HEAD])
    ends = np.array([head[0].mean() > 0.02, head[-1].mean() > 0.02])
    coefficients = ndimage.spline_filter(np.maximum(volume.hu, AIR_HU).astype(np.float32), order=3, output=np.float32)
    k, rows, columns = volume.shape
    hu, whole = np.empty(volume.shape, np.int16), np.empty(k, bool)
    j, i = np.indices((rows, columns))
    plane = i[..., None] * volume.row_step + j[..., None] * volume.col_step
    for s in range(k):
        source = volume.ras_to_ijk((volume.origins[s] + plane - shift) @ turn)
        at = [source[..., 2], source[..., 1], source[..., 0]]
        hu[s] = np.clip(
            np.rint(ndimage.map_coordinates(coefficients, at, order=3, prefilter=False, cval=AIR_HU)), *HU_RANGE
        )
        # beyond an end where the head goes on, nothing is known; beyond one in air there is only air
        near = ndimage.map_coordinates(head.astype(np.float32), [np.clip(at[0], 0, k - 1), *at[1:]], order=0) > 0.5
        beyond = ((at[0] < -0.5) & ends[0]) | ((at[0] > k - 0.5) & ends[1])
        whole[s] = np.count_nonzero(beyond & near) <= (1 - COVERED) * max(1, int(np.count_nonzero(near)))
    first, last = _longest_run(whole)
    kept = replace(volume, hu=hu[first:last].copy(), origins=volume.origins[first:last], padding=None)
    return Degraded(axis, degrees, "deg", kept, turn, shift, free=("noise", "gray_white_cnr"))


def shifted(volume: CTVolume, right_mm: float, anterior_mm: float) -> Degraded:
    """The head moved in the image by whole pixels, near to the given millimetres; room air comes in from the edges."""
    wanted = right_mm * volume.r + anterior_mm * volume.a
    di, dj = (round(float(wanted @ step / (step @ step))) for step in (volume.row_step, volume.col_step))
    hu = np.full(volume.shape, AIR_HU, np.int16)
    hu[:, max(0, dj) : hu.shape[1] + min(0, dj), max(0, di) : hu.shape[2] + min(0, di)] = volume.hu[
        :, max(0, -dj) : hu.shape[1] - max(0, dj), max(0, -di) : hu.shape[2] - max(0, di)
    ]
    moved = di * volume.row_step + dj * volume.col_step
    family = "shift right" if abs(right_mm) >= abs(anterior_mm) else "shift forwards"
    amount = float(moved @ (volume.r if family == "shift right" else volume.a))
    return Degraded(family, round(amount, 1), "mm", replace(volume, hu=hu, padding=None), shift=moved)


def cut(volume: CTVolume, below_mm: float = 0.0, above_mm: float = 0.0) -> Degraded:
    """The scan without its lowest or highest slices, at least so many millimetres of them."""
    z = volume.slice_positions
    keep = (z >= z[0] + below_mm - 1e-6) & (z <= z[-1] - above_mm + 1e-6)
    padding = volume.padding
    if padding is not None and padding.ndim == 3:
        padding = padding[keep]
    short = replace(volume, hu=volume.hu[keep].copy(), origins=volume.origins[keep], padding=padding)
    lost = float(short.slice_positions[0] - z[0] if below_mm else z[-1] - short.slice_positions[-1])
    free = (
        "motion_extent",
        "streak_extent",
        "noise",
        "gray_white_cnr",
    )  # the slices that are left may differ from those that went
    return Degraded("cut below" if below_mm else "cut above", round(lost, 1), "mm", short, free=free)


def noisier(
    volume: CTVolume, sigma_hu: float, base_noise: float, base_contrast: float | None, seed: int = 0
) -> Degraded:
    """Noise of CT texture added to the whole scan; independent of what is there, so that variances add up."""
    rng = np.random.default_rng([seed, 11])
    hu = np.stack([s + sigma_hu * correlated_noise(rng, s.shape, volume.pixel_spacing[0]) for s in volume.hu])
    noise = float(np.hypot(base_noise, sigma_hu))
    truth = {"noise": noise}
    if base_contrast is not None:
        truth["gray_white_cnr"] = base_contrast / noise
    return Degraded("noise", sigma_hu, "HU", replace(volume, hu=_whole(hu)), truth=truth)


def thicker(volume: CTVolume, slices: int) -> Degraded:
    """Groups of ``slices`` neighbouring slices averaged; noise falls by an unknown amount, as slices may share data."""
    n = volume.shape[0] // slices * slices
    hu = volume.hu[:n].reshape(-1, slices, *volume.shape[1:]).mean(axis=1)
    origins = volume.origins[:n].reshape(-1, slices, 3).mean(axis=1)
    gap = float(np.median(np.diff(volume.slice_positions)))
    thickness = (volume.acquisition.slice_thickness_mm or gap) + gap * (slices - 1)
    acquisition = replace(volume.acquisition, slice_thickness_mm=thickness)
    padding = volume.padding
    if padding is not None and padding.ndim == 3:
        padding = padding[:n:slices]
    thick = replace(volume, hu=_whole(hu), origins=origins, acquisition=acquisition, padding=padding)
    return Degraded("slices averaged", slices, "slices", thick, free=("noise", "gray_white_cnr"))


def moved(volume: CTVolume, findings: Findings, degrees: float, share: float = 0.25, seed: int = 0) -> Degraded:
    """In-plane motion of up to ``degrees`` and as many millimetres in the middle ``share`` of the brain's slices.

    The truth is the base's own motion extent replaced in those slices by the grades that the definition gives.
    """
    inside = np.isin(findings.tissue, [int(t) for t in INTRACRANIAL])
    area = np.count_nonzero(inside, axis=(1, 2)).astype(float)
    brain = np.flatnonzero(area > 0.2 * area.max())
    half = max(1, round(share * len(brain) / 2))
    middle = brain[len(brain) // 2 - half : len(brain) // 2 + half]
    hu = volume.hu.astype(np.float32)
    grades = (
        np.zeros(len(area)) if findings.motion_grades is None else np.maximum(findings.motion_grades, 0).astype(float)
    )
    for s in middle:
        change = motion_difference(
            hu[s], volume.pixel_spacing[0], np.random.default_rng([seed, 7, int(s)]), degrees, degrees
        )
        grades[s] = motion_grade(change, inside[s], volume.pixel_spacing[0])[0]
        hu[s] += change
    extent = 100 * float(grades @ area) / (3 * float(area.sum()))
    return Degraded(
        "motion",
        degrees,
        "deg and mm",
        replace(volume, hu=_whole(hu)),
        truth={"motion_extent": extent},
        free=("noise", "gray_white_cnr"),
    )


def with_metal(volume: CTVolume, findings: Findings, radius_mm: float, seed: int = 0) -> Degraded:
    """A ball of metal (an implant, not removable) in the middle of the brain, with the streaks it makes in its slices."""
    points = head_points(volume, findings, INTRACRANIAL, 4000)
    centre = points.mean(axis=0) + 25.0 * volume.r  # beside the midline
    inside = np.isin(findings.tissue, [int(t) for t in INTRACRANIAL])
    hu, streak = volume.hu.astype(np.float32), np.zeros(volume.shape, bool)
    noise = STREAK_SIGMAS * smoothed_noise(volume, findings)
    j, i = np.indices(volume.shape[1:])
    plane = i[..., None] * volume.row_step + j[..., None] * volume.col_step
    for s in np.flatnonzero(np.abs(volume.slice_positions - centre @ volume.k) < radius_mm):
        distance = np.linalg.norm(volume.origins[s] + plane - centre, axis=-1)
        metal = (CLIP_HU * np.clip(radius_mm - distance + 0.5, 0, 1)).astype(np.float32)
        change = metal_difference(
            hu[s] + metal, metal, volume.pixel_spacing[0], np.random.default_rng([seed, 13, int(s)])
        )
        streak[s] = (np.abs(smooth3(change)) > noise) & (metal < 300)
        hu[s] += change + metal
    widths = volume.voxel_volumes_ml
    amount = float(np.count_nonzero(streak & inside, axis=(1, 2)) @ widths)
    extent = 100 * amount / float(np.count_nonzero(inside, axis=(1, 2)) @ widths)
    free = ("noise", "gray_white_cnr")
    return Degraded(
        "metal", radius_mm, "mm radius", replace(volume, hu=_whole(hu)), truth={"streak_extent": extent}, free=free
    )


def _rotation(axis: Vector, degrees: float) -> Vector:
    """Right-handed rotation about a unit axis (Rodrigues)."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) * c + s * cross + (1 - c) * np.outer(axis, axis))


def head_points(volume: CTVolume, findings: Findings, tissues: tuple[int, ...], most: int) -> Vector:
    """(N, 3) RAS mm of the voxels of these tissues, thinned to about ``most`` (0: all)."""
    k, j, i = np.nonzero(np.isin(findings.tissue, [int(t) for t in tissues]))
    step = max(1, len(k) // most) if most else 1
    return np.asarray(volume.origins[k[::step]] + i[::step, None] * volume.row_step + j[::step, None] * volume.col_step)


def _longest_run(whole: NDArray[np.bool_]) -> tuple[int, int]:
    """First and one past the last index of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.r_[0, whole.astype(np.int8), 0]))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        raise ValueError("the turned scan holds no whole slice")
    best = int(np.argmax(stops - starts))
    return int(starts[best]), int(stops[best])


def smoothed_noise(volume: CTVolume, findings: Findings) -> float:
    """SD of the 3-pixel-smoothed noise: how smoothed HU differ from their surroundings within clean white matter, where anatomy has no part in it.

    From all parenchyma where there is too little of that, and then too high by half or so; 1 where there is none.
    """
    return _noise_of(volume, findings.mask(Tissue.WHITE)) or _noise_of(volume, findings.mask(*PARENCHYMA)) or 1.0


def _noise_of(volume: CTVolume, mask: NDArray[np.bool_]) -> float | None:
    total, count = 0.0, 0
    for hu, white in zip(volume.hu, mask, strict=True):
        middle = ndimage.binary_erosion(white, np.ones((3, 3)))
        if middle.any():
            weight = ndimage.gaussian_filter(white.astype(float), SURROUNDINGS_PX)
            local = ndimage.gaussian_filter(np.where(white, hu, 0.0), SURROUNDINGS_PX) / np.maximum(weight, 1e-3)
            total += float((((smooth3(hu.astype(float)) - local)[middle]) ** 2).sum())
            count += int(middle.sum())
    return float(np.sqrt(total / count)) if count > 100 else None


def _whole(hu: NDArray[np.floating]) -> NDArray[np.int16]:
    return np.clip(np.rint(hu), *HU_RANGE).astype(np.int16)
