"""Why the header of one slice makes no slice: tags that are absent or impossible, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .tags import integer, numbers, present

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_LEAST_PIXEL_MM = 0.01  # no CT has smaller ones


def pixel_spacing(ds: Dataset) -> tuple[float, ...] | None:
    """PixelSpacing; one value stands for square pixels."""
    values = numbers(ds, "PixelSpacing")
    return values * 2 if len(values) == 1 else values if len(values) == 2 else None


def pixel_problems(ds: Dataset) -> tuple[str, ...]:
    """Phrases about tags without which pixels cannot be decoded."""
    return tuple(
        _lacking(ds, keyword) for keyword in ("Rows", "Columns", "BitsAllocated") if (integer(ds, keyword) or 0) < 1
    )


def geometry_problems(
    ds: Dataset,
    position: tuple[float, ...] | None,
    orientation: tuple[float, ...] | None,
    spacing: tuple[float, ...] | None,
) -> tuple[str, ...]:
    """Phrases about tags without which a plane has no place in space."""
    values = {"ImagePositionPatient": position, "ImageOrientationPatient": orientation, "PixelSpacing": spacing}
    problems = [_lacking(ds, keyword) for keyword, value in values.items() if value is None]
    if spacing is not None and min(spacing) <= 0:
        problems.append("PixelSpacing is not above 0")
    elif spacing is not None and min(spacing) < _LEAST_PIXEL_MM:
        problems.append("PixelSpacing is not that of a CT")
    if orientation is not None and not np.linalg.norm(np.cross(orientation[:3], orientation[3:])) > 0.5:
        problems.append("ImageOrientationPatient is no plane")
    return tuple(problems)


def _lacking(ds: Dataset, keyword: str) -> str:
    return f"{keyword} cannot be read" if present(ds, keyword) else f"{keyword} is missing"
