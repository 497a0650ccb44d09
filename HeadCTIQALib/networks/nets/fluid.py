"""The fluid network: which voxels inside the skull are mostly fluid, from native slices of about 1 mm pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from .slices import SliceNet, beside, boxes, gaps, probabilities

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


def network_input(hu: torch.Tensor, prior: torch.Tensor, positions: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """(K, 7, J, I) input channels, see :data:`CHANNELS`.

    Args:
        hu: (K, J, I) HU; prior: (K, J, I) probability of fluid by the anatomy network.
        positions: (K,) mm along the slices' normal, increasing.
        levels: mean HU of fluid and of brain, SD of the noise.
    """
    fluid, brain, noise = levels.float()
    hu = hu.float()
    own = ((hu - fluid) / (brain - fluid)).clamp(*EVIDENCE)
    gap = (gaps(positions.float()) / 5)[:, None, None].expand_as(own)
    loud = (noise / (brain - fluid)).expand_as(own)
    return torch.stack([own, beside(own, -1), beside(own, 1), (hu / 1000).clamp(*WIDE), prior.float(), gap, loud], 1)


def build(metadata: Mapping[str, Any]) -> SliceNet:
    """The network described by a bundle's ``network_def``."""
    return SliceNet(len(CHANNELS), metadata.get("network_def", {}).get("filters", FILTERS))


def infer(net: SliceNet, arrays: tuple[NDArray, ...], device: str) -> tuple[NDArray, ...]:
    """Run the network on the slices through the brain.

    Args:
        net: from :func:`build`.
        arrays: HU (K, J, I), probability of fluid (K, J, I) uint8 in 1/255, positions (K,), levels (3,), see :func:`network_input`;
            and, unless all is wanted, where (K, J, I) answers are wanted: elsewhere they may be 0.
        device: where ``net`` is.

    Returns:
        (K, J, I) uint8 probability of fluid, in 1/255.
    """
    hu, prior, positions, levels, *wanted = (torch.from_numpy(a) for a in arrays)

    def inputs(rows: torch.Tensor) -> torch.Tensor:
        return network_input(hu[rows], prior[rows].float() / 255, positions[rows], levels)

    return (probabilities(net, inputs, len(hu), device, *(boxes(mask) for mask in wanted)).numpy(),)
