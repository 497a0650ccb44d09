"""Images and DICOM in zip archives: read where they are, also in an archive in an archive or in a folder."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_volume_images import save

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, read


@pytest.fixture(scope="module")
def volume(make_head: Callable[..., CTVolume]) -> CTVolume:
    return make_head(slices=14, matrix=40, pixel_mm=6.0, spacing_mm=9.0)


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as z:
        for name, content in files.items():
            z.writestr(name, content)
    return path


def image(volume: CTVolume, folder: Path, name: str) -> bytes:
    return save(volume, folder / name).read_bytes()


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name appears in the temporary folder, whatever is read."""
    import tempfile

    def named(*_: object, **__: object) -> None:
        raise AssertionError("a file with a name was made")

    for maker in ("mkstemp", "mkdtemp", "NamedTemporaryFile"):
        monkeypatch.setattr(tempfile, maker, named)


@pytest.mark.parametrize("name", ["head.nii", "head.nii.gz", "HEAD.nrrd", "head.mha"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_one_image(volume: CTVolume, tmp_path: Path, name: str, method: int) -> None:
    others = {"__MACOSX/DOE/._" + name: b"\0\5\x16\7" + bytes(100), "readme.txt": b"words"}
    path = zipped(tmp_path / "DOE.zip", {f"DOE/{name}": image(volume, tmp_path, name), **others}, method)
    got = read(path)
    np.testing.assert_array_equal(got.hu, volume.hu)
    np.testing.assert_allclose(got.origins, volume.origins, atol=1e-3)
    assert "DOE" not in got.source.name.upper() + " ".join(got.warnings)
    assert read(path, keep_name=True).source.name == name
    with pytest.raises(InputError, match="holds a single image: leave out --series"):
        read(path, series="1.2.3")


def test_in_an_archive_and_in_a_folder(volume: CTVolume, tmp_path: Path) -> None:
    inner = zipped(tmp_path / "in.zip", {"a/x.nii.gz": image(volume, tmp_path, "x.nii.gz")}).read_bytes()
    folder = tmp_path / "folder"
    folder.mkdir()
    outer = zipped(folder / "out.zip", {"b/in.zip": inner, "readme.txt": b"words"})
    for path in (outer, folder):
        np.testing.assert_array_equal(read(path).hu, volume.hu)


@pytest.mark.parametrize("nested", [False, True])
def test_dicom_in_an_archive_in_a_folder(volume: CTVolume, tmp_path: Path, nested: bool) -> None:
    write_series(volume, tmp_path / "scan")
    folder = tmp_path / "folder"
    folder.mkdir()
    files = {f"DOE/{p.name}": p.read_bytes() for p in (tmp_path / "scan").iterdir()}
    if nested:
        files = {"in.zip": zipped(tmp_path / "in.zip", files).read_bytes()}
    zipped(folder / "out.zip", files)
    np.testing.assert_array_equal(read(folder).hu, volume.hu)


def test_voxels_beside_the_header(volume: CTVolume, tmp_path: Path) -> None:
    raw = np.ascontiguousarray(volume.hu).tobytes()
    k, j, i = volume.shape
    header = f"NDims = 3\nDimSize = {i} {j} {k}\nElementType = MET_SHORT\nElementSpacing = 6 6 9\nElementDataFile = head.raw\n".encode()
    path = zipped(tmp_path / "pair.zip", {"a/head.mhd": header, "b/head.raw": bytes(10), "a/head.raw": raw})
    assert read(path).shape == volume.shape
    with pytest.raises(InputError, match=r"head\.mhd: its data file head\.raw does not exist"):
        read(zipped(tmp_path / "alone.zip", {"a/head.mhd": header, "b/head.raw": raw}))
    with pytest.raises(InputError, match="data file in another place"):
        read(
            zipped(
                tmp_path / "away.zip", {"a/head.mhd": header.replace(b"head.raw", b"../b/head.raw"), "b/head.raw": raw}
            )
        )


def test_what_is_refused(volume: CTVolume, tmp_path: Path) -> None:
    content = image(volume, tmp_path, "x.nii")
    with pytest.raises(InputError, match="holds 2 image files and no DICOM files; give one of them"):
        read(zipped(tmp_path / "two.zip", {"x.nii": content, "y.nii": content}))
    with pytest.raises(InputError, match=r"x\.nii is damaged, truncated"):
        read(zipped(tmp_path / "cut.zip", {"x.nii": content[:-1000]}))
    whole = bytearray(zipped(tmp_path / "bits.zip", {"x.nii": content}, zipfile.ZIP_STORED).read_bytes())
    whole[len(whole) // 2] ^= 1
    (tmp_path / "bits.zip").write_bytes(whole)
    with pytest.raises(InputError, match="damaged"):
        read(tmp_path / "bits.zip")


@pytest.mark.parametrize("content", [b"", bytes(4000)])
def test_members_without_content_are_lost_slices(volume: CTVolume, tmp_path: Path, content: bytes) -> None:
    write_series(volume, tmp_path / "scan")
    files = {p.name: p.read_bytes() for p in sorted((tmp_path / "scan").iterdir())}
    spoilt = {name: content if n in (5, 6) else whole for n, (name, whole) in enumerate(files.items())}
    z = volume.slice_positions
    (lost,) = read(zipped(tmp_path / "spoilt.zip", spoilt)).lost
    assert (lost.slices, lost.low_mm, lost.high_mm) == (2, pytest.approx(z[4]), pytest.approx(z[7]))
    spoilt = {f"a/{name}": content if n > 11 else whole for n, (name, whole) in enumerate(files.items())}
    inner = zipped(tmp_path / "spoilt.zip", spoilt).read_bytes()
    (lost,) = read(zipped(tmp_path / "outer.zip", {"spoilt.zip": inner})).lost
    assert (lost.slices, lost.low_mm, lost.high_mm) == (2, pytest.approx(z[11]), None)
