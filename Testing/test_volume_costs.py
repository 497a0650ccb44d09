"""Small files that cost much: each is refused or left out in seconds, from what its headers say."""

from __future__ import annotations

import resource
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, limits, read
from HeadCTIQALib.volume.archive import archived

PREFIX = bytes(128) + b"DICM"


@pytest.fixture
def scan(make_head: Callable[..., CTVolume], tmp_path: Path) -> Path:
    write_series(make_head(slices=12, matrix=32, pixel_mm=7.0, spacing_mm=18.0), tmp_path / "scan")
    return tmp_path / "scan"


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """No test here may take 20 s of CPU or half a gigabyte more than before."""
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 512 << 10


def deflated(path: Path, zeros: int = 0) -> None:
    """Rewrite a file as deflated explicit VR, with a private element of so many MB of zeros in front of the others."""
    ds = pydicom.dcmread(path)
    whole = path.read_bytes()
    length = 132 + 12 + ds.file_meta.FileMetaInformationGroupLength
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    body = packer.compress(b"\x09\x00\x01\x10OB\0\0" + struct.pack("<I", zeros << 20)) if zeros else b""
    for _ in range(zeros):
        body += packer.compress(bytes(1 << 20))
    body += packer.compress(whole[length:]) + packer.flush()
    meta = whole[132:length].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    at = meta.index(b"\x02\x00\x10\x00UI") + 6
    path.write_bytes(PREFIX + meta[:at] + struct.pack("<H", 22) + meta[at + 2 :] + body)


def test_deflated_files_are_read(scan: Path) -> None:
    expected = read(scan).hu
    for path in scan.iterdir():
        deflated(path)
    np.testing.assert_array_equal(read(scan).hu, expected)


def test_a_deflated_bomb_is_left_out(scan: Path) -> None:
    deflated(scan / "CT0004.dcm", 700)
    assert read(scan).shape[0] == 11
    with pytest.raises(InputError, match=r"CT0004\.dcm"):
        read(scan / "CT0004.dcm")


@pytest.mark.parametrize("count", [2_000_000_000, 100_000, -5])
@pytest.mark.parametrize("enhanced", [True, False])
def test_frames_without_end(scan: Path, count: int, enhanced: bool) -> None:
    path = scan / "CT0004.dcm"
    ds = pydicom.dcmread(path)
    ds.NumberOfFrames = count
    if enhanced:
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    ds.save_as(path)
    assert read(scan).shape[0] in (11, 12)
    if count > 0:
        with pytest.raises(InputError, match=rf"CT0004\.dcm has {count} slices, more than 1500"):
            read(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_that_unpack_without_end(scan: Path, tmp_path: Path, method: int) -> None:
    expected = read(scan).hu
    with zipfile.ZipFile(tmp_path / "good.zip", "w", method) as z:
        for path in sorted(scan.iterdir()):
            z.write(path, path.name)
    np.testing.assert_array_equal(read(tmp_path / "good.zip").hu, expected)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", method, compresslevel=1) as z:
        for path in sorted(scan.iterdir())[:10]:
            z.write(path, path.name)
        for name, start in (
            ("after.dcm", (scan / "CT0011.dcm").read_bytes()),
            ("private.dcm", PREFIX + b"\x08\0\x01\0OB\0\0\xff\xff\xff\x7f"),
        ):
            with z.open(name, "w") as member:
                member.write(start)
                for _ in range(40):
                    member.write(bytes(1 << 20))
    assert (tmp_path / "bomb.zip").stat().st_size < 1 << 20
    assert read(tmp_path / "bomb.zip").shape[0] == 10
    with archived(tmp_path / "bomb.zip") as files:
        assert max(len(block) for block in files[-1].blocks()) <= 1 << 20, "never all that a few bytes unpack to"


def test_the_whole_archive_is_counted(scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for path in sorted(scan.iterdir()):
            z.write(path, path.name)
    monkeypatch.setattr("HeadCTIQALib.volume.archive.MAX_UNPACKED_BYTES", 5000)
    with pytest.raises(InputError, match=r"scan\.zip is too large when unpacked"):
        read(tmp_path / "scan.zip")
    assert limits.MAX_UNPACKED_BYTES > 5000


def test_millions_of_entries(tmp_path: Path) -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    table = entry * 2_000_000
    (tmp_path / "many.zip").write_bytes(
        table + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(table), 0, 0)
    )
    with pytest.raises(InputError, match=r"many\.zip holds more than 100,000 files"):
        read(tmp_path / "many.zip")


def nested(depth: int) -> bytes:
    """Sequences in sequences, of undefined length."""
    return b"\x09\x00\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * depth


@pytest.mark.parametrize("depth", [10_000, 500_000])
def test_sequences_without_end(scan: Path, depth: int) -> None:
    path = scan / "CT0004.dcm"
    whole = path.read_bytes()
    at = whole.index(b"\x10\x00\x10\x00PN")
    path.write_bytes(whole[:at] + nested(depth) + whole[at:])
    got = read(scan)
    assert got.shape[0] in (11, 12)


def test_zeros_and_huge_elements(scan: Path) -> None:
    whole = (scan / "CT0004.dcm").read_bytes()
    at = whole.index(b"\x10\x00\x10\x00PN")
    (scan / "CT0004.dcm").write_bytes(whole[:at] + bytes(30 << 20))
    (scan / "CT0005.dcm").write_bytes(whole[:at] + b"\x09\x00\x10\x10UT\0\0\xf0\xff\xff\xff" + bytes(1000))
    (scan / "CT0006.dcm").write_bytes(whole[:132] + bytes(30 << 20))
    got = read(scan)
    assert got.shape[0] == 9
    assert "Left out: 3 damaged DICOM files." in got.warnings


def test_one_odd_private_element_of_a_multi_frame_file(scan: Path, tmp_path: Path) -> None:
    parts = [pydicom.dcmread(p) for p in sorted(scan.iterdir())]
    ds = parts[0]
    frames = []
    for part in parts:
        place, item = Dataset(), Dataset()
        place.ImagePositionPatient = part.ImagePositionPatient
        item.PlanePositionSequence = Sequence([place])
        frames.append(item)
    ds.SOPClassUID, ds.NumberOfFrames = "1.2.840.10008.5.1.4.1.1.2.1", len(parts)
    ds.PerFrameFunctionalGroupsSequence, ds.PixelData = Sequence(frames), b"".join(p.PixelData for p in parts)
    ds.add_new(0x00091010, "UN", b"odd")
    ds.save_as(tmp_path / "multi.dcm")
    whole = (
        (tmp_path / "multi.dcm")
        .read_bytes()
        .replace(b"\x09\x00\x10\x10UN\0\0\x04\0\0\0odd\0", b"\x09\x00\x10\x10FD\x04\0odd\0")
    )
    (tmp_path / "multi.dcm").write_bytes(whole)
    got = read(tmp_path / "multi.dcm")
    np.testing.assert_array_equal(got.hu, read(scan).hu)
    assert got.acquisition.kvp == 120
