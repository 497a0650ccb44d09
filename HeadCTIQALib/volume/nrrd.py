"""The header of an NRRD file.  Format: https://teem.sourceforge.net/nrrd/format.html"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from HeadCTIQALib.geometry import LPS_TO_RAS

from ..errors import InputError
from .archive import Location, opened
from .placing import ORIENTATION_UNSTATED, POSITION_UNSTATED, refuse_impossible, unit_mm
from .types import Vector
from .voxels import ImageHeader, Stored, colour, damaged, data_file, integer, three_sizes

MAX_HEADER = 1 << 22  # bytes
_TYPES = {
    "signed char": "i1", "int8": "i1", "int8_t": "i1", "uchar": "u1", "unsigned char": "u1", "uint8": "u1", "uint8_t": "u1",
    "short": "i2", "short int": "i2", "signed short": "i2", "signed short int": "i2", "int16": "i2", "int16_t": "i2",
    "ushort": "u2", "unsigned short": "u2", "unsigned short int": "u2", "uint16": "u2", "uint16_t": "u2",
    "int": "i4", "signed int": "i4", "int32": "i4", "int32_t": "i4", "uint": "u4", "unsigned int": "u4", "uint32": "u4", "uint32_t": "u4",
    "longlong": "i8", "long long": "i8", "long long int": "i8", "signed long long": "i8", "signed long long int": "i8", "int64": "i8", "int64_t": "i8",
    "ulonglong": "u8", "unsigned long long": "u8", "unsigned long long int": "u8", "uint64": "u8", "uint64_t": "u8",
    "float": "f4", "double": "f8",
}  # fmt: skip
_PACKINGS = {
    "raw": "raw",
    "gz": "gzip",
    "gzip": "gzip",
    "bz2": "bzip2",
    "bzip2": "bzip2",
    "txt": "text",
    "text": "text",
    "ascii": "text",
}
_SPACES = {
    "rightanteriorsuperior": (1, 1, 1), "ras": (1, 1, 1), "leftanteriorsuperior": (-1, 1, 1), "las": (-1, 1, 1),
    "leftposteriorsuperior": (-1, -1, 1), "lps": (-1, -1, 1),
}  # fmt: skip
_IN_SPACE = ("domain", "space", "???", "none")  # kinds of axes that lead through space
_REPEATS = (*_IN_SPACE, "list", "time")  # and of those along which whole images repeat


def nrrd_header(path: Location, name: str) -> ImageHeader:
    """What the header says.

    Args:
        name: of the file in messages.

    Raises:
        InputError: damaged, a type or packing that CT values do not have, not one volume, or an impossible geometry.
    """
    with opened(path, name) as file:
        fields, keys = _entries(file, name)
        start = file.tell()
    count = integer(fields["dimension"])
    sizes = [integer(n) for n in fields["sizes"].split()]
    if not 1 <= count <= 16 or len(sizes) != count:
        raise damaged(name)
    if count < 3:
        three_sizes(name, sizes)
    directions = _directions(fields.get("spacedirections"))
    spatial = _spatial_axes(fields, directions, count)
    extra = [axis for axis in range(count) if axis not in spatial]
    if any(
        sizes[axis] > 1 and (axis < min(spatial, default=0) or _kind(fields, axis) not in _REPEATS) for axis in extra
    ):
        raise colour(name)
    shape = three_sizes(name, [sizes[axis] for axis in (*spatial, *extra)])
    signs, notes = _frame(fields)
    if directions is None:
        steps, origin = _unturned(fields, spatial, name) * signs[:, None], np.zeros(3)
        notes = [ORIENTATION_UNSTATED]
    else:
        world = [unit_mm(u, name) for u in _quoted(fields.get("spaceunits", ""))][:3] or [1.0] * 3
        frame = signs * np.array(world)
        steps = np.stack([directions[axis][:3] for axis in spatial], axis=1) * frame[:, None]
        place = _directions(fields.get("spaceorigin"))
        notes += [] if place else [POSITION_UNSTATED]
        origin = (place[0][:3] if place else np.zeros(3)) * frame
    refuse_impossible(name, steps, origin)
    return ImageHeader(shape, steps, origin, _stored(path, fields, start, name), tuple(notes), keys)


def _entries(file: BinaryIO, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Fields (names without spaces and capitals) and free keys; the file stands behind the empty line."""
    if not re.fullmatch(rb"NRRD000\d\s*", file.readline(20)):
        raise damaged(name)
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    while line := file.readline(MAX_HEADER).rstrip(b"\r\n"):
        if file.tell() > MAX_HEADER:
            raise InputError(f"{name} has a header of more than {MAX_HEADER >> 20} MB; export it again.")
        if line.startswith(b"#"):
            continue
        key, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
        target, key = (keys, key) if value.startswith("=") else (fields, key.lower().replace(" ", ""))
        if not colon or key in target:  # said twice: which one holds?
            raise damaged(name)
        target[key] = value.removeprefix("=").strip()
    return fields, keys


def _directions(text: str | None) -> list[Vector] | None:
    """The vectors of a field; a vector of NaN for an axis without direction; None where the field is not there."""
    if text is None:
        return None
    found = [
        np.array([float(n) for n in v.split(",")] if v else [np.nan] * 3) for v in re.findall(r"none|\(([^)]*)\)", text)
    ]
    if any(len(v) < 3 for v in found):
        raise ValueError("a vector of less than three numbers")
    return found


def _spatial_axes(fields: Mapping[str, str], directions: list[Vector] | None, count: int) -> list[int]:
    if directions is None:
        return [axis for axis in range(count) if _kind(fields, axis) in _IN_SPACE][:3]
    if len(directions) != count:
        raise ValueError("not as many directions as axes")
    return [
        axis for axis, v in enumerate(directions) if not np.isnan(v).all() and not (len(v) > 3 and not v[:3].any())
    ][:3]


def _kind(fields: Mapping[str, str], axis: int) -> str:
    kinds = fields.get("kinds", "").lower().split()
    return kinds[axis] if axis < len(kinds) else "none"


def _frame(fields: Mapping[str, str]) -> tuple[Vector, list[str]]:
    """Signs from the file's space to RAS, and a sentence where it is no space of a patient."""
    space = re.sub(r"[ _-]", "", fields.get("space", "").lower())
    signs = (
        _SPACES.get(space)
        or _SPACES.get(space.removesuffix("time"))
        or (_SPACES.get(space[:-1]) if len(space) == 4 else None)
    )
    return (LPS_TO_RAS, [ORIENTATION_UNSTATED]) if signs is None else (np.array(signs, float), [])


def _unturned(fields: Mapping[str, str], spatial: list[int], name: str) -> Vector:
    """(3, 3) steps along the axes of the file's space."""
    if "spacings" not in fields:
        raise InputError(f"{name} does not say how large its voxels are; export it again with its voxel sizes.")
    spacings = [float(s) for s in fields["spacings"].split()]
    units = _quoted(fields.get("units", ""))
    lengths = [spacings[axis] * (unit_mm(units[axis], name) if units else 1.0) for axis in spatial]
    return np.diag(lengths) if min(lengths) > 0 else np.full((3, 3), np.nan)


def _quoted(text: str) -> list[str]:
    return re.findall(r'"([^"]*)"', text) or text.split()


def _stored(path: Location, fields: Mapping[str, str], start: int, name: str) -> Stored:
    packing = _PACKINGS.get(fields["encoding"].lower())
    kind = _TYPES.get(fields["type"].lower())
    if kind is None or packing is None:
        raise InputError(
            f"{name} is stored in a way that is not read (type or encoding); save it as 16-bit integers, raw or gzip."
        )
    if integer(fields.get("lineskip", "0")) != 0:
        raise InputError(
            f"{name} has lines of text before its voxels (line skip), which is not read; save it as one file."
        )
    order = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower())
    if packing == "text":
        kind, order = "f8", "="
    elif order is None:
        if not kind.endswith("1"):
            raise InputError(f"{name} does not say the order of its bytes (endian); export it again.")
        order = "="
    data = fields.get("datafile")
    skip = integer(fields.get("byteskip", "0"))
    from_end = skip == -1 and packing == "raw"
    where = path if data is None else data_file(path, data, name)
    return Stored(
        where,
        np.dtype(order + kind),
        None if from_end else start if data is None else 0,
        0 if from_end else skip,
        packing,
    )
