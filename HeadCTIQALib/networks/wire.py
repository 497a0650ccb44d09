"""Messages between the program and its network process: a JSON header and raw arrays, no pickle, over a byte stream.

A message is the length of the header (4 bytes, big endian), the header (a JSON object whose "arrays" lists dtype and
shape of each array) and the bytes of the arrays in C order.
"""

from __future__ import annotations

import json
import math
import operator
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import ModelError, boundary

_LARGEST_HEADER = 10_000_000  # bytes; tracebacks are the longest
_LARGEST_ARRAYS = 16 << 30  # bytes
_NO_MESSAGE = "The networks' process does not answer as it should; run again or reinstall HeadCTIQA."


def send(stream: BinaryIO, header: Mapping[str, Any], arrays: Sequence[NDArray] = ()) -> None:
    """Write one message."""
    whole = [np.asarray(a, order="C") for a in arrays]
    text = json.dumps({**header, "arrays": [[a.dtype.str, list(a.shape)] for a in whole]}).encode()
    stream.write(struct.pack(">I", len(text)) + text)
    for a in whole:
        stream.write(a.reshape(-1).view(np.uint8).data)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], tuple[NDArray, ...]] | None:
    """Read one message: its header and its arrays; None when the other side is gone.

    Raises:
        ModelError: what comes is no message, e.g. because something else wrote to the stream.
    """
    size = stream.read(4)
    if len(size) < 4:
        return None
    length = struct.unpack(">I", size)[0]
    with boundary(_NO_MESSAGE, ModelError):
        if length > _LARGEST_HEADER:
            raise ValueError(f"a header of {length} bytes")
        text = stream.read(length)
        if len(text) < length:  # cut off
            return None
        header = json.loads(text)
        layouts = [_layout(*entry) for entry in header.pop("arrays")]
        if sum(dtype.itemsize * math.prod(shape) for dtype, shape in layouts) > _LARGEST_ARRAYS:
            raise ValueError(f"arrays that are too large: {layouts}")
    arrays = []
    for dtype, shape in layouts:
        a = np.empty(shape, dtype)
        rest = memoryview(a.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        while len(rest):
            got = stream.readinto(rest)  # type: ignore[attr-defined]
            if not got:
                return None
            rest = rest[got:]
        arrays.append(a)
    return header, tuple(arrays)


def _layout(kind: str, shape: list[int]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    dtype, sizes = np.dtype(kind), tuple(map(operator.index, shape))
    if dtype.kind not in "biuf" or min(sizes, default=1) < 0:
        raise ValueError(f"an array of {kind} {shape}")
    return dtype, sizes
