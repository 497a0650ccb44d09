"""torch and MONAI, on a GPU or on the CPU: for graphics cards, for training, and as the reference of the other engine.

The weights come out of the bundle's ONNX file, into the network that its configs/inference.json describes.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import monai.networks.nets  # noqa: F401  # what is missing is told when the engine is chosen
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch.overrides import TorchFunctionMode

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.networks.bundles import Bundle

from .engine import Run

SCALE = ".scale"  # an initialiser of int8 has a partner of this ending: the size of a step for every output channel
SHARED = ".skip_layers."  # DynUNet lists its blocks a second time under this name
COUNTED = "num_batches_tracked"  # by batch normalisation, for training only


class TorchEngine:
    """Runs networks on a device of torch.

    Args:
        device: "cpu", "cuda", "mps", or "auto" (CUDA when present, else the CPU).

    Raises:
        ModelError: the device is absent.
    """

    def __init__(self, device: str = "auto") -> None:
        self.device = choose_device(device)

    @property
    def title(self) -> str:
        """See :class:`HeadCTIQALib.networks.runtime.engine.Engine`."""
        return f"torch {torch.__version__.split('+')[0]} on {self.device}"

    def load(self, bundle: Bundle) -> Run:
        """See :class:`HeadCTIQALib.networks.runtime.engine.Engine`."""
        return deployed(bundle.folder.name, load_network(bundle), self.device)


def deployed(name: str, net: torch.nn.Module, device: str = "cpu") -> Run:
    """The network of bundle ``name`` as :meth:`TorchEngine.load` gives it."""
    module = network_module(name).Deployed(net).eval().to(device)

    def run(*arrays: NDArray) -> tuple[NDArray, ...]:
        given = (torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in arrays)
        with torch.inference_mode():  # in float32, as the other engine: bfloat16 would move 0.2 % of the fluid
            return tuple(out.cpu().numpy() for out in module(*given))

    return run


def choose_device(device: str) -> str:
    """The torch device name for a request, checked to exist."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if available["cuda"] else "cpu"
    if not available.get(device, False):
        raise ModelError(f"The device {device!r} is not available on this machine; use --device cpu.")
    return device


def network_module(name: str) -> Any:
    """The module of :mod:`HeadCTIQALib.networks.nets` that builds the network of bundle ``name``."""
    return importlib.import_module(f"HeadCTIQALib.networks.nets.{name}")


def load_network(bundle: Bundle, name: str = "") -> torch.nn.Module:
    """The network of a bundle in evaluation mode; ``name`` is the bundle's where its folder does not have it yet.

    Raises:
        ModelError: the weights do not fit the network described in configs/inference.json.
    """
    module, content = network_module(name or bundle.folder.name), bundle.network
    with bundle.fits():
        weights = weights_of(content)
        definition = {k: v for k, v in bundle.definition.items() if not k.startswith("_")}
        with _no_larger_than(weights):
            net: torch.nn.Module = module.build({**bundle.metadata, "network_def": definition})
        wanted = {k: v.shape for k, v in net.state_dict().items() if SHARED not in k and not k.endswith(COUNTED)}
        if wanted != {k: v.shape for k, v in weights.items()}:
            raise ValueError("other shapes")
        if not all(torch.isfinite(w).all() for w in weights.values()):
            raise ValueError("weights that are no numbers")
        net.load_state_dict(weights, strict=False)
    return net.eval()


def weights_of(content: bytes) -> dict[str, torch.Tensor]:
    """The initialisers of an ONNX file, which are named like the network's parameters; those of int8 times their scale."""
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load_model_from_string(content).graph.initializer}
    out = {}
    for name, w in stored.items():
        if name.endswith(SCALE):
            continue
        if w.dtype == np.int8:
            w = w.astype(np.float32) * stored[name + SCALE].reshape(-1, *[1] * (w.ndim - 1))
        if w.dtype != np.float32:
            raise ValueError(f"weights of {w.dtype}")
        out[name] = torch.from_numpy(np.array(w))
    return out


def _no_larger_than(weights: Mapping[str, torch.Tensor]) -> AbstractContextManager[Any]:
    """Within the block a network that takes much more memory than its weights is not built: what describes it is wrong."""

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
