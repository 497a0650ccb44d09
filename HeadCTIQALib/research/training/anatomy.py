"""Training of the anatomy network from labelled heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from HeadCTIQALib.networks.channels import CLASSES, TEMPLATE_SCALE_MM
from HeadCTIQALib.networks.nets.anatomy import AnatomyNet, network_input

from .augment import SHAPE, Sample, draw
from .heads import AGREEMENT_MM, LabelledHead
from .items import load_all, no_heads
from .label_maps import FINE_MM, FOLDER, parent_of
from .loop import Plan, State, fit

CLASS_WEIGHTS = (0.3, 0.6, 1.0, 1.5, 1.0, 0.7, 0.7, 1.5, 1.5, 3.0, 1.5)
FILTERS = (32, 64, 128, 160)


@dataclass(frozen=True)
class Sampler:
    """Draws a random example of a random head; ``weights`` says how often each."""

    heads: tuple[LabelledHead, ...]
    weights: tuple[float, ...]

    def __call__(self, rng: np.random.Generator) -> Sample:
        """One random example."""
        return draw(self.heads[rng.choice(len(self.heads), p=self.weights)], rng)


def sampler(data: Path, exclude: Sequence[str] = (), also: Sequence[LabelledHead] = ()) -> Sampler:
    """A sampler of the heads in ``data``/labels (where the atlases agree), ``data``/label-maps and ``data``/simulated.

    Finely sampled real heads are drawn five times as often as coarse ones; simulated heads, and likewise those made from
    label maps, a third as often as all real ones together.

    Args:
        data: see :mod:`HeadCTIQALib.research.training.prepare`.
        exclude: names of heads left out, with all that was made from their labels.
        also: further heads, drawn like finely sampled ones.

    Raises:
        TrainingError: there is no head.
    """
    real = [h for h in load_all(LabelledHead, data / "labels", exclude) if h.disagreement_mm <= AGREEMENT_MM]
    simulated = load_all(LabelledHead, data / "simulated")
    weights = [5.0 if h.grid.spacing < FINE_MM else 1.0 for h in real] + [5.0] * len(also)
    made = [h for h in load_all(LabelledHead, data / FOLDER, exclude) if parent_of(h.name) not in exclude]
    third = sum(weights) / 3 or 1.0
    weights += [third / len(group) for group in (made, simulated) for _ in group]
    if not weights:
        raise no_heads(data)
    return Sampler((*real, *also, *made, *simulated), tuple(float(w) for w in np.array(weights) / sum(weights)))


def soft_argmax(heat: torch.Tensor, radius: int = 5) -> torch.Tensor:
    """(B, L, D, H, W) logits to (B, L, 3) expected (z, y, x) voxel positions in a window around each maximum."""
    h, w = heat.shape[-2:]
    peak = heat.flatten(2).argmax(-1)
    out = []
    for b in range(heat.shape[0]):
        for m in range(heat.shape[1]):
            i = int(peak[b, m])
            low = [max(0, c - radius) for c in (i // (h * w), i // w % h, i % w)]
            box = heat[
                b,
                m,
                low[0] : low[0] + 2 * radius + 1,
                low[1] : low[1] + 2 * radius + 1,
                low[2] : low[2] + 2 * radius + 1,
            ]
            p = box.flatten().softmax(0).view(box.shape)
            axes = [torch.arange(n, device=heat.device) + lo for n, lo in zip(box.shape, low, strict=True)]
            out.append(
                torch.stack(
                    [(p.sum((1, 2)) * axes[0]).sum(), (p.sum((0, 2)) * axes[1]).sum(), (p.sum((0, 1)) * axes[2]).sum()]
                )
            )
    return torch.stack(out).view(*heat.shape[:2], 3)


def losses(out: torch.Tensor, sample: Sample) -> dict[str, torch.Tensor]:
    """The parts of the loss for a batch (every Sample field has a leading batch axis).

    Class-weighted cross entropy and Dice, L1 of the template coordinates inside the head, cross entropy of each heatmap
    with a Gaussian (SD 0.8 voxel) and L1 of its expected position.  Written for few passes over the full grid.
    """
    logits, coordinates, heat = out[:, :CLASSES], out[:, CLASSES : CLASSES + 3], out[:, CLASSES + 3 :]
    weight = torch.tensor(CLASS_WEIGHTS, device=out.device)
    log_p = logits.log_softmax(1)
    truth = sample.tissue[:, None]
    own = log_p.gather(1, truth)[:, 0].flatten()
    flat = sample.tissue.flatten()
    cross = -(own * weight[flat]).sum() / weight[flat].sum()
    zeros = torch.zeros(CLASSES, device=out.device)
    overlap = zeros.index_add(0, flat, own.exp())
    count = torch.bincount(flat, minlength=CLASSES).float()
    total = log_p.exp().sum((0, 2, 3, 4)) + count
    dice = 1 - (2 * overlap / (total + 1))[count > 0].mean()
    gap = (coordinates - sample.template / TEMPLATE_SCALE_MM).abs().sum(1)
    valid = sample.template_valid.float()
    canonical = (gap * valid).sum() / valid.sum().clamp_min(1)
    present = sample.present.float()
    blob = []  # the Gaussian target is separable, so its inner product with the heatmap is three small contractions
    for c, n in enumerate(SHAPE):
        axis = torch.arange(n, device=out.device, dtype=out.dtype)
        blob.append((-0.5 * ((axis - sample.landmarks[..., c : c + 1]) / 0.8) ** 2).softmax(-1))
    inner = torch.einsum("blzyx,blx,bly,blz->bl", heat, blob[2], blob[1], blob[0])
    nll = heat.flatten(2).logsumexp(-1) - inner
    heatmap = (nll * present).sum() / present.sum().clamp_min(1)
    miss = (soft_argmax(heat) - sample.landmarks).abs().sum(-1).clamp_max(10)
    position = (miss * present).sum() / present.sum().clamp_min(1)
    return {
        "cross": cross,
        "dice": dice,
        "canonical": canonical,
        "heatmap": 0.15 * heatmap,
        "position": 0.15 * position,
    }


def step_losses(net: torch.nn.Module, batch: Sample) -> Mapping[str, torch.Tensor]:
    """The parts of the loss of one step of the training."""
    return losses(net(network_input(batch.hu, batch.inside)).float(), batch)


def build() -> AnatomyNet:
    """The network with random weights."""
    return AnatomyNet(FILTERS)


def train(source: Sampler, plan: Plan, out: Path, start: State | None = None, resume: bool = False) -> State:
    """Train an anatomy network on examples from ``source``; see :func:`HeadCTIQALib.research.training.loop.fit`."""
    return fit(build, step_losses, source, plan, out, start, resume)
