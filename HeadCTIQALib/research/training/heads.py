"""A labelled head: one item of the anatomy network's training data, kept as a small .npz file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.volume.resample import Grid

from .items import Item

AGREEMENT_MM = 12.0  # a head on which the two atlases place a landmark further apart is not used


@dataclass(frozen=True)
class LabelledHead(Item):
    """One training head on its grid: HU, imaged mask, tissue, template coordinates and landmarks (RAS mm)."""

    hu: NDArray[np.float32]
    inside: NDArray[np.bool_]
    tissue: NDArray[np.uint8]
    template: NDArray[np.float32]
    grid: Grid
    landmarks: Mapping[str, tuple[float, float, float]]
    disagreement_mm: float = 0.0

    def save(self, folder: Path) -> None:
        """Write ``<name>.npz``: HU as int16, template coordinates as float16.

        Raises:
            OutputError: it cannot be written.
        """
        hu, template = self.hu.clip(-1024, 3000).astype(np.int16), self.template.astype(np.float16)
        Item.save(replace(self, hu=hu, template=template), folder)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            TrainingError: the file is no such item.
        """
        kept = super().load(path)
        return replace(kept, hu=kept.hu.astype(np.float32), template=kept.template.astype(np.float32))
