"""The brain slices of ../shared/data/readers-brain-denoised as scans of one slice, with what three radiologists said of them."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from metrics_phantom import grid
from PIL import Image
from scipy import ndimage

from HeadCTIQALib.findings.types import Findings, Tissue
from HeadCTIQALib.masks import eroded
from HeadCTIQALib.volume.types import CTVolume

PIXEL_MM = 0.43  # not told; the skulls are 145 to 165 mm wide with it
WINDOW_HU = 80.0  # 0 to 80 HU: the images of normal dose have 81 grey levels
OUTSIDE_HU = -100.0  # not that of air: an edge that we made would be measured
BLACK_HU, BRAIN_HU, DEPTH_MM = 10.0, (14.0, 60.0), 4.0


@dataclass(frozen=True)
class ReaderSlice:
    """One image, (1, J, I), and the mean of the radiologists' noise scores: 1 low dose, 7 normal dose, above 7 over-smoothed."""

    set: int
    method: str
    score: float
    volume: CTVolume
    findings: Findings


def reader_slices(folder: Path, sets: Collection[int]) -> list[ReaderSlice]:
    scores: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    with (folder / "scores.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if int(row["set"]) in sets:
                scores[row["image"], int(row["set"]), row["method"]].append(float(row["noise"]))
    return [
        ReaderSlice(n, method, float(np.mean(s)), *_scan(folder / image)) for (image, n, method), s in scores.items()
    ]


def _scan(file: Path) -> tuple[CTVolume, Findings]:
    grey = np.asarray(Image.open(file).convert("L"), float) * WINDOW_HU / 255
    smooth = ndimage.gaussian_filter(grey, 1.2 / PIXEL_MM)
    soft = (smooth > BRAIN_HU[0]) & (smooth < BRAIN_HU[1])
    depth = round(DEPTH_MM / PIXEL_MM)
    parts, count = ndimage.label(eroded(soft, depth, depth))
    brain = parts == 1 + int(np.argmax(np.bincount(parts.ravel(), minlength=count + 1)[1:]))
    around = ~eroded(~brain, 2 * depth, 2 * depth)
    hu = np.where((smooth < BLACK_HU) & ~around, OUTSIDE_HU, grey)  # air and fat are as black as fluid
    volume = grid(np.zeros(1), grey.shape[0], PIXEL_MM)
    tissue = np.where(around & soft, Tissue.BRAIN, Tissue.OUTSIDE).astype(np.uint8)[None]
    return CTVolume(np.rint(hu).astype(np.int16)[None], volume.origins, volume.row_step, volume.col_step), Findings(
        tissue
    )
