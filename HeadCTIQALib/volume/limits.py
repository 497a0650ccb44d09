"""What a scan may cost, decided from headers before anything is decoded: the one place, for every format."""

from __future__ import annotations

from ..errors import InputError

MAX_SLICES = 1500
MAX_BYTES = 1_500_000_000  # of HU, 2 bytes a voxel
MAX_UNPACKED_BYTES = 6 << 30  # of an archive or a compressed file


def refuse_oversized(name: str, slices: int, rows: int, columns: int, bytes_per_voxel: int = 2) -> None:
    """Raise InputError for more than 1500 slices, more than 1.5 GB of HU, or stored values that take more than twice that.

    Args:
        name: of the file or folder, for the message.
        slices, rows, columns: the header's word, whatever it says.
        bytes_per_voxel: of the values as stored and decoded.
    """
    if min(slices, rows, columns) < 1:
        raise InputError(f"{name} says that it is {columns} x {rows} x {slices} voxels large, which no image is; export it again.")
    if slices > MAX_SLICES:
        raise InputError(f"{name} has {slices} slices, more than {MAX_SLICES}; give a head CT with thicker slices or choose another series.")
    size = slices * rows * columns
    if 2 * size > MAX_BYTES or bytes_per_voxel * size > 2 * MAX_BYTES:
        shown = max(2, bytes_per_voxel) * size / 1e9
        raise InputError(f"{name} is {shown:.1f} GB large, more than {MAX_BYTES / 1e9:g} GB; give a head CT with a smaller matrix or thicker slices.")


class Meter:
    """Counts what comes out of a compressed file, and refuses it when it is more than a head CT can hold.

    Args:
        name: of the file, for the message.
        limit: bytes.
    """

    def __init__(self, name: str, limit: int = MAX_UNPACKED_BYTES) -> None:
        self._name, self._limit, self._seen = name, limit, 0

    def add(self, count: int) -> None:
        """Raise InputError once the bytes so far exceed the limit."""
        self._seen += count
        if self._seen > self._limit:
            raise InputError(f"{self._name} is too large when unpacked (over {self._limit >> 20} MB); give the archive of one study.")
