"""Thousands of damaged image files: each is refused by one sentence, or read as a possible volume; in a process of its own, which must not die."""

from __future__ import annotations

import gzip
import json
import os
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fuzz.worker import peak

COUNT, SEED = 2000, 11
WORDS = [b"-1", b"0", b"1", b"2", b"7", b"100", b"65536", b"2000000000", b"-2147483648", b"99999999999999999999", b"1e400", b"-1e-300", b"nan", b"inf",
         b"", b"x", b"%d", b"LIST", b"LOCAL", b"none", b"/dev/zero", b"../x", b"pipe", b"\xff\xfe", b"(", b"True", b"9" * 5000]  # fmt: skip
NUMBERS = [("<h", v) for v in (-32768, -1, 0, 1, 32767)] + [("<i", v) for v in (-(2**31), -1, 0, 2**31 - 1)]
NUMBERS += [(f, v) for f in ("<f", "<d") for v in (0.0, -1.0, 1e30, float("nan"), float("inf"), 1e-30)]


def originals(folder: Path) -> dict[str, bytes]:
    """One small file of every kind, by name; the data files of detached headers stay in `folder`."""
    from test_volume_exchange import stack
    from test_volume_nifti import STRAIGHT, nifti, nifti_2, tilted, voxels
    from test_volume_text_headers import VOXELS, meta, nrrd

    from HeadCTIQALib.volume.exchange import write_exchange

    (folder / "x.raw").write_bytes(VOXELS.tobytes())
    made = [
        nifti(folder / "a.nii", voxels(), tilted(), (1, 1)), nifti(folder / "b.nii.gz", voxels("<f4"), STRAIGHT, (1, 0)), nifti_2(folder / "c.nii", voxels(), STRAIGHT),
        nifti(folder / "d.nii", voxels(">f8"), STRAIGHT, (0, 0)), nrrd(folder / "a.nrrd", space_units='"mm" "mm" "mm"', kinds="space space space"),
        nrrd(folder / "b.nrrd", gzip.compress(VOXELS.tobytes()), encoding="gzip"), nrrd(folder / "c.nhdr", b"", data_file="x.raw"),
        nrrd(folder / "d.nrrd", " ".join(map(str, VOXELS.ravel())).encode(), encoding="ascii"), meta(folder / "a.mha"),
        meta(folder / "b.mhd", b"", ElementDataFile="x.raw", HeaderSize="-1"), meta(folder / "c.mha", gzip.compress(VOXELS.tobytes()), CompressedData="True"),
    ]  # fmt: skip
    write_exchange(folder / "e.nrrd", stack())
    return {path.name: path.read_bytes() for path in [*made, folder / "e.nrrd"]}


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """`content` with one to four damages, most of them in the first 600 bytes; the inside of a gzip file is damaged as well."""
    if content[:2] == b"\x1f\x8b" and rng.random() < 0.7:
        return gzip.compress(mutated(gzip.decompress(content), rng), 1)
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, max(1, min(len(data), 600 if rng.random() < 0.85 else len(data)))))
        kind = rng.integers(0, 7)
        if kind == 0:
            data[at : at + 1] = bytes([rng.integers(0, 256)])
        elif kind == 1:
            layout, value = NUMBERS[rng.integers(len(NUMBERS))]
            at -= at % 2
            field = struct.pack(layout, value)
            data[at : at + len(field)] = field
        elif kind == 2:
            del data[at : at + int(rng.integers(1, 200))]
        elif kind == 3:
            data[at:at] = data[at // 2 : at // 2 + int(rng.integers(1, 100))]
        elif kind == 4 and rng.random() < 0.3:
            del data[at:]
        else:  # one word or number of a text
            found = list(re.finditer(rb"[-+.\w/]+", bytes(data[:1500])))
            if found:
                one = found[rng.integers(len(found))]
                data[one.start() : one.end()] = WORDS[rng.integers(len(WORDS))]
    return bytes(data)


def campaign(folder: Path, count: int, seed: int) -> dict[str, object]:
    """Figures of `count` damaged files, and what went wrong with them."""
    from HeadCTIQALib.errors import InputError
    from HeadCTIQALib.volume import read

    rng = np.random.default_rng(seed)
    files = originals(folder)
    figures: dict[str, object] = {"refused": 0, "read": 0, "bad": []}
    for number in range(count):
        name = list(files)[number % len(files)]
        path = folder / f"damaged{''.join(Path(name).suffixes)}"
        path.write_bytes(mutated(files[name], rng))
        begin = time.process_time()
        try:
            volume = read(path)
            if not (
                np.isfinite(volume.origins).all()
                and (np.diff(volume.slice_positions) > 0).all()
                and np.isfinite(volume.pixel_spacing).all()
            ):
                figures["bad"].append(f"{number} {name}: impossible geometry")
            figures["read"] += 1
        except InputError as error:
            figures["refused"] += 1
            if not str(error).isprintable() or not str(error).startswith("damaged.") or len(str(error)) > 400:
                figures["bad"].append(f"{number} {name}: {error!s:.300}")
        except Exception as error:
            figures["bad"].append(f"{number} {name}: {error!r:.300}")
        if time.process_time() - begin > 5:
            figures["bad"].append(f"{number} {name}: took {time.process_time() - begin:.0f} s")
    figures["peak_mb"] = peak() >> 20  # resource.getrusage counts what the parent had when it started this process
    return figures


def test_damaged_files(tmp_path: Path) -> None:
    code = f"import json, pathlib, test_volume_images_mutated as t; print(json.dumps(t.campaign(pathlib.Path({str(tmp_path)!r}), {COUNT}, {SEED})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    figures = json.loads(done.stdout)
    assert figures["bad"] == []
    assert figures["peak_mb"] < 1500
    assert min(figures["refused"], figures["read"]) > COUNT // 20, "the damage is neither all nor nothing"


@pytest.mark.parametrize("seed", [1, 2])
def test_damage_is_reproducible(seed: int) -> None:
    assert mutated(b"a = 1 2 3\n" * 40, np.random.default_rng(seed)) == mutated(
        b"a = 1 2 3\n" * 40, np.random.default_rng(seed)
    )
