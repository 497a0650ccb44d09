"""Whatever is handed in: an InputError of one sentence that names the file, never a traceback, never a hang."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, archive, files, limits, read


def edit(folder: Path, change: Callable[[Dataset], None], pattern: str = "*.dcm") -> None:
    for path in sorted(folder.glob(pattern)):
        ds = pydicom.dcmread(path)
        change(ds)
        ds.save_as(path)


def refused(path: Path | str, *words: str, series: str | None = None) -> str:
    """The one sentence with which `path` is refused; it holds all `words`."""
    with pytest.raises(InputError) as caught:
        read(path, series=series)
    text = str(caught.value)
    for word in words:
        assert word in text
    assert "\n" not in text
    return text


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    refused(tmp_path / "absent", "absent does not exist")
    refused(str(tmp_path / "absent.nii"), "absent.nii does not exist")
    refused("nul\0byte", "not")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "empty is empty")
    (tmp_path / "zero.dcm").touch()
    refused(tmp_path / "zero.dcm", "zero.dcm is an empty file")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    refused(loop, "loop")


def test_files_of_no_known_format(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("a.txt", "b.dcm", "c"):
        (folder / name).write_text("plain words " * 50)
    refused(folder, "texts holds no DICOM files")
    refused(folder / "b.dcm", "b.dcm is in no known format")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_no_permission(scan: Path) -> None:
    (scan / "CT0001.dcm").chmod(0)
    assert any("Left out" in w for w in read(scan).warnings)
    refused(scan / "CT0001.dcm", "CT0001.dcm cannot be opened")
    scan.chmod(0)
    refused(scan, "scan: the folder cannot be read")
    scan.chmod(0o700)


def test_failing_disk(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.os, "scandir", denied)
    refused(scan, "scan: the folder cannot be read (Permission denied)")
    monkeypatch.undo()
    original = os.open

    def open_or_fail(path: Path, flags: int) -> int:
        if Path(path).name == "CT0002.dcm":
            raise PermissionError(13, "Permission denied")
        return original(path, flags)

    monkeypatch.setattr("HeadCTIQALib.files.os.open", open_or_fail)
    refused(scan / "CT0002.dcm", "CT0002.dcm cannot be opened (Permission denied)")
    got = read(scan)
    assert got.shape[0] == 11
    assert got.warnings[0] == "Left out: 1 damaged DICOM file."
    assert [(x.reason, x.slices) for x in got.lost] == [("1 slice is missing from the files", 1)]
    assert read(scan, keep_name=True).warnings[0] == "Left out: 1 damaged DICOM file (CT0002.dcm)."


def test_loops_pipes_and_depth(scan: Path, small: CTVolume) -> None:
    (scan / "again").symlink_to(scan, target_is_directory=True)
    (scan / "self").symlink_to(scan / "self")
    (scan / "broken").symlink_to(scan / "nowhere")
    os.mkfifo(scan / "pipe")
    deep = scan
    for _ in range(150):
        deep = deep / "deeper"
        deep.mkdir()
    (scan / "CT0012.dcm").rename(deep / "last")
    got = read(scan)
    np.testing.assert_array_equal(got.hu, small.hu)
    assert got.warnings == ("Left out: 2 files or folders that could not be opened.",)


def test_too_many_files(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 5)
    refused(scan, "scan holds more than 5 files")
    monkeypatch.setattr(archive, "MAX_FILES", 5)
    with zipfile.ZipFile(scan.parent / "many.zip", "w") as z:
        for index in range(6):
            z.writestr(str(index), b"")
    refused(scan.parent / "many.zip", "many.zip holds more than 5 files")


@pytest.mark.parametrize("syntax", [None, "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"])
@pytest.mark.parametrize("kept", [0.95, 0.7])
def test_truncated_pixels(small: CTVolume, tmp_path: Path, syntax: str | None, kept: float) -> None:
    write_series(small, tmp_path / "scan", transfer_syntax=syntax)
    path = tmp_path / "scan/CT0006.dcm"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    got = read(tmp_path / "scan")
    np.testing.assert_array_equal(got.hu, np.delete(small.hu, 5, axis=0))
    below, above = small.slice_positions[[4, 6]]
    assert [(x.reason, x.slices, x.low_mm, x.high_mm) for x in got.lost] == [
        ("1 slice is damaged", 1, pytest.approx(below), pytest.approx(above))
    ]
    assert any("1 slice is damaged, between" in w for w in got.warnings)
    for path in sorted((tmp_path / "scan").iterdir())[6:9]:
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    refused(tmp_path / "scan", "CT0006.dcm", "truncated", "copy")  # a third of the scan


def test_truncated_headers(scan: Path) -> None:
    path = scan / "CT0006.dcm"
    path.write_bytes(path.read_bytes()[:400])
    got = read(scan)
    assert got.shape[0] == 11
    assert "Left out: 1 damaged DICOM file." in got.warnings
    assert [(x.reason, x.slices) for x in got.lost] == [("1 slice is missing from the files", 1)]
    refused(path, "CT0006.dcm has no pixel data", "truncated")
    for path in scan.iterdir():
        path.write_bytes(path.read_bytes()[:400])
    refused(scan, "scan: none of 12 DICOM files can be read; the first one: CT0001.dcm", "truncated")


def test_file_that_vanishes_between_the_passes(scan: Path) -> None:
    def remove(fraction: float) -> None:
        (scan / "CT0003.dcm").unlink(missing_ok=True)

    got = read(scan / "CT0012.dcm", progress=lambda f: remove(f) if f > 0.29 else None)
    assert got.shape[0] == 11
    assert [x.reason for x in got.lost] == ["1 slice is damaged"]


@pytest.mark.parametrize("tag", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_missing_geometry(scan: Path, tag: str) -> None:
    edit(scan, lambda ds: delattr(ds, tag), "CT0001.dcm")
    got = read(scan)
    assert got.shape[0] == 11
    assert f"Left out: 1 image of the series ({tag} is missing)." in got.warnings
    assert [lost.slices for lost in got.lost] == [1]
    edit(scan, lambda ds: ds.__delattr__(tag) if tag in ds else None)
    refused(scan, "scan holds no CT image series", f"{tag} is missing in every image")


def test_impossible_geometry(scan: Path) -> None:
    edit(scan, lambda ds: setattr(ds, "PixelSpacing", [0, 0]))
    refused(scan, "PixelSpacing is not above 0")
    edit(
        scan,
        lambda ds: (setattr(ds, "PixelSpacing", [1, 1]), setattr(ds, "ImageOrientationPatient", [1, 0, 0, 1, 0, 0])),
    )
    refused(scan, "ImageOrientationPatient is no plane")


def test_all_positions_equal(scan: Path) -> None:
    edit(scan, lambda ds: setattr(ds, "ImagePositionPatient", [-100, -100, 0]))
    refused(scan, "slices have the same ImagePositionPatient", "positions were lost")


def test_missing_rows_and_pixels(scan: Path) -> None:
    edit(scan, lambda ds: delattr(ds, "Rows"), "CT0001.dcm")
    assert "Left out: 1 image of the series (Rows is missing)." in read(scan).warnings
    edit(scan, lambda ds: delattr(ds, "PixelData"), "CT0002.dcm")
    assert read(scan).shape[0] == 10
    assert "Left out: 1 damaged DICOM file." in read(scan).warnings
    refused(scan / "CT0002.dcm", "CT0002.dcm has no pixel data (PixelData is missing)")


def test_uncommon_transfer_syntax(scan: Path) -> None:
    for path in scan.iterdir():
        content = path.read_bytes()
        path.write_bytes(content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"))
    refused(scan, "CT0001.dcm", "transfer syntax")


def test_a_transfer_syntax_that_is_no_text(scan: Path) -> None:
    path = scan / "CT0002.dcm"
    path.write_bytes(
        path.read_bytes().replace(
            b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0", b"\x02\0\x10\0US\x14\x001.2.840.10008.1.2.1\0"
        )
    )
    assert [(part.reason, part.slices) for part in read(scan).lost] == [("1 slice is damaged", 1)]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"])
def test_native_decoders_say_nothing(
    small: CTVolume, tmp_path: Path, capfd: pytest.CaptureFixture[str], syntax: str
) -> None:
    write_series(small, tmp_path / "scan", transfer_syntax=syntax)
    for path, place in zip(sorted((tmp_path / "scan").iterdir()), (8, 100, 200), strict=False):
        content = bytearray(path.read_bytes())
        at = content.rindex(b"\xfe\xff\x00\xe0") + place  # in the only fragment of the pixels
        content[at : at + 80] = bytes(80)
        path.write_bytes(content)
    read(tmp_path / "scan")
    assert capfd.readouterr() == ("", "")
    os.write(2, b"still heard")
    assert capfd.readouterr().err == "still heard"


def test_syntax_without_a_decoder(scan: Path) -> None:
    def change(ds: Dataset) -> None:
        ds.PixelData = encapsulate([bytes(100)])
        ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.201"  # high-throughput JPEG 2000
        ds["PixelData"].VR = "OB"

    edit(scan, change)
    refused(scan, "CT0001.dcm: transfer syntax High-Throughput JPEG 2000", "export it uncompressed")


def test_folder_that_cannot_be_listed(scan: Path, small: CTVolume, monkeypatch: pytest.MonkeyPatch) -> None:
    (scan / "locked").mkdir()
    original = os.scandir

    def scandir(path: object) -> object:
        if Path(str(path)).name == "locked":
            raise PermissionError(13, "Permission denied")
        return original(path)  # type: ignore[call-overload]

    monkeypatch.setattr(files.os, "scandir", scandir)
    assert read(scan).warnings == ("Left out: 1 file or folder that could not be opened.",)
    monkeypatch.undo()

    def denied(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    assert read(scan / "CT0004.dcm").shape == (1, 32, 32)  # the file alone


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_values_that_do_not_fit_their_tags(scan: Path, small: CTVolume) -> None:
    path = scan / "CT0004.dcm"
    content = path.read_bytes()
    for keyword, text in ((b"\x20\x00\x13\x00IS", b"x"), (b"\x18\x00\x50\x00DS", b"?")):
        at = content.index(keyword) + 8
        size = int.from_bytes(content[at - 2 : at], "little")
        content = content[:at] + text * size + content[at + size :]
    path.write_bytes(content)
    np.testing.assert_array_equal(read(scan).hu, small.hu)


def test_frames_beyond_the_slice(scan: Path) -> None:
    """A single-frame object that carries several frames has no place for them."""

    def change(ds: Dataset) -> None:
        ds.NumberOfFrames, ds.PixelData = 2, ds.PixelData * 2

    edit(scan, change, "CT0004.dcm")
    got = read(scan)
    assert got.shape[0] == 11
    assert "Left out: 2 images of the series (the file holds several frames and no position of each)." in got.warnings


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "modality MR, not CT"),
        ({"Modality": "PT"}, "modality PT, not CT"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "colour images"),
    ],
)
def test_not_a_ct_series(scan: Path, tags: dict[str, object], words: str) -> None:
    edit(scan, lambda ds: [setattr(ds, k, v) for k, v in tags.items()] and None)
    refused(scan, "scan holds no CT image series", words)


def test_enhanced_without_frames(scan: Path) -> None:
    for path in sorted(scan.iterdir())[1:]:
        path.unlink()
    edit(scan, lambda ds: setattr(ds, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2.1"))
    refused(scan, "CT0001.dcm is a multi-frame image that describes no frames")


def test_uneven_sagittal_series(scan: Path) -> None:
    def change(ds: Dataset) -> None:
        n = int(ds.InstanceNumber)
        ds.ImageOrientationPatient, ds.ImagePositionPatient = [0, 1, 0, 0, 0, -1], [n * n, 0, 0]

    edit(scan, change)
    refused(scan, "scan holds unevenly spaced sagittal")


def test_too_many_slices_and_too_large(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="x has 2000 slices, more than 1500"):
        limits.refuse_oversized("x", 2000, 8, 8)
    with pytest.raises(InputError, match=r"x is 2\.1 GB large"):
        limits.refuse_oversized("x", 1000, 1024, 1024)
    monkeypatch.setattr(limits, "MAX_SLICES", 10)
    refused(scan, "scan has 12 slices, more than 10")


@pytest.mark.slow
def test_two_thousand_slices(small: CTVolume, tmp_path: Path) -> None:
    write_series(replace(small, hu=small.hu[:1].copy(), origins=small.origins[:1]), tmp_path / "one")
    content = (tmp_path / "one/CT0001.dcm").read_bytes()
    ds = pydicom.dcmread(tmp_path / "one/CT0001.dcm")
    old = "\\".join(str(v) for v in ds.ImagePositionPatient).encode()
    assert old in content
    (tmp_path / "many").mkdir()
    start = content.index(old)
    for index in range(2000):
        position = f"1\\2\\{index}".encode().ljust(len(old))
        (tmp_path / f"many/{index}").write_bytes(content[:start] + position + content[start + len(old) :])
    refused(tmp_path / "many", "many has 2000 slices", "1500")


# ---- archives ---------------------------------------------------------------------------------------------------------


def zipped(scan: Path, path: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(prefix + "readme.txt", "words")
        z.mkdir("folder")
        for file in sorted(scan.iterdir()):
            z.write(file, prefix + file.name)
    return path


def test_zip(scan: Path, small: CTVolume) -> None:
    got = read(zipped(scan, scan.parent / "scan.zip", "a/b/"))
    np.testing.assert_array_equal(got.hu, small.hu)
    assert got.source.name == "DICOM series"
    renamed = scan.parent / "archive.bin"
    (scan.parent / "scan.zip").rename(renamed)
    assert read(renamed).shape == small.shape


def test_zip_with_names_that_climb(scan: Path, small: CTVolume) -> None:
    inner = scan.parent / "x" / "y"
    inner.mkdir(parents=True)
    archive = zipped(scan, inner / "slip.zip", "../../escaped-")
    before = set(scan.parent.rglob("*"))
    np.testing.assert_array_equal(read(archive).hu, small.hu)
    assert set(scan.parent.rglob("*")) == before


def test_zip_that_is_damaged_or_holds_nothing(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = scan.parent
    (folder / "garbage.zip").write_bytes(np.random.default_rng(0).bytes(3000))
    refused(folder / "garbage.zip", "garbage.zip is damaged or not a zip archive")
    good = zipped(scan, folder / "good.zip").read_bytes()
    (folder / "cut.zip").write_bytes(good[: len(good) // 2])
    refused(folder / "cut.zip", "cut.zip is damaged")
    damaged = bytearray(good)
    damaged[len(good) // 3 : len(good) // 3 + 50] = bytes(50)
    (folder / "bits.zip").write_bytes(damaged)
    assert "Left out: 1 damaged DICOM file." in read(folder / "bits.zip").warnings
    with zipfile.ZipFile(folder / "texts.zip", "w") as z:
        z.writestr("a.txt", "words")
    refused(folder / "texts.zip", "texts.zip holds no DICOM files")
    locked = bytearray(good)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the encryption bit of every member
        at = locked.find(signature)
        while at >= 0:
            locked[at + offset] |= 1
            at = locked.find(signature, at + 4)
    (folder / "locked.zip").write_bytes(locked)
    refused(folder / "locked.zip", "locked.zip is protected by a password")
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 10_000)
    refused(folder / "good.zip", "good.zip is too large when unpacked")


def test_dicomdir_stands_for_its_folder(scan: Path, small: CTVolume) -> None:
    from pydicom.fileset import FileSet

    target = scan.parent / "media"
    medium = FileSet()
    for path in scan.iterdir():
        medium.add(path)
    medium.write(target)
    np.testing.assert_array_equal(read(target / "DICOMDIR").hu, small.hu)
    np.testing.assert_array_equal(read(target).hu, small.hu)


def test_old_file_without_preamble(scan: Path, small: CTVolume) -> None:
    for path in scan.iterdir():
        ds = pydicom.dcmread(path)
        del ds.file_meta
        pydicom.dcmwrite(path, ds, implicit_vr=True, little_endian=True, enforce_file_format=False)
        path.write_bytes(path.read_bytes().removeprefix(bytes(128) + b"DICM"))
    np.testing.assert_array_equal(read(scan).hu, small.hu)
