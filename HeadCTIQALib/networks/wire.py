"""Messages between the program and its network process: a JSON header and raw arrays, no pickle, over a byte stream.

A message is the length of the header (4 bytes, big endian), the header (a JSON object whose "arrays" lists dtype and
shape of each array) and the bytes of the arrays in C order.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


def send(stream: BinaryIO, header: Mapping[str, Any], arrays: Sequence[NDArray] = ()) -> None:
    """Write one message."""
    whole = [np.asarray(a, order="C") for a in arrays]
    text = json.dumps({**header, "arrays": [[a.dtype.str, list(a.shape)] for a in whole]}).encode()
    stream.write(struct.pack(">I", len(text)) + text)
    for a in whole:
        stream.write(a.reshape(-1).view(np.uint8).data)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], tuple[NDArray, ...]] | None:
    """Read one message: its header and its arrays; None when the other side is gone."""
    size = stream.read(4)
    if len(size) < 4:
        return None
    text = stream.read(struct.unpack(">I", size)[0])
    try:
        header = json.loads(text)
    except ValueError:  # cut off
        return None
    arrays = []
    for kind, shape in header.pop("arrays"):
        a = np.empty(shape, np.dtype(kind))
        rest = memoryview(a.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        while len(rest):
            got = stream.readinto(rest)  # type: ignore[attr-defined]
            if not got:
                return None
            rest = rest[got:]
        arrays.append(a)
    return header, tuple(arrays)
