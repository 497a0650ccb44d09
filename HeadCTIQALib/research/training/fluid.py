"""Training of the fluid network: random patches of slices with their neighbours, and the losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from HeadCTIQALib.networks.nets import fluid as nets
from HeadCTIQALib.networks.nets.slices import SliceNet, mixed

from .fluid_slices import FOLDER, FluidHead
from .items import Pool, Sampler, load_all
from .loop import Plan, State, fit
from .windows import gap_at, overlap_loss, tensor, with_neighbours

FILTERS = nets.FILTERS
PATCH = 128  # pixels per side
MIN_BRAIN = 1000  # pixels of a patch
TRIES = 50
SHARES = {"site": 0.5, "simulated": 0.8}


@dataclass(frozen=True)
class Patch:
    """``x``: (7, PATCH, PATCH) input of the network; ``fluid``, ``weight``: (PATCH, PATCH), 0 or 1."""

    x: torch.Tensor
    fluid: torch.Tensor
    weight: torch.Tensor


def sampler(data: Path, exclude: Sequence[str] = (), also: Sequence[FluidHead] = ()) -> Sampler[FluidHead, Patch]:
    """A sampler of the heads in ``data``/fluid; those smaller than a patch are left out.

    Args:
        data: see :func:`HeadCTIQALib.research.training.fluid_slices.prepare_fluid`.
        exclude: names of heads left out.
        also: heads of a site.

    Raises:
        TrainingError: there is no head.
    """
    groups = {"site": also, "simulated": load_all(FluidHead, data / FOLDER, exclude)}
    return Sampler(Pool.of({name: [h for h in heads if usable(h)] for name, heads in groups.items()}, SHARES), draw)


def usable(head: FluidHead) -> bool:
    """Whether patches can be cut from a head."""
    return min(head.hu.shape[1:]) >= PATCH and bool(head.brain.any())


def draw(head: FluidHead, rng: np.random.Generator) -> Patch:
    """A random patch of a head that is :func:`usable`, flipped, and with other noise, HU levels and prior."""
    box = _box(head, rng)
    k = box[0]
    ks = with_neighbours(k, len(head.hu))
    hu, prior = (tensor(a)[None] for a in (head.hu[ks][:, box[1], box[2]], head.prior[box]))
    x = nets.network_input(hu, prior / 255, tensor([gap_at(head.positions, k)]), tensor(head.levels))[0].numpy()
    fluid, weight = head.fluid[box], head.brain[box] | head.inside[box]
    if rng.random() < 0.5:
        x[[1, 2]] = x[[2, 1]]
    if rng.random() < 0.3:
        x[:3] += rng.standard_normal((3, PATCH, PATCH), np.float32) * np.float32(rng.uniform(0, 0.15))
    if rng.random() < 0.3:
        x[4] *= rng.uniform(0.3, 1)
    if rng.random() < 0.5:
        x[:3] = x[:3] * rng.uniform(0.92, 1.08) + rng.uniform(-0.06, 0.06)
    for axis in (-1, -2):
        if rng.random() < 0.5:
            x, fluid, weight = (np.flip(a, axis) for a in (x, fluid, weight))
    return Patch(tensor(x), tensor(fluid), tensor(weight))


def _box(head: FluidHead, rng: np.random.Generator) -> tuple[int, slice, slice]:
    """A slice, and rows and columns of a patch in it; with enough brain, unless the head hardly has any."""
    slices = np.flatnonzero(head.brain.any(axis=(1, 2)))
    for _ in range(TRIES):
        j, i = (int(rng.integers(n - PATCH + 1)) for n in head.hu.shape[1:])
        box = (int(rng.choice(slices)), slice(j, j + PATCH), slice(i, i + PATCH))
        if np.count_nonzero(head.brain[box]) >= MIN_BRAIN:
            break
    return box


def losses(net: torch.nn.Module, batch: Patch) -> Mapping[str, torch.Tensor]:
    """Cross entropy and half the missing overlap, inside the skull."""
    logits = net(batch.x)[:, 0].float()
    cross = binary_cross_entropy_with_logits(
        logits, batch.fluid, batch.weight, reduction="sum"
    ) / batch.weight.sum().clamp_min(1)
    dice = overlap_loss(logits.sigmoid() * batch.weight, batch.fluid * batch.weight, 0.0)
    return {"cross": cross, "dice": 0.5 * dice}


def build() -> SliceNet:
    """The network with random weights."""
    return SliceNet(len(nets.CHANNELS), FILTERS)


def train(source: Sampler, plan: Plan, out: Path, start: State | None = None, resume: bool = False) -> State:
    """Train a fluid network on patches from ``source``; see :func:`HeadCTIQALib.research.training.loop.fit`."""
    return fit(build, losses, source, plan, out, start, resume, mixed)
