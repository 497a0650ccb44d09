"""Stacks of whole slices, and where head, holder and objects lie in them: the object network's training items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.findings import HEAD, Tissue
from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.artefact import chosen_slices
from HeadCTIQALib.networks.artefact_grid import artefact_grid, sample_mask, sample_slice
from HeadCTIQALib.networks.orientation import recognised_anatomy
from HeadCTIQALib.networks.outline.tissue import tissue_map
from HeadCTIQALib.networks.types import Infer, Vector
from HeadCTIQALib.volume import CTVolume, read

from .items import Item, create, fill

SIMULATED, PLANNING = "objects", "objects-planning"  # folders
SCANS = "ct-head-neck"  # of a data folder: planning CTs
SEEDS = range(500_000, 501_000)
HEADS = 400
NAME, FOREIGN_SHARE, MOTION_SHARE = (
    "objects",
    0.6,
    0.15,
)  # of the population: more objects and less motion than in training in general
MIN_SPACING_MM = 2.0  # of simulated scans: the network sees no thinner slices, and they take long
AIR, BODY, HOLDER, OBJECT = range(4)


@dataclass(frozen=True)
class ObjectStack(Item):
    """The slices of one scan that the network would see, on its grid of K x SIDE x SIDE pixels.

    Attributes:
        hu: int16 HU.
        labels: uint8, AIR, BODY, HOLDER or OBJECT.
        positions: (K,) mm along the slices' normal, increasing.
        pixel_mm: size of a pixel.
        thickness_mm: of a slice; 0 where the file does not say.
    """

    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]
    positions: Vector
    pixel_mm: float
    thickness_mm: float

    @cached_property
    def slices(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Indices of those that show the body, and objects."""
        body, objects = (np.flatnonzero((self.labels == value).any(axis=(1, 2))) for value in (BODY, OBJECT))
        return body, objects


def object_stack(name: str, volume: CTVolume, tissue: NDArray[np.uint8]) -> ObjectStack | None:
    """A scan and its (K, J, I) tissue as the object network would see it; None where the tissue holds no head."""
    points = np.argwhere(np.isin(tissue[:, ::8, ::8], HEAD))[:, ::-1] * [8, 8, 1]
    if not len(points):
        return None
    grid = artefact_grid(volume, volume.ijk_to_ras(points))
    slices = chosen_slices(volume.slice_positions, volume.slice_positions)
    kinds = np.zeros(256, np.uint8)
    kinds[list(HEAD)], kinds[Tissue.HOLDER], kinds[Tissue.FOREIGN] = BODY, HOLDER, OBJECT
    return ObjectStack(
        name,
        np.stack([np.rint(sample_slice(volume, grid, int(k))) for k in slices]).astype(np.int16),
        np.stack([sample_mask(grid, kinds[tissue[k]]) for k in slices]),
        volume.slice_positions[slices],
        grid.pixel_mm,
        volume.acquisition.slice_thickness_mm or 0.0,
    )


def simulated_stack(seed: int, foreign_share: float = FOREIGN_SHARE) -> ObjectStack | None:
    """:func:`object_stack` of a simulated scan, of which ``foreign_share`` have objects; None for thin slices."""
    from HeadCTIQALib.synthesis import TRAINING, random_scene, simulate

    population = replace(TRAINING, name=NAME, foreign_share=foreign_share, motion_share=MOTION_SHARE)
    scene = random_scene(seed, population, matrix=256)
    if scene.acquire.spacing_mm < MIN_SPACING_MM:
        return None
    scan = simulate(seed, scene=scene)
    return object_stack(f"simulated{seed}", scan.volume, scan.findings.tissue)


def planning_stack(name: str, volume: CTVolume, infer: Infer) -> ObjectStack | None:
    """:func:`object_stack` of a planning CT, in which nothing counts as an object; the anatomy network outlines its tissue.

    Raises:
        InputError: no head was seen, or it lies otherwise than the file says.
        ModelError: the anatomy network cannot run.
    """
    return object_stack(name, volume, tissue_map(volume, recognised_anatomy(volume, infer)))


def held_out(names: Sequence[str]) -> set[str]:
    """The planning CTs that no training sees, to evaluate on: every third by name, and the Visible Human."""
    return {name for n, name in enumerate(sorted(names)) if n % 3 == 2 or name == "visible-human-male"}


def prepare_objects(
    data: Path | None,
    out: Path,
    simulated: int = HEADS,
    device: str = "cpu",
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Write ``out``/objects and ``out``/objects-planning; stacks that exist already are kept.

    Args:
        data: folder whose ``ct-head-neck`` holds planning CTs; None for simulated heads only.
        out: folder of the items.
        simulated: how many simulated heads.
        device: where the anatomy network runs.
        tell: told which planning CT is left out, and why.

    Raises:
        TrainingError: the folder cannot be written.
        ModelError: the anatomy network cannot run.
    """
    fill(out / SIMULATED, simulated_stack, SEEDS, simulated)
    scans = {p.name.removesuffix(".nii.gz"): p for p in (data / SCANS).glob("*.nii.gz")} if data else {}
    infer = load_networks(device)
    create(out / PLANNING)
    for name in sorted(scans.keys() - held_out(list(scans))):
        if not (out / PLANNING / f"{name}.npz").exists():
            try:
                stack = planning_stack(name, read(scans[name]), infer)
            except InputError as e:
                tell(f"{name} is left out: {e}")
                continue
            if stack is not None:
                stack.save(out / PLANNING)
