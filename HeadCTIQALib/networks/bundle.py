"""Model bundles in MONAI's layout: configs/metadata.json, configs/inference.json, models/*.safetensors, docs/README.md.

Weights are safetensors (no code is executed when they load) and are checked against the SHA-256 in the metadata.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.resources import resource

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

#: Every bundle that the product uses.  Without those after the first, their findings come from the anatomy network and from
#: analytic measures.
BUNDLES = ("anatomy", "landmarks", "artefact", "objects", "fluid")
WEIGHTS = "models/model.safetensors"
SCALE = ".scale"
SHARED = ".skip_layers."


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk; ``metadata`` is configs/metadata.json."""

    folder: Path
    metadata: dict[str, Any]

    @property
    def title(self) -> str:
        """ "name version", as written into methods and reports."""
        return f"{self.metadata['name']} {self.metadata['version']}"

    @property
    def card(self) -> dict[str, Any]:
        """What an assessment records about the model."""
        keys = ("name", "version", "intended_use", "data_source", "license")
        return {**{k: self.metadata.get(k) for k in keys}, "sha256": self.metadata["weights_sha256"]}


def present(name: str) -> bool:
    """Whether the bundle ``name`` ships with this installation."""
    return name == BUNDLES[0] or (resource("Models") / name).is_dir()


@cache
def open_bundle(name: str, models: Path | None = None) -> Bundle:
    """Find and verify the bundle ``name`` among those that ship with the library, or in the folder ``models``.

    Raises:
        ModelError: a file is missing or does not match its checksum.
    """
    folder = models / name if models else resource("Models", name)
    try:
        metadata = json.loads((folder / "configs" / "metadata.json").read_text(encoding="utf-8"))
        digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    except (OSError, ValueError) as e:
        raise ModelError(f"The model bundle {folder.name!r} is incomplete ({e.__class__.__name__}); reinstall HeadCTIQA.") from e
    if digest != metadata.get("weights_sha256"):
        raise ModelError(f"The weights of the model bundle {folder.name!r} do not match their checksum; reinstall HeadCTIQA.")
    return Bundle(folder, metadata)


def network_module(name: str) -> ModuleType:
    """The module of :mod:`HeadCTIQALib.networks.nets` that builds and runs the network of bundle ``name``.

    Raises:
        ModelError: torch or MONAI is not installed.
    """
    try:
        return importlib.import_module(f"HeadCTIQALib.networks.nets.{name}")
    except ImportError as e:
        missing = e.name or "torch"  # without a name: a package that is there but cannot be loaded
        raise ModelError(f"The networks need the Python package {missing!r}; install it with: pip install {missing}") from e


def load_network(bundle: Bundle, device: str) -> Module:
    """The network of a bundle in evaluation mode on ``device``.

    Raises:
        ModelError: torch or MONAI is not installed, or the weights do not fit the network described in configs/inference.json.
    """
    incomplete = f"The model bundle {bundle.folder.name!r} is incomplete ({{}}); reinstall HeadCTIQA."
    unfit = f"The weights of the model bundle {bundle.folder.name!r} do not fit its network; reinstall HeadCTIQA."
    try:
        definition = json.loads((bundle.folder / "configs" / "inference.json").read_text(encoding="utf-8"))["network_def"]
    except (OSError, ValueError, KeyError) as e:
        raise ModelError(incomplete.format(e.__class__.__name__)) from e
    module = network_module(bundle.folder.name)
    from safetensors.torch import load_file

    arguments = {k: v for k, v in definition.items() if not k.startswith("_")}
    try:
        net: Module = module.build({**bundle.metadata, "network_def": arguments})
        missing, unexpected = net.load_state_dict(restore(load_file(bundle.folder / WEIGHTS)), strict=False)
    except (RuntimeError, TypeError) as e:
        raise ModelError(unfit) from e
    if unexpected or any(SHARED not in k for k in missing):
        raise ModelError(unfit)
    return net.eval().to(device)


def compact(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights for the disk: convolutions as int8 with a float16 scale per output channel, the rest as float16.

    A quarter of the size of float32; the rounding error is at most 1/254 of the largest weight of a channel.
    DynUNet lists its blocks a second time under ``skip_layers``; those copies are left out.
    """
    out = {}
    for name, w in state.items():
        if SHARED in name:
            continue
        if w.ndim < 2:
            out[name] = w.half().contiguous()
            continue
        scale = (w.abs().flatten(1).amax(1).clamp_min(1e-8) / 127).half()
        out[name] = (w / scale.float().view(-1, *[1] * (w.ndim - 1))).round().clamp(-127, 127).char().contiguous()
        out[name + SCALE] = scale
    return out


def restore(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of :func:`compact`, up to its rounding."""
    out = {}
    for name, w in stored.items():
        if not name.endswith(SCALE):
            scale = stored.get(name + SCALE)
            out[name] = w.float() if scale is None else w.float() * scale.float().view(-1, *[1] * (w.ndim - 1))
    return out
