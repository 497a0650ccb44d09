"""What turns a CTVolume into Findings.  Imports torch and MONAI only when a network is about to run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.findings import Findings
from HeadCTIQALib.volume import CTVolume

from .types import COARSE_CLASSES, CoarseAnatomy

__all__ = ["COARSE_CLASSES", "CoarseAnatomy", "find", "models_used", "prefetch"]

ANATOMY = "anatomy"


def prefetch() -> None:
    """Start importing torch and MONAI in the background: it takes seconds and overlaps with reading the scan."""
    threading.Thread(target=_import_heavy, name="prefetch", daemon=True).start()


def _import_heavy() -> None:
    with contextlib.suppress(ImportError):  # find() repeats the import and reports it in a sentence
        from . import anatomy, refine  # noqa: F401


def models_used() -> tuple[dict[str, Any], ...]:
    """Name, version, checksum, licence and training data of every network, for the record."""
    from .bundle import open_bundle

    return (open_bundle(ANATOMY).card,)


def find(volume: CTVolume, device: str = "auto", progress: Callable[[str, float], None] | None = None) -> Findings:
    """Everything the networks and the analytic steps after them see in a scan.

    Args:
        volume: the scan.
        device: "cpu", "cuda", "mps", or "auto" (CUDA when present, else the CPU).
        progress: called with a stage name and a fraction in 0..1.

    Raises:
        ModelError: torch or MONAI is not installed, the device is absent, or the bundle is damaged.
    """
    tell = progress or (lambda stage, fraction: None)
    from .bundle import load_network, open_bundle

    bundle = open_bundle(ANATOMY)
    tell("Loading the networks", 0.0)
    try:
        import torch

        from .anatomy import coarse_anatomy
        from .refine import refine
    except ImportError as e:
        raise ModelError(f"The networks need the Python package {e.name!r}; install it with: pip install {e.name}") from e
    name = choose_device(device, torch)
    network = load_network(bundle, name)
    tell("Looking at the anatomy", 0.0)
    coarse = coarse_anatomy(volume, network, bundle, name)
    tell("Looking at the anatomy", 1.0)
    findings = refine(volume, coarse, progress=progress)
    return findings.with_(methods={**findings.methods, "anatomy": bundle.title})


def choose_device(device: str, torch: Any) -> str:
    """The torch device name for a request, checked to exist."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if available["cuda"] else "cpu"
    if not available.get(device, False):
        raise ModelError(f"The device {device!r} is not available on this machine; use --device cpu.")
    return device
