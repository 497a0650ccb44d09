"""What changed in a label map, as runs: small enough to keep in a record and quick enough to replay at every undo."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.record.reviewed import LabelRuns

Labels = NDArray[np.uint8]
_PIECE = 4_000_000  # voxels


def differing(a: NDArray[Any], b: NDArray[Any]) -> list[int]:
    """The slices in which two (K, J, I) arrays differ, found without a third array of that size."""
    return [] if a is b else [k for k, (x, y) in enumerate(zip(a, b, strict=True)) if not np.array_equal(x, y)]


@dataclass(frozen=True, eq=False)
class LabelChange:
    """New values in runs of the flattened (K, J, I) label map.

    Attributes:
        starts: (n,) int64 flat index where each run begins, ascending.
        lengths: (n,) int32 voxels in each run.
        values: (n,) uint8 the new value of each run.
    """

    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    values: Labels

    @classmethod
    def between(cls, old: Labels, new: Labels, slices: range | None = None) -> LabelChange:
        """What turns ``old`` into ``new``; both (K, J, I), read in C order; only ``slices`` can differ, where given.

        Raises:
            ValueError: arrays of different shapes.
        """
        if old.shape != new.shape:
            raise ValueError(f"label maps of shapes {old.shape} and {new.shape} cannot be compared")
        found = [
            np.flatnonzero(old[k] != new[k]) + k * old[k].size for k in (range(len(old)) if slices is None else slices)
        ]
        where = np.concatenate(found) if found else np.empty(0, np.int64)
        return cls.at(where, new.reshape(-1)[where])

    @classmethod
    def at(cls, where: NDArray[np.integer], values: Labels) -> LabelChange:
        """``values`` at the ascending flat indices ``where``."""
        if len(where) == 0:
            return cls(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint8))
        new_run = np.r_[True, (np.diff(where) > 1) | (values[1:] != values[:-1])]
        first = np.flatnonzero(new_run)
        lengths = np.diff(np.r_[first, len(where)])
        return cls(where[first].astype(np.int64), lengths.astype(np.int32), values[first].astype(np.uint8))

    @property
    def size(self) -> int:
        """Number of voxels that change."""
        return int(self.lengths.sum())

    def slices(self, shape: tuple[int, ...]) -> range:
        """The slices of a (K, J, I) label map from the first to the last change."""
        if not self.size:
            return range(0)
        area = shape[1] * shape[2]
        return range(int(self.starts[0]) // area, (int(self.starts[-1]) + int(self.lengths[-1]) - 1) // area + 1)

    def pieces(self) -> Iterator[LabelChange]:
        """The same change in pieces of at most four million voxels, so that a change of a whole scan costs little memory."""
        ends = np.cumsum(self.lengths, dtype=np.int64)
        for begin in range(0, self.size, _PIECE):
            end = min(begin + _PIECE, self.size)
            runs = slice(int(np.searchsorted(ends, begin, "right")), int(np.searchsorted(ends, end)) + 1)
            first = np.maximum(begin, ends[runs] - self.lengths[runs])  # of every run in the order of all voxels
            lengths = np.minimum(end, ends[runs]) - first
            yield LabelChange(
                self.starts[runs] + first - (ends[runs] - self.lengths[runs]),
                lengths.astype(np.int32),
                self.values[runs],
            )

    def indices(self) -> NDArray[np.int64]:
        """(size,) flat indices of the voxels that change."""
        offsets = np.arange(self.size) - np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)
        return np.repeat(self.starts, self.lengths) + offsets

    def voxel_values(self) -> Labels:
        """(size,) the new value of every voxel that changes."""
        return np.repeat(self.values, self.lengths)

    def to_record(self) -> LabelRuns:
        """The runs as compressed text, as a record keeps them."""
        # distances between runs compress far better than positions
        raw = (
            np.diff(self.starts, prepend=0).astype("<i8").tobytes()
            + self.lengths.astype("<i4").tobytes()
            + self.values.tobytes()
        )
        data = base64.b64encode(zlib.compress(raw, 6)).decode("ascii")
        return LabelRuns(voxels=self.size, runs=len(self.starts), data=data)

    @classmethod
    def from_record(cls, entry: LabelRuns, size: int, largest: int) -> LabelChange:
        """The inverse of :meth:`to_record`, for a label map of ``size`` voxels with values up to ``largest``.

        Raises:
            ValueError: the text is damaged, unpacks to more than it says, or does not fit the label map.
        """
        n = entry.runs
        if n > size:
            raise ValueError("there are more runs of a label change than fit the scan")
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(
            base64.b64decode(entry.data, validate=True), 13 * n + 1
        )  # never more, whatever it holds
        if len(raw) != 13 * n or not unpacker.eof or unpacker.unused_data:
            raise ValueError("the runs of a label change are incomplete")
        distances, lengths = np.frombuffer(raw, "<i8", n), np.frombuffer(raw, "<i4", n, 8 * n).astype(np.int32)
        values = np.frombuffer(raw, np.uint8, n, 12 * n).copy()
        if n and (distances.min() < 0 or distances.max() >= size or lengths.min() < 1 or values.max() > largest):
            raise ValueError("the runs of a label change do not fit the scan")
        starts = np.cumsum(distances)  # cannot overflow: at most as many as there are voxels, none larger than the scan
        ends = starts + lengths
        if n and (ends[-1] > size or (starts[1:] < ends[:-1]).any() or int(lengths.sum()) != entry.voxels):
            raise ValueError("the runs of a label change do not fit the scan")
        return cls(starts.astype(np.int64), lengths, values)
