"""NRRD and MetaImage: what their text headers may say, and what files of all kinds may cost."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import CTVolume, read

ASSUMED = "orientation assumed, left and right may be exchanged"
VOXELS = np.random.default_rng(3).integers(-1000, 1000, (9, 24, 20)).astype("<i2")
NRRD = {
    "type": "int16", "dimension": "3", "sizes": "20 24 9", "space": "LPS", "space directions": "(.5,0,0) (0,.5,0) (0,0,5)",
    "space origin": "(-60,-70,-20)", "encoding": "raw", "endian": "little",
}  # fmt: skip
META = {
    "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False", "CompressedData": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "-60 -70 -20", "ElementSpacing": "0.5 0.5 5", "DimSize": "20 24 9", "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}  # fmt: skip


def nrrd(path: Path, data: bytes = VOXELS.tobytes(), **changed: str | None) -> Path:
    """An NRRD file; fields are changed, or left out where None (``_`` for a space)."""
    fields = {**NRRD, **{key.replace("_", " "): value for key, value in changed.items()}}
    path.write_bytes(
        "\n".join(
            ["NRRD0004", "# a comment", *(f"{k}: {v}" for k, v in fields.items() if v is not None), "", ""]
        ).encode()
        + data
    )
    return path


def meta(path: Path, data: bytes = VOXELS.tobytes(), **changed: str | None) -> Path:
    """A MetaImage file, likewise."""
    fields = {**META, **changed}
    fields["ElementDataFile"] = fields.pop("ElementDataFile")  # must be the last
    path.write_bytes("".join(f"{k} = {v}\n" for k, v in fields.items() if v is not None).encode() + data)
    return path


def is_right(volume: CTVolume) -> bool:
    """The voxels where they should be."""
    np.testing.assert_array_equal(volume.hu, VOXELS)
    np.testing.assert_allclose(volume.origins, [[60, 70, -20 + 5 * k] for k in range(9)], atol=1e-5)
    np.testing.assert_allclose([*volume.row_step, *volume.col_step], [-0.5, 0, 0, 0, -0.5, 0], atol=1e-6)
    return True


@pytest.mark.parametrize(
    ("data", "changed"),
    [
        (VOXELS.tobytes(), {}),
        (VOXELS.astype(">i2").tobytes(), {"endian": "big"}),
        (gzip.compress(VOXELS.tobytes()), {"encoding": "gz"}),
        (__import__("bz2").compress(VOXELS.tobytes()), {"encoding": "bzip2"}),
        (" ".join(map(str, VOXELS.ravel())).encode(), {"encoding": "ascii", "endian": None}),
        (b"junk" + VOXELS.tobytes(), {"byte_skip": "-1"}),
        (b"junk" + VOXELS.tobytes(), {"byte_skip": "4"}),
        (VOXELS.astype("<f8").tobytes(), {"type": "double"}),
        (
            VOXELS.tobytes(),
            {
                "space": "right-anterior-superior",
                "space_directions": "(-.5,0,0) (0,-.5,0) (0,0,5)",
                "space_origin": "(60,70,-20)",
            },
        ),
        (
            VOXELS.tobytes(),
            {"space": "LAS", "space_directions": "(.5,0,0) (0,-.5,0) (0,0,5)", "space_origin": "(-60,70,-20)"},
        ),
        (
            VOXELS.tobytes(),
            {
                "space_units": '"cm" "cm" "cm"',
                "space_directions": "(.05,0,0) (0,.05,0) (0,0,.5)",
                "space_origin": "(-6,-7,-2)",
            },
        ),
        (
            VOXELS.tobytes(),
            {
                "dimension": "4",
                "sizes": "1 20 24 9",
                "space_directions": "none (.5,0,0) (0,.5,0) (0,0,5)",
                "kinds": "list space space space",
            },
        ),
    ],
)
def test_nrrd(tmp_path: Path, data: bytes, changed: dict[str, str | None]) -> None:
    volume = read(nrrd(tmp_path / "x.nrrd", data, **changed))
    assert is_right(volume)
    assert volume.warnings == ()


@pytest.mark.parametrize(
    ("data", "changed"),
    [
        (VOXELS.astype(">i2").tobytes(), {"BinaryDataByteOrderMSB": "True"}),
        (zlib.compress(VOXELS.tobytes()), {"CompressedData": "True"}),
        (gzip.compress(VOXELS.tobytes()), {"CompressedData": "True"}),
        (" ".join(map(str, VOXELS.ravel())).encode(), {"BinaryData": "False"}),
        (VOXELS.astype("<f4").tobytes(), {"ElementType": "MET_FLOAT"}),
        (VOXELS.tobytes(), {"NDims": "4", "DimSize": "20 24 9 1", "ElementSpacing": ".5 .5 5 1", "Offset": "-60 -70 -20 0",
                            "TransformMatrix": "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"}),
        (VOXELS.tobytes(), {"Offset": None, "Position": "-60 -70 -20", "ElementSpacing": None, "ElementSize": ".5 .5 5"}),
    ],
)  # fmt: skip
def test_metaimage(tmp_path: Path, data: bytes, changed: dict[str, str | None]) -> None:
    volume = read(meta(tmp_path / "x.mha", data, **changed))
    assert is_right(volume)
    assert volume.warnings == ()


def test_sheared_and_oblique_as_itk_places_them(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(VOXELS)
    c, s = np.cos(0.4), np.sin(0.4)
    image.SetDirection([c, -s, 0, s * c, c * c, -s, s * s, s * c, c])
    image.SetSpacing([0.4, 0.7, 3])
    image.SetOrigin([-5, 6, 70])
    for ending in ("nrrd", "mha"):
        sitk.WriteImage(image, str(tmp_path / f"x.{ending}"))
        volume = read(tmp_path / f"x.{ending}")
        there = np.array(image.TransformContinuousIndexToPhysicalPoint([3, 7, 5])) * [-1, -1, 1]
        np.testing.assert_allclose(volume.ijk_to_ras(np.array([3.0, 7, 5])), there, atol=1e-4)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"space": None}, ASSUMED),
        ({"space": "scanner-xyz"}, ASSUMED),
        ({"space": "3D-right-handed"}, ASSUMED),
        ({"space": None, "space_directions": None, "space_origin": None, "spacings": ".5 .5 5"}, ASSUMED),
        ({"space_origin": None}, "does not say where the image lies"),
    ],
)
def test_nrrd_that_does_not_say_how_it_lies(tmp_path: Path, changed: dict[str, str | None], sentence: str) -> None:
    volume = read(nrrd(tmp_path / "x.nrrd", **changed))
    assert len(volume.warnings) == 1
    assert sentence in volume.warnings[0]
    np.testing.assert_allclose(volume.row_step, [-0.5, 0, 0])


@pytest.mark.parametrize(
    ("missing", "sentence"), [("TransformMatrix", ASSUMED), ("Offset", "does not say where the image lies")]
)
def test_metaimage_that_does_not_say_how_it_lies(tmp_path: Path, missing: str, sentence: str) -> None:
    volume = read(meta(tmp_path / "x.mha", **{missing: None}))
    assert len(volume.warnings) == 1
    assert sentence in volume.warnings[0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"space_directions": None}, "does not say how large its voxels are"),
        ({"space_directions": None, "thicknesses": "1 1 5"}, "does not say how large its voxels are"),
        ({"space_directions": None, "spacings": "nan .5 5"}, "mm large, which no image has"),
        ({"space_directions": None, "spacings": "-.5 .5 5"}, "mm large, which no image has"),
        ({"space_directions": "(0,0,0) (0,.5,0) (0,0,5)"}, "mm large, which no image has"),
        ({"space_directions": "(1e400,0,0) (0,.5,0) (0,0,5)"}, "mm large, which no image has"),
        ({"space_directions": "(.5,0,0) (.5,0,0) (0,0,5)"}, "do not span a volume"),
        ({"space_directions": "(.5,0,0) (.1,.5,0) (0,0,5)"}, "not at right angles"),
        ({"space_origin": "(1e9,0,0)"}, "at a place where no scanner is"),
        ({"space_units": '"in" "in" "in"'}, "a unit that is not known"),
        ({"type": "block"}, "stored in a way that is not read"),
        ({"encoding": "hex"}, "stored in a way that is not read"),
        ({"endian": None}, "order of its bytes"),
        ({"line_skip": "3"}, "line skip"),
        ({"dimension": "2000000000"}, "is damaged"),
        ({"dimension": "-1"}, "is damaged"),
        ({"sizes": "20 24"}, "is damaged"),
        ({"sizes": "20 24 99999999999999999999"}, "slices, more than 1500"),
        ({"sizes": "20 24 -9"}, "which no image is"),
        ({"sizes": "20 24 10"}, "is damaged"),
        ({"sizes": "20 24 7"}, "holds more voxels than"),
        ({"data_file": "/etc/passwd"}, "names a data file in another place"),
        ({"data_file": "../x.raw"}, "names a data file in another place"),
        ({"data_file": "sub/x.raw"}, "names a data file in another place"),
        ({"data_file": "LIST"}, "in several files"),
        ({"data_file": "x%03d.raw 1 100000000 1"}, "in several files"),
        ({"data_file": "none.raw"}, "its data file none.raw does not exist"),
        ({"data_file": "."}, "names a data file in another place"),
        ({"data_file": "pipe"}, "its data file pipe is a pipe"),
        ({"data_file": "folder"}, "its data file folder is a folder"),
    ],
)
def test_refused_nrrd(tmp_path: Path, changed: dict[str, str | None], words: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"^x\.nrrd") as caught:
        read(nrrd(tmp_path / "x.nrrd", **changed))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"NDims": "-1"}, "-1 dimensions"),
        ({"NDims": "100"}, "100 dimensions"),
        ({"NDims": "2000000000"}, "2000000000 dimensions"),
        ({"NDims": "x"}, "is damaged"),
        ({"NDims": "9" * 4000}, "is damaged"),
        ({"NDims": "2", "DimSize": "20 24"}, "2-D"),
        ({"NDims": None}, "is damaged"),
        ({"DimSize": "20 24 100000 "}, "slices, more than 1500"),
        ({"DimSize": "2000000000 2000000000 9"}, "GB large"),
        ({"DimSize": "20 24 1e1"}, "is damaged"),
        ({"ElementNumberOfChannels": "3"}, "colour"),
        ({"ElementType": "MET_STRING"}, "no CT values"),
        ({"ElementSpacing": None}, "does not say how large its voxels are"),
        ({"ElementSpacing": "0 1 1"}, "mm large, which no image has"),
        ({"ElementSpacing": "-1 1 1"}, "mm large, which no image has"),
        ({"TransformMatrix": "0 0 0 0 0 0 0 0 0"}, "is damaged"),
        ({"TransformMatrix": "nan 0 0 0 1 0 0 0 1"}, "is damaged"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "do not span a volume"),
        ({"Offset": "nan 0 0"}, "at a place where no scanner is"),
        ({"ElementDataFile": "/dev/zero"}, "names a data file in another place"),
        ({"ElementDataFile": "..\\x.raw"}, "names a data file in another place"),
        ({"ElementDataFile": "LIST"}, "in several files"),
        ({"ElementDataFile": "x%d.raw 1 2000000000 1"}, "in several files"),
        ({"ElementDataFile": "pipe"}, "its data file pipe is a pipe"),
        ({"ElementDataFile": ""}, "names a data file in another place"),
    ],
)
def test_refused_metaimage(tmp_path: Path, changed: dict[str, str | None], words: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"^x\.mha") as caught:
        read(meta(tmp_path / "x.mha", **changed))
    assert words in str(caught.value)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".dcm", ".zip", ""])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, ending: str) -> None:
    os.mkfifo(tmp_path / f"pipe{ending}")
    (tmp_path / f"zero{ending}").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / f"socket{ending}"))
        begin = time.monotonic()
        for name, what in (("pipe", "a pipe"), ("zero", "a device"), ("socket", "a socket")):
            with pytest.raises(InputError, match=f"^{name}{ending} is {what}, not a file"):
                read(tmp_path / f"{name}{ending}")
        assert time.monotonic() - begin < 1


def test_names_reach_the_terminal_without_escapes(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(nrrd(tmp_path / "a\x1b[31m\u202eb.nrrd", data_file="c\x1b[2Jd\u202e"))
    assert str(caught.value).isprintable()


def test_bombs_cost_nothing(tmp_path: Path) -> None:
    """Each unpacks to 256 MB; the memory of the process tells."""
    zeros = zlib.compressobj(1, wbits=31)
    bomb = b"".join(zeros.compress(bytes(1 << 24)) for _ in range(16)) + zeros.flush()
    nrrd(tmp_path / "x.nrrd", bomb, encoding="gzip")
    meta(tmp_path / "x.mha", bomb, CompressedData="True")
    (tmp_path / "x.nii.gz").write_bytes(bomb)
    code = """
import resource, sys
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import read
import HeadCTIQALib.volume.images
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        read(path)
    except InputError:
        continue
    print(path, "read")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert int(done.stdout) < 60, done.stdout
