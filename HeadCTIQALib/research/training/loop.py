"""The training loop: resumable, with an average of the weights, a log of metrics, and mixed precision.

Example number n of a training depends on the seed and n alone, so that a training that was interrupted and resumed ends
exactly like one that was not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from HeadCTIQALib.errors import OutputError, boundary
from HeadCTIQALib.writing import whole_file

from .errors import TrainingError

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"
State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Plan:
    """How long and how to train.

    Attributes:
        steps, batch: optimiser steps and examples in each.
        rate: highest learning rate of a one-cycle schedule (warm-up, then a cosine to a fiftieth).
        seed: of the weights and the examples.
        workers: processes that prepare examples; 0 prepares them in this one.
        every: steps between lines of the log, and ten times as many between checkpoints.
    """

    steps: int
    batch: int = 8
    rate: float = 2e-3
    seed: int = 0
    device: str = "cpu"
    workers: int = 0
    every: int = 50


class Examples(torch.utils.data.Dataset):
    """Examples ``first`` .. ``last`` of an endless reproducible sequence."""

    def __init__(self, draw: Callable[[np.random.Generator], Any], seed: int, first: int, last: int) -> None:
        self.draw, self.seed, self.first, self.last = draw, seed, first, last

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, n: int) -> Any:
        return self.draw(np.random.default_rng((self.seed, self.first + n)))


def collate(samples: Sequence[Any]) -> Any:
    """Stack dataclasses of tensors along a leading batch axis."""
    kind = type(samples[0])
    return kind(*(torch.stack([getattr(s, f.name) for s in samples]) for f in fields(kind)))


def on_gpu(device: str) -> AbstractContextManager[Any]:
    """Mixed precision on a GPU only."""
    return torch.autocast("cuda", torch.bfloat16, enabled=device.startswith("cuda"))


def fit(
    build: Callable[[], torch.nn.Module],
    losses: Callable[[torch.nn.Module, Any], Mapping[str, torch.Tensor]],
    draw: Callable[[np.random.Generator], Any],
    plan: Plan,
    out: Path,
    start: State | None = None,
    resume: bool = False,
    precision: Callable[[str], AbstractContextManager[Any]] = on_gpu,
) -> State:
    """Train a network; writes ``out``/checkpoint.pt and ``out``/log.jsonl.

    Args:
        build: the network with random weights.
        losses: net and a batch to the parts of the loss, by name.
        draw: a random example (a dataclass of tensors) from a generator.
        start: weights to begin with (fine-tuning); None begins afresh.
        resume: go on from ``out``/checkpoint.pt where it exists.
        precision: the context of a device in which the losses are computed.

    Returns:
        The running average of the weights, on the CPU.

    Raises:
        TrainingError: the checkpoint is damaged or belongs to another plan, or ``out`` cannot be written.
    """
    torch.manual_seed(plan.seed)
    net = build()
    if start is not None:
        net.load_state_dict(start)
    net.to(plan.device).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=plan.rate, weight_decay=1e-4)
    average = {k: v.detach().clone() for k, v in net.state_dict().items()}
    step = 0
    if resume and (out / CHECKPOINT).exists():
        step = _restore(out / CHECKPOINT, plan, net, optimiser, average)
    else:
        _fresh(out)
    running: dict[str, float] = {}
    began, since = time.monotonic(), step
    for batch in _batches(draw, plan, step):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(plan, step)
        moved = type(batch)(*(getattr(batch, f.name).to(plan.device) for f in fields(batch)))
        with precision(plan.device):
            parts = losses(net, moved)
        loss = torch.stack(list(parts.values())).sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        step += 1
        keep = min(0.998, step / (step + 20))
        with torch.no_grad():
            for k, v in net.state_dict().items():
                if v.is_floating_point():
                    average[k].mul_(keep).add_(v, alpha=1 - keep)
                else:  # batch normalisation counts its steps
                    average[k].copy_(v)
        for k, v in {"loss": loss, **parts}.items():
            running[k] = running.get(k, 0.0) + float(v.detach())
        if step % plan.every == 0 or step == plan.steps:
            count = step - since
            _log(
                out,
                {
                    "step": step,
                    "seconds": round(time.monotonic() - began, 1),
                    **{k: round(v / count, 4) for k, v in running.items()},
                },
            )
            running, since = {}, step
        if step % (10 * plan.every) == 0 or step == plan.steps:
            save(
                out / CHECKPOINT,
                {
                    "plan": asdict(plan),
                    "step": step,
                    "net": net.state_dict(),
                    "ema": average,
                    "optimiser": optimiser.state_dict(),
                },
            )
    return {k: v.cpu() for k, v in average.items()}


def rate_at(plan: Plan, step: int) -> float:
    """Learning rate of a step."""
    warm = min(1.0, (step + 1) / min(200, max(1, plan.steps // 10)))
    return plan.rate * warm * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * step / plan.steps))))


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    refused = f"The checkpoint {path} cannot be written; free some space or choose another folder."
    with boundary(refused, OutputError), whole_file(path, "The checkpoint") as stream:  # PyTorch raises RuntimeError
        torch.save(dict(content), stream)


def load_weights(path: Path) -> State:
    """The averaged weights of a checkpoint.

    Raises:
        TrainingError: it is missing or damaged.
    """
    return _load(path)["ema"]


def _load(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if {"step", "ema"} <= content.keys():
            return content
    except Exception as e:  # torch raises many kinds for a file that is not a checkpoint
        raise TrainingError(f"The checkpoint {path} cannot be read; delete it and train without --resume.") from e
    raise TrainingError(f"The file {path} is not a checkpoint of a training; delete it and train without --resume.")


def _restore(path: Path, plan: Plan, net: torch.nn.Module, optimiser: torch.optim.Optimizer, average: State) -> int:
    content = _load(path)
    same = ("steps", "batch", "rate", "seed")
    if any(content["plan"][k] != getattr(plan, k) for k in same):
        raise TrainingError(
            f"The checkpoint {path} belongs to a training with other settings; repeat them or train without --resume."
        )
    net.load_state_dict(content["net"])
    optimiser.load_state_dict(content["optimiser"])
    for k, v in content["ema"].items():
        average[k].copy_(v)
    return int(content["step"])


def _fresh(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (CHECKPOINT, LOG):
            (out / name).unlink(missing_ok=True)
    except OSError as e:
        raise TrainingError(f"The folder {out} cannot be written ({e.strerror or e}); choose another.") from e


def _log(out: Path, line: Mapping[str, Any]) -> None:
    with (out / LOG).open("a", encoding="utf-8") as f:
        f.write(json.dumps(line) + "\n")


def _batches(draw: Callable[[np.random.Generator], Any], plan: Plan, step: int) -> Iterator[Any]:
    examples = Examples(draw, plan.seed, step * plan.batch, plan.steps * plan.batch)
    return iter(
        torch.utils.data.DataLoader(examples, batch_size=plan.batch, num_workers=plan.workers, collate_fn=collate)
    )
