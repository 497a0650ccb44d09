"""What the header of an image file says, whatever its format, and the voxels behind it, plane by plane."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..text import printable
from .archive import Location, beside, opened
from .limits import refuse_padded
from .packed import Packed
from .types import Vector

_MAX_SKIP = 1 << 26  # extensions of a header; none is as long
_MAX_LETTERS = 400  # of a number written as text
_MAX_DIGITS = 20
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Stored:
    """Where the voxels lie and how they are stored.

    Attributes:
        start: bytes of the file before the (packed) voxels; None when they are its last bytes.
        skip: bytes before the first voxel, after unpacking.
        packing: "raw", "gzip", "bzip2", "zlib" or "text" (of 64-bit floats, whatever the header says).
        slope, intercept: from a stored value to HU.
    """

    path: Location
    dtype: np.dtype[Any]
    start: int | None = 0
    skip: int = 0
    packing: str = "raw"
    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True)
class ImageHeader:
    """One 3-D grey image.

    Attributes:
        sizes: voxels along i (fastest), j, k.
        steps: (3, 3) RAS mm per i, j, k in its columns; the slices k need not be stacked along their normal.
        origin: (3,) RAS mm of the voxel 0, 0, 0.
        notes: what the reader of the result must know about the header.
        keys: free entries.
    """

    sizes: tuple[int, int, int]
    steps: Vector
    origin: Vector
    stored: Stored
    notes: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)


def three_sizes(name: str, sizes: Sequence[int]) -> tuple[int, int, int]:
    """The sizes of one volume; axes of size 1 behind the third do not count.

    Raises:
        InputError: 2-D, or several time points.
    """
    if any(n > 1 for n in sizes[3:]):
        raise InputError(
            f"{name} is {len(sizes)}-D ({' x '.join(map(str, sizes))}), not one volume; give a single time point."
        )
    if len(sizes) < 3 or 1 in sizes[:3]:
        raise InputError(f"{name} is a 2-D image, not a volume; give the whole head CT.")
    return sizes[0], sizes[1], sizes[2]


def integer(text: str) -> int:
    """A number of a text header; ValueError for none, or one that fills a page."""
    if len(text) > _MAX_DIGITS:
        raise ValueError("no count is as long")
    return int(text)


def colour(name: str) -> InputError:
    """The refusal of an image with several values a voxel."""
    return InputError(f"{name} is a colour or vector image, not CT values in HU; give the CT image itself.")


def damaged(name: str) -> InputError:
    """The refusal of what the format does not allow."""
    return InputError(f"{name} is damaged, truncated or not the format that its name says; export it again.")


def data_file(header: Location, entry: str, name: str) -> Location:
    """The file with the voxels, which a header names.

    Raises:
        InputError: ``entry`` leads out of the header's folder, means several files, or is no file that can be opened.
    """
    if re.search(r"%[-+ #0-9.]*[diuxX]", entry) or entry.split()[:1] == ["LIST"]:
        raise InputError(f"{name} keeps its voxels in several files; save it as one file.")
    entry = entry.removeprefix("./")
    shown = printable(entry)[:80]
    if not entry or entry in (".", "..") or re.search(r"[/\\:\0]", entry):
        raise InputError(
            f"{name} names a data file in another place ({shown}); put both into one folder and the bare name into the header."
        )
    path = beside(header, entry)
    if path is None:
        raise InputError(f"{name}: its data file {shown} does not exist; put both into one folder.")
    opened(path, f"{name}: its data file {shown}").close()
    return path


def planes(stored: Stored, sizes: tuple[int, int, int], name: str) -> Iterator[NDArray[Any]]:
    """(J, I) planes of stored values in file order, k slowest; never more is unpacked than the header says, and one plane.

    Raises:
        InputError: truncated, damaged, or longer than the header says.
    """
    columns, rows, depth = sizes
    wanted = columns * rows * stored.dtype.itemsize
    with opened(stored.path, name) as file:
        stream = _unpacked(file, stored, wanted * depth, name)
        for _ in range(depth):
            yield np.frombuffer(_exactly(stream, wanted, name), stored.dtype).reshape(rows, columns)
        if len(up_to(stream, wanted)) == wanted:  # reading on also compares the checksum
            raise InputError(
                f"{name} holds more voxels than the {columns} x {rows} x {depth} that its header says; export it again."
            )


def _unpacked(file: BinaryIO, stored: Stored, total: int, name: str) -> IO[bytes]:
    length = file.seek(0, os.SEEK_END)
    if not 0 <= stored.skip <= _MAX_SKIP or not 0 <= (stored.start or 0) <= length:
        raise damaged(name)
    if stored.packing == "raw":
        start = length - total if stored.start is None else stored.start + stored.skip
        if start < 0 or length - start < total:
            raise damaged(name)
        file.seek(start)
        return file
    refuse_padded(name, length - (stored.start or 0), stored.skip + total)
    file.seek(stored.start or 0)
    stream = _open_packed(file, stored)
    _exactly(stream, stored.skip, name)
    return stream


def _open_packed(file: BinaryIO, stored: Stored) -> IO[bytes]:
    if stored.packing == "text":
        return cast("IO[bytes]", _Text(file))
    magic = file.read(2)
    file.seek(-len(magic), os.SEEK_CUR)
    return cast("IO[bytes]", Packed(file, "gzip" if magic == b"\x1f\x8b" else stored.packing))


class _Text:
    """Numbers written as text, read as the bytes of 64-bit floats."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._rest, self._ready = file, b"", b""

    def read(self, count: int) -> bytes:
        """1 to ``count`` bytes, or none at the end."""
        while not self._ready:
            block = self._file.read(_BLOCK)
            whole, self._rest = _at_last_space(self._rest + block) if block else (self._rest, b"")
            if not block and not whole:
                return b""
            self._ready = np.array(whole.split(), np.float64).tobytes()
        content, self._ready = self._ready[:count], self._ready[count:]
        return content


def _at_last_space(text: bytes) -> tuple[bytes, bytes]:
    end = max(text.rfind(space) for space in (b" ", b"\n", b"\t", b"\r")) + 1
    if len(text) - end > _MAX_LETTERS:
        raise ValueError("no number is as long")
    return text[:end], text[end:]


def up_to(stream: IO[bytes], count: int) -> bytes:
    """The next ``count`` bytes of a stream that may give fewer at a time; fewer at its end."""
    parts, left = [], count
    while left and (part := stream.read(min(left, 1 << 24))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _exactly(stream: IO[bytes], count: int, name: str) -> bytes:
    content = up_to(stream, count)
    if len(content) < count:
        raise damaged(name)
    return content
