"""Training of the anatomy network: random examples stay geometrically true, and the loss can be learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.networks.nets.anatomy import AnatomyNet, network_input
from HeadCTIQALib.research.training import augment
from HeadCTIQALib.research.training.anatomy import losses, sampler, soft_argmax
from HeadCTIQALib.research.training.augment import SHAPE, SPACING, draw, flipped, rotation
from HeadCTIQALib.research.training.errors import TrainingError
from HeadCTIQALib.research.training.export import template_landmarks
from HeadCTIQALib.research.training.heads import LabelledHead
from HeadCTIQALib.research.training.loop import collate
from HeadCTIQALib.volume.resample import Grid


@pytest.fixture(scope="module")
def head() -> LabelledHead:
    """A ball of brain in a shell of bone; landmarks anywhere in the ball; template = RAS."""
    grid = Grid(np.array([-98.0, -98, -98]), 4.0, (50, 50, 50))
    ras = grid.ras()
    radius = np.linalg.norm(ras, axis=-1)
    tissue = np.select([radius < 70, radius < 78, radius < 84], [Tissue.WHITE, Tissue.BONE, Tissue.SOFT], 0).astype(
        np.uint8
    )
    hu = np.select(
        [tissue == Tissue.WHITE, tissue == Tissue.BONE, tissue == Tissue.SOFT], [30.0, 1000.0, 40.0], -1000.0
    ).astype(np.float32)
    rng = np.random.default_rng(0)
    marks = {n: tuple(rng.uniform(-30, 30, 3)) for n in LANDMARKS}
    return LabelledHead(
        "ball", hu, np.ones(grid.shape, bool), tissue, np.moveaxis(ras, -1, 0).astype(np.float32), grid, marks
    )


def test_landmarks_move_with_the_anatomy(head: LabelledHead, monkeypatch: pytest.MonkeyPatch) -> None:
    """The template coordinate found at a drawn landmark is the template coordinate that it started from."""
    monkeypatch.setattr(augment, "degrade", lambda hu, inside, tissue, marks, rng: (hu, inside))
    rng = np.random.default_rng(5)
    for _ in range(4):
        sample = draw(head, rng)
        for m, name in enumerate(LANDMARKS):
            if not sample.present[m]:
                continue
            at = [
                ndimage.map_coordinates(c, sample.landmarks[m].numpy()[:, None], order=1)[0]
                for c in sample.template.numpy()
            ]
            started = (head.landmarks[name], flipped(head).landmarks[name])  # template = RAS in both
            assert min(np.linalg.norm(np.subtract(at, s)) for s in started) < 2.0, name


def test_flipping_swaps_sides(head: LabelledHead) -> None:
    twice = flipped(flipped(head))
    assert np.array_equal(twice.hu, head.hu)
    assert np.allclose(twice.landmarks["EAM_R"], head.landmarks["EAM_R"])
    assert flipped(head).landmarks["EAM_L"][0] == pytest.approx(-head.landmarks["EAM_R"][0], abs=SPACING)


def test_rotation_signs() -> None:
    assert np.allclose(rotation(90, 0, 0) @ [1, 0, 0], [0, 1, 0])  # yaw turns right towards anterior
    assert np.allclose(rotation(0, 0, 90) @ [0, 1, 0], [0, 0, 1])  # pitch turns anterior towards superior


def test_degraded_examples_are_valid(head: LabelledHead) -> None:
    rng = np.random.default_rng(1)
    for _ in range(12):
        s = draw(head, rng)
        assert s.hu.shape == (1, *SHAPE)
        assert torch.isfinite(s.hu).all()
        assert s.tissue[~(s.inside[0] > 0)].sum() == 0, "no label where nothing was imaged"
        seen = s.landmarks[s.present].round().long()
        assert (s.inside[0][seen[:, 0], seen[:, 1], seen[:, 2]] == 1).all()


def test_same_seed_same_example(head: LabelledHead) -> None:
    a, b = (draw(head, np.random.default_rng(9)) for _ in range(2))
    assert torch.equal(a.hu, b.hu)
    assert torch.equal(a.landmarks, b.landmarks)


def test_soft_argmax_is_subvoxel() -> None:
    z, y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in (20, 22, 24)), indexing="ij")
    heat = -0.5 * ((z - 7.3) ** 2 + (y - 15.6) ** 2 + (x - 2.2) ** 2) / 0.8**2
    assert torch.allclose(soft_argmax(heat[None, None])[0, 0], torch.tensor([7.3, 15.6, 2.2]), atol=0.05)


def test_a_few_steps_learn_one_example(head: LabelledHead) -> None:
    torch.manual_seed(0)
    batch = collate([draw(head, np.random.default_rng(2))])
    net = AnatomyNet(filters=(16, 24, 32))
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3)
    history = []
    for _ in range(8):
        parts = losses(net(network_input(batch.hu, batch.inside)), batch)
        loss = torch.stack(list(parts.values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(float(loss.detach()))
    assert history[-1] < 0.9 * history[0]


def test_heads_survive_saving(head: LabelledHead, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    head.save(labels)
    back = LabelledHead.load(labels / "ball.npz")
    assert np.array_equal(back.tissue, head.tissue)
    assert np.allclose(back.template, head.template, atol=0.1)
    assert sampler(tmp_path).weights == (1.0,)
    with pytest.raises(TrainingError, match="no heads"):
        sampler(tmp_path, exclude=["ball"])


def test_template_landmarks_are_read_from_the_heads(head: LabelledHead) -> None:
    assert np.allclose(template_landmarks([head])["SELLA"], head.landmarks["SELLA"], atol=1.0)
