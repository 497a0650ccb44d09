"""Training of the artefact network from nothing but the repository and a data folder; resumes where it stopped."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from HeadCTIQALib.networks.nets.artefact import ArtefactNet
from HeadCTIQALib.networks.nets.slices import mixed
from HeadCTIQALib.text import printable
from HeadCTIQALib.writing import write_text

from . import loop
from .artefact_export import export
from .artefact_mix import Example, load, mix
from .artefact_slices import write_real, write_simulated
from .errors import TrainingError

# Scans and how many items are made of each.  `toshiba-uneven` is left for evaluation, a scanner that the network has never seen.
REAL = {
    "ct-head-neck/head*.nii.gz": 14,
    "ct-head-neck/visible-human-male.nii.gz": 200,
    "ct-head-neck/onkodicom-hn.nii.gz": 160,
    "ct/ge-vct-tumour": 200,
    "ct/ge-revolution-dental": 200,
    "ct/ge-hispeed-tilt": 160,
}
PER_SIMULATED_HEAD = 12
FIRST_SEED = 300_000
BATCH = 8
BATCH_GPU = 32
MEMORY = 400  # examples kept to be shown again
AHEAD = 4  # batches mixed ahead of the training
RESCAN = 200  # steps after which the folder is read again, so that items written meanwhile join in


def generate(data: Path, out: Path, heads: int) -> None:
    """Write the items of ``heads`` simulated heads and of the real ones in ``data``; existing ones are kept.

    Args:
        data: folder with ``ct`` and ``ct-head-neck``; scans that are missing there are left out.
        out: folder of items.
        heads: number of simulated heads.

    Raises:
        HeadCTIQAError: a scan cannot be read, or the networks that outline its tissue cannot run.
    """
    write_simulated(out, range(FIRST_SEED, FIRST_SEED + heads), PER_SIMULATED_HEAD)
    for pattern, count in REAL.items():
        for scan in sorted(data.glob(pattern)):
            write_real(out, scan, scan.name.removesuffix(".nii.gz"), count)


class Mixtures(torch.utils.data.IterableDataset):
    """Endless batches from a folder of items, the same for the same folder and seed.

    Half of every batch are fresh mixtures, half have been shown before: mixing costs as much as learning.
    """

    def __init__(self, items: Path, batch: int, seed: int) -> None:
        self.items, self.batch, self.seed = items, batch, seed

    def __iter__(self) -> Iterator[dict[str, NDArray]]:
        rng, shown = np.random.default_rng([self.seed, 53]), list[Example]()
        while True:
            paths = sorted(self.items.glob("[!.]*.npz"))
            for _ in range(RESCAN):
                fresh = self.batch if len(shown) < MEMORY else self.batch // 2
                chosen = [mix(load(paths[rng.integers(len(paths))]), rng) for _ in range(fresh)]
                again = [shown[rng.integers(len(shown))] for _ in range(self.batch - fresh)]
                shown = (shown + chosen)[-MEMORY:]
                yield stack(chosen + again)


def stream(items: Path, batch: int, seed: int) -> Iterator[dict[str, torch.Tensor]]:
    """:class:`Mixtures` as tensors, mixed in a process of its own while the network learns."""
    mixtures = Mixtures(items, batch, seed)
    return iter(
        torch.utils.data.DataLoader(
            mixtures, batch_size=None, num_workers=1, prefetch_factor=AHEAD, multiprocessing_context="spawn"
        )
    )


def stack(examples: Sequence[Example]) -> dict[str, NDArray]:
    """Examples as a batch of float32 arrays; images get a channel axis."""
    out = {}
    for name in Example.__dataclass_fields__:
        a = np.stack([np.asarray(getattr(e, name), np.float32) for e in examples])
        out[name] = a[:, None] if a.ndim == 3 else a
    return out


def losses(out: dict[str, torch.Tensor], truth: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The parts of the loss: grades, RMS, maps of motion, streak mask (cross entropy and Dice where it is judged), intracranial map."""
    bce = functional.binary_cross_entropy_with_logits
    judged, streak = truth["judged"], truth["streak"]
    weight = judged * (1 + 2 * streak)
    cross = (bce(out["streak"], streak, reduction="none") * weight).sum() / weight.sum().clamp_min(1)
    p = out["streak"].sigmoid() * judged
    dice = 1 - (2 * (p * streak).sum() + 1) / (p.sum() + streak.sum() + 1)
    return {
        "grades": 2 * bce(out["grades"], truth["grades"]),
        "motion": (out["motion"] - truth["motion"].log1p()).abs().mean(),
        "streak": cross,
        "dice": 0.5 * dice,
        "signed": 4 * functional.smooth_l1_loss(out["signed"], truth["signed"], beta=0.3),
        "inside": 0.2 * bce(out["inside"], truth["inside"]),
    }


def train(
    data: Path,
    output: Path,
    *,
    minutes: float = 60.0,
    heads: int = 120,
    start: Path | None = None,
    rate: float = 2e-3,
    seed: int = 0,
    device: str = "cpu",
    bundle: Path | None = None,
    items: Path | None = None,
) -> Path:
    """Make what data is missing, train for ``minutes`` of wall time and, if asked to, write the bundle.

    Args:
        data: see :func:`generate`.
        output: folder of ``last.pt``, ``setup.json`` and ``log.jsonl``; a training found there is continued.
        minutes: of training, one learning rate cycle.
        heads: simulated heads to make before training (none where ``items`` is given).
        start: checkpoint to start from (fine-tuning).
        rate, seed, device: of the optimiser; in mixed precision.
        bundle: where to write the MONAI bundle.
        items: folder of items made earlier; default ``data``/artefact.

    Returns:
        The checkpoint.
    """
    if items is None:
        items = data / "artefact"
        generate(data, items, heads)
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    net = ArtefactNet().to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-3)
    last, began, step, earlier = output / "last.pt", time.monotonic(), 0, 0
    average = {k: v.clone() for k, v in net.state_dict().items()}
    if last.exists():
        state = torch.load(last, map_location=device, weights_only=True)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        average, step, earlier, began = state["average"], state["step"], state["earlier"], began - 60 * state["minutes"]
    elif start is not None:
        state = torch.load(start, map_location=device, weights_only=True)
        average, earlier = state["average"], state["step"] + state["earlier"]
        net.load_state_dict(average)
        average = {k: v.clone() for k, v in average.items()}
    names = sorted({p.name.rsplit("-", 1)[0] for p in items.glob("[!.]*.npz")})
    if not names:
        raise TrainingError(f"There are no items in {printable(str(items))}.")
    write_text(
        output / "setup.json", json.dumps({"minutes": minutes, "seed": seed, "rate": rate, "heads": names}), "The file"
    )
    on_gpu = device != "cpu"
    running: dict[str, float] = {}
    for truth in stream(items, BATCH_GPU if on_gpu else BATCH, seed + step):
        spent = (time.monotonic() - began) / 60
        if spent >= minutes:
            break
        for group in optimiser.param_groups:
            group["lr"] = (
                rate * min(1.0, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * spent / minutes)))
            )
        moved = {k: v.to(device) for k, v in truth.items()}
        with mixed(device):
            predicted = net(moved["hu"])
        parts = losses({k: v.float() for k, v in predicted.items()}, moved)
        optimiser.zero_grad()
        torch.stack(list(parts.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        keep = min(0.995, step / (step + 10))
        with torch.no_grad():
            for k, v in net.state_dict().items():
                average[k] = average[k] * keep + v * (1 - keep) if v.is_floating_point() else v.clone()
        for k, part in parts.items():
            running[k] = running.get(k, 0.0) + float(part.detach())
        if step % 50 == 0:
            line = {"step": step, "minutes": round(spent, 2), **{k: round(v / 50, 4) for k, v in running.items()}}
            running = {}
            with (output / "log.jsonl").open("a") as f:
                f.write(json.dumps(line) + "\n")
        if step % 250 == 0:
            save(last, net, optimiser, average, (step, earlier), spent)
    save(last, net, optimiser, average, (step, earlier), minutes)
    if bundle is not None:
        export(last, bundle, names)
    return last


def save(
    path: Path,
    net: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    average: dict[str, torch.Tensor],
    steps: tuple[int, int],
    minutes: float,
) -> None:
    """Write a checkpoint whole or not at all; ``steps`` of this training, and of those that it started from."""
    state = {
        "net": net.state_dict(),
        "optimiser": optimiser.state_dict(),
        "average": average,
        "step": steps[0],
        "earlier": steps[1],
        "minutes": minutes,
    }
    loop.save(path, state)


def main() -> None:
    """Command line of the training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--items", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--heads", type=int, default=120)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a = parser.parse_args()
    torch.set_num_threads(1)
    options = {k: getattr(a, k) for k in ("minutes", "heads", "start", "rate", "seed", "device", "bundle", "items")}
    train(a.data, a.out, **options)


if __name__ == "__main__":
    main()
