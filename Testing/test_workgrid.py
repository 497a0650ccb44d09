"""Coarse fields on the work grid: what is sampled together, alone, or by general interpolation is the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from HeadCTIQALib.networks.outline.workgrid import WorkGrid
from HeadCTIQALib.networks.types import CoarseAnatomy
from HeadCTIQALib.volume import CTVolume

SHAPE = (30, 32, 28)


@pytest.fixture
def coarse() -> CoarseAnatomy:
    rng = np.random.default_rng(0)
    fields = ndimage.gaussian_filter(rng.normal(size=(11, *SHAPE)), (0, 1, 1, 1)).astype(np.float32)
    origin = np.array([-95.0, -110.0, -100.0])
    return CoarseAnatomy(fields, fields[:3], origin, 7.0, {}, np.eye(4))


def turned(volume: CTVolume, degrees: float) -> CTVolume:
    """The volume turned about S, so that its rows do not run along an axis of the coarse grid."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    about = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return replace(
        volume, origins=volume.origins @ about.T, row_step=about @ volume.row_step, col_step=about @ volume.col_step
    )


@pytest.mark.parametrize("kind", ["upright", "tilted", "turned"])
def test_sampling(head_volume: CTVolume, tilted_head_volume: CTVolume, coarse: CoarseAnatomy, kind: str) -> None:
    volume = {"upright": head_volume, "tilted": tilted_head_volume, "turned": turned(head_volume, 25.0)}[kind]
    grid = WorkGrid(volume, 4, 8, 30, 26, 2)
    several = coarse.probabilities[[5, 6, 7]]
    alone = np.stack([grid.sample(field, coarse, outside=-5.0) for field in several])

    j, i = np.meshgrid(4 + 0.5 + 2 * np.arange(30), 8 + 0.5 + 2 * np.arange(26), indexing="ij")
    for s in (0, volume.shape[0] // 2, volume.shape[0] - 1):
        ras = volume.ijk_to_ras(np.stack([i, j, np.full_like(i, s)], axis=-1))
        at = np.moveaxis((ras - coarse.origin) / coarse.spacing, -1, 0)[::-1]
        inner = np.all([(a > 0) & (a < n - 1) for a, n in zip(at, SHAPE, strict=True)], axis=0)
        for field, got in zip(several, alone, strict=True):
            np.testing.assert_allclose(got[s][inner], ndimage.map_coordinates(field, at, order=1)[inner], atol=1e-4)

    mask = np.random.default_rng(1).random(grid.shape) > 0.7
    mask[3] = False
    together = grid.sample_at(several, coarse, mask, outside=-5.0)
    assert together.shape == (3, np.count_nonzero(mask))
    np.testing.assert_allclose(together, alone[:, mask], atol=1e-5)
    np.testing.assert_allclose(grid.sample_at(several[0], coarse, mask, outside=-5.0), together[0], atol=1e-6)
    assert grid.sample_at(several, coarse, np.zeros(grid.shape, bool)).shape == (3, 0)


def test_labels_go_on_where_the_image_ends_within_a_block(head_volume: CTVolume) -> None:
    odd = replace(head_volume, hu=head_volume.hu[:, :95, :95], padding=None)
    grid = WorkGrid(odd, 6, 6, 44, 44, 2)
    labels = np.random.default_rng(2).integers(1, 9, grid.shape).astype(np.uint8)
    out = np.zeros(odd.shape, np.uint8)
    grid.expand(labels, out)
    np.testing.assert_array_equal(out[:, 94, 6:94], out[:, 93, 6:94])
    np.testing.assert_array_equal(out[:, 6:95, 94], out[:, 6:95, 93])
    assert not out[:, :6].any()
    assert not out[:, :, :6].any()
