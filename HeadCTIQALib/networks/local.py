"""The networks in this very process: what the network process runs inside, and tests and validation without it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeadCTIQALib.errors import ModelError

from .bundle import load_network, network_module, open_bundle

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_MEMORY = (
    "There is not enough memory for the networks; close other programs, use --device cpu, or use a larger machine."
)


class LocalNetworks:
    """Calls networks by the name of their bundle, each loaded when it is first needed.

    Args:
        device: "cpu", "cuda", "mps", or "auto" (CUDA when present, else the CPU).
        models: folder of bundles; None for those that ship with the library.
    """

    def __init__(self, device: str = "auto", models: Path | None = None) -> None:
        self.device = device
        self._models = models
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()

    def load(self, name: str) -> Any:
        """The network of a bundle, on the CPU until it is first called.

        Raises:
            ModelError: torch or MONAI is not installed, or the bundle is damaged.
        """
        if name not in self._loaded:
            self._loaded[name] = load_network(open_bundle(name, self._models), "cpu")
        return self._loaded[name]

    def __call__(self, name: str, *arrays: NDArray) -> tuple[NDArray, ...]:
        """Run the network of bundle ``name``.

        Raises:
            ModelError: as :meth:`load`; or the device is absent or out of memory.
        """
        with self._lock:  # the steps that call run in threads
            try:
                network = self.load(name)
                import torch

                device = choose_device(self.device, torch)
                answer: tuple[NDArray, ...] = network_module(name).infer(network.to(device), arrays, device)
            except MemoryError as e:
                raise ModelError(NO_MEMORY) from e
            except RuntimeError as e:  # torch has a class of its own only for some devices
                if "memory" in str(e).lower():
                    raise ModelError(NO_MEMORY) from e
                raise
        return answer


def choose_device(device: str, torch: Any) -> str:
    """The torch device name for a request, checked to exist."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if available["cuda"] else "cpu"
    if not available.get(device, False):
        raise ModelError(f"The device {device!r} is not available on this machine; use --device cpu.")
    return device
