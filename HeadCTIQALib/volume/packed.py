"""Compressed bytes, unpacked no further than they are read."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable
from typing import BinaryIO

_BLOCK = 1 << 16
_PARTS = 1000  # that may be empty; writers that compress in parts put 64 KB into each
_PART_BYTES = 1 << 10

_KINDS: dict[str, tuple[bytes, Callable[[], _Inflating | bz2.BZ2Decompressor]]] = {
    "gzip": (b"\x1f\x8b", lambda: _Inflating(zlib.MAX_WBITS | 16)),
    "zlib": (b"", lambda: _Inflating(zlib.MAX_WBITS)),
    "bzip2": (b"BZh", bz2.BZ2Decompressor),
}


class Packed:
    """A gzip, zlib or bzip2 stream with its checksums, of one part or several.

    The modules of Python's own look for a next part as long as the file goes on: padding of gigabytes, or millions of empty
    parts, keep them busy for hours.  Here the stream ends where no part begins, and parts must hold something.

    Args:
        file: at the first packed byte.
        kind: "gzip", "zlib" or "bzip2".
    """

    def __init__(self, file: BinaryIO, kind: str) -> None:
        self._file = file
        self._magic, self._new = _KINDS[kind]
        self._part, self._parts, self._seen, self._ready = self._new(), 1, 0, b""

    def read(self, count: int) -> bytes:
        """1 to ``count`` bytes, or none at the end.

        Raises:
            EOFError, ValueError, zlib.error, OSError: damaged.
        """
        while not self._part.eof or self._next_part():
            packed = b""
            if self._part.needs_input:
                packed = self._ready or self._file.read(_BLOCK)
                self._ready = b""
                if not packed:
                    raise EOFError("the compressed data end early")
            content = self._part.decompress(packed, count)
            if content:
                self._seen += len(content)
                return content
        return b""

    def _next_part(self) -> bool:
        if not self._magic:
            return False
        self._ready = self._part.unused_data or self._file.read(_BLOCK)
        if len(self._ready) < len(self._magic):
            self._ready += self._file.read(_BLOCK)
        if not self._ready.startswith(self._magic):
            return False
        self._part, self._parts = self._new(), self._parts + 1
        if self._parts > _PARTS + self._seen // _PART_BYTES:
            raise ValueError("the compressed data are in parts that hold nothing")
        return True


class _Inflating:
    """zlib's decompressor with the face of bz2's."""

    def __init__(self, wbits: int) -> None:
        self._unpack = zlib.decompressobj(wbits)
        self._full = False  # the last answer was as long as it might be, so there may be more

    @property
    def eof(self) -> bool:
        return self._unpack.eof

    @property
    def unused_data(self) -> bytes:
        return self._unpack.unused_data

    @property
    def needs_input(self) -> bool:
        return not (self._full or self._unpack.unconsumed_tail)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        content = self._unpack.decompress(data or self._unpack.unconsumed_tail, max_length)
        self._full = len(content) == max_length
        return content
