"""A whole training: data, network, evaluation, bundle; what ``headctiqa train`` runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from HeadCTIQALib.networks.bundle import Bundle, load_network, open_bundle
from HeadCTIQALib.networks.landmarks import CHANNELS, PATCH, PATCH_MM

from . import anatomy, guard, landmarks, site
from .errors import TrainingError
from .export import template_landmarks, write_bundle
from .heads import LabelledHead
from .loop import Plan, State
from .patch_heads import prepare_patch_heads
from .simulated_heads import prepare_simulated

NETWORKS = ("anatomy", "landmarks")
PLANS = {"anatomy": Plan(9000, batch=1), "landmarks": Plan(6000)}
FINE_TUNING = {"steps": 600, "rate": 3e-4}
FINE_TUNING_HEADS = 40  # simulated ones, which keep a network from forgetting


@dataclass(frozen=True)
class Job:
    """What to train, from what, to where.

    Attributes:
        network: "anatomy" or "landmarks".
        data: folder of scans (see :mod:`HeadCTIQALib.training.prepare`) or one prepared before; None only for fine-tuning.
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
    tell("Preparing the heads")
    source, heads, template = _source(job)
    start = _shipped(job.network) if job.folders else None
    before = _figures(job.network, start, job.device) if start is not None else None
    tell(f"Training on {len(heads)} heads, {plan.steps} steps")
    module = anatomy if job.network == "anatomy" else landmarks
    state = module.train(source, plan, job.work, start, job.resume)  # type: ignore[arg-type]
    tell("Evaluating on simulated heads")
    after = _figures(job.network, state, job.device)
    if before is not None and (loss := guard.worse(before, after)) is not None:
        raise TrainingError(f"Fine-tuning made the network worse on the built-in evaluation ({loss}), so it was not written; correct more scans or use fewer steps.")
    made = f"{plan.steps} steps of {plan.batch} examples, seed {plan.seed}, learning rate {plan.rate:g}" + (", from the shipped weights." if start is not None else ".")
    figures = {f"simulated heads not trained on: {k}": round(v, 3) for k, v in after.items()}
    record = {**metadata_of(job.network), "heads": sorted(heads), "training": made, "figures": figures, **template}
    return write_bundle(job.output / job.network, state, definition_of(job.network), record)


def definition_of(network: str) -> dict[str, Any]:
    """"_target_" and arguments of a network, as configs/inference.json has them."""
    if network == "anatomy":
        return {"_target_": "HeadCTIQALib.networks.nets.anatomy.AnatomyNet", "filters": list(anatomy.FILTERS)}
    return {"_target_": "HeadCTIQALib.networks.nets.landmarks.LandmarkNet", "landmarks": len(CHANNELS), "filters": list(landmarks.FILTERS)}


def metadata_of(network: str) -> dict[str, Any]:
    """What a bundle's metadata says whatever it was trained on."""
    common = {"version": "0.1.0", "license": "Apache-2.0", "authors": "HeadCTIQA contributors", "copyright": "HeadCTIQA contributors"}
    intended = "image quality assessment of adult head CT; research use only, not a medical device"
    if network == "anatomy":
        kept = ("name", "task", "intended_use", "network_data_format", "template_landmarks")
        return {**common, **{k: v for k, v in open_bundle("anatomy").metadata.items() if k in kept}, "data_source": "see heads and docs/README.md"}
    return {
        **common,
        "name": "headctiqa-landmarks",
        "task": "landmarks of a head CT, read in patches of 2 mm voxels about where the anatomy network expects them",
        "intended_use": f"landmarks for {intended}",
        "network": "MONAI DynUNet, filters 32-64-96, between a space-to-depth stem and a depth-to-space head; 1.1 million weights, shared by all landmarks; patches of the left side are mirrored",
        "data_source": "see heads and docs/README.md",
        "network_data_format": {
            "inputs": {"image": {"type": "image", "num_channels": 3, "spatial_shape": [PATCH] * 3, "spacing_mm": PATCH_MM, "channel_def": {"0": "soft tissue window", "1": "bone window", "2": "imaged"}}},
            "outputs": {"pred": {"num_channels": len(CHANNELS), "channel_def": "heatmap logits of " + ", ".join(CHANNELS) + '; "not in this patch" has the logit 0'}},
        },
        "channels": list(CHANNELS),
    }


def usual_plan(job: Job) -> Plan:
    """How long and how a network is usually trained, or fine-tuned."""
    usual = PLANS[job.network]
    return replace(usual, **FINE_TUNING) if job.folders else usual  # type: ignore[arg-type]


def _figures(network: str, state: State, device: str) -> guard.Figures:
    net = anatomy.AnatomyNet(anatomy.FILTERS) if network == "anatomy" else landmarks.LandmarkNet(len(CHANNELS), landmarks.FILTERS)
    net.load_state_dict(state)
    return (guard.anatomy_figures if network == "anatomy" else guard.landmark_figures)(net, device)


def _shipped(network: str) -> State:
    state: Mapping[str, torch.Tensor] = load_network(open_bundle(network), "cpu").state_dict()
    return {k: v.detach().clone() for k, v in state.items()}


def _source(job: Job) -> tuple[anatomy.Sampler | landmarks.Sampler, list[str], dict[str, Any]]:
    """Sampler, names of the heads, and metadata that depends on them."""
    if job.data is None and not job.folders:
        raise TrainingError("A training needs a data folder; only fine-tuning with --from does without.")
    prepared = _prepared(job)
    scans = site.site_scans(job.folders, job.scans)
    if job.network == "anatomy":
        labelled = [h for h in map(site.labelled_head, scans) if h is not None]
        _some(job.folders, labelled)
        source = anatomy.sampler(prepared, job.exclude, labelled)
        real: Sequence[LabelledHead] = [h for h in source.heads if not h.name.startswith("simulated")]
        template = {} if job.folders or not real else {"template_landmarks": {**metadata_of("anatomy")["template_landmarks"], **template_landmarks(real)}}
        return source, [h.name for h in source.heads], template
    cut = [h for h in map(site.patch_head, scans) if h is not None]
    _some(job.folders, cut)
    patches = landmarks.sampler(prepared, job.exclude, also=cut)
    return patches, [h.name for g in patches.groups for h in g], {}


def _some(folders: Sequence[Path], heads: Sequence[object]) -> None:
    if folders and not heads:
        raise TrainingError("None of the assessments has enough confident landmarks to learn from; correct them first.")


def _prepared(job: Job) -> Path:
    """The folder of prepared heads: the data folder itself where it is one, else made from it beside the checkpoint."""
    number = job.simulated or (FINE_TUNING_HEADS if job.folders else None)
    count = {} if number is None else {"simulated": number}
    if job.data is not None and any((job.data / sub).is_dir() for sub in ("labels", "fine", "simulated", "fine-simulated")):
        return job.data
    made = job.work / "prepared"
    if job.data is not None:
        if not (job.data / "ct").is_dir():
            raise TrainingError(f"The folder {job.data} holds neither scans (ct/, ct-head-neck/, landmarks.json, atlas/) nor heads prepared from them.")
        from .prepare import prepare  # needs antspyx

        prepare(job.data, made)
    if job.network == "landmarks":
        prepare_patch_heads(job.data or made, made, **count)
    elif job.data is None:
        prepare_simulated(made, **count)
    return made
