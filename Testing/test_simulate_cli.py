"""``headctiqa simulate``: the scan round-trips, and its truth files say what is true of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from HeadCTIQALib import cli, metrics
from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.findings.markups import read_landmarks, read_plane
from HeadCTIQALib.findings.segmentation import read_segmentation
from HeadCTIQALib.synthesis import Acquire, Scene, simulate
from HeadCTIQALib.synthesis.files import write_simulated
from HeadCTIQALib.synthesis.nifti import write_nifti
from HeadCTIQALib.volume import read

TILTED = Scene(
    yaw_deg=4.0,
    acquire=Acquire(
        matrix=96,
        spacing_mm=8.0,
        upper_spacing_mm=12.0,
        thickness_mm=2.5,
        gantry_tilt_deg=15.0,
        circle=True,
        padding_hu=-2000,
        foramen_margin_mm=12.0,
    ),
)
EVEN = Scene(acquire=Acquire(matrix=64, spacing_mm=12.0, thickness_mm=2.5))


@pytest.fixture(scope="module")
def tilted():
    return simulate(2, scene=TILTED)


def test_dicom_keeps_tilt_uneven_spacing_and_padding(tilted, tmp_path):
    write_simulated(tilted, tmp_path, seed=2)
    back = read(tmp_path / "simulated-head")
    assert np.array_equal(back.hu, tilted.volume.hu)
    assert back.padding is not None
    assert np.array_equal(back.padding, tilted.volume.padding)
    np.testing.assert_allclose(back.origins, tilted.volume.origins, atol=1e-3)
    assert len(set(np.round(np.diff(back.slice_positions), 2))) == 2
    np.testing.assert_allclose(back.k, tilted.volume.k, atol=1e-6)
    assert back.acquisition.gantry_tilt_deg == 15.0
    assert back.acquisition.kernel == "H30s"


def test_truth_files_are_the_truth(tilted, tmp_path):
    write_simulated(tilted, tmp_path, seed=2)
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert truth["metrics"] == dict(tilted.truth)
    assert truth["seed"] == 2
    assert truth["motion_grades"] == [0] * len(tilted.volume.hu)
    assert truth["scene"]["acquire"]["gantry_tilt_deg"] == 15.0
    assert truth["scene"]["head"]["length_mm"] == tilted.model.length_mm
    tissue, streak = read_segmentation(tmp_path / "truth.seg.nrrd", tilted.volume)
    assert np.array_equal(tissue, tilted.findings.tissue)
    assert streak is not None
    assert np.array_equal(streak, tilted.findings.streak)
    # The files alone give the exact angles and margins again.
    findings = replace(
        tilted.findings,
        landmarks=read_landmarks(tmp_path / "truth-landmarks.mrk.json"),
        midsagittal=read_plane(tmp_path / "truth-midsagittal.mrk.json"),
    )
    for name in ("symmetry_angle", "baseline_angle", "vertex_margin", "foramen_magnum_margin"):
        assert metrics.measure(tilted.volume, findings)[name].value == pytest.approx(
            truth["metrics"][name], abs=0.01
        ), name


@pytest.mark.parametrize(("format_", "file"), [("dicom", "simulated-head"), ("nifti", "scan.nii.gz")])
def test_command_writes_a_readable_scan_once(tmp_path, monkeypatch, format_, file):
    monkeypatch.setattr("HeadCTIQALib.synthesis.simulate", lambda seed=0: simulate(seed, scene=EVEN))
    out = tmp_path / "sim"
    assert cli.main(["simulate", "--output", str(out), "--seed", "3", "--format", format_]) == 0
    scan = simulate(3, scene=EVEN)
    back = read(out / file)
    assert np.array_equal(back.hu, scan.volume.hu)
    np.testing.assert_allclose(back.origins, scan.volume.origins, atol=1e-3)
    assert json.loads((out / "truth.json").read_text(encoding="utf-8"))["metrics"] == dict(scan.truth)
    assert cli.main(["simulate", "--output", str(out)]) == cli.OUTPUT, "not into a folder with files"


def test_command_draws_from_a_population(tmp_path, monkeypatch):
    asked = {}

    def small(seed, scene):
        asked.update(seed=seed, scene=scene)
        return simulate(seed, scene=EVEN)

    monkeypatch.setattr("HeadCTIQALib.synthesis.simulate", small)
    assert cli.main(["simulate", "--output", str(tmp_path / "a"), "--seed", "7", "--population", "external-b"]) == 0
    assert asked["seed"] == 7
    assert asked["scene"].acquire.manufacturer in ("Philips", "TOSHIBA")


def test_demo_and_population_exclude_each_other(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["simulate", "--output", str(tmp_path / "a"), "--demo", "--population", "internal"])
    assert "not allowed" in capsys.readouterr().err


def test_a_negative_seed_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["simulate", "--output", str(tmp_path / "a"), "--seed=-1"])
    assert caught.value.code == cli.USAGE
    assert "from 0 to" in capsys.readouterr().err


def test_nifti_keeps_voxels_and_geometry(head_volume, tmp_path):
    write_nifti(head_volume, tmp_path / "scan.nii.gz")
    back = read(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(back.hu, head_volume.hu)
    np.testing.assert_allclose(back.origins, head_volume.origins, atol=1e-3)
    np.testing.assert_allclose(back.row_step, head_volume.row_step, atol=1e-6)


def test_tilted_slices_are_not_written_as_nifti(tilted_head_volume, tmp_path):
    with pytest.raises(OutputError, match="use --format dicom"):
        write_nifti(tilted_head_volume, tmp_path / "scan.nii.gz")
