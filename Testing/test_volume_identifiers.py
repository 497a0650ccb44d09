"""Nothing of a patient's, in whatever tag or name it stands, reaches what is written or shown."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.record import build as record
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume import CTVolume, read, vocabulary
from HeadCTIQALib.volume.kernels import known_kernel

MARKER = "ZEBROWSKI"
_TEXT = {"LO", "SH", "LT", "ST", "UT", "PN", "UC", "AE", "CS"}


@pytest.fixture
def scan(make_head: Callable[..., CTVolume], tmp_path: Path) -> Path:
    """A folder whose every text tag, file and folder name holds the marker."""
    folder = tmp_path / f"{MARKER} Quirin 1941"
    write_series(make_head(slices=12, matrix=32, pixel_mm=7.0, spacing_mm=18.0), folder)
    keep = {"ImageType", "Modality", "PhotometricInterpretation", "SpecificCharacterSet", "PatientPosition"}
    keywords = [
        e[4]
        for tag, e in DicomDictionary.items()
        if e[0] in _TEXT and e[1] in ("1", "1-n") and e[4] and tag >> 16 > 8 - 1 and tag >> 16 < 0x4FFF
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(folder.glob("*.dcm")):
            ds = pydicom.dcmread(path)
            for keyword in keywords:
                if keyword not in keep:
                    setattr(ds, keyword, MARKER)
            ds.SeriesDescription = f"Head {MARKER} 5mm geb. 7.11.41 Dr. {MARKER}"
            ds.add_new(0x00091001, "LO", MARKER)
            ds.save_as(path)
            path.rename(path.with_name(f"{MARKER}{path.name}"))
    (folder / f"{MARKER}0.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02\x00damaged")
    return folder


def written(volume: CTVolume) -> str:
    """All words that the reader hands on."""
    return repr((volume.source, volume.acquisition, volume.warnings, volume.lost, record._input(volume)))


@pytest.mark.parametrize("way", ["folder", "zip", "file"])
def test_no_marker_is_handed_on(scan: Path, way: str) -> None:
    path = scan
    if way == "zip":
        path = scan.with_suffix(".zip")
        with zipfile.ZipFile(path, "w") as z:
            for file in sorted(scan.iterdir()):
                z.write(file, f"{MARKER}/{file.name}")
    elif way == "file":
        path = sorted(scan.iterdir())[5]
    got = read(path)
    assert MARKER not in written(got).upper()
    assert "1941" not in written(got)
    assert got.acquisition.series_description == "Head 5mm"
    assert (got.acquisition.manufacturer, got.acquisition.model, got.acquisition.kernel) == ("other", "other", "other")
    assert got.acquisition.body_part is None
    assert got.source.name == "DICOM series"
    assert "Left out: 1 damaged DICOM file." in got.warnings
    kept = read(path, keep_name=True)
    assert kept.source.name == path.name
    assert any(f"{MARKER}0.dcm" in w for w in kept.warnings)


def test_a_list_of_series_holds_no_text_of_the_headers(scan: Path) -> None:
    for index, path in enumerate(sorted(scan.glob(f"{MARKER}CT*"))):
        ds = pydicom.dcmread(path)
        ds.PatientID, ds.SOPInstanceUID = f"{MARKER}2", generate_uid()
        ds.save_as(scan / f"second{index}.dcm")
    with pytest.raises(InputError, match="holds CT scans of 2 patients") as caught:
        read(scan.rename(scan.with_name("scan")))
    assert MARKER not in str(caught.value)
    assert "Head 5mm" in str(caught.value)


def test_nothing_is_unpacked_to_the_disk(scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner, outer = tmp_path / "inner.zip", tmp_path / "outer.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as z:
        for file in sorted(scan.iterdir()):
            z.write(file, file.name)
    with zipfile.ZipFile(outer, "w") as z:
        z.write(inner, "study/inner.zip")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    for archive in (inner, outer):
        seen: set[str] = set()
        got = read(archive, progress=lambda fraction, seen=seen: seen.update(p.name for p in temporary.iterdir()))  # type: ignore[misc]
        assert got.shape[0] == 12
        assert seen == set()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GE MEDICAL SYSTEMS", "GE MEDICAL SYSTEMS"), ("SIEMENS", "SIEMENS"), ("Siemens Healthineers", "Siemens Healthineers"),
        ("TOSHIBA", "TOSHIBA"), ("CANON_MEC", "CANON MEC"), ("Praxis Dr. Smith", "other"), ("Philips Ward 7", "Philips"), (None, None), ("", None),
    ],
)  # fmt: skip
def test_manufacturers(text: str | None, kept: str | None) -> None:
    assert vocabulary.manufacturer(text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("LightSpeed VCT", "LightSpeed VCT"), ("Revolution ACTs", "Revolution ACTs"), ("SOMATOM Definition AS+", "SOMATOM Definition AS+"),
        ("SOMATOM go.Up", "SOMATOM go.Up"), ("Brilliance 64", "Brilliance 64"), ("iCT 256", "iCT 256"), ("Aquilion ONE", "Aquilion ONE"),
        ("uCT 760", "uCT 760"), ("Aquilion Room 12 Mr. Jones", "Aquilion 12"), ("PID-77113", "other"), ("64", "other"), (None, None),
    ],
)  # fmt: skip
def test_models(text: str | None, kept: str | None) -> None:
    assert vocabulary.model(text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("FC21", "FC21"), ("H30s", "H30s"), ("Hr38f\\3", "Hr38f\\3"), ("J40s\\3", "J40s\\3"), ("STANDARD", "STANDARD"), ("UB", "UB"), ("STD+", "STD+"),
        ("BONEPLUS", "BONEPLUS"), ("Smith", "other"), ("H30s\\Smith", "H30s"), ("19411107", "other"), (None, None), ("", None),
    ],
)  # fmt: skip
def test_kernels(text: str | None, kept: str | None) -> None:
    assert known_kernel(text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Brain axial NOBODY", "Brain axial"), ("CT 5mm POST CONTRAST", "CT 5mm POST CONTRAST"), ("HEAD W/O CONTRAST", "HEAD W/O CONTRAST"),
        ("*7.11.1941 Müller PID 77113 thin-slice", "thin slice"), ("Brain 5,0 mm", "Brain 5,0 mm"), ("head head", "head"), ("1234567mm", ""), (None, ""),
    ],
)  # fmt: skip
def test_words(text: str | None, kept: str) -> None:
    assert vocabulary.words(text) == kept


def test_unknown_dataset_types_do_not_hurt() -> None:
    ds = Dataset()
    assert vocabulary.body_part(ds.get("BodyPartExamined")) is None
    assert vocabulary.body_part("HEAD Smith") == "HEAD"
