"""Finely sampled heads with landmarks: what the landmark network's patches are cut from, as small .npz files.

training-data/fine/<name>.npz              real heads whose landmarks stand in training-data/labels
training-data/fine-simulated/<name>.npz    simulated heads
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.volume import CTVolume, read
from HeadCTIQALib.volume.resample import Grid, to_grid

from .items import Item, create, fill, landmarks_of

Points = Mapping[str, tuple[float, float, float]]
READER_MM, PROPAGATED_MM, EXACT_MM = 1.0, 2.5, 0.0  # typical error of a label
REACH_MM = 46.0  # half the diagonal of a patch and some
FINE_MM, COARSE_MM = 1.5, 2.5
SIMULATED_SEEDS = range(2000, 2200)
SIMULATED_BOX = ((-86.0, -96.0, -62.0), (86.0, 124.0, 86.0))  # head mm (x, y, z)


@dataclass(frozen=True)
class PatchHead(Item):
    """HU (Z, Y, X) int16 and imaged mask on an isotropic grid, with landmarks (RAS mm) and their typical error in mm."""

    hu: NDArray[np.int16]
    inside: NDArray[np.bool_]
    grid: Grid
    landmarks: Points
    label_mm: float


def real_head(name: str, volume: CTVolume, landmarks: Points, label_mm: float) -> PatchHead:
    """A scan around its landmarks, about as finely sampled as it was imaged."""
    gap = float(np.median(np.diff(volume.slice_positions))) if volume.shape[0] > 1 else COARSE_MM
    spacing = FINE_MM if max(*volume.pixel_spacing, 0.5 * gap) <= FINE_MM + 0.6 else COARSE_MM
    points = np.array(list(landmarks.values()))
    low, high = points.min(0) - REACH_MM, points.max(0) + REACH_MM
    shape = tuple(int(n) for n in np.ceil((high - low) / spacing)[::-1] + 1)
    grid = Grid(np.round(low, 3), spacing, shape)  # type: ignore[arg-type]
    hu, inside = to_grid(volume, grid)
    return PatchHead(name, np.clip(np.rint(hu), -1024, 3071).astype(np.int16), inside, grid, landmarks, label_mm)


def simulated_head(seed: int, spacing: float = FINE_MM) -> PatchHead:
    """A simulated head of the training population in its own frame: skull base, face and lower vault, without noise."""
    from HeadCTIQALib.synthesis import TRAINING, random_head
    from HeadCTIQALib.synthesis.head_landmarks import head_landmarks
    from HeadCTIQALib.synthesis.painter import Lattice, paint_head

    model = random_head(seed, TRAINING)
    low, high = (np.array(v) for v in SIMULATED_BOX)
    shape = tuple(int(n) for n in np.ceil((high - low) / spacing)[::-1] + 1)
    steps = spacing * np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])
    canvas = Lattice(low, steps, shape).canvas(model, spacing)  # type: ignore[arg-type]
    paint_head(canvas, model)
    marks = {k: tuple(float(v) for v in p) for k, p in head_landmarks(model).items()}
    hu = np.clip(np.rint(canvas.hu), -1024, 3071).astype(np.int16)
    return PatchHead(f"simulated{seed}", hu, np.ones(shape, bool), Grid(low, spacing, shape), marks, EXACT_MM)  # type: ignore[arg-type]


def find_scan(data: Path, name: str) -> Path | None:
    """Where the scan of a labelled head lies in the data folder."""
    for path in (data / "ct" / name, data / "ct-head-neck" / f"{name}.nii.gz"):
        if path.exists():
            return path
    return None


def prepare_patch_heads(
    data: Path, out: Path, disagreement_mm: float = 12.0, simulated: int = len(SIMULATED_SEEDS)
) -> None:
    """Write ``out``/fine and ``out``/fine-simulated; heads that exist already are kept.

    Args:
        data: folder of the scans.
        out: folder whose ``labels`` holds the landmarks (see :mod:`HeadCTIQALib.research.training.prepare`).
        disagreement_mm: a head on which the atlases place a landmark further apart is left out.
        simulated: how many simulated heads.
    """
    create(out / "fine")
    readers = (
        json.loads((data / "landmarks.json").read_text(encoding="utf-8"))["scans"]
        if (data / "landmarks.json").exists()
        else {}
    )
    for label in sorted((out / "labels").glob("*.npz")):
        scan = find_scan(data, label.stem)
        with np.load(label, allow_pickle=False) as f:
            if scan is None or (out / "fine" / label.name).exists() or float(f["disagreement_mm"]) > disagreement_mm:
                continue
            marks = landmarks_of(str(f["landmarks"]))
        real_head(label.stem, read(scan), marks, READER_MM if label.stem in readers else PROPAGATED_MM).save(
            out / "fine"
        )
    fill(out / "fine-simulated", simulated_head, SIMULATED_SEEDS, simulated)
