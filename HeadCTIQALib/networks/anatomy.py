"""The anatomy network at work: a CTVolume to a CoarseAnatomy (tissue, template coordinates, landmarks, pose)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import Landmark, Tissue
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.resample import Grid, head_grid, to_grid

from .bundles import ANATOMY, open_bundle
from .channels import CLASSES, LANDMARKS, MIRRORED, TEMPLATE_SCALE_MM
from .types import COARSE_CLASSES, CoarseAnatomy, Infer, Vector

SPACING = 5.0
SHAPE = (40, 48, 40)


def coarse_anatomy(
    volume: CTVolume, infer: Infer, template: Mapping[str, Sequence[float]] | None = None
) -> CoarseAnatomy:
    """Run the network on the head's box, as it is and mirrored, and read landmarks and pose from the mean.

    Args:
        volume: the scan.
        infer: runs a network by the name of its bundle.
        template: landmarks in template mm; None for those of the shipped bundle.
    """
    grid = head_grid(volume, SPACING, SHAPE)
    hu, inside = to_grid(volume, grid)
    out = seen_twice(infer, hu, inside)
    logits, heat = out[:CLASSES], out[CLASSES + 3 :]
    coordinates: NDArray[np.float32] = out[CLASSES : CLASSES + 3] * np.float32(TEMPLATE_SCALE_MM)
    logits = logits - logits.max(axis=0)
    np.exp(logits, out=logits)
    probabilities: NDArray[np.float32] = logits / logits.sum(axis=0)
    head = inside & (probabilities[list(range(1, Tissue.HOLDER))].sum(axis=0) > 0.5)
    pose, residual = fit_pose(coordinates[:, head].T, grid.ras()[head])
    known = {
        k: np.asarray(v, float) for k, v in (template or open_bundle(ANATOMY).metadata["template_landmarks"]).items()
    }
    marks = landmarks(volume, heat, head, grid, pose, residual, known)
    return CoarseAnatomy(probabilities[:COARSE_CLASSES], coordinates, grid.origin, grid.spacing, marks, pose, residual)


def seen_twice(infer: Infer, hu: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(11 + 3 + 14, Z, Y, X): the mean of what the network answers to a box and to its mirror image.

    Args:
        infer: runs a network by the name of its bundle.
        hu: (Z, Y, X) HU; inside: (Z, Y, X) what was imaged.
    """
    shown = (hu.astype(np.float32), inside.astype(np.uint8))
    ((straight,),) = infer(ANATOMY, *(a[None] for a in shown))
    ((mirrored,),) = infer(ANATOMY, *(a[None, ..., ::-1] for a in shown))
    mirrored = mirrored[..., ::-1][[*range(CLASSES + 3), *(CLASSES + 3 + m for m in MIRRORED)]]
    mirrored[CLASSES] *= -1
    return np.asarray(0.5 * (straight + mirrored), np.float32)


def fit_pose(template: NDArray[np.floating], ras: Vector) -> tuple[Vector, float]:
    """Affine (4, 4) from template mm to RAS mm, least squares with the worst fifth trimmed twice; and its RMS in mm."""
    if len(template) < 200:
        return np.eye(4), float("inf")
    step = max(1, len(template) // 8000)
    a = np.c_[template[::step].astype(float), np.ones(len(template[::step]))]
    b = ras[::step]
    keep = np.ones(len(a), bool)
    matrix = np.eye(4)
    for _ in range(3):
        matrix[:3] = np.linalg.lstsq(a[keep], b[keep], rcond=None)[0].T
        gap = np.linalg.norm(a @ matrix[:3].T - b, axis=1)
        keep = gap <= np.quantile(gap, 0.8)
    return matrix, float(np.sqrt(np.mean(gap[keep] ** 2)))


def landmarks(
    volume: CTVolume,
    heat: NDArray[np.float32],
    head: NDArray[np.bool_],
    grid: Grid,
    pose: Vector,
    residual: float,
    known: Mapping[str, Vector],
) -> dict[str, Landmark]:
    """Every landmark, from its heatmap where it was imaged, else from the fitted pose.

    Confidence falls with a spread-out heatmap and with disagreement between heatmap and pose.  Outside the scan
    it falls with the distance to the imaged head; there the spread follows cuts of real scans at known heights.
    """
    ras = grid.ras()[head]
    found = {}
    for c, name in enumerate(LANDMARKS):
        expected = pose[:3, :3] @ known[name] + pose[:3, 3]
        index, mass = peak(heat[c])
        seen = grid.point(index)
        if imaged(volume, expected, margin_mm=-4.0) and imaged(volume, seen, margin_mm=1.0):
            gap = float(np.linalg.norm(seen - expected))
            confidence = float(np.clip(mass / 0.5, 0, 1) * np.exp(-((max(0.0, gap - 4.0) / 12.0) ** 2)))
            found[name] = Landmark(
                rounded_point(seen), round(confidence, 3), True, "network", round(1.5 + 0.3 * gap, 1)
            )
        else:
            reach = (
                float(np.linalg.norm(expected - ras[np.argmin(((ras - expected) ** 2).sum(1))])) if len(ras) else 1e3
            )
            confidence = float(np.clip(1.2 - residual / 12.0, 0, 1) * np.clip(1.25 - reach / 60.0, 0, 1))
            found[name] = Landmark(
                rounded_point(expected),
                round(confidence, 3),
                imaged(volume, expected),
                "network",
                round(1.5 + 0.5 * residual + 0.2 * reach, 1),
            )
    return found


def peak(heat: NDArray[np.float32]) -> tuple[Vector, float]:
    """Expected (z, y, x) around the maximum of one heatmap, and the probability mass within 3 voxels of it."""
    p = np.exp(heat - heat.max())
    p /= p.sum()
    at = np.array(np.unravel_index(int(p.argmax()), p.shape))
    low, high = np.maximum(at - 3, 0), np.minimum(at + 4, p.shape)
    box = p[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    mass = float(box.sum())
    position = [
        float((box.sum(axis=tuple(a for a in range(3) if a != c)) * np.arange(low[c], high[c])).sum() / mass)
        for c in range(3)
    ]
    return np.array(position), mass


def imaged(volume: CTVolume, ras: Vector, margin_mm: float = 0.0) -> bool:
    """True where ``ras`` lies between the first and last image plane, ``margin_mm`` beyond them, and in the image."""
    i, j, _ = volume.ras_to_ijk(ras)
    t = float(ras @ volume.k)
    _, rows, columns = volume.shape
    planes = volume.slice_positions
    return bool(
        planes[0] - margin_mm <= t <= planes[-1] + margin_mm and -0.5 <= i <= columns - 0.5 and -0.5 <= j <= rows - 0.5
    )


def rounded_point(p: Vector) -> tuple[float, float, float]:
    """A RAS point rounded to a hundredth of a millimetre."""
    x, y, z = (round(float(v), 2) for v in p)
    return x, y, z
