"""Training of the artefact network: what it is shown, that it learns, and the bundle that it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.artefact import graded_slices
from HeadCTIQALib.networks.bundles import open_bundle
from HeadCTIQALib.networks.nets.artefact import ArtefactNet
from HeadCTIQALib.research.training.artefact import losses, stack, train
from HeadCTIQALib.research.training.artefact_export import export
from HeadCTIQALib.research.training.artefact_mix import mix
from HeadCTIQALib.research.training.artefact_slices import CleanSlice, item

AXIS = np.arange(256) - 127.5
RADIUS = np.hypot(AXIS[:, None] / 1.15, AXIS[None, :])


@pytest.fixture(scope="module")
def made() -> dict[str, np.ndarray]:
    """An item of an oval head."""
    hu = (-1000 + 1040 * (RADIUS < 82) + 900 * ((RADIUS > 70) & (RADIUS < 77)) - 5 * (RADIUS < 70)).astype(np.float32)
    mask = ((RADIUS < 70) * 1 + (RADIUS < 82) * 2).astype(np.uint8)
    return item(CleanSlice(hu, hu, hu, mask, 0.95), np.random.default_rng(2))


@pytest.fixture
def folder(tmp_path: Path, made: dict[str, np.ndarray]) -> Path:
    np.savez(tmp_path / "simulated1-000.npz", **made)  # type: ignore[arg-type]
    return tmp_path


def test_truth_of_a_mixture_follows_its_definition(made: dict[str, np.ndarray]) -> None:
    examples = [mix(made, np.random.default_rng(s)) for s in range(24)]
    assert {round(e.rms, 3) for e in examples} > {0.0}
    assert max(e.rms for e in examples) > 5  # in a head without detail; in real ones up to 70
    for e in examples:
        assert e.grades[0] >= e.grades[1] >= e.grades[2]
        assert (e.grades[0] > 0.5) == (e.rms > 2)
        assert not (e.streak & ~e.judged).any()
        if e.rms:
            deep = e.inside == 1  # blocks across the edge see the skull
            assert 0.3 * e.rms < np.sqrt(np.mean(e.motion[deep] ** 2)) < 1.3 * e.rms
        else:
            assert not e.motion.any()


def test_the_same_seed_gives_the_same_mixture(made: dict[str, np.ndarray]) -> None:
    one, two = (mix(made, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one.hu, two.hu)
    assert np.array_equal(one.streak, two.streak)


def test_maps_are_learnt(made: dict[str, np.ndarray]) -> None:
    torch.manual_seed(0)
    batch = {k: torch.from_numpy(v) for k, v in stack([mix(made, np.random.default_rng(s)) for s in range(4)]).items()}
    net = ArtefactNet((8, 16, 16, 16))
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    course = []
    for _ in range(20):
        loss = torch.stack(list(losses(net(batch["hu"]), batch).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        course.append(float(loss.detach()))
    assert course[-1] < 0.9 * course[0]


def test_a_training_leaves_a_bundle_that_runs_and_can_be_continued(folder: Path, tmp_path: Path) -> None:
    run, models = tmp_path / "run", tmp_path / "models"
    checkpoint = train(folder, run, items=folder, minutes=0.0)
    assert torch.load(checkpoint, weights_only=True)["step"] == 0
    train(folder, run, items=folder, minutes=0.0)
    export(checkpoint, models / "artefact", ["simulated1"], {"slices": "none"})
    bundle = open_bundle("artefact", models)
    assert "slices | none" in (bundle.folder / "docs" / "README.md").read_text(encoding="utf-8")
    hu = np.full((2, 256, 256), -1000, np.int16)
    hu[:, 60:200, 60:200] = 40
    infer = load_networks("cpu", models=models)
    grades, streak = graded_slices(infer, hu)
    again, _ = graded_slices(infer, hu)
    assert grades.shape == (2, 3)
    assert streak.shape == (2, 256, 256)
    assert np.array_equal(grades, again)
    assert (np.diff(grades, axis=1) <= 0).all()
    assert sum(f.stat().st_size for f in bundle.folder.rglob("*") if f.is_file()) < 3e6
