"""What turns a CTVolume into Findings: :func:`find`, and the networks that it needs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeadCTIQALib.errors import ModelError

if TYPE_CHECKING:
    from HeadCTIQALib.findings import Findings
    from HeadCTIQALib.volume import CTVolume

    from .runtime import Networks
    from .types import Infer

__all__ = ["find", "load_networks", "models_used", "warm_up"]


@cache
def load_networks(device: str = "auto", engine: str = "auto", models: Path | None = None) -> Networks:
    """The networks, which stay loaded for the next scan.

    Args:
        device: "cpu", "cuda", "mps", or "auto" (CUDA when present, else the CPU).
        engine: "onnx", "torch", or "auto": torch where it is installed and there is a GPU for it, else onnxruntime, else torch.
        models: folder of bundles; None for those that ship with the library.
    """
    from .runtime import Networks

    return Networks(device, engine, models)


def warm_up(device: str = "auto", engine: str = "auto") -> None:
    """Begin to load the networks, while the scan is read; what is wrong with them is told by :func:`find`.

    Python's part of it, the imports, is done when this returns: two threads that import NumPy at once find it half made.
    """
    from .bundles import BUNDLES

    ready = load_networks(device, engine)
    try:
        _ = ready.engine
    except ModelError:
        return

    def begin() -> None:
        for name in BUNDLES:
            if not threading.main_thread().is_alive():  # nobody needs them any more
                return
            with contextlib.suppress(ModelError):
                ready.load(name)

    # no daemon: what ends amid the native code of an engine would take the program down with it
    threading.Thread(target=begin, name="networks").start()


def models_used(device: str = "auto", engine: str = "auto") -> tuple[dict[str, Any], ...]:
    """Name, version, checksum, licence and training data of every network, and what runs it, for the record."""
    from .bundles import BUNDLES, open_bundle

    title = load_networks(device, engine).engine.title
    return tuple({**open_bundle(name).card, "engine": title} for name in BUNDLES)


def find(
    volume: CTVolume,
    device: str = "auto",
    progress: Callable[[str, float], None] | None = None,
    infer: Infer | None = None,
    engine: str = "auto",
) -> Findings:
    """Everything the networks and the analytic steps after them see in a scan; see :mod:`.soft_copy` for sharp kernels.

    Args:
        volume: the scan.
        device, engine: see :func:`load_networks`.
        progress: called with a stage name and a fraction in 0..1.
        infer: runs networks instead of those of ``device`` and ``engine``.

    Raises:
        InputError: no head was seen, or it lies otherwise than the file says.
        ModelError: the engine is not installed, the device is absent, a bundle is damaged, or memory is short.
    """
    tell = progress or (lambda stage, fraction: None)
    tell("Loading the networks", 0.0)
    from .bundles import BUNDLES
    from .scan_to_findings import found_in

    if infer is None:
        infer = load_networks(device, engine)
        infer.load(BUNDLES[0])
    return found_in(volume, infer, tell)
