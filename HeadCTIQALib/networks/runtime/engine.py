"""What an engine is, and which one runs the networks here."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from numpy.typing import NDArray

from HeadCTIQALib.errors import ModelError, boundary
from HeadCTIQALib.networks.bundles import Bundle

Run = Callable[..., tuple[NDArray, ...]]


class Engine(Protocol):
    """Something that runs networks."""

    @property
    def title(self) -> str:
        """Its name, version and device, as records keep it."""
        ...

    def load(self, bundle: Bundle) -> Run:
        """The network of a bundle: takes the arrays that its inputs are named after, returns those of its outputs.

        Raises:
            ModelError: the bundle is damaged.
        """
        ...


def choose_engine(engine: str, device: str) -> Engine:
    """The engine for a request.

    Args:
        engine: "onnx", "torch", or "auto": torch where it is installed and there is a GPU for it, else onnxruntime, else torch.
        device: "cpu", "cuda", "mps", or "auto" (CUDA when present, else the CPU).

    Raises:
        ModelError: the engine is not installed or cannot be loaded, or has no such device.
    """
    on_gpu = device in ("cuda", "mps")
    if engine == "onnx" and on_gpu:
        raise ModelError(f"The engine onnx runs on the CPU, not on {device!r}; use --engine torch or --device cpu.")
    if engine == "torch" or (engine == "auto" and on_gpu):
        return _torch(device)
    if engine == "auto" and device == "auto" and _installed("torch", "monai", "onnx") and _nvidia_driver():
        found = _torch("auto")
        if not found.title.endswith("on cpu"):
            return found
    if engine == "auto" and not _installed("onnxruntime") and _installed("torch", "monai", "onnx"):
        return _torch(device)
    return _onnx()


def _onnx() -> Engine:
    with _loadable("onnxruntime"):
        from .onnx_engine import OnnxEngine

        return OnnxEngine()


def _torch(device: str) -> Engine:
    with _loadable("torch"):
        from .torch_engine import TorchEngine

        return TorchEngine(device)


@contextmanager
def _loadable(package: str) -> Iterator[None]:
    """Within the block an engine is imported; a package that is missing or damaged is a sentence."""
    damaged = f"The Python package {package} or one that it needs is damaged or does not fit; install it again."
    with boundary(damaged, ModelError):
        try:
            yield
        except ModuleNotFoundError as error:
            raise ModelError(
                f"The networks need the Python package {error.name!r}; install it with: pip install {error.name}"
            ) from error


def _installed(*packages: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in packages)


def _nvidia_driver() -> bool:
    """Whether an NVIDIA graphics card may be there; asking torch itself takes seconds where there is none."""
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll").exists()
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()
