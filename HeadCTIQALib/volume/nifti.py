"""The voxels of a NIfTI file, plane by plane.

ITK's NIfTI reader turns NaN into 0 and fills a truncated file with zeros, both without a word; a measured image must
not be made up, so only the geometry is left to ITK.  Format: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip


def planes(path: Path) -> Iterator[NDArray[Any]]:
    """(J, I) planes of scaled values in file order, k slowest.

    Raises:
        InputError: truncated, damaged, or of a data type that CT values do not have.
    """
    try:
        with _opened(path) as stream:
            yield from _planes(stream, path.name)
    except (EOFError, gzip.BadGzipFile, zlib.error, struct.error, OSError) as error:
        raise InputError(f"{path.name} is damaged or truncated; export it again.") from error


def is_version_2(path: Path) -> bool:
    """True for NIfTI-2, which ITK does not read."""
    try:
        with _opened(path) as stream:
            start = stream.read(8)
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError):
        return False
    return start[4:7] == b"n+2"


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if compressed else path.open("rb")


def _planes(stream: IO[bytes], name: str) -> Iterator[NDArray[Any]]:
    header = stream.read(348)
    order = next((o for o in "<>" if struct.unpack_from(f"{o}i", header)[0] == 348), None)
    if order is None:
        raise InputError(f"{name} is damaged or not a NIfTI-1 file; export it again.")
    dims = struct.unpack_from(f"{order}8h", header, 40)
    (datatype,) = struct.unpack_from(f"{order}h", header, 70)
    offset, slope, intercept = struct.unpack_from(f"{order}3f", header, 108)
    if datatype not in _TYPES:
        raise InputError(f"{name} has data type {datatype}, which is no CT value; export it as 16-bit integers.")
    kind = np.dtype(order + _TYPES[datatype])
    width, height, depth = (int(d) for d in dims[1:4])
    scaled = math.isfinite(slope) and slope != 0 and (slope, intercept) != (1, 0)
    stream.seek(int(offset))
    for _ in range(depth):
        content = stream.read(width * height * kind.itemsize)
        if len(content) < width * height * kind.itemsize:
            raise EOFError
        plane = np.frombuffer(content, kind).reshape(height, width)
        yield plane * np.float64(slope) + intercept if scaled else plane
