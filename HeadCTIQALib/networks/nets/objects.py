"""The object network: removable foreign objects on and around the head, in slices of about 1 mm pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from .slices import SliceNet, beside, boxes, gaps, probabilities

WINDOWS = ("wide", "soft")
CHANNELS = (*(f"{window} window, {where}" for window in WINDOWS for where in ("below", "here", "above")), "gap / 5 mm")
FILTERS = (16, 32, 48, 64, 96)
AIR_HU = -600  # in air far from all that is denser there is nothing to look at


def network_input(hu: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
    """(B, 7, H, W) input channels, see :data:`CHANNELS`, of (B, 3, H, W) HU below, here and above and (B,) gaps in mm."""
    wide, soft = (hu / 1000).clamp(-1.05, 3.1), ((hu + 100) / 300).clamp(-1.5, 2.0)
    return torch.cat([wide, soft, (gap / 5)[:, None, None, None].expand(-1, 1, *hu.shape[2:])], 1)


def build(metadata: Mapping[str, Any]) -> SliceNet:
    """The network described by a bundle's ``network_def``."""
    return SliceNet(len(CHANNELS), metadata.get("network_def", {}).get("filters", FILTERS))


def infer(net: SliceNet, arrays: tuple[NDArray, ...], device: str) -> tuple[NDArray, ...]:
    """Run the network on slices.

    Args:
        net: from :func:`build`.
        arrays: HU (K, H, W), increasing positions (K,) in mm.
        device: where ``net`` is.

    Returns:
        (K, H, W) uint8 probability of a foreign object, in 1/255.
    """
    hu, positions = (torch.from_numpy(a) for a in arrays)

    def inputs(rows: torch.Tensor) -> torch.Tensor:
        x = hu[rows].float()
        return network_input(torch.stack([beside(x, -1), x, beside(x, 1)], 1), gaps(positions[rows].float()))

    return (probabilities(net, inputs, len(hu), device, boxes(hu > AIR_HU)).numpy(),)
