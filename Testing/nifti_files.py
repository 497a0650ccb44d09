"""NIfTI files, byte by byte."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np


def nifti(
    path: Path,
    array: np.ndarray,
    affine: np.ndarray,
    codes: tuple[int, int] = (0, 1),
    qform: np.ndarray | None = None,
    pair: bool = False,
) -> Path:
    """`array` (K, J, I) with `affine` (4, 4) in the sform and the rotation nearest to `qform` in the qform; `codes` of qform and sform."""
    order = ">" if array.dtype.str[0] == ">" else "<"
    types = {
        "i2": 4,
        "u1": 2,
        "i4": 8,
        "f4": 16,
        "f8": 64,
        "i1": 256,
        "u2": 512,
        "u4": 768,
        "i8": 1024,
        "u8": 1280,
        "c8": 32,
    }
    q = np.array(affine if qform is None else qform, float)
    zooms = np.linalg.norm(q[:3, :3], axis=0)
    u, _, v = np.linalg.svd(q[:3, :3] / zooms)
    side = np.sign(np.linalg.det(u @ v))
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, 3, *array.shape[::-1], 1, 1, 1, 1)
    struct.pack_into(f"{order}2h", header, 70, types[array.dtype.str[1:]], 8 * array.dtype.itemsize)
    struct.pack_into(f"{order}8f", header, 76, side, *zooms, 1, 1, 1, 1)
    struct.pack_into(f"{order}3f", header, 108, 0 if pair else 352, 1, 0)
    header[123] = 2
    struct.pack_into(f"{order}2h", header, 252, *codes)
    struct.pack_into(f"{order}6f", header, 256, *_quaternion(u @ v * [1, 1, side]), *q[:3, 3])
    struct.pack_into(f"{order}12f", header, 280, *np.asarray(affine)[:3].ravel())
    header[344:348] = b"ni1\0" if pair else b"n+1\0"
    if pair:
        path.write_bytes(header)
        path.with_suffix(".img").write_bytes(array.tobytes())
        return path
    content = bytes(header) + array.tobytes()
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    return path


def nifti_2(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    """The same as NIfTI-2, sform only, 16-bit integers."""
    header = bytearray(544)
    struct.pack_into("<i8s", header, 0, 540, b"n+2\0\r\n\x1a\n")
    struct.pack_into("<2h", header, 12, 4, 16)
    struct.pack_into("<8q", header, 16, 3, *array.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<8d", header, 104, 1, *np.linalg.norm(affine[:3, :3], axis=0), 1, 1, 1, 1)
    struct.pack_into("<q2d", header, 168, 544, 1, 0)
    struct.pack_into("<2i", header, 344, 0, 1)
    struct.pack_into("<12d", header, 400, *affine[:3].ravel())
    struct.pack_into("<i", header, 500, 2)
    path.write_bytes(bytes(header) + array.tobytes())
    return path


def patched(path: Path, offset: int, layout: str, *values: float) -> Path:
    """The file with a field overwritten."""
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, offset, *values)
    path.write_bytes(content)
    return path


def _quaternion(r: np.ndarray) -> np.ndarray:
    """b, c, d of a rotation."""
    trace = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], 0, 0, 0],
            [r[0, 1] + r[1, 0], r[1, 1] - r[0, 0] - r[2, 2], 0, 0],
            [r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], r[2, 2] - r[0, 0] - r[1, 1], 0],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], r.trace()],
        ]
    )
    x, y, z, w = np.linalg.eigh(trace / 3)[1][:, -1]
    return np.array([x, y, z]) * (-1 if w < 0 else 1)
