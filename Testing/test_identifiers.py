"""No name, number, date or free text of a patient leaves a scan: markers in everything that goes in, none in what comes out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nrrd
import numpy as np
import pytest
from assessment_stand_in import install
from ellipsoid_head import simulated_head
from marked_scan import found, found_in, mark, write_marked, write_marked_enhanced

from HeadCTIQALib import cli
from HeadCTIQALib.synthesis.nifti import write_nifti
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.exchange import write_exchange

PROJECT = Path(__file__).resolve().parents[1]
STAND_IN = Path(__file__).with_name("assessment_stand_in.py")
GIVEN = mark(0xFFFF0001)  # in the name of what the user gives
FOLDER, ARCHIVED, DAMAGED, OTHER = (mark(0xF0000010 + n) for n in range(4))


@pytest.fixture(scope="module")
def head() -> CTVolume:
    return simulated_head(slices=12, matrix=48, pixel_mm=5.0, spacing_mm=18.0)


@pytest.fixture(scope="module")
def marked(head: CTVolume, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a marked series in a marked folder, a damaged file, a text and another series beside it; do not change it."""
    root = tmp_path_factory.mktemp("marked") / f"{GIVEN} Jane"
    write_marked(head, root / FOLDER / "deeper")
    first = next((root / FOLDER / "deeper").iterdir())
    (root / FOLDER / "deeper" / f"{DAMAGED}.dcm").write_bytes(first.read_bytes()[:300])
    (root / f"{DAMAGED}.txt").write_text(mark(0xF0000020))
    scout = replace(head, hu=head.hu[:3].copy(), origins=head.origins[:3])
    write_marked(scout, root / OTHER, names=0xF0000200, series="2")
    return root


def archive_of(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for file in sorted(folder.rglob("*")):
            z.write(file, Path(ARCHIVED) / file.relative_to(folder))
    return path


def as_folder(marked: Path, head: CTVolume, place: Path) -> Path:
    return marked


def as_file(marked: Path, head: CTVolume, place: Path) -> Path:
    shutil.copytree(marked / FOLDER / "deeper", place / FOLDER)
    files = sorted((place / FOLDER).glob("*.dcm"))
    return files[-1].rename(files[-1].with_name(f"{GIVEN}.dcm"))


def as_archive(marked: Path, head: CTVolume, place: Path) -> Path:
    return archive_of(marked, place / f"{GIVEN}.zip")


def as_archive_in_archive(marked: Path, head: CTVolume, place: Path) -> Path:
    archive_of(marked, place / f"{FOLDER}.zip")
    with zipfile.ZipFile(place / f"{GIVEN}.zip", "w") as z:
        z.write(place / f"{FOLDER}.zip", f"{ARCHIVED}/{FOLDER}.zip")
    return place / f"{GIVEN}.zip"


def as_enhanced(marked: Path, head: CTVolume, place: Path) -> Path:
    write_marked_enhanced(head, place / f"{GIVEN}.dcm", place / "scratch")
    shutil.rmtree(place / "scratch")
    return place / f"{GIVEN}.dcm"


def as_wrong_types(marked: Path, head: CTVolume, place: Path) -> Path:
    write_marked(head, place / GIVEN, wrong=True)
    return place / GIVEN


def as_nifti(marked: Path, head: CTVolume, place: Path) -> Path:
    path = place / f"{GIVEN}.nii"
    write_nifti(head, path)
    data = bytearray(path.read_bytes())
    for n, (at, size) in enumerate(
        ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16))
    ):  # data_type, db_name, descrip, aux_file, intent_name
        data[at : at + size] = mark(0xF0000030 + n)[:size].encode().ljust(size, b"\0")
    path.write_bytes(data)
    return path


def as_nrrd(marked: Path, head: CTVolume, place: Path) -> Path:
    path = place / f"{GIVEN}.nrrd"
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag([5.0, 5.0, 18.0]),
        "space origin": np.zeros(3),
    }
    nrrd.write(
        str(path), head.hu, {**header, "content": mark(0xF0000040), mark(0xF0000041): mark(0xF0000042)}, index_order="C"
    )
    return path


def as_metaimage(marked: Path, head: CTVolume, place: Path) -> Path:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(head.hu)
    image.SetSpacing((5.0, 5.0, 18.0))
    SimpleITK.WriteImage(image, str(place / f"{GIVEN}.mha"))
    data = (place / f"{GIVEN}.mha").read_bytes()
    more = f"Comment = {mark(0xF0000050)}\nName = {mark(0xF0000051)}\nAcquisitionDate = 1931.04.07\n".encode()
    (place / f"{GIVEN}.mha").write_bytes(data.replace(b"NDims = 3\n", b"NDims = 3\n" + more, 1))
    return place / f"{GIVEN}.mha"


def as_exchange(marked: Path, head: CTVolume, place: Path) -> Path:
    texts = {"manufacturer", "model", "kernel", "body_part", "series_description"}
    acquisition = replace(head.acquisition, **{name: mark(0xF0000060 + n) for n, name in enumerate(sorted(texts))})
    write_exchange(
        place / f"{GIVEN}.nrrd",
        replace(head, acquisition=acquisition, source=replace(head.source, name=mark(0xF0000066))),
    )
    return place / f"{GIVEN}.nrrd"


def as_too_few(marked: Path, head: CTVolume, place: Path) -> Path:
    shutil.copytree(marked / OTHER, place / GIVEN)
    return place / GIVEN


def as_truncated(marked: Path, head: CTVolume, place: Path) -> Path:
    for path in sorted((marked / FOLDER / "deeper").iterdir()):
        (place / GIVEN).mkdir(exist_ok=True)
        (place / GIVEN / path.name).write_bytes(path.read_bytes()[:-3000])
    return place / GIVEN


def as_text_for_spacing(marked: Path, head: CTVolume, place: Path) -> Path:
    """Its value, not a number, stands in what the parser says."""
    for path in sorted((marked / FOLDER / "deeper").iterdir()):
        (place / GIVEN).mkdir(exist_ok=True)
        data = path.read_bytes()
        at = data.find(b"\x28\x00\x30\x00DS") + 8
        (place / GIVEN / path.name).write_bytes(
            data[:at] + mark(0x00280030).encode().ljust(at and data[at - 2])[: data[at - 2]] + data[at + data[at - 2] :]
        )
    return place / GIVEN


Form = Callable[[Path, CTVolume, Path], Path]
ACCEPTED: tuple[Form, ...] = (
    as_folder,
    as_file,
    as_archive,
    as_enhanced,
    as_wrong_types,
    as_nifti,
    as_nrrd,
    as_metaimage,
    as_exchange,
)
REFUSED: tuple[Form, ...] = (as_too_few, as_truncated, as_text_for_spacing, as_archive_in_archive)


def each(*forms: Form) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("form", [pytest.param(f, id=f.__name__) for f in forms])


def outcome(
    form: Form,
    marked: Path,
    head: CTVolume,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    *options: str,
) -> tuple[int, set[str], set[str]]:
    """Exit code, markers in what was written, and markers on the terminal of an assessment with a stand-in for the networks."""
    install(monkeypatch.setattr)
    (place / "input").mkdir()
    (place / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place / "tmp"))
    given = form(marked, head, place / "input")
    code = cli.main(["assess", str(given), "--output", str(place / "result"), *options])
    said = capfd.readouterr()
    assert list((place / "tmp").iterdir()) == []
    written = found_in(place / "result") if (place / "result").exists() else set()
    return code, written, found((said.out + said.err).encode())


@pytest.mark.parametrize("options", [(), ("--debug",)], ids=["plain", "debug"])
@each(*ACCEPTED)
def test_nothing_of_the_patient_comes_out(
    form: Form,
    options: tuple[str, ...],
    marked: Path,
    head: CTVolume,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, written, said = outcome(form, marked, head, tmp_path, monkeypatch, capfd, *options)
    assert code == 0
    assert written == set()
    assert said == set()


@pytest.mark.parametrize("options", [(), ("--debug",)], ids=["plain", "debug"])
@each(*REFUSED)
def test_a_refusal_names_what_was_given_and_nothing_inside(
    form: Form,
    options: tuple[str, ...],
    marked: Path,
    head: CTVolume,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, written, said = outcome(form, marked, head, tmp_path, monkeypatch, capfd, *options)
    assert code == 3 or form is as_archive_in_archive
    assert written == set()
    assert said <= {GIVEN, mark(0xF0000100)}  # the name of the first damaged file, which its owner has to find


@each(as_folder, as_file, as_archive, as_nifti, as_nrrd)
def test_keep_name_keeps_the_given_name_only(
    form: Form,
    marked: Path,
    head: CTVolume,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, written, said = outcome(form, marked, head, tmp_path, monkeypatch, capfd, "--keep-name")
    assert code == 0
    assert GIVEN in written
    assert written | said <= {GIVEN, DAMAGED}


def start(*command: str, temporary: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.mark.slow
def test_a_real_run_writes_nothing_of_the_patient_anywhere(tmp_path: Path) -> None:
    from HeadCTIQALib.synthesis import Acquire, Scene, simulate

    scan = simulate(3, scene=Scene(acquire=Acquire(matrix=128, spacing_mm=5.0))).volume
    write_marked(scan, tmp_path / FOLDER)
    given = archive_of(tmp_path / FOLDER, tmp_path / f"{GIVEN}.zip")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = start(
        "-P",
        "-m",
        "HeadCTIQALib",
        "assess",
        str(given),
        "--output",
        str(tmp_path / "result"),
        "--device",
        "cpu",
        temporary=temporary,
    )
    meanwhile: set[str] = set()
    while process.poll() is None:
        meanwhile |= found_in(temporary)
        time.sleep(0.02)
    said = "".join(process.communicate())
    assert process.returncode == 0, said
    assert found_in(tmp_path / "result") == set()
    assert found(said.encode()) == set()
    assert list(temporary.iterdir()) == []
    assert meanwhile == set(), "what was read from an archive lay in the temporary folder"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
@pytest.mark.parametrize("moment", ["reading", "networks"])
def test_a_run_that_is_ended_leaves_nothing_of_the_patient(
    marked: Path, tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    given = archive_of(marked, tmp_path / f"{GIVEN}.zip")
    process = start(
        str(STAND_IN), "slow", "assess", str(given), "--output", str(tmp_path / "result"), temporary=temporary
    )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    ends = time.monotonic() + 60
    while (
        time.monotonic() < ends
        and process.poll() is None
        and not (process.stdout.readline() or (moment == "reading" and found_in(temporary)))
    ):
        time.sleep(0.002)
    process.send_signal(number)
    process.communicate()
    if number == signal.SIGKILL:  # nobody can clean up then; the next start does
        start(
            str(STAND_IN), "", "assess", str(given), "--output", str(tmp_path / "next"), temporary=temporary
        ).communicate()
    assert found_in(temporary) == set()
    assert found_in(tmp_path / "result") == set()
