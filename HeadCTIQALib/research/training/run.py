"""A whole training: data, network, evaluation, bundle; what ``headctiqa train`` runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.bundles import Bundle, open_bundle
from HeadCTIQALib.networks.runtime.torch_engine import load_network

from . import anatomy, fluid, guard, landmarks, object_stacks, objects, site
from .describe import definition_of, metadata_of
from .errors import TrainingError
from .export import check_bundle, template_landmarks, write_bundle
from .fluid_slices import FOLDER, prepare_fluid
from .heads import LabelledHead
from .items import Sampler
from .loop import Plan, State
from .patch_heads import prepare_patch_heads
from .simulated_heads import prepare_simulated

MODULES: Mapping[str, Any] = {"anatomy": anatomy, "landmarks": landmarks, "fluid": fluid, "objects": objects}
PLANS = {
    "anatomy": Plan(9000, batch=1),
    "landmarks": Plan(6000),
    "fluid": Plan(6000, batch=16),
    "objects": Plan(9000, batch=12),
}
FINE_TUNING = {"steps": 600, "rate": 3e-4}
FINE_TUNING_HEADS = 40  # simulated ones, which keep a network from forgetting


@dataclass(frozen=True)
class Job:
    """What to train, from what, to where.

    Attributes:
        network: "anatomy", "landmarks", "fluid" or "objects".
        data: folder of scans (see :mod:`HeadCTIQALib.research.training.prepare`) or one prepared before; None for fine-tuning.  "fluid"
            learns from simulated heads whatever it holds, "objects" from simulated heads alone where it is None.
        output: folder of model bundles; the bundle becomes ``output``/``network``, and what is needed to resume lies in
            ``output``/``network``.training.
        plan: None for the usual one.
        folders, scans: assessments corrected at a site and the scans that they are of; they fine-tune the shipped network.
        exclude: names of heads left out.
        resume: go on where an interrupted training stopped.
        device: "cpu" or "cuda".
        simulated: how many simulated heads to make; None for the usual number.
    """

    network: str
    data: Path | None
    output: Path
    plan: Plan | None = None
    folders: tuple[Path, ...] = ()
    scans: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    resume: bool = False
    device: str = "cpu"
    simulated: int | None = None

    @property
    def work(self) -> Path:
        """Where checkpoint, log and prepared heads lie."""
        return self.output / f"{self.network}.training"


def run(job: Job, tell: Callable[[str], None] = lambda text: None) -> Bundle:
    """Train, evaluate on simulated heads that were not trained on, and write the bundle.

    Raises:
        TrainingError: there is nothing to train on, or fine-tuning made the network worse; then nothing is written.
        HeadCTIQAError: a scan or an assessment cannot be read.
    """
    plan = replace(job.plan or usual_plan(job), device=job.device)
    check_bundle(job.output / job.network)
    tell("Preparing the heads")
    source, heads, template = _slices(job, tell) if job.network in ("fluid", "objects") else _source(job)
    start = _shipped(job.network) if job.folders else None
    before = _figures(job.network, start, job.device) if start is not None else None
    tell(f"Training on {len(heads)} heads, {plan.steps} steps")
    state = MODULES[job.network].train(source, plan, job.work, start, job.resume)
    tell("Evaluating on simulated heads")
    after = _figures(job.network, state, job.device)
    if before is not None and (loss := guard.worse(before, after)) is not None:
        raise TrainingError(
            f"Fine-tuning made the network worse on the built-in evaluation ({loss}), so it was not written; correct more scans or use fewer steps."
        )
    made = f"{plan.steps} steps of {plan.batch} examples, seed {plan.seed}, learning rate {plan.rate:g}" + (
        ", from the shipped weights." if start is not None else "."
    )
    figures = {f"simulated heads not trained on: {k}": round(v, 3) for k, v in after.items()}
    record = {**metadata_of(job.network), "heads": sorted(heads), "training": made, "figures": figures, **template}
    return write_bundle(job.output / job.network, state, definition_of(job.network), record)


def usual_plan(job: Job) -> Plan:
    """How long and how a network is usually trained, or fine-tuned."""
    usual = PLANS[job.network]
    return replace(usual, **FINE_TUNING) if job.folders else usual  # type: ignore[arg-type]


def _figures(network: str, state: State, device: str) -> guard.Figures:
    net = MODULES[network].build()
    net.load_state_dict(state)
    return guard.FIGURES[network](net, device)


def _shipped(network: str) -> State:
    state: Mapping[str, torch.Tensor] = load_network(open_bundle(network)).state_dict()
    return {k: v.detach().clone() for k, v in state.items()}


def _source(job: Job) -> tuple[anatomy.Sampler | Sampler[Any, Any], list[str], dict[str, Any]]:
    """Sampler, names of the heads, and metadata that depends on them."""
    if job.data is None and not job.folders:
        raise TrainingError("A training needs a data folder; only fine-tuning with --from does without.")
    prepared = _prepared(job)
    scans = site.site_scans(job.folders, job.scans)
    if job.network == "anatomy":
        labelled = [h for h in map(site.labelled_head, scans) if h is not None]
        _some(job.folders, labelled)
        source = anatomy.sampler(prepared, job.exclude, labelled)
        real: Sequence[LabelledHead] = [h for h in source.heads if not h.name.startswith(("simulated", "labelmap"))]
        template = (
            {}
            if job.folders or not real
            else {"template_landmarks": {**metadata_of("anatomy")["template_landmarks"], **template_landmarks(real)}}
        )
        return source, [h.name for h in source.heads], template
    cut = [h for h in map(site.patch_head, scans) if h is not None]
    _some(job.folders, cut)
    patches = landmarks.sampler(prepared, job.exclude, also=cut)
    return patches, patches.names, {}


def _slices(job: Job, tell: Callable[[str], None]) -> tuple[Sampler[Any, Any], list[str], dict[str, Any]]:
    """As :func:`_source`, of the networks of slices."""
    scans = site.site_scans(job.folders, job.scans)
    count = {} if (number := _simulated(job)) is None else {"simulated": number}
    made = job.work / "prepared"
    source: Sampler[Any, Any]
    if job.network == "fluid":
        infer = load_networks(job.device) if scans else None
        heads = [h for s in scans if infer and (h := site.fluid_head(s, infer)) is not None and fluid.usable(h)]
        _some(job.folders, heads, "shows enough of the brain")
        if job.data is not None and (job.data / FOLDER).is_dir():
            made = job.data
        else:
            prepare_fluid(made, device=job.device, **count)
        source = fluid.sampler(made, job.exclude, heads)
    else:
        stacks = [s for s in map(site.object_stack, scans) if s is not None]
        _some(job.folders, stacks, "shows a head")
        if job.data is not None and (job.data / object_stacks.SIMULATED).is_dir():
            made = job.data
        elif job.data is not None and not (job.data / object_stacks.SCANS).is_dir():
            raise TrainingError(
                f"The folder {job.data} holds neither scans (ct-head-neck/) nor heads prepared from them; simulated heads alone need no folder."
            )
        else:
            object_stacks.prepare_objects(job.data, made, device=job.device, tell=tell, **count)
        source = objects.sampler(made, job.exclude, stacks)
    return source, source.names, {}


def _some(folders: Sequence[Path], heads: Sequence[object], what: str = "has enough confident landmarks") -> None:
    if folders and not heads:
        raise TrainingError(f"None of the assessments {what} to learn from; correct them first.")


def _simulated(job: Job) -> int | None:
    """How many simulated heads to make; None for the usual number."""
    return job.simulated or (FINE_TUNING_HEADS if job.folders else None)


def _prepared(job: Job) -> Path:
    """The folder of prepared heads: the data folder itself where it is one, else made from it beside the checkpoint."""
    count = {} if (number := _simulated(job)) is None else {"simulated": number}
    if job.data is not None and any(
        (job.data / sub).is_dir() for sub in ("labels", "fine", "simulated", "fine-simulated")
    ):
        return job.data
    made = job.work / "prepared"
    if job.data is not None:
        if not (job.data / "ct").is_dir():
            raise TrainingError(
                f"The folder {job.data} holds neither scans (ct/, ct-head-neck/, landmarks.json, atlas/) nor heads prepared from them."
            )
        from .prepare import prepare  # needs antspyx

        prepare(job.data, made)
    if job.network == "landmarks":
        prepare_patch_heads(job.data or made, made, **count)
    elif job.data is None:
        prepare_simulated(made, **count)
    return made
