"""The anatomy network and its bundle: integrity, exact parts against analytic answers, accuracy on unseen heads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.networks import bundles, load_networks, models_used
from HeadCTIQALib.networks.anatomy import SHAPE, coarse_anatomy, fit_pose, imaged, peak, seen_twice
from HeadCTIQALib.networks.bundles import open_bundle
from HeadCTIQALib.networks.channels import LANDMARKS, MIRRORED
from HeadCTIQALib.networks.nets.anatomy import AnatomyNet
from HeadCTIQALib.networks.runtime.torch_engine import choose_device, load_network
from HeadCTIQALib.networks.types import Infer
from HeadCTIQALib.resources import resource
from HeadCTIQALib.synthesis import Acquire, Scene, simulate
from HeadCTIQALib.volume.resample import head_grid, to_grid


@pytest.fixture(scope="module")
def infer() -> Infer:
    torch.set_num_threads(1)
    return load_networks("cpu")


@pytest.fixture
def bundle_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped bundle that may be damaged."""
    folder = tmp_path / "anatomy"
    shutil.copytree(resource("Models", "anatomy"), folder)
    monkeypatch.setattr(bundles, "resource", lambda *parts: tmp_path.joinpath(*parts[1:]))
    open_bundle.cache_clear()
    yield folder
    open_bundle.cache_clear()


def test_damaged_weights_are_refused(bundle_copy: Path) -> None:
    weights = bundle_copy / bundles.NETWORK
    weights.chmod(0o644)
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ModelError, match="checksum"):
        open_bundle("anatomy")


@pytest.mark.parametrize("part", ["configs/metadata.json", bundles.NETWORK])
def test_incomplete_bundle_is_refused(bundle_copy: Path, part: str) -> None:
    (bundle_copy / part).unlink()
    with pytest.raises(ModelError, match="incomplete"):
        open_bundle("anatomy")


def test_weights_of_another_network_are_refused(bundle_copy: Path) -> None:
    config = bundle_copy / "configs" / "inference.json"
    config.write_text(json.dumps({"network_def": {"_target_": "x", "filters": [16, 32, 64]}}), encoding="utf-8")
    bundles.seal(bundle_copy)
    with pytest.raises(ModelError, match="do not fit"):
        load_network(open_bundle("anatomy"))


def test_monai_can_build_the_network_from_the_bundle() -> None:
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(open_bundle("anatomy").folder / "configs" / "inference.json")
    built = parser.get_parsed_content("network_def")
    assert isinstance(built, AnatomyNet)
    assert built.state_dict().keys() == load_network(open_bundle("anatomy")).state_dict().keys()


def test_model_card_names_weights_and_data() -> None:
    card = models_used()[0]
    assert len(card["sha256"]) == 64
    assert "ge-revolution-dental" in json.dumps(card["data_source"])
    text = (resource("Models", "anatomy") / "docs" / "README.md").read_text(encoding="utf-8")
    assert "unknown until" in text, "the card says that accuracy elsewhere is unknown until measured"


def test_bundle_stays_small() -> None:
    assert (resource("Models", "anatomy") / bundles.NETWORK).stat().st_size < 5_000_000


def test_mirrored_landmarks_swap_sides() -> None:
    assert [LANDMARKS[m] for m in MIRRORED[:2]] == ["EAM_L", "EAM_R"]
    assert LANDMARKS[MIRRORED[LANDMARKS.index("BASION")]] == "BASION"


def test_mean_with_mirror_image_is_exactly_symmetric(infer: Infer) -> None:
    rng = np.random.default_rng(0)
    hu = rng.normal(0, 300, SHAPE).astype(np.float32)
    inside = np.ones(SHAPE, bool)
    a = seen_twice(infer, hu, inside)
    b = seen_twice(infer, hu[..., ::-1], inside)[..., ::-1]
    assert np.allclose(a[:11], b[:11], atol=2e-3)
    assert np.allclose(a[11], -b[11], atol=2e-3)
    assert np.allclose(a[14:], b[14:][list(MIRRORED)], atol=5e-3)


def test_pose_fit_recovers_a_known_affine_despite_outliers() -> None:
    rng = np.random.default_rng(1)
    template = rng.uniform(-90, 90, (4000, 3))
    matrix = np.array([[0.97, -0.1, 0.02, 12], [0.1, 1.02, 0.05, -7], [0, -0.06, 0.95, 30]])
    ras = template @ matrix[:, :3].T + matrix[:, 3]
    ras[:400] += rng.normal(0, 60, (400, 3))
    pose, rms = fit_pose(template, ras)
    assert np.allclose(pose[:3], matrix, atol=0.02)
    assert rms < 0.5
    assert fit_pose(template[:50], ras[:50])[1] == float("inf")


def test_peak_is_subvoxel() -> None:
    z, y, x = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    truth = np.array([11.3, 24.8, 30.4])
    heat = -0.5 * ((z - truth[0]) ** 2 + (y - truth[1]) ** 2 + (x - truth[2]) ** 2) / 0.8**2
    found, mass = peak(heat.astype(np.float32))
    assert np.allclose(found, truth, atol=0.02)
    assert mass > 0.99


def test_resampling_puts_a_point_where_it_is(tilted_head_volume) -> None:
    volume = tilted_head_volume
    grid = head_grid(volume)
    hu, inside = to_grid(volume, grid)
    points = grid.ras()[inside]
    ijk = volume.ras_to_ijk(points)
    assert (ijk[:, 2] > -0.6).all()
    assert (ijk[:, 2] < volume.shape[0] - 0.4).all()
    i, j, k = np.rint(ijk).astype(int).T
    nearest = volume.hu[
        np.clip(k, 0, volume.shape[0] - 1), np.clip(j, 0, volume.shape[1] - 1), np.clip(i, 0, volume.shape[2] - 1)
    ]
    assert np.corrcoef(nearest, hu[inside])[0, 1] > 0.97, "the value there is that of the native voxel there"


@pytest.mark.parametrize("seed", [21, 22])
def test_unseen_simulated_head(infer: Infer, seed: int) -> None:
    scene = Scene(yaw_deg=8.0, roll_deg=-5.0, pitch_deg=6.0, acquire=Acquire(matrix=128, spacing_mm=4.0, noise_hu=5.0))
    scan = simulate(seed, scene=scene)
    coarse = coarse_anatomy(scan.volume, infer)
    error = {
        n: np.linalg.norm(np.subtract(coarse.landmarks[n].position, scan.findings.landmarks[n].position))
        for n in LANDMARKS
        if scan.findings.landmarks[n].in_scan
    }
    assert np.median(list(error.values())) < 4.0, error
    axis = coarse.pose[:3, 0] / np.linalg.norm(coarse.pose[:3, 0])
    assert np.degrees(np.arccos(axis @ np.array(scan.findings.midsagittal.normal))) < 3.0


def test_points_beyond_the_scan_are_said_to_be_so(infer: Infer) -> None:
    scan = simulate(23, scene=Scene(acquire=Acquire(matrix=128, spacing_mm=4.0, foramen_margin_mm=-20.0)))
    coarse = coarse_anatomy(scan.volume, infer)
    for name in ("BASION", "OPISTHION"):
        found = coarse.landmarks[name]
        assert not found.in_scan
        error = np.linalg.norm(np.subtract(found.position, scan.findings.landmarks[name].position))
        assert error < 3 * found.spread_mm, "the stated spread is honest"
        assert found.spread_mm > 4.0
    assert not imaged(scan.volume, np.array(coarse.landmarks["BASION"].position))


def test_device_that_is_absent_is_one_sentence() -> None:
    assert choose_device("cpu") == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="cuda"):
            choose_device("cuda")


def test_metrics_and_scoring_need_no_torch() -> None:
    code = "import sys, HeadCTIQALib.assessment, HeadCTIQALib.metrics, HeadCTIQALib.scoring, HeadCTIQALib.report; sys.exit('torch' in sys.modules or 'monai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False).returncode == 0
