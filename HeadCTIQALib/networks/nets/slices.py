"""A MONAI 2-D U-Net for what is seen in single slices with their neighbours: fluid, and foreign objects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import torch
from monai.networks.blocks import UnetBasicBlock, UnetUpBlock
from monai.networks.utils import pixelshuffle, pixelunshuffle

STEM = 2  # pixels per side that the first step trades for channels


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


def bytes_of(logits: torch.Tensor) -> torch.Tensor:
    """Probabilities in 1/255."""
    return (logits.float().sigmoid() * 255).round().to(torch.uint8)


def mixed(device: str) -> AbstractContextManager[Any]:
    """Autocast to bfloat16 for the training of the networks of slices, on a GPU or a CPU that computes in it."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)
    on_gpu = device.startswith("cuda")
    return torch.autocast(
        "cuda" if on_gpu else "cpu", torch.bfloat16, enabled=on_gpu or (device == "cpu" and supported())
    )
