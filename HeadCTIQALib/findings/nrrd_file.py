"""The voxels in a segmentation file as 3D Slicer writes it: what they cost is known from the header before any is unpacked."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import InputError, boundary
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
_LARGEST_FILE = 1_000_000_000  # bytes, packed or not
_ELSEWHERE = frozenset({"data file", "datafile", "line skip", "lineskip", "byte skip", "byteskip"})


Header = Mapping[str, str]


def read_nrrd(path: Path) -> tuple[Header, NDArray[np.integer]]:
    """The header (keys as written, without the colon), and the (k, j, i, L) voxels of all layers.

    Needs no package that a plain 3D Slicer lacks, whose own reader crashes on some damaged files.

    Raises:
        InputError: the file is missing, is no ordinary one, is damaged, is packed as 3D Slicer does not, has its voxels in
            another file, or says that it is larger than a scan.
    """
    try:
        file = read_regular(path, _LARGEST_FILE, "The segmentation")
    except FileNotFoundError:
        raise InputError(
            f"The segmentation {path} is missing; save it from 3D Slicer again or assess the scan again."
        ) from None
    with boundary(f"The segmentation {path} is damaged; save it from 3D Slicer again as .seg.nrrd."):
        start = min(at + len(end) for end in (b"\n\n", b"\n\r\n") if (at := file.find(end, 0, _LARGEST_HEADER)) >= 0)
        header = _header(file[:start].decode("utf-8", "replace"))
        if not _ELSEWHERE.isdisjoint(key.lower() for key in header):
            raise InputError(
                f"The segmentation {path} says that its voxels lie elsewhere; save it from 3D Slicer again as .seg.nrrd, in one file."
            )
        return header, _voxels(path, header, memoryview(file)[start:])


def vectors(text: str) -> NDArray[np.float64]:
    """(n, 3) of the vectors in a header's value such as ``none (1,0,0) (0,1,0) (0,0,1)``.

    Raises:
        ValueError: not three finite numbers in every bracket.
    """
    found = np.array([[float(x) for x in v.split(",")] for v in re.findall(r"\(([^()]*)\)", text)], float).reshape(
        -1, 3
    )
    if not np.isfinite(found).all():
        raise ValueError(f"{text!r} is no vector")
    return found


def _header(text: str) -> dict[str, str]:
    magic, *lines = text.split("\n")
    if not re.fullmatch(r"NRRD000\d", magic.strip()):
        raise ValueError(f"{magic[:20]!r} is no NRRD")
    found: dict[str, str] = {}
    for line in lines:
        if line.strip() and not line.startswith("#"):
            key, _, value = line.partition(":")
            if key.strip() in found:
                raise ValueError(f"{key[:40]!r} stands twice in the header")
            found[key.strip()] = value.removeprefix("=").strip()
    return found


def _voxels(path: Path, header: Header, data: memoryview) -> NDArray[np.integer]:
    sizes, dtype = [int(n) for n in header["sizes"].split()], np.dtype(_DTYPES[header["type"].lower()])
    *layers, columns, rows, planes = sizes
    count = layers[0] if layers else 1
    if (
        len(sizes) != int(header["dimension"])
        or len(layers) > 1
        or count < 1
        or len(vectors(header["space directions"])) != 3
    ):
        raise InputError(f"The file {path} is not a 3D Slicer segmentation; save it from 3D Slicer as .seg.nrrd.")
    refuse_oversized(f"The segmentation {path}", planes, rows, columns, dtype.itemsize * count)
    if dtype.itemsize > 1:
        dtype = dtype.newbyteorder(_ORDERS[header["endian"].lower()])
    wanted = dtype.itemsize * count * columns * rows * planes
    unpacked = _decoded(path, header["encoding"].lower(), data, wanted)
    if len(unpacked) != wanted:
        raise InputError(
            f"The segmentation {path} holds more or fewer voxels than it says; save it from 3D Slicer again as .seg.nrrd."
        )
    return np.frombuffer(unpacked, dtype).reshape(planes, rows, columns, count)


def _decoded(path: Path, encoding: str, data: memoryview, wanted: int) -> bytes | memoryview:
    """At most one byte more than ``wanted``, whatever the file holds."""
    if encoding == "raw":
        return data
    if encoding in ("gzip", "gz"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, wanted + 1)
    raise InputError(
        f"The segmentation {path} is packed in a way that 3D Slicer does not use; save it from 3D Slicer again as .seg.nrrd."
    )
