"""Good files of every format, made from one coarse simulated head (64 x 64 pixels, 11 slices): the same bytes every time."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
from msgspec.structs import replace
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.assessment.regions import Region
from HeadCTIQALib.assessment.review import Review
from HeadCTIQALib.cohort.readers import TARGETS, ReaderValue, write_readers
from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.findings.markups import write_landmarks, write_plane
from HeadCTIQALib.findings.segmentation import write_segmentation
from HeadCTIQALib.record import LANDMARKS, PLANE, RECORD, SEGMENTATION, Record, dump
from HeadCTIQALib.scoring import guideline_model, save_model
from HeadCTIQALib.synthesis import Acquire, Scene, Simulated, simulate
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.synthesis.nifti import write_nifti
from HeadCTIQALib.volume.exchange import write_exchange
from HeadCTIQALib.volume.types import CTVolume

from . import elements

VOLUME = "volume.nrrd"  # the head itself, for loaders that need the scan beside the file
ENCODINGS = {
    "dicom-implicit": ImplicitVRLittleEndian,
    "dicom-big": ExplicitVRBigEndian,
    "dicom-deflated": DeflatedExplicitVRLittleEndian,
}


def make(folder: Path) -> None:
    """Write every seed into a folder of its format's name."""
    scan = simulate(1, scene=Scene(acquire=Acquire(matrix=64, spacing_mm=15.0, circle=True)))
    _write_dicom(scan.volume, folder)
    _write_images(scan.volume, folder)
    _write_results(scan, folder)
    for path in folder.rglob("*.nrrd"):  # without the hour at which they were written
        path.write_bytes(re.sub(rb"# on [^\n]*\n", b"", path.read_bytes(), count=1))


def _write_dicom(volume: CTVolume, folder: Path) -> None:
    plain = folder / "dicom"
    write_series(volume, plain)
    write_series(volume, folder / "dicom-rle", transfer_syntax=RLELossless)
    write_series(volume, folder / "dicom-jpegls", transfer_syntax=JPEGLSLossless)
    write_series(volume, folder / "dicom-jpeg", transfer_syntax=JPEGLosslessSV1)
    write_series(volume, folder / "dicom-jpeg2000", transfer_syntax=JPEG2000Lossless)
    files = {path.name: path.read_bytes() for path in sorted(plain.iterdir())}
    for name, syntax in ENCODINGS.items():
        (folder / name).mkdir()
        for file, data in files.items():
            (folder / name / file).write_bytes(
                data[:132] + recoded(elements.with_syntax(elements.parse(data[132:]), syntax), name)
            )
    (folder / "dicom-bare").mkdir()
    for file, data in files.items():
        (folder / "dicom-bare" / file).write_bytes(data[132:])
    (folder / "dicom-enhanced").mkdir()
    write_enhanced(plain, folder / "dicom-enhanced" / "scan.dcm")
    _write_dicomdir(plain, folder / "dicomdir")
    for name, content in (
        ("zip", files),
        ("zip-nested", {"study/inner.zip": archive(files), "readme.txt": b"A scan."}),
    ):
        (folder / name).mkdir()
        (folder / name / "scan.zip").write_bytes(archive(content))


def recoded(tree: list[elements.Element], encoding: str) -> bytes:
    """The elements as ``dicom-implicit``, ``dicom-big``, ``dicom-deflated`` or plain."""
    data = elements.encode(tree, big=encoding == "dicom-big", implicit=encoding == "dicom-implicit")
    if encoding != "dicom-deflated":
        return data
    meta = elements.encode([e for e in tree if e.group == 2])
    return meta + deflated(elements.encode([e for e in tree if e.group != 2]))


def deflated(data: bytes) -> bytes:
    """Without the header of zlib, as DICOM wants it."""
    packer = zlib.compressobj(1, wbits=-15)
    return packer.compress(data) + packer.flush()


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in files.items():
            z.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return out.getvalue()


@cache
def zeros(gigabytes: int) -> bytes:
    """Many zeros as a raw deflate stream: one packed megabyte, repeated without packing the rest."""
    packer = zlib.compressobj(9, wbits=-15)
    one = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return one * (gigabytes << 10) + b"\x03\x00"


@cache
def bzip2_bomb() -> bytes:
    """A zip archive of one DICOM file that bzip2 packed a hundred thousand times smaller; 1.2 GB."""
    zero, first, repeats = bytes(255 * 19_000), b"\0" * 128 + b"DICM", 250
    (start, check), (again, sum_) = _bzip2_block(first), _bzip2_block(zero)
    for _ in range(repeats):  # one packed block, repeated without packing the rest
        check = (check << 1 & 0xFFFFFFFF | check >> 31) ^ sum_
    bits = start + again * repeats + f"{_BZIP2_END:048b}{check:032b}"
    out = b"BZh1" + int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8, "big")
    size, name = len(first) + repeats * len(zero), b"a.dcm"
    head = struct.pack("<HHHHHIIIHH", 46, 0, 12, 0, 0, 0, len(out), size, len(name), 0)
    local = b"PK\3\4" + head + name + out
    central = b"PK\1\2" + struct.pack("<H", 46) + head + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


_BZIP2_END = 0x177245385090


def _bzip2_block(data: bytes) -> tuple[str, int]:
    """Its bits, which need not fill bytes, and its checksum."""
    bits = "".join(f"{byte:08b}" for byte in bz2.compress(data, 1)[4:])
    return bits[: bits.rindex(f"{_BZIP2_END:048b}")], int(bits[48:80], 2)


def write_enhanced(series: Path, path: Path) -> None:
    """The slices of a folder as one enhanced multi-frame CT."""
    parts = [pydicom.dcmread(p) for p in sorted(series.iterdir())]
    ds = pydicom.dcmread(sorted(series.iterdir())[0])
    moved = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "ConvolutionKernel", "RescaleSlope",
             "RescaleIntercept", "SliceLocation", "KVP")  # fmt: skip
    for tag in moved:
        delattr(ds, tag)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"

    def item(**values: object) -> Sequence:
        inner = Dataset()
        for name, value in values.items():
            setattr(inner, name, value)
        return Sequence([inner])

    first = parts[0]
    shared = item(
        PixelMeasuresSequence=item(PixelSpacing=first.PixelSpacing, SliceThickness=first.SliceThickness),
        PlaneOrientationSequence=item(ImageOrientationPatient=first.ImageOrientationPatient),
        CTReconstructionSequence=item(ConvolutionKernel="H30s"),
        CTXRayDetailsSequence=item(KVP=120.0),
    )
    groups = [
        item(
            PlanePositionSequence=item(ImagePositionPatient=part.ImagePositionPatient),
            PixelValueTransformationSequence=item(RescaleSlope="1", RescaleIntercept="0", RescaleType="HU"),
        )[0]
        for part in parts
    ]
    ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = shared, Sequence(groups)
    ds.NumberOfFrames, ds.PixelData = len(parts), b"".join(p.PixelData for p in parts)
    ds.save_as(path)


def _write_dicomdir(series: Path, folder: Path) -> None:
    from pydicom.fileset import FileSet

    medium = FileSet()
    medium.UID = "1.2.826.0.1.3680043.8.498.1"
    for path in sorted(series.iterdir()):
        medium.add(path)
    medium.write(folder)


def _write_images(volume: CTVolume, folder: Path) -> None:
    import SimpleITK

    for name in (
        "nifti",
        "nifti-gz",
        "nifti-pair",
        "nrrd",
        "nrrd-bzip2",
        "nrrd-text",
        "nhdr",
        "mha",
        "mha-zlib",
        "mhd",
        "exchange",
    ):
        (folder / name).mkdir()
    write_exchange(folder / "exchange" / "scan.nrrd", volume)
    write_exchange(folder / VOLUME, volume)
    write_nifti(volume, folder / "nifti" / "scan.nii")
    (folder / "nifti-gz" / "scan.nii.gz").write_bytes(
        gzip.compress((folder / "nifti" / "scan.nii").read_bytes(), 1, mtime=0)
    )
    image = SimpleITK.ReadImage(str(folder / "nifti" / "scan.nii"))
    for key in image.GetMetaDataKeys():
        image.EraseMetaData(key)
    for name in (
        "nifti-pair/scan.hdr",
        "nrrd/scan.nrrd",
        "nhdr/scan.nhdr",
        "mha/scan.mha",
        "mha-zlib/scan.mha",
        "mhd/scan.mhd",
    ):
        SimpleITK.WriteImage(image, str(folder / name), useCompression=name in ("nrrd/scan.nrrd", "mha-zlib/scan.mha"))
    head, _, packed = (folder / "nrrd" / "scan.nrrd").read_bytes().partition(b"\n\n")
    voxels = gzip.decompress(packed)
    text = " ".join(map(str, np.frombuffer(voxels, "<i2"))).encode()
    for encoding, data in ((b"bzip2", bz2.compress(voxels, 1)), (b"text", text)):
        other = head.replace(b"encoding: gzip", b"encoding: " + encoding)
        (folder / f"nrrd-{encoding.decode()}" / "scan.nrrd").write_bytes(other + b"\n\n" + data)


def _write_results(scan: Simulated, folder: Path) -> None:
    for name in ("record", "segmentation", "landmarks", "plane", "readers", "scoring", "bundle", "cohort"):
        (folder / name).mkdir()
    review = corrected(scan)
    for name in ("record", "segmentation", "landmarks", "plane"):
        (folder / name / RECORD).write_text(_dumped(review.record), encoding="utf-8")
        write_segmentation(folder / name / SEGMENTATION, scan.volume, review.findings)
        write_landmarks(folder / name / LANDMARKS, review.findings.landmarks)
        assert review.findings.midsagittal is not None
        write_plane(folder / name / PLANE, review.findings.midsagittal)
    for name in ("one", "two"):
        (folder / "cohort" / name).mkdir()
        (folder / "cohort" / name / RECORD).write_text(
            _dumped(evaluate(scan.volume, scan.findings).record), encoding="utf-8"
        )
    values = [
        ReaderValue(f"scan{s}", reader, t, 40.0 + s)
        for s in range(3)
        for reader in ("A", "B")
        for t in TARGETS
        if not t.endswith("angle")
    ]
    write_readers(folder / "readers" / "readers.csv", [v for v in values if v.value is not None])
    save_model(guideline_model(), folder / "scoring" / "model.json")
    _write_bundle(folder / "bundle" / "tiny")


def _dumped(record: Record) -> str:
    return dump(replace(record, created="2026-01-02T00:00:00Z", timings={}))  # the clock is different every time


def corrected(scan: Simulated) -> Review:
    """A review with a correction of every kind."""
    from datetime import UTC, datetime

    fresh = evaluate(scan.volume, scan.findings)
    review = Review(
        scan.volume,
        scan.findings,
        fresh.measurements,
        record=fresh.record,
        now=lambda: datetime(2026, 1, 2, tzinfo=UTC),
    )
    tissue = scan.findings.tissue.copy()
    tissue[3][tissue[3] == Tissue.BONE] = Tissue.SOFT
    review.paint(tissue, corrector="A")
    streak = np.zeros(scan.volume.shape, bool)
    streak[4, 20:40, 20:40] = True
    review.paint_streak(streak, corrector="A")
    review.move_plane((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), corrector="A")
    review.move_points({"EAM_R": (60.0, 1.0, 2.0), "EAM_L": None}, corrector="A")
    review.grade_slices([(2, 4, 2)], corrector="A")
    centre = scan.volume.ijk_to_ras(np.array([32.0, 32.0, 7.0]))
    axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    region = Region((float(centre[0]), float(centre[1]), float(centre[2])), axes, (60.0, 60.0, 40.0))
    review.place_regions("noise", {"brain": region}, corrector="A")
    review.type_value("streak_extent", 3.0, corrector="A", reason="Seen by eye.")
    return review


def _write_bundle(folder: Path) -> None:
    from hashlib import sha256

    from HeadCTIQALib.networks.bundles import seal

    weights = b"no network"
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "models" / "model.onnx").write_bytes(weights)
    metadata = {
        "name": "tiny",
        "version": "1",
        "license": "Apache-2.0",
        "weights_sha256": sha256(weights).hexdigest(),
        "channels": ["A", "B"],
    }
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    (folder / "configs" / "inference.json").write_text(
        json.dumps({"network_def": {"_target_": "x", "channels": 3}}), encoding="utf-8"
    )
    seal(folder)
