"""The anatomy network: a MONAI 3-D U-Net between a space-to-depth stem and a depth-to-space head."""

from __future__ import annotations

import torch
from monai.networks.nets import DynUNet
from monai.networks.utils import pixelshuffle, pixelunshuffle

#: Landmarks that have a heatmap, in channel order.  The right-left pairs come first.
LANDMARKS = (
    "EAM_R", "EAM_L", "CANTHUS_R", "CANTHUS_L", "GLOBE_R", "GLOBE_L",
    "NASION", "BASION", "OPISTHION", "SELLA", "CRISTA", "IOP", "SEPTUM", "PINEAL",
)  # fmt: skip
CLASSES = 11
INPUTS = 3
TEMPLATE_SCALE_MM = 50.0


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
