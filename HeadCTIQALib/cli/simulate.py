"""``headctiqa simulate``: writes a simulated scan and what is true of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from HeadCTIQALib.writing import check_writable

from .arguments import seed
from .terminal import show

if TYPE_CHECKING:
    from HeadCTIQALib.synthesis import Simulated

CENTRES = ("internal", "external-a", "external-b", "external-c", "training")


def add(
    command: Callable[[str, str, Callable[[argparse.Namespace], int]], argparse.ArgumentParser],
    path: Callable[[str], Path],
) -> None:
    """Add the command to the parser; ``command`` and ``path`` are those of the other commands."""
    sub = command(
        "simulate",
        "Make a simulated head CT with known quality, to try the program on or to check a measurement.",
        _run,
    )
    sub.add_argument(
        "--output", "-o", metavar="DIR", type=path, required=True, help="folder to make; must not exist or be empty"
    )
    sub.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        help="random seed of head, noise and motion (default: 0, or the demonstration's own)",
    )
    kind = sub.add_mutually_exclusive_group()
    kind.add_argument(
        "--demo", action="store_true", help="the demonstration scan, with one visible defect in every category"
    )
    kind.add_argument(
        "--population", choices=CENTRES,
        help="a random scan of this simulated centre: anatomy, pathology, pose, coverage, noise, motion and metal (default: a good scan)",
    )  # fmt: skip
    sub.add_argument("--format", choices=("dicom", "nifti"), default="dicom", help="default: dicom")


def _run(options: argparse.Namespace) -> int:
    return simulate(options.output, options.seed, options.demo, options.population, options.format)


def simulate(
    output: Path, seed: int | None, demo: bool, population: str | None, format_: Literal["dicom", "nifti"]
) -> int:
    """Write a simulated scan and what is true of it into ``output``; returns 0.

    Raises:
        OutputError: ``output`` is not empty or cannot be written.
    """
    from HeadCTIQALib.synthesis.files import check_new, write_simulated

    check_new(output)
    check_writable(output)
    write_simulated(_scan(seed, demo, population), output, seed=seed or 0, format_=format_)
    show(f"Simulated scan: {output}\n")
    return 0


def _scan(seed: int | None, demo: bool, population: str | None) -> Simulated:
    from HeadCTIQALib import synthesis

    if population is not None:
        centre = next(p for p in (synthesis.INTERNAL, synthesis.TRAINING, *synthesis.EXTERNAL) if p.name == population)
        return synthesis.simulate(seed or 0, scene=synthesis.random_scene(seed or 0, centre))
    make = synthesis.demo_scene if demo else synthesis.simulate
    return make() if seed is None else make(seed)
