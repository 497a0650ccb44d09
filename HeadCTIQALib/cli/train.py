"""``headctiqa train``: fit a network again, or fine-tune it on a site's corrected assessments.  Nothing heavy is imported here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.writing import check_writable

from .arguments import count, seed
from .research import need_research
from .terminal import show

NETWORKS = ("anatomy", "landmarks", "artefact", "fluid", "objects")
SUMMARY = "Train a network from a data folder, or fine-tune it on a site's corrected assessments."
Add = Callable[[str, str, Callable[[argparse.Namespace], int]], argparse.ArgumentParser]


def add(command: Add, path: Callable[[str], Path]) -> None:
    """Add the command; ``command`` makes a subparser of (name, summary, run), ``path`` a path of a word."""
    sub = command("train", SUMMARY, _run)
    sub.add_argument("network", choices=NETWORKS)
    sub.add_argument(
        "data",
        metavar="DATA",
        type=path,
        nargs="?",
        help="folder of scans and atlases, or of heads prepared before; not needed for fluid and objects, which then learn from simulated heads alone, or with --from",
    )
    sub.add_argument(
        "--output",
        "-o",
        metavar="DIR",
        type=path,
        required=True,
        help="folder of model bundles; the bundle becomes DIR/NETWORK",
    )
    sub.add_argument(
        "--from",
        dest="folders",
        metavar="FOLDER",
        type=path,
        nargs="+",
        default=[],
        help="corrected assessment folders that fine-tune the shipped network",
    )
    sub.add_argument(
        "--scans",
        metavar="SCAN",
        type=path,
        nargs="+",
        default=[],
        help="the scans that the --from folders are of, in the same order",
    )
    sub.add_argument("--resume", action="store_true", help="go on where an interrupted training stopped")
    sub.add_argument(
        "--exclude", metavar="HEAD", nargs="+", default=[], help="names of heads to leave out, to evaluate on them"
    )
    sub.add_argument(
        "--steps",
        metavar="N",
        type=count,
        help="length of the training of all networks but artefact (default: the network's usual number)",
    )
    sub.add_argument(
        "--minutes", metavar="N", type=count, default=60, help="length of the training of artefact (default: 60)"
    )
    sub.add_argument("--seed", metavar="N", type=seed, default=0, help="random seed (default: 0)")
    sub.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto; on a GPU in mixed precision"
    )
    sub.add_argument(
        "--workers", metavar="N", type=int, default=0, help="processes that prepare examples (default: 0, in this one)"
    )


def _run(options: argparse.Namespace) -> int:
    """Train as the options say; returns 0.

    Raises:
        HeadCTIQAError: research or a package is missing, there is nothing to train on, or fine-tuning made the network worse.
    """
    need_research("train")
    check_writable(options.output / options.network)
    try:
        bundle, figures = _artefact(options) if options.network == "artefact" else _by_steps(options)
    except ImportError as e:
        raise HeadCTIQAError(
            f"Training needs the Python package {e.name!r}; install it with: pip install {e.name}"
        ) from e
    for name, value in figures.items():
        show(f"{name}: {value}\n")
    show(f"Model bundle: {bundle}\n")
    return 0


def _device(wanted: str) -> str:
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise HeadCTIQAError("The device 'cuda' is not available on this machine; use --device cpu.")
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _by_steps(options: argparse.Namespace) -> tuple[Path, dict[str, float]]:
    from dataclasses import replace

    from HeadCTIQALib.research.training.run import Job, run, usual_plan

    job = Job(
        options.network, options.data, options.output, folders=tuple(options.folders), scans=tuple(options.scans),
        exclude=tuple(options.exclude), resume=options.resume, device=_device(options.device),
    )  # fmt: skip
    plan = usual_plan(job)
    plan = replace(plan, seed=options.seed, workers=options.workers, steps=options.steps or plan.steps)
    bundle = run(replace(job, plan=plan), lambda text: show(f"{text} ...\n"))
    return bundle.folder, bundle.metadata["figures"]


def _artefact(options: argparse.Namespace) -> tuple[Path, dict[str, float]]:
    if options.folders:
        raise HeadCTIQAError(
            "The artefact network learns from simulated artefacts and cannot be fine-tuned on assessments; leave --from out."
        )
    if options.data is None or not options.data.is_dir():
        raise HeadCTIQAError(
            "Training the artefact network needs the folder of the scans; give it after the word artefact."
        )
    from HeadCTIQALib.research.training.artefact import generate, train
    from HeadCTIQALib.research.training.export import check_bundle

    check_bundle(options.output / "artefact")
    work = options.output / "artefact.training"
    if not options.resume:
        for name in ("last.pt", "log.jsonl"):
            (work / name).unlink(missing_ok=True)
    show("Preparing the slices ...\n")
    generate(options.data, work / "items", 120)
    show(f"Training for {options.minutes} minutes ...\n")
    bundle = options.output / "artefact"
    train(
        options.data,
        work,
        minutes=options.minutes,
        seed=options.seed,
        device=_device(options.device),
        bundle=bundle,
        items=work / "items",
    )
    return bundle, {}
