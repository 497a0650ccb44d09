"""The fluid network: which voxels inside the skull are mostly fluid, from native slices of about 1 mm pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from . import Inputs
from .slices import SliceNet, bytes_of

CHANNELS = (
    "HU from fluid (0) to brain (1)",
    "the same in the slice below",
    "and above",
    "HU / 1000",
    "the anatomy network's fluid",
    "gap / 5 mm",
    "noise, as HU",
)
FILTERS = (32, 48, 64, 96)
EVIDENCE, WIDE = (-1.5, 3.0), (-1.0, 2.0)


def network_input(hu: torch.Tensor, prior: torch.Tensor, gap: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """(B, 7, J, I) input channels, see :data:`CHANNELS`.

    Args:
        hu: (B, 3, J, I) HU below, here and above; prior: (B, J, I) probability of fluid by the anatomy network.
        gap: (B,) mm between slices.
        levels: mean HU of fluid and of brain, SD of the noise.
    """
    fluid, brain, noise = levels[0], levels[1], levels[2]
    below, own, above = ((hu - fluid) / (brain - fluid)).clamp(*EVIDENCE).unbind(1)
    gaps = (gap / 5)[:, None, None].expand_as(own)
    loud = (noise / (brain - fluid)).expand_as(own)
    return torch.stack([own, below, above, (hu[:, 1] / 1000).clamp(*WIDE), prior, gaps, loud], 1)


class Deployed(torch.nn.Module):
    """(B, 3, J, I) HU below, here and above, (B, J, I) probability of fluid in 1/255, (B,) gaps in mm and levels (3,) to (B, J, I) uint8 probability of fluid in 1/255."""

    INPUTS: ClassVar[Inputs] = {
        "hu": ("int16", ("slices", 3, "rows", "columns")),
        "prior": ("uint8", ("slices", "rows", "columns")),
        "gap": ("float32", ("slices",)),
        "levels": ("float32", (3,)),
    }
    OUTPUTS = ("fluid",)

    def __init__(self, net: SliceNet) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, hu: torch.Tensor, prior: torch.Tensor, gap: torch.Tensor, levels: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """See the class."""
        return (bytes_of(self.net(network_input(hu.float(), prior.float() / 255, gap, levels))[:, 0]),)


def build(metadata: Mapping[str, Any]) -> SliceNet:
    """The network described by a bundle's ``network_def``."""
    return SliceNet(len(CHANNELS), metadata.get("network_def", {}).get("filters", FILTERS))
