"""What a scan may cost, decided from headers before anything is decoded: the one place, for every format."""

from __future__ import annotations

from ..errors import InputError

MAX_SLICES = 1500
MAX_BYTES = 1_500_000_000  # of HU, 2 bytes a voxel
MAX_UNPACKED_BYTES = 6 << 30  # of an archive or a compressed file
MAX_EDITS = 2000  # of one scan by persons; each is replayed at every undo
MAX_RUNS = 10_000_000  # of painted voxels, in all edits; a mask drawn anew by hand takes some ten thousand
MAX_TABLE_BYTES = 200_000_000  # of a workbook with readers' scores, unpacked
MAX_TABLE_CELLS = 5_000_000
MAX_PAINTED = 100_000_000  # voxels in all edits; of a large scan four times its own


def refuse_oversized(name: str, slices: int, rows: int, columns: int, bytes_per_voxel: int = 2) -> None:
    """Raise InputError for more than 1500 slices, more than 1.5 GB of HU, or stored values that take more than twice that.

    Args:
        name: of the file or folder, for the message.
        slices, rows, columns: the header's word, whatever it says.
        bytes_per_voxel: of the values as stored and decoded.
    """
    if min(slices, rows, columns) < 1:
        raise InputError(
            f"{name} says that it is {columns} x {rows} x {slices} voxels large, which no image is; export it again."
        )
    if slices > MAX_SLICES:
        raise InputError(
            f"{name} has {slices} slices, more than {MAX_SLICES}; give a head CT with thicker slices or choose another series."
        )
    size = slices * rows * columns
    if 2 * size > MAX_BYTES or bytes_per_voxel * size > 2 * MAX_BYTES:
        shown = max(2, bytes_per_voxel) * size / 1e9
        raise InputError(
            f"{name} is {shown:.1f} GB large, more than {MAX_BYTES / 1e9:g} GB; give a head CT with a smaller matrix or thicker slices."
        )


def refuse_padded(name: str, packed: int, unpacked: int) -> None:
    """Raise InputError for a compressed file, or numbers as text, far longer than the voxels that its header tells of.

    Args:
        name: of the file, for the message.
        packed: bytes that lie there.
        unpacked: bytes that the header says they become.
    """
    if packed > 4 * unpacked + (1 << 20):
        raise InputError(
            f"{name} is {packed / 1e6:.0f} MB long, but its header tells of {unpacked / 1e6:.1f} MB of voxels; export it again."
        )


def refuse_endless(name: str, edits: int, runs: int, painted: int, voxels: int) -> None:
    """Raise InputError for more corrections of one scan than a person makes: few bytes hold many that paint all of it.

    Args:
        name: of the corrections, for the message.
        edits: their number.
        runs, painted: of voxels, and voxels, in all of them together.
        voxels: of the scan.
    """
    if edits > MAX_EDITS or runs > MAX_RUNS or painted > max(MAX_PAINTED, 4 * voxels):
        told = f"{edits:,} that paint {painted / 1e6:,.0f} million voxels in {runs:,} runs"
        raise InputError(
            f"{name} are more than can be kept for one scan ({told}); revert some, or assess the scan again."
        )


def refuse_large_table(name: str, unpacked: int, cells: int = 0) -> None:
    """Raise InputError for a workbook that is far larger than any table of readers' scores.

    Args:
        name: of the file, for the message.
        unpacked: bytes, by the word of its directory, which is also the most that is unpacked.
        cells: seen so far, the empty ones between them included.
    """
    if unpacked > MAX_TABLE_BYTES or cells > MAX_TABLE_CELLS:
        raise InputError(
            f"{name} is too large for a table of scores (over {MAX_TABLE_BYTES >> 20} MB or {MAX_TABLE_CELLS:,} cells); save the table alone."
        )


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
            raise InputError(
                f"{self._name} is too large when unpacked (over {self._limit >> 20} MB); give the archive of one study."
            )
