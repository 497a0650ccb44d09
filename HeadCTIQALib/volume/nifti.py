"""The header of a NIfTI-1 or NIfTI-2 file.

Formats: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h and .../doc/nifti2.h
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import IO, cast

import numpy as np

from ..errors import InputError
from .archive import Location, beside, opened
from .nifti_affine import Placing, placed
from .packed import Packed
from .voxels import ImageHeader, Stored, colour, damaged, three_sizes, up_to

_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_COLOURS = (128, 2304)
_LONGEST = 540


@dataclass(frozen=True)
class _Layout:
    """Places of the fields in a header: offset and struct format."""

    size: int
    magics: tuple[bytes, ...]  # in one file, and as the header of a pair
    magic: int
    dims: tuple[int, str]
    datatype: tuple[int, str]
    pixdim: tuple[int, str]
    scaling: tuple[tuple[int, str], ...]  # offset of the voxels; slope and intercept
    codes: tuple[int, str]  # qform, sform
    quatern: tuple[int, str]  # b, c, d, then the origin
    srow: tuple[int, str]
    units: tuple[int, str]


_LAYOUTS = (
    _Layout(
        348,
        (b"n+1\0", b"ni1\0"),
        344,
        (40, "8h"),
        (70, "h"),
        (76, "8f"),
        ((108, "f"), (112, "2f")),
        (252, "2h"),
        (256, "6f"),
        (280, "12f"),
        (123, "B"),
    ),
    _Layout(
        540,
        (b"n+2\0", b"ni2\0"),
        4,
        (16, "8q"),
        (12, "h"),
        (104, "8d"),
        ((168, "q"), (176, "2d")),
        (344, "2i"),
        (352, "6d"),
        (400, "12d"),
        (500, "i"),
    ),
)


def nifti_header(path: Location, name: str) -> ImageHeader:
    """What the header says.

    Args:
        name: of the file in messages.

    Raises:
        InputError: damaged, a type that CT values do not have, not one volume, or an impossible geometry.
    """
    with opened(path, name) as file:
        packing = "gzip" if file.read(2) == b"\x1f\x8b" else "raw"
        file.seek(0)
        stream = cast("IO[bytes]", Packed(file, "gzip")) if packing == "gzip" else file
        header = up_to(stream, _LONGEST)
    layout, order = _layout(header, name)

    def field(place: tuple[int, str]) -> tuple[float, ...]:
        return struct.unpack_from(order + place[1], header, place[0])

    count, *extents = (int(d) for d in field(layout.dims))
    if not 1 <= count <= 7:
        raise damaged(name)
    (datatype,) = field(layout.datatype)
    if datatype in _COLOURS:
        raise colour(name)
    if datatype not in _TYPES:
        raise InputError(f"{name} has data type {datatype:g}, which is no CT value; export it as 16-bit integers.")
    sizes = three_sizes(name, extents[:count])
    (offset,), (slope, intercept) = (field(place) for place in layout.scaling)
    if slope == 0 or math.isnan(slope):  # the standard's word for values that are not scaled
        slope, intercept = 1.0, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept) and math.isfinite(offset)):
        raise damaged(name)
    data = path
    if path.name.lower().endswith(".hdr"):
        data = _pair(path, name)
        with opened(data, name) as file:
            packing = "gzip" if file.read(2) == b"\x1f\x8b" else "raw"
    elif offset < layout.size:
        offset = layout.size + 4
    stored = Stored(data, np.dtype(order + _TYPES[int(datatype)]), 0, int(offset), packing, slope, intercept)
    steps, origin, notes = placed(
        Placing(
            field(layout.pixdim),
            field(layout.codes),
            field(layout.quatern),
            field(layout.srow),
            int(field(layout.units)[0]),
        ),
        sizes,
        name,
    )
    return ImageHeader(sizes, steps, origin, stored, tuple(notes))


def _layout(header: bytes, name: str) -> tuple[_Layout, str]:
    for layout in _LAYOUTS:
        for order in "<>":
            whole = len(header) >= layout.size and struct.unpack_from(f"{order}i", header)[0] == layout.size
            if whole and header[layout.magic : layout.magic + 4] in layout.magics:
                return layout, order
    raise damaged(name)


def _pair(header: Location, name: str) -> Location:
    for ending in (".img", ".img.gz", ".IMG"):
        if (data := beside(header, header.name[: -len(".hdr")] + ending)) is not None:
            return data
    raise InputError(f"{name} is a header without its .img file; put both into one folder.")
