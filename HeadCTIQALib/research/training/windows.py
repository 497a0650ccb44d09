"""What the trainings of both networks of slices share: a slice between its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

GAP_MM = 5.0  # of a slice without neighbours


def with_neighbours(k: int, count: int) -> list[int]:
    """Indices of the slices below ``k``, ``k`` and above it; it stands in for one that is missing."""
    return [max(0, k - 1), k, min(count - 1, k + 1)]


def gap_at(positions: NDArray[np.floating], k: int) -> float:
    """Mean distance in mm of slice ``k`` to its neighbours, at increasing ``positions`` (K,) in mm."""
    low, _, high = with_neighbours(k, len(positions))
    return float((positions[high] - positions[low]) / (high - low)) if high > low else GAP_MM


def tensor(a: Any) -> torch.Tensor:
    """A float32 tensor of its own memory."""
    return torch.from_numpy(np.array(a, np.float32))


def overlap_loss(p: torch.Tensor, truth: torch.Tensor, spare: float) -> torch.Tensor:
    """1 - Dice of probabilities with a mask; ``spare`` pixels keep an empty one from nought divided by nought."""
    return 1 - (2 * (p * truth).sum() + spare) / ((p + truth).sum() + 1)
