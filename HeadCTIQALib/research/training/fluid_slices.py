"""Heads as the refinement shows them to the fluid network, with the truth: its training items."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import INTRACRANIAL, Tissue
from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.orientation import recognised_anatomy
from HeadCTIQALib.networks.outline.tissue import SEEN_AROUND, tissue_map
from HeadCTIQALib.networks.outline.workgrid import grown_box, work_grid
from HeadCTIQALib.networks.types import Infer, Vector
from HeadCTIQALib.volume import CTVolume

from .items import Item, fill

FOLDER = "fluid"
SEEDS = range(400_000, 401_000)
HEADS = 200


@dataclass(frozen=True)
class FluidHead(Item):
    """The box around one brain on the refinement's grid (K, J, I), pixels of about 1 mm.

    Attributes:
        hu: int16 HU.
        prior: uint8, the anatomy network's probability of fluid in 1/255.
        inside: bool, inside the skull by the refinement.
        brain, fluid: bool, what truly is inside the skull, and fluid there.
        positions: (K,) mm along the slices' normal, increasing.
        levels: (3,) mean HU of fluid and of brain, SD of the noise, by the refinement.
    """

    hu: NDArray[np.int16]
    prior: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    brain: NDArray[np.bool_]
    fluid: NDArray[np.bool_]
    positions: Vector
    levels: Vector


def fluid_head(name: str, volume: CTVolume, tissue: NDArray[np.uint8], infer: Infer) -> FluidHead | None:
    """What the product shows the fluid network of a scan, with the truth; None where the refinement finds next to no brain.

    Args:
        name: of the item.
        volume: the scan.
        tissue: (K, J, I) its true tissue.
        infer: runs the anatomy network.

    Raises:
        InputError: no head was seen, or it lies otherwise than the file says.
        ModelError: the anatomy network cannot run.
    """
    coarse = recognised_anatomy(volume, infer)
    levels: list[Vector] = []

    def search(
        hu: NDArray[np.int16], prior: NDArray[np.uint8], positions: Vector, seen: Vector, wanted: NDArray[np.bool_]
    ) -> Future[NDArray[np.uint8]]:
        levels.append(seen)
        answer: Future[NDArray[np.uint8]] = Future()
        answer.set_result(np.zeros(hu.shape, np.uint8))
        return answer

    refined = tissue_map(volume, coarse, search)
    if not levels:
        return None
    grid = work_grid(volume, coarse)
    inside, brain = (np.isin(grid.reduce_mask(labels), INTRACRANIAL) for labels in (refined, tissue))
    ks, js, is_ = box = grown_box(inside | brain, (0, SEEN_AROUND, SEEN_AROUND))
    prior = grid.window(js, is_).sample(coarse.probabilities[Tissue.CSF], coarse)[ks]
    return FluidHead(
        name,
        grid.reduce_hu()[box],
        np.rint(255 * prior).astype(np.uint8),
        inside[box],
        brain[box],
        grid.reduce_mask(tissue)[box] == Tissue.CSF,
        volume.slice_positions[ks],
        levels[0],
    )


def simulated_head(seed: int, infer: Infer) -> FluidHead | None:
    """:func:`fluid_head` of a simulated scan of the training population.

    Raises:
        InputError: the anatomy network does not recognise it.
        ModelError: it cannot run.
    """
    from HeadCTIQALib.synthesis import TRAINING, random_scene, simulate

    scan = simulate(seed, scene=random_scene(seed, TRAINING, matrix=256))
    return fluid_head(f"simulated{seed}", scan.volume, scan.findings.tissue, infer)


def prepare_fluid(out: Path, simulated: int = HEADS, device: str = "cpu") -> None:
    """Write ``out``/fluid/*.npz; heads that exist already are kept.

    Raises:
        TrainingError: the folder cannot be written.
        ModelError: the anatomy network cannot run.
    """
    infer = load_networks(device)
    fill(out / FOLDER, lambda seed: simulated_head(seed, infer), SEEDS, simulated)
