"""The object network: removable foreign objects on and around the head, in slices of about 1 mm pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from . import Inputs
from .slices import SliceNet, bytes_of

WINDOWS = ("wide", "soft")
CHANNELS = (*(f"{window} window, {where}" for window in WINDOWS for where in ("below", "here", "above")), "gap / 5 mm")
FILTERS = (16, 32, 48, 64, 96)


def network_input(hu: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
    """(B, 7, H, W) input channels, see :data:`CHANNELS`, of (B, 3, H, W) HU below, here and above and (B,) gaps in mm."""
    wide, soft = (hu / 1000).clamp(-1.05, 3.1), ((hu + 100) / 300).clamp(-1.5, 2.0)
    return torch.cat([wide, soft, (gap / 5)[:, None, None, None].expand(-1, 1, *hu.shape[2:])], 1)


def build(metadata: Mapping[str, Any]) -> SliceNet:
    """The network described by a bundle's ``network_def``."""
    return SliceNet(len(CHANNELS), metadata.get("network_def", {}).get("filters", FILTERS))


class Deployed(torch.nn.Module):
    """(B, 3, H, W) HU below, here and above and (B,) gaps in mm to (B, H, W) uint8 probability of a foreign object in 1/255."""

    INPUTS: ClassVar[Inputs] = {"hu": ("int16", ("slices", 3, "rows", "columns")), "gap": ("float32", ("slices",))}
    OUTPUTS = ("object",)

    def __init__(self, net: SliceNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, hu: torch.Tensor, gap: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See the class."""
        return (bytes_of(self.net(network_input(hu.float(), gap))[:, 0]),)
