"""DICOM bytes to a pydicom data set: the one boundary behind which pydicom's parser runs, with what it may cost."""

from __future__ import annotations

import io
import math
import os
import warnings
import zlib
from typing import IO, TYPE_CHECKING

from ..errors import boundary
from .archive import Location, opened
from .limits import Meter
from .tags import integer

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

HEADER_BYTES = 32 << 20  # of everything before the pixels; 1500 frames with their functional groups take a third of it
DEFLATED_BYTES = 512 << 20  # of one deflated file when unpacked
MAX_READS = 1_000_000  # by the parser, two or three for an element: a few seconds, and twice what 1500 frames need
MAX_ELEMENTS = 20_000  # at the top level; real headers have a few hundred
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}


def looks_like_dicom(head: bytes) -> bool:
    """True for a DICOM file by its first 132 bytes: the prefix, or a data set (or its meta information) without one."""
    if head[128:132] == b"DICM":
        return True
    little = head[:1] in (b"\x02", b"\x08") and head[1:2] == b"\0" and head[3:4] == b"\0"
    big = head[:2] in (b"\0\x02", b"\0\x08") and head[2:3] == b"\0"
    return (little or big) and len(head) > 16


def read_dataset(path: Location, specific_tags: list[str] | None = None) -> Dataset:
    """The whole data set of one file, for those who know from its header what it holds.

    Args:
        specific_tags: keywords of the elements to read; None for all.

    Raises:
        InputError: not DICOM, or damaged; what the parser raised is the cause.
    """
    return _parsed(path, specific_tags, header_only=False)[0]


def read_header(path: Location, specific_tags: list[str] | None = None) -> tuple[Dataset, bool]:
    """The data set before the pixels, whose cost is bounded, and whether pixels follow.

    Args, Raises: as :func:`read_dataset`.
    """
    return _parsed(path, specific_tags, header_only=True)


def _parsed(path: Location, specific_tags: list[str] | None, header_only: bool) -> tuple[Dataset, bool]:
    from pydicom.filereader import read_partial
    from pydicom.tag import Tag

    seen = has_pixels = 0

    def stop(tag: BaseTag, vr: str | None, length: int) -> bool:
        nonlocal seen, has_pixels
        seen += 1
        if seen > MAX_ELEMENTS:  # zeros or noise would be read element by element, for minutes
            raise ValueError(f"more than {MAX_ELEMENTS} elements")
        has_pixels |= int(tag) in _PIXELS
        return header_only and bool(has_pixels)

    with boundary(f"{path.name} is damaged or truncated; copy the scan again."), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with opened(path, path.name) as stream:
            ds = read_partial(
                _Counted(_content(stream, path.name, header_only)),  # type: ignore[arg-type]
                stop_when=stop,
                defer_size=HEADER_BYTES if header_only else None,
                force=True,
                specific_tags=[Tag(keyword) for keyword in specific_tags] if specific_tags else None,
            )
            if header_only and stream.seek(0, os.SEEK_END) > HEADER_BYTES + 8 * _voxels(ds):
                raise ValueError("far larger than its image")
    return ds, bool(has_pixels)


class _Counted:
    """A stream that ends a parser which reads millions of elements out of a few bytes each."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._left = stream, MAX_READS
        self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close
        self.name = getattr(stream, "name", "")

    def read(self, size: int = -1) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many elements")
        return self._stream.read(size)


def _voxels(ds: Dataset) -> int:
    return math.prod(max(1, integer(ds, keyword) or 1) for keyword in ("NumberOfFrames", "Rows", "Columns"))


def _content(stream: IO[bytes], name: str, header_only: bool) -> IO[bytes]:
    """The stream to parse: of a large file only as much as a header can have, of a deflated one what it unpacks to."""
    start, syntax = _meta(stream)
    stream.seek(start)
    if stream.read(2) == b"\0\0":  # zeros, which pydicom would read as elements of group 0 one by one
        raise ValueError("no data set")
    if syntax == _DEFLATED:
        stream.seek(start)
        content = _inflated(stream, name, HEADER_BYTES if header_only else DEFLATED_BYTES, header_only)
        if content[:2] == b"\0\0":
            raise ValueError("no data set")
        return io.BytesIO(content)
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if header_only and size > HEADER_BYTES:
        return io.BytesIO(stream.read(HEADER_BYTES))
    # In memory a length that lies cannot make Python allocate what it claims.
    return stream if header_only or size > 4 * HEADER_BYTES else io.BytesIO(stream.read())


def _meta(stream: IO[bytes]) -> tuple[int, bytes]:
    """Where the data set starts, and its transfer syntax (empty when not said); by the meta information's own simple form."""
    head = stream.read(132)
    at = 132 if head[128:] == b"DICM" else 0
    syntax = b""
    for _ in range(64):
        stream.seek(at)
        element = stream.read(12)
        if element[:2] != b"\x02\0" or len(element) < 12:
            break
        long = element[4:6] in (b"OB", b"OW", b"UN", b"UT", b"SQ")
        length = int.from_bytes(element[8:12] if long else element[6:8], "little")
        at += 12 if long else 8
        if element[2:4] == b"\x10\0" and length <= 64:
            stream.seek(at)
            syntax = stream.read(length).rstrip(b" \0")
        at += length
    return at, syntax


def _inflated(stream: IO[bytes], name: str, limit: int, cut: bool) -> bytes:
    """The data set of a deflated file; beyond ``limit`` bytes it is cut or refused."""
    unpacker, meter, parts, seen = zlib.decompressobj(-zlib.MAX_WBITS), Meter(name, limit), [], 0
    pending = stream.read(1 << 16)
    while pending and not unpacker.eof:
        part = unpacker.decompress(pending, 1 << 20)
        seen += len(part)
        if cut and seen > limit:
            break
        meter.add(len(part))
        parts.append(part)
        pending = unpacker.unconsumed_tail or stream.read(1 << 16)
    return b"".join(parts) if cut else b"".join([*parts, unpacker.flush()])
