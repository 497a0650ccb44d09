"""Training of the networks of slices: items of a simulated head, learning, resuming, bundles, fine-tuning, the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.cli import INPUT, main
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.findings import INTRACRANIAL, Tissue
from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.artefact_grid import SIDE
from HeadCTIQALib.networks.bundles import open_bundle
from HeadCTIQALib.networks.fluid import look_for_fluid
from HeadCTIQALib.networks.nets import fluid as fluid_net
from HeadCTIQALib.networks.objects import likely_objects
from HeadCTIQALib.networks.runtime.torch_engine import load_network
from HeadCTIQALib.research.training import describe, fluid, guard, items, loop, object_stacks, objects, run, site
from HeadCTIQALib.research.training.errors import TrainingError
from HeadCTIQALib.research.training.fluid_slices import FluidHead, fluid_head
from HeadCTIQALib.research.training.loop import CHECKPOINT, Plan, collate
from HeadCTIQALib.research.training.object_stacks import AIR, BODY, HOLDER, OBJECT, ObjectStack, held_out, object_stack
from HeadCTIQALib.research.training.run import Job
from HeadCTIQALib.research.training.windows import gap_at, with_neighbours
from HeadCTIQALib.synthesis import Acquire, Removable, Scene, Simulated, simulate
from HeadCTIQALib.synthesis.nifti import write_nifti

SMALL, TINY = 64, (8, 12)


@pytest.fixture(scope="module")
def scan() -> Simulated:
    """A coarse scan of a simulated head with electrodes."""
    acquire = Acquire(matrix=128, spacing_mm=10.0, foramen_margin_mm=10.0)
    return simulate(4, scene=Scene(foreign=(Removable("electrodes"),), acquire=acquire))


@pytest.fixture(scope="module")
def head(scan: Simulated) -> FluidHead:
    made = fluid_head("simulated4", scan.volume, scan.findings.tissue, load_networks("cpu"))
    assert made is not None
    return made


@pytest.fixture(scope="module")
def stack(scan: Simulated) -> ObjectStack:
    made = object_stack("simulated4", scan.volume, scan.findings.tissue)
    assert made is not None
    return made


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks as small as these wait for threads more than they gain from them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks and patches."""
    monkeypatch.setattr(fluid, "PATCH", SMALL)
    for module in (fluid, objects):
        monkeypatch.setattr(module, "FILTERS", TINY)


@pytest.fixture
def ready(tmp_path: Path, head: FluidHead, stack: ObjectStack, tiny: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of prepared items, on which the guard evaluates too."""
    for name, item in (("fluid", head), ("objects", stack)):
        (tmp_path / "data" / name).mkdir(parents=True)
        item.save(tmp_path / "data" / name)
    monkeypatch.setattr(guard, "_fluid_heads", lambda count: (head,))
    monkeypatch.setattr(guard, "_stacks", lambda count: (stack,))
    return tmp_path / "data"


def test_a_fluid_item_is_what_the_product_shows_its_network(
    scan: Simulated, head: FluidHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        head.hu.shape
        == head.prior.shape
        == head.inside.shape
        == head.fluid.shape
        == (len(head.positions), *head.hu.shape[1:])
    )
    truth = scan.findings.mask(*INTRACRANIAL)
    assert np.count_nonzero(head.brain) == np.count_nonzero(truth), "the box holds the whole brain"
    assert np.count_nonzero(head.fluid) == np.count_nonzero(scan.findings.mask(Tissue.CSF))
    common = np.count_nonzero(head.inside & head.brain)
    assert common > 0.9 * max(np.count_nonzero(head.inside), np.count_nonzero(head.brain))
    low, high, noise = head.levels
    assert -5 < low < high < 50
    assert 0 < noise < 20
    assert head.prior[head.fluid].mean() > head.prior[head.brain & ~head.fluid].mean() + 10
    assert set(head.positions) <= set(scan.volume.slice_positions)


def test_a_stack_holds_body_holder_and_objects(scan: Simulated, stack: ObjectStack) -> None:
    assert stack.hu.shape == (scan.volume.shape[0], SIDE, SIDE)
    dense = {value: float(np.median(stack.hu[stack.labels == value])) for value in (AIR, BODY, HOLDER, OBJECT)}
    assert dense[AIR] < -900 < dense[HOLDER] < dense[BODY] < dense[OBJECT]
    voxel = stack.pixel_mm**2 * np.gradient(stack.positions).mean() / 1000
    assert voxel * np.count_nonzero(stack.labels == OBJECT) == pytest.approx(
        scan.truth["foreign_object_volume"], rel=0.3
    )
    assert set(stack.slices[1]) == set(np.flatnonzero(scan.findings.mask(Tissue.FOREIGN).any(axis=(1, 2))))


def test_thin_slices_are_stacked_as_the_network_sees_them(scan: Simulated) -> None:
    thin = replace(
        scan.volume, origins=scan.volume.origins[0] + 1.0 * np.arange(scan.volume.shape[0])[:, None] * scan.volume.k
    )
    made = object_stack("thin", thin, scan.findings.tissue)
    assert made is not None
    assert np.diff(made.positions).min() > 1.9
    assert object_stack("empty", thin, np.zeros(thin.shape, np.uint8)) is None


def test_items_survive_saving(head: FluidHead, stack: ObjectStack, tmp_path: Path) -> None:
    for item in (head, stack):
        item.save(tmp_path)
        back = type(item).load(tmp_path / f"{item.name}.npz")
        assert all(np.array_equal(getattr(back, k), v) for k, v in vars(item).items() if k != "slices")
    (tmp_path / "broken.npz").write_bytes(b"nothing")
    with pytest.raises(TrainingError, match="cannot be read"):
        items.load_all(FluidHead, tmp_path, exclude=["simulated4"])
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_seeds_that_make_no_item_are_passed_over(tmp_path: Path, stack: ObjectStack) -> None:
    asked: list[int] = []
    stack = replace(stack, hu=stack.hu[:1], labels=stack.labels[:1], positions=stack.positions[:1])

    def make(seed: int) -> ObjectStack | None:
        asked.append(seed)
        if seed == 1:
            raise InputError("no head")
        return None if seed == 2 else replace(stack, name=f"simulated{seed}")

    items.fill(tmp_path, make, range(10), 3)
    assert asked == [0, 1, 2, 3, 4]
    items.fill(tmp_path, make, range(10), 3)
    assert sorted(p.stem for p in tmp_path.glob("*.npz")) == ["simulated0", "simulated3", "simulated4"]


def test_groups_without_items_leave_their_share_to_the_others(stack: ObjectStack) -> None:
    pool = items.Pool.of({"site": [], "planning": [stack], "simulated": [stack, stack]}, objects.SHARES)
    assert pool.shares == pytest.approx((0.2, 0.8))
    with pytest.raises(TrainingError, match="no heads"):
        items.Pool.of({"site": [], "simulated": []}, fluid.SHARES)


def test_every_third_planning_ct_and_the_visible_human_are_held_out() -> None:
    assert held_out(["e", "visible-human-male", "a", "d", "c", "b"]) == {"c", "visible-human-male"}
    assert held_out(["a", "visible-human-male"]) == {"visible-human-male"}


def test_neighbours_at_the_ends() -> None:
    assert [with_neighbours(k, 3) for k in range(3)] == [[0, 0, 1], [0, 1, 2], [1, 2, 2]]
    assert [gap_at(np.array([0.0, 4, 10]), k) for k in range(3)] == [4, 5, 6]
    assert gap_at(np.array([3.0]), 0) == 5


@pytest.mark.parametrize("network", ["fluid", "objects"])
def test_the_same_seed_gives_the_same_example(network: str, ready: Path) -> None:
    source = run.MODULES[network].sampler(ready)
    assert source.names == ["simulated4"]
    one, two, other = (source(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert all(torch.equal(v, vars(two)[k]) for k, v in vars(one).items())
    assert not all(torch.equal(v, vars(other)[k]) for k, v in vars(one).items())
    for seed in range(8):
        example = source(np.random.default_rng(seed))
        assert all(v.dtype == torch.float32 and torch.isfinite(v).all() for v in vars(example).values())


def test_a_patch_without_augmentation_is_the_networks_input(
    head: FluidHead, tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain:
        """Draws a patch and nothing more."""

        def __init__(self) -> None:
            self.rng = np.random.default_rng(0)
            self.integers, self.choice = self.rng.integers, self.rng.choice

        def random(self) -> float:
            return 1.0

    patch = fluid.draw(head, Plain())  # type: ignore[arg-type]
    k, js, is_ = fluid._box(head, Plain())  # type: ignore[arg-type]
    whole = fluid_net.network_input(
        torch.from_numpy(head.hu[with_neighbours(k, len(head.hu))].astype(np.float32))[None],
        torch.from_numpy(head.prior[k].astype(np.float32) / 255)[None],
        torch.tensor([gap_at(head.positions, k)]),
        torch.from_numpy(head.levels.astype(np.float32)),
    )
    assert torch.allclose(patch.x, whole[0][:, js, is_], atol=1e-6)
    assert np.array_equal(patch.fluid.numpy() > 0, head.fluid[k, js, is_])
    assert (patch.weight >= patch.fluid).all()
    assert patch.weight.sum() >= fluid.MIN_BRAIN


def test_a_head_smaller_than_a_patch_is_left_out(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fluid, "PATCH", 512)
    with pytest.raises(TrainingError, match="no heads"):
        fluid.sampler(ready)


@pytest.mark.parametrize("network", ["fluid", "objects"])
def test_a_dozen_steps_lower_the_loss(network: str, ready: Path) -> None:
    module = run.MODULES[network]
    source = module.sampler(ready)
    batch = collate([source(np.random.default_rng(seed)) for seed in range(4)])
    torch.manual_seed(0)
    net = module.build()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
    course = []
    for _ in range(12):
        loss = torch.stack(list(module.losses(net, batch).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        course.append(float(loss.detach()))
    assert course[-1] < 0.9 * course[0]


@pytest.mark.parametrize("network", ["fluid", "objects"])
def test_resuming_ends_like_an_uninterrupted_training(network: str, ready: Path, tmp_path: Path) -> None:
    module = run.MODULES[network]
    source, plan = module.sampler(ready), Plan(13, batch=2, every=1)
    whole = module.train(source, plan, tmp_path / "whole")
    drawn = 0

    def until_interrupted(rng: np.random.Generator) -> Any:
        nonlocal drawn
        drawn += 1
        if drawn > 22:
            raise KeyboardInterrupt
        return source(rng)

    with pytest.raises(KeyboardInterrupt):
        module.train(until_interrupted, plan, tmp_path / "halves")
    assert torch.load(tmp_path / "halves" / CHECKPOINT, weights_only=True)["step"] == 10
    resumed = module.train(source, plan, tmp_path / "halves", resume=True)
    assert all(torch.equal(resumed[k], whole[k]) for k in whole)
    assert {int(v) for k, v in whole.items() if k.endswith("num_batches_tracked")} == {13}


def test_losses_are_computed_in_the_precision_of_the_network(ready: Path, tmp_path: Path) -> None:
    seen = []

    def losses(net: torch.nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        y = net(batch.x)
        seen.append(y.dtype)
        return {"mean": y.float().square().mean()}

    for precision in (loop.on_gpu, lambda device: torch.autocast(device, torch.bfloat16)):
        loop.fit(fluid.build, losses, fluid.sampler(ready), Plan(1, batch=1), tmp_path / "out", precision=precision)
    assert seen == [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("network", ["fluid", "objects"])
def test_a_training_ends_in_a_bundle_that_the_product_loads(
    network: str, ready: Path, tmp_path: Path, head: FluidHead, stack: ObjectStack
) -> None:
    bundle = run.run(Job(network, ready, tmp_path / "models", plan=Plan(2, batch=2, every=1)))
    assert open_bundle(network, tmp_path / "models").metadata["heads"] == ["simulated4"]
    figure = bundle.metadata["figures"]["simulated heads not trained on: missing overlap (1 - Dice)"]
    assert 0 < figure <= 1
    card = (bundle.folder / "docs" / "README.md").read_text(encoding="utf-8")
    assert all(
        word in card
        for word in (
            "not a medical device",
            "simulated heads of this project",
            "2 steps of 2 examples",
            "painted" if network == "objects" else "refinement",
        )
    )
    arrays = (head.hu, head.prior, head.positions, head.levels) if network == "fluid" else (stack.hu, stack.positions)
    infer = load_networks("cpu", models=tmp_path / "models")
    seen = look_for_fluid(infer, *arrays) if network == "fluid" else likely_objects(infer, *arrays)
    assert seen.shape == arrays[0].shape
    assert seen.dtype == np.uint8
    net = load_network(bundle)
    state = loop.load_weights(tmp_path / "models" / f"{network}.training" / CHECKPOINT)
    worst = max(
        float((v - state[k]).abs().max() / state[k].abs().max().clamp_min(0.1))
        for k, v in net.state_dict().items()
        if v.is_floating_point()
    )
    assert worst < 0.01


def test_the_guard_measures_what_is_missed(
    ready: Path, head: FluidHead, stack: ObjectStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_running", lambda *_: None)
    for look, figures, truth in (
        ("look_for_fluid", guard.fluid_figures, head.fluid & head.inside),
        ("likely_objects", guard.object_figures, stack.labels == OBJECT),
    ):
        monkeypatch.setattr(guard, look, lambda *_, truth=truth: truth * np.uint8(255))
        assert figures(torch.nn.Identity())[guard.OVERLAP] < 0.1
        monkeypatch.setattr(guard, look, lambda *_, truth=truth: ~truth * np.uint8(255))
        assert figures(torch.nn.Identity())[guard.OVERLAP] > 0.9


def fine_tuning(
    network: str, ready: Path, tmp_path: Path, scan: Simulated, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> Job:
    torch.manual_seed(1)
    module = run.MODULES[network]
    weights = module.train(module.sampler(ready), Plan(15, batch=4, rate=1e-2), tmp_path / "first")
    monkeypatch.setattr(run, "_shipped", lambda name: {k: v.clone() for k, v in weights.items()})
    monkeypatch.setattr(
        site, "site_scans", lambda folders, scans: [site.SiteScan("site-1", scan.volume, scan.findings)]
    )
    return Job(network, ready, tmp_path / "models", plan=plan, folders=(tmp_path,), scans=(tmp_path,))


@pytest.mark.parametrize("network", ["fluid", "objects"])
def test_fine_tuning_learns_from_the_corrected_mask(
    network: str, ready: Path, tmp_path: Path, scan: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = fine_tuning(network, ready, tmp_path, scan, Plan(1, batch=1, rate=1e-7, every=1), monkeypatch)
    bundle = run.run(job)
    assert bundle.metadata["heads"] == ["simulated4", "site-1"]
    assert "from the shipped weights" in bundle.metadata["training"]


def test_the_guard_refuses_a_worse_network(
    ready: Path, tmp_path: Path, scan: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = fine_tuning("fluid", ready, tmp_path, scan, Plan(1, batch=1, rate=1e-7, every=1), monkeypatch)
    monkeypatch.setattr(
        run.guard, "worse", lambda before, after: "overlap went from 1 to 2" if before.keys() == after.keys() else None
    )
    with pytest.raises(TrainingError, match="made the network worse"):
        run.run(job)
    assert not (tmp_path / "models" / "fluid").exists()


def test_an_assessment_folder_becomes_a_stack(scan: Simulated, stack: ObjectStack, tmp_path: Path) -> None:
    write_nifti(scan.volume, tmp_path / "scan.nii.gz")
    evaluate(scan.volume, scan.findings).write(tmp_path / "assessment")
    (read,) = site.site_scans([tmp_path / "assessment"], [tmp_path / "scan.nii.gz"])
    made = site.object_stack(read)
    assert made is not None
    assert made.name == "site-1"
    assert np.array_equal(made.labels == OBJECT, stack.labels == OBJECT)


def test_planning_cts_are_prepared_but_for_those_held_out(
    tmp_path: Path, stack: ObjectStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ct-head-neck").mkdir()
    for name in ("a", "b", "c", "d"):
        (tmp_path / "ct-head-neck" / f"{name}.nii.gz").touch()

    def outlined(name: str, volume: object, infer: object) -> ObjectStack:
        if name == "b":
            raise InputError("no head")
        return replace(stack, name=name)

    monkeypatch.setattr(object_stacks, "simulated_stack", lambda seed: replace(stack, name=f"simulated{seed}"))
    monkeypatch.setattr(object_stacks, "read", lambda path: None)
    monkeypatch.setattr(object_stacks, "planning_stack", outlined)
    said: list[str] = []
    object_stacks.prepare_objects(tmp_path, tmp_path / "out", simulated=2, tell=said.append)
    assert said == ["b is left out: no head"]
    assert objects.sampler(tmp_path / "out", exclude=["d"]).names == ["a", "simulated500000", "simulated500001"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["objects", "{empty}"], "holds neither scans"),
        (["fluid", "--from", "{empty}"], "1 assessment folders and 0 scans"),
        (["objects", "--from", "{empty}"], "1 assessment folders and 0 scans"),
    ],
)
def test_the_command_says_what_is_missing(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    code = main(["train", *(a.format(empty=tmp_path / "empty") for a in arguments), "--output", str(tmp_path / "out")])
    assert code == INPUT
    assert sentence in capsys.readouterr().err


def test_the_command_trains_without_a_data_folder(
    ready: Path, tmp_path: Path, head: FluidHead, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepare(out: Path, device: str) -> None:
        items.create(out / "fluid")
        head.save(out / "fluid")

    monkeypatch.setattr(run, "prepare_fluid", prepare)
    monkeypatch.setitem(run.PLANS, "fluid", Plan(1, batch=1))
    assert main(["train", "fluid", "--output", str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert "Model bundle" in capsys.readouterr().out
    definition = json.loads((tmp_path / "out" / "fluid" / "configs" / "inference.json").read_text(encoding="utf-8"))[
        "network_def"
    ]
    assert (
        definition
        == {"_target_": "HeadCTIQALib.networks.nets.slices.SliceNet", "channels": 7, "filters": list(TINY)}
        == describe.definition_of("fluid")
    )
