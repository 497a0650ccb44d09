"""The voxels in a segmentation file as 3D Slicer writes it: what they cost is known from the header before any is unpacked."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.volume.limits import refuse_oversized

_DTYPES = {
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
}
_ORDERS: Mapping[str, Literal["<", ">"]] = {"little": "<", "big": ">"}
_LARGEST_HEADER = 4_000_000  # bytes; that of 3D Slicer has some thousands
_LARGEST_FILE = 2_000_000_000  # bytes, packed or not
_ELSEWHERE = frozenset({b"data file", b"datafile", b"line skip", b"lineskip", b"byte skip", b"byteskip"})


def read_file(path: Path) -> tuple[bytes, int]:
    """The content of a segmentation file, and where in it the voxels begin; needs no package that a plain 3D Slicer lacks.

    Raises:
        InputError: the file is missing or no ordinary file, or its voxels lie in another one, which no reader may open for it.
    """
    try:
        file = read_regular(path, _LARGEST_FILE, "The segmentation")
    except FileNotFoundError:
        raise InputError(f"The segmentation {path} is missing; save it from 3D Slicer again or assess the scan again.") from None
    ends = [at + len(end) for end in (b"\n\n", b"\n\r\n") if (at := file.find(end, 0, _LARGEST_HEADER)) >= 0]
    if not file.startswith(b"NRRD") or not ends:
        raise InputError(f"The segmentation {path} is damaged; save it from 3D Slicer again as .seg.nrrd.")
    start = min(ends)
    keys = {line.partition(b":")[0].strip().lower() for line in file[:start].splitlines()}
    if keys & _ELSEWHERE:
        raise InputError(f"The segmentation {path} says that its voxels lie elsewhere; save it from 3D Slicer again as .seg.nrrd, in one file.")
    return file, start


def unpack(path: Path, file: bytes, start: int) -> tuple[dict[str, Any], NDArray[np.integer]]:
    """The header, and the (k, j, i, L) voxels of all layers.

    Args:
        path: of the file, for messages.
        file, start: from :func:`read_file`.

    Raises:
        InputError: the voxels are packed as 3D Slicer does not, or are more than a scan has.
        Exception: anything else for a damaged file.
    """
    import nrrd

    header: dict[str, Any] = dict(nrrd.read_header(io.BytesIO(file[:start])))
    sizes, dtype = [int(n) for n in header["sizes"]], np.dtype(_DTYPES[header["type"].lower()])
    *layers, columns, rows, planes = sizes
    count = layers[0] if layers else 1
    if len(sizes) != header["dimension"] or len(layers) > 1 or count < 1:
        raise InputError(f"The file {path} is not a 3D Slicer segmentation; save it from 3D Slicer as .seg.nrrd.")
    refuse_oversized(f"The segmentation {path}", planes, rows, columns, dtype.itemsize * count)
    if dtype.itemsize > 1:
        dtype = dtype.newbyteorder(_ORDERS[header["endian"].lower()])
    wanted = dtype.itemsize * count * columns * rows * planes
    data = _decoded(path, header["encoding"].lower(), memoryview(file)[start:], wanted)
    if len(data) != wanted:
        raise InputError(f"The segmentation {path} holds more or fewer voxels than it says; save it from 3D Slicer again as .seg.nrrd.")
    return header, np.frombuffer(data, dtype).reshape(planes, rows, columns, count)


def _decoded(path: Path, encoding: str, data: memoryview, wanted: int) -> bytes | memoryview:
    """At most one byte more than ``wanted``, whatever the file holds."""
    if encoding == "raw":
        return data
    if encoding in ("gzip", "gz"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, wanted + 1)
    raise InputError(f"The segmentation {path} is packed in a way that 3D Slicer does not use; save it from 3D Slicer again as .seg.nrrd.")
