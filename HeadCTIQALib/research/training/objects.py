"""Training of the object network: slices with random objects, holders and cloth, and the losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch.nn.functional import binary_cross_entropy_with_logits

from HeadCTIQALib.networks.nets import objects as nets
from HeadCTIQALib.networks.nets.slices import SliceNet, mixed

from .items import Pool, Sampler, load_all
from .loop import Plan, State, fit
from .object_stacks import OBJECT, PLANNING, SIMULATED, ObjectStack
from .random_objects import Window, random_cloth, random_object, random_plate
from .windows import gap_at, overlap_loss, tensor, with_neighbours

FILTERS = nets.FILTERS
SHIFT = 16  # pixels that a slice is moved at most
OBJECT_WEIGHT, CROSS_WEIGHT = 2.0, 20.0  # objects fill next to nothing of a slice; see LIKELY of networks.objects
SHARES = {"site": 0.5, "planning": 0.2, "simulated": 0.8}


@dataclass(frozen=True)
class Example:
    """``hu``: (3, SIDE, SIDE) below, here and above; ``gap``: () mm between them; ``truth``: (SIDE, SIDE), 0 or 1."""

    hu: torch.Tensor
    gap: torch.Tensor
    truth: torch.Tensor


def sampler(data: Path, exclude: Sequence[str] = (), also: Sequence[ObjectStack] = ()) -> Sampler[ObjectStack, Example]:
    """A sampler of the stacks in ``data``/objects and ``data``/objects-planning; the latter are a fifth.

    Args:
        data: see :func:`HeadCTIQALib.research.training.object_stacks.prepare_objects`.
        exclude: names of heads left out.
        also: stacks of a site.

    Raises:
        TrainingError: there is no stack.
    """
    planning, simulated = (load_all(ObjectStack, data / folder, exclude) for folder in (PLANNING, SIMULATED))
    return Sampler(Pool.of({"site": also, "planning": planning, "simulated": simulated}, SHARES), draw)


def draw(stack: ObjectStack, rng: np.random.Generator) -> Example:
    """A random slice of a stack, more often one with objects, with noise, plates, cloth and objects painted on it."""
    k = _slice(stack, rng)
    ks = with_neighbours(k, len(stack.hu))
    labels, gap = stack.labels[ks], gap_at(stack.positions, k)
    hu = stack.hu[ks].astype(np.float32)
    window = Window(hu, labels, labels == OBJECT, float(stack.pixel_mm), gap, float(stack.thickness_mm) or gap)
    if rng.random() < 0.25:
        hu += ndimage.gaussian_filter(rng.standard_normal(hu.shape, np.float32), (0, 0.6, 0.6)) * np.float32(
            rng.uniform(3, 25)
        )
    if rng.random() < 0.35:
        random_plate(window, rng)
    if rng.random() < 0.3:
        random_cloth(window, rng)
    if rng.random() < 0.55:
        for _ in range(rng.integers(1, 5)):
            random_object(window, rng)
    hu, truth = hu.clip(-1024, 3071), window.truth[1]
    if rng.random() < 0.5:
        hu = hu[::-1]
    for axis, share in ((-1, 0.5), (-2, 0.15)):
        if rng.random() < share:
            hu, truth = np.flip(hu, axis), np.flip(truth, axis)
    shift = tuple(int(n) for n in rng.integers(-SHIFT, SHIFT + 1, 2))
    return Example(tensor(np.roll(hu, shift, (-2, -1))), tensor(gap), tensor(np.roll(truth, shift, (-2, -1))))


def _slice(stack: ObjectStack, rng: np.random.Generator) -> int:
    body, objects = stack.slices
    if len(objects) and rng.random() < 0.5:
        return int(rng.choice(objects))
    return int(rng.choice(body)) if len(body) and rng.random() < 0.97 else int(rng.integers(len(stack.hu)))


def losses(net: torch.nn.Module, batch: Example) -> Mapping[str, torch.Tensor]:
    """Cross entropy, objects weighing more, and missing overlap."""
    logits = net(nets.network_input(batch.hu, batch.gap))[:, 0].float()
    weight = 1 + (OBJECT_WEIGHT - 1) * batch.truth
    cross = binary_cross_entropy_with_logits(logits, batch.truth, weight)
    return {"cross": CROSS_WEIGHT * cross, "dice": overlap_loss(logits.sigmoid(), batch.truth, 1.0)}


def build() -> SliceNet:
    """The network with random weights."""
    return SliceNet(len(nets.CHANNELS), FILTERS)


def train(source: Sampler, plan: Plan, out: Path, start: State | None = None, resume: bool = False) -> State:
    """Train an object network on examples from ``source``; see :func:`HeadCTIQALib.research.training.loop.fit`."""
    return fit(build, losses, source, plan, out, start, resume, mixed)
