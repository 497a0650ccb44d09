"""How large a scan may be before it is refused instead of exhausting the memory."""

from __future__ import annotations

from ..errors import InputError
from .choice import MAX_SLICES

MAX_BYTES = 1_500_000_000


def refuse_oversized(name: str, slices: int, rows: int, columns: int) -> None:
    """Raise InputError for more than 1500 slices or more than 1.5 GB of HU."""
    if slices > MAX_SLICES:
        raise InputError(f"{name} has {slices} slices, more than {MAX_SLICES}; give a head CT with thicker slices or choose another series.")
    if 2 * slices * rows * columns > MAX_BYTES:
        size = 2e-9 * slices * rows * columns
        raise InputError(f"{name} is {size:.1f} GB large, more than {MAX_BYTES / 1e9:g} GB; give a head CT with a smaller matrix or thicker slices.")
