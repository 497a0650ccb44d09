"""Model bundles in MONAI's layout: configs/metadata.json, configs/inference.json, models/*.safetensors, docs/README.md.

Weights are safetensors (no code is executed when they load) and are checked against the SHA-256 in the metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.resources import resource

if TYPE_CHECKING:
    from torch import Tensor

    from .net import AnatomyNet

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


@cache
def open_bundle(name: str) -> Bundle:
    """Find and verify the shipped bundle ``name``.

    Raises:
        ModelError: a file is missing or does not match its checksum.
    """
    folder = resource("Models", name)
    try:
        metadata = json.loads((folder / "configs" / "metadata.json").read_text(encoding="utf-8"))
        digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    except (OSError, ValueError) as e:
        raise ModelError(f"The model bundle {folder.name!r} is incomplete ({e.__class__.__name__}); reinstall HeadCTIQA.") from e
    if digest != metadata.get("weights_sha256"):
        raise ModelError(f"The weights of the model bundle {folder.name!r} do not match their checksum; reinstall HeadCTIQA.")
    return Bundle(folder, metadata)


def load_network(bundle: Bundle, device: str) -> AnatomyNet:
    """The network of a bundle in evaluation mode on ``device``.

    Raises:
        ModelError: the weights do not fit the network described in configs/inference.json.
    """
    from safetensors.torch import load_file

    from .net import AnatomyNet

    try:
        definition = json.loads((bundle.folder / "configs" / "inference.json").read_text(encoding="utf-8"))["network_def"]
    except (OSError, ValueError, KeyError) as e:
        raise ModelError(f"The model bundle {bundle.folder.name!r} is incomplete ({e.__class__.__name__}); reinstall HeadCTIQA.") from e
    net = AnatomyNet(**{k: v for k, v in definition.items() if not k.startswith("_")})
    try:
        missing, unexpected = net.load_state_dict(restore(load_file(bundle.folder / WEIGHTS)), strict=False)
    except RuntimeError as e:
        raise ModelError(f"The weights of the model bundle {bundle.folder.name!r} do not fit its network; reinstall HeadCTIQA.") from e
    if unexpected or any(SHARED not in k for k in missing):
        raise ModelError(f"The weights of the model bundle {bundle.folder.name!r} do not fit its network; reinstall HeadCTIQA.")
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
