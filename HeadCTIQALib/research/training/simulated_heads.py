"""Simulated heads as training examples of the anatomy network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.networks.bundles import open_bundle
from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.volume.resample import Grid

from .heads import LabelledHead
from .items import fill

SEEDS = range(1000, 1060)
SHAPE, SPACING = (64, 64, 64), 4.0


def simulated_head(seed: int, shape: tuple[int, int, int] = SHAPE, spacing: float = SPACING) -> LabelledHead:
    """A simulated head of the training population with exact labels; template coordinates as :func:`template_of`."""
    from HeadCTIQALib.synthesis import TRAINING, random_head
    from HeadCTIQALib.synthesis.painter import paint_coarse

    hu, tissue, marks = paint_coarse(random_head(seed, TRAINING), spacing, shape)
    grid = Grid(-0.5 * spacing * (np.array(shape[::-1], float) - 1), spacing, shape)
    tissue = np.where(tissue > Tissue.HOLDER, 0, tissue).astype(np.uint8)
    known = {n: marks[n] for n in LANDMARKS if n in marks}
    return LabelledHead(f"simulated{seed}", hu, np.ones(shape, bool), tissue, template_of(grid, known), grid, known)


def template_of(grid: Grid, marks: Mapping[str, tuple[float, float, float]]) -> NDArray[np.float32]:
    """(3, Z, Y, X) template coordinates by the affine fit of landmarks to those of the shipped anatomy network."""
    known = open_bundle("anatomy").metadata["template_landmarks"]
    names = [n for n in known if n in marks]
    a = np.c_[np.array([marks[n] for n in names]), np.ones(len(names))]
    matrix = np.linalg.lstsq(a, np.array([known[n] for n in names]), rcond=None)[0]
    return np.moveaxis(grid.ras() @ matrix[:3] + matrix[3], -1, 0).astype(np.float32)


def prepare_simulated(out: Path, simulated: int = len(SEEDS)) -> None:
    """Write ``out``/simulated/*.npz; heads that exist already are kept."""
    fill(out / "simulated", simulated_head, SEEDS, simulated)
