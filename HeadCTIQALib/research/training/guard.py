"""The built-in evaluation: simulated heads that no training sees, on which a fine-tuned network must not be worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.channels import CLASSES, LANDMARKS, TEMPLATE_SCALE_MM
from HeadCTIQALib.networks.fluid import look_for_fluid
from HeadCTIQALib.networks.landmarks import PATCH_MM
from HeadCTIQALib.networks.nets.anatomy import network_input as anatomy_input
from HeadCTIQALib.networks.nets.landmarks import network_input as landmark_input
from HeadCTIQALib.networks.nets.landmarks import read_heatmaps
from HeadCTIQALib.networks.nets.slices import SliceNet
from HeadCTIQALib.networks.objects import LIKELY, likely_objects
from HeadCTIQALib.networks.runtime.torch_engine import deployed
from HeadCTIQALib.networks.types import Infer

from . import augment, patches
from .fluid_slices import FluidHead
from .fluid_slices import simulated_head as fluid_head
from .heads import LabelledHead
from .items import Item, attempt
from .object_stacks import OBJECT, ObjectStack, simulated_stack
from .patch_heads import PatchHead, simulated_head
from .patches import PRESENT
from .simulated_heads import simulated_head as labelled_head

HEADS = 6  # simulated heads of the evaluation
EACH = 8  # random examples of every head (anatomy) or of every landmark of every head (landmarks, a quarter of it)
SEEDS = range(1_090_000, 1_090_100)  # none of a training
TOLERANCE = 0.1  # figures within 10 % are as good as equal: about the standard error of this evaluation
SLACK = 0.02  # mm or share, for figures near zero
OVERLAP = "missing overlap (1 - Dice)"
Figures = Mapping[str, float]
T = TypeVar("T", bound=Item)


def worse(before: Figures, after: Figures) -> str | None:
    """What got worse (every figure is better when lower), in words; None when nothing did."""
    for name, old in before.items():
        new = after[name]
        if not new <= old * (1 + TOLERANCE) + SLACK:  # a NaN is worse
            return f"{name} went from {old:.3g} to {new:.3g}"
    return None


def landmark_figures(net: torch.nn.Module, device: str = "cpu") -> Figures:
    """Median and 95th percentile of the error in mm over random patches, and the share of landmarks given up or made up."""
    errors, wrong = [], []
    net = net.eval().to(device)
    for head in _patch_heads(HEADS):
        rng = np.random.default_rng((head.grid.shape[0], 5))
        batch = [
            patches.draw(head, name, rng) for name in head.landmarks if name in LANDMARKS for _ in range(EACH // 4)
        ]
        hu, inside = (torch.stack([getattr(p, f) for p in batch]).to(device) for f in ("hu", "inside"))
        with torch.inference_mode():
            read = read_heatmaps(net(landmark_input(hu, inside)).float()).cpu()
        for patch, rows in zip(batch, read, strict=True):
            own = int(patch.own)
            present, claimed = int(patch.state[own]) == PRESENT, float(rows[own, 3]) > 0.5
            wrong.append(present != claimed)
            if present:
                errors.append(PATCH_MM * float((rows[own, :3] - patch.positions[own]).norm()))
    return {
        "median landmark error in mm": float(np.median(errors)),
        "95th percentile of it in mm": float(np.percentile(errors, 95)),
        "wrongly present or absent": float(np.mean(wrong)),
    }


def anatomy_figures(net: torch.nn.Module, device: str = "cpu") -> Figures:
    """Missing overlap (1 - mean Dice), median error of template coordinates and of landmarks in mm."""
    net = net.eval().to(device)
    overlap, size = np.zeros(CLASSES), np.zeros(CLASSES)
    coordinates, errors = [], []
    for head in _labelled_heads(HEADS):
        rng = np.random.default_rng((head.grid.shape[0], 6))
        for _ in range(EACH):
            s = augment.draw(head, rng)
            with torch.inference_mode():
                out = net(anatomy_input(s.hu[None].to(device), s.inside[None].to(device))).float().cpu()[0]
            label, truth = out[:CLASSES].argmax(0), s.tissue
            for c in range(1, CLASSES):
                overlap[c] += 2 * float(((label == c) & (truth == c)).sum())
                size[c] += float((label == c).sum() + (truth == c).sum())
            gap = (TEMPLATE_SCALE_MM * out[CLASSES : CLASSES + 3] - s.template).norm(dim=0)[s.template_valid]
            coordinates.append(float(gap.median()))
            found = read_heatmaps(out[None, CLASSES + 3 :])[0, :, :3]
            errors.extend((augment.SPACING * (found - s.landmarks).norm(dim=-1))[s.present].tolist())
    dice = overlap[size > 0] / size[size > 0]
    return {
        OVERLAP: 1 - float(dice.mean()),
        "template coordinates in mm": float(np.median(coordinates)),
        "median landmark error in mm": float(np.median(errors)),
    }


def fluid_figures(net: SliceNet, device: str = "cpu") -> Figures:
    """Missing overlap of fluid inside the skull as the refinement finds it, over all slices."""
    infer = _running("fluid", net, device)
    seen = ((h, look_for_fluid(infer, h.hu, h.prior, h.positions, h.levels)) for h in _fluid_heads(HEADS))
    return _missing(((likely > LIKELY) & head.inside, head.fluid) for head, likely in seen)


def object_figures(net: SliceNet, device: str = "cpu") -> Figures:
    """Missing overlap of removable objects, over all slices of heads that may all have some."""
    infer = _running("objects", net, device)
    seen = ((s, likely_objects(infer, s.hu, s.positions)) for s in _stacks(HEADS))
    return _missing((likely > LIKELY, stack.labels == OBJECT) for stack, likely in seen)


def _running(name: str, net: torch.nn.Module, device: str) -> Infer:
    """A network on trial in the place of the shipped one."""
    run = deployed(name, net, device)
    return lambda _, *arrays: run(*arrays)


def _missing(pairs: Iterable[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> Figures:
    """1 - Dice of all found and true masks together."""
    counts = [
        (np.count_nonzero(found & truth), np.count_nonzero(found) + np.count_nonzero(truth)) for found, truth in pairs
    ]
    common, total = (int(n) for n in np.sum(counts, axis=0))
    return {OVERLAP: 1 - 2 * common / max(1, total)}


FIGURES: Mapping[str, Callable[..., Figures]] = {
    "anatomy": anatomy_figures,
    "landmarks": landmark_figures,
    "fluid": fluid_figures,
    "objects": object_figures,
}


def _first(count: int, make: Callable[[int], T | None]) -> tuple[T, ...]:
    """Of the first seeds that make one."""
    made = (item for seed in SEEDS if (item := attempt(make, seed)) is not None)
    return tuple(islice(made, count))


@cache
def _fluid_heads(count: int) -> tuple[FluidHead, ...]:
    infer = load_networks("cpu")
    return _first(count, lambda seed: fluid_head(seed, infer))


@cache
def _stacks(count: int) -> tuple[ObjectStack, ...]:
    return _first(count, lambda seed: simulated_stack(seed, foreign_share=1.0))


@cache
def _patch_heads(count: int) -> tuple[PatchHead, ...]:
    return tuple(simulated_head(seed, 2.0) for seed in SEEDS[:count])


@cache
def _labelled_heads(count: int) -> tuple[LabelledHead, ...]:
    return tuple(labelled_head(seed, (52, 58, 52), 4.5) for seed in SEEDS[:count])
