"""Volume, mean and spread of HU under every mask."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from HeadCTIQALib.findings.terminology import STREAK, STYLES
from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, Findings, Tissue
from HeadCTIQALib.volume.types import CTVolume

UNIONS = {"head": ("Head", HEAD), "intracranial": ("Intracranial space", INTRACRANIAL)}


@dataclass(frozen=True, slots=True)
class MaskStatistic:
    """One mask: ``volume_ml``, and mean and standard deviation of its voxels in HU (None when it is empty)."""

    id: str
    title: str
    volume_ml: float
    mean_hu: float | None
    sd_hu: float | None


def mask_statistics(volume: CTVolume, findings: Findings, only: Collection[str] | None = None) -> list[MaskStatistic]:
    """Statistics of every tissue, the streak mask, the head and the intracranial space.

    Volumes follow the true width of every slice; mean and SD are over voxels.

    Args:
        only: ids wanted; None for all.
    """
    # one pass, slice by slice: count, sum and sum of squares of every label; the last row is the streak mask
    counts = np.zeros((len(Tissue) + 1, volume.shape[0]))
    sums, squares = np.zeros_like(counts), np.zeros_like(counts)
    for k, (labels, hu) in enumerate(zip(findings.tissue, volume.hu, strict=True)):
        values, flat = hu.ravel().astype(np.float64), labels.ravel()
        counts[:-1, k] = np.bincount(flat, minlength=len(Tissue))
        sums[:-1, k] = np.bincount(flat, values, len(Tissue))
        squares[:-1, k] = np.bincount(flat, values * values, len(Tissue))
        if findings.streak is not None:
            under = hu[findings.streak[k]].astype(np.float64)
            counts[-1, k], sums[-1, k], squares[-1, k] = len(under), under.sum(), (under * under).sum()
    groups = [(t.name.lower(), STYLES[t.name.lower()].name, [int(t)]) for t in Tissue if t is not Tissue.OUTSIDE]
    groups += [(id_, title, [int(t) for t in tissues]) for id_, (title, tissues) in UNIONS.items()]
    if findings.streak is not None:
        groups.append((STREAK, STYLES[STREAK].name, [len(Tissue)]))
    found = []
    for id_, title, members in groups:
        if only is not None and id_ not in only:
            continue
        of_slice = counts[members].sum(axis=0)
        count, total, square = of_slice.sum(), sums[members].sum(), squares[members].sum()
        mean = total / count if count else 0.0
        spread = float(np.sqrt(max(0.0, square / count - mean * mean))) if count else None
        found.append(
            MaskStatistic(id_, title, float(of_slice @ volume.voxel_volumes_ml), float(mean) if count else None, spread)
        )
    return found
