"""The networks of slices, fluid and objects: their inputs, the way of their answers into findings, and what the shipped ones see."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from coarse_truth import coarse_of

from HeadCTIQALib.findings import INTRACRANIAL, PARENCHYMA, Findings, Tissue
from HeadCTIQALib.networks import find, load_networks, objects
from HeadCTIQALib.networks.fluid import look_for_fluid
from HeadCTIQALib.networks.nets import fluid as fluid_net
from HeadCTIQALib.networks.nets import objects as object_net
from HeadCTIQALib.networks.outline import tissue_map
from HeadCTIQALib.networks.runtime.torch_engine import deployed
from HeadCTIQALib.networks.slices import AROUND, boxes_of, gaps, with_neighbours
from HeadCTIQALib.networks.types import CoarseAnatomy, Infer
from HeadCTIQALib.synthesis import INTERNAL, Acquire, Scene, Simulated, random_scene, simulate
from HeadCTIQALib.volume import CTVolume

UNSEEN = 1_050_000  # of the evaluation seeds, beyond those of the table in Docs/accuracy.md


def test_neighbours_and_gaps() -> None:
    x = np.array([10.0, 14.0, 20.0, 21.0])
    assert with_neighbours(x).tolist() == [[10, 14, 20], [14, 20, 21]]
    assert gaps(x).tolist() == [4, 5, 3.5, 1]
    assert gaps(x[:1]).tolist() == [5]
    assert gaps(x[[0, 0, 0]]).tolist() == [5, 5, 5]


def test_inputs_do_not_depend_on_the_contrast_of_the_scan() -> None:
    """Fluid is 0 and brain 1, whatever their HU; bone and air are cut off."""
    for fluid, brain in ((8.0, 33.0), (2.0, 25.0)):
        hu = torch.tensor([[[fluid, brain]], [[fluid, brain]], [[1200.0, -900.0]], [[1200.0, -900.0]]])
        stacked = torch.stack([hu[:-2], hu[1:-1], hu[2:]], 1)
        levels = torch.tensor([fluid, brain, 5.0])
        x = fluid_net.network_input(stacked, torch.zeros(2, 1, 2), torch.tensor([4.0, 4.0]), levels)
        assert x.shape == (2, 7, 1, 2)
        assert x[0, 0].tolist() == [[0, 1]]
        assert x[1, 0].tolist() == [[3, -1.5]]
        assert torch.equal(x[0, 2], x[1, 0])  # above
        assert torch.equal(x[0, 1], x[0, 0])  # nothing below
        assert x[0, 5].unique().item() == pytest.approx(0.8)
        assert x[0, 6].unique().item() == pytest.approx(5 / (brain - fluid))


def test_objects_are_seen_in_two_windows_with_the_slices_beside() -> None:
    hu = torch.tensor([-1000.0, 200.0, 3000.0]).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    x = object_net.network_input(hu, torch.tensor([5.0, 2.5]))
    assert x.shape == (2, 7, 4, 5)
    assert x[0, :, 0, 0].tolist() == pytest.approx([-1, 0.2, 3, -1.5, 1, 2, 1])
    assert x[1, 6].unique().tolist() == [0.5]


def running(name: str, filters: list[int]) -> Infer:
    """A network with random weights."""
    torch.manual_seed(0)
    module = {"fluid": fluid_net, "objects": object_net}[name]
    run = deployed(name, module.build({"network_def": {"filters": filters}}))
    return lambda _, *arrays: run(*arrays)


@pytest.mark.parametrize("size", [(64, 64), (61, 75), (17, 16)])
@pytest.mark.parametrize("name", ["fluid", "objects"])
def test_slices_of_any_size_come_back_in_it_with_their_own_neighbours(name: str, size: tuple[int, int]) -> None:
    infer, rng = running(name, [4, 8, 8]), np.random.default_rng(0)
    stack = rng.integers(-20, 60, (11, *size)).astype(np.int16)
    places = np.cumsum(rng.uniform(2, 6, 11))

    def look(hu: np.ndarray, positions: np.ndarray) -> np.ndarray:
        if name == "objects":
            return objects.likely_objects(infer, 20 * hu, positions)
        return look_for_fluid(infer, hu, np.zeros(hu.shape, np.uint8), positions, np.array([8.0, 33.0, 4.0]))

    whole = look(stack, places)
    assert whole.shape == stack.shape
    assert whole.dtype == np.uint8
    assert np.array_equal(whole, look(stack, places))
    again = look(stack[5:], places[5:])  # the batches of these begin elsewhere
    assert np.array_equal(again[1:], whole[6:])
    assert not np.array_equal(again[0], whole[5])  # it has lost the slice below
    assert len(look(stack[:1], places[:1])) == 1


def test_only_what_matters_is_looked_at() -> None:
    mask = np.zeros((3, 60, 80), bool)
    mask[0, 20:30, 5:75] = True
    mask[2, 59, 40] = True
    assert boxes_of(mask).tolist() == [
        [20 - AROUND, 30 + AROUND, 0, 80],
        [0, 0, 0, 0],
        [59 - AROUND, 60, 40 - AROUND, 41 + AROUND],
    ]
    infer, rng = running("fluid", [4, 8]), np.random.default_rng(0)
    hu = rng.integers(-20, 60, (20, 90, 100)).astype(np.int16)
    arrays = (hu, np.zeros(hu.shape, np.uint8), 3.0 * np.arange(20), np.array([8.0, 33.0, 4.0]))
    wanted = np.zeros(hu.shape, bool)
    wanted[3:5, 40:50, 30:60] = True
    whole, part = look_for_fluid(infer, *arrays), look_for_fluid(infer, *arrays, wanted)
    assert (
        np.abs(whole[wanted].astype(int) - part[wanted]).max() <= 2
    )  # a box begins elsewhere in the blocks of two pixels
    assert not part[8:].any()
    assert not part[:, :20].any()


def air(shape: tuple[int, int, int], pixel: float, gap: float) -> CTVolume:
    origins = np.zeros((shape[0], 3))
    origins[:, 2] = gap * np.arange(shape[0])
    origins[:, :2] = pixel * (shape[1] - 1) / 2
    return CTVolume(
        np.full(shape, -1000, np.int16), origins, np.array([-pixel, 0.0, 0.0]), np.array([0.0, -pixel, 0.0])
    )


def ball(v: CTVolume, radius: float = 80.0) -> CoarseAnatomy:
    """A head in the middle of the scan, on the coarse grid."""
    z = np.arange(-5, v.slice_positions[-1] + 5, 4.0)
    axis = 4.0 * np.arange(-30, 31)
    inside = (axis[:, None] ** 2 + axis[None, :] ** 2 < radius**2)[None].repeat(len(z), axis=0)
    p = np.zeros((11, *inside.shape), np.float32)
    p[Tissue.SOFT] = inside
    p[Tissue.OUTSIDE] = ~inside
    return CoarseAnatomy(
        p, np.zeros((3, *inside.shape), np.float32), np.array([axis[0], axis[0], z[0]]), 4.0, {}, np.eye(4)
    )


def no_network(name: str, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    raise AssertionError(name)


def answering(blob: tuple[slice, slice, slice], asked: list[tuple[int, ...]]) -> Any:
    def look(infer: object, hu: np.ndarray, positions: np.ndarray) -> np.ndarray:
        asked.append(hu.shape)
        assert np.diff(positions).min() >= 1.8
        out = np.zeros(hu.shape, np.uint8)
        out[blob] = 255
        return out

    return look


def test_objects_keep_their_place_on_native_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    v = air((12, 512, 512), 0.45, 5.0)
    answer = answering((slice(4, 6), slice(100, 110), slice(60, 64)), [])
    monkeypatch.setattr(objects, "likely_objects", answer)
    seen = objects.look_for_objects(v, ball(v), no_network)
    k, j, i = np.nonzero(seen)
    assert sorted(set(k)) == [4, 5]
    assert len(k) == 2 * 20 * 8  # two native pixels to one
    place = v.ijk_to_ras(np.array([[i.mean(), j.mean(), 4.0]]))[0]
    # the grid's middle is the head's; rows run backwards, columns to the left
    assert place[:2] == pytest.approx([0.9 * (127.5 - 61.5), 0.9 * (127.5 - 104.5)], abs=1.0)


def test_what_stands_on_the_head_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to 45 mm above its top, as far as proposals reach."""
    v = air((24, 256, 256), 0.95, 5.0)
    asked: list[tuple[int, ...]] = []
    coarse = ball(v)
    coarse.probabilities[:, 9:] = 0
    coarse.probabilities[Tissue.OUTSIDE, 9:] = 1  # the head ends at 27 mm
    monkeypatch.setattr(objects, "likely_objects", answering((slice(0, 1), slice(0, 1), slice(0, 1)), asked))
    objects.look_for_objects(v, coarse, no_network)
    assert asked[0][0] == pytest.approx((27 + 45 + 6) / 5 + 1, abs=1)


def test_thin_slices_share_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    v = air((60, 256, 256), 0.95, 0.625)
    asked: list[tuple[int, ...]] = []
    answer = answering((slice(5, 6), slice(100, 110), slice(60, 64)), asked)
    monkeypatch.setattr(objects, "likely_objects", answer)
    seen = objects.look_for_objects(v, ball(v), no_network)
    assert 12 <= asked[0][0] <= 16
    assert 3 <= seen.any(axis=(1, 2)).sum() <= 5


Place = tuple[int | slice, slice, slice]


def lying(*places: tuple[Place, int], finer: int = 1) -> tuple[CTVolume, np.ndarray]:
    """A scan of a block of a head, with things of these HU, and its tissue map; ``finer`` times 256 pixels a side."""
    v = air((12, 256 * finer, 256 * finer), 0.95 / finer, 10.0)
    hu, tissue = v.hu.copy(), np.zeros(v.shape, np.uint8)
    head = (slice(None), slice(60 * finer, 200 * finer), slice(60 * finer, 200 * finer))
    hu[head] = 40
    tissue[head] = Tissue.SOFT
    for place, value in places:
        hu[place] = value
        tissue[place] = np.where(tissue[place] == Tissue.OUTSIDE, Tissue.HOLDER, tissue[place])
    return replace(v, hu=hu), tissue


def ears_at(height: float) -> CoarseAnatomy:
    """A head whose ear canals lie at this height, mm; of the decision about objects, only its pose matters."""
    pose = np.eye(4)
    pose[2, 3] = height
    return CoarseAnatomy(
        np.zeros((11, 1, 1, 1), np.float32), np.zeros((3, 1, 1, 1), np.float32), np.zeros(3), 4.0, {}, pose
    )


FAR = ears_at(-300.0)


def at(k: int, rows: tuple[int, int], columns: tuple[int, int], finer: int = 1) -> Place:
    return k, slice(finer * rows[0], finer * rows[1]), slice(finer * columns[0], finer * columns[1])


def test_the_network_decides_about_what_hu_propose() -> None:
    clip: Place = (5, slice(100, 104), slice(55, 63))
    wire: Place = (6, slice(100, 104), slice(30, 34))
    plate: Place = (7, slice(100, 130), slice(20, 22))
    v, tissue = lying((clip, 300), (wire, 300), (plate, 300))
    proposed, seen = np.zeros(v.shape, bool), np.zeros(v.shape, np.uint8)
    proposed[clip] = proposed[plate] = True  # the network sees part of the clip, and nothing in a plate of the holder
    seen[5, 100:104, 55:63] = 100
    seen[5, 101:103, 55:58] = 200
    seen[wire] = 250  # only the network sees the wire
    expected = np.zeros(v.shape, bool)
    expected[clip] = expected[wire] = True
    assert np.array_equal(objects.decided_objects(v, tissue, proposed, seen, FAR), expected)


def test_an_object_that_both_see_is_all_that_either_sees() -> None:
    """Thick slices dilute the rest of what is dense in its middle; what hangs on it need not be dense itself."""
    core: Place = (5, slice(100, 104), slice(50, 56))
    beside: Place = (5, slice(100, 104), slice(46, 50))
    above: Place = (6, slice(101, 103), slice(48, 55))
    below_skin: Place = (5, slice(90, 112), slice(62, 80))
    v, tissue = lying((core, 900), (beside, -100), (above, 20))
    proposed, seen = np.zeros(v.shape, bool), np.zeros(v.shape, np.uint8)
    proposed[core] = True
    for place in (core, beside, above):
        seen[place] = 250
    assert np.array_equal(objects.decided_objects(v, tissue, proposed, seen, FAR), seen > 0)
    seen[5, 90:112, 57:80] = 250
    assert not objects.decided_objects(v, tissue, proposed, seen, FAR)[below_skin].any()


def test_the_network_alone_is_not_believed_everything() -> None:
    """Nothing deep in the head can be taken off, nor an ear, an implant, a piece of what runs through all slices."""
    tooth: Place = (7, slice(80, 86), slice(80, 86))
    speck: Place = (9, slice(20, 21), slice(20, 21))
    ear: Place = (3, slice(90, 98), slice(210, 216))
    side: Place = (slice(None), slice(90, 120), slice(240, 242))
    implant: Place = (2, slice(60, 63), slice(100, 106))  # under the skin, on the skull
    v, tissue = lying((tooth, 2000), (speck, 2000), (ear, 50), (side, 400), (implant, 3000))
    tissue[implant] = tissue[2, 63:66, 95:110] = Tissue.BONE
    seen = np.zeros(v.shape, np.uint8)
    for place in (tooth, speck, ear, (4, *side[1:]), implant):
        seen[place] = 255
    nothing = np.zeros(v.shape, bool)
    assert not objects.decided_objects(v, tissue, nothing, seen, FAR).any()
    temples = [(k, slice(100 + 6 * k, 104 + 6 * k), slice(j, j + 3)) for k in range(3, 7) for j in (40, 220)]
    v, tissue = lying(*((place, 20) for place in temples))
    seen[:] = 0
    for place in temples:
        seen[place] = 255
    assert np.array_equal(objects.decided_objects(v, tissue, nothing, seen, FAR), seen > 0)


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_however_many_pieces_thick_slices_make_of_them_pinnae_are_none(first: int) -> None:
    """Cut off below, an ear is seen as an object, in one piece or in three; what is denser in its place is one."""
    pinnae = [
        at(k, (118 + 3 * n, 122 + 3 * n), (j, j + 4))
        for k in range(3 + first, 7)
        for n, j in enumerate((40, 48, 205, 212))
    ]
    for hu, expected in ((60, False), (220, False), (900, True)):
        v, tissue = lying(*((place, hu) for place in pinnae))
        seen = np.zeros(v.shape, np.uint8)
        for place in pinnae:
            seen[place] = 250
        found = objects.decided_objects(v, tissue, np.zeros(v.shape, bool), seen, ears_at(40.0))
        assert np.array_equal(found, (seen > 0) & (v.hu > 500)), hu
        assert found.any() == expected


@pytest.mark.parametrize("finer", [1, 2])
def test_what_passes_for_bone_is_an_object_unless_other_bone_hangs_on_it(finer: int) -> None:
    """A hearing aid behind the ear is as dense as bone, and wide; the bare bone of a defaced head hangs on the skull."""
    aid, coil = at(5, (100, 114), (46, 60), finer), at(6, (100, 112), (80, 92), finer)
    brow, skull = at(8, (100, 108), (54, 60), finer), at(8, (100, 108), (62, 70), finer)
    v, tissue = lying((aid, 1500), (coil, 3000), (brow, 1500), (skull, 1500), finer=finer)
    seen = np.zeros(v.shape, np.uint8)
    for dense in (aid, coil, brow, skull):
        tissue[dense] = Tissue.BONE
    seen[at(8, (99, 109), (53, 61), finer)] = 100  # its rim, a pixel of the network wide
    seen[aid] = seen[coil] = seen[brow] = 250
    found = objects.decided_objects(v, tissue, np.zeros(v.shape, bool), seen, FAR)
    assert found[aid].all()
    assert not found[6].any()
    assert not found[8].any()


def test_proposals_of_which_the_network_sees_next_to_nothing_are_dropped() -> None:
    rail: Place = (5, slice(100, 160), slice(40, 44))
    v, tissue = lying((rail, 300))
    proposed, seen = np.zeros(v.shape, bool), np.zeros(v.shape, np.uint8)
    proposed[rail] = True
    seen[rail] = 40
    seen[5, 100:103, 40:44] = 180
    assert not objects.decided_objects(v, tissue, proposed, seen, FAR)[5, 103:].any()
    seen[5, 100:110, 40:44] = 180
    assert objects.decided_objects(v, tissue, proposed, seen, FAR)[rail].all()


@cache
def seen(seed: int, thickness: float) -> tuple[Simulated, Findings]:
    """A scan that no network was trained on, with what the shipped ones find in it."""
    scene = random_scene(seed, replace(INTERNAL, motion_share=0.0, thickness_mm=((thickness, 1.0),)), matrix=256)
    scan = simulate(seed, scene=scene)
    return scan, find(scan.volume, infer=load_networks("cpu"))


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))


def test_the_answer_decides_what_is_fluid_inside_the_skull() -> None:
    scan = simulate(3, scene=Scene(acquire=Acquire(matrix=192, spacing_mm=7.0)))
    coarse = coarse_of(scan)
    shown: list[np.ndarray] = []

    def search(
        hu: np.ndarray, prior: np.ndarray, positions: np.ndarray, levels: np.ndarray, wanted: np.ndarray
    ) -> Future[np.ndarray]:
        shown.extend([hu, prior, positions, levels, wanted])
        answer: Future[np.ndarray] = Future()
        left = np.zeros(hu.shape, np.uint8)
        left[:, :, hu.shape[2] // 2 :] = 200
        answer.set_result(left)
        return answer

    tissue = tissue_map(scan.volume, coarse, search)
    hu, prior, positions, (fluid, brain, noise), wanted = shown
    assert hu.dtype == np.int16
    assert prior.shape == hu.shape
    assert len(positions) == len(hu)
    assert -2 < fluid < 13 < 25 < brain < 45
    assert noise == pytest.approx(scan.scene.acquire.noise_hu, rel=0.5)
    inside = np.isin(tissue, INTRACRANIAL)
    assert wanted.shape == hu.shape
    assert wanted.sum() == inside.sum()
    columns = np.flatnonzero(inside.any(axis=(0, 1)))
    middle = (columns[0] + columns[-1]) // 2
    assert (
        tissue[:, :, middle + 2 :][inside[:, :, middle + 2 :]] == Tissue.CSF
    ).mean() > 0.9  # clean grey and white apart
    assert not (tissue[:, :, : middle - 1] == Tissue.CSF).any()


@pytest.mark.parametrize("thickness", [3.0, 5.0])
def test_fluid_and_brain_of_an_unseen_scan(thickness: float) -> None:
    scan, found = seen(UNSEEN, thickness)
    truth = scan.findings.tissue
    assert dice(found.tissue == Tissue.CSF, truth == Tissue.CSF) > 0.82
    assert dice(np.isin(found.tissue, PARENCHYMA), np.isin(truth, PARENCHYMA)) > 0.955
    assert "headctiqa-fluid" in found.methods["tissue"]
    assert "headctiqa-objects" in found.methods["foreign_object"]
