"""The table of what is attacked: seeds, the damage that pays there, the loader, and what a sane result is."""

from __future__ import annotations

import gzip
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from random import Random

from . import elements, judge, mutate, seeds, special

SPECIAL = 0.04  # share of cases in which something lies where a file should be
Damage = Callable[[Random, Path, Path], None]  # the file, and the folder of all seeds


@dataclass(frozen=True)
class Format:
    """One row.

    Attributes:
        name: of the row and of the folder of seeds.
        entry: what the loader is given, relative to that folder.
        attacked: a pattern of the files that are damaged.
        damage: of one file, in place.
        load: the loader; returns what is not sane about what it accepted, or "".
        weight: how often it is drawn; 1 is usual.
    """

    name: str
    entry: str
    attacked: str
    damage: Damage
    load: Callable[[Path, Path], str]
    weight: float = 1.0


def build(one: Format, rng: Random, stored: Path, folder: Path) -> Path:
    """Make the damaged input of a case in ``folder``, which does not exist yet; returns what the loader is given."""
    shutil.copytree(stored / one.name, folder)
    files = sorted(p for p in folder.rglob(one.attacked) if p.is_file())
    how_many = rng.choice((len(files), len(files), 1, 1, min(3, len(files))))
    if rng.random() < SPECIAL:
        special.replace(rng, rng.choice(files))
        return folder / one.entry
    same = rng.getrandbits(64)
    for n, path in enumerate(rng.sample(files, how_many)):
        # all files of a scan with one and the same fault, or each with its own
        one.damage(Random(same if how_many == len(files) and same % 4 else same + n), path, stored)
    return folder / one.entry


def _dicom(encoding: str, rng: Random, path: Path, stored: Path) -> None:
    data = path.read_bytes()
    # elements are damaged in the plain file that other encodings were made from
    tree = elements.parse((stored / "dicom" / path.name if encoding in _RECODED else path).read_bytes()[132:])
    tree = elements.with_syntax(tree, seeds.ENCODINGS[encoding]) if encoding in seeds.ENCODINGS else tree
    if encoding == "dicom-deflated" and rng.random() < 0.05:
        meta = elements.encode([e for e in tree if e.group == 2])
        path.write_bytes(data[:132] + meta + seeds.zeros(4))
    elif rng.random() < 0.65:
        path.write_bytes(
            (b"" if encoding == "dicom-bare" else data[:132]) + seeds.recoded(elements.damaged(rng, tree), encoding)
        )
    else:
        path.write_bytes(mutate.damaged(rng, data, _neighbour(rng, path)))


def _bytes(rng: Random, path: Path, stored: Path) -> None:
    path.write_bytes(mutate.damaged(rng, path.read_bytes()))


def _neighbour(rng: Random, path: Path) -> bytes:
    return rng.choice(sorted(p for p in path.parent.iterdir() if p.is_file())).read_bytes()


def _nifti(rng: Random, path: Path, stored: Path) -> None:
    data = path.read_bytes()
    packed = path.suffix == ".gz"
    if packed and rng.random() < 0.05:
        path.write_bytes(data[:10] + seeds.zeros(4))
        return
    if packed and rng.random() < 0.3:
        path.write_bytes(mutate.damaged(rng, data))
        return
    data = gzip.decompress(data) if packed else data
    data = _other_fields(rng, data) if rng.random() < 0.7 else mutate.damaged(rng, data)
    path.write_bytes(gzip.compress(data, 1, mtime=0) if packed else data)


#: Offset and struct code of the fields of a NIfTI-1 header that readers go by.
_FIELDS = (
    (0, "i"), *((40 + 2 * n, "h") for n in range(8)), (70, "h"), (72, "h"), *((76 + 4 * n, "f") for n in range(8)), (108, "f"), (112, "f"), (116, "f"),
    (252, "h"), (254, "h"), *((256 + 4 * n, "f") for n in range(18)), (344, "i"), (348, "i"),
)  # fmt: skip


def _other_fields(rng: Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at, code = rng.choice(_FIELDS)
        if code == "f":
            struct.pack_into(
                "<f", out, at, rng.choice((0.0, -1.0, 1e30, 1e-30, float("nan"), float("inf"), rng.uniform(-500, 500)))
            )
        else:
            size = struct.calcsize(code)
            out[at : at + size] = (
                rng.choice((*mutate.INTEGERS, 2, 4, 16, 64, 128, 256, 512, 768, 1024, 1536, 2304)) % (1 << 8 * size)
            ).to_bytes(size, "little")
    return bytes(out)


def _headed(end: bytes, more: tuple[str, ...], rng: Random, path: Path, stored: Path) -> None:
    """A text header that ends with ``end``, and voxels after it."""
    data = path.read_bytes()
    head, found, rest = data.partition(end)
    if rng.random() < 0.7:
        text = mutate.text_header(rng, head.decode("latin-1"), more)
        path.write_bytes(text.encode("utf-8", "surrogatepass") + found + rest)
    else:
        path.write_bytes(mutate.damaged(rng, data))


def _exchange(rng: Random, path: Path, stored: Path) -> None:
    """Our own keys hold JSON in a line."""
    if rng.random() < 0.4:
        _headed(b"\n\n", _NRRD_LINES, rng, path, stored)
        return
    head, _, rest = path.read_bytes().partition(b"\n\n")
    lines = head.decode().split("\n")
    n = rng.choice([n for n, line in enumerate(lines) if line.startswith("HeadCTIQA_")])
    key, _, value = lines[n].partition(":=")
    lines[n] = f"{key}:={mutate.json_text(rng, json.loads(value))}"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") + b"\n\n" + rest)


def _json(rng: Random, path: Path, stored: Path) -> None:
    if rng.random() < 0.8:
        path.write_bytes(mutate.json_text(rng, json.loads(path.read_bytes())).encode("utf-8", "surrogatepass"))
    else:
        path.write_bytes(mutate.damaged(rng, path.read_bytes()))


def _record(rng: Random, path: Path, stored: Path) -> None:
    """As :func:`_json`; more often in the corrections, whose runs are packed."""
    if rng.random() < 0.6:
        _json(rng, path, stored)
        return
    record = json.loads(path.read_bytes())
    review = record["review"]
    if rng.random() < 0.1:
        from base64 import b64encode

        labels = next(e.get("change", e) for e in review["edits"] if "data" in json.dumps(e))
        path.write_text(
            json.dumps(record).replace(_packed_runs(labels), b64encode(b"\x78\x01" + seeds.zeros(2)).decode()),
            encoding="utf-8",
        )
        return
    record["review"] = "@here"
    text = json.dumps(record).replace('"@here"', mutate.json_text(rng, review))
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def _packed_runs(tree: object) -> str:
    text = json.dumps(tree)
    return text.partition('"data": "')[2].partition('"')[0]


def _table(rng: Random, path: Path, stored: Path) -> None:
    data = path.read_bytes()
    if rng.random() < 0.6:
        lines = data.decode().split("\n")
        n = rng.randrange(len(lines))
        cells = lines[n].split(",")
        cells[rng.randrange(len(cells))] = rng.choice((mutate.extreme_number(rng), *mutate.TEXTS))
        lines[n] = rng.choice((",", ",", ",", ";", "\t", ",,")).join(cells)
        path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    else:
        path.write_bytes(mutate.damaged(rng, data))


def _zip(rng: Random, path: Path, stored: Path) -> None:
    """The archive's bytes, its members' bytes, its members' names, or how they are packed."""
    data, draw = path.read_bytes(), rng.random()
    if draw < 0.01:
        path.write_bytes(seeds.bzip2_bomb())
    elif draw < 0.4:
        path.write_bytes(mutate.damaged(rng, data))
    else:
        with zipfile.ZipFile(BytesIO(data)) as z:
            members = {name: z.read(name) for name in z.namelist()}
        for name in rng.sample(sorted(members), rng.choice((1, 1, len(members)))):
            content = members.pop(name)
            members[rng.choice((name, name, "../" + name, "/etc/" + name, "a" * 200, name + "/", "\u202e" + name))] = (
                mutate.damaged(rng, content)
            )
        path.write_bytes(
            seeds.archive(
                members, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
            )
        )


_NRRD_LINES = (
    "encoding: gzip", "encoding: hex", "encoding: ascii", "encoding: bzip2", "encoding: nonsense", "dimension: 0", "dimension: 17", "dimension: -1", "dimension: 2000000000",
    "sizes: 2000000000 2000000000 2000000000", "sizes: -1 64 11", "type: double", "type: block", "space: scanner-xyz", "space dimension: 99", "line skip: 2000000000",
    "byte skip: -1", "byte skip: 99999999999", "data file: ../../../../dev/zero", "data file: LIST", "data file: scan%d.raw 0 999999999 1", "datafile: scan.nhdr",
    "space directions: none none none", "space directions: (nan,0,0) (0,1,0) (0,0,1)", "space directions: (0,0,0) (0,0,0) (0,0,0)", "kinds: RGB-color domain domain",
)  # fmt: skip
_META_LINES = (
    "NDims = -1", "NDims = 0", "NDims = 100", "NDims = 2000000000", "DimSize = 2000000000 2000000000 2000000000", "DimSize = -1 64 11", "ElementType = MET_DOUBLE",
    "ElementType = MET_NONSENSE", "ElementNumberOfChannels = 2000000000", "ElementNumberOfChannels = -1", "HeaderSize = 99999999999", "HeaderSize = -1",
    "CompressedData = True", "CompressedDataSize = 99999999999", "CompressedDataSize = -1", "ElementDataFile = /dev/zero", "ElementDataFile = LIST",
    "ElementDataFile = scan%d.raw 1 999999999 1", "ElementDataFile = scan.mhd", "BinaryData = False", "ElementByteOrderMSB = True", "TransformMatrix = 0 0 0 0 0 0 0 0 0",
    "TransformMatrix = nan nan nan 0 1 0 0 0 1", "ElementSpacing = 0 0 0", "ElementSpacing = nan 1 1", "ElementSpacing = -1 -1 -1", "ObjectType = Tube",
)  # fmt: skip
_RECODED = (*seeds.ENCODINGS, "dicom-bare")


def _row(
    name: str,
    entry: str,
    attacked: str,
    damage: Damage,
    load: Callable[[Path, Path], str] = judge.volume,
    weight: float = 1.0,
) -> Format:
    return Format(name, entry, attacked, damage, load, weight)


_DICOM = (
    "dicom", "dicom-bare", "dicom-implicit", "dicom-big", "dicom-deflated", "dicom-rle", "dicom-jpegls", "dicom-jpeg", "dicom-jpeg2000", "dicom-enhanced"
)  # fmt: skip
FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        *(
            _row(name, "", "*.dcm", partial(_dicom, name), weight=2.0 if name in ("dicom", "dicom-enhanced") else 1.0)
            for name in _DICOM
        ),
        _row("dicomdir", "DICOMDIR", "*", _bytes, weight=0.5),
        _row("zip", "scan.zip", "*.zip", _zip),
        _row("zip-nested", "scan.zip", "*.zip", _zip, weight=0.5),
        _row("nifti", "scan.nii", "*.nii", _nifti),
        _row("nifti-gz", "scan.nii.gz", "*.gz", _nifti),
        _row("nifti-pair", "scan.hdr", "scan.hdr", _nifti, weight=0.5),
        _row("nrrd", "scan.nrrd", "*.nrrd", partial(_headed, b"\n\n", _NRRD_LINES)),
        _row("nrrd-bzip2", "scan.nrrd", "*.nrrd", partial(_headed, b"\n\n", _NRRD_LINES), weight=0.5),
        _row("nrrd-text", "scan.nrrd", "*.nrrd", partial(_headed, b"\n\n", _NRRD_LINES), weight=0.5),
        _row("nhdr", "scan.nhdr", "*", partial(_headed, b"\n\n", _NRRD_LINES)),
        _row("mha", "scan.mha", "*.mha", partial(_headed, b"LOCAL\n", _META_LINES)),
        _row("mha-zlib", "scan.mha", "*.mha", partial(_headed, b"LOCAL\n", _META_LINES), weight=0.5),
        _row("mhd", "scan.mhd", "*", partial(_headed, b"LOCAL\n", _META_LINES)),
        _row("exchange", "scan.nrrd", "*.nrrd", _exchange),
        _row("record", "", "assessment.json", _record, judge.assessment, weight=2.0),
        _row("segmentation", "", "*.seg.nrrd", partial(_headed, b"\n\n", _NRRD_LINES), judge.assessment),
        _row("landmarks", "", "landmarks.mrk.json", _json, judge.assessment),
        _row("plane", "", "midsagittal.mrk.json", _json, judge.assessment),
        _row("cohort", "", "assessment.json", _json, judge.cohort),
        _row("readers", "readers.csv", "*.csv", _table, judge.readers),
        _row("scoring", "model.json", "*.json", _json, judge.scoring),
        _row("bundle", "tiny", "*.json", _json, judge.bundle),
    )
}
