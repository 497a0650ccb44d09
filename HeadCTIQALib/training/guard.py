"""The built-in evaluation: simulated heads that no training sees, on which a fine-tuned network must not be worse."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import torch

from HeadCTIQALib.networks.channels import CLASSES, LANDMARKS, TEMPLATE_SCALE_MM
from HeadCTIQALib.networks.landmarks import PATCH_MM
from HeadCTIQALib.networks.nets.anatomy import network_input as anatomy_input
from HeadCTIQALib.networks.nets.landmarks import network_input as landmark_input
from HeadCTIQALib.networks.nets.landmarks import read_heatmaps

from . import augment, patches
from .heads import LabelledHead
from .patch_heads import PatchHead, simulated_head
from .patches import PRESENT
from .simulated_heads import simulated_head as labelled_head

HEADS = 6  # simulated heads of the evaluation
EACH = 8  # random examples of every head (anatomy) or of every landmark of every head (landmarks, a quarter of it)
SEEDS = range(1_090_000, 1_090_100)  # none of a training
TOLERANCE = 0.1  # figures within 10 % are as good as equal: about the standard error of this evaluation
SLACK = 0.02  # mm or share, for figures near zero
Figures = Mapping[str, float]


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
        batch = [patches.draw(head, name, rng) for name in head.landmarks if name in LANDMARKS for _ in range(EACH // 4)]
        hu, inside = (torch.stack([getattr(p, f) for p in batch]).to(device) for f in ("hu", "inside"))
        with torch.inference_mode():
            read = read_heatmaps(net(landmark_input(hu, inside)).float()).cpu()
        for patch, rows in zip(batch, read, strict=True):
            own = int(patch.own)
            present, claimed = int(patch.state[own]) == PRESENT, float(rows[own, 3]) > 0.5
            wrong.append(present != claimed)
            if present:
                errors.append(PATCH_MM * float((rows[own, :3] - patch.positions[own]).norm()))
    return {"median landmark error in mm": float(np.median(errors)), "95th percentile of it in mm": float(np.percentile(errors, 95)), "wrongly present or absent": float(np.mean(wrong))}


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
    return {"missing overlap (1 - Dice)": 1 - float(dice.mean()), "template coordinates in mm": float(np.median(coordinates)), "median landmark error in mm": float(np.median(errors))}


@cache
def _patch_heads(count: int) -> tuple[PatchHead, ...]:
    return tuple(simulated_head(seed, 2.0) for seed in SEEDS[:count])


@cache
def _labelled_heads(count: int) -> tuple[LabelledHead, ...]:
    return tuple(labelled_head(seed, (52, 58, 52), 4.5) for seed in SEEDS[:count])
