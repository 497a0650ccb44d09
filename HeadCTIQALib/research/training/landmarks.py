"""Training of the landmark network (second stage) from finely sampled heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.networks.landmarks import CHANNELS, PATCH, PATCH_MM
from HeadCTIQALib.networks.nets.landmarks import LandmarkNet, network_input

from .items import Pool, Sampler, load_all, no_heads
from .loop import Plan, State, fit
from .patch_heads import PROPAGATED_MM, PatchHead
from .patches import ABSENT, PRESENT, Patch, draw

FILTERS = (32, 64, 96)
OTHERS = 0.3  # weight of the landmarks that a patch shows beside its own
#: How often a landmark is drawn: those that metrics need, and that are hard, more often.
WEIGHTS = {
    "CANTHUS": 1.4,
    "NASION": 1.4,
    "BASION": 1.6,
    "OPISTHION": 1.6,
    "SELLA": 1.3,
    "CRISTA": 0.7,
    "IOP": 0.7,
    "SEPTUM": 0.5,
    "PINEAL": 0.5,
}


SHARES = {"read": 0.25, "propagated": 0.35, "simulated": 0.4}


def example(head: PatchHead, rng: np.random.Generator) -> Patch:
    """A random patch around a random landmark of a head."""
    names = [n for n in LANDMARKS if n in head.landmarks]
    weight = np.array([WEIGHTS.get(n.removesuffix("_R").removesuffix("_L"), 1.0) for n in names])
    return draw(head, names[rng.choice(len(names), p=weight / weight.sum())], rng)


def sampler(data: Path, exclude: Sequence[str] = (), also: Sequence[PatchHead] = ()) -> Sampler[PatchHead, Patch]:
    """A sampler of the heads in ``data``/fine, those that readers placed the landmarks of apart, and ``data``/fine-simulated.

    Args:
        data: see :mod:`HeadCTIQALib.research.training.patch_heads`.
        exclude: names of heads left out.
        also: further heads.

    Raises:
        TrainingError: there is no head.
    """
    real = [*load_all(PatchHead, data / "fine", exclude), *also]
    groups = {
        "read": [h for h in real if h.label_mm < PROPAGATED_MM],
        "propagated": [h for h in real if h.label_mm >= PROPAGATED_MM],
        "simulated": load_all(PatchHead, data / "fine-simulated"),
    }
    if not any(groups.values()):
        raise no_heads(data)
    return Sampler(Pool.of(groups, SHARES), example)


def losses(net: torch.nn.Module, batch: Patch) -> Mapping[str, torch.Tensor]:
    """Cross entropy of each heatmap (a Gaussian as wide as its label is uncertain, or "not in this patch"), and L1 of its mean."""
    heat = net(network_input(batch.hu, batch.inside)).float()
    total = torch.logaddexp(heat.flatten(2).logsumexp(-1), heat.new_zeros(()))
    sigma = (1.2 + 0.6 * batch.label_mm)[:, None, None] / PATCH_MM
    axis = torch.arange(PATCH, device=heat.device, dtype=heat.dtype)
    blob = [(-0.5 * ((axis - batch.positions[..., c : c + 1]) / sigma) ** 2).softmax(-1) for c in range(3)]
    inner = torch.einsum("blzyx,blz,bly,blx->bl", heat, *blob)
    present, absent = (batch.state == PRESENT).float(), (batch.state == ABSENT).float()
    own = torch.nn.functional.one_hot(batch.own, len(CHANNELS)).float()
    weight = own + OTHERS * (1 - own)
    cross = (weight * (total - present * inner) * (present + absent)).sum() / len(heat)
    p = (heat - heat.flatten(2).logsumexp(-1)[..., None, None, None]).exp()
    mean = torch.stack([(p.sum([d + 2 for d in range(3) if d != c]) * axis).sum(-1) for c in range(3)], -1)
    gap = (mean - batch.positions).abs().sum(-1).clamp_max(12.0) / (1 + batch.label_mm[:, None])
    position = (weight * gap * present).sum() / len(heat)
    return {"heatmap": cross, "position": 0.3 * position}


def build() -> LandmarkNet:
    """The network with random weights."""
    return LandmarkNet(len(CHANNELS), FILTERS)


def train(source: Sampler, plan: Plan, out: Path, start: State | None = None, resume: bool = False) -> State:
    """Train a landmark network on patches from ``source``; see :func:`HeadCTIQALib.research.training.loop.fit`."""
    return fit(build, losses, source, plan, out, start, resume)
