"""Model bundles in MONAI's layout: configs/metadata.json, configs/inference.json, models/*.safetensors, docs/README.md.

Beside them lies sha256sums.txt: every file is checked before it is used.  Weights are safetensors: no code is executed when
they load.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from HeadCTIQALib.errors import InputError, ModelError, boundary
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.resources import resource

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

#: Every bundle that the product uses.  Without those after the first, their findings come from the anatomy network and from
#: analytic measures.
BUNDLES = ("anatomy", "landmarks", "artefact", "objects", "fluid")
METADATA, DEFINITION = "configs/metadata.json", "configs/inference.json"
WEIGHTS = "models/model.safetensors"
CHECKSUMS = "sha256sums.txt"
SCALE = ".scale"
SHARED = ".skip_layers."
_CARD = ("name", "version", "intended_use", "data_source", "license")
_LARGEST = {CHECKSUMS: 1 << 20, METADATA: 1 << 24, DEFINITION: 1 << 20, WEIGHTS: 1 << 30}  # bytes
_WIDEST = 1 << 16  # channels of a layer
_FARTHEST_MM = 1000.0


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk.

    Attributes:
        metadata: configs/metadata.json.
        definition: "network_def" of configs/inference.json.
        checksums: SHA-256 of every file, by its path in the bundle.
    """

    folder: Path
    metadata: dict[str, Any]
    definition: dict[str, Any]
    checksums: dict[str, str]

    @property
    def title(self) -> str:
        """ "name version", as written into methods and reports."""
        return f"{self.metadata['name']} {self.metadata['version']}"

    @property
    def card(self) -> dict[str, Any]:
        """What an assessment records about the model."""
        return {**{k: self.metadata.get(k) for k in _CARD}, "sha256": self.metadata["weights_sha256"]}


def present(name: str) -> bool:
    """Whether the bundle ``name`` ships with this installation."""
    return name == BUNDLES[0] or (resource("Models") / name).is_dir()


@cache
def open_bundle(name: str, models: Path | None = None) -> Bundle:
    """Find and verify the bundle ``name`` among those that ship with the library, or in the folder ``models``.

    Raises:
        ModelError: a file is missing, does not match its checksum, or says what no bundle can.
    """
    return read_bundle(models / name if models else resource("Models", name))


def read_bundle(folder: Path) -> Bundle:
    """Verify the bundle in ``folder``.

    Raises:
        ModelError: see :func:`open_bundle`.
    """
    with _whole(folder):
        lines = _content(folder, CHECKSUMS, None).decode("ascii").splitlines()
        checksums = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
        metadata = _json(folder, METADATA, checksums)
        definition = _json(folder, DEFINITION, checksums)["network_def"]
    weights = hashlib.sha256(_content(folder, WEIGHTS, checksums)).hexdigest()
    with _sound(folder):
        _check(metadata, definition)
        if metadata["weights_sha256"] != weights:
            raise ValueError("other weights")
    return Bundle(folder, metadata, definition, checksums)


def seal(folder: Path) -> None:
    """Write the checksums of all files in ``folder``, in the form that ``sha256sum --check`` reads."""
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != CHECKSUMS)
    lines = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files)
    (folder / CHECKSUMS).write_text("".join(lines), encoding="ascii", newline="")


def network_module(name: str) -> ModuleType:
    """The module of :mod:`HeadCTIQALib.networks.nets` that builds and runs the network of bundle ``name``.

    Raises:
        ModelError: torch or MONAI is not installed, or cannot be loaded.
    """
    with boundary(
        "The Python packages torch and monai are damaged or do not fit each other; install them again.", ModelError
    ):
        try:
            return importlib.import_module(f"HeadCTIQALib.networks.nets.{name}")
        except ImportError as e:
            missing = e.name or "torch"  # without a name: a package that is there but cannot be loaded
            raise ModelError(
                f"The networks need the Python package {missing!r}; install it with: pip install {missing}"
            ) from e


def load_network(bundle: Bundle, device: str, name: str = "") -> Module:
    """The network of a bundle in evaluation mode on ``device``; ``name`` is the bundle's where its folder does not have it yet.

    Raises:
        ModelError: torch or MONAI is not installed, or the weights do not fit the network described in configs/inference.json.
    """
    module = network_module(name or bundle.folder.name)
    content = _content(bundle.folder, WEIGHTS, bundle.checksums)
    with boundary(
        f"The weights of the model bundle {bundle.folder.name!r} do not fit its network; reinstall HeadCTIQA.",
        ModelError,
    ):
        import torch
        from safetensors.torch import load

        compacted = load(content)
        for name, w in compacted.items():
            partner = (
                name.removesuffix(SCALE) if name.endswith(SCALE) else name + SCALE if w.dtype is torch.int8 else name
            )
            if partner not in compacted or w.dtype not in (torch.int8, torch.float16):
                raise ValueError("not as compact() leaves them")
        weights = restore(compacted)
        described = {
            **bundle.metadata,
            "network_def": {k: v for k, v in bundle.definition.items() if not k.startswith("_")},
        }
        with _no_larger_than(weights):
            net: Module = module.build(described)
        if {k: v.shape for k, v in net.state_dict().items() if SHARED not in k} != {
            k: v.shape for k, v in weights.items()
        }:
            raise ValueError("other shapes")
        if not all(torch.isfinite(w).all() for w in weights.values()):
            raise ValueError("weights that are no numbers")
        net.load_state_dict(weights, strict=False)  # the copies of DynUNet's blocks are absent
        return net.eval().to(device)


def _no_larger_than(weights: Mapping[str, Tensor]) -> AbstractContextManager[Any]:
    """Within the block a network that takes much more memory than its weights is not built: what describes it is wrong."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Budget(TorchFunctionMode):
        left = 2 * sum(w.numel() for w in weights.values()) + 1_000_000

        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            if func in (torch.empty, torch.zeros, torch.ones):
                sizes = args[0] if args and isinstance(args[0], (tuple, list)) else args
                self.left -= math.prod(int(n) for n in sizes)
                if self.left < 0:
                    raise ValueError("larger than its weights")
            return func(*args, **(kwargs or {}))

    return Budget()


def _whole(folder: Path) -> AbstractContextManager[None]:
    return boundary(f"The model bundle {folder.name!r} is incomplete or damaged; reinstall HeadCTIQA.", ModelError)


def _sound(folder: Path) -> AbstractContextManager[None]:
    return boundary(
        f"The model bundle {folder.name!r} does not describe a network of HeadCTIQA; reinstall HeadCTIQA.", ModelError
    )


def _content(folder: Path, name: str, checksums: Mapping[str, str] | None) -> bytes:
    """The bytes of a file of a bundle, which are those that its checksum was made of."""
    with _whole(folder):
        try:
            content = read_regular(folder / name, _LARGEST[name], "The file")
        except InputError as error:
            raise ValueError("no file, or too large a one") from error
        known = None if checksums is None else checksums[name]
    if known is not None and hashlib.sha256(content).hexdigest() != known:
        raise ModelError(
            f"The file {name} of the model bundle {folder.name!r} does not match its checksum; reinstall HeadCTIQA."
        )
    return content


def _json(folder: Path, name: str, checksums: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_content(folder, name, checksums).decode("utf-8"))
    return found


def _check(metadata: dict[str, Any], definition: dict[str, Any]) -> None:
    """What the product takes from the two files has the types and sizes that it counts on.

    Raises:
        Exception: of any kind, if not.
    """
    for key in _CARD:
        text = metadata[key] if key in ("name", "version") else metadata.get(key) or ""
        if not isinstance(text, str):
            raise TypeError(key)
        text.encode()  # a lone surrogate cannot be written into a record
    for value in (v for item in definition.values() for v in (item if isinstance(item, list) else [item])):
        if not (isinstance(value, str) or (type(value) is int and 0 < value <= _WIDEST)):
            raise ValueError("no size of a layer")
    kinds = metadata.get("landmark_kinds", {}).values()
    for name, point in (item for marks in (metadata.get("template_landmarks", {}), *kinds) for item in marks.items()):
        if len(point) != 3 or not all(type(x) in (int, float) and abs(x) <= _FARTHEST_MM for x in point):
            raise ValueError(name)


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
