"""The artefact network: a MONAI 2-D U-Net behind space-to-depth steps, for motion grades and streak masks of slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from monai.networks.blocks import UnetBasicBlock, UnetUpBlock
from monai.networks.utils import pixelshuffle, pixelunshuffle

from . import Inputs
from .slices import bytes_of, channels_last

FILTERS, FINE = (32, 64, 96, 128), 16
STEM = 4  # pixels per side that the stem trades for channels
WINDOWS = 4
ANGLES, LINE = 8, 6  # directions, and pixels from the middle to the end of a line
BRAIN_AND_AIR_HU = ((-15.0, 95.0), (-1200.0, -860.0))
UNREST = 2 * (3 + 2 * ANGLES)
GRADES = 3
DROPOUT = 0.25  # of what is pooled, so that no grade hangs on the anatomy of a few heads
NORM, ACTIVATION = "batch", ("leakyrelu", {"inplace": True, "negative_slope": 0.01})


class ArtefactNet(torch.nn.Module):
    """(B, 1, H, W) HU at about 1 mm to motion grades and streaks; H and W are multiples of 32.

    Three maps on a grid of 4 x 4 pixels carry the reasoning that the truth is defined by: the local strength of motion
    artefact, where the intracranial space is, and from both the root mean square over it.  The grades then see that
    and the pooled features.

    Args:
        filters: channels of the levels, finest (4 mm) first.
        fine: channels of the layer before them, at 2 mm.
    """

    def __init__(self, filters: Sequence[int] = FILTERS, fine: int = FINE) -> None:
        super().__init__()
        f = list(filters)
        common: dict[str, Any] = {"spatial_dims": 2, "kernel_size": 3, "norm_name": NORM, "act_name": ACTIVATION}
        self.fine = UnetBasicBlock(in_channels=WINDOWS * 2**2, out_channels=fine, stride=1, **common)
        self.stem = UnetBasicBlock(in_channels=fine * 2**2 + UNREST, out_channels=f[0], stride=1, **common)
        self.down = torch.nn.ModuleList(
            UnetBasicBlock(in_channels=a, out_channels=b, stride=2, **common) for a, b in pairwise(f)
        )
        self.up = torch.nn.ModuleList(
            UnetUpBlock(in_channels=b, out_channels=a, stride=1, upsample_kernel_size=2, **common)
            for a, b in pairwise(f)
        )
        self.maps = torch.nn.Conv2d(f[0], STEM**2 + 2 + 2 * 4, 1)
        features = 2 * f[-1] + 2 * f[0] + 3 + UNREST + 8
        self.grades = torch.nn.Sequential(
            torch.nn.BatchNorm1d(features),
            torch.nn.Linear(features, 64),
            torch.nn.LeakyReLU(0.01),
            torch.nn.Linear(64, GRADES),
        )
        channels_last(self)

    def forward(self, hu: torch.Tensor) -> dict[str, torch.Tensor]:
        """``grades`` (B, 3) logits of grade >= 1, 2, 3; ``streak`` (B, 1, H, W) logits; ``motion`` (B, 1, H/4, W/4) log(1 + HU)
        of the local artefact; ``inside`` (B, 1, H/4, W/4) logits of the intracranial space; ``rms`` (B,) log(1 + HU);
        ``signed`` (B, 2, H/2, W/2) arsinh(HU / 3) of the motion artefact and of the streaks themselves."""
        restless, valid = unrest(hu)
        fine = self.fine(pixelunshuffle(windows(hu), 2, 2))
        levels = [self.stem(torch.cat([pixelunshuffle(fine, 2, 2), restless], 1))]
        for block in self.down:
            levels.append(block(levels[-1]))
        x = levels[-1]
        for block, skip in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            x = block(x, skip)
        maps = self.maps(x)
        n = STEM**2
        motion, inside = torch.nn.functional.softplus(maps[:, n : n + 1]), maps[:, n + 1 : n + 2]
        signed = pixelshuffle(maps[:, n + 2 :], 2, 2)
        weight = inside.sigmoid() + 1e-4
        share = weight.sum((1, 2, 3))
        # exp() - 1 and log(1 + x) as they stand, since ONNX has no operators for them together
        strong = (motion.exp() - 1).clamp_max(1e3)
        rms = (1 + ((strong**2 * weight).sum((1, 2, 3)) / share + 1e-6).sqrt()).log()
        power = torch.nn.functional.avg_pool2d(signed[:, :1] ** 2, 2)
        brain, everywhere = (power * weight).sum((1, 2, 3)) / share, power.mean((1, 2, 3))
        strength = torch.stack([rms, (brain + 1e-4).log(), (everywhere + 1e-4).log()], 1)
        deep = levels[-1]
        space = torch.cat([valid[:, :1] * weight, valid[:, 1:]], 1)
        pooled = [
            restlessness(restless, space),
            deep.mean((2, 3)),
            deep.amax((2, 3)),
            x.mean((2, 3)),
            (x * weight).sum((2, 3)) / share[:, None],
        ]
        features = torch.nn.functional.dropout(torch.cat([*pooled, strength], 1), DROPOUT, self.training)
        return {
            "grades": self.grades(features),
            "streak": pixelshuffle(maps[:, :n], 2, STEM),
            "motion": motion,
            "inside": inside,
            "rms": rms,
            "signed": signed,
        }


def windows(hu: torch.Tensor) -> torch.Tensor:
    """(B, 1, H, W) HU to the four input channels: brain, room air, everything, and what differs from its surroundings."""
    brain = ((hu - 35.0) / 40.0).clamp(-2.0, 2.5)
    air = ((hu + 1000.0) / 40.0).clamp(-1.5, 3.0)
    wide = (hu / 1000.0).clamp(-1.0, 2.0)
    tissue = hu.clamp(-60.0, 120.0)
    around = smoothed(torch.nn.functional.avg_pool2d(tissue, 4), 3, pad=False)
    detail = ((tissue - torch.nn.functional.interpolate(around, scale_factor=4, mode="bilinear")) / 15.0).clamp(
        -2.5, 2.5
    )
    return torch.cat([brain, air, wide, detail], dim=1)


def unrest(hu: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, 1, H, W) HU to (B, UNREST, H/4, W/4) and the share of brain and of air in every block (B, 2, H/4, W/4): how restless brain and room air are, and along which lines.

    Of each of the two: logarithms of the energy of what differs from the surroundings at 1, 2 and 4 pixels (the finest band
    tells the noise, with which the others have to be compared), and of the response to fine and coarse dark or bright lines in
    :data:`ANGLES` directions.  Streaks are long; noise and anatomy are not.
    """
    pool = torch.nn.functional.avg_pool2d
    lines = line_filters(hu)
    out, shares = [], []
    for low, high in BRAIN_AND_AIR_HU:
        valid = (~grown((hu < low) | (hu > high))).float()
        x = hu.clamp(low, high)
        fine = pool((x - smoothed(x, 3, pad=False)) ** 2 * valid, 4)
        x, share = pool(x * valid, 2), pool(valid, 2)
        shares.append(pool(share, 2))
        surroundings = smoothed(x, 7) / (smoothed(share, 7) + 0.02)
        rest = x - surroundings * share
        coarse = pool(rest, 2)
        bands = [fine, pool((rest - smoothed(rest, 3)) ** 2, 2), smoothed(coarse**2, 3)]
        bands += [
            pool(torch.nn.functional.conv2d(rest, lines, padding=LINE) ** 2, 2),
            torch.nn.functional.conv2d(coarse, lines, padding=LINE) ** 2,
        ]
        out += [band.add(0.03).log() / 3.0 for band in bands]
    return torch.cat(out, 1), torch.cat(shares, 1)


def smoothed(x: torch.Tensor, size: int, pad: bool = True) -> torch.Tensor:
    """Mean of ``size`` x ``size`` pixels around each of (B, C, H, W); ``pad``: zeros beyond the border count."""
    for kernel in ((size, 1), (1, size)):
        x = torch.nn.functional.avg_pool2d(x, kernel, 1, (kernel[0] // 2, kernel[1] // 2), count_include_pad=pad)
    return x


def grown(mask: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) bool: what is True with the eight pixels around it."""
    return torch.nn.functional.max_pool2d(mask.float(), 3, 1, 1) > 0.5


def restlessness(restless: torch.Tensor, space: torch.Tensor) -> torch.Tensor:
    """(B, UNREST + 8) means and spreads of the maps of :func:`unrest` over brain and air, and how one-sided their lines are."""
    out = []
    for half, where in zip(restless.chunk(2, 1), space.chunk(2, 1), strict=True):
        weight = (where > 0.3) * where + 1e-4
        fine, coarse = half[:, 3 : 3 + ANGLES], half[:, 3 + ANGLES :]
        extra = torch.cat([part.amax(1, keepdim=True) - part.mean(1, keepdim=True) for part in (fine, coarse)], 1)
        maps = torch.cat([half, extra], 1)
        total = weight.sum((2, 3))
        mean = (maps * weight).sum((2, 3)) / total
        spread = ((maps - mean[..., None, None]) ** 2 * weight).sum((2, 3)) / total
        lines = mean[:, 3 : 3 + 2 * ANGLES].reshape(-1, 2, ANGLES).sort(2).values.flatten(1)  # whatever the direction
        out += [mean[:, :3], lines, mean[:, -2:], (spread[:, -2:] + 1e-6).sqrt()]
    return torch.cat(out, 1)


def line_filters(like: torch.Tensor) -> torch.Tensor:
    """(ANGLES, 1, 2 LINE + 1, 2 LINE + 1) unit-energy second derivatives of Gaussians, 1 pixel across and 3 along a line."""
    axis = torch.arange(-LINE, LINE + 1, device=like.device, dtype=like.dtype)
    angle = torch.arange(ANGLES, device=like.device, dtype=like.dtype)[:, None, None] * (torch.pi / ANGLES)
    y, x = axis[None, :, None], axis[None, None, :]
    across, along = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    kernel = (1 - across**2) * torch.exp(-0.5 * (across**2 + (along / 3.0) ** 2))
    kernel = kernel - kernel.mean((1, 2), keepdim=True)
    return (kernel / kernel.pow(2).sum((1, 2), keepdim=True).sqrt())[:, None]


def build(metadata: Mapping[str, Any]) -> ArtefactNet:
    """The network described by a bundle's ``network_def``."""
    return ArtefactNet(**metadata.get("network_def", {}))


class Deployed(torch.nn.Module):
    """(N, H, W) HU of slices to (N, 3) probabilities of grade >= 1, 2, 3 and (N, H, W) uint8 probabilities of streak in 1/255."""

    INPUTS: ClassVar[Inputs] = {"hu": ("int16", ("slices", 256, 256))}
    OUTPUTS = ("grades", "streak")

    def __init__(self, net: ArtefactNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, hu: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See the class."""
        out = self.net(hu[:, None].float())
        return out["grades"].float().sigmoid(), bytes_of(out["streak"][:, 0])
