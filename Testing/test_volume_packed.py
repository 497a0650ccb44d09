"""Compressed voxels: parts are joined, and what follows them or lies between them costs nothing."""

from __future__ import annotations

import bz2
import gzip
import os
import time
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from nifti_files import nifti

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import limits, read
from HeadCTIQALib.volume.packed import Packed

STRAIGHT = np.diag([-0.5, -0.5, 5.0, 1.0])
VOXELS = np.random.default_rng(3).integers(-1000, 1000, (9, 24, 20)).astype("<i2")
PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "bzip2": bz2.compress, "zlib": zlib.compress}


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < 4


def unpacked(data: bytes, kind: str, step: int) -> bytes:
    stream, parts = Packed(BytesIO(data), kind), []
    while part := stream.read(step):
        assert len(part) <= step
        parts.append(part)
    return b"".join(parts)


@pytest.fixture
def plain(tmp_path: Path) -> bytes:
    path = nifti(tmp_path / "x.nii", VOXELS, STRAIGHT)
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("step", [7, 1000, 1 << 20])
def test_parts_are_joined_and_what_is_no_part_ends_the_stream(kind: str, step: int) -> None:
    content = np.random.default_rng(1).integers(0, 5, 100_000, np.uint8).tobytes() + bytes(200_000)
    assert unpacked(PACK[kind](content), kind, step) == content
    assert unpacked(PACK[kind](content) + bytes(100_000), kind, step) == content
    if kind != "zlib":
        assert unpacked(PACK[kind](content) + PACK[kind](b"") + PACK[kind](content), kind, step) == content * 2


@pytest.mark.parametrize("kind", PACK)
def test_damage_is_not_taken_for_an_end(kind: str) -> None:
    packed = PACK[kind](bytes(range(256)) * 50)
    with pytest.raises(EOFError):
        unpacked(packed[:-3], kind, 1000)
    flipped = packed[:-4] + bytes(byte ^ 255 for byte in packed[-4:-1]) + packed[-1:]  # of a checksum
    with pytest.raises((zlib.error, OSError)):
        unpacked(flipped, kind, 1000)


def test_gzip_in_blocks_with_padding_is_read(tmp_path: Path, plain: bytes) -> None:
    """As bgzip writes it: small parts, an empty one at the end."""
    parts = [gzip.compress(plain[n : n + 1000]) for n in range(0, len(plain), 1000)]
    (tmp_path / "x.nii.gz").write_bytes(b"".join((*parts, gzip.compress(b""))) + bytes(512))
    (tmp_path / "y.nii").write_bytes(plain)
    np.testing.assert_array_equal(read(tmp_path / "x.nii.gz").hu, read(tmp_path / "y.nii").hu)


def test_gigabytes_behind_the_voxels(tmp_path: Path, plain: bytes) -> None:
    path = tmp_path / "x.nii.gz"
    path.write_bytes(gzip.compress(plain))
    os.truncate(path, 3_000_000_000)
    with pytest.raises(
        InputError, match=r"^x\.nii\.gz is 3000 MB long, but its header tells of 0\.0 MB of voxels; export it again\.$"
    ):
        read(path)


@pytest.mark.parametrize("before", [True, False])
def test_a_million_empty_parts(tmp_path: Path, plain: bytes, monkeypatch: pytest.MonkeyPatch, before: bool) -> None:
    """Also where the length of the file alone would not tell."""
    monkeypatch.setattr("HeadCTIQALib.volume.voxels.refuse_padded", lambda *_: None)
    whole, nothing = gzip.compress(plain), gzip.compress(b"") * 1_000_000
    (tmp_path / "x.nii.gz").write_bytes(nothing + whole if before else whole + nothing)
    with pytest.raises(InputError, match=r"x\.nii\.gz is damaged"):
        read(tmp_path / "x.nii.gz")


def test_padding_is_measured_by_the_header() -> None:
    limits.refuse_padded("x", 1_000_000, 0)
    limits.refuse_padded("x", 4_000_000, 1_000_000)
    with pytest.raises(InputError, match="x is 6 MB long"):
        limits.refuse_padded("x", 6_000_000, 1_000_000)
