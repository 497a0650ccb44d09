"""The anatomy network: a MONAI 3-D U-Net between a space-to-depth stem and a depth-to-space head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from monai.networks.nets import DynUNet
from monai.networks.utils import pixelshuffle, pixelunshuffle

from HeadCTIQALib.networks.channels import CLASSES, LANDMARKS

from . import Inputs

INPUTS = 3


class AnatomyNet(torch.nn.Module):
    """(B, 3, D, H, W) input to (B, 11 + 3 + 14, D, H, W): class logits, template coordinates / 50 mm, heatmap logits.

    D, H and W are multiples of 8.  The stem trades each 2 x 2 x 2 block for channels, so that the costly layers run on an eighth of the voxels.
    """

    def __init__(self, filters: tuple[int, ...] = (32, 64, 128, 160)) -> None:
        super().__init__()
        levels = len(filters)
        strides = [1, 2, 2] + [1] * (levels - 3)
        self.unet = DynUNet(
            spatial_dims=3, in_channels=INPUTS * 8, out_channels=(CLASSES + 3 + len(LANDMARKS)) * 8,
            kernel_size=[3] * levels, strides=strides, upsample_kernel_size=strides[1:], filters=list(filters),
            norm_name=("instance", {"affine": True}),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return pixelshuffle(self.unet(pixelunshuffle(x, 3, 2)), 3, 2)


def network_input(hu: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """(B, 1, D, H, W) HU and imaged mask (0/1) to the three input channels: brain window, wide window, imaged."""
    brain = ((hu - 40.0) / 60.0).clamp(-1.5, 1.5)
    wide = ((hu - 0.0) / 600.0).clamp(-1.7, 2.0)
    return torch.cat([brain, wide, inside], dim=1)


def build(metadata: Mapping[str, Any]) -> AnatomyNet:
    """The untrained network of a bundle."""
    return AnatomyNet(**metadata["network_def"])


class Deployed(torch.nn.Module):
    """(B, Z, Y, X) HU and imaged mask (0/1) to (B, 11 + 3 + 14, Z, Y, X), see :class:`AnatomyNet`."""

    INPUTS: ClassVar[Inputs] = {"hu": ("float32", ("boxes", 40, 48, 40)), "imaged": ("uint8", ("boxes", 40, 48, 40))}
    OUTPUTS = ("maps",)

    def __init__(self, net: AnatomyNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, hu: torch.Tensor, imaged: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See the class."""
        return (self.net(network_input(hu[:, None], imaged[:, None].float())).float(),)
