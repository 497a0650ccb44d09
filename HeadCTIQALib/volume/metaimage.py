"""The header of a MetaImage file.  Format: https://itk.org/Wiki/ITK/MetaIO/Documentation"""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from HeadCTIQALib.geometry import LPS_TO_RAS

from ..errors import InputError
from .archive import Location, opened
from .placing import ORIENTATION_UNSTATED, POSITION_UNSTATED, refuse_impossible, unit_mm
from .types import Vector
from .voxels import ImageHeader, Stored, colour, damaged, data_file, integer, three_sizes

MAX_HEADER = 1 << 20  # bytes
_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_YES = ("true", "t", "1", "yes", "y")


def metaimage_header(path: Location, name: str) -> ImageHeader:
    """What the header says.

    Args:
        name: of the file in messages.

    Raises:
        InputError: damaged, a type that CT values do not have, not one volume, or an impossible geometry.
    """
    with opened(path, name) as file:
        fields = _entries(file, name)
        start = file.tell()
    count = integer(fields["NDims"])
    if not 1 <= count <= 7:
        raise InputError(f"{name} says that it has {count} dimensions; export it again as one volume.")
    if integer(fields.get("ElementNumberOfChannels", "1")) != 1:
        raise colour(name)
    extents = [integer(n) for n in fields["DimSize"].split()]
    if len(extents) != count:
        raise damaged(name)
    sizes = three_sizes(name, extents)
    spacing = _first(fields, "ElementSpacing", "ElementSize")
    if spacing is None:
        raise InputError(
            f"{name} does not say how large its voxels are (no ElementSpacing); export it again with its voxel sizes."
        )
    turned, place = (
        _first(fields, "TransformMatrix", "Rotation", "Orientation"),
        _first(fields, "Offset", "Position", "Origin"),
    )
    axes = np.eye(3) if turned is None else _axes(turned, count)
    scale = unit_mm(fields.get("DistanceUnits", "").replace("?", ""), name)
    lengths = _numbers(spacing, count)[:3]
    steps = scale * LPS_TO_RAS[:, None] * axes * np.where(lengths > 0, lengths, np.nan)
    origin = scale * LPS_TO_RAS * (np.zeros(3) if place is None else _numbers(place, count)[:3])
    refuse_impossible(name, steps, origin)
    notes = [ORIENTATION_UNSTATED] if turned is None else [POSITION_UNSTATED] if place is None else []
    return ImageHeader(sizes, steps, origin, _stored(path, fields, start, name), tuple(notes))


def _entries(file: BinaryIO, name: str) -> dict[str, str]:
    """The file stands behind the last line of the header, which names the voxels."""
    fields: dict[str, str] = {}
    while "ElementDataFile" not in fields:
        line = file.readline(MAX_HEADER)
        key, equals, value = (part.strip() for part in line.decode("utf-8", "surrogateescape").partition("="))
        if file.tell() > MAX_HEADER or not line or (line.strip() and not equals) or key in fields:
            raise damaged(name)
        if key:
            fields[key] = value
    if fields.get("ObjectType", "Image") != "Image":
        raise InputError(f"{name} holds no image; give the head CT.")
    return fields


def _first(fields: Mapping[str, str], *names: str) -> str | None:
    return next((fields[name] for name in names if name in fields), None)


def _numbers(text: str, count: int) -> Vector:
    numbers = np.array([float(n) for n in text.split()])
    if len(numbers) != count:
        raise ValueError("not as many numbers as dimensions")
    return numbers


def _axes(text: str, count: int) -> Vector:
    """(3, 3) unit vectors of the axes in columns; the file has them one after the other."""
    axes = _numbers(text, count * count).reshape(count, count).T[:3, :3]
    if not np.allclose(np.linalg.norm(axes, axis=0), 1, atol=0.01):
        raise ValueError("axes that are no unit vectors")
    return axes


def _is(fields: Mapping[str, str], *names: str) -> bool:
    return (_first(fields, *names) or "").lower() in _YES


def _stored(path: Location, fields: Mapping[str, str], start: int, name: str) -> Stored:
    kind = _TYPES.get(fields["ElementType"])
    if kind is None:
        raise InputError(f"{name} has values that are no CT values (its ElementType); save it as 16-bit integers.")
    data = fields["ElementDataFile"]
    local = data.upper() == "LOCAL"
    where = path if local else data_file(path, data, name)
    skip = integer(fields.get("HeaderSize", "0"))
    if fields.get("BinaryData", "True").lower() not in _YES:
        packing, dtype = "text", np.dtype("f8")
    else:
        packing = "zlib" if _is(fields, "CompressedData") else "raw"
        dtype = np.dtype((">" if _is(fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB") else "<") + kind)
    begin = start if local else None if skip == -1 else skip
    slope, intercept = (
        float(fields.get(f"ElementToIntensityFunction{part}", default))
        for part, default in (("Slope", 1), ("Offset", 0))
    )
    if not (np.isfinite(slope) and np.isfinite(intercept)) or slope == 0:
        raise damaged(name)
    return Stored(where, dtype, begin, 0, packing, slope, intercept)
