"""Training of the anatomy network from labelled heads, on a CPU or a GPU; resumes where it stopped."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from HeadCTIQALib.networks.net import CLASSES, LANDMARKS, TEMPLATE_SCALE_MM, AnatomyNet, network_input

from .augment import SHAPE, SPACING, Sample, draw
from .heads import LabelledHead

AGREEMENT_MM = 12.0  # a head on which the two atlases place a landmark further apart is not used
CLASS_WEIGHTS = (0.3, 0.6, 1.0, 1.5, 1.0, 0.7, 0.7, 1.5, 1.5, 3.0, 1.5)


class Examples(torch.utils.data.IterableDataset):
    """An endless stream of random examples from the heads in a folder.

    Finely sampled real heads are drawn five times as often as coarse ones; simulated heads make up a quarter.
    The folder is read again now and then, so that heads labelled meanwhile join in.
    """

    def __init__(self, data: Path, exclude: Sequence[str], seed: int) -> None:
        self.data, self.exclude, self.seed = data, tuple(exclude), seed

    def __iter__(self) -> Iterator[Sample]:
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            heads, weights = load_heads(self.data, self.exclude)
            for _ in range(500):
                yield draw(heads[rng.choice(len(heads), p=weights)], rng)


def load_heads(data: Path, exclude: Sequence[str]) -> tuple[list[LabelledHead], np.ndarray]:
    """The heads of ``labels`` (atlases agree within :data:`AGREEMENT_MM`) and ``simulated``, and how often to draw each."""
    real = [LabelledHead.load(p) for p in sorted((data / "labels").glob("*.npz")) if p.stem not in exclude]
    real = [h for h in real if h.disagreement_mm <= AGREEMENT_MM]
    simulated = [LabelledHead.load(p) for p in sorted((data / "simulated").glob("*.npz"))]
    weights = [5.0 if h.grid.spacing < 3.5 else 1.0 for h in real]
    weights += [(sum(weights) / 3 or 1.0) / max(1, len(simulated))] * len(simulated)
    return real + simulated, np.array(weights) / sum(weights)


def soft_argmax(heat: torch.Tensor, radius: int = 5) -> torch.Tensor:
    """(B, L, D, H, W) logits to (B, L, 3) expected (z, y, x) voxel positions in a window around each maximum."""
    h, w = heat.shape[-2:]
    peak = heat.flatten(2).argmax(-1)
    out = []
    for b in range(heat.shape[0]):
        for m in range(heat.shape[1]):
            i = int(peak[b, m])
            low = [max(0, c - radius) for c in (i // (h * w), i // w % h, i % w)]
            box = heat[b, m, low[0] : low[0] + 2 * radius + 1, low[1] : low[1] + 2 * radius + 1, low[2] : low[2] + 2 * radius + 1]
            p = box.flatten().softmax(0).view(box.shape)
            axes = [torch.arange(n, device=heat.device) + lo for n, lo in zip(box.shape, low, strict=True)]
            out.append(torch.stack([(p.sum((1, 2)) * axes[0]).sum(), (p.sum((0, 2)) * axes[1]).sum(), (p.sum((0, 1)) * axes[2]).sum()]))
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
    return {"cross": cross, "dice": dice, "canonical": canonical, "heatmap": 0.15 * heatmap, "position": 0.15 * position}


def train(data: Path, out: Path, *, minutes: float, exclude: Sequence[str] = (), start: Path | None = None, rate: float = 2e-3, seed: int = 0, device: str = "cpu") -> None:
    """Train for ``minutes`` of wall time with a one-cycle learning rate; writes ``out``/last.pt and ``out``/log.jsonl.

    Args:
        data: folder of ``labels/*.npz`` (real heads) and ``simulated/*.npz``.
        exclude: names of heads kept out of training.
        start: checkpoint to start from (fine-tuning).
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(Examples(data, exclude, seed), batch_size=1, num_workers=1, prefetch_factor=4, collate_fn=collate)
    net = AnatomyNet().to(device)
    if start is not None:
        net.load_state_dict(torch.load(start, map_location=device, weights_only=True)["ema"])
    average = {k: v.clone() for k, v in net.state_dict().items()}
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-4)
    began, step = time.time(), 0
    running: dict[str, float] = {}
    names = [h.name for h in load_heads(data, exclude)[0]]
    (out / "setup.json").write_text(json.dumps({"heads": names, "minutes": minutes, "seed": seed, "rate": rate, "grid_mm": SPACING, "landmarks": LANDMARKS}))
    for sample in loader:
        fraction = (time.time() - began) / (60 * minutes)
        if fraction >= 1:
            break
        for group in optimiser.param_groups:
            warm = min(1.0, (step + 1) / 200)
            group["lr"] = rate * warm * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * fraction)))
        moved = Sample(*(getattr(sample, f).to(device) for f in Sample.__dataclass_fields__))
        result = net(network_input(moved.hu, moved.inside))
        parts = losses(result, moved)
        loss = sum(parts.values())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        step += 1
        keep = min(0.998, step / (step + 20))
        with torch.no_grad():
            for k, v in net.state_dict().items():
                average[k].mul_(keep).add_(v, alpha=1 - keep)
        for k, v in parts.items():
            running[k] = running.get(k, 0.0) + float(v.detach())
        if step % 100 == 0:
            line = {"step": step, "minutes": round((time.time() - began) / 60, 2), **{k: round(v / 100, 4) for k, v in running.items()}}
            running = {}
            with (out / "log.jsonl").open("a") as f:
                f.write(json.dumps(line) + "\n")
        if step % 500 == 0:
            save(out / "last.pt", average, step)
    save(out / "last.pt", average, step)


def save(path: Path, average: dict[str, torch.Tensor], step: int) -> None:
    """Write a checkpoint whole or not at all."""
    part = path.with_suffix(".part")
    torch.save({"ema": average, "step": step}, part)
    part.replace(path)


def collate(samples: Sequence[Sample]) -> Sample:
    """Stack samples along a leading batch axis."""
    return Sample(*(torch.stack([getattr(s, f) for s in samples]) for f in Sample.__dataclass_fields__))


def main() -> None:
    """Command line of the training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--exclude", nargs="*", default=[])
    parser.add_argument("--start", type=Path)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a = parser.parse_args()
    train(a.data, a.out, minutes=a.minutes, exclude=a.exclude, start=a.start, rate=a.rate, seed=a.seed, device=a.device)


if __name__ == "__main__":
    main()
