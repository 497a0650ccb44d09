"""An ellipsoid head with labels and landmarks in any pose, on any slice geometry, with everything known in advance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from HeadCTIQALib.findings.types import Findings, Landmark, Plane, Tissue
from HeadCTIQALib.volume.types import Acquisition, CTVolume

# Head frame: x right, y anterior, z superior, mm, origin in the centre of the brain.
SCALP, SKULL, BRAIN = (76.0, 96.0, 100.0), (72.0, 92.0, 95.0), (66.0, 86.0, 88.0)
LANDMARKS = {
    "EAM_R": (48, -8, -60), "EAM_L": (-48, -8, -60), "CANTHUS_R": (48, 62, -60), "CANTHUS_L": (-48, 62, -60),
    "GLOBE_R": (32, 72, -58), "GLOBE_L": (-32, 72, -58), "BASION": (0, -8, -84), "OPISTHION": (0, -44, -84),
}  # fmt: skip


def rotation(axis: str, deg: float) -> np.ndarray:
    """Right-handed rotation about R (x), A (y) or S (z)."""
    i = "xyz".index(axis)
    a, b = (i + 1) % 3, (i + 2) % 3
    m = np.eye(3)
    c, s = np.cos(np.deg2rad(deg)), np.sin(np.deg2rad(deg))
    m[a, a], m[a, b], m[b, a], m[b, b] = c, -s, s, c
    return m


def grid(
    positions: np.ndarray,
    matrix: int = 128,
    pixel: float = 2.0,
    tilt: float = 0.0,
    centre: tuple[float, float] = (0.0, 0.0),
    acquisition: Acquisition | None = None,
    flip: bool = False,
) -> CTVolume:
    """An empty volume; the table moves along S, slices are tilted about R and stacked obliquely as on a scanner.

    ``positions`` are along S; ``flip`` stores rows and columns the other way round.
    """
    m = rotation("x", tilt)
    row, col = m @ [-pixel, 0, 0], m @ [0, -pixel, 0]
    if flip:
        row, col = -row, -col
    middle = np.stack([np.full(len(positions), centre[0]), np.full(len(positions), centre[1]), positions], axis=1)
    origins = middle - 0.5 * (matrix - 1) * (row + col)
    hu = np.full((len(positions), matrix, matrix), -1000, np.int16)
    return CTVolume(hu, origins, row, col, acquisition=acquisition or Acquisition())


def coordinates(volume: CTVolume) -> np.ndarray:
    """(K, J, I, 3) RAS mm of every voxel."""
    _, rows, columns = volume.shape
    plane = np.arange(columns)[None, :, None] * volume.row_step + np.arange(rows)[:, None, None] * volume.col_step
    return volume.origins[:, None, None, :] + plane[None]


def head(
    volume: CTVolume, pose: np.ndarray | None = None, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> tuple[CTVolume, Findings]:
    """The head turned by ``pose`` and moved by ``shift`` (RAS mm), imaged on the grid of ``volume``."""
    pose = np.eye(3) if pose is None else pose
    local = (coordinates(volume) - np.asarray(shift)) @ pose  # inverse rotation, row vectors

    def inside(axes: tuple[float, float, float], at: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
        return (((local - np.asarray(at)) / np.asarray(axes)) ** 2).sum(-1) < 1

    tissue = np.zeros(volume.shape, np.uint8)
    hu = np.full(volume.shape, -1000.0)
    for axes, label, value in ((SCALP, Tissue.SOFT, 40), (SKULL, Tissue.BONE, 900), (BRAIN, Tissue.BRAIN, 32)):
        where = inside(axes)
        tissue[where], hu[where] = label, value
    for side in (-1, 1):
        white, deep = inside((15, 40, 30), (side * 40, 0, 20)), inside((10, 20, 16), (side * 16, 0, 5))
        tissue[white], hu[white] = Tissue.WHITE, 27
        tissue[deep], hu[deep] = Tissue.DEEP_GREY, 35
    fluid = inside((5, 25, 14), (0, 0, 25))
    tissue[fluid], hu[fluid] = Tissue.CSF, 8
    landmarks = {}
    for name, p in LANDMARKS.items():
        landmarks[name] = mark(volume, pose @ np.asarray(p, float) + shift)
    # topmost point along k of the rotated scalp ellipsoid: centre + A^2 n / |A n| with n = k in the head frame
    n = pose.T @ volume.k
    axes = np.asarray(SCALP)
    landmarks["VERTEX"] = mark(volume, pose @ (axes**2 * n / np.linalg.norm(axes * n)) + shift)
    plane = Plane(tuple(map(float, shift)), tuple(float(c) for c in pose[:, 0]))
    findings = Findings(
        tissue, landmarks, plane, np.zeros(volume.shape, bool), np.zeros(volume.shape[0], np.int8),
    )  # fmt: skip
    return replace(volume, hu=hu.round().astype(np.int16)), findings


def mark(volume: CTVolume, ras: np.ndarray, **changes: object) -> Landmark:
    height = float(np.asarray(ras) @ volume.k)
    inside = bool(volume.slice_positions[0] <= height <= volume.slice_positions[-1])
    return Landmark(tuple(float(c) for c in ras), in_scan=inside, source="analytic", **changes)  # type: ignore[arg-type]


def with_landmark(findings: Findings, name: str, **changes: object) -> Findings:
    """``findings`` with one landmark changed."""
    marks = dict(findings.landmarks)
    marks[name] = replace(marks[name], **changes)  # type: ignore[arg-type]
    return findings.with_(landmarks=marks)


def without_landmark(findings: Findings, *names: str) -> Findings:
    return findings.with_(landmarks={k: v for k, v in findings.landmarks.items() if k not in names})


def noise_field(
    shape: tuple[int, int, int], pixel: float, sigma: float, peak: float | None, seed: int = 0
) -> np.ndarray:
    """Gaussian noise of SD ``sigma``, independent between slices: white, or with the ramp-filtered power of CT.

    ``peak``: frequency (cycles/mm) of the maximum of the noise power f * exp(-f^2 / (2 peak^2)), None for white.
    """
    white = np.random.default_rng(seed).normal(size=shape)
    if peak is None:
        return sigma * white
    fj, fi = np.meshgrid(np.fft.fftfreq(shape[1], pixel), np.fft.fftfreq(shape[2], pixel), indexing="ij")
    f = np.hypot(fj, fi)
    noise = np.fft.ifft2(np.fft.fft2(white) * np.sqrt(f * np.exp(-(f**2) / (2 * peak**2)))).real
    return sigma * noise / noise.std()


def noisy(volume: CTVolume, noise: np.ndarray) -> CTVolume:
    return replace(volume, hu=np.clip(np.rint(volume.hu + noise), -1024, 3071).astype(np.int16))


def gyral_brain(
    pixel: float, spacing: float, slices: int, matrix: int, seed: int = 1, core: float = 0.6
) -> tuple[np.ndarray, CTVolume, Findings]:
    """A brain with folded cortex 9 HU above white matter and sulci of fluid, all labelled BRAIN; HU without noise.

    ``core``: relative radius of the centre that is all white matter.
    """
    volume = grid((np.arange(slices) - slices / 2) * spacing, matrix, pixel)
    radius = np.linalg.norm(coordinates(volume) / np.array([66.0, 86.0, 88.0]), axis=-1)
    field = ndimage.gaussian_filter(
        np.random.default_rng(seed).normal(size=volume.shape), (4 / spacing, 4 / pixel, 4 / pixel)
    )
    field /= field.std()
    hu = np.where((np.abs(field) < 0.45) & (radius > core), 37.0, 28.0)
    hu[(np.abs(field) < 0.06) & (radius > core)] = 10
    hu = ndimage.gaussian_filter(hu, (0.4, 0.5 / pixel, 0.5 / pixel))  # slice thickness and point spread
    hu[radius > 1] = 900
    hu[radius > 1.1] = -1000
    tissue = np.where(radius > 1.1, 0, np.where(radius > 1, int(Tissue.BONE), int(Tissue.BRAIN))).astype(np.uint8)
    return hu, volume, Findings(tissue)
