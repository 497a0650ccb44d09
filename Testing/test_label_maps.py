"""Heads made from label maps: the same from the same seed, anatomy in the right place, changes in the asked direction."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

pytest.importorskip("torch")

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.findings.types import INTRACRANIAL
from HeadCTIQALib.research.training.anatomy import sampler
from HeadCTIQALib.research.training.heads import LabelledHead
from HeadCTIQALib.research.training.label_maps import FOLDER, deform, parent_of, prepare_label_maps, vary, warp_of
from HeadCTIQALib.research.training.label_recipe import KINDS, Recipe, Spot
from HeadCTIQALib.volume.resample import Grid

SIZE, SPACING = 54, 3.4
CENTRE = np.array([5.0, 20.0, 35.0])  # of the head, template mm
MARKS = {
    "SEPTUM": (5, 45, 48),
    "PINEAL": (5, 0, 46),
    "NASION": (5, 90, 5),
    "BASION": (5, -3, -30),
    "OPISTHION": (5, -30, -30),
    "GLOBE_R": (35, 60, 0),
}


@pytest.fixture(scope="module")
def parent() -> LabelledHead:
    """Nested ellipsoids with a ventricle and a sinus; RAS is the template shifted by (40, -30, 100) mm."""
    shift = np.array([40.0, -30.0, 100.0])
    grid = Grid(CENTRE + shift - SPACING * (SIZE - 1) / 2, SPACING, (SIZE,) * 3)
    template = grid.ras() - shift
    tissue = np.zeros(grid.shape, np.uint8)
    for axes, label in (
        ((74, 86, 80), Tissue.SOFT),
        ((69, 81, 75), Tissue.BONE),
        ((61, 73, 67), Tissue.CSF),
        ((58, 70, 64), Tissue.GREY),
        ((48, 60, 54), Tissue.WHITE),
        ((12, 22, 14), Tissue.CSF),
    ):
        tissue[(((template - CENTRE) / axes) ** 2).sum(-1) < 1] = label
    for at, radius, label in (
        ((35, 60, 0), 12, Tissue.GLOBE),
        ((5, 75, -15), 14, Tissue.AIR_CAVITY),
        ((30, 20, 45), 9, Tissue.DEEP_GREY),
        ((5, -25, -5), 14, Tissue.BRAIN),
    ):
        tissue[np.linalg.norm(template - at, axis=-1) < radius] = label
    tissue[:, :2] = Tissue.HOLDER
    marks = {n: tuple(float(v) for v in np.add(p, shift)) for n, p in MARKS.items()}
    return LabelledHead(
        "ball",
        np.zeros(grid.shape, np.float32),
        np.ones(grid.shape, bool),
        tissue,
        np.moveaxis(template, -1, 0).astype(np.float32),
        grid,
        marks,
    )


def plain(seed: int = 5) -> Recipe:
    """Tissues and sinuses alone: no spot, hair, mask, head rest, blur or noise, and no change of shape but the deformation."""
    return replace(
        Recipe.random(seed), skull_mm=0, scalp_mm=0, atrophy_mm=0, ventricle_mm=0, fat_share=0, spots=(), hair_mm=0, mask_mm=None, rest="", blur_mm=0, noise=0,
    )  # fmt: skip


def litres(head: LabelledHead, *tissues: Tissue) -> float:
    return float(np.isin(head.tissue, tissues).sum() * head.grid.spacing**3 / 1e6)


def test_a_seed_makes_one_head(parent: LabelledHead) -> None:
    assert asdict(Recipe.random(1)) == asdict(Recipe.random(1))
    a, b, c = (vary(parent, Recipe.random(s)) for s in (1, 1, 2))
    assert np.array_equal(a.hu, b.hu)
    assert np.array_equal(a.tissue, b.tissue)
    assert a.landmarks == b.landmarks
    assert (a.tissue != c.tissue).mean() > 0.03
    moved = [np.linalg.norm(np.subtract(a.landmarks[n], c.landmarks[n])) for n in a.landmarks]
    assert np.median(moved) > 2


def test_landmarks_move_with_the_labels(parent: LabelledHead) -> None:
    """A ball of labels around a landmark comes to lie around the landmark's new place."""
    tissue = np.zeros_like(parent.tissue)
    names = ("SEPTUM", "PINEAL", "GLOBE_R")
    for label, name in enumerate(names, 1):
        tissue[np.linalg.norm(parent.grid.ras() - np.array(parent.landmarks[name]), axis=-1) < 8] = label
    off, moved = [], []
    for seed in range(5):
        new = deform(replace(parent, tissue=tissue), warp_of(parent, plain(seed)))
        found = new.grid.point(np.array(ndimage.center_of_mass(np.ones_like(tissue), new.tissue, (1, 2, 3))))
        off.append((found - [new.landmarks[n] for n in names]) / SPACING)
        moved.append(np.linalg.norm(found - [parent.landmarks[n] for n in names], axis=1) / SPACING)
    assert (
        np.linalg.norm(off, axis=-1).max() < 0.45
    )  # a ball of few voxels, and no ball any more where the deformation is steep
    assert np.abs(np.mean(off, axis=(0, 1))).max() < 0.1
    assert np.median(moved) > 0.8


@pytest.mark.parametrize("seed", range(2))
def test_template_coordinates_move_with_the_labels(parent: LabelledHead, seed: int) -> None:
    new = deform(parent, warp_of(parent, plain(seed)))
    for name, where in new.landmarks.items():
        index = new.grid.index(np.array(where))[:, None]
        if (index > 1).all() and (index < SIZE - 2).all():
            found = [ndimage.map_coordinates(c, index, order=1)[0] for c in new.template]
            assert np.allclose(found, MARKS[name], atol=0.1)
    globe = new.tissue == Tissue.GLOBE  # each voxel of the globe knows to be within 12 mm of the globe's template place
    assert globe.any()
    assert np.linalg.norm(new.template[:, globe].T - MARKS["GLOBE_R"], axis=-1).max() < 12 + SPACING


def test_space_never_folds(parent: LabelledHead) -> None:
    for seed in range(3):
        for recipe in (Recipe.random(seed), replace(Recipe.random(seed), field_mm=40.0)):
            warp = warp_of(parent, recipe)
            assert warp.jacobian().min() > 0.02
            points = np.random.default_rng(seed).uniform(
                warp.grid.origin, warp.grid.point(np.full(3, SIZE - 1)), (50, 3)
            )
            there = (points - warp.centre) @ warp.matrix.T + warp.centre + warp.displacement(points)
            assert np.allclose(warp.inverse(there), points, atol=1e-5)
    corner = warp.lattice()[3, 40, 20]
    assert np.allclose(warp.inverse(corner[None])[0], warp.grid.point(np.array([3, 40, 20])), atol=1e-5)


def test_deformed_volume_follows_the_scale(parent: LabelledHead) -> None:
    still = replace(plain(), scale=(1.0, 1.0, 1.0), shear=(0.0, 0.0, 0.0), field_mm=0.0)
    larger = vary(parent, replace(still, scale=(1 / 1.1, 1.0, 1.0)))
    assert litres(larger, *INTRACRANIAL) == pytest.approx(1.1 * litres(parent, *INTRACRANIAL), rel=0.02)


def test_skull_sulci_and_ventricles_change_as_asked(parent: LabelledHead) -> None:
    base = vary(parent, plain())

    def change(tissue: Tissue, **asked: float) -> float:
        return litres(vary(parent, replace(plain(), **asked)), tissue) - litres(base, tissue)

    assert change(Tissue.BONE, skull_mm=1.0) > 0.01
    assert change(Tissue.BONE, skull_mm=3.0) > 2 * change(Tissue.BONE, skull_mm=1.0)
    assert change(Tissue.BONE, skull_mm=-3.0) < -0.02
    assert change(Tissue.SOFT, scalp_mm=3.0) > 0.02
    assert change(Tissue.CSF, atrophy_mm=2.0) > 0.04
    assert change(Tissue.GREY, atrophy_mm=-2.0) > 0.02
    assert change(Tissue.CSF, ventricle_mm=4.0) > 0.01
    assert change(Tissue.CSF, ventricle_mm=-2.0) < -0.002
    thick = vary(parent, replace(plain(), skull_mm=3.0))
    assert np.isin(thick.tissue, INTRACRANIAL).sum() == np.isin(base.tissue, INTRACRANIAL).sum(), (
        "the skull grows outwards"
    )


def test_ventricles_are_told_from_sulci(parent: LabelledHead) -> None:
    base, wide = vary(parent, plain()), vary(parent, replace(plain(), ventricle_mm=5.0))
    grown = (wide.tissue == Tissue.CSF) & (base.tissue != Tissue.CSF)
    assert grown.any()
    assert (np.linalg.norm((wide.template[:, grown].T - CENTRE) / (24, 34, 26), axis=-1) < 1).all()


def test_hu_come_out_as_drawn(parent: LabelledHead) -> None:
    r = replace(plain(), texture=0.5)
    head = vary(parent, r)
    for tissue, hu in (
        (Tissue.GREY, r.grey),
        (Tissue.WHITE, r.white),
        (Tissue.DEEP_GREY, r.deep_grey),
        (Tissue.SOFT, r.muscle),
        (Tissue.GLOBE, r.globe),
    ):
        assert np.mean(head.hu[head.tissue == tissue]) == pytest.approx(hu, abs=1.5)
    assert np.mean(head.hu[head.tissue == Tissue.AIR_CAVITY]) == pytest.approx(r.air, abs=1)
    denser = vary(parent, replace(r, bone=1.5 * r.bone))
    bone = head.tissue == Tissue.BONE
    assert np.mean(denser.hu[bone]) == pytest.approx(1.5 * np.mean(head.hu[bone]), rel=1e-3)
    assert 0.7 * r.bone < np.percentile(head.hu[bone], 75) < 1.3 * r.bone
    fat = vary(parent, replace(r, fat_share=0.4))
    assert (fat.hu[fat.tissue == Tissue.SOFT] < -40).mean() == pytest.approx(0.4, abs=0.03)
    noisy = vary(parent, replace(r, noise=9.0))
    assert (noisy.hu - head.hu)[head.tissue == Tissue.WHITE].std() == pytest.approx(9.0, rel=0.05)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_spots_are_painted_where_they_belong(parent: LabelledHead, kind: str) -> None:
    parent = replace(parent, landmarks={}) if kind != "filling" else _with_tooth(parent)
    hu, base = float(np.mean(KINDS[kind].hu)), vary(parent, plain())
    head = vary(parent, replace(plain(), spots=(Spot(kind, 0.5, 12.0, hu),)))
    changed = np.abs(head.hu - base.hu) > 1e-3
    assert changed.any()
    assert np.mean(head.hu[changed]) == pytest.approx(hu, abs=3)
    hosts = {"craniectomy": (Tissue.BONE,), "filling": (Tissue.BONE,), "fluid": (Tissue.AIR_CAVITY,)}.get(
        kind, INTRACRANIAL
    )
    assert np.isin(base.tissue[changed], hosts).all()
    after = {"craniectomy": Tissue.SOFT, "filling": Tissue.BONE, "fluid": Tissue.SOFT, "cyst": Tissue.CSF}.get(
        kind, Tissue.BRAIN
    )
    assert (head.tissue[changed] == after).all()


def _with_tooth(parent: LabelledHead) -> LabelledHead:
    tissue = parent.tissue.copy()
    tissue[np.linalg.norm(np.moveaxis(parent.template, 0, -1) - (5, 60, -40), axis=-1) < 8] = Tissue.BONE
    return replace(parent, tissue=tissue)


def test_contrast_medium_brightens_sinuses_and_vessels(parent: LabelledHead) -> None:
    dim, bright = (vary(parent, replace(plain(), blood=b)) for b in (50.0, 300.0))
    lit = bright.hu - dim.hu > 1
    x, y, z = bright.template
    assert 0.002 < lit.sum() / np.isin(bright.tissue, INTRACRANIAL).sum() < 0.2
    assert (lit & (np.abs(x) < 6) & (z > 20) & (y < -20)).sum() > 20, "the superior sagittal sinus"


def test_masked_face_is_air_and_the_brain_whole(parent: LabelledHead) -> None:
    base, masked = vary(parent, plain()), vary(parent, replace(plain(), mask_mm=4.0, mask_tilt=30.0))
    brain = np.isin(base.tissue, INTRACRANIAL)
    assert np.array_equal(masked.tissue[brain], base.tissue[brain])
    lost = (base.tissue > 0) & (masked.tissue == 0)
    assert lost.sum() > 200
    assert (masked.hu[lost] == -1000).all()
    assert masked.template[1][lost].min() > masked.template[1][brain].mean(), "only what is in front"


@pytest.mark.parametrize("rest", ["arc", "plate", "both"])
def test_holder_and_couch_lie_behind_and_beside_the_head(parent: LabelledHead, rest: str) -> None:
    base = vary(parent, plain())
    assert not (base.tissue == Tissue.HOLDER).any(), "the parent's holder is not deformed with its head"
    head = vary(parent, replace(plain(), rest=rest, rest_gap_mm=2.0, rest_mm=5.0, rest_hu=-200.0, rest_wrap=-0.5))
    holder = head.tissue == Tissue.HOLDER
    assert holder.sum() > 200
    assert (base.tissue[holder] == Tissue.OUTSIDE).all()
    assert np.allclose(head.hu[holder], -200, atol=1)
    assert np.argwhere(holder)[:, 1].max() < np.argwhere(base.tissue > 0)[:, 1].mean()


def test_hair_is_a_haze_outside_the_skin(parent: LabelledHead) -> None:
    base, hairy = (vary(parent, replace(plain(), hair_mm=mm, hair=-800.0)) for mm in (0.0, 12.0))
    haze = hairy.hu > base.hu + 5
    assert haze.sum() > 500
    assert (hairy.tissue[haze] == Tissue.OUTSIDE).all()
    assert hairy.hu[haze].max() <= -800


def test_what_was_not_imaged_stays_so(parent: LabelledHead) -> None:
    inside = parent.inside.copy()
    inside[42:] = False
    head = vary(replace(parent, inside=inside), Recipe.random(3))
    assert not head.tissue[~head.inside].any()
    assert (head.hu[~head.inside] == -1024).all()
    assert (~head.inside).mean() > 0.1


def test_sampler_draws_them_as_often_as_simulated_heads(parent: LabelledHead, tmp_path: Path) -> None:
    for folder, names in (("labels", ("ball", "cube")), ("simulated", ("simulated1",))):
        (tmp_path / folder).mkdir()
        for name in names:
            replace(parent, name=name).save(tmp_path / folder)
    assert sampler(tmp_path).weights == pytest.approx((0.375, 0.375, 0.25))
    prepare_label_maps(tmp_path, 4)
    made = sorted(p.stem for p in (tmp_path / FOLDER).iterdir())
    assert [parent_of(n) for n in made] == ["ball", "cube", "ball", "cube"]
    source = sampler(tmp_path)
    share = {h.name: w for h, w in zip(source.heads, source.weights, strict=True)}
    assert sum(share[n] for n in made) == pytest.approx(share["simulated1"])
    assert share["simulated1"] == pytest.approx(0.2)
    left = {h.name for h in sampler(tmp_path, exclude=["ball"]).heads}
    assert left == {"cube", "simulated1", made[1], made[3]}
    assert made[0] not in {h.name for h in sampler(tmp_path, exclude=[made[0]]).heads}
    before = (tmp_path / FOLDER / f"{made[0]}.npz").stat().st_mtime_ns
    prepare_label_maps(tmp_path, 4)
    assert (tmp_path / FOLDER / f"{made[0]}.npz").stat().st_mtime_ns == before, "kept"


def test_only_fine_heads_that_the_atlases_agree_on_are_parents(parent: LabelledHead, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    replace(parent, name="coarse", grid=replace(parent.grid, spacing=4.0)).save(tmp_path / "labels")
    replace(parent, name="doubtful", disagreement_mm=13.0).save(tmp_path / "labels")
    prepare_label_maps(tmp_path, 2)
    assert not (tmp_path / FOLDER).exists()
