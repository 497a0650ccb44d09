"""The landmark network: patches around expected landmarks to positions, with the chance that a landmark is not there.

The only place of the second stage that needs torch and MONAI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from monai.networks.nets import DynUNet
from monai.networks.utils import pixelshuffle, pixelunshuffle

from . import Inputs

INPUTS = 3
FIRST_LOGIT = -9.0  # before training, "not in this patch" is about as likely as all voxels together
WINDOW = 4  # voxels on either side of a peak from which its position is read


class LandmarkNet(torch.nn.Module):
    """(B, 3, D, H, W) input to (B, landmarks, D, H, W) heatmap logits; D, H and W are multiples of 8.

    A 3-D U-Net between a space-to-depth stem and a depth-to-space head, so that the costly layers run on an eighth
    of the voxels.  A heatmap competes with one more outcome, "not in this patch", whose logit is 0.
    """

    def __init__(self, landmarks: int, filters: Sequence[int] = (32, 64, 96)) -> None:
        super().__init__()
        levels = len(filters)
        strides = [1] + [2] * (levels - 1)
        self.unet = DynUNet(
            spatial_dims=3, in_channels=INPUTS * 8, out_channels=landmarks * 8, kernel_size=[3] * levels, strides=strides,
            upsample_kernel_size=strides[1:], filters=list(filters), norm_name=("instance", {"affine": True}),
        )  # fmt: skip
        torch.nn.init.constant_(self.unet.output_block.conv.conv.bias, FIRST_LOGIT)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return pixelshuffle(self.unet(pixelunshuffle(x, 3, 2)), 3, 2)


def network_input(hu: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """(B, D, H, W) HU and imaged mask (0/1) to the three input channels: soft tissue window, bone window, imaged."""
    soft = ((hu - 40.0) / 100.0).clamp(-1.5, 1.5)
    bone = (hu / 600.0).clamp(-1.7, 2.5)
    return torch.stack([soft, bone, inside], dim=1)


def build(metadata: Mapping[str, Any]) -> LandmarkNet:
    """The untrained network of a bundle."""
    return LandmarkNet(**metadata["network_def"])


class Deployed(torch.nn.Module):
    """(N, D, H, W) HU and imaged mask (0/1) of patches to (N, landmarks, 6), see :func:`read_heatmaps`."""

    INPUTS: ClassVar[Inputs] = {"hu": ("int16", ("patches", 24, 24, 24)), "imaged": ("uint8", ("patches", 24, 24, 24))}
    OUTPUTS = ("read",)

    def __init__(self, net: LandmarkNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, hu: torch.Tensor, imaged: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See the class."""
        return (read_heatmaps(self.net(network_input(hu.float(), imaged.float())).float()),)


def read_heatmaps(heat: torch.Tensor) -> torch.Tensor:
    """(N, L, D, H, W) logits to (N, L, 6).

    Position z, y, x in voxels of the patch, probability within :data:`WINDOW` voxels of the peak, spread (SD in voxels about
    the position there), probability that the landmark is not in the patch.
    """
    shape = heat.shape[2:]
    flat = heat.flatten(2)
    total = torch.nn.functional.softplus(flat.logsumexp(-1))  # with the outcome "not in this patch", whose logit is 0
    peak = flat.argmax(-1)
    p = (flat - total[..., None]).exp().view(heat.shape)
    at = torch.stack([peak // (shape[1] * shape[2]), peak // shape[2] % shape[1], peak % shape[2]], -1)
    marginals, axes = [], []
    near = []
    for c, size in enumerate(shape):
        axis = torch.arange(size, device=heat.device, dtype=heat.dtype)
        axes.append(axis)
        near.append(((axis - at[..., c : c + 1]).abs() <= WINDOW).to(heat.dtype))
    p = p * near[0][..., :, None, None] * near[1][..., None, :, None] * near[2][..., None, None, :]
    mass = p.sum((2, 3, 4)).clamp_min(1e-8)
    for c in range(3):
        marginals.append(p.sum([d + 2 for d in range(3) if d != c]) / mass[..., None])
    position = torch.stack([(m * a).sum(-1) for m, a in zip(marginals, axes, strict=True)], -1)
    variance = sum(
        (m * (a - position[..., c : c + 1]) ** 2).sum(-1) for c, (m, a) in enumerate(zip(marginals, axes, strict=True))
    )
    absent = (-total).exp()
    return torch.cat([position, mass[..., None], variance.sqrt()[..., None], absent[..., None]], -1)  # type: ignore[union-attr]
