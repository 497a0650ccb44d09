"""What users give by mistake, through ``headctiqa assess``: one sentence, the documented exit code, nothing left behind.

The networks are replaced by a stand-in: a refusal must come before them, and what is written after them is looked at
for text that must not be there.
"""

import os
import time
import warnings
import zipfile

import numpy as np
import pydicom
import pytest
from assessment_stand_in import install

from HeadCTIQALib import cli
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume.types import CTVolume


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    install(monkeypatch.setattr)
    monkeypatch.setattr("HeadCTIQALib.report.render", lambda record, volume, findings: "<html></html>")


@pytest.fixture
def scan(make_head, tmp_path):
    """A DICOM folder that a test may change."""
    write_series(make_head(slices=24, matrix=64, pixel_mm=3.6, spacing_mm=8.0), tmp_path / "scan")
    return tmp_path / "scan"


@pytest.fixture
def assess(tmp_path, capsys):
    """Run the command; returns (exit code, standard output, standard error)."""

    def run(path, *more, output=None):
        code = cli.main(["assess", str(path), "-o", str(output or tmp_path / "results" / "out"), *map(str, more)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.fixture
def refused(assess, tmp_path):
    """Run the command and expect a refusal; returns its sentence."""

    def run(path, *more, code=cli.INPUT, output=None):
        got, out, err = assess(path, *more, output=output)
        assert got == code, err
        assert out == ""
        (line,) = err.splitlines()
        assert line.startswith("headctiqa: error: ")
        assert line.isprintable()
        assert not list(tmp_path.rglob("*.part"))
        assert not (tmp_path / "results").exists()
        return line

    return run


def edit(folder, change):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom about the nonsense that is written on purpose
        for index, path in enumerate(sorted(folder.iterdir())):
            ds = pydicom.dcmread(path)
            change(ds, index)
            ds.save_as(path)


def phantom(paint, pixel=5.0, spacing=8.0, count=80, slices=30):
    """``paint(hu, x, y, z)`` draws into air; mm around the centre, z upwards."""
    axis = (np.arange(count) - count / 2) * pixel
    z, y, x = np.meshgrid((np.arange(slices) - slices / 2) * spacing, axis, axis, indexing="ij")
    hu = np.full(x.shape, -1000.0)
    paint(hu, x, y, z)
    hu += np.random.default_rng(0).normal(0, 5, hu.shape)
    origins = np.zeros((slices, 3))
    origins[:, 2] = np.arange(slices) * spacing
    return CTVolume(np.rint(hu).astype(np.int16), origins, np.array([-pixel, 0, 0]), np.array([0, -pixel, 0]))


def disc(x, y, a, b, cx=0.0, cy=0.0):
    return ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 < 1


# paths


def test_paths(refused, tmp_path):
    assert "none does not exist" in refused(tmp_path / "none")
    assert "too long" in refused(tmp_path / ("x" * 300))
    assert "a b [31m does not exist" in refused(tmp_path / "a\nb\x1b[31m"), "control characters stay off the terminal"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "loop" in refused(tmp_path / "loop")


def test_empty_path_is_wrong_usage(tmp_path, capsys):
    for arguments in (["", "-o", str(tmp_path / "out")], [str(tmp_path), "-o", ""]):
        with pytest.raises(SystemExit) as stop:
            cli.main(["assess", *arguments])
        assert stop.value.code == cli.USAGE
        assert "the path is empty" in capsys.readouterr().err


def test_odd_but_valid_names(assess, scan, tmp_path):
    for name in ("Kopf ü 頭", "with 'single' and \"double\" $HOME; quotes", "a" * 200, os.fsdecode(b"bytes \xff\xfe")):
        odd = tmp_path / name
        try:
            scan.rename(odd)
        except OSError:
            continue  # this file system does not allow the name
        code, _, err = assess(odd, output=tmp_path / "results" / f"out {name[:100]}")
        assert code == 0, err
        assert err == ""
        odd.rename(scan)


# DICOM


@pytest.mark.parametrize("tag", ["Rows", "ImagePositionPatient", "PixelSpacing", "BitsAllocated", "PixelData"])
def test_missing_tags(refused, scan, tag):
    edit(scan, lambda ds, index: ds.pop(tag))
    line = refused(scan)
    assert "scan" in line or "CT0001.dcm" in line


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"RescaleIntercept": "1e38"}, "every voxel is 32767"),
        ({"RescaleSlope": "1e30"}, "RescaleSlope is 1e+30"),
        ({"RescaleSlope": "-1"}, "RescaleSlope is -1"),
        ({"ImageOrientationPatient": ["1", "0", "0", "0.7", "0.7", "0"]}, "not at right angles"),
        ({"PixelSpacing": ["1e10", "1e10"]}, "pixels of"),
        ({"Rows": 65535, "Columns": 65535}, "GB large"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "modality MR"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_impossible_tags(refused, scan, tags, words):
    edit(scan, lambda ds, index: ds.update(tags))
    assert words in refused(scan)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (lambda n: ["0", "0", str(n * 1e30)], "check the slice positions"),
        (lambda n: ["0", "0", str(n * 100)], "check the slice positions"),
        (lambda n: ["0", "0", str(n * 8 + (1e6 if n == 23 else 0))], "check the slice positions"),
        (lambda n: [str(n * 50), "0", str(n * 8)], "do not lie above each other"),
        (lambda n: ["0", "0", "0"], "the positions were lost"),
    ],
    ids=["far", "apart", "one astray", "sheared", "same"],
)  # fmt: skip
def test_impossible_positions(refused, scan, place, words):
    edit(scan, lambda ds, index: setattr(ds, "ImagePositionPatient", place(index)))
    assert words in refused(scan)


def test_flipped_bytes_never_surprise(assess, scan):
    """Whatever the headers say, the answer is a result or one sentence, never an internal error or a library's warning."""
    files = sorted(scan.iterdir())[:12]
    for path in sorted(scan.iterdir())[12:]:
        path.unlink()
    originals = [path.read_bytes() for path in files]
    for seed in range(25):
        rng = np.random.default_rng(seed)
        for path, original in zip(files, originals, strict=True):
            content = bytearray(original)
            for _ in range(rng.integers(1, 8)):
                content[rng.integers(132, 1400)] = rng.integers(256)
            path.write_bytes(content)
        code, _, err = assess(scan)
        assert code in (0, cli.INPUT), (seed, err)
        assert len(err.splitlines()) == (code != 0), (seed, err)


# other bodies


def _chest(hu, x, y, z):
    hu[disc(x, y, 170, 110)] = 45
    hu[disc(x, y, 150, 95) & ~disc(x, y, 142, 87) & (np.sin(z / 6) > 0)] = 500
    for side in (-1, 1):
        hu[disc(x, y, 60, 75, side * 75)] = -850
    hu[disc(x, y, 20, 20, 0, 70)] = 400


def _knees(hu, x, y, z):
    for side in (-1, 1):
        hu[disc(x, y, 65, 70, side * 90)] = 50
        hu[disc(x, y, 30, 30, side * 90)] = 900
        hu[disc(x, y, 22, 22, side * 90)] = -60


def _neck(hu, x, y, z):
    hu[disc(x, y, 60, 60)] = 50
    hu[disc(x, y, 16, 16, 0, 20)] = 400
    hu[disc(x, y, 8, 8, 0, 40)] = 35
    hu[disc(x, y, 200, 70) & (z < -40)] = 50


def _water(hu, x, y, z):
    hu[disc(x, y, 100, 100)] = 0


@pytest.mark.parametrize(
    "paint", [_chest, _knees, _neck, _water, lambda hu, x, y, z: None], ids=["chest", "knees", "neck", "water", "air"]
)
def test_other_bodies_are_refused(refused, tmp_path, paint):
    write_series(phantom(paint), tmp_path / "body")
    assert "error: body " in refused(tmp_path / "body")


# text in headers


def test_hostile_and_private_text(assess, scan, tmp_path, monkeypatch):
    """Nothing of the patient, and no markup or control character, reaches a file or the terminal."""
    monkeypatch.undo()  # the real report
    install(monkeypatch.setattr)
    attack = "<script>alert(1)</script>\x1b[2J\r\n" + "A" * 9000

    def change(ds, index):
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.AccessionNumber = (
            "Zebrowski^Quirin",
            "PID-77113",
            "19411107",
            "ACC90210",
        )
        ds.PatientAge = "garbage"
        ds.SeriesDescription = "Head Zebrowski PID-77113 " + attack
        ds.ConvolutionKernel = ds.ManufacturerModelName = ds.ProtocolName = attack
        ds.BodyPartExamined = "HEAD" + attack

    edit(scan, change)
    named = scan.rename(tmp_path / "ZEBROWSKI_Quirin_19411107")
    (named / "Zebrowski.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02\x00damaged")
    code, out, err = assess(named, output=tmp_path / "out")
    assert code == 0, err
    assert err == ""
    texts = [out.replace(str(tmp_path), "")]
    for file in sorted((tmp_path / "out").iterdir()):
        texts.append(
            file.read_bytes().split(b"\n\n")[0].decode("utf-8", "replace")
            if file.suffix == ".nrrd"
            else file.read_text(encoding="utf-8")
        )
    for text in texts:
        for private in ("zebrowski", "quirin", "77113", "19411107", "acc90210"):
            assert private not in text.lower()
        assert "\x1b" not in text
        assert "A" * 300 not in text
    assert "<script>alert" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


# archives, outputs


def test_archives(refused, assess, scan, tmp_path):
    with zipfile.ZipFile(tmp_path / "climb.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for path in scan.iterdir():
            z.write(path, f"../../{path.name}")
    before = set(tmp_path.rglob("*"))
    code, _, err = assess(tmp_path / "climb.zip", output=tmp_path / "out")
    assert code == 0, err
    assert {p.parent for p in set(tmp_path.rglob("*")) - before} <= {tmp_path, tmp_path / "out"}
    with zipfile.ZipFile(tmp_path / "zeros.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a.dcm", bytes(128) + b"DICM" + bytes(8 << 20))
    started = time.process_time()
    assert "a.dcm" in refused(tmp_path / "zeros.zip")
    assert time.process_time() - started < 2, "zeros are not parsed as elements"
    (tmp_path / "noise.zip").write_bytes(np.random.default_rng(0).bytes(2000))
    assert "noise.zip" in refused(tmp_path / "noise.zip")


def test_outputs(refused, scan, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for wrong in (
        scan,
        scan / "inside",
        tmp_path,
        tmp_path / "file",
        tmp_path / "file" / "below",
        tmp_path / ("y" * 300),
        tmp_path / "circle",
    ):
        refused(scan, output=wrong, code=cli.OUTPUT)
    assert (tmp_path / "file").read_text() == "x"


def test_series_and_scoring(refused, scan, tmp_path):
    assert "fits no series" in refused(scan, "--series", "9.9.9")
    (tmp_path / "model.json").write_bytes(b"\xff\x00{")
    assert "model.json" in refused(scan, "--scoring", tmp_path / "model.json", code=cli.MODEL)
    assert "gone.json" in refused(scan, "--scoring", tmp_path / "gone.json", code=cli.MODEL)
    refused(scan, "--scoring", tmp_path, code=cli.MODEL)


def test_incomplete_bundle_is_a_model_error(tmp_path):
    pytest.importorskip("torch")
    from HeadCTIQALib.errors import ModelError
    from HeadCTIQALib.networks.bundles import read_bundle

    (tmp_path / "configs").mkdir()
    for content in (None, "{", "{}"):
        if content is not None:
            (tmp_path / "configs" / "inference.json").write_text(content)
        with pytest.raises(ModelError, match="is incomplete"):
            read_bundle(tmp_path)


def test_absent_device_is_a_model_error(monkeypatch):
    """The devices are asked for by name only; one that the machine lacks is refused in a sentence."""
    torch = pytest.importorskip("torch")
    from HeadCTIQALib.errors import ModelError
    from HeadCTIQALib.networks.runtime.torch_engine import choose_device

    for device, module in (("cuda", torch.cuda), ("mps", torch.backends.mps)):
        monkeypatch.setattr(module, "is_available", lambda: False)
        with pytest.raises(ModelError, match="use --device cpu"):
            choose_device(device)
