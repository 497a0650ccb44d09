"""Training of the landmark network: patches stay geometrically true, absence is told, and the loss can be learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.networks.landmarks import CHANNELS, PATCH, PATCH_MM, channel_of
from HeadCTIQALib.networks.nets.landmarks import LandmarkNet, read_heatmaps
from HeadCTIQALib.research.training import patches
from HeadCTIQALib.research.training.landmarks import losses, sampler
from HeadCTIQALib.research.training.loop import collate
from HeadCTIQALib.research.training.patch_heads import PatchHead
from HeadCTIQALib.research.training.patches import ABSENT, PRESENT, Patch, draw, slices
from HeadCTIQALib.volume.resample import Grid

MARKS = {
    "EAM_R": (50, 0, 0), "EAM_L": (-50, 0, 0), "CANTHUS_R": (50, 72, 0), "CANTHUS_L": (-50, 72, 0), "GLOBE_R": (33, 77, 0), "GLOBE_L": (-33, 77, 0),
    "NASION": (0, 90, 3), "BASION": (0, -3, -9), "OPISTHION": (0, -41, -7), "SELLA": (0, 25, 15), "CRISTA": (0, 74, 17), "IOP": (0, -60, 34),
    "SEPTUM": (0, 40, 50), "PINEAL": (0, 1, 46),
}  # fmt: skip


@pytest.fixture(scope="module")
def head() -> PatchHead:
    """Every landmark is the centre of a Gaussian blob of bone, 4 mm wide; the rest is soft tissue."""
    grid = Grid(np.array([-100.0, -100, -60]), 2.0, (80, 116, 101))
    ras = grid.ras()
    hu = np.full(grid.shape, 40.0)
    for p in MARKS.values():
        hu += 1000 * np.exp(-0.5 * ((ras - np.array(p)) ** 2).sum(-1) / 4.0**2)
    return PatchHead("blobs", hu.astype(np.int16), np.ones(grid.shape, bool), grid, MARKS, 1.0)


def plain(patch: Patch, channel: int) -> np.ndarray:
    """Where the blob nearest to a landmark really is in a patch."""
    weight = np.maximum(patch.hu.numpy() - 200, 0.0)
    z, y, x = np.meshgrid(*(np.arange(PATCH),) * 3, indexing="ij")
    near = (
        (z - patch.positions[channel, 0].item()) ** 2
        + (y - patch.positions[channel, 1].item()) ** 2
        + (x - patch.positions[channel, 2].item()) ** 2
    ) < 4**2
    weight = weight * near
    return np.array([(weight * a).sum() for a in (z, y, x)]) / weight.sum()


@pytest.mark.parametrize("name", ["EAM_L", "BASION", "SELLA", "GLOBE_R", "NASION"])
def test_positions_are_where_the_anatomy_is(head: PatchHead, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through mirroring, turning, scaling and bending, a landmark's position stays at its blob."""
    monkeypatch.setattr(patches, "degrade", lambda hu, rng: hu)
    monkeypatch.setattr(patches, "hide", lambda hu, inside, positions, state, own, rng: (hu, inside, state))
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(8):
        patch = draw(head, name, rng)
        own = channel_of(name)
        centred = np.abs(patch.positions[own].numpy() - (PATCH - 1) / 2).max() < 7
        if patch.state[own] == PRESENT and centred:
            seen += 1
            assert np.linalg.norm(plain(patch, own) - patch.positions[own].numpy()) * PATCH_MM < 1.5
    assert seen >= 3


def test_a_left_patch_is_mirrored_onto_the_right(head: PatchHead, monkeypatch: pytest.MonkeyPatch) -> None:
    """In patches of both canthi the globe lies on the same side."""
    monkeypatch.setattr(patches, "miss", lambda rng: np.zeros(3))
    for name in ("CANTHUS_R", "CANTHUS_L"):
        patch = draw(head, name, np.random.default_rng(0))
        assert patch.positions[channel_of("GLOBE_R"), 2] < patch.positions[channel_of(name), 2] - 5


def test_a_landmark_beyond_the_scan_is_absent(head: PatchHead) -> None:
    cut = PatchHead("cut", head.hu, head.grid.ras()[..., 2] > 6.0, head.grid, MARKS, 1.0)
    for n in range(6):
        patch = draw(cut, "BASION", np.random.default_rng(n))
        assert patch.state[channel_of("BASION")] == ABSENT
        assert (patch.hu[patch.inside == 0] == -1024).all()


def test_the_same_seed_draws_the_same_patch(head: PatchHead) -> None:
    a, b = (draw(head, "NASION", np.random.default_rng(4)) for _ in range(2))
    assert torch.equal(a.hu, b.hu)
    assert torch.equal(a.positions, b.positions)


def test_thick_slices_keep_the_mean() -> None:
    column = np.linspace(0, 100, PATCH)
    assert np.allclose((slices(5.0, 0.3) @ column)[4:-4], column[4:-4], atol=1.5)


def test_heads_survive_saving(head: PatchHead, tmp_path: Path) -> None:
    (tmp_path / "fine").mkdir()
    head.save(tmp_path / "fine")
    back = PatchHead.load(tmp_path / "fine" / "blobs.npz")
    assert np.array_equal(back.hu, head.hu)
    assert back.landmarks["SELLA"] == MARKS["SELLA"]
    drawn = sampler(tmp_path)(np.random.default_rng(0))
    assert drawn.hu.shape == (PATCH,) * 3


def test_reading_a_heatmap() -> None:
    """Position, mass and absence of a Gaussian heatmap with known odds against "not in this patch"."""
    z, y, x = torch.meshgrid(*(torch.arange(PATCH, dtype=torch.float32),) * 3, indexing="ij")
    heat = -0.5 * ((z - 9.3) ** 2 + (y - 14.6) ** 2 + (x - 4.2) ** 2) / 1.2**2
    heat = heat - heat.flatten().logsumexp(0) + float(np.log(3.0))  # three times as likely as absent
    read = read_heatmaps(heat[None, None])[0, 0]
    assert torch.allclose(read[:3], torch.tensor([9.3, 14.6, 4.2]), atol=0.05)
    assert read[3].item() == pytest.approx(0.75, abs=0.02)
    assert read[5].item() == pytest.approx(0.25, abs=0.01)
    assert read[4].item() == pytest.approx(1.2 * 3**0.5, abs=0.1)


def test_a_few_steps_learn_some_patches(head: PatchHead) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    batch = collate([draw(head, n, rng) for n in LANDMARKS[:4]])
    net = LandmarkNet(len(CHANNELS), (8, 12, 16))
    optimiser = torch.optim.AdamW(net.parameters(), 5e-3)
    history = []
    for _ in range(12):
        loss = torch.stack(list(losses(net, batch).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(float(loss.detach()))
    assert history[-1] < 0.8 * history[0]
