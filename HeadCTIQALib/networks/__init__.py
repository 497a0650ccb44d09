"""What turns a CTVolume into Findings.

The networks run in a process of their own, which :func:`prefetch` starts; torch is never imported here.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from HeadCTIQALib.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from HeadCTIQALib.findings import Findings
    from HeadCTIQALib.volume import CTVolume

    from .process import NetworkProcess
    from .types import Infer

__all__ = ["find", "local_infer", "models_used", "prefetch", "release"]

_process: NetworkProcess | None = None
_lock = threading.Lock()


def prefetch() -> None:
    """Start the network process, unless it runs: it loads torch and the networks while the scan is read."""
    with contextlib.suppress(ModelError):  # find() tries again and says why
        _running()


def release() -> None:
    """End the network process and free its memory; the next scan starts another."""
    global _process
    with _lock:
        ended, _process = _process, None
    if ended is not None:
        ended.close()


def _running() -> NetworkProcess:
    global _process
    with _lock:
        if _process is not None and not _process.alive:
            _process.close()
            _process = None
        if _process is None:
            from .process import NetworkProcess

            _process = NetworkProcess()
            atexit.unregister(release)
            atexit.register(release)
        return _process


def models_used() -> tuple[dict[str, Any], ...]:
    """Name, version, checksum, licence and training data of every network, for the record."""
    from .bundle import BUNDLES, open_bundle, present

    return tuple(open_bundle(name).card for name in BUNDLES if present(name))


def local_infer(device: str = "auto", models: Path | None = None) -> Infer:
    """The networks in this process, for tests and validation; imports torch.

    Args:
        device: "cpu", "cuda", "mps", or "auto" (CUDA when present, else the CPU).
        models: folder of bundles; None for those that ship with the library.
    """
    from .local import LocalNetworks

    return LocalNetworks(device, models)


def find(
    volume: CTVolume,
    device: str = "auto",
    progress: Callable[[str, float], None] | None = None,
    infer: Infer | None = None,
) -> Findings:
    """Everything the networks and the analytic steps after them see in a scan; see :mod:`.soft_copy` for sharp kernels.

    Args:
        volume: the scan.
        device: "cpu", "cuda", "mps", or "auto" (CUDA when present, else the CPU).
        progress: called with a stage name and a fraction in 0..1.
        infer: runs networks instead of the network process; see :func:`local_infer`.

    Raises:
        InputError: no head was seen, or it lies otherwise than the file says.
        ModelError: torch or MONAI is not installed, the device is absent, a bundle is damaged, or memory is short.
    """
    tell = progress or (lambda stage, fraction: None)
    tell("Loading the networks", 0.0)
    from .anatomy import ANATOMY
    from .bundle import open_bundle
    from .orientation import recognised_anatomy
    from .soft_copy import soft_copy

    bundle = open_bundle(ANATOMY)
    run = infer or _remote(device)
    volume = soft_copy(volume)
    tell("Looking at the anatomy", 0.0)
    try:
        coarse = recognised_anatomy(volume, run)
        tell("Looking at the anatomy", 1.0)
        from .refine import refine

        findings = refine(volume, coarse, progress=progress, infer=run)
    except (KeyboardInterrupt, SystemExit):
        release()  # nobody waits for the answers any more
        raise
    return findings.with_(methods={**findings.methods, "anatomy": bundle.title})


def _remote(device: str) -> Infer:
    """The networks in the network process."""
    process = _running()

    def infer(name: str, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        answer = process.submit(name, *arrays, device=device)
        from . import refine  # noqa: F401  # takes a while to import, and is needed next

        return answer.result()

    return infer
