"""A MONAI 2-D U-Net for what is seen in single slices with their neighbours: fluid, and foreign objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import torch
from monai.networks.blocks import UnetBasicBlock, UnetUpBlock
from monai.networks.utils import pixelshuffle, pixelunshuffle

STEM = 2  # pixels per side that the first step trades for channels
BATCH = 8
AROUND = 12  # pixels around what matters that are looked at as well


class SliceNet(torch.nn.Module):
    """(B, ``channels``, H, W) to logits (B, 1, H, W); H and W are multiples of :attr:`multiple`.

    Args:
        channels: of the input.
        filters: channels of the levels, the finest (two pixels) first.
    """

    def __init__(self, channels: int, filters: Sequence[int]) -> None:
        super().__init__()
        common: dict[str, Any] = {
            "spatial_dims": 2,
            "kernel_size": 3,
            "norm_name": "batch",
            "act_name": ("leakyrelu", {"inplace": True, "negative_slope": 0.01}),
        }
        self.multiple = STEM * 2 ** (len(filters) - 1)
        self.stem = UnetBasicBlock(in_channels=channels * STEM**2, out_channels=filters[0], stride=1, **common)
        self.down = torch.nn.ModuleList(
            UnetBasicBlock(in_channels=a, out_channels=b, stride=2, **common) for a, b in pairwise(filters)
        )
        self.up = torch.nn.ModuleList(
            UnetUpBlock(in_channels=b, out_channels=a, stride=1, upsample_kernel_size=2, **common)
            for a, b in pairwise(filters)
        )
        self.out = torch.nn.Conv2d(filters[0], STEM**2, 1)
        channels_last(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        levels = [self.stem(pixelunshuffle(x, 2, STEM))]
        for block in self.down:
            levels.append(block(levels[-1]))
        y = levels[-1]
        for block, skip in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            y = block(y, skip)
        return pixelshuffle(self.out(y), 2, STEM)


def channels_last(net: torch.nn.Module) -> None:
    """Keep the weights of 2-D convolutions in the order in which they compute, so that they are not brought into it every time."""
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def beside(x: torch.Tensor, step: int) -> torch.Tensor:
    """(K, ...) what lies ``step`` slices further (-1: below, 1: above); the last slice stands in beyond itself."""
    n = torch.arange(len(x), device=x.device)
    return x[(n + step).clamp(0, len(x) - 1)]


def gaps(positions: torch.Tensor) -> torch.Tensor:
    """(K,) mean distance in mm to the neighbouring slices at ``positions`` (K,); 5 for a single slice, repeated or not."""
    lower, upper = positions - beside(positions, -1), beside(positions, 1) - positions
    sides = (lower > 0).float() + (upper > 0).float()
    return torch.where(sides > 0, (lower + upper) / sides.clamp_min(1), 5.0)


def mixed(device: str) -> AbstractContextManager[Any]:
    """Autocast to bfloat16, which the networks of slices were trained in, on a GPU or a CPU that computes in it."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)
    on_gpu = device.startswith("cuda")
    return torch.autocast(
        "cuda" if on_gpu else "cpu", torch.bfloat16, enabled=on_gpu or (device == "cpu" and supported())
    )


def probabilities(
    net: SliceNet,
    inputs: Callable[[torch.Tensor], torch.Tensor],
    count: int,
    device: str,
    boxes: torch.Tensor | None = None,
) -> torch.Tensor:
    """(K, H, W) uint8 probabilities in 1/255 of ``count`` slices of any size.

    Args:
        net: on ``device``.
        inputs: indices (B,) of slices that follow one another to their inputs (B, C, H, W); asked for a few at a time, with
            one more at either end (beyond the first and last slice these again) that only the neighbours see.
        count: K.
        boxes: (K, 4) first and end row, first and end column of what matters in every slice, zeros where nothing does; all the
            rest may be left 0.
    """
    out = []
    with torch.inference_mode(), mixed(device):
        for n in range(0, count, BATCH):
            rows = torch.arange(n - 1, min(n + BATCH, count) + 1).clamp(0, count - 1)
            x = inputs(rows)[1:-1]
            here = torch.zeros(len(x), *x.shape[2:], dtype=torch.uint8)
            js, is_ = (slice(None), slice(None)) if boxes is None else hull(boxes[n : n + BATCH])
            x = x[:, :, js, is_].to(device)
            if x.numel():
                height, width = x.shape[2:]
                x = torch.nn.functional.pad(x, (0, -width % net.multiple, 0, -height % net.multiple), mode="replicate")
                logits = net(x.contiguous(memory_format=torch.channels_last))[:, 0, :height, :width].float()
                here[:, js, is_] = (logits.sigmoid() * 255).round().to(torch.uint8).cpu()
            out.append(here)
    return torch.cat(out)


def boxes(mask: torch.Tensor) -> torch.Tensor:
    """(K, 4) first and end row, first and end column of what is True in every slice of (K, H, W) with :data:`AROUND` pixels around it; zeros where nothing is."""
    out = []
    for axis in (2, 1):
        present, size = mask.any(axis).byte(), mask.shape[3 - axis]
        first, last = present.argmax(1), size - 1 - present.flip(1).argmax(1)
        out += [(first - AROUND).clamp_min(0), (last + 1 + AROUND).clamp_max(size)]
    return torch.stack(out, 1) * mask.any(2).any(1)[:, None]


def hull(boxes: torch.Tensor) -> tuple[slice, slice]:
    """Rows and columns of the box around ``boxes`` (B, 4), see :func:`probabilities`."""
    some = boxes[boxes[:, 1] > 0]
    if not len(some):
        return slice(0, 0), slice(0, 0)
    low, high = some.amin(0), some.amax(0)
    return slice(int(low[0]), int(high[1])), slice(int(low[2]), int(high[3]))
