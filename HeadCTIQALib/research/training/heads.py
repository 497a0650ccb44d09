"""A labelled head: one item of the anatomy network's training data, kept as a small .npz file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.volume.resample import Grid
from HeadCTIQALib.writing import whole_file

AGREEMENT_MM = 12.0  # a head on which the two atlases place a landmark further apart is not used


@dataclass(frozen=True)
class LabelledHead:
    """One training head on its grid: HU, imaged mask, tissue, template coordinates and landmarks (RAS mm)."""

    name: str
    hu: NDArray[np.float32]
    inside: NDArray[np.bool_]
    tissue: NDArray[np.uint8]
    template: NDArray[np.float32]
    grid: Grid
    landmarks: Mapping[str, tuple[float, float, float]]
    disagreement_mm: float = 0.0

    def save(self, folder: Path) -> None:
        """Write ``<name>.npz`` (no pickled objects), whole or not at all."""
        with whole_file(folder / f"{self.name}.npz", "The training head") as stream:
            np.savez_compressed(
                stream,
                hu=self.hu.clip(-1024, 3000).astype(np.int16),
                inside=self.inside,
                tissue=self.tissue,
                template=self.template.astype(np.float16),
                origin=self.grid.origin,
                spacing=self.grid.spacing,
                landmarks=json.dumps({k: list(v) for k, v in self.landmarks.items()}),
                disagreement_mm=self.disagreement_mm,
            )

    @classmethod
    def load(cls, path: Path) -> LabelledHead:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as f:
            hu = f["hu"].astype(np.float32)
            grid = Grid(f["origin"], float(f["spacing"]), hu.shape)
            marks = {k: tuple(v) for k, v in json.loads(str(f["landmarks"])).items()}
            return cls(
                path.stem,
                hu,
                f["inside"],
                f["tissue"],
                f["template"].astype(np.float32),
                grid,
                marks,
                float(f["disagreement_mm"]),
            )
