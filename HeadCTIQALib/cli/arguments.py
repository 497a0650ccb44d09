"""Types of arguments that several commands share."""

from __future__ import annotations

import argparse

from HeadCTIQALib.cohort.scales import Scale, parse_scale
from HeadCTIQALib.errors import InputError

PROFILE = "what to judge by: a shipped profile (see headctiqa profiles) or a file of a site's own (default: default, or the one that the model was fitted with)"
_SEEDS = 2**32  # NumPy and PyTorch take these


def add_networks(parser: argparse.ArgumentParser, device: str = "auto") -> None:
    """Where the networks run, and by what."""
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default=device,
        help=f"where the networks run (default: {device})",
    )
    parser.add_argument(
        "--engine",
        choices=("auto", "onnx", "torch"),
        default="auto",
        help="what runs the networks: onnxruntime on the CPU, or torch; auto: torch where there is a GPU for it (default: auto)",
    )


def profile(value: str) -> str:
    """A shipped profile by its name, or a file."""
    if not value:
        raise argparse.ArgumentTypeError("the name of the profile is empty")
    return value


def seed(value: str) -> int:
    """The start of a random sequence."""
    if not value.isdecimal() or len(value) > 10 or int(value) >= _SEEDS:
        raise argparse.ArgumentTypeError(f"give a whole number from 0 to {_SEEDS - 1}")
    return int(value)


def count(value: str) -> int:
    """How many of something: at least one."""
    if not value.isdecimal() or len(value) > 9 or int(value) < 1:
        raise argparse.ArgumentTypeError("give a whole number from 1")
    return int(value)


def scale(value: str) -> Scale:
    """The scale that readers used."""
    try:
        return parse_scale(value)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
