"""Files in a zip archive, read where they are: nothing of a patient's is unpacked onto the disk."""

from __future__ import annotations

import bz2
import copy
import io
import lzma
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, TypeAlias, cast

from ..errors import InputError, boundary
from ..files import open_regular
from .limits import MAX_BYTES, MAX_UNPACKED_BYTES, Meter

MAX_FILES = 100_000
_DIRECTORY_BYTES = 128 * MAX_FILES  # of an archive's table of contents: about 100,000 entries with their names
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Member:
    """A file in an open archive.  Like a path it has a name and a parent, and can be opened again and again."""

    archive: zipfile.ZipFile = field(repr=False, compare=False)
    info: zipfile.ZipInfo = field(repr=False, compare=False)
    meter: Meter = field(repr=False, compare=False)  # counts what comes out of the whole archive
    index: tuple[int, ...]  # in the archive; names may repeat

    @property
    def name(self) -> str:
        return PurePosixPath(self.info.filename).name or "file"

    @property
    def parent(self) -> PurePosixPath:
        return PurePosixPath(*map(str, self.index[:-1]), PurePosixPath(self.info.filename).parent)

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.info.filename).suffix

    def open(self, mode: str = "rb", /) -> IO[bytes]:
        """The file, unpacked as far as it is read."""
        return cast("IO[bytes]", Unpacking(self.blocks(), self.info.file_size))

    def beside(self, name: str) -> Member | None:
        """The file of that name in the same folder of the archive."""
        wanted = str(PurePosixPath(self.info.filename).with_name(name))
        found = (m for m in _members(self.archive, self.name, self.meter, self.index[:-1]) if m.info.filename == wanted)
        return next(found, None)

    def head(self, count: int) -> bytes:
        """The first bytes."""
        return next(self.blocks(count), b"")[:count]

    def blocks(self, size: int = _BLOCK) -> Iterator[bytes]:
        """The unpacked bytes, never many at once and never more than a head CT can hold, whatever the headers claim."""
        own = Meter(self.name, 2 * MAX_BYTES)
        with boundary(f"{self.name} is damaged in its archive; make the archive again."):
            for block in _unpacked(self.archive, self.info, size):
                own.add(len(block))
                self.meter.add(len(block))
                yield block


#: Where a file's bytes are.
Location: TypeAlias = Path | Member


def opened(where: Location, name: str) -> BinaryIO:
    """The file, for reading.

    Args:
        name: what messages call it.

    Raises:
        InputError: it is not there, no regular file, or not to be opened.
    """
    return open_regular(where, name) if isinstance(where, Path) else cast("BinaryIO", where.open())


def beside(where: Location, name: str) -> Location | None:
    """The file called ``name`` in the same folder, None where there is none."""
    if isinstance(where, Member):
        return where.beside(name)
    path = where.with_name(name)
    return path if path.exists() else None


class Unpacking(io.BufferedIOBase):
    """A stream that can be moved in, over blocks that are unpacked when they are asked for and then kept.

    Args:
        blocks: of the unpacked file in order.
        size: bytes that they are said to be together.
    """

    def __init__(self, blocks: Iterator[bytes], size: int) -> None:
        self._blocks, self._size, self._seen, self._at = blocks, size, bytearray(), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def peek(self, size: int = 0, /) -> bytes:
        """What comes next, for `readline`."""
        at, block = self._at, self.read(max(size, 1 << 12))
        self._at = at
        return block

    def read(self, size: int | None = -1, /) -> bytes:
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        while len(self._seen) < end and (block := next(self._blocks, b"")):
            self._seen += block
        part = bytes(self._seen[self._at : end])
        self._at += len(part)
        return part


@contextmanager
def archived(path: Path) -> Iterator[list[Member]]:
    """The files of a zip archive, and of the archives in it (one level deep), while the block runs.

    Raises:
        InputError: not a zip archive, damaged, encrypted, or too large when unpacked.
    """
    meter = Meter(path.name, MAX_UNPACKED_BYTES)
    with ExitStack() as stack:
        with boundary(f"{path.name} is damaged or not a zip archive; make it again."):
            file = stack.enter_context(open_regular(path, path.name))
            archive = stack.enter_context(_open(stack.enter_context(_Capped(file.fileno(), closefd=False)), path.name))
            files = []
            for member in _members(archive, path.name, meter, ()):
                if member.suffix.lower() == ".zip" and member.head(4) == b"PK\x03\x04":
                    files += _inner(member, path.name, stack)
                else:
                    files.append(member)
        yield files


def _inner(member: Member, name: str, stack: ExitStack) -> list[Member]:
    # The file has no name on the disk (or loses it at once), so that it is gone with the process, however that ends.
    stream = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    for block in member.blocks():
        stream.write(block)
    archive = stack.enter_context(_open(stack.enter_context(_Capped(stream.fileno(), closefd=False)), name))
    return list(_members(archive, name, member.meter, member.index))


def _members(archive: zipfile.ZipFile, name: str, meter: Meter, outer: tuple[int, ...]) -> Iterator[Member]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MAX_FILES:
        raise InputError(f"{name} holds more than {MAX_FILES:,} files; give the archive of one study.")
    if any(info.flag_bits & 1 for info in infos):
        raise InputError(f"{name} is protected by a password; unpack it first.")
    for index, info in enumerate(infos):
        yield Member(archive, info, meter, (*outer, index))


def _open(stream: IO[bytes], name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except _TooLongError as error:
        raise InputError(f"{name} holds more than {MAX_FILES:,} files; give the archive of one study.") from error


class _TooLongError(Exception):
    """More is asked for at once than a table of contents can be long."""


class _Capped(io.FileIO):
    """A file of which zipfile cannot read a table of millions of entries, which it would hold in memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY_BYTES:
            raise _TooLongError
        return super().read(size) or b""


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> Iterator[bytes]:
    if info.compress_type in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield from _bounded(archive, info, size)
        return
    with archive.open(info) as stream:
        while block := stream.read(size):
            yield block


def _bounded(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> Iterator[bytes]:
    """As zipfile unpacks bzip2 and LZMA, but not all that a few bytes unpack to at once: that may be gigabytes."""
    packed = copy.copy(info)
    packed.compress_type, packed.file_size, packed.CRC = zipfile.ZIP_STORED, info.compress_size, None  # type: ignore[assignment]
    with archive.open(packed) as stream:
        unpacker: bz2.BZ2Decompressor | lzma.LZMADecompressor
        if info.compress_type == zipfile.ZIP_BZIP2:
            unpacker, first = bz2.BZ2Decompressor(), b""
        else:
            # PKWARE's header becomes that of a plain .lzma file: 5 bytes of properties, 8 of the size.
            unpacker, header = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=256 << 20), stream.read(9)
            first = header[4:9] + (b"\xff" * 8 if info.flag_bits & 2 else info.file_size.to_bytes(8, "little"))
        left = info.file_size
        while left > 0 and not unpacker.eof:
            packed_bytes = first if first else stream.read(4096) if unpacker.needs_input else b""
            first = b""
            block = unpacker.decompress(packed_bytes, min(size, left))
            if not block and not packed_bytes and unpacker.needs_input:
                raise EOFError
            left -= len(block)
            if block:
                yield block
