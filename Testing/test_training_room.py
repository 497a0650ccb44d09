"""The training room: learning, resuming, the guard, bundles that the product loads, a site's heads, the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from HeadCTIQALib.cli import INPUT, main
from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.bundles import open_bundle
from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.networks.landmarks import CHANNELS, PATCH
from HeadCTIQALib.research.training import guard, landmarks, run, site
from HeadCTIQALib.research.training.errors import TrainingError
from HeadCTIQALib.research.training.export import write_bundle
from HeadCTIQALib.research.training.loop import CHECKPOINT, LOG, Plan, load_weights
from HeadCTIQALib.research.training.patch_heads import PatchHead
from HeadCTIQALib.research.training.run import Job
from HeadCTIQALib.research.training.sources import counted
from HeadCTIQALib.volume.resample import Grid

PLACES = {
    "EAM_R": (50, 0, 0), "EAM_L": (-50, 0, 0), "CANTHUS_R": (50, 72, 0), "CANTHUS_L": (-50, 72, 0), "GLOBE_R": (33, 77, 0), "GLOBE_L": (-33, 77, 0),
    "NASION": (0, 90, 3), "BASION": (0, -3, -9), "OPISTHION": (0, -41, -7), "SELLA": (0, 25, 15), "CRISTA": (0, 74, 17), "IOP": (0, -60, 34),
    "SEPTUM": (0, 40, 50), "PINEAL": (0, 1, 46),
}  # fmt: skip
SMALL = (8, 12, 16)


def blobs(name: str = "blobs") -> PatchHead:
    """A head whose landmarks are dense blobs."""
    grid = Grid(np.array([-100.0, -100, -60]), 3.0, (54, 78, 68))
    ras = grid.ras()
    hu = 40 + sum(1000 * np.exp(-0.5 * ((ras - np.array(p)) ** 2).sum(-1) / 5.0**2) for p in PLACES.values())
    return PatchHead(name, hu.astype(np.int16), np.ones(grid.shape, bool), grid, PLACES, 1.0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "fine").mkdir()
    blobs().save(folder / "fine")
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One small evaluation head."""
    monkeypatch.setattr(guard, "HEADS", 1)
    monkeypatch.setattr(guard, "EACH", 4)


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]


def test_training_lowers_the_loss(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmarks, "FILTERS", SMALL)
    landmarks.train(landmarks.sampler(prepared), Plan(40, batch=2, rate=1e-2, every=10), tmp_path)
    lines = history(tmp_path)
    assert [line["step"] for line in lines] == [10, 20, 30, 40]
    assert lines[-1]["loss"] < 0.95 * lines[0]["loss"]


def test_resuming_ends_like_an_uninterrupted_training(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landmarks, "FILTERS", SMALL)
    source, plan = landmarks.sampler(prepared), Plan(14, batch=1, every=1)
    whole = landmarks.train(source, plan, tmp_path / "whole")
    drawn = 0

    def until_interrupted(rng: np.random.Generator) -> object:
        nonlocal drawn
        drawn += 1
        if drawn > 12:
            raise KeyboardInterrupt
        return source(rng)

    with pytest.raises(KeyboardInterrupt):
        landmarks.train(until_interrupted, plan, tmp_path / "halves")  # type: ignore[arg-type]
    assert 0 < torch.load(tmp_path / "halves" / CHECKPOINT, weights_only=True)["step"] < 14
    resumed = landmarks.train(source, plan, tmp_path / "halves", resume=True)
    assert all(torch.equal(resumed[k], whole[k]) for k in whole)
    assert torch.equal(
        load_weights(tmp_path / "halves" / CHECKPOINT)["unet.output_block.conv.conv.bias"],
        whole["unet.output_block.conv.conv.bias"],
    )


def test_resuming_with_other_settings_is_refused(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landmarks, "FILTERS", SMALL)
    source = landmarks.sampler(prepared)
    landmarks.train(source, Plan(2, batch=1), tmp_path)
    with pytest.raises(TrainingError, match="other settings"):
        landmarks.train(source, Plan(3, batch=1), tmp_path, resume=True)
    (tmp_path / CHECKPOINT).write_bytes(b"not a checkpoint")
    with pytest.raises(TrainingError, match="cannot be read"):
        landmarks.train(source, Plan(2, batch=1), tmp_path, resume=True)


def test_a_training_ends_in_a_bundle_that_the_product_loads(prepared: Path, tmp_path: Path, quick: None) -> None:
    bundle = run.run(Job("landmarks", prepared, tmp_path, plan=Plan(2, batch=1, every=1)))
    assert bundle.folder == tmp_path / "landmarks"
    metadata = json.loads((bundle.folder / "configs" / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["heads"] == ["blobs"]
    assert any("median landmark error" in k for k in metadata["figures"])
    text = (bundle.folder / "docs" / "README.md").read_text(encoding="utf-8")
    assert all(word in text for word in ("not a medical device", "## Data that it saw", "## Figures", "## Limits"))
    patch = np.zeros((2, PATCH, PATCH, PATCH), np.int16)
    (read,) = load_networks("cpu", models=tmp_path)("landmarks", patch, np.ones_like(patch, np.uint8))
    assert read.shape == (2, len(CHANNELS), 6)


def site_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan) -> Job:
    monkeypatch.setattr(site, "site_scans", lambda folders, scans: [None])
    monkeypatch.setattr(site, "patch_head", lambda scan: blobs("site-1"))
    monkeypatch.setattr(run, "prepare_patch_heads", lambda data, out, simulated: None)
    return Job("landmarks", None, tmp_path, plan=plan, folders=(tmp_path,), scans=(tmp_path,), simulated=1)


def test_the_guard_refuses_a_worse_network(tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="made the network worse"):
        run.run(site_job(tmp_path, monkeypatch, Plan(3, batch=1, rate=0.3, every=1)))
    assert not (tmp_path / "landmarks").exists()


def test_fine_tuning_that_is_not_worse_is_written(tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = run.run(site_job(tmp_path, monkeypatch, Plan(1, batch=1, rate=1e-7, every=1)))
    assert "site-1" in bundle.metadata["heads"]
    assert "the site's own" in (bundle.folder / "docs" / "README.md").read_text(encoding="utf-8")


def test_worse_means_any_figure() -> None:
    before = {"a": 1.0, "b": 0.2}
    assert guard.worse(before, {"a": 1.05, "b": 0.1}) is None
    assert "b went from 0.2 to 0.3" in str(guard.worse(before, {"a": 0.5, "b": 0.3}))
    assert guard.worse(before, {"a": float("nan"), "b": 0.2}) is not None
    assert guard.worse({"a": 0.0}, {"a": 0.01}) is None
    assert guard.worse({"a": 0.0}, {"a": 0.1}) is not None


def test_a_bundle_that_cannot_be_written_leaves_the_old_one(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = landmarks.LandmarkNet(len(CHANNELS), SMALL).state_dict()
    definition = {**run.definition_of("landmarks"), "filters": list(SMALL)}
    write_bundle(tmp_path / "landmarks", state, definition, run.metadata_of("landmarks"))
    before = (tmp_path / "landmarks" / "configs" / "metadata.json").read_bytes()

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OutputError, match="disk is full"):
        write_bundle(tmp_path / "landmarks", state, definition, run.metadata_of("landmarks"))
    assert (tmp_path / "landmarks" / "configs" / "metadata.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["landmarks"]


def test_a_simulated_assessment_becomes_training_heads() -> None:
    """A site's scan with its findings: heads for both networks, whose labels lie where the findings put them."""
    from HeadCTIQALib.findings import Tissue
    from HeadCTIQALib.synthesis import Acquire, Scene, simulate

    scan = simulate(4, scene=Scene(yaw_deg=4, acquire=Acquire(matrix=96, spacing_mm=6.0, foramen_margin_mm=20.0)))
    at = site.SiteScan("site-1", scan.volume, scan.findings)
    patch, labelled = site.patch_head(at), site.labelled_head(at)
    assert patch is not None
    assert labelled is not None
    assert set(labelled.landmarks) <= set(LANDMARKS)
    globe = labelled.grid.index(np.array(scan.findings.landmarks["GLOBE_R"].position))
    assert labelled.tissue[tuple(np.rint(globe).astype(int))] == Tissue.GLOBE
    error = np.linalg.norm(
        labelled.template[:, *np.rint(globe).astype(int)]
        - open_bundle("anatomy").metadata["template_landmarks"]["GLOBE_R"]
    )
    assert error < 12.0
    eye = patch.hu[tuple(np.rint(patch.grid.index(np.array(patch.landmarks["GLOBE_L"]))).astype(int))]
    assert -30 < eye < 60


def test_sources_are_counted_by_collection() -> None:
    count = {
        s.title.split(" ")[0]: n
        for s, n in counted(["head015", "labelmap3001-of-head017", "simulated3", "site-1", "ge-vct-tumour"]).items()
    }
    assert count == {"OpenKBP": 2, "simulated": 1, "scans": 1, "ge-vct-tumour": 1}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["landmarks"], "needs a data folder"),
        (["landmarks", "{empty}"], "holds neither scans"),
        (["artefact", "{empty}", "--from", "{empty}"], "cannot be fine-tuned on assessments"),
        (["landmarks", "--from", "{empty}"], "1 assessment folders and 0 scans"),
    ],
)
def test_the_command_says_what_is_missing(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty").mkdir()
    nothing: Callable[..., None] = lambda *args, **kwargs: None  # noqa: E731
    monkeypatch.setattr(run, "prepare_patch_heads", nothing)
    code = main(["train", *(a.format(empty=tmp_path / "empty") for a in arguments), "--output", str(tmp_path / "out")])
    assert code == INPUT
    assert sentence in capsys.readouterr().err


def test_another_scans_assessment_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "read", lambda path: None)
    with pytest.raises(InputError):
        site.site_scans([tmp_path], [tmp_path])
